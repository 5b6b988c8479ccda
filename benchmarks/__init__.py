"""The numbers of README, each reproduced by one command; ratios are measured in one run."""

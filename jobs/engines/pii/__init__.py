"""What `redactor_presidio` is made of: numbers as people say them, words as people say them, and rules as data."""

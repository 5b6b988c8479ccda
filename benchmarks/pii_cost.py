"""What an hour of speech costs: CPU-seconds and peak memory, each tool in a process of its own.

python -m benchmarks.pii_cost ours|presidio        one line of JSON
"""

import json
import pathlib
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.pii_sentences import chapter, written
from benchmarks.pii_tools import TOOLS

WORDS_AN_HOUR = 9_000
MEGABYTE = 2**10  # /proc counts kilobytes


def hour(language: str) -> str:
    """Sentences with PII scattered in talk without any, one in eight: a call centre's density, or above it."""
    chance = random.Random(f"hour {language}")
    talk = chapter(language).no_pii.replace("?", ".").split(". ")
    pieces: list[str] = []
    words = 0
    while words < WORDS_AN_HOUR:
        for sentence in written(language, rounds=1):
            pieces += [sentence.text, *(f"{line.rstrip('.')}." for line in chance.choices(talk, k=7))]
        words = sum(len(piece.split()) for piece in pieces)
    return " ".join(" ".join(pieces).split()[:WORDS_AN_HOUR])


def table(names: Sequence[str]) -> Iterator[str]:
    yield "\n## Cost of an hour of speech (9,000 words, English)\n"
    yield "| | first use CPU-s | the hour CPU-s | findings | peak MB | of which before the hour MB |"
    yield "|---|--:|--:|--:|--:|--:|"
    for name in names:
        command = [sys.executable, "-m", "benchmarks.pii_cost", name]
        figures = json.loads(
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        )
        cells = (f"{figures[key]:.1f}" for key in ("first_s", "hour_s", "findings", "peak_mb", "before_mb"))
        yield f"| {name} | {' | '.join(cells)} |"


def main(name: str) -> None:
    text = hour("en")
    started = time.process_time()
    find = TOOLS[name]()
    find("My name is Anna Brown and my number is five five one, two three four.", "en")
    first_s, before_mb = time.process_time() - started, _peak_mb()
    started = time.process_time()
    findings = len(find(text, "en"))
    hour_s = time.process_time() - started
    figures = {
        "first_s": first_s,
        "hour_s": hour_s,
        "findings": findings,
        "peak_mb": _peak_mb(),
        "before_mb": before_mb,
    }
    print(json.dumps(figures))


def _peak_mb() -> float:
    """Of this program alone: the peak that getrusage gives begins with that of the process it was started from."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / MEGABYTE


if __name__ == "__main__":
    main(sys.argv[1])

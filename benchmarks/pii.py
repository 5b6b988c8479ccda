"""PII redaction: what is found in spoken-form text, what it costs, and presidio out of the box beside it.

    python -m benchmarks.pii [--sentences FILE] [--calls DIR] [--models DIR] [--skip ours|presidio] [--misses]

Prints Markdown. The sentences of FILE, a second set from other templates (`pii_sentences.py`), eight texts without any
PII, an hour of speech's cost, and with `--calls` the whole product on the synthetic calls under DIR. Matching:
`pii_scoring.py`. `--misses`: what was not found, by type, kind and form of the template's slot, language by language.
"""

import argparse
import os
import pathlib
import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from benchmarks import pii_calls, pii_cost
from benchmarks.pii_scoring import Score, scored, total
from benchmarks.pii_sentences import GIVEN, Sentence, chapter, given, plain, written
from benchmarks.pii_tools import TOOLS, Find
from jobs.pipeline.pii_types import LANGUAGES

Scores = dict[tuple[str, str], Score]  # (language, type)


def measure(find: Find, sentences: Sequence[Sentence]) -> tuple[Scores, float]:
    """Scores, and CPU-seconds."""
    scores: Scores = defaultdict(Score)
    started = time.process_time()
    found = [find(sentence.text, sentence.language) for sentence in sentences]
    cpu_s = time.process_time() - started
    for sentence, spans in zip(sentences, found, strict=True):
        for kind, score in scored(sentence.spans, spans).items():
            scores[sentence.language, kind].add(score)
    return scores, cpu_s


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def table(columns: dict[str, Scores], place: int) -> Iterator[str]:
    """A row for each language (`place` 0) or type (1), and one for all; for each column four figures."""
    yield "| | spans |" + "".join(f" {name}: recall (any type) / precision / coverage % |" for name in columns)
    yield "|---|--:|" + "--:|" * len(columns)
    first = next(iter(columns.values()))
    keys = {key[place] for scores in columns.values() for key in scores}
    spans = {key: total(score for at, score in first.items() if at[place] == key).spans for key in keys}
    for key in [key for key in sorted(keys, key=_order) if spans[key]] + [None]:
        chosen = [
            total(score for at, score in scores.items() if key in (None, at[place])) for scores in columns.values()
        ]
        cells = "".join(
            f" {percent(each.recall)} ({percent(each.recall_any)}) / {percent(each.precision)} / "
            f"{percent(each.coverage)} |"
            for each in chosen
        )
        yield f"| {key or '**all**'} | {chosen[0].spans} |{cells}"


def _order(key: str) -> tuple[int, str]:
    return (LANGUAGES.index(key), "") if key in LANGUAGES else (len(LANGUAGES), key)


def section(title: str, tools: dict[str, Find], sentences: Sequence[Sentence]) -> Iterator[str]:
    yield f"\n## {title}: {len(sentences)} sentences\n"
    columns: dict[str, Scores] = {}
    cpu_s = {}
    lowered = [plain(sentence) for sentence in sentences]
    for name, find in tools.items():
        columns[name], cpu_s[name] = measure(find, sentences)
        columns[f"{name}, lower case"], _ = measure(find, lowered)
    yield from table(columns, place=0)
    yield ""
    yield from table(columns, place=1)
    if len(tools) == 2:
        mine, theirs = (total(columns[name].values()) for name in tools)
        first, second = tools
        yield (
            f"\n{first} to {second}: recall of any type {_ratio(mine.recall_any, theirs.recall_any)}, F1 "
            f"{_ratio(mine.f1, theirs.f1)}, CPU time {_ratio(cpu_s[first], cpu_s[second])} "
            f"({cpu_s[first]:.2f} and {cpu_s[second]:.2f} s)."
        )


def _ratio(mine: float | None, theirs: float | None) -> str:
    return f"{mine / theirs:.2f}" if mine is not None and theirs else "–"


def no_pii(tools: dict[str, Find]) -> Iterator[str]:
    yield "\n## False positives in texts without PII\n"
    yield "| | " + " | ".join(tools) + " |"
    yield "|---|" + "---|" * len(tools)
    for language in LANGUAGES:
        text = chapter(language).no_pii
        cells = []
        for find in tools.values():
            found = find(text, language)
            cells.append(f"{len(found)} " + ", ".join(f"{each.type} “{text[each.start : each.end]}”" for each in found))
        yield f"| {language} | {' | '.join(cells)} |"


def misses(find: Find, sentences: Sequence[Sentence]) -> Iterator[str]:
    """What was not found at all, or in half: counted by type and kind of slot, with the languages where it happened."""
    for title, changed in (("as written", lambda each: each), ("lower case", plain)):
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        where: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for sentence in map(changed, sentences):
            found = find(sentence.text, sentence.language)
            for span in sentence.spans:
                name = f"{span.type} {span.slot}".strip()
                missed = not total(scored([span], found).values()).found_any
                counts[name][0] += missed
                counts[name][1] += 1
                where[name][sentence.language] += missed
        yield f"\n## Not found, {title}\n\n| slot | not found | of | languages |\n|---|--:|--:|---|"
        for name, (missed, spans) in sorted(counts.items(), key=lambda item: -item[1][0]):
            if missed:
                yield f"| {name} | {missed} | {spans} | {_listed(where[name])} |"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{language} {count}" for language, count in counts.items() if count)


def report(arguments: argparse.Namespace) -> Iterator[str]:
    names = [name for name in TOOLS if name not in arguments.skip]
    tools = {name: TOOLS[name]() for name in names}
    second = [sentence for language in LANGUAGES for sentence in written(language)]
    for find in tools.values():
        for language in LANGUAGES:
            find(chapter(language).no_pii, language)
    yield from section("Given sentences", tools, given(arguments.sentences))
    yield from section("Second set", tools, second)
    yield from no_pii(tools)
    if arguments.misses:
        yield from misses(next(iter(tools.values())), second)
    yield from pii_cost.table(names)
    if arguments.calls:
        yield from pii_calls.report(next(iter(tools.values())), arguments.calls, arguments.models)
    yield f"\nMachine: {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=pathlib.Path, default=GIVEN)
    parser.add_argument("--calls", type=pathlib.Path, help="a folder with synthetic_calls/")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("var/models"))
    parser.add_argument("--skip", nargs="*", choices=tuple(TOOLS), default=())
    parser.add_argument("--misses", action="store_true")
    for line in report(parser.parse_args()):
        print(line, flush=True)


if __name__ == "__main__":
    main()

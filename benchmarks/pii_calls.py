"""The synthetic calls, audio in: what the recogniser wrote of each span of the script, and what redaction found of it.

A span of the script is searched in the recognised text as written, as spoken and by its digits. Where none of these is
there it was misheard, and counts apart: the stretch that stands in its place (by the words around it) is looked at.
"""

import json
import pathlib
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator

from num2words import num2words

from benchmarks.pii_sentences import Span
from benchmarks.pii_tools import Find
from benchmarks.synthetic_calls import Call, calls, matched

# The scripts' names for ours; amounts, dates and medical words are no PII of ours.
SAME = {
    "ADDRESS": "LOCATION",
    "EMAIL": "EMAIL_ADDRESS",
    "CARD_LAST4": "CREDIT_CARD",
    "SSN_LAST4": "NATIONAL_ID",
    "CASE_NUMBER": "CLAIM_NUMBER",
    "INSURANCE_ID": "POLICY_NUMBER",
}
NOT_PII = frozenset({"MONEY", "DATE", "MEDICAL_CONDITION", "MEDICATION"})
_TOKEN = re.compile(r"[^\W_]+")
_TITLES = re.compile(r"^(?:Mr|Ms|Mrs|Dr|Miss|Mister|Doctor)\b\.? ")


def report(find: Find, testdata: pathlib.Path, models: pathlib.Path) -> Iterator[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    lines = []
    recognised = dict(_recognised(testdata, models))
    for call in calls(testdata):
        text = recognised[call.name]
        covered = {place for each in find(text, call.language) for place in range(each.start, each.end)}
        for kind, item, at in _reference(call):
            outcome = judged(text, call, item, at, covered)
            counts[kind][outcome] += 1
            if outcome not in ("heard, redacted", "misheard, redacted"):
                lines.append(f"- {call.name}, {kind}, {outcome}: “{item['text']}”")
    yield "\n## The synthetic calls, audio in\n"
    outcomes = ("heard, redacted", "heard, left", "misheard, redacted", "misheard, left")
    yield "| type | spans | recall of what was heard % | " + " | ".join(outcomes) + " |"
    yield "|---|--:|" + "--:|" * (len(outcomes) + 1)
    counts["**all**"] = sum(counts.values(), Counter())
    for kind, each in counts.items():
        heard = each["heard, redacted"] + each["heard, left"]
        share = f"{100 * each['heard, redacted'] / heard:.1f}" if heard else "–"
        yield f"| {kind} | {each.total()} | {share} | {' | '.join(str(each[name]) for name in outcomes)} |"
    yield ""
    yield from lines


def judged(text: str, call: Call, item: dict, at: tuple[int, int], covered: set[int]) -> str:
    """`at`: number of the script's line, and the place in it. Every mention that was heard must be covered by half."""
    heard = [span for form in forms(item) for span in mentions(text, form, call.language)]
    spans = heard or _in_its_place(text, call, item, at)
    hidden = all(2 * len(covered & set(range(span.start, span.end))) >= span.end - span.start for span in spans)
    return f"{'heard' if heard else 'misheard'}, {'redacted' if hidden else 'left'}"


def forms(item: dict) -> set[str]:
    bare = {_TITLES.sub("", item[key]) for key in ("text", "spoken")}
    return {form for form in bare if _TOKEN.search(form)}


def mentions(text: str, form: str, language: str) -> list[Span]:
    """Where `form` stands in `text`, whatever the punctuation, spaces and case, digits as figures or as words."""
    digits = {num2words(digit, lang=language).casefold(): str(digit) for digit in range(10)} | {"oh": "0"}
    tokens = [(digits.get(token, token), place) for token, place in _tokens(text)]
    wanted = "".join(digits.get(token, token) for token, _ in _tokens(form))
    found = []
    for first in range(len(tokens)):
        joined, last = "", first
        while last < len(tokens) and len(joined) < len(wanted):
            joined += tokens[last][0]
            last += 1
        if joined == wanted:
            found.append(Span("", tokens[first][1].start(), tokens[last - 1][1].end()))
    return found


def _tokens(text: str) -> list[tuple[str, re.Match[str]]]:
    return [(token.group().casefold(), token) for token in _TOKEN.finditer(text)]


def _in_its_place(text: str, call: Call, item: dict, at: tuple[int, int]) -> list[Span]:
    """What was recognised between the words that stand around the span in the script: its words, misheard."""
    line, place = at
    before = " ".join(each.text for each in call.lines[:line]).split() + call.lines[line].text[:place].split()
    script = " ".join(each.text for each in call.lines).split()
    words = list(re.finditer(r"\S+", text))
    pairs = dict(matched(script, [word.group() for word in words]))
    first, last = len(before), len(before) + len(item["text"].split())
    low = max((pairs[each] + 1 for each in pairs if each < first), default=0)
    high = min((pairs[each] for each in pairs if each >= last), default=len(words))
    return [Span("", words[low].start(), words[high - 1].end())] if low < high else []


def _reference(call: Call) -> Iterator[tuple[str, dict, tuple[int, int]]]:
    script = json.loads(call.recording.with_name(f"{call.name}.json").read_text())
    for number, line in enumerate(script["segments"]):
        for item in line.get("pii", ()):
            if item["type"] not in NOT_PII:
                yield SAME.get(item["type"], item["type"]), item, (number, item["start"])


def _recognised(testdata: pathlib.Path, models: pathlib.Path) -> Iterator[tuple[str, str]]:
    from jobs.engines import weights
    from jobs.engines.audio import AudioDecoder
    from jobs.engines.transcriber_whisper import WhisperTranscriber
    from jobs.pipeline.run import Options, run

    model_dir = weights.prepare(models, report=lambda line: None)
    transcriber = WhisperTranscriber(model_dir=model_dir, tier="standard", cpu_threads=1)
    engines = {"audio": AudioDecoder(), "transcriber.standard": transcriber}
    with tempfile.TemporaryDirectory() as folder:
        for call in calls(testdata):
            options = Options(language=call.language)
            outcome = run(
                options, call.recording, engines.__getitem__, lambda stage, done: None, work_dir=pathlib.Path(folder)
            )
            yield call.name, outcome.document["text"]

"""What nobody said and a result says all the same: every count here must be 0, whichever model answered.

Written apart from `analytics.truth`, which sees to it: a mistake there would else be made here too. Called by
benchmarks/analytics.py.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from num2words import num2words

from analytics.fields import CustomField
from analytics.spoken import Spoken
from benchmarks.analytics_items import LISTS
from benchmarks.analytics_scoring import answered, cited_ids, folded

KINDS = (
    "due dates",
    "owners",
    "quotes",
    "evidence outside the transcript",
    "ids outside the transcript",
    "answers outside the field",
    "matched without evidence",
    "summary sentences with a number nobody said",
    "summary sentences with a name nobody said",
)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
LONGEST_SPELT = 9


def invented(payload: dict[str, Any], spoken: Spoken, fields: tuple[CustomField, ...]) -> list[tuple[str, str]]:
    """(kind, what) for everything made up in one result."""
    return [*_generic(payload, spoken), *_custom(payload, spoken, fields)]


def counted(found: list[tuple[str, str]]) -> Counter[str]:
    return Counter({kind: sum(each == kind for each, _ in found) for kind in KINDS})


def _generic(payload: dict[str, Any], spoken: Spoken) -> Iterator[tuple[str, str]]:
    if payload["profile"] is None:
        return
    lines = {(line.start_s, line.end_s, line.speaker, line.text) for line in spoken.lines}
    texts = {line.text for line in spoken.lines}
    said = f" {folded(spoken.text)} "
    for name in ("key_topics", *LISTS):
        for item in payload[name]:
            shown = [(each["start"], each["end"], each.get("speaker"), each["text"]) for each in item["evidence"]]
            if not shown or not lines.issuperset(shown):
                yield "evidence outside the transcript", f"{name}: {shown}"
    for item in payload["action_items"]:
        cited = f" {folded(' '.join(each['text'] for each in item['evidence']))} "
        owner, due = item["owner"], item["due_date"]
        if due is not None and f" {folded(due)} " not in cited:
            yield "due dates", due
        if owner is not None and owner not in spoken.speakers and f" {folded(owner)} " not in said:
            yield "owners", owner
        if item["source_quote"] not in texts:
            yield "quotes", item["source_quote"]
    yield from _summary(payload["summary"], spoken)


def _summary(summary: str, spoken: Spoken) -> Iterator[tuple[str, str]]:
    said = spoken.text + " " + " ".join(spoken.speakers)
    for sentence in _SENTENCE.split(summary.strip()):
        if any(not number_said(number, said, spoken.language or "en") for number in _NUMBER.findall(sentence)):
            yield "summary sentences with a number nobody said", sentence
        # German writes every noun with a capital.
        if spoken.language != "de" and any(f" {folded(name)} " not in f" {folded(said)} " for name in _names(sentence)):
            yield "summary sentences with a name nobody said", sentence


def _names(sentence: str) -> list[str]:
    """Words with a capital that do not begin the sentence or what follows a colon."""
    parts = [_WORD.findall(part)[1:] for part in re.split(r":\s+", sentence)]
    return [word for part in parts for word in part if word[0].isupper() and len(word) > 1]


def number_said(number: str, said: str, language: str) -> bool:
    """As figures, or in words of the language."""
    digits = re.sub(r"\D", "", number)
    if any(digits == re.sub(r"\D", "", each) for each in _NUMBER.findall(said)):
        return True
    return any(f" {words} " in f" {folded(said)} " for words in _spelt(digits, language))


@functools.cache
def _spelt(digits: str, language: str) -> tuple[str, ...]:
    if len(digits) > LONGEST_SPELT:
        return ()
    value = int(digits)
    try:
        return tuple(folded(num2words(value, lang=language, to=form)) for form in ("cardinal", "ordinal"))
    except (NotImplementedError, OverflowError):
        return ()


def _custom(payload: dict[str, Any], spoken: Spoken, fields: tuple[CustomField, ...]) -> Iterator[tuple[str, str]]:
    rows = payload.get("custom", {}).get("fields", {})
    for field in fields if rows else ():
        row = rows[field.key]
        ids = cited_ids(row)
        if any(not 0 <= id_ < len(spoken.lines) for id_ in ids):
            yield "ids outside the transcript", f"{field.key}: {ids}"
        if row["status"] == "matched" and not ids:
            yield "matched without evidence", field.key
        answer = answered(row)
        if answer is not None and not all(_answers(field, each) for each in _listed(answer)):
            yield "answers outside the field", f"{field.key}: {answer!r}"


def _listed(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _answers(field: CustomField, value: Any) -> bool:
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type == "rating":
        return not isinstance(value, bool) and (field.min or 0) <= value <= (field.max or 0)
    return value in [option.code for option in field.options]

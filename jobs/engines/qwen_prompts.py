"""What is written to Qwen3-ASR and its forced aligner, and what their answers mean. Pure text and arithmetic.

Prompts: `_build_text_prompt` in qwen_asr/inference/qwen3_asr.py and `encode_timestamp` in qwen3_forced_aligner.py of
https://github.com/QwenLM/Qwen3-ASR. The answer "language English<asr_text>…" and "language None<asr_text>" for a
recording without speech: `parse_asr_output` in its utils.py. Used by the Qwen transcriber.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.engines.qwen_languages import NAMES
from jobs.engines.words import Span, cut

AUDIO = "<|audio_start|><|audio_pad|><|audio_end|>"
TEXT_TAG = "<asr_text>"
STAMPS = "<timestamp><timestamp>"

_CONTROL = re.compile(r"<\|[^|<>]*\|>|<asr_text>|<timestamp>")
_NAMED = re.compile(r"language\s+([^\n<]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What was heard. `name` is the language as the model calls it, None where it was told or named none.

    `silent`: the model says that nobody speaks.
    """

    text: str
    name: str | None
    silent: bool = False


def recognition_prompt(language: str | None, keyterms: Sequence[str]) -> str:
    """Terms as context in the system's turn; a language that is known begins the answer, which is then text only."""
    context = without_control(", ".join(keyterms))
    told = f"language {NAMES[language]}{TEXT_TAG}" if language else ""
    return (
        f"<|im_start|>system\n{context}<|im_end|>\n<|im_start|>user\n{AUDIO}<|im_end|>\n<|im_start|>assistant\n{told}"
    )


def alignment_prompt(units: Sequence[str]) -> str:
    """Two marks after each unit: the model finds the unit's beginning and end for them."""
    return AUDIO + "".join(f"{unit}{STAMPS}" for unit in units)


def read_answer(raw: str) -> Answer:
    """The language and the text of an answer, with or without the language in front."""
    head, tag, text = raw.rpartition(TEXT_TAG)
    if not tag and raw.strip().casefold() == "language none":
        head, text = raw, ""
    text = " ".join(without_control(text).split())
    found = _NAMED.search(head)
    name = found.group(1).strip() if found else None
    if name is None or name.casefold() == "none":
        return Answer(text, None, silent=name is not None and not text)
    return Answer(text, name)


def without_control(text: str) -> str:
    """Without the marks that structure a prompt, those included that appear once others are taken out."""
    while (cleaned := _CONTROL.sub("", text)) != text:
        text = cleaned
    return text


def word_spans(text: str, language: str) -> list[Span]:
    """The words to align: as they are spaced; one a character in Chinese; in Japanese where the script changes."""
    return cut(text, _script_changes(text) if language == "ja" else set(range(len(text))))


def unit(text: str) -> str:
    """A word as the aligner was trained to read it: letters, digits and apostrophes."""
    return "".join(c for c in text if c == "'" or unicodedata.category(c)[0] in "LN")


def steadied(marks: Sequence[float]) -> list[float]:
    """Marks that never fall: those of the longest rising run are kept, the others lie evenly between them."""
    kept = _rising(marks)
    if not kept:
        return []
    steady = [marks[kept[0]]] * len(marks)
    for before, after in zip(kept, [*kept[1:], len(marks)], strict=True):
        goal = marks[after] if after < len(marks) else marks[before]
        for at in range(before, after):
            steady[at] = marks[before] + (goal - marks[before]) * (at - before) / (after - before)
    return steady


def _rising(marks: Sequence[float]) -> list[int]:
    """Positions of the longest subsequence that never falls."""
    ends: list[float] = []
    last: list[int] = []
    previous: list[int | None] = []
    for at, mark in enumerate(marks):
        length = bisect.bisect_right(ends, mark)
        previous.append(last[length - 1] if length else None)
        ends[length : length + 1] = [mark]
        last[length : length + 1] = [at]
    found: list[int] = []
    position = last[-1] if last else None
    while position is not None:
        found.append(position)
        position = previous[position]
    return found[::-1]


def _script_changes(text: str) -> set[int]:
    """Where a word may begin in Japanese: the script changes, and not to the endings and particles in hiragana."""
    scripts = [_script(character) for character in text]
    return {at for at in range(1, len(text)) if scripts[at] != scripts[at - 1] and scripts[at] != "hiragana"}


def _script(character: str) -> str:
    if "\u3041" <= character <= "\u309f":
        return "hiragana"
    if "\u30a0" <= character <= "\u30ff":
        return "katakana"
    return "han" if "\u3005" <= character <= "\u9fff" else "other"

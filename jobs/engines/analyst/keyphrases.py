"""Keywords: one or two words between stop words, that name a subject, by how often they come and how near the whole.

Candidates as in RAKE (Rose et al. 2010, "Automatic keyword extraction from individual documents"); whether they name a
subject is told by a classifier on sentence vectors. Where words are not separated by spaces: runs of characters that
come again.
"""

from __future__ import annotations

import collections
import functools
import importlib
import re
from collections.abc import Sequence

import numpy as np

from analytics.catalogue import packs
from analytics.grounding import folded, names
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.heads import Head
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import SentenceVectors, sentence_vectors

KEYWORDS = 12
CANDIDATES = 400
# What a phrase's count (its logarithm) and a second word are worth beside its likeness to the whole.
COUNT_WEIGHT, LENGTH_WEIGHT = 0.5, 0.3
SUBJECT = "subject"
LEAST_SUBJECT = 0.5
# A name that comes this often is what they talk about.
OFTEN = 4
CAPITAL_NOUNS = frozenset({"de"})
UNSPACED = frozenset({"zh", "ja", "th"})
ENGLISH = "en"
# A run of Chinese characters or kana (not hiragana: those are mostly endings), or Thai.
_RUN = re.compile(r"[\u4e00-\u9fff]{2,}|[\u30a0-\u30ff]{3,}|[\u0e00-\u0e7f]{4,}")
_GRAM = range(2, 5)
_STRETCH = re.compile(r"[.,;:!?…()\n¿¡\"“”«»]+")
_WORD = re.compile(r"[^\W_][\w'’-]*")
# A redacted word's placeholder names nothing.
_PLACEHOLDER = re.compile(r"<[A-Z_]+>|\[[A-Z_]+(?:_\d+)?\]|[#*█]{2,}")
# A word is talk rather than matter when it is so much commoner in small talk than in what the packs ask about.
TALK_RATIO = 0.7


def keyphrases(reading: Reading, vectors: SentenceVectors, most: int = KEYWORDS) -> tuple[str, ...]:
    """Phrases of one or two words, best first, in lower case; no numbers, weekdays, names of people or fillers."""
    spoken = reading.spoken
    text = _PLACEHOLDER.sub(" ", "\n".join(line.text for line in spoken.lines))
    if spoken.language in UNSPACED:
        return _repeated(text, most)
    language = spoken.language or ENGLISH
    idle = _stop_words(language) | (frozenset() if language in CAPITAL_NOUNS else _named(text))
    found = _candidates(text.lower(), idle).most_common(CANDIDATES)
    if not found:
        return ()
    phrases, count = [phrase for phrase, _ in found], np.array([times for _, times in found])
    length = np.array([len(phrase.split()) for phrase in phrases])
    of_phrases = vectors.of(phrases)
    head = _terms()
    subject = head.probabilities(of_phrases)[:, head.column(SUBJECT)]
    worth = subject * (
        1 + COUNT_WEIGHT * np.log(np.maximum(count, 1)) + LENGTH_WEIGHT * (length - 1) + of_phrases @ _middle(reading)
    )
    kept: list[str] = []
    for at in np.argsort(-worth):
        if subject[at] < LEAST_SUBJECT:
            continue
        if not any(set(folded(phrases[at]).split()) & set(folded(other).split()) for other in kept):
            kept.append(phrases[at])
        if len(kept) == most:
            break
    return tuple(kept)


def _candidates(text: str, idle: frozenset[str]) -> collections.Counter[str]:
    """Words, and pairs of words that stand together, with none that names no subject; in order of appearance."""
    found: collections.Counter[str] = collections.Counter()
    for stretch in _STRETCH.split(text):
        before: str | None = None
        for word in _WORD.findall(stretch):
            if any(_idle(part, idle) for part in folded(word).split() or [""]):
                before = None
                continue
            found[word] += 1
            if before is not None:
                found[f"{before} {word}"] += 1
            before = word
    return found


@functools.cache
def _terms() -> Head:
    """Tells phrases that name a subject from mere talk."""
    return Head({name: [str(text) for text in texts] for name, texts in cues("terms").items()}, sentence_vectors())


def _middle(reading: Reading) -> np.ndarray:
    """The mean of the lines' vectors, unit length: what the whole is about (as KeyBERT ranks, Grootendorst 2020)."""
    mean = reading.line_vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9))


def _named(text: str) -> frozenset[str]:
    """Words that are written with a capital within sentences, and not often: names."""
    found = collections.Counter(folded(name) for name in names(text))
    plain = collections.Counter(folded(text).split())
    return frozenset(word for word, count in found.items() if count >= plain[word] / 2 and plain[word] < OFTEN)


def _idle(word: str, stops: frozenset[str]) -> bool:
    return len(word) < 3 or word in stops or any(char.isdigit() for char in word)


@functools.cache
def _stop_words(language: str) -> frozenset[str]:
    """spaCy's, and words for days and numbers, which name no subject; the words of talk itself in any language."""
    listed = cues("due_dates").get(language, {})
    names = ("days", "months", "relative", "units", "numbers", "ordinals")
    days = [str(word) for name in names for word in listed.get(name) or ()]
    try:
        stops = importlib.import_module(f"spacy.lang.{language}.stop_words").STOP_WORDS
    except ImportError:  # a model server reads languages that spaCy lacks: there, only the classifier tells
        stops = ()
    return frozenset(part for word in (*days, *stops) if " " not in word for part in folded(word).split()) | _talk()


@functools.cache
def _talk() -> frozenset[str]:
    """Greetings, fillers and politeness: words that come with the cues' statements and not with a pack's options."""
    idle = _counted(
        [
            str(text)
            for text in [*cues("acts")["statement"], *cues("sentiment")["neutral"], *cues("sentiment")["positive"]]
        ]
    )
    matter = _counted(
        [
            phrase.text
            for pack in packs()
            for field in pack.fields
            for answer in field.answers
            for phrase in answer.examples
        ]
    )
    idle_total, matter_total = idle.total(), matter.total()
    return frozenset(
        word
        for word, count in idle.items()
        if count / idle_total > TALK_RATIO * matter[word] / matter_total and count >= 2
    )


def _counted(texts: Sequence[str]) -> collections.Counter[str]:
    return collections.Counter(word for text in texts for word in folded(text).split())


def _repeated(text: str, most: int) -> tuple[str, ...]:
    counts: collections.Counter[str] = collections.Counter()
    for run in _RUN.findall(text):
        if len(run) <= max(_GRAM):
            counts[run] += 1
        for size in _GRAM:
            counts.update(run[at : at + size] for at in range(len(run) - size + 1))
    ranked = sorted(
        (gram for gram, count in counts.items() if count > 1), key=lambda gram: (-counts[gram] * len(gram), gram)
    )
    kept: list[str] = []
    for gram in ranked:
        if not any(gram in other or other in gram for other in kept):
            kept.append(gram)
        if len(kept) == most:
            break
    return tuple(kept)

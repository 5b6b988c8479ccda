"""What was found once in a text and is said again anywhere in it: read back, confirmed, or mentioned an hour later
without the words that gave it away.

One pass over the whole text after all its stretches were read, so that distance doesn't matter; time grows with the
text. Which words count is `heard.py`'s to say, which numbers `read_back.py`'s.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

from jobs.engines.pii.claims import Language
from jobs.engines.pii.dates import dates
from jobs.engines.pii.heard import END, Heard
from jobs.engines.pii.merging import Found
from jobs.engines.pii.read_back import Dates, Numbers
from jobs.engines.pii.spoken import read
from jobs.engines.pii.tokens import Token, tokens
from jobs.pipeline.types import Finding

# Less than most ways of finding it: what one of those says of the same words counts for more.
_SCORE = 0.65
_IN_WORDS = frozenset({"PERSON", "LOCATION", "EMAIL_ADDRESS", "URL"})


def said_again(text: str, items: Sequence[Finding], heard: Heard, known: Language) -> list[Found]:
    """What of `items` and `heard` stands elsewhere in the text, without what `items` cover already."""
    if not items:
        return []
    found = tokens(text)
    days = dates(found, known.lexicon)
    runs = read(found, known.lexicon, [(day.first, day.after) for day in days])
    numbers = [item for item in items if item.type not in _IN_WORDS]
    again = [
        *_phrases(found, heard),
        *_parts(found, heard, known),
        *Dates(numbers, found, days).again(),
        *Numbers(numbers, runs).again(),
    ]
    ends = [item.end for item in items]
    return [one for one in again if not _covered(one, items, ends)]


def _covered(one: Found, items: Sequence[Finding], ends: Sequence[int]) -> bool:
    at = bisect.bisect_right(ends, one.start)
    return at < len(items) and items[at].start <= one.start and one.end <= items[at].end


def _phrases(found: Sequence[Token], heard: Heard) -> Iterator[Found]:
    """Names, places and addresses, whole and in the same words."""
    words = [token for token in found if token.kind != "mark"]
    at = 0
    while at < len(words):
        tree, end = heard.phrases, at
        stop, kind = at, ""
        while end < len(words) and words[end].folded in tree:
            tree, end = tree[words[end].folded], end + 1
            if END in tree:
                stop, kind = end, tree[END]
        if stop > at:
            yield Found(words[at].start, words[stop - 1].end, kind, _SCORE, "phrase_repeats")
        at = max(stop, at + 1)


def _parts(found: Sequence[Token], heard: Heard, known: Language) -> Iterator[Found]:
    """Parts of names, neighbours as one."""
    first = last = -1
    for at, token in enumerate(found):
        if not heard.parts or token.kind != "word" or not _is_part(found, at, heard, known):
            continue
        if last >= 0 and last < at - 1:
            yield _person(found[first], found[last])
        first = at if last < at - 1 or last < 0 else first
        last = at
    if last >= 0:
        yield _person(found[first], found[last])


def _person(first: Token, last: Token) -> Found:
    return Found(first.start, last.end, "PERSON", _SCORE, "name_repeats")


def _is_part(found: Sequence[Token], at: int, heard: Heard, known: Language) -> bool:
    for form in heard.forms(found[at]):
        distinctive = heard.parts.get(form)
        if distinctive is not None and form not in known.ordinary:
            return distinctive or (heard.capitals and _written(found, at))
    return False


def _written(found: Sequence[Token], at: int) -> bool:
    """Whether only a name is written so: with a capital that begins no sentence and no title."""
    word, before = found[at].text, found[at - 1] if at else None
    capital = word[0].isupper() and not word.isupper()
    return capital and before is not None and (before.text[0].islower() or before.text == ",")

"""The lists of a result beside gold's: which items are the same, their owners, dates and evidence; and topics.

An item is gold's when they share a line, or when it or its evidence has the words by which gold's can be told. One of
gold's is one of the result's. Called by the tables of benchmarks/analytics.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from analytics.spoken import Spoken
from benchmarks.analytics_scoring import Row, Tally, folded, share

# Named alike in results and in gold.
LISTS = ("action_items", "decisions", "risks", "qa_pairs", "missed_opportunities")
# Of a topic's words, how many the lines it cites must hold.
TOPIC_SAID = 0.5


@dataclass
class ItemScore(Tally):
    """`evidence_own`: kept items that cite a line of a gold item of their list; `evidence_any`: of any list.

    Owners and due dates are those of matched action items; `dues`: of these, where gold has one.
    """

    gold: int = 0
    kept: int = 0
    matched: int = 0
    evidence_own: int = 0
    evidence_any: int = 0
    owners_right: int = 0
    dues_right: int = 0
    dues: int = 0
    dues_found: int = 0

    @property
    def precision(self) -> float | None:
        return share(self.matched, self.kept)

    @property
    def recall(self) -> float | None:
        return share(self.matched, self.gold)

    @property
    def f1(self) -> float | None:
        # Of what is asked for and what is kept at once, defined where either is.
        return share(2 * self.matched, self.gold + self.kept)


def line_ids(item: Row, spoken: Spoken) -> list[int]:
    """The lines that an item's evidence shows: it has their times and words, not their ids."""
    at = {(line.start_s, line.text): line.id for line in spoken.lines}
    return [at[key] for each in item["evidence"] if (key := (each["start"], each["text"])) in at]


def item_score(
    module: str, gold: Sequence[Row], items: Sequence[Row], spoken: Spoken, everywhere: set[int]
) -> ItemScore:
    """One list of one conversation; `everywhere`: the lines of the gold items of all lists."""
    pairs = matches(gold, items, spoken)
    own = {id_ for row in gold for id_ in row["evidence"]}
    cited = [set(line_ids(item, spoken)) for item in items]
    score = ItemScore(
        gold=len(gold),
        kept=len(items),
        matched=len(pairs),
        evidence_own=sum(bool(ids & own) for ids in cited),
        evidence_any=sum(bool(ids & everywhere) for ids in cited),
    )
    if module == "action_items":
        for at, number in pairs:
            wanted = gold[at].get("due")
            right = same_or_none(wanted, items[number]["due_date"])
            score.owners_right += same_or_none(gold[at].get("owner"), items[number]["owner"])
            score.dues_right += right
            score.dues += bool(wanted)
            score.dues_found += bool(wanted) and right
    return score


def same_or_none(wanted: str | None, given: str | None) -> bool:
    """An owner or a due date as gold has it, in more or fewer words; or neither has one."""
    if not wanted or not given:
        return not wanted and not given
    return either_holds(wanted, given)


def matches(gold: Sequence[Row], items: Sequence[Row], spoken: Spoken) -> list[tuple[int, int]]:
    """(gold item, kept item): as many pairs as there can be, each once, of those the ones that share most lines."""
    if not gold or not items:
        return []
    worth = np.array([[_likeness(row, item, spoken) for item in items] for row in gold])
    # A pair is worth more than all the lines that pairs share.
    pairs = linear_sum_assignment(np.where(worth > 0, worth + 1_000, 0), maximize=True)
    return [(int(at), int(number)) for at, number in zip(*pairs, strict=True) if worth[at, number] > 0]


def _likeness(gold: Row, item: Row, spoken: Spoken) -> float:
    """0 where an item is another than gold's; else how clearly it is the same."""
    shared = len(set(gold["evidence"]) & set(line_ids(item, spoken)))
    said = gold.get("said") or []
    texts = [value for value in item.values() if isinstance(value, str)]
    text = folded(" ".join(texts + [each["text"] for each in item["evidence"]]))
    return 2 * shared + (bool(said) and all(folded(str(word)) in text for word in said))


@dataclass
class TopicScore(Tally):
    gold: int = 0
    kept: int = 0
    gold_hit: int = 0
    kept_hit: int = 0
    evidence_right: int = 0


def topic_score(gold: Sequence[Sequence[str]], topics: Sequence[Row]) -> TopicScore:
    """A topic is a hit when it or an alternative of gold stands in the other; right when its lines also say it."""
    hits = [[_same_topic(each["topic"], alternatives) for each in topics] for alternatives in gold]
    score = TopicScore(gold=len(gold), kept=len(topics), gold_hit=sum(any(row) for row in hits))
    for number, each in enumerate(topics):
        hit = any(row[number] for row in hits)
        score.kept_hit += hit
        score.evidence_right += hit and _topic_said(each)
    return score


def _same_topic(topic: str, alternatives: Sequence[str]) -> bool:
    given = folded(topic)
    return any(folded(each) in given or given in folded(each) for each in alternatives if given)


def _topic_said(topic: Row) -> bool:
    words = folded(topic["topic"]).split()
    cited = folded(" ".join(each["text"] for each in topic["evidence"]))
    # Inflected forms count: the beginnings of words are compared.
    return sum(word[:5] in cited for word in words) >= TOPIC_SAID * max(1, len(words))


def either_holds(one: str, other: str) -> bool:
    """One of two texts stands in the other, word for word; an empty one stands nowhere."""
    left, right = folded(one), folded(other)
    return bool(left and right) and (f" {left} " in f" {right} " or f" {right} " in f" {left} ")

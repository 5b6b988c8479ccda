"""What is computed from the lines by arithmetic alone: word counts, speaking rate, talk time, sentiment's roll-up.

Formulas of the documentation: covered time is the union of the segments' times; the speaking rate is words divided by
covered minutes; a speaker's percentage is talk time divided by covered time. Called by `analytics.payload`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from analytics.drafts import LABELS, Feeling, Label
from analytics.spoken import Line, Spoken, words

# Beyond this a mean of +1 (positive) to -1 (negative), weighed by time, is a recording's overall sentiment.
OVERALL_MARGIN = 0.2


def covered_seconds(lines: Iterable[Line]) -> float:
    """Length of the union of the lines' times."""
    covered, reached = 0.0, 0.0
    for line in sorted(lines, key=lambda it: it.start_s):
        start = max(line.start_s, reached)
        if line.end_s > start:
            covered += line.end_s - start
            reached = line.end_s
    return covered


def statistics(spoken: Spoken) -> dict[str, Any]:
    """`analytics.statistics`."""
    covered_s = covered_seconds(spoken.lines)
    count = sum(len(words(line.text)) for line in spoken.lines)
    return {
        "word_count": count,
        "segment_count": len(spoken.lines),
        "total_duration_seconds": round(covered_s, 3),
        "speaking_rate_wpm": round(count / (covered_s / 60), 1) if covered_s else 0.0,
    }


def speaker_stats(spoken: Spoken) -> list[dict[str, Any]]:
    """`analytics.speaker_stats`: in order of first appearance."""
    covered_s = covered_seconds(spoken.lines)
    rows = []
    for speaker in spoken.speakers:
        own = [line for line in spoken.lines if line.speaker == speaker]
        talk_s = covered_seconds(own)
        rows.append(
            {
                "speaker": speaker,
                "talk_time_seconds": round(talk_s, 3),
                "word_count": sum(len(words(line.text)) for line in own),
                "segment_count": len(own),
                "percentage": round(100 * talk_s / covered_s, 1) if covered_s else 0.0,
            }
        )
    return rows


def distribution(feelings: Sequence[Feeling]) -> dict[str, dict[str, Any]]:
    """Label -> count, percentage and mean score; labels that don't occur are left out, percentages sum to 100.0."""
    found = [label for label in LABELS if any(feeling.label == label for feeling in feelings)]
    counts = [sum(feeling.label == label for feeling in feelings) for label in found]
    return {
        label: {
            "count": count,
            "percentage": percentage,
            "avg_score": _mean([feeling.score for feeling in feelings if feeling.label == label]),
        }
        for label, count, percentage in zip(found, counts, percentages(counts), strict=True)
    }


def per_speaker(spoken: Spoken, feelings: Sequence[Feeling]) -> list[dict[str, Any]]:
    """Counts a speaker, zeros kept; empty where nobody was told apart."""
    rows = []
    for speaker in spoken.speakers:
        own = [feeling for line, feeling in zip(spoken.lines, feelings, strict=True) if line.speaker == speaker]
        rows.append(
            {
                "speaker": speaker,
                **{f"{label}_count": sum(feeling.label == label for feeling in own) for label in LABELS},
                "total_segments": len(own),
                "avg_score": _mean([feeling.score for feeling in own]),
            }
        )
    return rows


def overall(spoken: Spoken, feelings: Sequence[Feeling]) -> Label:
    """The sentiment of the whole: the balance of positive and negative time."""
    signs: dict[Label, float] = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
    total_s = sum(line.duration_s for line in spoken.lines)
    if not total_s:
        return "neutral"
    balance = sum(signs[feeling.label] * line.duration_s for line, feeling in zip(spoken.lines, feelings, strict=True))
    if abs(balance) < OVERALL_MARGIN * total_s:
        return "neutral"
    return "positive" if balance > 0 else "negative"


def percentages(counts: Sequence[int]) -> list[float]:
    """Shares of a whole in per cent with one decimal that sum to exactly 100.0 (largest remainder method)."""
    total = sum(counts)
    if not total:
        return [0.0] * len(counts)
    tenths = [1000 * count // total for count in counts]
    # The largest remainders get the tenths that rounding down left over; the last of equals, as in the documentation.
    by_remainder = sorted(range(len(counts)), key=lambda at: (-(1000 * counts[at] % total), -at))
    for at in by_remainder[: 1000 - sum(tenths)]:
        tenths[at] += 1
    return [tenth / 10 for tenth in tenths]


def _mean(scores: Sequence[float]) -> float:
    return round(sum(scores) / len(scores), 2) if scores else 0.0

"""What the tables of benchmarks/analytics.py leave out: what was wrong, item by item, and everything as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks import analytics_items as listed
from benchmarks import analytics_scoring as scoring
from benchmarks import analytics_tables as tables
from benchmarks.analytics_invented import counted
from benchmarks.analytics_items import LISTS
from benchmarks.analytics_tables import Results


def misses(name: str, results: Results) -> Iterator[str]:
    if results:
        yield f"\n## Wrong, {name}\n"
    for result, key, gold, given in tables.field_rows(results):
        answer = scoring.answered(given)
        if not scoring.is_right(gold, answer):
            accepted = f" or {gold['accept']}" if gold.get("accept") else ""
            yield (
                f"- {result.conversation.name} {key}: {answer} (gold {gold.get('value')}{accepted}), lines "
                f"{scoring.cited_ids(given)} (gold {gold.get('evidence', [])})"
            )
    for result in results if _full(results) else ():
        yield from _missed_items(result)


def _full(results: Results) -> bool:
    return any(result.payload.get("profile") == "full" for result in results)


def _missed_items(result: Any) -> Iterator[str]:
    conversation = result.conversation
    for module in LISTS:
        gold, kept = conversation.gold.get(module, []), result.payload[module]
        pairs = listed.matches(gold, kept, conversation.spoken)
        for at in sorted(set(range(len(gold))) - {pair[0] for pair in pairs}):
            yield f"- {conversation.name} {module} not found: {_wording(gold[at])} {gold[at]['evidence']}"
        for at, number in pairs if module == "action_items" else ():
            for member, its_own in (("owner", "owner"), ("due", "due_date")):
                wanted, given = gold[at].get(member), kept[number][its_own]
                if not listed.same_or_none(wanted, given):
                    yield f"- {conversation.name} {member} of {_wording(gold[at])}: {given} (gold {wanted})"
        for number in sorted(set(range(len(kept))) - {pair[1] for pair in pairs}):
            ids = listed.line_ids(kept[number], conversation.spoken)
            yield f"- {conversation.name} {module} not gold: {_wording(kept[number])} {ids}"


def _wording(item: dict[str, Any]) -> str:
    return next(value for value in item.values() if isinstance(value, str))


def as_json(results: Mapping[str, Results]) -> dict[str, Any]:
    """The counts of every group, and what each conversation was answered."""
    return {name: {"figures": _figures(of), "conversations": _answers(of)} for name, of in results.items()}


def _figures(results: Results) -> dict[str, Any]:
    found: dict[str, Any] = {
        "fields": {f"{domain}.{key}": _plain(groups) for (domain, key), groups in tables.field_scores(results).items()}
    }
    if all(result.payload["profile"] for result in results):
        lists = tables.item_scores(results) if _full(results) else {}
        found["items"] = {module: _plain(groups) for module, groups in lists.items()}
        found["topics"] = _plain(tables.topic_scores(results))
        found["summaries"] = _plain(tables.summary_scores(results))
        found["chapters"] = _plain(tables.chapter_scores(results))
        found["urgency"] = _plain(tables.urgency_scores(results))
        found["sentiment"] = {
            group: {"accuracy": it.accuracy, "macro_f1": it.macro_f1}
            for group, it in tables.sentiment_scores(results).items()
        }
    found["made_up"] = dict(counted([each for result in results for each in tables.made_up_in(result)]))
    return found


def _plain(groups: Mapping[str, Any]) -> dict[str, Any]:
    return {
        group: {name: value for name, value in vars(it).items() if isinstance(value, int)}
        for group, it in groups.items()
    }


def _answers(results: Results) -> dict[str, Any]:
    return {
        result.conversation.name: {
            "elapsed_s": round(result.elapsed_s, 2),
            "duration_s": result.conversation.spoken.duration_s,
            "analytics": result.payload,
        }
        for result in results
    }

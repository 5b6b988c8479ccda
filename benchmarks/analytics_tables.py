"""The tables of benchmarks/analytics.py: counts added up by field, list and group of conversations, as Markdown."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from analytics.catalogue import DOMAINS, pack
from benchmarks import analytics_items as listed
from benchmarks import analytics_scoring as scoring
from benchmarks.analytics_data import GROUPS, gold_answers
from benchmarks.analytics_invented import KINDS, counted, invented
from benchmarks.analytics_items import LISTS

Results = Sequence[Any]  # of benchmarks.analytics.Result
REST = GROUPS[1:]


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}"


def figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def head(*columns: str) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|---|" + "--:|" * (len(columns) - 1)


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def by_group(results: Results, score: Callable[[Any], Any], empty: type) -> dict[str, Any]:
    """The sum of a score of each conversation, for each group."""
    found = {group: empty() for group in GROUPS}
    for result in results:
        one = score(result)
        for group in result.conversation.groups:
            found[group].add(one)
    return found


# Fields


@functools.cache
def majorities() -> dict[tuple[str, str], Any]:
    values: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for domain, key, value in gold_answers():
        values[domain, key].append(value)
    return {place: scoring.most_frequent(each) for place, each in values.items()}


def field_scores(results: Results) -> dict[tuple[str, str], dict[str, scoring.FieldScore]]:
    """(domain, field) -> group -> score."""
    found: dict[tuple[str, str], dict[str, scoring.FieldScore]] = {}
    for result, key, gold, given in field_rows(results):
        place = (result.conversation.domain, key)
        groups = found.setdefault(place, {group: scoring.FieldScore() for group in GROUPS})
        for group in result.conversation.groups:
            groups[group].add(scoring.field_score(gold, given, majorities()[place]))
    return found


def field_rows(results: Results) -> Iterator[tuple[Any, str, dict[str, Any], dict[str, Any]]]:
    for result in results:
        for key, gold in (result.conversation.gold["custom"] if result.conversation.domain else {}).items():
            yield result, key, gold, result.payload["custom"]["fields"][key]


def _added(scores: Mapping[Any, Mapping[str, Any]], keys: Sequence[Any], empty: type) -> dict[str, Any]:
    return {group: scoring.total((scores[key][group] for key in keys), empty()) for group in GROUPS}


def fields(title: str, results: Results) -> Iterator[str]:
    scores = field_scores(results)
    if not scores:
        return
    yield f"\n## {title}: accuracy %, points over the majority, share of cited ids in gold evidence %\n"
    yield from head(
        "field", "asked", "right", "majority", "points", *(f"{group} (points)" for group in REST),
        "no match (gold)", "skipped", "evidence of right ones", "of all matched",
    )  # fmt: skip
    for domain in DOMAINS:
        keys = [(domain, guide.field.key) for guide in pack(domain).fields if (domain, guide.field.key) in scores]
        for key in keys:
            yield _field_row(key[1], scores[key])
        if keys:
            yield _field_row(f"**{domain}**", _added(scores, keys, scoring.FieldScore))
    yield _field_row("**all**", _added(scores, list(scores), scoring.FieldScore))


def _field_row(name: str, groups: Mapping[str, scoring.FieldScore]) -> str:
    score = groups["all"]
    return row(
        name,
        score.asked,
        percent(score.accuracy),
        percent(score.majority),
        _points(score),
        *(f"{percent(groups[group].accuracy)} ({_points(groups[group])})" for group in REST),
        f"{percent(scoring.share(score.no_match, score.asked))} "
        f"({percent(scoring.share(score.gold_no_match, score.asked))})",
        score.skipped,
        percent(score.evidence_right),
        percent(score.evidence),
    )


def _points(score: scoring.FieldScore) -> str:
    return "–" if score.points is None else f"{score.points:+.0f}"


# Items


def item_scores(results: Results) -> dict[str, dict[str, listed.ItemScore]]:
    def score(result: Any, module: str) -> listed.ItemScore:
        gold = result.conversation.gold
        everywhere = {id_ for name in LISTS for item in gold.get(name, []) for id_ in item["evidence"]}
        return listed.item_score(
            module, gold.get(module, []), result.payload[module], result.conversation.spoken, everywhere
        )

    return {module: by_group(results, functools.partial(score, module=module), listed.ItemScore) for module in LISTS}


def items(results: Results) -> Iterator[str]:
    scores = item_scores(results)
    yield "\n## Items: precision / recall / F1 %, share of kept ones with evidence of a gold item %\n"
    yield from head(
        "list", "gold", "kept", "found", "precision / recall / F1", *REST, "evidence: own list", "of any list"
    )
    for module in LISTS:
        yield _item_row(module, scores[module])
    yield _item_row("**all**", _added(scores, LISTS, listed.ItemScore))
    actions, topic = scores["action_items"]["all"], topic_scores(results)["all"]
    everything = _added(scores, LISTS, listed.ItemScore)["all"]
    right, kept = everything.evidence_own + topic.evidence_right, everything.kept + topic.kept
    yield f"\nEvidence right with topics: {percent(scoring.share(right, kept))} % of {kept} kept."
    yield (
        f"\nOf {actions.matched} action items found: owner right {actions.owners_right}, due date right "
        f"{actions.dues_right}; of {actions.dues} that have a due date it was found for {actions.dues_found}. "
        f"Named as owners and not in gold: {', '.join(named_owners(results)) or 'none'}."
    )


def named_owners(results: Results) -> list[str]:
    """Owners that are no speaker and that no gold item of their conversation has: a name, or a word taken for one."""
    found = set()
    for result in results:
        known = [item.get("owner") for item in result.conversation.gold["action_items"]]
        for item in result.payload["action_items"]:
            owner = item["owner"]
            if owner and owner not in result.conversation.spoken.speakers:
                found |= set() if any(it and listed.either_holds(it, owner) for it in known) else {owner}
    return sorted(found)


def _item_row(name: str, groups: Mapping[str, listed.ItemScore]) -> str:
    score = groups["all"]
    shares = [" / ".join(map(percent, (each.precision, each.recall, each.f1))) for each in groups.values()]
    evidence = (scoring.share(count, score.kept) for count in (score.evidence_own, score.evidence_any))
    return row(name, score.gold, score.kept, score.matched, *shares, *map(percent, evidence))


def audit(results: Results) -> Iterator[str]:
    """What the full profile has beyond the basic one."""
    yield from items(results)
    yield from urgency(results)


def fast(results: Results) -> str:
    """The tables of what every profile has."""
    sections = (topics, summaries, chapters, sentiment)
    return "\n".join(line for section in sections for line in section(results))


def left_empty(results: Results) -> Iterator[str]:
    kept = sum(len(result.payload[module]) for result in results for module in LISTS)
    yield f"\nItems in the lists that this profile leaves empty: {kept}."


def topic_scores(results: Results) -> dict[str, listed.TopicScore]:
    return by_group(
        results,
        lambda it: listed.topic_score(it.conversation.gold.get("topics", []), it.payload["key_topics"]),
        listed.TopicScore,
    )


def topics(results: Results) -> Iterator[str]:
    yield "\n## Topics %\n"
    yield from head("", *GROUPS)
    groups = topic_scores(results)
    yield row("gold topics hit", *(percent(scoring.share(it.gold_hit, it.gold)) for it in groups.values()))
    yield row("kept that hit one", *(percent(scoring.share(it.kept_hit, it.kept)) for it in groups.values()))
    yield row("evidence right", *(percent(scoring.share(it.evidence_right, it.kept)) for it in groups.values()))
    yield row("kept", *(it.kept for it in groups.values()))


# Summary, chapters, urgency, sentiment


def summary_scores(results: Results) -> dict[str, scoring.SummaryScore]:
    return by_group(
        results,
        lambda it: scoring.summary_score(it.conversation.gold["key_facts"], it.payload["summary"]),
        scoring.SummaryScore,
    )


def summaries(results: Results) -> Iterator[str]:
    yield "\n## Summaries\n"
    yield from head("", *GROUPS)
    groups = summary_scores(results)
    yield row("key facts told %", *(percent(scoring.share(it.told, it.facts)) for it in groups.values()))
    words = (f"{it.words / it.conversations:.0f}" if it.conversations else "–" for it in groups.values())
    yield row("words", *words)
    yield row("empty", *(it.empty for it in groups.values()))


def chapter_scores(results: Results) -> dict[str, scoring.ChapterScore]:
    return by_group(
        [it for it in results if "chapters" in it.conversation.gold],
        lambda it: scoring.chapter_score(
            it.conversation.gold["chapters"], [each["start"] for each in it.payload["chapters"]], it.conversation.spoken
        ),
        scoring.ChapterScore,
    )


def chapters(results: Results) -> Iterator[str]:
    if not any("chapters" in it.conversation.gold for it in results):
        return
    yield f"\n## Chapters: boundaries within {scoring.NEAR_LINES} lines, precision / recall %\n"
    yield from head("", *GROUPS)
    groups = chapter_scores(results)
    for name, count in (("found", "found"), ("as many, evenly spread", "evenly_found")):
        cells = (
            f"{percent(scoring.share(getattr(it, count), it.kept))} / "
            f"{percent(scoring.share(getattr(it, count), it.gold))}"
            for it in groups.values()
        )
        yield row(name, *cells)
    yield row("boundaries (gold)", *(f"{it.kept} ({it.gold})" for it in groups.values()))


def urgency_scores(results: Results) -> dict[str, scoring.UrgencyScore]:
    return by_group(
        results,
        lambda it: scoring.urgency_score(it.conversation.gold["urgency"], it.payload["urgency"]["score"]),
        scoring.UrgencyScore,
    )


def urgency(results: Results) -> Iterator[str]:
    yield "\n## Urgency: inside gold's interval %\n"
    yield from head("", *GROUPS)
    groups = urgency_scores(results)
    yield row("ours", *(percent(scoring.share(it.inside, it.conversations)) for it in groups.values()))
    best = max(range(1, 11), key=lambda score: groups["all"].scores[score])
    constant = (percent(scoring.share(it.scores[best], it.conversations)) for it in groups.values())
    yield row(f"always {best}", *constant)


def sentiment_scores(results: Results) -> dict[str, scoring.SentimentScore]:
    return by_group(
        [it for it in results if "sentiment" in it.conversation.gold],
        lambda it: scoring.sentiment_score(it.conversation.gold["sentiment"], it.payload["sentiment"]),
        scoring.SentimentScore,
    )


def sentiment(results: Results) -> Iterator[str]:
    if not any("sentiment" in it.conversation.gold for it in results):
        return
    yield "\n## Sentiment of segments: accuracy % / macro-F1\n"
    yield from head("", *GROUPS)
    groups = sentiment_scores(results)
    yield row("ours", *(_sentiment_cell(it) for it in groups.values()))
    yield row("always neutral", *(_sentiment_cell(it.always_neutral) for it in groups.values()))
    for label in scoring.LABELS:
        yield row(f"F1 of {label}", *(figure(it.f1(label)) for it in groups.values()))


def _sentiment_cell(score: scoring.SentimentScore) -> str:
    return f"{percent(score.accuracy)} / {figure(score.macro_f1)}"


# What was made up, time


def made_up(results: Mapping[str, Results]) -> Iterator[str]:
    yield "\n## Made up (must be 0)\n"
    yield from head("", *results)
    found = {name: [each for result in of for each in made_up_in(result)] for name, of in results.items()}
    for kind in KINDS:
        yield row(kind, *(counted(each)[kind] for each in found.values()))
    for name, each in found.items():
        for kind, what in each:
            yield f"\n- {name}, {kind}: {what}"


def made_up_in(result: Any) -> list[tuple[str, str]]:
    return invented(result.payload, result.conversation.spoken, result.request.asked_fields)


def times(results: Mapping[str, Results]) -> Iterator[str]:
    yield "\n## Seconds\n"
    yield from head("conversation", "its length", *(f"{profile} (custom)" for profile in results))
    rows = zip(*results.values(), strict=True)
    for each in rows:
        conversation = each[0].conversation
        cells = (f"{it.elapsed_s:.1f} ({it.custom_s:.1f})" for it in each)
        yield row(conversation.name, f"{conversation.spoken.duration_s:.0f}", *cells)
    for profile, of in results.items():
        slowest = max(of, key=lambda it: it.elapsed_s)
        spoken_s = sum(it.conversation.spoken.duration_s for it in of)
        yield (
            f"\n{profile}: at most {slowest.elapsed_s:.1f} s ({slowest.conversation.name}, "
            f"{slowest.conversation.spoken.duration_s:.0f} s long), in all {sum(it.elapsed_s for it in of):.0f} s for "
            f"{spoken_s:.0f} s of speech."
        )
        for warning, count in sorted(Counter(warning for it in of for warning in it.warnings).items()):
            yield f"- {count} times: {warning}"

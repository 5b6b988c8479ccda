"""The analyst of a large model: every module asked of an OpenAI-compatible server, side by side, by windows and merged.

The prompts are `analytics.tasks`; what comes back is checked by `analytics.truth`. Keywords are counted here as in the
embedded analyst, and sentiment's scores and a field's confidence come from agreement between two ways of telling, never
from the model's own number.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from analytics.briefs import SYSTEM, language_name, quoted, transcript_block
from analytics.catalogue import PackField, pack
from analytics.drafts import Choice, CustomDraft, Feeling, FieldDraft, GenericDraft, Urgency
from analytics.fields import CustomField
from analytics.model import AnswerFailed, Model, Prompt, WatchedModel
from analytics.modules import ITEM_CAP
from analytics.spoken import Line, Spoken
from analytics.tasks import FieldTask, Task, field_task, read_field, tasks_for
from jobs.engines.analyst.feelings import explanation, feelings
from jobs.engines.analyst.keyphrases import keyphrases
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.vectors import LANGUAGES, sentence_vectors
from jobs.pipeline.protocols import OnProgress

# Of the model's context, what a window of the transcript may take: the rest is for rules, task and answer.
WINDOW_SHARE = 0.5
# Lines of one sentiment answer: it has a row for each.
MOST_LINES = 250
# A select's answer that the model would not choose again with at least this probability is not kept.
LEAST_AGREED = 0.5
MOST_OPTIONS = 25
# Without sentence vectors for the language, a label has no second witness.
UNSUPPORTED_SCORE = 0.6
TELL_S = 1.0


class _Stopped(Exception):
    """Another call of the same job failed, or the job was cancelled."""


class Waiting:
    """Waits for calls in other threads while telling progress in this one: whatever that raises ends the calls too."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._over = threading.Event()

    def watch(self) -> None:
        """Called by the calls' threads while they wait."""
        if self._over.is_set():
            raise _Stopped

    def result(self, future: Future[Any], fraction: float) -> Any:
        try:
            while True:
                self._on_progress(fraction)
                if future in wait([future], timeout=TELL_S).done:
                    return future.result()
        except BaseException:
            self._over.set()
            raise


class ModelAnalyst:
    """Reads every language that its model reads."""

    def __init__(self, model: WatchedModel) -> None:
        self._model = model

    def reads(self, language: str | None) -> bool:
        return language is not None

    def generic(self, spoken: Spoken, modules: frozenset[str], on_progress: OnProgress) -> GenericDraft:
        waiting = Waiting(on_progress)
        model = self._model.watching(waiting.watch)
        language = language_name(spoken.language)
        asked = [
            (window, task) for window in windows(spoken.lines, model) for task in tasks_for(modules, window, language)
        ]
        merges = len({window[0].id for window, _ in asked}) > 1 and "summary" in modules
        answers = _each(model, asked, lambda it: _answered(model, *it), waiting, after=int(merges))
        parts: dict[str, list[list[Any]]] = {}
        failed: set[str] = set()
        for (_, task), answer in zip(asked, answers, strict=True):
            if answer is None:
                failed.add(task.module)
            else:
                parts.setdefault(task.module, []).append(answer)
        found = {module: _joined(module, answers) for module, answers in parts.items()}
        # A module that answered for some windows is kept: what it says of them is checked all the same.
        partial = {module for module in failed if found.get(module)} - {"sentiment"}
        failed -= partial
        reading = Reading(spoken, sentence_vectors())
        draft = dataclasses.replace(_draft(found, failed, reading), partial=frozenset(partial))
        if len(found.get("summary", [])) > 1:
            merge = [(spoken.lines,)]
            merging = _each(
                model, merge, lambda _: _merged(model, found["summary"], language), waiting, before=len(asked)
            )
            draft = dataclasses.replace(draft, summary=merging[0])
        return draft

    def custom(
        self, spoken: Spoken, fields: tuple[CustomField, ...], domain: str | None, on_progress: OnProgress
    ) -> CustomDraft:
        waiting = Waiting(on_progress)
        model = self._model.watching(waiting.watch)
        guides: dict[str, PackField] = {it.field.key: it for it in pack(domain).fields} if domain else {}
        language = language_name(spoken.language)
        asked = [
            (window, field_task(field, guides.get(field.key), window, language))
            for window in windows(spoken.lines, model)
            for field in fields
        ]
        drafts = _each(model, asked, lambda it: _field(model, *it), waiting)
        found: dict[str, FieldDraft] = {}
        for (_, task), draft in zip(asked, drafts, strict=True):
            found[task.field.key] = _better(found.get(task.field.key), draft, task.field)
        unread = {task.field.key for (_, task), draft in zip(asked, drafts, strict=True) if draft.skipped}
        return CustomDraft(found, frozenset(key for key in unread if not found[key].skipped))


def windows(lines: Sequence[Line], model: Model) -> list[list[Line]]:
    """The lines in parts that fit the model's context, in order."""
    room = int(model.context_tokens * WINDOW_SHARE)
    found: list[list[Line]] = [[]]
    left = room
    for line in lines:
        size = model.tokens(transcript_block([line]))
        if found[-1] and (size > left or len(found[-1]) == MOST_LINES):
            found.append([])
            left = room
        found[-1].append(line)
        left -= size
    return [part for part in found if part]


def _each(
    model: Model,
    asked: Sequence[Any],
    answer: Callable[[Any], Any],
    waiting: Waiting,
    *,
    before: int = 0,
    after: int = 0,
) -> list[Any]:
    """The answers in order; the first error ends the rest. A window's first call goes ahead and fills the cache.

    `before` and `after`: calls of the same job that were made already and that come later.
    """
    total = before + len(asked) + after
    results: list[Any] = []
    with ThreadPoolExecutor(max_workers=max(1, model.parallel)) as pool, _cancelling(pool):
        for _, group in itertools.groupby(asked, key=lambda it: it[0][0].id):
            first, *rest = group
            for batch in ([first], rest):
                futures = [pool.submit(answer, it) for it in batch]
                for future in futures:
                    results.append(waiting.result(future, (before + len(results)) / total))
    return results


@contextlib.contextmanager
def _cancelling(pool: ThreadPoolExecutor) -> Iterator[None]:
    """What has not begun when something fails never does."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _answered(model: Model, window: Sequence[Line], task: Task) -> list[Any] | None:
    try:
        answer = model.answer(
            Prompt(SYSTEM, transcript_block(window), task.instruction), task.schema, max_tokens=task.max_tokens
        )
    except AnswerFailed:
        return None
    return task.read(answer)


def _joined(module: str, parts: Sequence[list[Any]]) -> list[Any]:
    """The windows' answers of a module as one, so that its cap cuts no window off: lists take turns."""
    if module in ("summary", "sentiment", "urgency"):
        return list(itertools.chain.from_iterable(parts))
    if module == "chapters":
        chapters = list(itertools.chain.from_iterable(parts))
        if len(chapters) <= ITEM_CAP:
            return chapters
        return [chapters[at * len(chapters) // ITEM_CAP] for at in range(ITEM_CAP)]
    turns = itertools.zip_longest(*parts)
    return [item for turn in turns for item in turn if item is not None]


def _draft(found: dict[str, list[Any]], failed: set[str], reading: Reading) -> GenericDraft:
    felt: tuple[Feeling, ...] = ()
    told = ""
    if "sentiment" in found and "sentiment" not in failed:
        felt, told = _felt(dict(found["sentiment"]), reading)
    urgencies: list[Urgency] = found.get("urgency", [])
    return GenericDraft(
        summary=next(iter(found.get("summary", [])), ""),
        feelings=felt,
        explanation=told,
        topics=tuple(found.get("key_topics", ())),
        actions=tuple(found.get("action_items", ())),
        answered=tuple(found.get("qa", ())),
        decisions=tuple(found.get("decisions", ())),
        risks=tuple(found.get("risks", ())),
        opportunities=tuple(found.get("missed_opportunities", ())),
        chapters=tuple(found.get("chapters", ())),
        urgency=max(urgencies, key=lambda it: it.score, default=None),
        keywords=keyphrases(reading, sentence_vectors()),
        failed=frozenset(failed),
    )


def _felt(labels: dict[int, str], reading: Reading) -> tuple[tuple[Feeling, ...], str]:
    """The model's labels, each scored by how far the sentence vectors say the same; a line left out is neutral."""
    witness = feelings(reading) if reading.spoken.language in LANGUAGES else None
    found = []
    for line in reading.spoken.lines:
        label: Any = labels.get(line.id, "neutral")
        if witness is None:
            found.append(Feeling(label, UNSUPPORTED_SCORE))
            continue
        other = witness[line.id]
        agreed = other.score if other.label == label else 1 - other.score
        found.append(Feeling(label, 0.5 + 0.5 * agreed))
    return tuple(found), explanation(reading, tuple(found))


def _merged(model: Model, summaries: Sequence[str], language: str) -> str:
    """One summary of the windows' summaries, in steps that fit the model; those themselves if it has none."""
    lines = [Line(at, 0.0, 0.0, text) for at, text in enumerate(summaries)]
    groups = windows(lines, model)
    merged = [_merged_group(model, group, language) for group in groups]
    return merged[0] if len(groups) in (1, len(lines)) else _merged(model, merged, language)


def _merged_group(model: Model, lines: Sequence[Line], language: str) -> str:
    [task] = tasks_for(frozenset({"summary"}), lines, language)
    answer = _answered(model, lines, task)
    return answer[0] if answer else " ".join(line.text for line in lines)


def _field(model: Model, window: Sequence[Line], task: FieldTask) -> FieldDraft:
    """The model's answer where it gives the same one twice: as an object with its lines, and as one letter."""
    context = transcript_block(window)
    try:
        reasoned, found = read_field(
            task, model.answer(Prompt(SYSTEM, context, task.question), task.schema, max_tokens=task.max_tokens)
        )
        if not found:
            return reasoned
        if task.field.type == "multi_select":
            return dataclasses.replace(reasoned, choices=tuple(_supported(model, context, task, found)))
        value, ids = found[0]
        chance = _chance(model, context, task, value)
    except AnswerFailed:
        return FieldDraft("The model gave no usable answer.", skipped=True)
    if chance < LEAST_AGREED:
        return FieldDraft("What is said does not settle it: asked twice, the model answered differently.")
    if isinstance(value, str):
        return dataclasses.replace(reasoned, choices=(Choice(value, chance, ids),))
    return dataclasses.replace(reasoned, value=value, confidence=chance, ids=ids)


def _chance(model: Model, context: str, task: FieldTask, value: str | bool | int) -> float:
    """How likely the model gives the same answer as one letter of all, or of yes and no where there are too many."""
    if len(task.options) > MOST_OPTIONS:
        return _affirmed(model, context, task, value)
    question = f"Question about the conversation: {quoted(task.field.label)}. {quoted(task.field.description or '')}"
    chances = model.choose(Prompt(SYSTEM, context, question), task.options)
    return chances[task.values.index(value)]


def _affirmed(model: Model, context: str, task: FieldTask, value: str | bool | int) -> float:
    words = task.options[task.values.index(value)]
    question = f"Does something said in the conversation support this: {quoted(task.field.label)}: {words}?"
    return model.choose(Prompt(SYSTEM, context, question), ("yes", "no"))[0]


def _supported(
    model: Model, context: str, task: FieldTask, found: Sequence[tuple[str | bool | int, tuple[int, ...]]]
) -> Iterator[Choice]:
    """Of several options those that the model also affirms one by one."""
    for value, ids in found:
        yes = _affirmed(model, context, task, value)
        if yes >= LEAST_AGREED:
            yield Choice(str(value), yes, ids)


def _better(one: FieldDraft | None, other: FieldDraft, field: CustomField) -> FieldDraft:
    """Of two windows' answers the surer one; of several options all."""
    if one is None or one.skipped:
        return other
    if other.skipped:
        return one
    if field.type == "multi_select":
        told = one if one.choices else other
        return dataclasses.replace(told, choices=one.choices + other.choices)
    return max(one, other, key=_sureness)


def _sureness(draft: FieldDraft) -> float:
    return max([draft.confidence, *(choice.confidence for choice in draft.choices)])

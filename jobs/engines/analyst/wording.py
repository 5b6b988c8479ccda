"""The small model's part: the summary, chapter titles, and tasks put in a few words. Everything it says is checked.

Each call is small, its answer closed by a schema, and what does not hold against the transcript is replaced by the
transcript's own words. Without a model, or when it gives no usable answer, those words stand by themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from analytics.briefs import SYSTEM, language_name, quoted, transcript_block
from analytics.drafts import Action, Chapter
from analytics.grounding import numbers_said, share_said
from analytics.model import AnswerFailed, Model, ModelUnavailable, Prompt
from analytics.modules import ITEM_CAP
from analytics.spoken import Line, Spoken
from analytics.truth import LEAST_SAID, summary_said
from jobs.engines.analyst.cues import cues
from jobs.engines.analyst.reading import shortened

SUMMARY_TOKENS, TITLE_TOKENS, TASK_TOKENS = 200, 60, 30
SUMMARY_CHARACTERS, TITLE_CHARACTERS, SENTENCE_CHARACTERS, TASK_CHARACTERS = 700, 60, 200, 120
EXTRACT_LINES = 3
# Of a summary sentence's content words, what must have been said: a small model that leaves the words is inventing.
LEAST_OF_SENTENCE = 0.55


class Wording:
    """One transcript's wording. `lines` is what the model reads; `gone` once the model could not be had,
    `extracted` where the summary is the transcript's own sentences.
    """

    def __init__(self, model: Model | None, spoken: Spoken, lines: Sequence[Line]) -> None:
        self.spoken = spoken
        self.gone = model is None
        self.extracted = False
        self._model = model
        self._context = transcript_block(lines)
        self._asked = _asked_in(spoken.language)

    def summary(self, central: Sequence[Line]) -> str:
        """A few sentences in the transcript's language; `central`: what stands for them if the model has none."""
        task = self._asked["summary"]
        schema = _object(summary={"type": "string", "minLength": 20, "maxLength": SUMMARY_CHARACTERS})
        answer = self._ask(task, schema, SUMMARY_TOKENS)
        found = summary_said(str(answer["summary"]), self.spoken, LEAST_OF_SENTENCE) if answer else ""
        self.extracted = not found
        return found or _extract(central)

    def chapters(self, firsts: Sequence[int], titles: Sequence[str], central: Sequence[Line]) -> tuple[Chapter, ...]:
        """A title and a sentence each; `titles` and `central` stand where the model's don't hold."""
        ends = [*firsts[1:], len(self.spoken.lines)]
        parts = "; ".join(
            self._asked["part"].format(number=number, first=first, last=end - 1)
            for number, (first, end) in enumerate(zip(firsts, ends, strict=True), start=1)
        )
        task = self._asked["chapters"].format(parts=parts)
        part = _object(
            title={"type": "string", "minLength": 3, "maxLength": TITLE_CHARACTERS},
            summary={"type": "string", "minLength": 10, "maxLength": SENTENCE_CHARACTERS},
        )
        answer = self._ask(task, _object(parts=_exactly(len(firsts), part)), TITLE_TOKENS * len(firsts))
        rows: list[dict[str, Any]] = answer["parts"] if answer else [{} for _ in firsts]
        found = []
        for at, (first, end) in enumerate(zip(firsts, ends, strict=True)):
            said = " ".join(line.text for line in self.spoken.lines[first:end])
            title, summary = str(rows[at].get("title", "")), str(rows[at].get("summary", ""))
            found.append(
                Chapter(
                    title=title if title and _holds(title, said) else titles[at],
                    first=first,
                    summary=summary if summary and _holds(summary, said) else shortened(central[at].text),
                )
            )
        return tuple(found)

    def tasks(self, actions: Sequence[Action]) -> tuple[Action, ...]:
        """The same action items, each as a short task where the model's words hold against its evidence.

        More than are shown are left as they are, so that the prompt of a long recording still fits.
        """
        actions, others = actions[:ITEM_CAP], actions[ITEM_CAP:]
        if not actions:
            return ()
        said = [" ".join(self.spoken.lines[id_].text for id_ in action.ids) for action in actions]
        listed = "\n".join(f"{at + 1}. {quoted(text)}" for at, text in enumerate(said))
        task = self._asked["tasks"].replace("{listed}", listed)
        text = {"type": "string", "minLength": 5, "maxLength": TASK_CHARACTERS}
        answer = self._ask(task, _object(tasks=_exactly(len(actions), text)), TASK_TOKENS * len(actions))
        worded: list[str] = answer["tasks"] if answer else [""] * len(actions)
        return (
            *(
                dataclasses.replace(action, action=new) if new and _holds(new, old) else action
                for action, new, old in zip(actions, worded, said, strict=True)
            ),
            *others,
        )

    def _ask(self, task: str, schema: dict[str, Any], max_tokens: int) -> dict[str, Any] | None:
        if self._model is None or self.gone:
            return None
        try:
            return self._model.answer(Prompt(SYSTEM, self._context, task), schema, max_tokens=max_tokens + 20)
        except AnswerFailed:
            return None
        except ModelUnavailable:
            self.gone = True
            return None


def _asked_in(language: str | None) -> dict[str, str]:
    """The tasks in a language; in English, naming the language, where there is no translation."""
    listed: dict[str, dict[str, str]] = cues("wording")
    if language in listed:
        return listed[language]
    return {name: text.replace("in English", f"in {language_name(language)}") for name, text in listed["en"].items()}


def _holds(text: str, said: str) -> bool:
    return share_said(text, said) >= LEAST_SAID and numbers_said(text, said)


def _extract(central: Sequence[Line]) -> str:
    return " ".join(shortened(line.text) for line in sorted(central, key=lambda line: line.id)[:EXTRACT_LINES])


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def _exactly(count: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": count, "maxItems": count}

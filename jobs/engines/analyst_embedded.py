"""The embedded analyst: code decides by sentence vectors, the small model writes the summary and words the items.

The parts are in `jobs.engines.analyst`. The model is an `analytics.model.Model`, or None where it can't be had: what
needs it is then done without, and the draft says so. Heavy (numpy, scikit-learn): only the registry imports it, in the
worker.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from analytics.catalogue import pack
from analytics.drafts import CustomDraft, FieldDraft, GenericDraft
from analytics.fields import CustomField
from analytics.model import Model, ModelUnavailable, WatchedModel
from analytics.spoken import Line, Spoken
from jobs.engines import chat_tokens
from jobs.engines.analyst import own_fields, pack_fields
from jobs.engines.analyst.audit import Audit
from jobs.engines.analyst.chapters import first_lines
from jobs.engines.analyst.condensed import centrality, condensed
from jobs.engines.analyst.feelings import explanation, feelings
from jobs.engines.analyst.keyphrases import KEYWORDS, keyphrases
from jobs.engines.analyst.reading import Reading
from jobs.engines.analyst.topics import CANDIDATES, titles, topics
from jobs.engines.analyst.vectors import LANGUAGES, sentence_vectors
from jobs.engines.analyst.wording import Wording
from jobs.pipeline.protocols import OnProgress

# What the model is given to read: whole for calls of a few minutes, the lines that say most of longer ones. At 30-50
# prompt tokens a second on two cores this bounds the time of a recording of any length.
READ_TOKENS = 1_400
READINGS_KEPT = 4


class EmbeddedAnalyst:
    """One serves all jobs of a process; thread-safe, because readings are not changed once made."""

    def __init__(self, model: WatchedModel | None) -> None:
        self._model = model
        self._vectors = sentence_vectors()
        self._read = functools.lru_cache(maxsize=READINGS_KEPT)(lambda spoken: Reading(spoken, self._vectors))

    def reads(self, language: str | None) -> bool:
        return language in LANGUAGES

    def generic(self, spoken: Spoken, modules: frozenset[str], on_progress: OnProgress) -> GenericDraft:
        on_progress(0.0)
        reading = self._read(spoken)
        felt = feelings(reading)
        phrases = keyphrases(reading, self._vectors, CANDIDATES)
        found = GenericDraft(
            feelings=felt,
            explanation=explanation(reading, felt),
            topics=topics(reading, phrases, self._vectors),
            keywords=phrases[:KEYWORDS],
        )
        on_progress(0.05)
        audit = Audit(reading, felt) if "action_items" in modules else None
        firsts = first_lines(reading)
        actions = audit.actions() if audit else ()
        marked = [id_ for action in actions for id_ in action.ids]
        wording = Wording(
            self._bound(lambda: on_progress(0.1)),
            spoken,
            condensed(reading, firsts, marked, self._room(spoken)),
        )
        worth = centrality(reading, firsts)
        summary = wording.summary([spoken.lines[at] for at in np.argsort(-worth)[:3]])
        on_progress(0.5)
        chapters = wording.chapters(
            firsts, titles(reading, firsts, self._vectors), _most_central(spoken, firsts, worth)
        )
        on_progress(0.8)
        worded = wording.tasks(actions)
        on_progress(1.0)
        found = dataclasses.replace(
            found,
            summary=summary,
            chapters=chapters,
            actions=worded,
            downgraded="analyst_unavailable" if wording.gone else None,
            extracted=wording.extracted,
        )
        if audit is None:
            return found
        return dataclasses.replace(
            found,
            answered=audit.answered(),
            decisions=audit.decisions(),
            risks=audit.risks(),
            opportunities=audit.opportunities(),
            urgency=audit.urgency(),
        )

    def custom(
        self, spoken: Spoken, fields: tuple[CustomField, ...], domain: str | None, on_progress: OnProgress
    ) -> CustomDraft:
        on_progress(0.0)
        reading = self._read(spoken)
        found: dict[str, FieldDraft] = {}
        of_domain = pack(domain).fields if domain else ()
        for at, guide in enumerate(of_domain):
            head = pack_fields.head_of(at, domain or "", self._vectors)
            found[guide.field.key] = pack_fields.decided(pack_fields.scored(reading, guide, head, spoken.language))
            on_progress((at + 1) / len(fields))
        model = self._bound(lambda: on_progress(len(found) / len(fields)))
        for field in fields[len(of_domain) :]:
            try:
                if model is None:
                    raise ModelUnavailable("The packaged model, which answers a caller's own fields, is not there.")
                found[field.key] = own_fields.answered(reading, field, self._vectors, model)
            except ModelUnavailable:
                if not found:
                    raise
                model, found[field.key] = None, own_fields.NO_MODEL
            on_progress(len(found) / len(fields))
        return CustomDraft(found)

    def _room(self, spoken: Spoken) -> int:
        """Characters of this transcript that make up what the model is given to read."""
        tokens = chat_tokens.estimate(spoken.text)
        return round(READ_TOKENS * len(spoken.text) / tokens) if tokens else READ_TOKENS

    def _bound(self, watch: Callable[[], None]) -> Model | None:
        return None if self._model is None else self._model.watching(watch)


def _most_central(spoken: Spoken, firsts: Sequence[int], worth: np.ndarray) -> list[Line]:
    ends = [*firsts[1:], len(spoken.lines)]
    return [spoken.lines[first + int(np.argmax(worth[first:end]))] for first, end in zip(firsts, ends, strict=True)]

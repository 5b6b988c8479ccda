"""Whether and how a transcript is analysed: what is skipped and why, each path failing alone. Called by `run.py`.

What is asked and what may be believed is decided in `analytics`; what an analyst does, in `jobs.engines`. Nothing here
fails a job: a path that can't run is left out with a reason and a sentence in `processing_warnings`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from analytics.drafts import CustomDraft, GenericDraft
from analytics.model import AnswerFailed, ModelUnavailable
from analytics.modules import modules_for
from analytics.payload import Skipped, analytics_payload
from analytics.requests import AnalyticsRequest
from analytics.spoken import Line, Spoken
from analytics.truth import borne_out, fields_borne_out
from jobs.pipeline.protocols import Analyst, OnProgress
from jobs.pipeline.told import Told
from jobs.pipeline.types import EngineUnavailable, Redaction, Transcript

log = logging.getLogger(__name__)

LEAST_AUDIO_S = 15.0
# Where both paths run, the share of the time that goes to the generic one.
GENERIC_SHARE = 0.7

WARNINGS = {
    "audio_too_short": "Analytics were skipped: they need at least 15 seconds of audio.",
    "no_speech": "Analytics were skipped: nobody speaks in the recording.",
    "language_unsupported": "Analytics were skipped: this server's analytics do not read the recording's language.",
    "analyst_unavailable": "Analytics were skipped: the models that read transcripts are not available on this server.",
    "pii_review_required": "Analytics were skipped: the redaction of the transcript needs review.",
    "generation_failed": "{path} were skipped: no usable answer came of it. Ask for them again on the finished job.",
}
DOWNGRADED = (
    "The language model of this server's analytics was not available: the summary is made of the transcript's own "
    "sentences."
)
EXTRACTED = (
    "What the language model wrote as a summary was not borne out by the transcript: the summary is made of the "
    "transcript's own sentences."
)
PARTLY_FAILED = "The model gave no usable answer for some analytics modules, which are left out: {modules}."
PARTLY_READ = "The model gave no usable answer for a part of the recording, of which these say nothing: {names}."
PATHS = {"generic": "Generic analytics", "custom": "Custom analytics"}

Draft = TypeVar("Draft", GenericDraft, CustomDraft)


@dataclass(frozen=True)
class Analysis:
    """What came of the analytics of one transcript: `payload` is `result.analytics`, elapsed times only of what ran."""

    request: AnalyticsRequest
    payload: dict[str, Any]
    generic_applied: bool
    custom_applied: bool
    generic_elapsed_s: float
    custom_elapsed_s: float
    warnings: tuple[str, ...]


def spoken_of(transcript: Transcript, duration_s: float, *, diarized: bool) -> Spoken:
    """The transcript's segments as numbered lines."""
    lines = tuple(
        Line(number, segment.start_s, segment.end_s, segment.text, segment.speaker if diarized else None)
        for number, segment in enumerate(transcript.segments)
    )
    return Spoken(lines, transcript.language, duration_s, diarized)


def analysed(
    spoken: Spoken,
    request: AnalyticsRequest,
    analyst: Callable[[], Analyst],
    on_progress: OnProgress,
    redaction: Redaction | None = None,
) -> Analysis:
    """Both paths, each by itself. Exceptions of `on_progress` pass through; all others skip their path."""
    work = _Work(spoken, Told(on_progress), [])
    engine = work.ready(analyst, redaction)
    share = _shares(request)
    fields = request.asked_fields
    generic: GenericDraft | Skipped | None = None
    custom: CustomDraft | Skipped | None = None
    if isinstance(engine, Skipped):
        generic = engine if request.profile is not None else None
        custom = engine if request.custom else None
    else:
        if request.profile is not None:
            modules = frozenset(module.key for module in modules_for(request.profile, spoken.diarized))
            generic = work.path(
                "generic", lambda told: borne_out(engine.generic(spoken, modules, told), spoken), 0, share
            )
        if request.custom:
            custom = work.path("custom", lambda told: _answered(engine, request, spoken, told), share, 1)
    if isinstance(generic, GenericDraft):
        work.note(generic)
    partial = sorted(set().union(*(it.partial for it in (generic, custom) if not isinstance(it, Skipped | None))))
    if partial:
        work.warnings.append(PARTLY_READ.format(names=", ".join(partial)))
    return Analysis(
        request=request,
        payload=analytics_payload(request, fields, spoken, generic, custom),
        generic_applied=isinstance(generic, GenericDraft),
        custom_applied=isinstance(custom, CustomDraft),
        generic_elapsed_s=work.elapsed_s.get("generic", 0.0),
        custom_elapsed_s=work.elapsed_s.get("custom", 0.0),
        warnings=tuple(work.warnings),
    )


def _answered(engine: Analyst, request: AnalyticsRequest, spoken: Spoken, told: OnProgress) -> CustomDraft:
    fields = request.asked_fields
    return fields_borne_out(engine.custom(spoken, fields, request.domain, told), fields, spoken)


def _shares(request: AnalyticsRequest) -> float:
    if request.profile is None:
        return 0.0
    return GENERIC_SHARE if request.custom else 1.0


class _Work:
    def __init__(self, spoken: Spoken, told: Told, warnings: list[str]) -> None:
        self.spoken, self.told, self.warnings = spoken, told, warnings
        self.elapsed_s: dict[str, float] = {}

    def ready(self, analyst: Callable[[], Analyst], redaction: Redaction | None) -> Analyst | Skipped:
        """The analyst, or why it is not asked, of which the warning is then already noted."""
        reason = self._reason(redaction)
        if not reason:
            try:
                engine = analyst()
                if engine.reads(self.spoken.language):
                    return engine
                reason = "language_unsupported"
            except Exception as error:
                log.error("analyst unavailable: %s", _told_of(error))
                reason = "analyst_unavailable"
        return self._skipped(reason)

    def _reason(self, redaction: Redaction | None) -> str:
        if redaction is not None and redaction.review_required:
            return "pii_review_required"
        if self.spoken.duration_s < LEAST_AUDIO_S:
            return "audio_too_short"
        return "" if self.spoken.lines else "no_speech"

    def path(self, name: str, ask: Callable[[OnProgress], Draft], low: float, high: float) -> Draft | Skipped:
        started = time.monotonic()
        try:
            draft = ask(lambda fraction: self.told(low + (high - low) * fraction))
        except Exception as error:
            if self.told.stopped:
                raise
            log.error("%s analytics failed: %s", name, _told_of(error))
            unavailable = isinstance(error, ModelUnavailable | EngineUnavailable)
            return self._skipped("analyst_unavailable" if unavailable else "generation_failed", name)
        if draft.is_empty:
            return self._skipped("generation_failed", name)
        self.elapsed_s[name] = time.monotonic() - started
        return draft

    def _skipped(self, reason: str, name: str = "generic") -> Skipped:
        warning = WARNINGS[reason].format(path=PATHS[name])
        if warning not in self.warnings:
            self.warnings.append(warning)
        return Skipped(reason)

    def note(self, draft: GenericDraft) -> None:
        if draft.downgraded:
            self.warnings.append(DOWNGRADED)
        elif draft.extracted:
            self.warnings.append(EXTRACTED)
        if draft.failed:
            self.warnings.append(PARTLY_FAILED.format(modules=", ".join(sorted(draft.failed))))


def _told_of(error: Exception) -> str:
    """What a log may hold: a message may quote what was said, unless it is one that is written for the operator."""
    written = isinstance(error, EngineUnavailable | ModelUnavailable | AnswerFailed)
    return str(error) if written else type(error).__name__

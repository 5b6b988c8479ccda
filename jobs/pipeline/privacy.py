"""Whether and how a transcript is redacted: languages, what fails, what is said of it. Pure; called by `run.py`.

Nothing here lets an unredacted word out when redaction fails: whoever asked for it gets a result without text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from jobs.pipeline.pii_types import LANGUAGES, TYPES
from jobs.pipeline.protocols import OnProgress, Redactor
from jobs.pipeline.redaction import redact
from jobs.pipeline.told import Told
from jobs.pipeline.types import EngineUnavailable, Finding, Findings, Redaction, Transcript

log = logging.getLogger(__name__)

UNSUPPORTED = (
    "PII redaction was skipped: it covers {supported}, and the recording's language is {language}. The text is not "
    "redacted."
)
PARTLY_UNSUPPORTED = (
    "Parts of the recording are in languages that PII redaction does not cover ({languages}); they need review."
)
ERROR = "PII processing failed, so the transcript is withheld. Submit the recording again, or review it by other means."


@dataclass(frozen=True)
class Privacy:
    """What the customer asked for, already validated. `substitute`: see `substitution.py`.

    `times`: it has to be known to the word when something was said, because the sound is to go too.
    """

    substitute: Callable[[str, str], str]
    types: frozenset[str] = field(default_factory=lambda: frozenset(TYPES))
    times: bool = False


def redacted(
    transcript: Transcript, redactor: Callable[[], Redactor], wanted: Privacy, on_progress: OnProgress
) -> tuple[Transcript, Redaction]:
    """The transcript without what was found in it. Exceptions of `on_progress` pass through, all others withhold."""
    language = transcript.language
    if not transcript.segments:
        return transcript, Redaction(language, skip_reason="no_speech")
    if language is None:  # words whose language nobody told: they can be neither read nor let through
        return _withheld(transcript), Redaction(None, error=ERROR, review_required=True)
    if language not in LANGUAGES:
        warning = UNSUPPORTED.format(supported=", ".join(LANGUAGES), language=language)
        return _warned(transcript, [warning]), Redaction(language, skip_reason="unsupported_language")
    told = Told(on_progress)
    problems: list[str] = []

    def find(text: str, spoken: str) -> tuple[Finding, ...]:
        found: Findings = engine.find(text, spoken, told)
        if found.problem and found.problem not in problems:
            problems.append(found.problem)
        return found.items

    try:
        engine = redactor()
        done = redact(transcript.segments, language, find, wanted.types, wanted.substitute)
    except Exception as error:
        if told.stopped:
            raise
        # Its message may quote what was said, unless it is one that is written for the operator.
        log.error("redaction failed: %s", error if isinstance(error, EngineUnavailable) else type(error).__name__)
        return _withheld(transcript), Redaction(language, error=ERROR, review_required=True)
    foreign = sorted({segment.language for segment in transcript.segments if segment.language} - set(LANGUAGES))
    if foreign:
        problems.append(PARTLY_UNSUPPORTED.format(languages=", ".join(foreign)))
    return _warned(replace(transcript, segments=done.segments), problems), Redaction(
        language,
        applied=True,
        review_required=bool(problems),
        placeholders=done.placeholders,
        spans_s=done.spans_s,
    )


def _withheld(transcript: Transcript) -> Transcript:
    return _warned(replace(transcript, segments=()), [ERROR])


def _warned(transcript: Transcript, warnings: list[str]) -> Transcript:
    return replace(transcript, warnings=(*transcript.warnings, *warnings))

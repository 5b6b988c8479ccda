"""Whisper as a transcriber: finds speech, cuts it into windows, reads them in batches, judges and mends the result.

Implements `pipeline.protocols.Transcriber`. The model itself is behind `recogniser.Recogniser`; how a window is judged
and how attempts follow each other is in `attempts.py`; languages in `language_track.py`; phrases in `phrases.py`.
"""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jobs.engines import vad, windows
from jobs.engines.attempts import ATTEMPTS, PREMIUM_ATTEMPTS, WITHOUT_TERMS, Attempt, Ledger, Take
from jobs.engines.group_reader import GroupReader
from jobs.engines.lanes import even_parts
from jobs.engines.language_track import LanguageTrack
from jobs.engines.phrases import place
from jobs.engines.recogniser import shared
from jobs.engines.windows import Window
from jobs.engines.words import joined_text, with_words
from jobs.languages import LANGUAGES_BY_TIER
from jobs.pipeline.health import without_loops
from jobs.pipeline.protocols import OnProgress
from jobs.pipeline.types import Audio, Segment, Transcript

# Twelve seconds: on two cores the encoder and the decoder's attention cost a third of what thirty-second windows cost,
# the words of overlapping callers swallowed are fewer, and each window can have its own language.
LONGEST_WINDOW_S = 12.0
# Windows looked at together: their languages are settled by majority, and like lengths share a batch.
GROUP_WINDOWS = 32
VAD_SHARE = 0.1

# A tier's language -> what the model calls it.
WRITTEN_AS = {"fil": "tl"}
ATTEMPTS_BY_TIER = {"standard": ATTEMPTS, "premium": PREMIUM_ATTEMPTS}
# Detection for premium listens for every language, so that a recording in one that it lacks is not forced into it.
HEARD_BY_TIER = {
    "standard": LANGUAGES_BY_TIER["standard"],
    "premium": tuple(sorted({*LANGUAGES_BY_TIER["standard"], *LANGUAGES_BY_TIER["premium"]} - {"fil"})),
}
OUTSIDE = "The recording's language ({language}) is not covered by the {tier} tier; the standard tier was used."
NOT_ALIGNED, ALIGNED, PARTLY_ALIGNED = "none", "whisper-attention", "whisper-attention-partial"


class WhisperTranscriber:
    """Shared by all jobs of a process: keeps the model, and nothing of any recording.

    The tiers share the weights; premium decodes more thoroughly, and always gives words.
    """

    def __init__(
        self,
        *,
        model_dir: pathlib.Path,
        tier: str = "standard",
        device: str = "cpu",
        compute_type: str = "int8",
        cpu_threads: int = 1,
        batch_size: int = 8,
        attempts: Sequence[Attempt] | None = None,
    ) -> None:
        self._recogniser = shared(model_dir, device, compute_type, cpu_threads)
        self._tier = tier
        self._batch_size = batch_size
        self._attempts = {**ATTEMPTS_BY_TIER, tier: tuple(attempts or ATTEMPTS_BY_TIER[tier])}
        self._engine_code = f"faster-whisper:{model_dir.name}"

    def transcribe(
        self,
        audio: Audio,
        language: str | None,
        on_progress: OnProgress,
        *,
        words: bool = False,
        keyterms: tuple[str, ...] = (),
    ) -> Transcript:
        """See the protocol. Memory does not grow with the recording, but for its text and four bytes for each 32 ms."""
        probabilities = vad.speech_probabilities(audio, lambda done: on_progress(VAD_SHARE * done))
        speech = vad.speech_stretches(probabilities, audio.duration_s)
        todo = windows.pack(speech, probabilities, LONGEST_WINDOW_S, audio.duration_s)
        job = _Job(self._tier, self._attempts, words, keyterms)
        spoken = language or LanguageTrack(HEARD_BY_TIER[self._tier])
        done = 0
        for group in even_parts(todo, GROUP_WINDOWS, 1):

            def told(part: float, done: int = done, group: list[Window] = group) -> None:
                on_progress(VAD_SHARE + (1 - VAD_SHARE) * (done + part * len(group)) / len(todo))

            job.read(GroupReader(self._recogniser, self._batch_size, audio, group, told), group, spoken)
            done += len(group)
        return job.transcript(self._engine_code)


class _Job:
    """One recording's transcription: the tier that it turns out to be for, and what was found so far."""

    def __init__(
        self, tier: str, attempts: dict[str, tuple[Attempt, ...]], words: bool, keyterms: tuple[str, ...]
    ) -> None:
        self._tier = tier
        self._asked_tier = tier
        self._attempts_by_tier = attempts
        self._asked_words = words
        self._keyterms = keyterms
        self._ledger: Ledger | None = None
        self._outside: str | None = None
        self._segments: list[Segment] = []

    def read(self, reader: GroupReader, group: Sequence[Window], spoken: str | LanguageTrack) -> None:
        """One group of windows; the languages of the first decide the tier."""
        reader.listen(self._attempts_by_tier[self._asked_tier][0].params, spoken)
        if self._ledger is None:
            self._choose_tier(dominant(zip(reader.languages, (window.speech_s for window in group), strict=True)))
            self._ledger = Ledger(self._attempts())
        takes = reader.read(self._ledger.tried, self._ledger, self._keyterms)
        found = [list(_segments(take)) for take in takes]
        if self._words:
            texts = [joined_text(segments) for segments in found]
            for i, pieces in enumerate(reader.align(texts)):
                if pieces:
                    limits = (group[i].start_s, group[i].end_s)
                    found[i] = with_words(found[i], pieces, group[i].speech, limits)
        self._segments.extend(itertools.chain.from_iterable(found))

    def transcript(self, engine_code: str) -> Transcript:
        self._choose_tier(dominant_language(self._segments))
        segments = tuple(self._named(segment) for segment in self._segments)
        align_code, warnings = _alignment(segments) if self._words else (NOT_ALIGNED, ())
        if self._outside is not None:
            warnings = (OUTSIDE.format(language=self._outside, tier=self._asked_tier), *warnings)
        return Transcript(
            segments=segments,
            language=dominant_language(segments),
            engine_code=engine_code,
            issues=self._ledger.issues() if self._ledger else (),
            attempts=self._ledger.attempts() if self._ledger else (),
            warnings=warnings,
            model_applied=self._tier,
            align_code=align_code,
        )

    @property
    def _words(self) -> bool:
        return self._asked_words or self._tier == "premium"

    def _attempts(self) -> tuple[Attempt, ...]:
        first, *later = self._attempts_by_tier[self._tier]
        return (first, *([WITHOUT_TERMS] if self._keyterms else []), *later)

    def _choose_tier(self, language: str | None) -> None:
        """A recording in a language that the tier lacks is the standard tier's."""
        accepted = {WRITTEN_AS.get(code, code) for code in LANGUAGES_BY_TIER[self._tier]}
        if language and self._tier != "standard" and WRITTEN_AS.get(language, language) not in accepted:
            self._tier, self._outside = "standard", language

    def _named(self, segment: Segment) -> Segment:
        """The tier's own name for a language that the model writes under another one."""
        names = {WRITTEN_AS[code]: code for code in LANGUAGES_BY_TIER[self._tier] if code in WRITTEN_AS}
        if segment.language not in names or segment.language in LANGUAGES_BY_TIER[self._tier]:
            return segment
        language = names[segment.language]
        spoken = tuple(replace(word, language=language) for word in segment.words)
        return replace(segment, language=language, words=spoken)


def _alignment(segments: Sequence[Segment]) -> tuple[str, tuple[str, ...]]:
    """The alignment's code, and a warning where it does not hold for every segment."""
    without = sum(not segment.words for segment in segments)
    if not without:
        return (ALIGNED if segments else NOT_ALIGNED), ()
    code = NOT_ALIGNED if without == len(segments) else PARTLY_ALIGNED
    return code, (f"Word times could not be found for {without} of {len(segments)} segments.",)


def dominant(spoken: Iterable[tuple[str | None, float]]) -> str | None:
    """Of (language, seconds), the language with the most seconds."""
    total: dict[str, float] = {}
    for language, seconds in spoken:
        if language:
            total[language] = total.get(language, 0.0) + seconds
    return max(total, key=total.__getitem__, default=None)


def dominant_language(segments: Sequence[Segment]) -> str | None:
    """The language that the most seconds are spoken in."""
    return dominant((segment.language, segment.end_s - segment.start_s) for segment in segments)


def _segments(take: Take) -> Iterator[Segment]:
    for start_s, end_s, text in place(take.phrases, take.window.speech):
        yield Segment(
            start_s=start_s,
            end_s=end_s,
            text=" ".join((without_loops(text) if take.repetitive else text).split()),
            language=take.language,
            avg_logprob=take.avg_logprob,
            no_speech_prob=take.no_speech_prob,
        )

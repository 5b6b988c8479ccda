"""Whisper as a transcriber: finds speech, cuts it into windows, reads them in batches, judges and mends the result.

Implements `pipeline.protocols.Transcriber`. The model itself is behind `recogniser.Recogniser`; how a window is judged
and how attempts follow each other is in `attempts.py`; languages in `language_track.py`; phrases in `phrases.py`.
"""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jobs.engines import windows
from jobs.engines.attempts import ATTEMPTS, PREMIUM_ATTEMPTS, Attempt, Ledger, Take, for_keyterms
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
# A tier chooses among its own languages. Premium listens for every one as well: a recording in one that it lacks is
# not forced into another, but read by the standard tier.
READ_IN = {
    tier: tuple(sorted(WRITTEN_AS.get(code, code) for code in codes)) for tier, codes in LANGUAGES_BY_TIER.items()
}
EVERY_LANGUAGE = tuple(sorted({*READ_IN["standard"], *READ_IN["premium"]}))
ATTEMPTS_BY_TIER = {"standard": ATTEMPTS, "premium": PREMIUM_ATTEMPTS}
OUTSIDE = "The recording's language ({language}) is not covered by the {tier} tier; the standard tier was used."
NOT_ALIGNED, ALIGNED, PARTLY_ALIGNED = "none", "whisper-attention", "whisper-attention-partial"


class WhisperTranscriber:
    """Shared by all jobs of a process: keeps the model, and nothing of any recording.

    The tiers share the weights; premium has more ways for windows that went wrong, and always gives words.
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
        todo = windows.find(audio, LONGEST_WINDOW_S, lambda done: on_progress(VAD_SHARE * done))
        reached = VAD_SHARE

        def told(done: float) -> None:
            nonlocal reached
            reached = VAD_SHARE + (1 - VAD_SHARE) * done
            on_progress(reached)

        try:
            return self._read(audio, todo, self._job(self._tier, language, words, keyterms), told)
        except _Outside as outside:
            left = 1 - reached
            job = self._job("standard", language, words, keyterms)
            found = self._read(audio, todo, job, lambda done: on_progress(1 - left * (1 - done)))
            warning = OUTSIDE.format(language=outside, tier=self._tier)
            return replace(found, warnings=(warning, *found.warnings))

    def _job(self, tier: str, language: str | None, words: bool, keyterms: tuple[str, ...]) -> _Job:
        return _Job(tier, self._attempts[tier], language, words, keyterms)

    def _read(self, audio: Audio, todo: list[Window], job: _Job, on_progress: OnProgress) -> Transcript:
        done = 0
        for group in even_parts(todo, GROUP_WINDOWS, 1):

            def told(part: float, done: int = done, group: list[Window] = group) -> None:
                on_progress((done + part * len(group)) / len(todo))

            job.read(GroupReader(self._recogniser, self._batch_size, audio, group, told), group)
            done += len(group)
        return job.transcript(self._engine_code)


class _Outside(Exception):
    """The recording is in a language that the tier lacks; the message is its code."""


class _Job:
    """One recording's transcription by one tier: what was found so far. Raises _Outside."""

    def __init__(
        self, tier: str, attempts: tuple[Attempt, ...], language: str | None, words: bool, keyterms: tuple[str, ...]
    ) -> None:
        self._tier = tier
        self._ledger = Ledger(for_keyterms(attempts) if keyterms else attempts)
        self._words = words or tier == "premium"
        self._keyterms = keyterms
        self._spoken = language or LanguageTrack(READ_IN[tier])
        self._listening = language or LanguageTrack(EVERY_LANGUAGE)
        self._heard: list[tuple[str, float]] = []
        self._segments: list[Segment] = []

    def read(self, reader: GroupReader, group: Sequence[Window]) -> None:
        """One group of windows."""
        reader.listen(self._ledger.tried[0].params)
        if self._tier != "standard":
            self._check_language(reader, group)
        reader.settle(self._spoken)
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
        segments = tuple(self._named(segment) for segment in self._segments)
        align_code, warnings = _alignment(segments) if self._words else (NOT_ALIGNED, ())
        return Transcript(
            segments=segments,
            language=dominant((segment.language, segment.end_s - segment.start_s) for segment in segments),
            engine_code=engine_code,
            issues=self._ledger.issues(),
            attempts=self._ledger.attempts(),
            warnings=warnings,
            model_applied=self._tier,
            align_code=align_code,
        )

    def _check_language(self, reader: GroupReader, group: Sequence[Window]) -> None:
        """A recording is in the language that most of the speech so far is in: asked again with each group."""
        speech_s = (window.speech_s for window in group)
        self._heard.extend(zip(reader.settle(self._listening), speech_s, strict=True))
        language = dominant(self._heard)
        if language and WRITTEN_AS.get(language, language) not in READ_IN[self._tier]:
            raise _Outside(language)

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


def _segments(take: Take) -> Iterator[Segment]:
    for start_s, end_s, text in place(take.phrases, take.window.speech):
        said = " ".join((without_loops(text) if take.repetitive else text).split())
        if not said:
            continue
        yield Segment(
            start_s=start_s,
            end_s=end_s,
            text=said,
            language=take.language,
            avg_logprob=take.avg_logprob,
            no_speech_prob=take.no_speech_prob,
        )

"""The gpu profile's premium transcriber: Qwen3-ASR and Qwen3-ForcedAligner, each behind a vLLM server of its own.

Implements `pipeline.protocols.Transcriber`. Speech is cut at pauses into chunks far below what the models take (20
minutes to recognise, 5 to align: https://github.com/QwenLM/Qwen3-ASR), many are asked for side by side, and words are
grouped into phrases. HTTP is in `vllm_server.py`, prompts and answers in `qwen_prompts.py`, words in `qwen_aligner.py`.
How the servers are started: deploy/gpu/README.md.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from jobs.engines import keyterms as terms_guard
from jobs.engines import phrases, windows
from jobs.engines.attempts import LOW_COVERAGE_RATIO, LOW_COVERAGE_S
from jobs.engines.lanes import Lanes, even_parts
from jobs.engines.language_track import LanguageTrack
from jobs.engines.qwen_aligner import Aligner
from jobs.engines.qwen_languages import ALIGNED, NAMES, code_of
from jobs.engines.qwen_prompts import Answer, read_answer, recognition_prompt
from jobs.engines.vllm_server import ANSWER_WITHIN_S, PATIENCE_S, Completion, VllmServer
from jobs.engines.windows import Window
from jobs.languages import PREMIUM_LANGUAGES
from jobs.pipeline.health import covered_speech_s, is_repetitive, letters, without_loops
from jobs.pipeline.phrasing import grouped_from_words
from jobs.pipeline.protocols import OnProgress, Transcriber
from jobs.pipeline.types import SAMPLE_RATE, Audio, EngineUnavailable, Segment, Transcript, Word

log = logging.getLogger(__name__)

ENGINE, ALIGNER, NOT_ALIGNED = "qwen3-asr", "qwen3-forced-aligner", "none"

# Half a minute gives the model enough to go on, a language of its own to each chunk, and progress often. Where words
# can't be aligned, phrases are timed by the pauses in their chunk, so that it should be short.
LONGEST_CHUNK_S, LONGEST_UNALIGNED_CHUNK_S = 30.0, 15.0
# The shortest sound that the model takes (MIN_ASR_INPUT_SECONDS in its package).
SHORTEST_S = 0.5
# Fifty tokens a second: more than fast speech takes in any script.
MAX_TOKENS = 1500
GROUP_CHUNKS = 32
# The model names one language without saying how sure it is: a chunk of five seconds outvotes its neighbours.
NAMED_PROBABILITY = 0.95
VAD_SHARE, READ_SHARE, SETTLE_SHARE = 0.1, 0.6, 0.7
# After so many chunks that could not be aligned the rest of the recording goes without.
ALIGNMENT_FAILURES = 3

OUTSIDE = "The recording's language ({language}) is not covered by the premium tier; the standard tier was used."
LACKING = "Word times are not available in this language: {languages}."
FAILED = "Word times could not be found for {without} of {all} segments."


@dataclass(frozen=True)
class Reading:
    """A chunk and what was heard in it; `name` is a language as the model calls it, `language` a code."""

    chunk: Window
    text: str
    name: str | None
    language: str | None
    silent: bool = False
    repetitive: bool = False
    words: tuple[Word, ...] = ()

    def segments(self) -> list[Segment]:
        """Phrases from the words, or from the text and the pauses in the chunk."""
        speech = self.chunk.speech
        if self.words:
            start, end = self.words[0].start_s, self.words[-1].end_s
            return list(grouped_from_words([Segment(start, end, self.text, self.language, words=self.words)]))
        timed = phrases.place([(speech[0].start_s, speech[-1].end_s, self.text)], speech) if self.text else []
        return [Segment(start, end, text, self.language) for start, end, text in timed]


class _Outside(Exception):
    """The recording is in a language that the tier lacks; the message is its name."""


class QwenTranscriber:
    """Shared by all jobs of a process: keeps connections, and nothing of any recording.

    `fallback` gives the standard tier's transcriber, for recordings in a language that this one lacks. Without
    `aligner_url` there are no words. At most `concurrency` requests are under way, of all jobs together.
    """

    def __init__(
        self,
        *,
        asr_url: str,
        aligner_url: str,
        fallback: Callable[[], Transcriber],
        api_key: str = "",
        concurrency: int = 16,
        patience_s: float = PATIENCE_S,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        def server(url: str, what: str) -> VllmServer:
            return VllmServer(url, what, api_key=api_key, patience_s=patience_s, answer_within_s=answer_within_s)

        self._server = server(asr_url, "Qwen3-ASR")
        self._aligner = Aligner(server(aligner_url, "Qwen3-ForcedAligner")) if aligner_url else None
        self._fallback = fallback
        self._lanes = Lanes(concurrency)

    def transcribe(
        self,
        audio: Audio,
        language: str | None,
        on_progress: OnProgress,
        *,
        words: bool = False,
        keyterms: tuple[str, ...] = (),
    ) -> Transcript:
        """See the protocol. Words come with every transcript of this tier, whether asked for or not."""
        longest_s = LONGEST_CHUNK_S if language in {None, *ALIGNED} else LONGEST_UNALIGNED_CHUNK_S
        chunks = windows.find(audio, longest_s, lambda done: on_progress(VAD_SHARE * done))
        if not chunks:
            return Transcript((), None, ENGINE, model_applied="premium")
        reached = VAD_SHARE

        def told(part: float) -> None:
            nonlocal reached
            reached = max(reached, VAD_SHARE + (1 - VAD_SHARE) * part)
            on_progress(reached)

        job = _Job(self._server, self._aligner, self._lanes, audio, language, keyterms)
        try:
            return job.transcript(chunks, told)
        except _Outside as outside:
            left = 1 - reached
            found = self._fallback().transcribe(
                audio,
                None,
                lambda part: on_progress(max(reached, 1 - left * (1 - part))),
                words=words,
                keyterms=keyterms,
            )
            return replace(found, warnings=(OUTSIDE.format(language=outside), *found.warnings))
        finally:
            job.stop.set()


class _Job:
    """One recording's transcription. `stop` ends what waits for another try."""

    def __init__(
        self,
        server: VllmServer,
        aligner: Aligner | None,
        lanes: Lanes,
        audio: Audio,
        language: str | None,
        keyterms: tuple[str, ...],
    ) -> None:
        self.stop = threading.Event()
        self._server = server
        self._aligner = aligner
        self._lanes = lanes
        self._audio = audio
        self._asked = language
        self._keyterms = keyterms
        self._model = ""
        self._track = LanguageTrack(PREMIUM_LANGUAGES)
        self._named_s: dict[str, float] = {}
        self._failures = 0

    def transcript(self, chunks: Sequence[Window], told: Callable[[float], None]) -> Transcript:
        told(0.0)
        self._model = self._server.model(self.stop)
        readings: list[Reading] = []
        for group in even_parts(chunks, GROUP_CHUNKS, 1):
            done, share = len(readings) / len(chunks), len(group) / len(chunks)

            def part(low: float, high: float, done: float = done, share: float = share) -> Callable[[float], None]:
                return lambda fraction: told(done + share * (low + (high - low) * fraction))

            found = self._lanes.each(lambda chunk: self._read(chunk, self._asked), group, part(0.0, READ_SHARE))
            if self._asked is None:
                found = self._settled(found, part(READ_SHARE, SETTLE_SHARE))
            readings += self._lanes.each(self._aligned, found, part(SETTLE_SHARE, 1.0))
        return self._written(readings)

    def _read(self, chunk: Window, language: str | None) -> Reading:
        """What is said in a chunk. Terms that were only repeated from the context are not."""
        answer, whole = self._heard(chunk, language, self._keyterms)
        if self._keyterms and terms_guard.mostly_terms(answer.text, self._keyterms):
            plain, plain_whole = self._heard(chunk, language, ())
            if terms_guard.added_terms(answer.text, plain.text, self._keyterms):
                answer, whole = plain, plain_whole
        text = answer.text if letters(answer.text) else ""
        repetitive = is_repetitive(text, chunk.duration_s) or not whole
        code = language or (code_of(answer.name) if answer.name else None)
        return Reading(chunk, without_loops(text) if repetitive else text, answer.name, code, answer.silent, repetitive)

    def _heard(self, chunk: Window, language: str | None, keyterms: tuple[str, ...]) -> tuple[Answer, bool]:
        prompt = recognition_prompt(language, keyterms)
        found: Completion = self._server.complete(self._model, prompt, self._sound(chunk), MAX_TOKENS, self.stop)
        return read_answer(found.text), found.whole

    def _sound(self, chunk: Window) -> np.ndarray:
        samples = self._audio.read(chunk.start_s, chunk.end_s)
        return np.pad(samples, (0, max(0, round(SHORTEST_S * SAMPLE_RATE) - len(samples))))

    def _settled(self, readings: list[Reading], told: Callable[[float], None]) -> list[Reading]:
        """The group with its languages settled; a chunk that its neighbours outvote is read again in their language."""
        for reading in readings:
            if reading.text and reading.name:
                self._named_s[reading.name] = self._named_s.get(reading.name, 0.0) + reading.chunk.speech_s
        most = max(self._named_s, key=self._named_s.__getitem__, default=None)
        if most is not None and code_of(most) is None:
            raise _Outside(most)
        if most is None:
            return readings
        heard = [({r.language: NAMED_PROBABILITY} if r.language and r.text else {}, r.chunk.speech_s) for r in readings]
        spoken = dict(zip([reading.chunk for reading in readings], self._track.follow(heard), strict=True))

        def again(reading: Reading) -> Reading:
            language = spoken[reading.chunk]
            return reading if language == reading.language or not reading.text else self._read(reading.chunk, language)

        return self._lanes.each(again, readings, told)

    def _aligned(self, reading: Reading) -> Reading:
        """The reading with its words, where the aligner knows the language and can be asked."""
        if self._aligner is None or self._failures >= ALIGNMENT_FAILURES:
            return reading
        if not reading.text or reading.language not in ALIGNED:
            return reading
        try:
            found = self._aligner.align(
                reading.text, reading.language, reading.chunk, self._sound(reading.chunk), self.stop
            )
        except EngineUnavailable as error:
            log.warning("words_not_aligned: %s", error)
            self._failures += 1
            return reading
        return replace(reading, words=found)

    def _written(self, readings: Sequence[Reading]) -> Transcript:
        segments = [segment for reading in readings for segment in reading.segments()]
        seconds: dict[str, float] = {}
        for segment in segments:
            if segment.language:
                seconds[segment.language] = seconds.get(segment.language, 0.0) + segment.end_s - segment.start_s
        return Transcript(
            segments=tuple(segments),
            language=max(seconds, key=seconds.__getitem__, default=None),
            engine_code=f"{ENGINE}:{self._model}",
            issues=_issues(readings),
            warnings=_warnings(segments),
            model_applied="premium",
            align_code=ALIGNER if any(segment.words for segment in segments) else NOT_ALIGNED,
        )


def _warnings(segments: Sequence[Segment]) -> tuple[str, ...]:
    """Why segments have no words: the aligner lacks their language, or did not find them."""
    bare = [segment for segment in segments if not segment.words]
    lacking = sorted({NAMES[s.language] for s in bare if s.language and s.language not in ALIGNED})
    failed = sum(segment.language is None or segment.language in ALIGNED for segment in bare)
    found = [LACKING.format(languages=", ".join(lacking))] if lacking else []
    return (*found, FAILED.format(without=failed, all=len(segments))) if failed else tuple(found)


def _issues(readings: Sequence[Reading]) -> tuple[str, ...]:
    """As for the standard tier: speech without words, and loops. What the model calls silence is no speech to cover."""
    spoken_s = covered_s = 0.0
    for reading in readings:
        if not reading.silent:
            speech = [(stretch.start_s, stretch.end_s) for stretch in reading.chunk.speech]
            spoken_s += reading.chunk.speech_s
            # The whole chunk's time: an aligned word is shorter than the speech that it was found in.
            covered_s += covered_speech_s([(speech[0][0], speech[-1][1], reading.text)], speech)
    missing_s = spoken_s - covered_s
    low = missing_s > LOW_COVERAGE_S and covered_s < LOW_COVERAGE_RATIO * spoken_s
    looped = any(reading.repetitive for reading in readings)
    return (*(["low_coverage"] if low else []), *(["repetition_detected"] if looped else []))

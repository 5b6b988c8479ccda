"""Which tier reads a recording, and how: premium's thirty languages, what it does outside them, and its own attempts.

The recogniser is a stand-in that takes a window's language from its loudness.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

from jobs.engines import transcriber_whisper
from jobs.engines.attempts import ATTEMPTS, PREMIUM_ATTEMPTS
from jobs.engines.lanes import Lanes
from jobs.engines.recogniser import DecodeParams, Encoded, Phrase, Reading
from jobs.engines.transcriber_whisper import OUTSIDE, WhisperTranscriber
from jobs.engines.words import Piece

ENGLISH, UKRAINIAN = 0.9, 0.5
HEARD = {ENGLISH: {"en": 0.9, "uk": 0.05, "pl": 0.05}, UKRAINIAN: {"uk": 0.9, "pl": 0.09, "en": 0.01}}
TERMS = ("Zyrtec", "Allegra")
SENTENCE = "and so my fellow Americans ask not what your country can do for you ask what you can do for your country"


@dataclass
class Recogniser:
    """Notes how each window is read; with terms to expect it writes nothing else."""

    lanes: Lanes = field(default_factory=lambda: Lanes(1))
    read_with: list[tuple[DecodeParams, bool]] = field(default_factory=list)

    def encode(self, samples, params):
        levels = [round(float(np.abs(window).max()), 1) for window in samples]
        return Encoded(levels, tuple(len(window) / 16000 for window in samples))

    def languages(self, encoded):
        return [HEARD[level] for level in encoded.output]

    def prompt(self, keyterms):
        return tuple(range(len(keyterms)))

    def read(self, encoded, languages, params, before=()):
        self.read_with += [(params, bool(before))] * len(languages)
        texts = [" ".join(TERMS) if before else f"{language}: {SENTENCE}" for language in languages]
        return [
            Reading((Phrase(0.0, length_s, text),), -0.2, 0.0, 4)
            for text, length_s in zip(texts, encoded.durations_s, strict=True)
        ]

    def align(self, encoded, texts, languages):
        return [(Piece(0, len(text), 0.5, 3.0),) for text in texts]


@pytest.fixture
def recogniser(monkeypatch):
    stand_in = Recogniser()
    monkeypatch.setattr(transcriber_whisper, "shared", lambda *_: stand_in)
    monkeypatch.setattr(transcriber_whisper, "GROUP_WINDOWS", 1)
    return stand_in


@pytest.fixture
def transcribe(recogniser, tmp_path):
    def call(audio, tier="premium", language=None, on_progress=lambda done: None, **options):
        return WhisperTranscriber(model_dir=tmp_path, tier=tier).transcribe(audio, language, on_progress, **options)

    return call


def profiles(found):
    return {attempt.profile for attempt in found.attempts}


def test_a_recording_in_one_of_the_thirty_is_read_by_premium_and_has_words(transcribe, recording, recogniser):
    found = transcribe(recording(ENGLISH, ENGLISH))
    assert (found.model_applied, found.language, found.warnings) == ("premium", "en", ())
    assert all(segment.words for segment in found.segments)
    assert {params for params, _ in recogniser.read_with} == {PREMIUM_ATTEMPTS[0].params}


@pytest.mark.parametrize("language", [None, "uk"])
def test_a_recording_outside_the_thirty_is_read_by_standard_alone(language, transcribe, recording, recogniser):
    found = transcribe(recording(UKRAINIAN), language=language)
    assert (found.model_applied, found.language) == ("standard", "uk")
    assert found.warnings == (OUTSIDE.format(language="uk", tier="premium"),)
    assert {params for params, _ in recogniser.read_with} == {ATTEMPTS[0].params}


def test_a_recording_that_turns_out_to_be_outside_the_thirty_is_read_by_standard_from_its_beginning(
    transcribe, recording
):
    audio = recording(ENGLISH, UKRAINIAN, UKRAINIAN)
    found, standard = transcribe(audio), transcribe(audio, tier="standard")
    assert [segment.text.split(":")[0] for segment in found.segments] == ["en", "uk", "uk"]
    assert (found.model_applied, found.language) == ("standard", "uk")
    assert found.warnings == (OUTSIDE.format(language="uk", tier="premium"),)
    # Nothing that premium read is left in the result or in the account of how it came about.
    assert (found.segments, found.attempts) == (standard.segments, standard.attempts)
    assert profiles(found) == {ATTEMPTS[0].profile}


def test_standard_gives_words_in_premiums_place_only_where_they_were_asked_for(transcribe, recording):
    audio = recording(ENGLISH, UKRAINIAN, UKRAINIAN)
    assert not any(segment.words for segment in transcribe(audio).segments)
    assert all(segment.words for segment in transcribe(audio, words=True).segments)


def test_progress_never_falls_when_standard_begins_again(transcribe, recording):
    told: list[float] = []
    transcribe(recording(ENGLISH, UKRAINIAN, UKRAINIAN), on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] > 0.9


def test_a_part_outside_the_thirty_does_not_change_the_tier_and_is_read_in_its_neighbours_language(
    transcribe, recording
):
    found = transcribe(recording(ENGLISH, ENGLISH, UKRAINIAN))
    assert (found.model_applied, found.language, found.warnings) == ("premium", "en", ())
    assert [segment.language for segment in found.segments] == ["en", "en", "en"]


@pytest.mark.parametrize(("tier", "first"), [("standard", ATTEMPTS[0]), ("premium", PREMIUM_ATTEMPTS[0])])
def test_what_may_be_only_the_terms_is_read_again_in_the_tiers_own_way(tier, first, transcribe, recording, recogniser):
    found = transcribe(recording(ENGLISH), tier=tier, keyterms=TERMS)
    assert recogniser.read_with == [(first.params, True), (first.params, False)]
    assert [attempt.profile for attempt in found.attempts] == [first.profile, "without_keyterms"]
    assert found.segments[0].text == f"en: {SENTENCE}"

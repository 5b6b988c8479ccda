"""Words with times from the real model: they say what the segment says, in order and inside it."""

import pytest

from jobs.engines import weights
from jobs.engines.audio import AudioDecoder
from jobs.engines.transcriber_whisper import WhisperTranscriber

from .conftest import AUDIO

pytestmark = pytest.mark.engine


def spoken(words):
    return "".join(("" if word.glued else " ") + word.text for word in words).strip()


@pytest.fixture
def written(models_dir, work_dir):
    def write(name, tier="standard", **options):
        transcriber = WhisperTranscriber(model_dir=weights.folder(models_dir), tier=tier, cpu_threads=2)
        with AudioDecoder().decode(AUDIO / name, work_dir, lambda done: None) as audio:
            return transcriber.transcribe(audio, None, lambda done: None, **options), audio.duration_s

    return write


@pytest.mark.parametrize("tier", ["standard", "premium"])
def test_words_say_what_their_segment_says_in_order_and_inside_it(written, tier):
    transcript, duration_s = written("speech.mp3", tier, words=True)
    assert transcript.align_code == "whisper-attention" and transcript.model_applied == tier
    reached = 0.0
    for segment in transcript.segments:
        assert spoken(segment.words) == segment.text
        for word in segment.words:
            assert reached <= word.start_s < word.end_s <= duration_s
            assert segment.start_s <= word.start_s and word.end_s <= segment.end_s
            assert word.language == "en"
            reached = word.end_s


def test_without_words_nothing_is_aligned(written):
    transcript, _ = written("speech.mp3")
    assert transcript.align_code == "none" and not any(segment.words for segment in transcript.segments)


def test_names_that_were_not_said_are_not_written_where_nobody_speaks(written):
    transcript, _ = written("noise_white_10s.flac", words=True, keyterms=("Nguyen", "Lakeside Family Clinic"))
    assert transcript.segments == ()

"""A stored document read as a transcript again: whose lines they are, and what stands against analysing them."""

import pytest

from jobs.pipeline.regrafting import redaction_of, spoken_again

SEGMENTS = [
    {"start": 0.0, "end": 4.0, "speaker": "SPEAKER_01", "text": "Good morning."},
    {"start": 4.0, "end": 9.0, "text": "Hello there."},
]


def document(speaker_count=None, segments=SEGMENTS, **fields):
    found = {"segments": segments, "language": "en", "audio_duration_seconds": 9.5, **fields}
    return found if speaker_count is None else {**found, "diarization": {"speaker_count": speaker_count}}


def test_lines_are_numbered_by_position_and_keep_times_words_and_speakers():
    spoken = spoken_again(document(speaker_count=1))
    assert [(line.id, line.start_s, line.end_s, line.text, line.speaker) for line in spoken.lines] == [
        (0, 0.0, 4.0, "Good morning.", "SPEAKER_01"),
        (1, 4.0, 9.0, "Hello there.", None),
    ]
    assert spoken.diarized and spoken.language == "en" and spoken.duration_s == 9.5


@pytest.mark.parametrize(
    "stored",
    [document(), document(speaker_count=0), document(speaker_count=2, segments=SEGMENTS[1:]), document(diarization={})],
)
def test_without_a_count_or_without_labels_nobody_is_told_apart(stored):
    spoken = spoken_again(stored)
    assert not spoken.diarized and spoken.speakers == ()


def test_a_silent_recording_has_no_lines():
    assert spoken_again(document(segments=[], language=None)).lines == ()


def test_only_a_transcript_that_needs_review_is_held_back():
    assert redaction_of(document()) is None and redaction_of(document(pii_findings=[])) is None
    held = redaction_of(document(pii_review_required=True))
    assert held is not None and held.review_required

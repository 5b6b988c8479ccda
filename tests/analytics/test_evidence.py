"""Evidence is the transcript's own words and times, for ids that exist, at most three of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analytics.evidence import EVIDENCE_CAP, FIELD_IDS_CAP, evidence, known_ids
from tests.analytics.conversations import AGENT, spoken_texts, the_call

cited = st.lists(st.integers(-20, 40), max_size=20)


def test_a_snippet_has_the_times_the_speaker_and_the_words_of_its_segment():
    assert evidence(the_call(), [7]) == [
        {"start": 28.0, "end": 32.0, "speaker": AGENT, "text": "We'll send the settlement letter by Friday."}
    ]


def test_without_diarization_a_snippet_has_no_speaker():
    assert list(evidence(the_call(diarized=False), [7])[0]) == ["start", "end", "text"]


def test_the_first_three_that_are_cited_come_in_the_order_of_the_recording():
    found = evidence(the_call(), [9, 2, 2, 5, 1])
    assert [row["start"] for row in found] == [8.0, 20.0, 36.0]


def test_ids_outside_the_transcript_take_no_place_of_those_inside():
    assert known_ids(the_call(), [-1, 99, 12, 3, 1000, 0], 2) == (0, 3)


@given(spoken_texts(), cited)
def test_whatever_is_cited_evidence_is_segments_of_the_transcript(said, ids):
    snippets = [{"start": line.start_s, "end": line.end_s, "text": line.text} for line in said.lines]
    found = evidence(said, ids)
    assert len(found) <= EVIDENCE_CAP
    for row in found:
        assert {key: row[key] for key in ("start", "end", "text")} in snippets
    assert [row["start"] for row in found] == sorted({row["start"] for row in found})


@given(spoken_texts(), cited)
def test_an_id_is_kept_once_in_order_and_only_if_it_exists(said, ids):
    found = known_ids(said, ids, FIELD_IDS_CAP)
    assert list(found) == sorted(set(found))
    assert set(found) <= set(ids) & set(range(len(said.lines)))
    assert len(found) == min(FIELD_IDS_CAP, len(set(ids) & set(range(len(said.lines)))))

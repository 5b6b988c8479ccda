"""Words to speakers: who is given which word, where segments are cut, and what is said of the result."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.phrasing import tidy_segments
from jobs.pipeline.stages import assign_speakers
from jobs.pipeline.texts import joined_words
from jobs.pipeline.types import Diarization, Segment, Transcript, Turn, Word


def spoken(text, start_s=0.0, each_s=0.4, language="en"):
    """A segment of words that follow each other without a pause; "_" is a pause as long as a word."""
    words, at = [], start_s
    for part in text.split():
        if part != "_":
            words.append(Word(at, at + each_s, part, language))
        at += each_s
    tidy = joined_words(words)
    return Segment(words[0].start_s, words[-1].end_s, tidy, language, -0.3, 0.1, tuple(words))


def diarized(*exclusive, turns=None, vectors=None):
    """("a", 0, 2), … -> what a diarizer says; `turns` where they overlap"""
    exclusive = tuple(Turn(start, end, label) for label, start, end in exclusive)
    turns = exclusive if turns is None else tuple(Turn(start, end, label) for label, start, end in turns)
    return Diarization(turns, exclusive, vectors or {}, "pretend", 2)


def assigned(segments, diarization, **options):
    """([(speaker, text), …], Speakers)"""
    transcript, speakers = assign_speakers(Transcript(tuple(segments), "en", "pretend"), diarization, **options)
    return [(segment.speaker, segment.text) for segment in transcript.segments], speakers


def test_a_segment_is_cut_where_the_speaker_changes_and_takes_its_times_from_its_words():
    transcript, speakers = assign_speakers(
        Transcript((spoken("Can you hear me? Yes, I can."),), "en", "pretend"),
        diarized(("b", 0.0, 1.7), ("a", 1.7, 3.0)),
    )
    assert [(s.speaker, s.start_s, s.end_s, s.text) for s in transcript.segments] == [
        ("SPEAKER_00", 0.0, 1.6, "Can you hear me?"),
        ("SPEAKER_01", 1.6, 2.8, "Yes, I can."),
    ]
    assert all(s.avg_logprob is None and s.no_speech_prob is None for s in transcript.segments)
    assert [word.text for word in transcript.segments[1].words] == ["Yes,", "I", "can."]
    assert speakers.count == 2


def test_labels_and_vectors_are_numbered_by_who_speaks_first():
    found = diarized(("z", 0.0, 4.0), ("a", 4.0, 8.0), vectors={"a": (0.0, 1.0), "z": (1.0, 0.0)})
    rows, speakers = assigned([spoken("first of all"), spoken("and now me", 5.0)], found)
    assert rows == [("SPEAKER_00", "first of all"), ("SPEAKER_01", "and now me")]
    assert speakers.vectors == {"SPEAKER_00": (1.0, 0.0), "SPEAKER_01": (0.0, 1.0)}


def test_a_change_of_speaker_beside_the_end_of_a_sentence_is_moved_there():
    call = [spoken("your policy number. It is four.")]
    rows, _ = assigned(call, diarized(("a", 0.0, 0.8), ("b", 0.95, 2.4)))
    assert rows == [("SPEAKER_00", "your policy number."), ("SPEAKER_01", "It is four.")]


def test_an_answer_before_the_question_is_finished_stays_an_answer():
    rows, _ = assigned([spoken("so I think Yes. I agree.")], diarized(("a", 0.0, 1.2), ("b", 1.2, 2.4)))
    assert rows == [("SPEAKER_00", "so I think"), ("SPEAKER_01", "Yes. I agree.")]


def test_the_first_word_of_an_answer_over_the_end_of_the_question_is_the_answers():
    found = diarized(("a", 0.0, 1.2), ("b", 1.2, 2.4), turns=[("a", 0.0, 1.2), ("b", 0.9, 2.4)])
    rows, _ = assigned([spoken("Thank you. Yes, it is.")], found)
    assert rows == [("SPEAKER_00", "Thank you."), ("SPEAKER_01", "Yes, it is.")]


def test_a_last_word_in_which_the_first_is_not_heard_is_the_others():
    found = diarized(("a", 0.0, 1.2), ("b", 1.35, 2.4))
    rows, _ = assigned([spoken("Is that it Yes. Thanks bye.")], found)
    assert rows == [("SPEAKER_00", "Is that it"), ("SPEAKER_01", "Yes. Thanks bye.")]


def test_a_moment_of_the_other_does_not_take_the_word_that_goes_on():
    found = diarized(("a", 0.0, 0.8), ("b", 0.8, 2.4), turns=[("a", 0.0, 0.8), ("b", 0.79, 2.4)])
    rows, _ = assigned([spoken("Right. But wait please")], found)
    assert rows == [("SPEAKER_00", "Right. But"), ("SPEAKER_01", "wait please")]


def test_a_word_belongs_to_whom_it_overlaps_most():
    rows, _ = assigned([spoken("one two three four five")], diarized(("a", 0.0, 0.9), ("b", 0.9, 2.0)))
    assert rows == [("SPEAKER_00", "one two"), ("SPEAKER_01", "three four five")]


def test_a_word_in_no_turn_goes_to_the_nearest_turn():
    rows, _ = assigned([spoken("well _ hello there")], diarized(("a", 0.9, 1.2), ("b", 1.2, 9.0)))
    assert rows[0][0] == "SPEAKER_00"
    rows, _ = assigned([spoken("a b c d e f g h")], diarized(("x", 0.0, 0.8), ("y", 2.8, 3.2)))
    assert [text for _, text in rows] == ["a b c d", "e f g h"]


def test_a_word_far_from_every_turn_goes_to_whoever_says_the_word_before():
    far = Segment(0.0, 9.0, "one two", "en", words=(Word(0.0, 1.0, "one"), Word(4.0, 4.2, "two")))
    rows, _ = assigned([far, spoken("three", 8.0)], diarized(("a", 0.0, 1.0), ("b", 5.5, 9.0)))
    assert rows[0] == ("SPEAKER_00", "one two")


def test_one_word_that_slipped_to_the_other_in_the_middle_of_a_phrase_comes_back():
    turns = [("a", 0.0, 4.0), ("b", 1.3, 1.5), ("b", 5.0, 6.0)]
    found = diarized(("a", 0.0, 1.3), ("b", 1.3, 1.5), ("a", 1.5, 4.0), ("b", 5.0, 6.0), turns=turns)
    words = [Word(0.0, 0.6, "I"), Word(0.6, 1.28, "would"), Word(1.3, 1.5, "like"), Word(1.5, 2.0, "that.")]
    rows, _ = assigned([Segment(0.0, 2.0, "I would like that.", "en", words=tuple(words))], found)
    assert rows == [("SPEAKER_00", "I would like that.")]


def test_one_word_spoken_over_somebody_who_talks_on_stays_in_the_phrase():
    found = diarized(("a", 0.0, 0.8), ("b", 0.8, 1.2), ("a", 1.2, 2.4), turns=[("a", 0.0, 2.4), ("b", 0.8, 1.2)])
    assert assigned([spoken("so I went over there then")], found)[0] == [("SPEAKER_00", "so I went over there then")]


@pytest.mark.parametrize("text", ["Is that you? Yes. Are you sure?", "is that you yes are you sure"])
def test_a_short_answer_that_is_its_own_turn_is_kept(text):
    found = diarized(("a", 0.0, 1.2), ("b", 1.2, 1.6), ("a", 1.6, 2.8))
    rows, _ = assigned([spoken(text)], found)
    assert [speaker for speaker, _ in rows] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]
    assert rows[1][1].lower().strip(".") == "yes"


def test_a_sentence_of_one_word_over_somebody_who_talks_on_is_kept():
    found = diarized(("a", 0.0, 1.2), ("b", 1.2, 1.6), ("a", 1.6, 2.8), turns=[("a", 0.0, 2.8), ("b", 1.2, 1.6)])
    rows, _ = assigned([spoken("Is that you? Yes. Are you sure?")], found)
    assert ("SPEAKER_01", "Yes.") in rows


def test_an_answer_after_a_pause_is_no_slip():
    found = diarized(("a", 0.0, 0.8), ("b", 2.0, 2.2), ("a", 3.6, 4.4))
    rows, _ = assigned([spoken("are you _ _ _ yes _ _ _ then go")], found)
    assert [speaker for speaker, _ in rows] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]


def test_a_segment_without_word_times_goes_to_one_speaker_as_a_whole():
    plain = Segment(0.0, 5.0, "No times here.", "en")
    rows, _ = assigned([plain, spoken("and here", 6.0)], diarized(("a", 0.0, 2.0), ("b", 2.0, 7.0)))
    assert rows == [("SPEAKER_00", "No times here."), ("SPEAKER_00", "and here")]


def test_a_segment_whose_words_say_something_else_than_its_text_is_not_cut():
    odd = Segment(0.0, 2.0, "Twenty one", "en", words=(Word(0.0, 1.0, "21"), Word(1.0, 2.0, "!")))
    rows, _ = assigned([odd], diarized(("a", 0.0, 1.2), ("b", 1.2, 2.0)))
    assert rows == [("SPEAKER_00", "Twenty one")]


def test_the_parts_of_a_hyphenated_word_are_never_parted():
    words = (Word(0.0, 0.5, "well"), Word(0.5, 1.0, "-known", glued=True), Word(1.0, 1.5, "fact"))
    known = Segment(0.0, 1.5, "well-known fact", "en", words=words)
    rows, _ = assigned([known], diarized(("a", 0.0, 0.6), ("b", 0.6, 3.0)))
    assert rows == [("SPEAKER_00", "well-known"), ("SPEAKER_01", "fact")]


def test_chinese_is_cut_between_characters_and_written_without_spaces():
    words = tuple(Word(at / 2, at / 2 + 0.5, text, "zh", glued=True) for at, text in enumerate("你好吗我很好"))
    rows, _ = assigned([Segment(0.0, 3.0, "你好吗我很好", "zh", words=words)], diarized(("a", 0, 1.5), ("b", 1.5, 3)))
    assert rows == [("SPEAKER_00", "你好吗"), ("SPEAKER_01", "我很好")]


def test_someone_who_is_heard_but_says_no_word_is_not_counted():
    found = diarized(("a", 0.0, 3.0), ("cough", 4.0, 5.0), vectors={"a": (1.0, 0.0), "cough": (0.0, 1.0)})
    _, speakers = assigned([spoken("only me here today")], found)
    assert speakers.count == 1
    assert list(speakers.vectors) == ["SPEAKER_00"]


def test_without_any_turn_everything_is_one_speakers_and_not_to_be_trusted():
    rows, speakers = assigned([spoken("is anyone there")], diarized())
    assert rows == [("SPEAKER_00", "is anyone there")]
    assert (speakers.count, speakers.confidence) == (1, "low")
    assert "no speaker could be told from another" in speakers.warning


def test_nothing_said_is_nobody():
    rows, speakers = assigned([], diarized(("a", 0.0, 1.0)))
    assert rows == []
    assert (speakers.count, speakers.vectors) == (0, {})


CALM = [("a", 0.0, 10.0), ("b", 10.0, 20.0), ("a", 20.0, 30.0)]
CALL = [spoken("one two three four five", 1.0), spoken("six seven eight nine", 11.0), spoken("ten", 21.0)]
APART = {"a": (1.0, 0.0), "b": (0.0, 1.0)}


def test_a_calm_call_has_medium_confidence_and_no_warning():
    _, speakers = assigned(CALL, diarized(*CALM, vectors=APART))
    assert (speakers.confidence, speakers.warning) == ("medium", None)


def test_a_little_overlap_brings_the_documented_warning():
    turns = [("a", 0.0, 10.0), ("b", 9.0, 20.0), ("a", 20.0, 30.0)]
    _, speakers = assigned(CALL, diarized(*CALM, turns=turns, vectors=APART))
    assert speakers.confidence == "medium"
    assert speakers.warning == (
        "Speaker attribution may be less accurate around short backchannels and overlapping speech."
    )


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (diarized(*CALM, turns=[("a", 0, 30), ("b", 2, 20)], vectors=APART), "at the same time"),
        (diarized(*CALM, turns=[*CALM, *(("b", 30 + n, 30.3 + n) for n in range(9))], vectors=APART), "very short"),
        (diarized(*CALM, vectors={"a": (1.0, 0.0), "b": (0.9, math.sqrt(0.19))}), "alike"),
        (diarized(("a", 0, 10), ("b", 11.3, 12.0), ("a", 13.0, 30.0), vectors=APART), "SPEAKER_01 speaks for only 0.7"),
        (diarized(("a", 0, 1.5), ("b", 11, 14.9), ("a", 25.0, 30.0), vectors=APART), "many words lie outside"),
    ],
)
def test_low_confidence_says_why(found, reason):
    _, speakers = assigned(CALL, found)
    assert speakers.confidence == "low"
    assert reason in speakers.warning


def test_a_speaker_without_a_vector_is_named_only_where_vectors_were_asked_for():
    found = diarized(*CALM, vectors={"a": (1.0, 0.0)})
    assert assigned(CALL, found)[1].warning is None
    _, speakers = assigned(CALL, found, vectors_wanted=True)
    assert speakers.warning == "SPEAKER_01 speaks too little for a voice vector."


LABELS = st.sampled_from("abcd")


@st.composite
def transcripts(draw):
    """Segments as a transcriber leaves them after tidying: some with words, some without, some in Chinese."""
    segments, at = [], 0.0
    for number in range(draw(st.integers(0, 6))):
        at += draw(st.floats(0.0, 3.0))
        language = draw(st.sampled_from(["en", "zh", None]))
        words, start = [], at
        for place in range(draw(st.integers(1, 8))):
            glued = place > 0 and (language == "zh" or draw(st.integers(0, 5)) == 0)
            start += draw(st.sampled_from([0.0, 0.0, 0.2, 2.0]))
            end = start + draw(st.floats(0.0, 1.0))
            mark = draw(st.sampled_from(["", "", ".", "?"]))
            words.append(Word(start, end, f"w{number}x{place}{mark}", language, glued))
            start = end
        timed = draw(st.integers(0, 4)) > 0
        segments.append(Segment(at, start, joined_words(words), language, -0.2, 0.1, tuple(words) if timed else ()))
        at = start
    return Transcript(tidy_segments(segments, at + 1.0), "en", "pretend")


@st.composite
def diarizations(draw):
    exclusive, at = [], 0.0
    for label in draw(st.lists(LABELS, max_size=12)):
        at += draw(st.sampled_from([0.0, 0.0, 0.5, 4.0]))
        end = at + draw(st.floats(0.01, 3.0))
        exclusive.append(Turn(at, end, label))
        at = end
    longer = [Turn(turn.start_s, turn.end_s + draw(st.sampled_from([0.0, 0.4])), turn.speaker) for turn in exclusive]
    return Diarization(tuple(longer), tuple(exclusive), {"a": (1.0, 0.0), "b": (0.6, 0.8)}, "pretend", 2)


@given(transcripts(), diarizations())
def test_whatever_is_said_no_word_is_lost_doubled_or_moved(transcript, diarization):
    after, _ = assign_speakers(transcript, diarization)

    def bare(segments):
        return "".join("".join(segment.text.split()) for segment in segments)

    def words(segments):
        return [word.text for segment in segments for word in segment.words]

    assert bare(after.segments) == bare(transcript.segments)
    assert words(after.segments) == words(transcript.segments)


@given(transcripts(), diarizations())
def test_segments_are_in_order_each_with_one_speaker_numbered_by_first_appearance(transcript, diarization):
    after, speakers = assign_speakers(transcript, diarization)
    previous_end = 0.0
    for segment in after.segments:
        assert previous_end <= segment.start_s < segment.end_s
        assert all(segment.start_s <= word.start_s <= word.end_s <= segment.end_s for word in segment.words)
        previous_end = segment.end_s
    seen = list(dict.fromkeys(segment.speaker for segment in after.segments))
    assert seen == [f"SPEAKER_{number:02d}" for number in range(len(seen))]
    assert speakers.count == len(seen)
    assert set(speakers.vectors) <= set(seen)
    assert speakers.confidence in ("medium", "low")
    assert speakers.confidence == "medium" or speakers.warning

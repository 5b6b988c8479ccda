"""One speaker per channel: the order of what is said, and crosstalk."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.stages import NO_SPEECH_WARNING, merge_channels
from jobs.pipeline.types import Segment, Transcript, Word


def said(start_s, text, *, each_s=0.4, logprob=-0.3, language="en"):
    """A phrase; "_" is a pause as long as a word."""
    words, at = [], start_s
    for part in text.split():
        if part != "_":
            words.append(Word(at, at + each_s, part, language))
        at += each_s
    text = " ".join(word.text for word in words)
    return Segment(start_s, words[-1].end_s, text, language, logprob, 0.1, tuple(words))


def channel(*segments, language="en", **more):
    return Transcript(tuple(segments), language if segments else None, "pretend", **more)


def merged(*channels):
    transcript, speakers = merge_channels(channels)
    return [(segment.speaker, segment.text) for segment in transcript.segments], speakers


def test_two_channels_read_as_a_dialogue_numbered_by_who_speaks_first():
    rows, speakers = merged(
        channel(said(2.0, "Fine, thanks."), said(6.0, "Bye.")), channel(said(0.0, "How are you?"), said(4.0, "Good."))
    )
    assert rows == [
        ("SPEAKER_00", "How are you?"),
        ("SPEAKER_01", "Fine, thanks."),
        ("SPEAKER_00", "Good."),
        ("SPEAKER_01", "Bye."),
    ]
    assert (speakers.count, speakers.confidence, speakers.warning, speakers.vectors) == (2, "medium", None, {})


def test_a_phrase_is_cut_at_a_pause_in_which_the_other_answers_and_nowhere_else():
    rows, _ = merged(
        channel(said(0.0, "first the name _ _ and then _ the number please")), channel(said(1.3, "Right.", each_s=0.5))
    )
    assert [text for _, text in rows] == ["first the name", "Right.", "and then the number please"]


def test_the_same_words_at_the_same_time_are_crosstalk_of_the_surer_channel():
    loud = said(1.0, "I would like to order a pizza.", logprob=-0.2)
    faint = said(1.2, "would like to order a pizza", logprob=-0.9)
    rows, speakers = merged(channel(faint, said(6.0, "Which one?")), channel(loud))
    assert rows == [("SPEAKER_00", "I would like to order a pizza."), ("SPEAKER_01", "Which one?")]
    assert speakers.count == 2


def test_a_phrase_is_dropped_on_one_side_only():
    same = "one two three four five"
    rows, _ = merged(channel(said(0.0, same)), channel(said(0.0, same)), channel(said(0.1, same)))
    assert rows == [("SPEAKER_00", same)]


def test_the_same_words_said_later_or_just_yes_at_once_are_no_crosstalk():
    rows, _ = merged(channel(said(0.0, "see you next week then")), channel(said(2.5, "see you next week then")))
    assert len(rows) == 2
    rows, _ = merged(channel(said(0.0, "Yes.")), channel(said(0.1, "Yes.")))
    assert len(rows) == 2


def test_a_channel_without_speech_is_no_speaker_and_no_warning():
    silent = channel(warnings=(NO_SPEECH_WARNING, "something else"))
    transcript, speakers = merge_channels([silent, channel(said(0.0, "Hello?"))])
    assert speakers.count == 1
    assert transcript.warnings == ("something else",)
    assert transcript.language == "en"


def test_no_speech_in_any_channel_is_nobody():
    transcript, speakers = merge_channels([channel(warnings=(NO_SPEECH_WARNING,))] * 2)
    assert (transcript.segments, speakers.count, transcript.warnings) == ((), 0, (NO_SPEECH_WARNING,))


def test_the_language_is_the_one_spoken_longest_and_one_standard_channel_makes_it_standard():
    spanish = channel(said(0.0, "hola qué tal todo", language="es"), language="es", model_applied="premium")
    english = channel(said(3.0, "hi"), model_applied="standard")
    transcript, _ = merge_channels([english, spanish])
    assert (transcript.language, transcript.model_applied) == ("es", "standard")


@st.composite
def channels(draw):
    """Up to three channels of tidy phrases; no two words alike, so that nothing is crosstalk."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        at, segments = 0.0, []
        for phrase in range(draw(st.integers(0, 5))):
            at = round(at + draw(st.floats(0.0, 2.0)), 3)
            text = " ".join(
                draw(st.sampled_from([f"c{number}p{phrase}w{place}", f"_ c{number}p{phrase}w{place}"]))
                for place in range(draw(st.integers(1, 6)))
            )
            segments.append(said(at, text, each_s=0.25))
            at = segments[-1].end_s
        found.append(channel(*segments))
    return found


@given(channels())
def test_every_word_is_kept_once_with_its_channels_speaker_in_order_of_time(found):
    transcript, speakers = merge_channels(found)
    before = sorted(word.text for one in found for segment in one.segments for word in segment.words)
    assert sorted(" ".join(segment.text for segment in transcript.segments).split()) == before
    assert sorted(word.text for segment in transcript.segments for word in segment.words) == before
    starts = [segment.start_s for segment in transcript.segments]
    assert starts == sorted(starts)
    assert all(segment.start_s < segment.end_s for segment in transcript.segments)
    speaker_of = {(segment.speaker, segment.text[:2]) for segment in transcript.segments}
    assert len(speaker_of) == speakers.count == sum(bool(one.segments) for one in found)


def test_a_cough_that_was_heard_as_another_language_changes_neither_tier_nor_language():
    call = channel(*(said(at, "one two three four five six") for at in range(0, 40, 4)), model_applied="premium")
    cough = channel(
        said(50.0, "Mm.", language="cy"), language="cy", model_applied="standard", warnings=("cy is not covered.",)
    )
    transcript, speakers = merge_channels([cough, call])
    assert (transcript.language, transcript.model_applied, transcript.warnings) == ("en", "premium", ())
    assert speakers.count == 2 and transcript.segments[-1].text == "Mm."

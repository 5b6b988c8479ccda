"""Words inside their segments, and phrases grouped from words."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.phrasing import LONGEST_PHRASE_S, grouped_from_words, tidy_segments
from jobs.pipeline.texts import joined_words
from jobs.pipeline.types import Segment, Word


def segment(*words, language="en"):
    return Segment(words[0].start_s, words[-1].end_s, joined_words(words), language, words=words)


def texts(*segments):
    return [phrase.text for phrase in grouped_from_words(segments)]


def test_words_are_put_inside_their_segment_in_order_and_in_milliseconds():
    words = (Word(-1.0, 0.70049, " a "), Word(0.5, 9.0, "b"), Word(3.0, 2.0, "c"))
    (tidy,) = tidy_segments([Segment(0.5, 2.0, "a b c", words=words)], 5.0)
    assert [(word.start_s, word.end_s, word.text) for word in tidy.words] == [
        (0.5, 0.7, "a"),
        (0.7, 2.0, "b"),
        (2.0, 2.0, "c"),
    ]


def test_a_phrase_ends_at_a_pause_and_where_the_language_changes():
    words = (Word(0, 1, "one", "en"), Word(1.2, 2, "two", "en"), Word(4, 5, "three", "en"), Word(5, 6, "cuatro", "es"))
    phrases = grouped_from_words([segment(*words)])
    assert [(p.start_s, p.end_s, p.text, p.language) for p in phrases] == [
        (0, 2, "one two", "en"),
        (4, 5, "three", "en"),
        (5, 6, "cuatro", "es"),
    ]


def test_a_long_phrase_ends_with_its_sentences_and_a_short_one_does_not():
    sentences = [Word(n * 2.0, n * 2.0 + 2.0, f"w{n}." if n % 2 else f"w{n}") for n in range(6)]
    assert texts(segment(*sentences)) == ["w0 w1.", "w2 w3.", "w4 w5."]
    assert texts(segment(*sentences[:3])) == ["w0 w1. w2"]


def test_the_full_stop_of_a_title_ends_no_phrase():
    parts = ["Go", "home", "now.", "Dr.", "Patel", "waits."]
    words = [Word(n * 2.0, n * 2.0 + 2.0, part) for n, part in enumerate(parts)]
    assert texts(segment(*words)) == ["Go home now.", "Dr. Patel waits."]


def test_minutes_without_a_full_stop_are_cut_at_the_longest_pauses():
    words = [Word(n * 0.5, n * 0.5 + 0.4, f"w{n}") for n in range(60)]
    words[20] = Word(10.05, 10.4, "w20")
    phrases = grouped_from_words([segment(*words)])
    assert all(phrase.end_s - phrase.start_s <= LONGEST_PHRASE_S for phrase in phrases)
    assert phrases[0].text.endswith("w19")
    assert len(phrases) <= 4


def test_what_has_no_words_stays_as_it_is():
    plain = Segment(0.0, 60.0, "A minute of text.", "en")
    assert grouped_from_words([plain]) == (plain,)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 4), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_no_word_is_lost_and_no_phrase_overlaps_the_next(found):
    words, at = [], 0.0
    for number, (gap, length, glued, stop) in enumerate(found):
        words.append(Word(at + gap, at + gap + length, f"w{number}{'.' if stop else ''}", "en", glued and number > 0))
        at += gap + length
    whole = segment(*words)
    phrases = grouped_from_words([whole])
    assert tuple(word for phrase in phrases for word in phrase.words) == whole.words
    assert "".join(phrase.text.replace(" ", "") for phrase in phrases) == whole.text.replace(" ", "")
    for before, after in pairwise(phrases):
        assert before.end_s <= after.start_s + 1e-9


def test_words_outlive_a_segment_without_words_that_is_joined_to_theirs():
    words = (Word(4.0, 4.4, "Good"), Word(4.4, 5.0, "bye."))
    bye, thanks = Segment(4.0, 5.0, "Good bye.", words=words), Segment(5.0, 5.4, "Thanks.")
    (joined,) = tidy_segments([bye, thanks], 5.0)
    assert joined.text == "Good bye. Thanks."
    assert [word.text for word in joined.words] == ["Good", "bye.", "Thanks."]
    assert [word.start_s for word in joined.words] == sorted(word.start_s for word in joined.words)

"""Placeholders in text, segments and words: nothing of what was found stays, and everything else does."""

import re

from hypothesis import given
from hypothesis import strategies as st

from jobs.pipeline.pii_types import TYPES
from jobs.pipeline.redaction import redact
from jobs.pipeline.substitution import substitute
from jobs.pipeline.texts import joined_text, joined_words
from jobs.pipeline.types import Finding, Segment, Word


def said(start_s, text, speaker="SPEAKER_00", *, words=True, language="en"):
    """A phrase, half a second a word."""
    parts = text.split()
    times = [(start_s + at / 2, start_s + (at + 1) / 2) for at in range(len(parts))]
    timed = tuple(Word(*time, part, language) for time, part in zip(times, parts, strict=True))
    return Segment(start_s, times[-1][1], text, language, words=timed if words else (), speaker=speaker)


def finder(**types):
    """Finds each regular expression as its type."""

    def find(text, language):
        return [
            Finding(match.start(), match.end(), type_, 0.9, ("pretend",))
            for type_, pattern in types.items()
            for match in re.finditer(pattern, text)
        ]

    return find


def redacted(segments, find, kind="type", types=tuple(TYPES), language="en"):
    return redact(segments, language, find, types, substitute(kind, b"key"))


def texts(found):
    return [segment.text for segment in found.segments]


def test_a_name_becomes_a_placeholder_and_the_punctuation_around_it_stays():
    found = redacted([said(0.0, "My name is Sarah Mitchell, hello.")], finder(PERSON="Sarah Mitchell"))
    assert texts(found) == ["My name is <PERSON>, hello."]
    (placeholder,) = found.placeholders
    assert joined_text(found.segments)[placeholder.start : placeholder.end] == "<PERSON>"
    assert [word.text for word in found.segments[0].words] == ["My", "name", "is", "<PERSON>,", "hello."]
    name = found.segments[0].words[3]
    assert (name.start_s, name.end_s) == (1.5, 2.5) == found.spans_s[0]


def test_a_part_of_a_word_takes_the_whole_word():
    found = redacted([said(0.0, "It is Sarah's car.")], finder(PERSON="Sarah"))
    assert texts(found) == ["It is <PERSON> car."]


def test_a_number_across_segments_has_one_placeholder_where_it_begins():
    call = [
        said(0.0, "It is four one"),
        said(2.0, "one one,"),
        said(4.0, "four four two one. Is that right?"),
    ]
    found = redacted(call, finder(CREDIT_CARD=r"four one one one, four four two one"))
    assert texts(found) == ["It is <CREDIT_CARD>", "Is that right?"]
    assert len(found.placeholders) == 1 and len(found.spans_s) == 3
    assert found.segments[0].end_s == 3.0
    assert joined_words(found.segments[1].words) == "Is that right?"


def test_what_another_says_briefly_does_not_hide_a_number():
    call = [said(0.0, "four one"), said(1.0, "Mhm.", "SPEAKER_01"), said(2.0, "one one")]
    found = redacted(call, finder(CREDIT_CARD="four one one one"))
    assert [(segment.speaker, segment.text) for segment in found.segments] == [
        ("SPEAKER_00", "<CREDIT_CARD>"),
        ("SPEAKER_01", "Mhm."),
    ]


def test_a_short_answer_that_goes_on_with_a_number_is_no_interruption_of_it():
    call = [
        said(0.0, "The policy number is four four"),
        said(4.0, "got it", "SPEAKER_01"),
        said(6.0, "seven one nine"),
        said(8.0, "go on", "SPEAKER_01"),
        said(10.0, "zero two three"),
    ]
    found = redacted(call, finder(POLICY_NUMBER="four four seven one nine zero two three"))
    assert texts(found) == ["The policy number is <POLICY_NUMBER>", "got it", "go on"]


def test_the_sound_goes_from_the_word_before_to_the_word_after():
    """A number of several groups is one word to a recogniser, with the time of one group."""
    words = (Word(1.0, 1.4, "It's"), Word(3.0, 3.5, "4111-1111,"), Word(6.0, 6.5, "yes."))
    found = redacted([Segment(1.0, 6.5, "It's 4111-1111, yes.", "en", words=words)], finder(CREDIT_CARD="4111-1111"))
    assert found.spans_s == ((1.4, 6.0),)


def test_the_sound_goes_over_the_edge_of_a_phrase_as_far_as_the_next_one():
    call = [said(0.0, "And the card?", "SPEAKER_01"), said(3.0, "4111-1111"), said(60.0, "Thank you.", "SPEAKER_01")]
    found = redacted(call, finder(CREDIT_CARD="4111-1111"))
    assert found.spans_s == ((1.5, 8.5),)


def test_another_channel_that_speaks_meanwhile_does_not_shorten_the_silence():
    call = [
        Segment(2.0, 4.0, "And the card?", "en", speaker="SPEAKER_01"),
        Segment(8.0, 14.0, "Let me see if I can find it", "en", speaker="SPEAKER_01"),
        Segment(13.2, 14.0, "4111-1111", "en", words=(Word(13.2, 14.0, "4111-1111"),), speaker="SPEAKER_00"),
    ]
    assert redacted(call, finder(CREDIT_CARD="4111-1111")).spans_s == ((8.2, 19.0),)


def test_what_was_found_without_interruptions_goes_where_it_is_said_again():
    call = [
        said(0.0, "My account is 4471"),
        said(3.0, "Sure, go on.", "SPEAKER_01"),
        said(5.0, "9023"),
        said(7.0, "So that is 44719023, and 44-71 90 23 again, not 9023.", "SPEAKER_01"),
    ]
    found = redacted(call, finder(BANK_ACCOUNT="4471 9023"))
    assert texts(found)[-1] == "So that is <BANK_ACCOUNT>, and <BANK_ACCOUNT> again, not 9023."


def test_a_wanted_type_goes_though_another_was_surer():
    def find(text, language):
        return [Finding(0, 10, "LOCATION", 0.9, ("towns", "names"), also=("PERSON",))]

    assert texts(redacted([said(0.0, "Jordan Lee is here")], find, types={"PERSON"})) == ["<PERSON> is here"]
    assert texts(redacted([said(0.0, "Jordan Lee is here")], find, types={"URL"})) == ["Jordan Lee is here"]


def test_a_word_that_says_more_than_what_was_found_goes_with_it():
    words = (Word(0.0, 0.5, "Hello,"), Word(0.5, 0.6, "I am Sarah Mitchell"))
    found = redacted([Segment(0.0, 0.6, "Hello, I am Sarah Mitchell", "en", words=words)], finder(PERSON="Sarah.*"))
    assert texts(found) == ["Hello, I am <PERSON>"]
    assert [word.text for word in found.segments[0].words] == ["Hello,", "<PERSON>"]


def test_words_that_do_not_spell_a_segment_go_where_nothing_was_found_too():
    odd = Segment(0.0, 1.5, "Good morning.", "en", words=(Word(0.0, 1.0, "Sarah"),))
    assert redacted([odd], finder(PERSON="Sarah")).segments[0].words == ()


def test_findings_that_share_a_word_are_one_with_every_detector():
    def find(text, language):
        return [Finding(0, 9, "ORDER_NUMBER", 0.4, ("order",)), Finding(5, 14, "PHONE_NUMBER", 0.8, ("phone", "order"))]

    found = redacted([said(0.0, "1234 5678 9012 there")], find)
    (placeholder,) = found.placeholders
    assert texts(found) == ["<PHONE_NUMBER> there"]
    assert (placeholder.type, placeholder.confidence, placeholder.detector_count) == ("PHONE_NUMBER", 0.8, 2)


def test_only_the_wanted_types_go():
    find = finder(PERSON="Sarah", LOCATION="Springfield")
    found = redacted([said(0.0, "Sarah in Springfield")], find, types={"LOCATION"})
    assert texts(found) == ["Sarah in <LOCATION>"]


def test_words_that_do_not_spell_their_segment_go_with_it():
    segment = said(0.0, "I am Sarah.")
    odd = Segment(0.0, 1.5, "I am Sarah.", "en", words=(*segment.words[:2], Word(1.0, 1.5, "Sara.")))
    found = redacted([odd], finder(PERSON="Sarah"))
    assert texts(found) == ["I am <PERSON>."] and found.segments[0].words == ()
    assert found.spans_s == ((0.0, 6.5),)  # and the silence behind, as far as a number may have begun or gone on


def test_what_is_said_in_another_of_the_languages_is_looked_at_in_that_language():
    asked = []

    def find(text, language):
        asked.append((language, text))
        return ()

    redacted([said(0.0, "Hello."), said(1.0, "Hola, soy Ana.", language="es"), said(3.0, "日本", language="ja")], find)
    assert ("en", "Hello. Hola, soy Ana. 日本") in asked and ("es", "Hola, soy Ana.") in asked
    assert {language for language, _ in asked} == {"en", "es"}


def test_the_four_kinds_of_placeholder():
    call = [said(0.0, "Sarah Mitchell and Tom and sarah")]
    find = finder(PERSON="Sarah Mitchell|Tom|sarah")
    assert texts(redacted(call, find, "type")) == ["<PERSON> and <PERSON> and <PERSON>"]
    assert texts(redacted(call, find, "numbered")) == ["<PERSON_1> and <PERSON_2> and <PERSON_1>"]
    assert texts(redacted(call, find, "mask")) == ["#### and #### and ####"]
    (hashed,) = texts(redacted(call, find, "hash"))
    assert re.fullmatch(r"(<PERSON:[0-9a-f]{12}>)( and <PERSON:[0-9a-f]{12}>){2}", hashed)


def test_a_number_stays_with_a_name_by_title_possessive_and_part_and_with_digits_however_they_are_written():
    number = substitute("numbered", b"")
    assert number("PERSON", "Daniel Robert Harper") == number("PERSON", "Mr. Harper") == number("PERSON", "Harper's")
    assert (
        number("PERSON", "H-A-R-P-E-R") == number("PERSON", "h a r p e r") == number("PERSON", "daniel") == "<PERSON_1>"
    )
    assert number("PERSON", "Daniel Miller") == "<PERSON_2>"
    assert number("PERSON", "Mary Smith") == "<PERSON_3>" and number("PERSON", "Tom Smith") == "<PERSON_4>"
    assert number("PHONE_NUMBER", "212-555-0147") == number("PHONE_NUMBER", "212 555 0147,") == "<PHONE_NUMBER_1>"
    assert number("PHONE_NUMBER", "212-555-0148") == "<PHONE_NUMBER_2>"


def test_a_hash_is_the_same_for_the_same_value_and_key_only():
    one, other = substitute("hash", b"one"), substitute("hash", b"other")
    assert one("PERSON", "Sarah Mitchell") == one("PERSON", "sarah mitchell,")
    assert one("PERSON", "Sarah") != other("PERSON", "Sarah") != one("PERSON", "Tom")


PLAIN, SECRET = ["hello", "and", "well,", "(no)", "5", "-"], ["secret0", "secret1.", "“secret2”", "x-secret3"]


@st.composite
def calls(draw):
    segments, at = [], 0.0
    for _ in range(draw(st.integers(1, 6))):
        text = " ".join(draw(st.lists(st.sampled_from(PLAIN + SECRET), min_size=1, max_size=6)))
        speaker = draw(st.sampled_from(["SPEAKER_00", "SPEAKER_01"]))
        segments.append(said(at, text, speaker, words=draw(st.booleans())))
        at = segments[-1].end_s + 0.1
    return segments


@given(calls(), st.sampled_from([r"secret\d", r"secret\d\W*( \W*secret\d)*", r"secret\d.*secret\d"]), st.booleans())
def test_nothing_found_stays_and_all_else_does(call, pattern, masked):
    found = redacted(call, finder(PERSON=pattern, URL=r"secret\d"), "mask" if masked else "numbered")
    text = joined_text(found.segments)
    assert "secret" not in text
    assert not any("secret" in word.text for segment in found.segments for word in segment.words)
    for placeholder in found.placeholders:
        name = text[placeholder.start : placeholder.end]
        assert ("#" in name) if masked else re.fullmatch(r"<(PERSON|URL)_\d+>", name)
    for segment in found.segments:
        assert segment.start_s < segment.end_s and segment.text == segment.text.strip() != ""
        if segment.words:
            assert joined_words(segment.words) == segment.text
    if pattern == r"secret\d":
        kept = [word for segment in call for word in segment.text.split() if "secret" not in word and word.isalpha()]
        assert [word for word in text.split() if word.isalpha()] == kept
    starts = [placeholder.start for placeholder in found.placeholders]
    assert starts == sorted(starts)

"""What a number is: check digits, and the words of the question or the sentence."""

import pytest

from jobs.engines.pii.claims import claims, language

SPELLED_IBAN = (
    "D E acht neun drei sieben null vier null null vier vier null fünf drei zwei null eins drei null null null"
)


def found(code, text):
    kept = sorted(claims(text, language(code)), key=lambda claim: claim.start)
    return list(dict.fromkeys((claim.rule.type, text[claim.start : claim.end]) for claim in kept))


@pytest.mark.parametrize(
    ("code", "text", "kind", "span"),
    [
        ("en", "What is your policy number? / It's 4471 9023.", "POLICY_NUMBER", "4471 9023"),
        ("en", "My cell is 415. 555-018 Great! Please arrive early.", "PHONE_NUMBER", "415. 555-018"),
        ("en", "my claim number is NM44719023", "CLAIM_NUMBER", "NM44719023"),
        ("en", "booking reference X 7 Q 2 9 B please", "ORDER_NUMBER", "X 7 Q 2 9 B"),
        ("en", "Can I take your date of birth?\nSure, March 14th, 1982.", "DATE_OF_BIRTH", "March 14th, 1982"),
        ("en", "date of birth oh three fourteen eighty two", "DATE_OF_BIRTH", "oh three fourteen eighty two"),
        ("en", "born on the third of april nineteen oh five", "DATE_OF_BIRTH", "third of april nineteen oh five"),
        ("en", "the security code on the back is 7 3 1", "CARD_SECURITY_CODE", "7 3 1"),
        ("en", "it expires September 2027", "CARD_EXPIRY", "September 2027"),
        ("en", "my PIN is four nine zero two", "PASSWORD", "four nine zero two"),
        ("en", "the server is 192.168.10.24", "IP_ADDRESS", "192.168.10.24"),
        ("en", "my national insurance number is A B 1 2 3 4 5 6 C", "NATIONAL_ID", "A B 1 2 3 4 5 6 C"),
        ("en", "the last four of my social are 4 3 2 9", "NATIONAL_ID", "4 3 2 9"),
        ("en", "the visa ending in 4421", "CREDIT_CARD", "4421"),
        ("en", "routing number 021000021", "BANK_ACCOUNT", "021000021"),
        ("es", "nací el 5 de mayo de 1990", "DATE_OF_BIRTH", "5 de mayo de 1990"),
        ("es", "la tarjeta termina en cuatro cuatro dos uno", "CREDIT_CARD", "cuatro cuatro dos uno"),
        ("fr", "je suis née le quatorze mars mille neuf cent quatre-vingt-deux", "DATE_OF_BIRTH",
         "quatorze mars mille neuf cent quatre-vingt-deux"),
        ("fr", "mon numéro de contrat c'est le 77 42 18", "POLICY_NUMBER", "77 42 18"),
        ("de", "geboren am 3. April 1979", "DATE_OF_BIRTH", "3. April 1979"),
        ("de", "die Schadennummer lautet eins zwei drei vier fünf", "CLAIM_NUMBER", "eins zwei drei vier fünf"),
        ("de", f"IBAN {SPELLED_IBAN}",
         "IBAN_CODE", SPELLED_IBAN),
        ("pt", "a minha apólice é a 88 31 20", "POLICY_NUMBER", "88 31 20"),
        ("it", "sono nata il 4 luglio 1991", "DATE_OF_BIRTH", "4 luglio 1991"),
        ("nl", "mijn polisnummer is vier vier zeven een", "POLICY_NUMBER", "vier vier zeven een"),
        ("pl", "urodziłem się drugiego maja tysiąc dziewięćset osiemdziesiątego drugiego roku", "DATE_OF_BIRTH",
         "drugiego maja tysiąc dziewięćset osiemdziesiątego drugiego"),
        ("pl", "numer szkody to 44 12 90", "CLAIM_NUMBER", "44 12 90"),
    ],
)  # fmt: skip
def test_a_number_is_what_the_words_around_it_say(code, text, kind, span):
    assert (kind, span) in found(code, text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "It costs 1,200 dollars and takes 45 minutes, about 15% more than in 2019."),
        ("en", "We meet at 10:30 on March 14th, 2024, there are two hundred and fifty people."),
        ("en", "nineteen ninety nine was a good year and we sold twelve thousand five hundred units"),
        ("es", "Cuesta 1.200 euros y tarda 45 minutos, un 15 % más que en 2019."),
        ("fr", "Ça coûte 1 200 euros et ça prend 45 minutes, 15 % de plus qu'en 2019."),
        ("de", "Das kostet 1.200 Euro und dauert 45 Minuten, 15 % mehr als 2019."),
        ("pt", "Custa 1.200 euros e demora 45 minutos, mais 15% do que em 2019."),
        ("it", "Costa 1.200 euro e ci vogliono 45 minuti, il 15% in più rispetto al 2019."),
        ("nl", "Het kost 1.200 euro en duurt 45 minuten, 15% meer dan in 2019."),
        ("pl", "Kosztuje 1200 złotych i trwa 45 minut, o 15% więcej niż w 2019 roku."),
    ],
)
def test_ordinary_numbers_are_nobodys(code, text):
    assert found(code, text) == []


def test_a_card_over_four_segments_and_a_mhm_is_one_card():
    text = "my card is four one one one\nmhm\none one one one\nokay\none one one one\none one one one"
    assert found("en", text) == [("CREDIT_CARD", text[len("my card is ") :])]


@pytest.mark.parametrize("address", ["2001:db8::1", "fe80::1ff:fe23:4567:890a", "2001:0db8:85a3:0:0:8a2e:0370:7334"])
def test_an_address_of_a_computer_may_leave_its_zeros_out(address):
    assert found("en", f"The server is at {address}, since 10:30.") == [("IP_ADDRESS", address)]


def test_a_recording_of_nothing_but_digits_ends():
    text = "one two three four five six seven eight nine oh " * 300
    assert claims(text, language("en"))

"""POST /jobs with what is said of PII: which kinds, what is written instead, what is heard instead."""

import importlib.util
import json

import pytest

from jobs.engines import profiles
from jobs.models import Job
from jobs.pipeline.pii_types import AUDIO_KINDS, SUBSTITUTIONS, TYPES
from tests.conftest import recording

pytestmark = pytest.mark.django_db
REDACTED = {"pii_processing": "true"}
OPTIONS = {"pii_types": "PERSON", "pii_substitution": "hash", "pii_audio": "beep"}


def submit(person, **fields):
    return person.api.post("/jobs", {"audio_file": recording(), **fields})


def submit_json(person, **fields):
    """No source can be named in a JSON body yet: what gets past the checks of its fields is refused for that."""
    body = {"remote_url": "https://example.com/a.mp3", "pii_processing": True, **fields}
    return person.api.post("/jobs", json.dumps(body), content_type="application/json")


def row_of(person, answer):
    assert answer.status_code == 201, answer.json()
    return person.api.get(f"/jobs/{answer.json()['id']}").json()


def refused(answer, field):
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_field"
    assert answer.json()["errors"][0]["field"] == field and field in answer.json()["detail"]
    assert not Job.objects.exists()
    return answer.json()["detail"]


def test_what_is_asked_of_redaction_is_kept_and_shown(alice):
    answer = submit(alice, **REDACTED, pii_types="PERSON,URL", pii_substitution="numbered", pii_audio="silence")
    for row in (row_of(alice, answer), alice.api.get("/jobs").json()["items"][0]):
        assert row["pii_processing"] is True
        assert row["pii_types"] == ["PERSON", "URL"]
        assert row["pii_substitution"] == "numbered" and row["pii_audio"] == "silence"
        assert row["source_audio_available"] is True and row["redacted_audio_available"] is False


@pytest.mark.parametrize("fields", [{}, REDACTED])
def test_without_a_word_about_them_the_options_are_the_defaults(alice, fields):
    row = row_of(alice, submit(alice, **fields))
    assert row["pii_processing"] is bool(fields)
    assert (row["pii_types"], row["pii_substitution"], row["pii_audio"]) == ([], "type", None)
    assert row["redacted_audio_available"] is False


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("PERSON", ["PERSON"]),
        ("person, Iban_Code", ["PERSON", "IBAN_CODE"]),
        ('["PERSON", "iban_code"]', ["PERSON", "IBAN_CODE"]),
        (" [ ] ", []),
        (",", []),
        ("PERSON,,URL, ", ["PERSON", "URL"]),
        ("URL,PERSON,url,Person", ["URL", "PERSON"]),
        ('["PERSON", "person", " PERSON "]', ["PERSON"]),
        (",".join(TYPES), list(TYPES)),
    ],
)
def test_the_kinds_of_a_form_are_an_array_or_separated_by_commas_in_any_case(alice, sent, kept):
    assert row_of(alice, submit(alice, **REDACTED, pii_types=sent))["pii_types"] == kept


@pytest.mark.parametrize("sent", ["NAME", "PERSON,NAME", '["NAME"]', '["PERSON", "name"]', '["PERSON"', "PERSON;URL"])
def test_an_unknown_kind_is_refused_with_the_known_ones(alice, sent):
    detail = refused(submit(alice, **REDACTED, pii_types=sent), "pii_types")
    assert all(name in detail for name in TYPES)


def test_a_refusal_quotes_the_kind_but_not_at_any_length(alice):
    assert "'SURNAME'" in refused(submit(alice, **REDACTED, pii_types="PERSON,surname"), "pii_types")
    assert len(refused(submit(alice, **REDACTED, pii_types="X" * 10_000), "pii_types")) < 1000


@pytest.mark.parametrize("sent", ["[1]", '["PERSON", null]', '[["PERSON"]]', '[{"PERSON": true}]'])
def test_an_array_of_anything_but_names_is_refused(alice, sent):
    assert "list of names" in refused(submit(alice, **REDACTED, pii_types=sent), "pii_types")


def test_a_json_body_may_send_its_kinds_as_a_list(alice):
    answer = submit_json(alice, pii_types=["person", "URL"], pii_substitution="hash", pii_audio=None)
    assert answer.json()["code"] == "feature_unavailable" and "remote_url" in answer.json()["detail"]


@pytest.mark.parametrize("sent", [7, {"PERSON": True}, [["PERSON"]], True, [1.5]])
def test_the_kinds_of_a_json_body_are_a_list_of_names(alice, sent):
    assert "list of names" in refused(submit_json(alice, pii_types=sent), "pii_types")


def test_kinds_that_are_sent_one_by_one_are_refused_and_never_taken_for_the_last_one(alice):
    detail = refused(submit(alice, **REDACTED, pii_types=["PERSON", "URL"]), "pii_types")
    assert "more than once" in detail


@pytest.mark.parametrize(
    ("field", "values"), [("pii_substitution", SUBSTITUTIONS), ("pii_audio", AUDIO_KINDS)], ids=["text", "sound"]
)
def test_every_kind_of_substitution_is_taken_in_any_case(alice, field, values):
    for value in values:
        for written in (value, value.upper(), f" {value.title()} "):
            assert row_of(alice, submit(alice, **REDACTED, **{field: written}))[field] == value


@pytest.mark.parametrize("sent", ["none", "true", "redact", "beep,silence", "x" * 5000])
@pytest.mark.parametrize(("field", "values"), [("pii_substitution", SUBSTITUTIONS), ("pii_audio", AUDIO_KINDS)])
def test_another_substitution_is_refused_with_the_accepted_ones(alice, field, values, sent):
    detail = refused(submit(alice, **REDACTED, **{field: sent}), field)
    assert all(value in detail for value in values)


@pytest.mark.parametrize("sent", [7, ["hash"], {"kind": "hash"}, True])
@pytest.mark.parametrize("field", ["pii_substitution", "pii_audio"])
def test_a_substitution_of_a_json_body_is_a_word(alice, field, sent):
    assert "one of" in refused(submit_json(alice, **{field: sent}), field)


@pytest.mark.parametrize(("field", "value"), OPTIONS.items())
@pytest.mark.parametrize("processing", [{}, {"pii_processing": "false"}, {"pii_processing": ""}])
def test_each_option_needs_redaction(alice, field, value, processing):
    assert "pii_processing=true" in refused(submit(alice, **processing, **{field: value}), field)


@pytest.mark.parametrize("field", OPTIONS)
def test_an_empty_option_is_an_absent_one(alice, field):
    row = row_of(alice, submit(alice, **{field: ""}))
    assert (row["pii_types"], row["pii_substitution"], row["pii_audio"]) == ([], "type", None)


@pytest.mark.parametrize("value", ["yes", "2", "redact"])
def test_redaction_is_true_or_false(alice, value):
    refused(submit(alice, pii_processing=value), "pii_processing")


@pytest.mark.parametrize("field", ["pii_type", "pii_policies", "redact_audio"])
def test_an_unknown_field_is_refused_with_the_accepted_ones(alice, field):
    detail = refused(submit(alice, **REDACTED, **{field: "PERSON"}), field)
    assert all(name in detail for name in OPTIONS)


@pytest.mark.parametrize("lacking", ["profile", "presidio_analyzer", "spacy"])
def test_a_server_without_a_redactor_refuses_and_keeps_nothing(alice, monkeypatch, settings, lacking):
    if lacking == "profile":
        lean = {role: entry for role, entry in profiles.PROFILES["embedded"].items() if role != "redactor"}
        monkeypatch.setitem(profiles.PROFILES, "lean", lean)
        settings.ENGINE_PROFILE = "lean"
    else:
        find = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == lacking else find(name))
    answer = submit(alice, **REDACTED, **OPTIONS)
    assert answer.status_code == 400 and answer.json()["code"] == "feature_unavailable"
    assert answer.json()["errors"][0]["field"] == "pii_processing"
    assert "not available on this server" in answer.json()["detail"] and not Job.objects.exists()
    assert submit(alice).status_code == 201

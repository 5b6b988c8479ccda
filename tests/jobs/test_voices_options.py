"""POST /jobs with what is said of the speakers and the words: counts, channels, key terms; what the server lacks."""

import json
import wave
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import limits
from jobs import features
from jobs.api.fields import Keyterms
from jobs.engines import profiles
from jobs.models import Job
from tests.conftest import make_job, recording

pytestmark = pytest.mark.django_db
DIARIZED = {"diarization": "true"}
EMBEDDED = {"transcription_model": "premium", "diarization": "true", "speaker_embeddings": "true"}


@pytest.fixture(autouse=True)
def _every_engine_is_here(monkeypatch):
    monkeypatch.setattr(features, "available", lambda role: True)


def submit(person, **fields):
    return person.api.post("/jobs", {"audio_file": recording(), **fields})


def refused(answer, field):
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_field"
    assert answer.json()["errors"][0]["field"] == field and field in answer.json()["detail"]
    assert not Job.objects.exists()
    return answer.json()["detail"]


def test_what_is_said_of_the_speakers_is_kept_and_shown(alice):
    job_id = submit(alice, **EMBEDDED, min_speakers="2", max_speakers="30", keyterms="Tuplets, HVAC").json()["id"]
    row = alice.api.get(f"/jobs/{job_id}").json()
    assert (row["num_speakers"], row["min_speakers"], row["max_speakers"]) == (None, 2, 30)
    assert row["multichannel"] is False and row["keyterms"] == ["Tuplets", "HVAC"]
    assert row["diarization"] is True and row["speaker_embeddings"] is True
    assert alice.api.get("/jobs").json()["items"][0]["keyterms"] == ["Tuplets", "HVAC"]


def test_without_a_word_about_them_the_additions_are_empty(alice):
    row = alice.api.get(f"/jobs/{submit(alice).json()['id']}").json()
    assert {
        name: row[name] for name in ("num_speakers", "min_speakers", "max_speakers", "multichannel", "keyterms")
    } == {
        "num_speakers": None,
        "min_speakers": None,
        "max_speakers": None,
        "multichannel": False,
        "keyterms": [],
    }


@pytest.mark.parametrize("fields", [{"num_speakers": 1}, {"num_speakers": 30}, {"min_speakers": 3, "max_speakers": 3}])
def test_counts_from_one_to_the_limit_are_taken(alice, fields):
    assert submit(alice, **DIARIZED, **fields).status_code == 201


@pytest.mark.parametrize("field", ["num_speakers", "min_speakers", "max_speakers"])
@pytest.mark.parametrize("value", ["0", "31", "-1", "2.5", "two", "true", "9" * 2000])
def test_other_counts_are_refused_with_the_range(alice, field, value):
    assert "1 to 30" in refused(submit(alice, **DIARIZED, **{field: value}), field)


@pytest.mark.parametrize("field", ["num_speakers", "min_speakers", "max_speakers"])
def test_a_count_needs_diarization(alice, field):
    assert "diarization=true" in refused(submit(alice, **{field: 2}), field)


@pytest.mark.parametrize("bound", ["min_speakers", "max_speakers"])
def test_an_exact_count_leaves_no_room_for_bounds(alice, bound):
    assert bound in refused(submit(alice, **DIARIZED, num_speakers=2, **{bound: 2}), "num_speakers")


def test_the_least_is_not_above_the_most(alice):
    assert "max_speakers (2)" in refused(submit(alice, **DIARIZED, min_speakers=3, max_speakers=2), "min_speakers")


def test_the_database_keeps_no_exact_count_beside_bounds(alice):
    for fields in ({"min_speakers": 1}, {"max_speakers": 3}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_job(alice, diarization=True, num_speakers=2, **fields)


@pytest.mark.parametrize("diarization", ["true", "false"])
def test_channels_tell_speakers_apart_with_or_without_diarization(alice, diarization):
    job_id = submit(alice, multichannel="1", diarization=diarization).json()["id"]
    row = alice.api.get(f"/jobs/{job_id}").json()
    assert row["multichannel"] is True and row["diarization"] is (diarization == "true")


@pytest.mark.parametrize("field", ["num_speakers", "min_speakers", "max_speakers"])
@pytest.mark.parametrize("diarization", ["true", "false"])
def test_a_count_makes_no_sense_where_every_channel_is_a_speaker(alice, field, diarization):
    answer = submit(alice, multichannel="true", diarization=diarization, **{field: 2})
    assert "every channel is one speaker" in refused(answer, field)


def test_no_voice_vectors_are_made_where_channels_tell_speakers_apart(alice):
    assert "multichannel" in refused(submit(alice, **EMBEDDED, multichannel="true"), "speaker_embeddings")


@pytest.mark.parametrize("value", ["yes", "2"])
def test_multichannel_is_true_or_false(alice, value):
    refused(submit(alice, multichannel=value), "multichannel")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Tuplets", ["Tuplets"]),
        (" Tuplets ,HVAC,,\nSan  José\r\nHVAC ", ["Tuplets", "HVAC", "San José"]),
        ('["Smith, Jones & Co", " HVAC "]', ["Smith, Jones & Co", "HVAC"]),
        ("[]", []),
        ("", []),
        ("x" * 60, ["x" * 60]),
        (", ".join(f"term {n}" for n in range(100)), [f"term {n}" for n in range(100)]),
    ],
)
def test_key_terms_of_a_form_are_an_array_or_separated_by_commas_and_lines(alice, sent, kept):
    job_id = submit(alice, keyterms=sent).json()["id"]
    assert alice.api.get(f"/jobs/{job_id}").json()["keyterms"] == kept


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("x" * 61, "61 characters"),
        (", ".join(f"term {n}" for n in range(101)), "101 terms"),
        ("[1]", "list of strings"),
        ('["a", null]', "list of strings"),
        ('["a"', "list of strings"),
        ('["a\\u0000b"]', "control character"),
    ],
)
def test_other_key_terms_are_refused_in_words(alice, sent, told):
    assert told in refused(submit(alice, keyterms=sent), "keyterms")


@pytest.mark.parametrize("sent", [7, {"a": 1}, [["a"]], True, [1.5]])
def test_key_terms_of_a_json_body_are_a_list_of_strings(alice, sent):
    body = {"remote_url": "https://example.com/a.mp3", "keyterms": sent}
    answer = alice.api.post("/jobs", json.dumps(body), content_type="application/json")
    assert "list of strings" in refused(answer, "keyterms")


def test_a_json_body_may_send_its_terms_as_a_list(alice):
    body = {"remote_url": "https://example.com/a.mp3", "keyterms": ["Tuplets"], "num_speakers": None}
    answer = alice.api.post("/jobs", json.dumps(body), content_type="application/json")
    assert answer.json()["code"] == "feature_unavailable" and "remote_url" in answer.json()["detail"]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(terms=st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60), max_size=100))
def test_key_terms_come_out_tidy_and_stay_so(terms):
    kept = Keyterms().run_validation(terms)
    assert len(set(kept)) == len(kept) <= limits.KEYTERMS_MAX
    assert all(term and term == " ".join(term.split()) for term in kept)
    assert set(kept) == {" ".join(term.split()) for term in terms} - {""}
    assert Keyterms().run_validation(kept) == kept == Keyterms().run_validation(json.dumps(kept))


@pytest.mark.parametrize("field", ["num_speaker", "keyterm", "multi_channel"])
def test_an_unknown_field_is_still_refused_with_the_accepted_ones(alice, field):
    assert "num_speakers" in refused(submit(alice, **{field: "2"}), field)


@pytest.mark.parametrize(
    ("lacking", "fields", "named"),
    [
        ("diarizer", DIARIZED, "diarization"),
        ("transcriber.premium", {"transcription_model": "premium"}, "transcription_model"),
    ],
)
def test_what_the_servers_profile_lacks_is_refused_by_name(alice, monkeypatch, settings, lacking, fields, named):
    monkeypatch.undo()
    lean = {role: entry for role, entry in profiles.PROFILES["embedded"].items() if role != lacking}
    monkeypatch.setitem(profiles.PROFILES, "lean", lean)
    settings.ENGINE_PROFILE = "lean"
    answer = submit(alice, **fields)
    assert answer.status_code == 400 and answer.json()["code"] == "feature_unavailable"
    assert answer.json()["errors"][0]["field"] == named and "not available on this server" in answer.json()["detail"]
    assert not Job.objects.exists() and not list(Path(default_storage.location).rglob("*.*"))
    assert submit(alice, multichannel="true").status_code == 201


def test_a_recording_of_more_than_eight_channels_is_refused_before_it_is_kept(alice, tmp_path):
    path = tmp_path / "sixteen.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(16)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x10" * 16 * 8000)
    answer = alice.api.post("/jobs", {"audio_file": path.open("rb"), "multichannel": "true"})
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_audio"
    assert "eight channels" in answer.json()["detail"] and "multichannel" in answer.json()["detail"]
    assert not Job.objects.exists()
    assert alice.api.post("/jobs", {"audio_file": path.open("rb")}).status_code == 201

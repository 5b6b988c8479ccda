"""The speaker library of an account: opt in, name a voice from a job, list, rename, forget; nobody else's business."""

import json
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import limits
from jobs import sweeping, voices
from jobs.models import Job, Voice, VoiceLibrary
from jobs.retention import RESULT_RETENTION, VOICE_RETENTION
from tests.conftest import claimed, complete, make_job

pytestmark = pytest.mark.django_db
LIBRARY, VOICES = "/account/voice-library", "/account/voices"
MODEL = "pyannote/speaker-diarization-community-1"


def document(**vectors):
    embeddings = {"model": MODEL, "dimension": 3, "vectors": vectors or {"SPEAKER_00": [0.6, 0.0, 0.8]}}
    diarization = {"speaker_count": 2, "confidence": "medium", "warning": None, "speaker_embeddings": embeddings}
    return json.dumps({"text": "Hi.", "segments": [], "diarization": diarization}).encode()


def job_with_voices(person, **vectors):
    job = make_job(person, transcription_model="premium", diarization=True, speaker_embeddings=True)
    return complete(job, document=document(**vectors))


def switch(person, enabled):
    return person.api.put(LIBRARY, {"enabled": enabled}, content_type="application/json")


def add(person, job, name="Ann", speaker="SPEAKER_00"):
    job_id = str(getattr(job, "pk", job))
    body = {"name": name, "job_id": job_id, "speaker": speaker}
    return person.api.post(VOICES, {k: v for k, v in body.items() if v is not None}, content_type="application/json")


def rename(person, voice_id, body):
    return person.api.patch(f"{VOICES}/{voice_id}", body, content_type="application/json")


def names(person):
    answer = person.api.get(VOICES).json()
    assert answer["total_items"] == len(answer["items"])
    return [item["name"] for item in answer["items"]]


@pytest.fixture
def library(alice):
    assert switch(alice, True).status_code == 200


@pytest.fixture
def voice(alice, library):
    answer = add(alice, job_with_voices(alice))
    assert answer.status_code == 201
    return answer.json()


def test_the_library_is_off_until_somebody_turns_it_on(alice, bob, charlie):
    off = alice.api.get(LIBRARY).json()
    assert off == {"enabled": False, "voices": 0, "voices_max": limits.VOICES_MAX, "retention_days": 365}
    assert switch(alice, True).json() == {**off, "enabled": True, "voices_deleted": 0}
    assert switch(alice, True).status_code == 200
    assert bob.api.get(LIBRARY).json()["enabled"] is True and charlie.api.get(LIBRARY).json()["enabled"] is False


def test_a_voice_of_a_job_is_kept_under_a_name_without_showing_the_vector(alice, bob, library):
    job = job_with_voices(alice)
    answer = add(alice, job, name="  Ann Müller ")
    assert answer.status_code == 201
    row = answer.json()
    assert row["name"] == "Ann Müller" and row["job_id"] == str(job.pk) and row["speaker"] == "SPEAKER_00"
    assert row["model"] == MODEL and row["dimension"] == 3
    assert set(row) == {*"id name model dimension job_id speaker created_at expires_at".split()}
    assert bob.api.get(VOICES).json()["items"] == [row] and alice.api.get(LIBRARY).json()["voices"] == 1


def test_nothing_can_be_added_while_the_library_is_off(alice):
    answer = add(alice, job_with_voices(alice))
    assert answer.status_code == 409 and answer.json()["code"] == "voice_library_off"
    assert "/account/voice-library" in answer.json()["detail"] and not Voice.objects.exists()


def test_turning_it_off_deletes_every_voice_and_says_how_many(alice, charlie, voice):
    switch(charlie, True)
    add(charlie, job_with_voices(charlie))
    answer = switch(alice, False)
    assert answer.json()["enabled"] is False and answer.json()["voices_deleted"] == 1 and names(alice) == []
    assert switch(alice, True).status_code == 200 and names(alice) == [] and names(charlie) == ["Ann"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("get", LIBRARY), ("put", LIBRARY), ("get", VOICES), ("post", VOICES), ("delete", VOICES)),
        *(("patch", f"{VOICES}/{uuid.UUID(int=1)}"), ("delete", f"{VOICES}/{uuid.UUID(int=1)}")),
    ],
)
@pytest.mark.parametrize("key", [None, "tb_" + "x" * 40])
def test_without_a_key_that_works_there_is_no_library(anyone, method, path, key):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = getattr(anyone, method)(path, headers=headers)
    assert answer.status_code == 401 and answer.json()["code"] == "unauthorized"


def test_someone_elses_job_and_voice_do_not_exist(alice, charlie, voice):
    switch(charlie, True)
    for job_id in (job_with_voices(alice).pk, uuid.uuid4()):
        assert add(charlie, job_id).status_code == 404
    for voice_id in (voice["id"], uuid.uuid4(), "nonsense"):
        assert rename(charlie, voice_id, {"name": "Mine"}).status_code == 404
        assert charlie.api.delete(f"{VOICES}/{voice_id}").status_code == 404
    assert charlie.api.delete(VOICES).json()["voices_deleted"] == 0
    assert names(charlie) == [] and names(alice) == ["Ann"]


def test_an_unfinished_or_failed_job_has_no_voices_yet(alice, library):
    waiting = make_job(alice, speaker_embeddings=True)
    failed = make_job(alice, speaker_embeddings=True)
    Job.objects.fail(claimed(failed), code="x", message="It failed.")
    for job in (waiting, failed):
        answer = add(alice, job)
        assert answer.status_code == 409 and answer.json()["code"] == "job_not_completed"


def test_a_result_that_is_gone_gives_no_voice(alice, library):
    job = job_with_voices(alice)
    Job.objects.filter(pk=job.pk).update(completed_at=timezone.now() - RESULT_RETENTION)
    assert add(alice, job).status_code == 410


def test_a_job_without_embeddings_is_refused_with_what_to_ask_for(alice, library):
    answer = add(alice, complete(make_job(alice)))
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "job_id"
    assert "speaker_embeddings=true" in answer.json()["detail"]


def test_a_job_in_which_nobody_spoke_long_enough_says_so(alice, library):
    answer = add(alice, complete(make_job(alice, speaker_embeddings=True)))
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "speaker"
    assert "nobody spoke long enough" in answer.json()["detail"]


@pytest.mark.parametrize("speaker", ["SPEAKER_07", "SPEAKER_01", "SPEAKER_02"])
def test_a_speaker_without_a_usable_vector_is_refused_with_those_that_have_one(alice, library, speaker):
    job = job_with_voices(alice, SPEAKER_00=[0.6, 0, 0.8], SPEAKER_01=[0, 0, 0], SPEAKER_02=[1.0])
    answer = add(alice, job, speaker=speaker)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "speaker"
    assert "SPEAKER_00" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "Unknown"}, "name"),
        ({"name": ["Ann"]}, "name"),
        ({"speaker": None}, "speaker"),
        ({"speaker": {}}, "speaker"),
        ({"job": "nonsense"}, "job_id"),
        ({"job": ""}, "job_id"),
    ],
)
def test_a_bad_field_of_a_new_voice_is_named(alice, library, body, field):
    job = job_with_voices(alice)
    answer = add(alice, **{"job": job, **body})
    assert answer.status_code == 400
    assert field in answer.json()["detail"] and answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("body", "field"), [({}, "name"), ({"name": ""}, "name"), ({"name": "x" * 101}, "name"), ({"vector": []}, "vector")]
)
def test_a_bad_new_name_is_refused_and_the_field_named(alice, voice, body, field):
    answer = rename(alice, voice["id"], body)
    assert answer.status_code == 400 and field in answer.json()["detail"]
    assert names(alice) == ["Ann"]


@pytest.mark.parametrize("enabled", ["perhaps", 2, [], None])
def test_the_switch_is_true_or_false(alice, enabled):
    answer = switch(alice, enabled)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "enabled"


def test_the_same_speaker_is_kept_once_but_a_name_may_have_several_voices(alice, library):
    job = job_with_voices(alice)
    assert add(alice, job).status_code == 201
    again = add(alice, job, name="Anna")
    assert again.status_code == 409 and again.json()["code"] == "voice_exists"
    assert add(alice, job_with_voices(alice)).status_code == 201 and names(alice) == ["Ann", "Ann"]


def test_the_number_of_voices_is_capped_and_forgetting_makes_room(alice, library, monkeypatch):
    monkeypatch.setattr(limits, "VOICES_MAX", 1)
    first = add(alice, job_with_voices(alice)).json()
    answer = add(alice, job_with_voices(alice))
    assert answer.status_code == 409 and answer.json()["code"] == "too_many_voices"
    alice.api.delete(f"{VOICES}/{first['id']}")
    assert add(alice, job_with_voices(alice)).status_code == 201


def test_a_voice_can_be_renamed_and_forgotten_by_the_whole_team(alice, bob, voice):
    answer = rename(bob, voice["id"], {"name": "Anna"})
    assert answer.status_code == 200 and answer.json() == {**voice, "name": "Anna"}
    assert alice.api.get(VOICES).json()["items"] == [answer.json()]
    answer = bob.api.delete(f"{VOICES}/{voice['id']}")
    assert answer.status_code == 200 and answer.json() == {"id": voice["id"], "status": "deleted"}
    assert names(alice) == [] and alice.api.delete(f"{VOICES}/{voice['id']}").status_code == 404


def test_all_voices_are_forgotten_at_once_and_the_library_stays_on(alice, voice):
    add(alice, job_with_voices(alice), name="Ben")
    assert alice.api.delete(VOICES).json() == {"status": "deleted", "voices_deleted": 2}
    assert names(alice) == [] and alice.api.get(LIBRARY).json()["enabled"] is True


def test_a_voice_outlives_its_job(alice, voice):
    Job.objects.all().delete()
    (row,) = alice.api.get(VOICES).json()["items"]
    assert row["id"] == voice["id"] and row["job_id"] is None


def test_an_expired_voice_is_gone_at_once_and_the_sweeper_deletes_it(alice, voice):
    added = Voice.objects.get()
    assert added.expires_at - added.created_at == pytest.approx(VOICE_RETENTION, abs=timedelta(seconds=5))
    Voice.objects.update(expires_at=timezone.now())
    assert names(alice) == [] and alice.api.get(LIBRARY).json()["voices"] == 0
    assert rename(alice, voice["id"], {"name": "Anna"}).status_code == 404
    kept = add(alice, job_with_voices(alice), name="Ben").json()["id"]
    sweeping.sweep()
    assert [str(pk) for pk in Voice.objects.values_list("pk", flat=True)] == [kept]


def test_no_log_line_holds_a_name_or_a_vector(alice, library, caplog):
    with caplog.at_level(logging.DEBUG):
        voice = add(alice, job_with_voices(alice, SPEAKER_00=[0.123, 0.456, 0.789]), name="Rumpelstilzchen").json()
        rename(alice, voice["id"], {"name": "Rumpelstilzchen II"})
        switch(alice, False)
    assert "voice_added" in caplog.text
    assert "Rumpelstilzchen" not in caplog.text and "0.123" not in caplog.text


def test_the_database_keeps_no_voice_without_an_opt_in_nor_half_a_vector(alice, voice):
    for changes in ({"vector": b"\x00" * 13}, {"dimension": 4}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Voice.objects.update(**changes)
    VoiceLibrary.objects.all().delete()
    assert not Voice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_opting_out_while_a_voice_is_being_added_leaves_nothing_behind(alice, monkeypatch):
    switch(alice, True)
    job = job_with_voices(alice)
    adding, pack = threading.Event(), voices._packed

    def slowly(vector):
        adding.set()
        time.sleep(0.5)
        return pack(vector)

    def opt_out():
        try:
            adding.wait(5)
            return switch(alice, False).status_code
        finally:
            connection.close()

    monkeypatch.setattr(voices, "_packed", slowly)
    with ThreadPoolExecutor(1) as pool:
        opted_out = pool.submit(opt_out)
        added = add(alice, job)
        assert added.status_code == 201 and opted_out.result() == 200
    assert not Voice.objects.exists() and not VoiceLibrary.objects.exists()

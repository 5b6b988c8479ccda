"""What a finished job says of its speakers when the account keeps voices, and what it never says."""

import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.utils import timezone

from jobs import leases, processing, speed, voices
from jobs.engines import registry
from jobs.models import Job, Voice, VoiceLibrary
from jobs.pipeline.run import Options, Outcome
from jobs.pipeline.types import EngineUnavailable, SpeakerBounds
from jobs.retention import VOICE_RETENTION
from tests.conftest import claimed, complete, make_job

pytestmark = pytest.mark.django_db
MODEL = "pyannote/speaker-diarization-community-1"
ANN, BEN, ANN_AGAIN, ANN_OR_BEN = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.8, 0.0, 0.6], [0.71, 0.704, 0.0]
STRANGER = [0.0, 0.0, 1.0]


def document(vectors, *, model=MODEL, variant=None):
    length = len(next(iter(vectors.values()))) if vectors else 3
    embeddings = {"model": model, "dimension": length, "vectors": vectors, **({"variant": variant} if variant else {})}
    diarization = {"speaker_count": len(vectors), "confidence": "medium", "speaker_embeddings": embeddings}
    return {"text": "Hi.", "segments": [], "diarization": diarization}


def embedding_job(person, **options):
    options = {"transcription_model": "premium", "diarization": True, "speaker_embeddings": True, **options}
    job = make_job(person, **options)
    job.source_key = default_storage.save(f"recordings/{job.pk}", ContentFile(b"x"))
    job.save(update_fields=["source_key"])
    return job


def opt_in(person):
    person.api.put("/account/voice-library", {"enabled": True}, content_type="application/json")


def keep(person, name, vector, **kind):
    """A voice in the person's library, taken from a job of theirs; its id."""
    opt_in(person)
    job = complete(embedding_job(person), document=json.dumps(document({"SPEAKER_00": vector}, **kind)).encode())
    body = {"name": name, "job_id": str(job.pk), "speaker": "SPEAKER_00"}
    answer = person.api.post("/account/voices", body, content_type="application/json")
    assert answer.status_code == 201
    return answer.json()["id"]


@pytest.fixture
def finished(monkeypatch):
    """Processes a job whose pipeline finds these vectors; its stored result's diarization."""

    def process(job, vectors, **kind):
        outcome = Outcome(
            document=document(vectors, **kind), audio_duration_s=60.0, audio_s_transcribed=60.0, elapsed_s={"decode": 1}
        )
        monkeypatch.setattr(processing, "run", lambda *args, **kwargs: outcome)
        processing.process(str(job.pk))
        return json.loads(bytes(Job.objects.get(pk=job.pk).result.document))["diarization"]

    return process


def test_a_known_voice_is_suggested_by_name_and_another_is_unknown(alice, finished):
    ann = keep(alice, "Ann", ANN)
    found = finished(embedding_job(alice), {"SPEAKER_00": ANN_AGAIN, "SPEAKER_01": BEN})["speaker_suggestions"]
    assert found == {
        "SPEAKER_00": {"voice_id": ann, "name": "Ann", "similarity": 0.8},
        "SPEAKER_01": {"voice_id": None, "name": "unknown", "similarity": None},
    }


def test_a_similarity_below_the_threshold_is_unknown_and_told(alice, finished):
    keep(alice, "Ann", ANN)
    edge = voices.SAME_VOICE_SIMILARITY
    for cosine, name in ((edge - 0.01, "unknown"), (edge, "Ann"), (edge + 0.01, "Ann")):
        vector = [cosine, (1 - cosine**2) ** 0.5, 0.0]
        found = finished(embedding_job(alice), {"SPEAKER_00": vector})["speaker_suggestions"]["SPEAKER_00"]
        assert found["name"] == name and found["similarity"] == pytest.approx(cosine, abs=0.0006)


def test_a_voice_is_suggested_for_one_speaker_and_the_pairs_fit_best_together(alice, finished):
    keep(alice, "Ann", ANN)
    first = finished(embedding_job(alice), {"SPEAKER_00": ANN_AGAIN, "SPEAKER_01": ANN})["speaker_suggestions"]
    assert [first[speaker]["name"] for speaker in ("SPEAKER_00", "SPEAKER_01")] == ["unknown", "Ann"]
    keep(alice, "Ben", BEN)
    both = finished(embedding_job(alice), {"SPEAKER_00": ANN_OR_BEN, "SPEAKER_01": ANN})["speaker_suggestions"]
    assert [both[speaker]["name"] for speaker in ("SPEAKER_00", "SPEAKER_01")] == ["Ben", "Ann"]


def test_only_vectors_of_one_model_variant_and_length_are_compared(alice, finished):
    keep(alice, "Other model", ANN, model="other/model")
    keep(alice, "Other variant", ANN, variant="int8")
    keep(alice, "Other length", [*ANN, 0.0])
    found = finished(embedding_job(alice), {"SPEAKER_00": ANN})["speaker_suggestions"]["SPEAKER_00"]
    assert found == {"voice_id": None, "name": "unknown", "similarity": None}
    same = finished(embedding_job(alice), {"SPEAKER_00": ANN}, variant="int8")["speaker_suggestions"]["SPEAKER_00"]
    assert same["name"] == "Other variant" and same["similarity"] == 1.0


def test_nobody_is_suggested_without_an_opt_in_of_that_account(alice, charlie, finished):
    keep(alice, "Ann", ANN)
    assert "speaker_suggestions" not in finished(embedding_job(charlie), {"SPEAKER_00": ANN})
    opt_in(charlie)
    found = finished(embedding_job(charlie), {"SPEAKER_00": ANN})["speaker_suggestions"]
    assert found["SPEAKER_00"]["name"] == "unknown" and found["SPEAKER_00"]["similarity"] is None


def test_an_opt_out_ends_the_suggestions(alice, finished):
    keep(alice, "Ann", ANN)
    alice.api.put("/account/voice-library", {"enabled": False}, content_type="application/json")
    assert "speaker_suggestions" not in finished(embedding_job(alice), {"SPEAKER_00": ANN})


@pytest.mark.parametrize("options", [{"pii_processing": True}, {"speaker_embeddings": False}])
def test_with_redaction_or_without_embeddings_no_name_is_suggested(alice, finished, options):
    keep(alice, "Ann", ANN)
    assert "speaker_suggestions" not in finished(embedding_job(alice, **options), {"SPEAKER_00": ANN})


def test_without_a_vector_there_is_nobody_to_suggest(alice, finished):
    keep(alice, "Ann", ANN)
    assert "speaker_suggestions" not in finished(embedding_job(alice), {})


def test_an_expired_voice_is_never_matched_and_a_recognised_one_is_kept_longer(alice, finished):
    expired, known, other = keep(alice, "Ann", ANN), keep(alice, "Ben", BEN), keep(alice, "Cem", STRANGER)
    soon = timezone.now() + timedelta(days=1)
    Voice.objects.update(expires_at=soon)
    Voice.objects.filter(pk=expired).update(expires_at=timezone.now())
    found = finished(embedding_job(alice), {"SPEAKER_00": ANN, "SPEAKER_01": BEN})["speaker_suggestions"]
    assert [suggestion["name"] for suggestion in found.values()] == ["unknown", "Ben"]
    expiry = dict(Voice.objects.values_list("name", "expires_at"))
    assert expiry["Ben"] > timezone.now() + VOICE_RETENTION - timedelta(minutes=1)
    assert expiry["Cem"] == soon and expiry["Ann"] <= timezone.now() and known and other


def test_a_job_that_lost_its_claim_keeps_no_voice_longer(alice, finished, monkeypatch):
    keep(alice, "Ann", ANN)
    soon = timezone.now() + timedelta(days=1)
    Voice.objects.update(expires_at=soon)
    job = embedding_job(alice)
    outcome = Outcome(document({"SPEAKER_00": ANN}), 60.0, 60.0, {})
    monkeypatch.setattr(processing, "run", lambda *args, **kwargs: alice.api.delete(f"/jobs/{job.pk}") and outcome)
    processing.process(str(job.pk))
    assert Job.objects.get(pk=job.pk).status == "failed" and Voice.objects.get().expires_at == soon


def test_a_database_that_is_away_for_a_moment_costs_neither_result_nor_suggestion(alice, finished, monkeypatch):
    keep(alice, "Ann", ANN)
    suggest, calls = voices.suggestions, []

    def flaky(job, found):
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("the server closed the connection")
        return suggest(job, found)

    def away(found):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(voices, "suggestions", flaky)
    monkeypatch.setattr(voices, "note_recognised", away)
    monkeypatch.setattr(leases.connection, "close", lambda: None)
    job = embedding_job(alice)
    found = finished(job, {"SPEAKER_00": ANN})["speaker_suggestions"]
    assert found["SPEAKER_00"]["name"] == "Ann" and Job.objects.get(pk=job.pk).attempt == 1


def test_a_stored_name_stays_what_it_was_when_the_voice_is_forgotten(alice, finished):
    voice_id = keep(alice, "Ann", ANN)
    job = embedding_job(alice)
    finished(job, {"SPEAKER_00": ANN})
    alice.api.delete(f"/account/voices/{voice_id}")
    result = alice.api.get(f"/jobs/{job.pk}").json()["result"]
    assert result["diarization"]["speaker_suggestions"]["SPEAKER_00"]["name"] == "Ann"
    assert VoiceLibrary.objects.count() == 1


def test_the_pipeline_is_asked_for_what_the_job_says(alice, monkeypatch):
    asked = []

    def run(options, *args, **kwargs):
        asked.append(options)
        return Outcome({"text": "", "segments": []}, 60.0, 60.0, {})

    monkeypatch.setattr(processing, "run", run)
    for options in (
        {"min_speakers": 2, "max_speakers": 4, "keyterms": ["Tuplets", "HVAC"]},
        {"speaker_embeddings": False, "num_speakers": 3},
        {"speaker_embeddings": False, "diarization": False, "multichannel": True, "transcription_model": "standard"},
    ):
        processing.process(str(embedding_job(alice, **options).pk))
    assert asked == [
        Options(
            transcription_model="premium",
            diarization=True,
            speaker_embeddings=True,
            bounds=SpeakerBounds(least=2, most=4),
            keyterms=("Tuplets", "HVAC"),
        ),
        Options(transcription_model="premium", diarization=True, bounds=SpeakerBounds(exact=3)),
        Options(multichannel=True),
    ]


@pytest.mark.parametrize(("role", "told"), [("diarizer", True), ("transcriber.premium", False)])
def test_an_engine_that_is_not_to_be_had_fails_the_job_and_says_which(alice, monkeypatch, role, told):
    def unavailable(asked):
        assert asked == role
        raise EngineUnavailable("run make setup in /srv/secret")

    monkeypatch.setattr(registry, "_engines", {"transcriber.premium": object()} if told else {})
    monkeypatch.setattr(registry, "_build", unavailable)
    job = embedding_job(alice)
    processing.process(str(job.pk))
    row = alice.api.get(f"/jobs/{job.pk}").json()
    assert row["status"] == "failed" and row["result"] is None
    assert ("tell speakers apart" in row["error_message"]) == told
    assert "on this server" in row["error_message"] and "doctor" in row["error_message"]
    assert "/srv" not in row["error_message"]


def test_diarized_jobs_do_not_spoil_the_estimates_of_others(alice, monkeypatch):
    plain, diarized, channels = (
        make_job(alice),
        make_job(alice, diarization=True),
        make_job(alice, diarization=True, multichannel=True),
    )
    assert len({speed.kind_of(job) for job in (plain, diarized, channels)}) == 3
    speed.note(speed.kind_of(plain), audio_s=100, elapsed_s=1)
    speed.note(speed.kind_of(diarized), audio_s=100, elapsed_s=50)
    claimed(plain)
    claimed(diarized)
    remaining = speed.seconds_remaining([Job.objects.get(pk=job.pk) for job in (plain, diarized)])
    assert remaining == {plain.pk: 1, diarized.pk: 30}

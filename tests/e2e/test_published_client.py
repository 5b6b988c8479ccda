"""The published Python client (`tuplets-ai`) works unchanged, sync and async, for everything that exists."""

import time
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from tuplets_ai import AsyncTupletsClient, TupletsClient
from tuplets_ai.errors import AuthenticationError, ConflictError, NotFoundError, ValidationError
from tuplets_ai.models import JobCreateParams

from jobs.models import Result
from tests.analytics import documented

pytestmark = pytest.mark.django_db(transaction=True)
SPEECH = Path(__file__).parents[1] / "data" / "audio" / "speech.mp3"
CALL = Path(__file__).parents[2] / "samples" / "insurance-call.mp3"
ITEM_LISTS = ("key_topics", "action_items", "qa_pairs", "decisions", "risks", "missed_opportunities")
WAIT = {"poll_interval": 0.1, "timeout": 120}


@pytest.fixture
def client(served, customer):
    with TupletsClient(api_key=customer.key, base_url=served) as client:
        yield client


def test_submit_wait_download_and_list(client, worker):
    accepted = client.jobs.create_from_file(SPEECH, params=JobCreateParams(language="en"))
    job = client.jobs.wait(accepted.id, **WAIT)
    assert job.status == "completed" and job.error_message is None and job.progress_percent == 100
    assert "ask not what your country can do for you" in job.result["text"]
    assert job.audio_duration_seconds == pytest.approx(11, abs=0.2) and job.runtime_ms > 0
    assert client.jobs.download_result(accepted.id) == job.result
    listed = client.jobs.list(status="completed", limit=5)
    assert listed.total_items == 1 and listed.status_filter == "completed"
    assert listed.items[0].id == accepted.id and listed.items[0].result == {"text": job.result["text"]}


def test_a_call_comes_back_as_a_dialogue_with_words(client, worker):
    params = JobCreateParams(transcription_model="premium", diarization=True)
    accepted = client.jobs.create_from_file(CALL, params=params)
    job = client.jobs.wait(accepted.id, **WAIT)
    assert job.status == "completed", job.error_message
    result = job.result
    speakers = [segment["speaker"] for segment in result["segments"]]
    assert speakers[0] == "SPEAKER_00" and set(speakers) == {"SPEAKER_00", "SPEAKER_01"}
    assert result["diarization"]["speaker_count"] == 2
    assert "speaker_embeddings" not in result["diarization"]
    times = [(word["start"], word["end"]) for word in result["words"]]
    assert times == sorted(times) and all(start < end <= job.audio_duration_seconds for start, end in times)
    assert "".join(word["word"] for word in result["words"]) == result["text"].replace(" ", "")


def test_a_call_is_analysed_and_every_claim_cites_what_was_said(client, worker):
    """With the packaged language model, in a process of its own."""
    params = JobCreateParams(diarization=True, analytics={"profile": "full", "domain": "insurance"})
    accepted = client.jobs.create_from_file(CALL, params=params)
    job = client.jobs.wait(accepted.id, poll_interval=0.5, timeout=400)
    assert job.status == "completed", job.error_message
    result, analytics = job.result, job.result["analytics"]
    assert documented.problems(analytics) == []
    execution = result["feature_execution"]
    assert execution["generic_analytics_applied"] and execution["custom_analytics_applied"]
    assert "generic_skipped_reason" not in analytics and result["processing_warnings"] == []
    said = {(segment["start"], segment["end"], segment["text"]) for segment in result["segments"]}
    items = [item for name in ITEM_LISTS for item in analytics[name]]
    assert items and all(
        (cited["start"], cited["end"], cited["text"]) in said for item in items for cited in item["evidence"]
    )
    fields = analytics["custom"]["fields"]
    assert [option["code"] for option in fields["claim_stage"]["selected"]] == ["FIRST_NOTICE"]
    assert [option["code"] for option in fields["policy_line"]["selected"]] == ["AUTO"]
    assert fields["compliance_disclosure_present"]["value"] is True
    assert 30 < len(analytics["summary"]) < 1000


def test_voices_are_asked_for_beside_the_client_and_read_with_it(client, served, customer, worker):
    """The client has no parameter for them yet."""
    fields = {"transcription_model": "premium", "diarization": "true", "speaker_embeddings": "true"}
    with CALL.open("rb") as audio:
        answer = httpx.post(
            f"{served}/jobs",
            data=fields,
            files={"audio_file": audio},
            headers={"Authorization": f"Bearer {customer.key}"},
            timeout=30,
        )
    job = client.jobs.wait(answer.json()["id"], **WAIT)
    voices = job.result["diarization"]["speaker_embeddings"]
    assert voices["model"] == "pyannote/speaker-diarization-community-1" and voices["dimension"] == 256
    assert set(voices["vectors"]) == {"SPEAKER_00", "SPEAKER_01"}
    assert all(sum(value**2 for value in vector) == pytest.approx(1, abs=1e-3) for vector in voices["vectors"].values())


def test_bytes_with_an_unknown_name_are_judged_by_content(client, worker):
    accepted = client.jobs.create_from_bytes(filename="recording", data=SPEECH.read_bytes())
    job = client.jobs.wait(accepted.id, **WAIT)
    assert job.status == "completed" and job.result["language"] == "en"


def test_cancelling_by_id_and_by_token(client):
    by_id = client.jobs.create_from_file(SPEECH)
    client.jobs.cancel(by_id.id)
    by_token = client.jobs.create_from_file(SPEECH)
    client.jobs.cancel_with_token(by_token.cancel_token)
    for accepted in (by_id, by_token):
        job = client.jobs.get(accepted.id)
        assert job.status == "failed" and job.error_message == "Job was cancelled." and job.result is None
    with pytest.raises(ConflictError):
        client.jobs.cancel(by_id.id)


def test_errors_arrive_as_the_clients_own_classes_with_our_sentences(client, served):
    with pytest.raises(ValidationError, match="language 'xx' is not supported"):
        client.jobs.create_from_file(SPEECH, params=JobCreateParams(language="xx"))
    with pytest.raises(ValidationError, match="not available on this server"):
        client.jobs.create_from_url("https://example.com/a.mp3")
    with pytest.raises(NotFoundError):
        client.jobs.get("550e8400-e29b-41d4-a716-446655440000")
    with TupletsClient(api_key="tb_" + "x" * 40, base_url=served) as stranger, pytest.raises(AuthenticationError):
        stranger.jobs.list()


@pytest.mark.asyncio
async def test_the_async_client_submits_waits_and_downloads(served, customer, worker):
    async with AsyncTupletsClient(api_key=customer.key, base_url=served) as client:
        accepted = await client.jobs.create_from_file(SPEECH)
        job = await client.jobs.wait(accepted.id, **WAIT)
        assert job.status == "completed" and "your country" in job.result["text"]
        assert await client.jobs.download_result(accepted.id) == job.result
        assert (await client.jobs.list()).total_items == 1
        second = await client.jobs.create_from_bytes(filename="speech.mp3", data=SPEECH.read_bytes())
        await client.jobs.cancel_with_token(second.cancel_token)


def test_cancelling_a_running_job_frees_the_worker_and_keeps_nothing(client, worker):
    long = client.jobs.create_from_file(Path(__file__).parents[2] / "samples" / "insurance-call.mp3")
    for _ in range(600):
        if client.jobs.get(long.id).status == "running":
            break
        time.sleep(0.05)
    client.jobs.cancel(long.id)
    after = client.jobs.wait(client.jobs.create_from_file(SPEECH).id, **WAIT)
    assert after.status == "completed"
    cancelled = client.jobs.get(long.id)
    assert cancelled.status == "failed" and cancelled.progress_percent < 100
    assert Result.objects.count() == 1
    for _ in range(300):  # the cancelled job's own thread stops after the batch of windows that it is in
        if not list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()):
            return
        time.sleep(0.1)
    raise AssertionError("the cancelled job left its decoded audio behind")


def test_logs_hold_neither_transcript_nor_key(client, worker, customer, caplog):
    caplog.set_level("DEBUG")
    job = client.jobs.wait(client.jobs.create_from_file(SPEECH).id, **WAIT)
    assert job.status == "completed"
    assert "job_completed" in caplog.text
    assert "country" not in caplog.text.lower() and customer.key not in caplog.text and job.id in caplog.text

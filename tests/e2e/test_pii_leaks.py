"""Nothing of what was redacted is anywhere: not in an answer, a table, a file, a message or a log line."""

import json
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from tuplets_ai import TupletsClient
from tuplets_ai.models import JobCreateParams

from jobs import processing
from jobs.engines.registry import engine
from jobs.models import Job
from jobs.pipeline.pii_types import LANGUAGES
from jobs.tasks import broker
from tests.e2e import leaks
from tests.jobs.pretend import engines, job_with_recording, said

pytestmark = pytest.mark.django_db(transaction=True)
DATA = Path(__file__).parents[1] / "data"
CALL = Path(__file__).parents[2] / "samples" / "insurance-call.mp3"
SCRIPT = json.loads((DATA / "call_insurance_claim_en.json").read_text())  # what is said in CALL
SENTENCES = json.loads((DATA / "pii_sentences.json").read_text())
SECRETS = leaks.Secrets(leaks.secrets_of(SCRIPT))


@pytest.mark.parametrize("form", ["text", "spoken"])
@pytest.mark.parametrize(
    "written",
    [
        str.upper,
        str.encode,
        "-".join,
        lambda text: json.dumps({"result": {"text": text}}),
        lambda text: json.dumps([{"start": 8.3, "word": word, "language": "en"} for word in text.split()]),
        lambda text: "".join(filter(str.isalnum, text)),
    ],
    ids=["capitals", "bytes", "separators", "JSON", "words", "run together"],
)
def test_the_scan_sees_every_string_of_the_script(form, written):
    """Else the other tests here would prove nothing."""
    for secret in {span[form] for segment in SCRIPT["segments"] for span in segment["pii"]}:
        is_pii = secret in leaks.secrets_of(SCRIPT)
        found = SECRETS.found_in(leaks.in_text("somewhere", written(secret)))
        assert bool(found) == is_pii, secret


def test_a_number_that_happens_to_be_part_of_an_id_is_no_leak():
    short = leaks.Secrets(["88 3 1 6", "12"])
    assert short.found_in([("id", "7a88316f-1212"), ("time", "10:12:00.188316Z")]) == []
    assert short.found_in([("text", "it is 88316."), ("text", "number 88-3-16")]) == [("text", "88 3 1 6")] * 2


def test_a_redacted_call_leaves_none_of_its_pii_anywhere(served, customer, worker, caplog):
    caplog.set_level("DEBUG")
    params = JobCreateParams(transcription_model="premium", diarization=True, pii_processing=True)
    with (
        TupletsClient(api_key=customer.key, base_url=served) as client,
        leaks.Overheard(settings.REDIS_URL) as overheard,
    ):
        accepted = client.jobs.create_from_file(CALL, params=params)
        job = client.jobs.wait(accepted.id, poll_interval=0.1, timeout=120)
        assert job.status == "completed", job.error_message

    def answer(path):
        return httpx.get(f"{served}{path}", headers={"Authorization": f"Bearer {customer.key}"}, timeout=30).content

    original = Path(default_storage.path(Job.objects.get().source_key))
    assert original.is_file()
    places = {
        "client": [*leaks.in_json("client", json.dumps(job.result))],
        "job": [*leaks.in_json("job", answer(f"/jobs/{job.id}"))],
        "list": [*leaks.in_json("list", answer("/jobs"))],
        "download": [*leaks.in_json("download", answer(f"/jobs/{job.id}/download"))],
        "database": [*leaks.in_database()],
        "commands": overheard.places(),
        "queue": [*leaks.in_valkey(broker.client)],
        "log": [("log", caplog.text)],
        "storage": [*leaks.in_files(Path(default_storage.location), but=[original])],
        "uploads": [*leaks.in_files(Path(settings.FILE_UPLOAD_TEMP_DIR))],
    }
    assert SECRETS.found_in(place for found in places.values() for place in found) == []
    # It is still readable, and the scan read what it was meant to read.
    for name in ("client", "job", "list", "download", "database"):
        assert "collision deductible" in " ".join(text for _, text in places[name]), name
    for name in ("database", "commands", "log"):
        assert job.id in " ".join(text for _, text in places[name]), name
    assert {"PERSON", "POLICY_NUMBER", "PHONE_NUMBER"} <= {finding["type"] for finding in job.result["pii_findings"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_span_that_is_found_is_left_anywhere_in_the_document(customer, monkeypatch, language):
    found = []

    class Listening:
        """The real redactor; notes what it finds."""

        def find(self, text, spoken, on_progress):
            findings = engine("redactor").find(text, spoken, on_progress)
            found.extend(text[item.start : item.end] for item in findings.items)
            return findings

    segments = []
    for row in (row for row in SENTENCES if row["language"] == language):
        segments.append(said(segments[-1].end_s + 1.0 if segments else 0.0, row["text"], language))
    job = job_with_recording(customer, pii_processing=True, transcription_model="premium")
    monkeypatch.setattr(processing, "engine", engines(segments, Listening(), language=language, tier="premium"))
    processing.process(str(job.pk))
    job.refresh_from_db()
    document = json.loads(bytes(job.result.document))
    assert len(found) >= len(document["pii_findings"]) >= 10 and document["words"]
    assert leaks.Secrets(found).found_in([*leaks.in_json("", json.dumps(document)), *leaks.in_database()]) == []

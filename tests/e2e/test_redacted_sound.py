"""A copy of a call from which its PII is gone: whoever transcribes it again learns none of it."""

import json
import re
from pathlib import Path

import httpx
import pytest
from django.core.files.storage import default_storage
from tuplets_ai import TupletsClient

from jobs.models import Job
from tests.e2e import leaks

pytestmark = pytest.mark.django_db(transaction=True)
CALL = Path(__file__).parents[2] / "samples" / "insurance-call.mp3"
SCRIPT = json.loads((Path(__file__).parents[1] / "data" / "call_insurance_claim_en.json").read_text())
WAIT = {"poll_interval": 0.1, "timeout": 120}


def test_what_was_redacted_can_not_be_recognised_in_the_copy(served, customer, worker):
    sent = {"headers": {"Authorization": f"Bearer {customer.key}"}, "timeout": 60}
    with TupletsClient(api_key=customer.key, base_url=served) as client, CALL.open("rb") as audio:
        fields = {"pii_processing": "true", "pii_audio": "silence"}
        accepted = httpx.post(f"{served}/jobs", data=fields, files={"audio_file": audio}, **sent).json()
        first = client.jobs.wait(accepted["id"], **WAIT)
        assert first.status == "completed" and not first.source_audio_available
        copy = httpx.get(f"{served}/jobs/{first.id}/audio", **sent)
        assert copy.status_code == 200 and copy.headers["content-type"] == "audio/mpeg"
        again = client.jobs.wait(client.jobs.create_from_bytes(filename="copy.mp3", data=copy.content).id, **WAIT)
    heard = again.result["text"]
    secrets = leaks.Secrets(leaks.secrets_of(SCRIPT))
    assert secrets.found_in([("copy", heard)]) == []
    # Nor a group of a number: no three digits of one stand in what is heard.
    digits = {"".join(filter(str.isdigit, text)) for text in leaks.secrets_of(SCRIPT)}
    groups = {number[at : at + 3] for number in digits if len(number) > 4 for at in range(len(number) - 2)}
    assert not groups & set(re.findall(r"\d+", heard))
    # The rest can still be heard.
    assert "quality and training purposes" in heard and len(heard) > 0.6 * len(first.result["text"])
    original = Job.objects.get(pk=first.id)
    assert original.source_key == "" and default_storage.exists(original.redacted_audio_key)

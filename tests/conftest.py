"""Shared fixtures. Alice owns an account, Bob is a member of hers, Charlie has his own and must see nothing of
theirs.
"""

import io
import math
import struct
import wave
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accounts import services
from accounts.models import Account, Membership, User
from jobs.models import Claim, Job

# Threads of live servers and workers close their connections, so that the test database can be dropped at the end.
django_settings.DATABASES["default"]["CONN_MAX_AGE"] = 0

DOCUMENT = b'{"text":"Good morning.","segments":[{"start":0.0,"end":1.0,"text":"Good morning."}],"language":"en"}'


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: Any, django_db_blocker: Any) -> None:
    """Tests that commit empty all tables afterwards, which the ledger refuses anywhere else."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_transfer DISABLE TRIGGER billing_never_emptied")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Any, settings: Any) -> None:
    """Every test stores recordings in a folder of its own."""
    (tmp_path / "uploads").mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "uploads")
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": {"location": str(tmp_path / "storage")}},
    }


@pytest.fixture(autouse=True)
def _empty_queue() -> Any:
    from jobs.tasks import broker

    broker.flush_all()
    cache.clear()
    yield
    broker.flush_all()


@dataclass
class Person:
    """A user with their account, key and an API client that sends it."""

    user: User
    account: Account
    key: str
    api: Client


def make_person(email: str, *, verified: bool = True, account: Account | None = None) -> Person:
    user, own = services.sign_up(email=email)
    if account is not None:
        user.memberships.all().delete()
        own.delete()
        Membership.objects.create(account=account, user=user, role=Membership.Role.MEMBER)
        own = account
    if verified:
        services.verify_email(user=user)
    _, key = services.issue_key(account=own, user=user, name="Test key")
    return Person(user, own, key, Client(headers={"Authorization": f"Bearer {key}"}))


@pytest.fixture
def alice(db: Any) -> Person:
    return make_person("alice@example.org")


@pytest.fixture
def bob(alice: Person) -> Person:
    return make_person("bob@example.org", account=alice.account)


@pytest.fixture
def charlie(db: Any) -> Person:
    return make_person("charlie@example.net")


@pytest.fixture
def anyone(db: Any) -> Client:
    return Client()


def tone(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A small valid WAV file: a 440 Hz tone."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        samples = (int(8000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(seconds * rate)))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return buffer.getvalue()


def recording(name: str = "call.wav", data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, tone() if data is None else data, content_type="application/octet-stream")


def make_job(person: Person, **fields: Any) -> Job:
    """A queued job without a recording: for what happens after intake."""
    return Job.objects.create(
        account=person.account,
        source_type=Job.Source.UPLOAD,
        source_name="call.wav",
        audio_duration_seconds=60,
        **fields,
    )


def claimed(job: Job) -> Claim:
    claim = Job.objects.claim(job.pk)
    assert claim is not None
    return claim


def complete(job: Job, document: bytes = DOCUMENT, preview: str = "Good morning.") -> Job:
    assert Job.objects.finish(claimed(job), document=document, preview=preview, audio_duration_s=60.0)
    job.refresh_from_db()
    return job

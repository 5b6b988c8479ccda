"""The admin shows staff what exists, lets nobody else in, and never shows a transcript, a key or a voice vector."""

import pytest
from django.contrib import admin
from django.test import Client

from accounts.models import ApiKey, User
from analytics.models import SavedSchema
from jobs.models import AnalyticsRun, Job, Voice, VoiceLibrary
from tests.conftest import complete, make_job

pytestmark = pytest.mark.django_db
OURS = [model for model in admin.site._registry if model._meta.app_label in ("accounts", "analytics", "jobs")]


@pytest.fixture
def staff(db):
    client = Client()
    client.force_login(User.objects.create_superuser("support@example.org", "correct horse battery"))
    return client


def url(model, *rest):
    return "/".join(["/admin", model._meta.app_label, model._meta.model_name, *rest, ""])


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_list_search_and_detail_open_for_staff(staff, alice, model):
    job = complete(
        make_job(alice, keyterms=["Ms Jones"]),
        document=b'{"text":"My card number is four one"}',
        preview="My card number is four one",
    )
    library = VoiceLibrary.objects.create(account=alice.account)
    Voice.objects.create(library=library, name="Ann Fey", model="m", dimension=2, vector=b"\x00vectors", source_job=job)
    AnalyticsRun.objects.create(job=job, number=1, request={"fields": "own questions"})
    SavedSchema.objects.create(account=alice.account, name="Ms Jones", schema={"fields": "own questions"})
    assert staff.get(url(model)).status_code == 200
    assert staff.get(url(model), {"q": "alice"}).status_code == 200
    page = staff.get(url(model, str(model.objects.first().pk), "change"))
    assert page.status_code == 200
    text = page.content.decode()
    assert not any(secret in text for secret in ("card number", "Ms Jones", "Ann Fey", "field-vector", "own questions"))
    assert alice.key not in text and alice.user.api_keys.get().digest not in text


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_customers_are_sent_to_the_login_page(alice, model):
    client = Client()
    client.force_login(alice.user)
    assert client.get(url(model)).status_code == 302


def test_staff_sign_in_with_their_email_whatever_its_case(db):
    User.objects.create_superuser("support@example.org", "correct horse battery")
    answer = Client().post(
        "/admin/login/?next=/admin/", {"username": "Support@Example.org", "password": "correct horse battery"}
    )
    assert answer.status_code == 302 and answer["Location"] == "/admin/"


def test_staff_can_revoke_a_key(staff, alice, anyone):
    key = ApiKey.objects.get(created_by=alice.user)
    staff.post(url(ApiKey), {"action": "revoke", "_selected_action": [str(key.pk)]})
    assert anyone.get("/jobs", headers={"Authorization": f"Bearer {alice.key}"}).status_code == 401


def test_staff_can_cancel_jobs_and_are_told_which_had_finished(staff, alice):
    queued, done = make_job(alice), complete(make_job(alice))
    answer = staff.post(url(Job), {"action": "cancel", "_selected_action": [str(queued.pk), str(done.pk)]}, follow=True)
    assert Job.objects.get(pk=queued.pk).status == "failed"
    assert Job.objects.get(pk=done.pk).status == "completed" and "already finished" in answer.content.decode()

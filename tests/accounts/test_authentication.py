"""Who gets in: bearer keys, session cookies with CSRF, and the one message for everyone else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApiKey, User
from tests.conftest import make_person

pytestmark = pytest.mark.django_db


def bearer(key):
    return Client(headers={"Authorization": f"Bearer {key}"})


def test_no_key_is_401_with_a_challenge(anyone):
    answer = anyone.get("/jobs")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_every_key_that_does_not_work_gets_the_same_answer(alice, anyone):
    def disable(model, **fields):
        person = make_person(f"{model.__name__.lower()}{len(fields)}{next(iter(fields))}@example.org")
        row = {User: person.user, Account: person.account, ApiKey: person.user.api_keys.get()}[model]
        model.objects.filter(pk=row.pk).update(**fields)
        return person.key

    now = timezone.now()
    keys = [
        "tb_" + "x" * 40,
        "nonsense",
        "",
        alice.key + "x",
        alice.key[:-1],
        disable(ApiKey, revoked_at=now),
        disable(ApiKey, expires_at=now - timedelta(seconds=1)),
        disable(Account, is_active=False),
        disable(User, is_active=False),
    ]
    answers = [bearer(key).get("/jobs") for key in keys] + [
        Client(headers={"Authorization": f"Basic {alice.key}"}).get("/jobs")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1


def test_a_former_members_key_no_longer_works(alice, bob):
    assert bob.api.get("/jobs").status_code == 200
    bob.user.memberships.all().delete()
    assert bob.api.get("/jobs").status_code == 401


def test_a_bad_key_is_401_on_public_routes_too(anyone):
    assert anyone.get("/health").status_code == 200
    assert bearer("tb_" + "x" * 40).get("/health").status_code == 401


def test_health_says_whether_the_key_is_valid(alice, anyone):
    assert anyone.get("/health").json()["status"] == "ok"
    assert anyone.get("/health").json()["authenticated"] is False
    assert alice.api.get("/health").json()["authenticated"] is True


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/jobs"), ("post", "/jobs"), ("get", "/account/api-keys"), ("post", "/account/api-keys")],
)
def test_an_unverified_email_is_403(db, method, path):
    person = make_person("new@example.org", verified=False)
    answer = getattr(person.api, method)(path)
    assert answer.status_code == 403 and answer.json()["code"] == "email_unverified"


def test_last_use_is_remembered_but_not_written_on_every_request(alice, django_assert_num_queries):
    assert alice.user.api_keys.get().last_used_at is None
    alice.api.get("/jobs")
    first = alice.user.api_keys.get().last_used_at
    assert first is not None
    alice.api.get("/jobs")
    assert alice.user.api_keys.get().last_used_at == first


def test_a_session_reads_without_and_writes_with_a_csrf_token(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice.user)
    assert browser.get("/jobs").status_code == 200
    answer = browser.post("/account/api-keys", {"name": "From the browser"}, content_type="application/json")
    assert answer.status_code == 403 and answer.json()["code"] == "csrf_failed"
    token = "a" * 32
    browser.cookies["csrftoken"] = token
    answer = browser.post(
        "/account/api-keys",
        {"name": "From the browser"},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 201


def test_a_key_needs_no_csrf_token(alice):
    client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {alice.key}"})
    assert client.post("/account/api-keys").status_code == 201

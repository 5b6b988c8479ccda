"""/account/api-keys as documented: shown once, hashed, rotated, revoked, one tenant's only."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import limits
from accounts.models import ApiKey

pytestmark = pytest.mark.django_db
URL = "/account/api-keys"


def create(person, **body):
    return person.api.post(URL, body, content_type="application/json")


def works(key, anyone):
    return anyone.get("/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_new_key_has_43_characters_and_is_shown_once(alice, anyone):
    answer = create(alice, name="My Integration Key")
    assert answer.status_code == 201
    key = answer.json()["key"]
    assert re.fullmatch(r"tb_[A-Za-z0-9]{40}", key) and len(key) == 43
    assert works(key, anyone)
    listed = alice.api.get(URL)
    assert key not in listed.content.decode()
    row = next(item for item in listed.json()["items"] if item["name"] == "My Integration Key")
    assert set(row) == {"id", "name", "prefix", "last_four", "created_at", "last_used_at", "expires_at"}
    assert key.startswith(row["prefix"]) and key.endswith(row["last_four"])


def test_the_database_holds_no_key(alice):
    key = create(alice).json()["key"]
    row = ApiKey.objects.order_by("-created_at").first()
    assert key not in " ".join(str(value) for value in vars(row).values())


def test_a_key_may_expire(alice, anyone):
    answer = create(alice, expires_at=(timezone.now() + timedelta(days=1)).isoformat()).json()
    assert works(answer["key"], anyone)
    ApiKey.objects.filter(pk=answer["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not works(answer["key"], anyone)
    assert answer["id"] not in [item["id"] for item in alice.api.get(URL).json()["items"]]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"name": "x" * 101}, "name"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"scope": "all"}, "scope"),
    ],
)
def test_a_bad_field_is_named(alice, body, names):
    answer = create(alice, **body)
    assert answer.status_code == 400
    assert names in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == names


@pytest.mark.parametrize("body", ["[]", "1", '"x"', "{", "null"])
def test_a_body_that_is_no_object_is_refused_in_words(alice, body):
    answer = alice.api.post(URL, body, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["detail"]


def test_an_empty_body_makes_a_key(alice):
    assert alice.api.post(URL).status_code == 201


def test_rotation_ends_the_old_key_at_once(alice, anyone):
    old = create(alice, name="Nightly").json()
    answer = alice.api.post(f"{URL}/{old['id']}/rotate")
    assert answer.status_code == 201
    new = answer.json()
    assert new["name"] == "Nightly" and new["id"] != old["id"]
    assert works(new["key"], anyone) and not works(old["key"], anyone)


def test_rotation_with_a_grace_period_leaves_the_old_key_until_then(alice, anyone):
    old = create(alice).json()
    new = alice.api.post(
        f"{URL}/{old['id']}/rotate", {"grace_period_seconds": 3600}, content_type="application/json"
    ).json()
    assert works(new["key"], anyone) and works(old["key"], anyone)
    row = ApiKey.objects.get(pk=old["id"])
    assert timedelta(minutes=59) < row.expires_at - timezone.now() <= timedelta(hours=1)
    assert alice.api.post(f"{URL}/{old['id']}/rotate").status_code == 409


@pytest.mark.parametrize("seconds", [-1, 7 * 24 * 3600 + 1, "soon", 1.5])
def test_a_grace_period_is_at_most_seven_days(alice, seconds):
    old = create(alice).json()
    answer = alice.api.post(
        f"{URL}/{old['id']}/rotate", {"grace_period_seconds": seconds}, content_type="application/json"
    )
    assert answer.status_code == 400 and "grace_period_seconds" in answer.json()["detail"]


def test_a_revoked_key_is_refused_and_gone_from_the_list(alice, anyone):
    key = create(alice).json()
    answer = alice.api.delete(f"{URL}/{key['id']}")
    assert answer.status_code == 200 and answer.json() == {"id": key["id"], "status": "revoked"}
    assert not works(key["key"], anyone)
    assert key["id"] not in [item["id"] for item in alice.api.get(URL).json()["items"]]
    assert alice.api.post(f"{URL}/{key['id']}/rotate").status_code == 409


def test_another_tenants_keys_do_not_exist(alice, charlie):
    key = create(alice).json()
    for answer in (
        charlie.api.delete(f"{URL}/{key['id']}"),
        charlie.api.post(f"{URL}/{key['id']}/rotate"),
        charlie.api.delete(f"{URL}/not-a-uuid"),
        charlie.api.post(f"{URL}/not-a-uuid/rotate"),
    ):
        assert answer.status_code == 404
    assert key["id"] not in [item["id"] for item in charlie.api.get(URL).json()["items"]]


def test_a_team_mate_sees_the_accounts_keys(alice, bob):
    key = create(alice).json()
    assert key["id"] in [item["id"] for item in bob.api.get(URL).json()["items"]]


def test_rotation_with_grace_does_not_pass_the_cap(alice, monkeypatch):
    monkeypatch.setattr(limits, "ACTIVE_API_KEYS_MAX", 1)
    key = alice.user.api_keys.get()
    body = {"grace_period_seconds": 60}
    assert alice.api.post(f"{URL}/{key.pk}/rotate", body, content_type="application/json").status_code == 409
    assert alice.api.post(f"{URL}/{key.pk}/rotate").status_code == 201


def test_the_number_of_active_keys_is_capped(alice, monkeypatch):
    monkeypatch.setattr(limits, "ACTIVE_API_KEYS_MAX", 2)
    assert create(alice).status_code == 201
    answer = create(alice)
    assert answer.status_code == 409 and answer.json()["code"] == "too_many_keys"

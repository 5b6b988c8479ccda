"""How often a password may be guessed, and that nobody is kept out by mistake."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from redis.exceptions import ConnectionError as Unreachable

from accounts.models import User
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def dora() -> User:
    user = make_person("dora@example.org").user
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture(autouse=True)
def _one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window ends in the middle of a test."""
    monkeypatch.setattr("django_ratelimit.core.time.time", lambda: 1_800_000_000)


def sign_in(email: str, password: str = "wrong", address: str = "192.0.2.1", path: str = "/login", **more: Any) -> Any:
    return Client().post(path, {"username": email, "password": password}, REMOTE_ADDR=address, **more)


def test_after_ten_failures_an_email_waits_whatever_its_spelling_and_wherever_it_comes_from(dora: User) -> None:
    for number in range(10):
        assert sign_in("dora@example.org", address=f"192.0.2.{number}").status_code == 200

    for spelling in ("dora@example.org", " Dora@Example.ORG", "ｄora@example.org"):
        answer = sign_in(spelling, PASSWORD, address="198.51.100.7")
        found = answer.content.decode()
        assert answer.status_code == 429 and 1 <= int(answer["Retry-After"]) <= 300
        assert "Too many failed sign-ins. Wait " in found and 'role="alert"' in found and "ora@example" in found.lower()
        assert "default-src 'self'" in answer["Content-Security-Policy"] and "sessionid" not in answer.cookies
    assert sign_in("other@example.org").status_code == 200
    assert Client().get("/login").status_code == 200


def test_after_thirty_failures_an_address_waits_and_what_it_says_of_itself_does_not_count(dora: User) -> None:
    for number in range(30):
        assert (
            sign_in(f"someone{number}@example.org", headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code == 200
        )

    assert sign_in("dora@example.org", PASSWORD, headers={"X-Forwarded-For": "10.0.1.1"}).status_code == 429
    assert sign_in("dora@example.org", PASSWORD, address="192.0.2.2").status_code == 302


def test_sign_ins_that_succeed_are_not_counted_and_a_window_ends(dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(31):
        assert sign_in("dora@example.org", PASSWORD).status_code == 302
    for _ in range(10):
        sign_in("dora@example.org")
    assert sign_in("dora@example.org", PASSWORD).status_code == 429
    monkeypatch.setattr("django_ratelimit.core.time.time", lambda: 1_800_000_301)
    assert sign_in("dora@example.org", PASSWORD).status_code == 302


def test_staff_sign_in_to_the_admin_under_the_same_limit(dora: User) -> None:
    User.objects.filter(pk=dora.pk).update(is_staff=True, is_superuser=True)
    assert sign_in("dora@example.org", PASSWORD, path="/admin/login/?next=/admin/")["Location"] == "/admin/"
    for number in range(10):
        assert sign_in("dora@example.org", path="/admin/login/" if number % 2 else "/login").status_code == 200
    assert sign_in("dora@example.org", PASSWORD, path="/admin/login/?next=/admin/").status_code == 429


def test_while_the_cache_is_down_nobody_is_kept_out(dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable

    for verb in ("add", "get", "incr"):
        monkeypatch.setattr(type(cache._connections[cache._alias]), verb, away)  # type: ignore[attr-defined]
    for _ in range(11):
        assert sign_in("dora@example.org").status_code == 200
    assert sign_in("dora@example.org", PASSWORD).status_code == 302


def test_a_server_behind_a_socket_file_knows_no_address_and_still_counts_emails(dora: User) -> None:
    for _ in range(10):
        assert sign_in("dora@example.org", address="").status_code == 200
    assert sign_in("dora@example.org", PASSWORD, address="").status_code == 429

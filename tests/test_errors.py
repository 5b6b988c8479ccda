"""One error shape everywhere: `detail` is a sentence, with a code and the request's id; no redirect, no HTML."""

import pytest
from django.db import OperationalError
from django.test import Client

from tests.conftest import make_job
from tuplets.errors import Code

pytestmark = pytest.mark.django_db


def assert_shape(answer, status):
    assert answer.status_code == status and answer["Content-Type"].startswith("application/json")
    body = answer.json()
    assert isinstance(body["detail"], str) and body["detail"].strip()
    assert body["code"] and body["request_id"] == answer["X-Request-Id"]


@pytest.mark.parametrize("path", ["/nothing", "/jobs/", "/jobs/x/y/z", "/account", "/health/"])
def test_unknown_paths_are_404_and_never_a_redirect(alice, path):
    assert_shape(alice.api.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("put", "/jobs"), ("patch", "/jobs/x"), ("delete", "/jobs"), ("get", "/jobs/cancel"), ("post", "/health")],
)
def test_wrong_methods_are_405_and_say_which_are_right(alice, method, path):
    answer = getattr(alice.api, method)(path)
    assert_shape(answer, 405)
    assert answer["Allow"]


def test_a_defect_is_500_in_the_same_shape_and_tells_nothing(alice, monkeypatch):
    from jobs.api import listing

    def crash(*args, **kwargs):
        raise RuntimeError("inner secret")

    monkeypatch.setattr(listing, "page", crash)
    alice.api.raise_request_exception = False
    answer = alice.api.get("/jobs")
    assert_shape(answer, 500)
    assert "secret" not in answer.content.decode()


def test_a_database_that_is_away_is_503_with_retry_after(alice, monkeypatch):
    from jobs.api import listing

    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(listing, "page", away)
    answer = alice.api.get("/jobs")
    assert_shape(answer, 503)
    assert int(answer["Retry-After"]) > 0


def test_accept_headers_and_format_parameters_change_nothing(alice):
    job = make_job(alice)
    answer = alice.api.get(f"/jobs/{job.pk}", headers={"Accept": "text/html"})
    assert answer.status_code == 200 and answer["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"cancel_token":' * 50_000, b'{"cancel_token": NaN}', b"\xff\xfe", b'{"a":1}{']
)
def test_hostile_json_is_refused_in_words(alice, body):
    assert_shape(alice.api.generic("POST", "/jobs/cancel", body, content_type="application/json"), 400)


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_without_files_has_a_size_limit(alice, content_type):
    answer = alice.api.generic("POST", "/jobs", b"remote_url=" + b"x" * (2 * 2**20), content_type=content_type)
    assert_shape(answer, 400)
    assert "1 MB" in answer.json()["detail"]


def test_url_encoded_forms_are_read(alice):
    answer = alice.api.generic(
        "POST", "/jobs", b"language=xx&remote_url=https%3A%2F%2Fe.org", content_type="application/x-www-form-urlencoded"
    )
    assert_shape(answer, 400)
    assert "'xx'" in answer.json()["detail"]


def test_a_huge_token_is_refused_in_words(alice):
    answer = alice.api.post("/jobs/cancel", '{"cancel_token":"' + "x" * 2**19 + '"}', content_type="application/json")
    assert_shape(answer, 400)


def test_a_foreign_host_header_is_refused(db):
    assert_shape(Client().get("/health", headers={"Host": "evil.example"}), 400)


def test_every_code_has_a_sentence_and_a_status():
    codes = [code.code for code in Code]
    assert len(codes) == len(set(codes))
    for code in Code:
        assert code.sentence.endswith(".") and 400 <= code.status <= 503

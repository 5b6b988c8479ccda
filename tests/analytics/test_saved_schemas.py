"""/account/schemas: an account's own custom fields under a name, and a job that asks for them by id."""

import json
import uuid

import pytest

from accounts import limits
from analytics.models import SavedSchema
from jobs.models import AnalyticsRun, Job
from tests.conftest import complete, make_job, make_person, recording

pytestmark = pytest.mark.django_db
SCHEMAS = "/account/schemas"
MOOD = {"key": "mood", "label": "Mood", "type": "single_select", "options": [{"code": "GOOD"}, {"code": "BAD"}]}
SCHEMA = {"schema_version": "2026-01", "fields": [MOOD]}
STORED_MOOD = {
    **MOOD,
    "required": False,
    "options": [{"id": 1, "code": "GOOD", "label": "Good"}, {"id": 2, "code": "BAD", "label": "Bad"}],
}


def save(person, name="Moods", schema=SCHEMA):
    body = {name_: value for name_, value in {"name": name, "schema": schema}.items() if value is not None}
    return person.api.post(SCHEMAS, body, content_type="application/json")


def replace(person, schema_id, **body):
    return person.api.put(f"{SCHEMAS}/{schema_id}", body, content_type="application/json")


@pytest.fixture
def saved(alice):
    answer = save(alice)
    assert answer.status_code == 201
    return answer.json()


@pytest.fixture
def available(monkeypatch):
    monkeypatch.setattr("jobs.features.available", lambda role: True)


def test_a_schema_is_kept_with_every_default_filled_in(alice, bob, saved):
    assert list(saved) == ["id", "name", "schema", "created_at", "updated_at"]
    assert saved["name"] == "Moods" and saved["schema"] == {"schema_version": "2026-01", "fields": [STORED_MOOD]}
    assert saved["created_at"].endswith("Z")
    assert bob.api.get(SCHEMAS).json() == {"items": [saved], "total_items": 1}
    assert alice.api.get(f"{SCHEMAS}/{saved['id']}").json() == saved


def test_a_version_left_out_is_the_current_one(alice):
    assert save(alice, schema={"fields": [MOOD]}).json()["schema"]["schema_version"] == "2026-05-31"


def test_a_put_replaces_name_and_fields_under_the_same_id(alice, saved):
    other = {"key": "paid", "label": "Paid", "type": "boolean"}
    answer = replace(alice, saved["id"], name=" Payments ", schema={"fields": [other]})
    assert answer.status_code == 200
    row = answer.json()
    assert row["id"] == saved["id"] and row["name"] == "Payments" and row["created_at"] == saved["created_at"]
    assert row["schema"]["fields"] == [{**other, "required": False}] and row["updated_at"] > saved["updated_at"]
    assert alice.api.get(SCHEMAS).json()["items"] == [row]


def test_a_schema_is_deleted_for_good(alice, saved):
    answer = alice.api.delete(f"{SCHEMAS}/{saved['id']}")
    assert answer.status_code == 200 and answer.json() == {"id": saved["id"], "status": "deleted"}
    assert alice.api.get(f"{SCHEMAS}/{saved['id']}").status_code == 404
    assert alice.api.delete(f"{SCHEMAS}/{saved['id']}").status_code == 404


@pytest.mark.parametrize("key", [None, "tb_" + "x" * 40])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("get", SCHEMAS), ("post", SCHEMAS)),
        *((method, f"{SCHEMAS}/{uuid.UUID(int=1)}") for method in ("get", "put", "delete")),
    ],
)
def test_without_a_key_that_works_there_are_no_schemas(anyone, method, path, key):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = getattr(anyone, method)(path, headers=headers)
    assert answer.status_code == 401 and answer.json()["code"] == "unauthorized"


def test_someone_elses_schema_does_not_exist(alice, charlie, saved):
    for schema_id in (saved["id"], uuid.uuid4(), "nonsense"):
        assert charlie.api.get(f"{SCHEMAS}/{schema_id}").status_code == 404
        assert replace(charlie, schema_id, name="Mine", schema=SCHEMA).status_code == 404
        assert charlie.api.delete(f"{SCHEMAS}/{schema_id}").status_code == 404
    assert charlie.api.get(SCHEMAS).json()["items"] == [] and alice.api.get(SCHEMAS).json()["items"] == [saved]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"name": None}, "name", "name is missing"),
        ({"name": "  "}, "name", "name is missing"),
        ({"name": "x" * 101}, "name", "at most 100"),
        ({"name": "a\x00b"}, "name", "control characters"),
        ({"name": ["Moods"]}, "name", "must be a string"),
        ({"schema": None}, "schema", "schema is missing"),
        ({"schema": {}}, "schema", "analytics.schema.fields must list at least one field"),
        ({"schema": "text"}, "schema", "analytics.schema must be a JSON object"),
        ({"schema": {"id": str(uuid.UUID(int=1))}}, "schema", "unknown member"),
        ({"schema": {"fields": [MOOD, MOOD]}}, "schema", "analytics.schema.fields[1].key"),
        ({"schema": {"fields": [{**MOOD, "options": [{"code": "x"}]}]}}, "schema", "fields[0].options[0].code"),
        ({"schema": {"schema_version": 1, "fields": [MOOD]}}, "schema", "analytics.schema.schema_version"),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_what_is_wrong_is_named_in_the_words_of_a_job(alice, saved, body, field, said, again):
    whole = {"name": "Other", "schema": SCHEMA, **body}
    sent = {name: value for name, value in whole.items() if value is not None}
    answer = replace(alice, saved["id"], **sent) if again else save(alice, **whole)
    assert answer.status_code == 400 and said in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == field
    assert alice.api.get(SCHEMAS).json()["items"] == [saved]


def test_other_fields_are_refused(alice, saved):
    answer = replace(alice, saved["id"], name="Moods", schema=SCHEMA, domain="insurance")
    assert answer.status_code == 400 and "domain" in answer.json()["detail"]


def test_what_its_defaults_make_too_large_for_a_job_is_refused(alice):
    code = "X" * 95
    options = [{"code": f"{code}{number:03}"} for number in range(100)]
    fields = [{"key": f"k{n}", "label": "L", "type": "single_select", "options": options} for n in range(50)]
    answer = save(alice, schema={"fields": fields})
    assert answer.status_code == 400 and "characters long" in answer.json()["detail"]


def test_a_name_is_an_accounts_once(alice, bob, charlie, saved):
    answer = save(bob)
    assert answer.status_code == 409 and answer.json()["code"] == "schema_name_taken"
    assert answer.json()["errors"][0]["field"] == "name"
    assert save(charlie).status_code == 201
    other = save(alice, name="Other").json()
    assert replace(alice, other["id"], name="Moods", schema=SCHEMA).status_code == 409
    assert replace(alice, saved["id"], name="Moods", schema=SCHEMA).status_code == 200


def test_an_account_has_so_many_and_no_more(alice, charlie, monkeypatch, saved):
    monkeypatch.setattr(limits, "SAVED_SCHEMAS_MAX", 2)
    assert save(alice, name="Second").status_code == 201
    answer = save(alice, name="Third")
    assert answer.status_code == 409 and answer.json()["code"] == "too_many_schemas"
    assert replace(alice, saved["id"], name="First", schema=SCHEMA).status_code == 200
    assert save(charlie).status_code == 201 and SavedSchema.objects.count() == 3


# In a job


def submit(person, analytics):
    analytics = analytics if isinstance(analytics, str) else json.dumps(analytics)
    return person.api.post("/jobs", {"audio_file": recording(), "analytics": analytics})


def test_a_job_that_names_a_schema_holds_its_fields(alice, bob, saved, available):
    for person in (alice, bob):
        asked = {"profile": "full", "domain": "insurance", "schema": {"id": saved["id"]}}
        assert submit(person, asked).status_code == 201
    for job in Job.objects.all():
        assert job.analytics["custom_schema"] == {
            "domain": "insurance",
            "schema_version": "2026-01",
            "fields": [STORED_MOOD],
        }
    alice.api.delete(f"{SCHEMAS}/{saved['id']}")
    assert Job.objects.first().analytics["custom_schema"]["fields"] == [STORED_MOOD]


def test_a_re_run_may_name_a_schema_as_well(alice, saved, available):
    job = complete(make_job(alice))
    body = {"analytics": {"schema": {"id": saved["id"], "fields": None}}}
    assert alice.api.post(f"/jobs/{job.pk}/analytics", body, content_type="application/json").status_code == 202
    assert AnalyticsRun.objects.get().request["custom_schema"]["fields"] == [STORED_MOOD]


def test_an_id_that_is_not_the_accounts_is_refused_by_its_path(alice, charlie, saved, available):
    for person, schema_id in ((charlie, saved["id"]), (alice, str(uuid.uuid4())), (alice, "nonsense"), (alice, 7)):
        answer = submit(person, {"schema": {"id": schema_id}})
        assert answer.status_code == 400 and "analytics.schema.id" in answer.json()["detail"]
        assert answer.json()["errors"][0]["field"] == "analytics"
    assert not Job.objects.exists()


def test_an_id_stands_alone(alice, saved, available):
    answer = submit(alice, {"schema": {"id": saved["id"], "fields": [MOOD]}})
    assert answer.status_code == 400 and "'fields'" in answer.json()["detail"]


def test_saved_fields_may_not_clash_with_a_packs(alice, available):
    clashing = {**MOOD, "key": "call_reason"}
    schema_id = save(alice, schema={"fields": [clashing]}).json()["id"]
    answer = submit(alice, {"domain": "insurance", "schema": {"id": schema_id}})
    assert answer.status_code == 400 and "analytics.schema.fields[0].key" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema":{"id":"%s"},"schema":{"id":"%s"}}', "twice"),
        ('{"profile":"full","schema":{"id":"%s","id":"%s"}}', "twice"),
        ('{"schema":{"id":"%s"}} %s', "not valid JSON"),
        ('{"profile":NaN,"schema":{"id":"%s"},"domain":"%s"}', "analytics"),
    ],
)
def test_a_malformed_text_that_names_a_schema_is_refused_as_any_other(alice, saved, available, text, said):
    answer = submit(alice, text % (saved["id"], saved["id"]))
    assert answer.status_code == 400 and said in answer.json()["detail"]


def test_an_unverified_address_may_not_save(db):
    assert save(make_person("dora@example.org", verified=False)).status_code == 403

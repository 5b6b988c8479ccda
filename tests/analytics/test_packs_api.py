"""GET /analytics/packs: the published catalogue, for whoever has a key."""

import pytest

from analytics.catalogue import DOMAINS, pack
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
PACKS = "/analytics/packs"


def test_every_pack_is_listed_in_the_published_order_with_its_fields(alice):
    items = alice.api.get(PACKS).json()["items"]
    assert [item["domain"] for item in items] == list(DOMAINS)
    assert items == [pack(domain).as_json() for domain in DOMAINS]
    assert list(items[0]) == ["domain", "label", "description", "schema_version", "fields"]


def test_what_only_the_analyst_needs_is_not_shown(alice):
    text = alice.api.get(PACKS).content.decode()
    assert "guidance" not in text and "examples" not in text


def test_a_field_can_be_copied_into_a_schema_of_ones_own(alice):
    [insurance] = [item for item in alice.api.get(PACKS).json()["items"] if item["domain"] == "insurance"]
    body = {"name": "Mine", "schema": {"fields": insurance["fields"]}}
    answer = alice.api.post("/account/schemas", body, content_type="application/json")
    assert answer.status_code == 201 and answer.json()["schema"]["fields"] == insurance["fields"]


def test_an_unverified_address_may_read_it(db):
    assert make_person("dora@example.org", verified=False).api.get(PACKS).status_code == 200


@pytest.mark.parametrize("key", [None, "tb_" + "x" * 40])
def test_without_a_key_that_works_there_is_no_list(anyone, key):
    answer = anyone.get(PACKS, headers={"Authorization": f"Bearer {key}"} if key else {})
    assert answer.status_code == 401 and answer.json()["code"] == "unauthorized"

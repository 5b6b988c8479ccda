"""GET /account/balance, /account/ledger, /account/usage and /prices."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import ledger, statements
from billing.models import LedgerAccount, Transfer
from billing.prices import Feature
from billing.usage import usage
from tests.billing.charges import charge
from tests.conftest import Person, make_person
from tuplets.errors import TupletsError

FREE = 2_500_000
PATHS = ("/account/balance", "/account/ledger", "/account/usage")


def everything(person: Person, **query: Any) -> list[dict[str, Any]]:
    """All pages of the ledger."""
    items, cursor = [], ""
    while True:
        page = person.api.get("/account/ledger", {**query, **({"cursor": cursor} if cursor else {})}).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def dollars(amounts: Any) -> Decimal:
    return sum((Decimal(str(amount)) for amount in amounts), Decimal())


# Who may look


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_it_is_401_and_so_with_a_wrong_one(anyone: Client, path: str) -> None:
    assert anyone.get(path).status_code == 401
    answer = anyone.get(path, headers={"Authorization": "Bearer tb_wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_another_account_sees_nothing_of_it_and_a_member_sees_all(alice: Person, bob: Person, charlie: Person) -> None:
    charge(alice.account)

    assert [item["kind"] for item in everything(charlie)] == ["grant"]
    assert charlie.api.get("/account/balance").json()["balance_usd"] == 2.5
    assert charlie.api.get("/account/usage").json()["total"]["jobs"] == 0
    assert everything(bob) == everything(alice) and len(everything(bob)) == 3


# The balance


def test_the_balance_is_what_is_there_what_is_on_hold_and_what_is_left(alice: Person) -> None:
    ledger.hold(account=alice.account, amount_micros=1_700_001, subject="job:1")

    assert alice.api.get("/account/balance").json() == {
        "currency": "usd",
        "balance_usd": 2.5,
        "held_usd": 1.700001,
        "available_usd": 0.799999,
        "low_balance": True,
        "low_balance_threshold_usd": 1.0,
    }


def test_an_account_without_a_wallet_has_nothing_and_an_empty_ledger(db: Any) -> None:
    user = make_person("new@example.org", verified=False).user
    type(user).objects.filter(pk=user.pk).update(email_verified_at=datetime.now(UTC))  # verified, and not credited
    page = Client()
    page.force_login(user)

    assert page.get("/account/balance").json()["available_usd"] == 0
    assert page.get("/account/ledger").json() == {"items": [], "next_cursor": None}
    assert page.get("/account/usage").json()["total"] == {
        "charged_usd": 0.0,
        "refunded_usd": 0.0,
        "seconds": 0,
        "jobs": 0,
    }


def test_a_balance_is_one_statement(alice: Person, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        statements.balance_of(alice.account)


# The ledger


def test_a_charge_says_what_it_is_made_of(alice: Person) -> None:
    job = uuid.uuid4()
    charge(alice.account, subject=f"job:{job}", key_id=uuid.uuid4())
    capture, hold, grant = everything(alice)

    assert (grant["amount_usd"], grant["held_usd"], grant["description"]) == (2.5, 0, "Free credit of a new account.")
    assert (hold["amount_usd"], hold["held_usd"], hold["held_after_usd"]) == (0, 0.01, 0.01)
    assert (capture["amount_usd"], capture["held_usd"], capture["balance_after_usd"]) == (-0.01, -0.01, 2.49)
    assert capture["job_id"] == str(job) and capture["description"] == f"Charged for job {job}."
    assert capture["detail"] == {
        "seconds": 61.5,
        "price_list": "2026-05",
        "minimum_usd": 0.01,
        "lines": [
            {
                "feature": "standard_transcription",
                "label": "Standard transcription",
                "rate_usd_per_hour": 0.14,
                "amount_usd": 0.002392,
            },
            {"feature": None, "label": "Minimum charge", "rate_usd_per_hour": None, "amount_usd": 0.007608},
        ],
    }
    assert grant["detail"] is hold["detail"] is None and grant["job_id"] is None
    assert capture["created_at"].endswith("Z")


def test_every_kind_has_its_sign_and_its_sentence(alice: Person) -> None:
    account, job = alice.account, uuid.uuid4()
    paid = ledger.deposit(account=account, amount_micros=9_000_000, reference="stripe:cs_1")
    captured = charge(account, [Feature.CUSTOM], subject=f"job:{job}:analytics:2")
    ledger.refund(charge=captured, amount_micros=50_000, reference="refunded:1", reason="Half of it was silence.")
    ledger.release(held=ledger.hold(account=account, amount_micros=1_000_000, subject=f"job:{job}"))
    ledger.reverse(paid=paid, amount_micros=4_000_000, reference="stripe:re_1", reason="Disputed")
    ledger.adjust(account=account, amount_micros=-1, reference="adjusted:1", reason="Down", actor=alice.user)
    ledger.adjust(account=account, amount_micros=3, reference="adjusted:2", reason="Up", actor=alice.user)
    ledger.grant(account=account, amount_micros=5, reference="granted:1", reason="Sorry for the wait")

    found = [(each["kind"], each["amount_usd"], each["held_usd"], each["description"]) for each in everything(alice)]

    assert found[::-1][1:] == [
        ("deposit", 9.0, 0, "Top-up by card."),
        ("hold", 0, 0.15, f"Put on hold for analytics re-run 2 of job {job}."),
        ("capture", -0.15, -0.15, f"Charged for analytics re-run 2 of job {job}."),
        ("refund", 0.05, 0, f"Refund for analytics re-run 2 of job {job}: Half of it was silence."),
        ("hold", 0, 1.0, f"Put on hold for job {job}."),
        ("release", 0, -1.0, f"Hold for job {job} released."),
        ("reversal", -4.0, 0, "Card payment taken back: Disputed."),
        ("adjustment", -0.000001, 0, "Correction: Down."),
        ("adjustment", 0.000003, 0, "Correction: Up."),
        ("grant", 0.000005, 0, "Credit granted: Sorry for the wait."),
    ]
    assert {each["job_id"] for each in everything(alice, kind="refund")} == {str(job)}


def test_it_is_filtered_by_kind_and_day(alice: Person) -> None:
    charge(alice.account)
    today = datetime.now(UTC).date()

    assert [each["kind"] for each in everything(alice, kind="capture")] == ["capture"]
    assert len(everything(alice, since=today - timedelta(days=1), until=today + timedelta(days=1))) == 3
    assert everything(alice, until=today - timedelta(days=1)) == []
    assert everything(alice, since=today + timedelta(days=1)) == []


def test_pages_have_no_gap_and_no_repetition_while_rows_arrive(alice: Person) -> None:
    for _ in range(5):
        charge(alice.account)
    before = [each["id"] for each in everything(alice)]

    seen, cursor = [], None
    while True:
        page = alice.api.get("/account/ledger", {"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        charge(alice.account)

    assert seen == before


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/account/ledger", {"limit": "0"}, "limit"),
        ("/account/ledger", {"limit": "101"}, "limit"),
        ("/account/ledger", {"limit": "ten"}, "limit"),
        ("/account/ledger", {"cursor": "nonsense"}, "cursor"),
        ("/account/ledger", {"cursor": "////////////"}, "cursor"),
        ("/account/ledger", {"cursor": "é"}, "cursor"),
        ("/account/ledger", {"kind": "gift"}, "kind"),
        ("/account/ledger", {"since": "yesterday"}, "since"),
        ("/account/ledger", {"until": "0001-01-01"}, "until"),
        ("/account/ledger", {"until": "9999-12-31"}, "until"),
        ("/account/ledger", {"since": "2026-05-02", "until": "2026-05-01"}, "since"),
        ("/account/usage", {"group_by": "colour"}, "group_by"),
        ("/account/usage", {"since": "2026-02-30"}, "since"),
        ("/account/usage", {"since": "2026-05-02", "until": "2026-05-01"}, "since"),
        ("/account/usage", {"since": "2024-01-01", "until": "2026-01-01"}, "since"),
    ],
)
def test_a_bad_query_names_the_field(alice: Person, path: str, query: dict[str, str], field: str) -> None:
    answer = alice.api.get(path, query)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")
    assert answer.json()["errors"][0]["field"] == field and field in answer.json()["detail"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["deposit", "grant", "charge", "hold", "refund", "up", "down", "reverse"]),
        st.integers(1, 10**7),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, limit=st.integers(1, 7))
def test_the_signed_amounts_of_all_pages_add_up_to_the_balance_whatever_was_posted(
    db: Any, steps: list[tuple[str, int]], limit: int
) -> None:
    person = make_person(f"{uuid.uuid4()}@example.org")
    account, user = person.account, person.user
    for number, (what, micros) in enumerate(steps):
        reference = f"{account.pk}:{number}"
        captured = Transfer.objects.filter(debit__account=account, kind="capture").last()
        paid = Transfer.objects.filter(credit__account=account, kind="deposit").last()
        try:
            match what:
                case "deposit":
                    ledger.deposit(account=account, amount_micros=micros, reference=reference)
                case "grant":
                    ledger.grant(account=account, amount_micros=micros, reference=reference, reason="?")
                case "charge":
                    charge(account, list(Feature)[: number % 7 + 1], micros / 1000)
                case "hold":
                    held = ledger.hold(account=account, amount_micros=micros, subject=f"job:{reference}")
                    if micros % 2:
                        ledger.release(held=held)
                case "refund" if captured:
                    ledger.refund(charge=captured, amount_micros=micros, reference=reference, reason="?", actor=user)
                case "reverse" if paid:
                    ledger.reverse(paid=paid, amount_micros=micros, reference=reference)
                case "up" | "down":
                    signed = micros if what == "up" else -micros
                    ledger.adjust(account=account, amount_micros=signed, reference=reference, reason="?", actor=user)
        except TupletsError:
            pass  # more than there is

    items = everything(person, limit=limit)

    wallet = LedgerAccount.objects.get(account=account)
    assert dollars(each["amount_usd"] for each in items) * 10**6 == wallet.balance_micros
    assert dollars(each["held_usd"] for each in items) * 10**6 == wallet.held_micros
    assert (items[0]["balance_after_usd"], items[0]["held_after_usd"]) == (
        wallet.balance_micros / 10**6,
        wallet.held_micros / 10**6,
    )
    for group_by in ("day", "feature", "key"):
        answer = person.api.get("/account/usage", {"group_by": group_by}).json()
        for name, kind, sign in (("charged_usd", "capture", -1), ("refunded_usd", "refund", 1)):
            posted = sign * dollars(each["amount_usd"] for each in items if each["kind"] == kind)
            assert dollars(each[name] for each in answer["items"]) == posted == Decimal(str(answer["total"][name]))


# Usage


def test_usage_by_day_has_every_day_of_the_period_and_the_last_thirty_without_one(alice: Person) -> None:
    charge(alice.account, seconds=3600)
    today = datetime.now(UTC).date()

    answer = alice.api.get("/account/usage").json()

    assert answer["group_by"] == "day" and answer["until"] == today.isoformat()
    assert [each["day"] for each in answer["items"]] == [
        (today - timedelta(days=days)).isoformat() for days in range(29, -1, -1)
    ]
    assert answer["items"][-1] == {
        "day": today.isoformat(),
        "charged_usd": 0.14,
        "refunded_usd": 0.0,
        "seconds": 3600,
        "jobs": 1,
    }
    assert answer["items"][0]["charged_usd"] == 0


def test_usage_by_feature_says_what_minimums_added_and_counts_a_job_once_in_the_total(alice: Person) -> None:
    job = uuid.uuid4()
    captured = charge(alice.account, [Feature.STANDARD, Feature.DIARIZATION], 60, subject=f"job:{job}")
    charge(alice.account, [Feature.BASIC], 3600, subject=f"job:{job}:analytics:1")
    ledger.refund(charge=captured, amount_micros=1_000, reference="refunded:1", reason="?")

    answer = alice.api.get("/account/usage", {"group_by": "feature"}).json()

    rows = {each["feature"]: each for each in answer["items"]}
    assert rows["basic_analytics"]["charged_usd"] == 0.24 and rows["basic_analytics"]["label"] == "Basic analytics"
    assert rows["standard_transcription"]["charged_usd"] == 0.002334
    assert rows["speaker_diarization"]["seconds"] == 60
    assert (rows[None]["charged_usd"], rows[None]["refunded_usd"]) == (0.031333, 0.001)
    assert (rows[None]["seconds"], rows[None]["jobs"]) == (0, 1)
    assert answer["total"] == {"charged_usd": 0.275, "refunded_usd": 0.001, "seconds": 3660, "jobs": 1}


def test_a_charge_without_lines_is_of_no_feature(alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=7, subject="job:1")
    ledger.capture(held=held, amount_micros=7, detail={})

    answer = alice.api.get("/account/usage", {"group_by": "feature"}).json()

    assert [(each["feature"], each["charged_usd"]) for each in answer["items"]] == [(None, 0.000007)]


def test_usage_by_key_names_the_keys_of_all_members_and_of_nobody_else(
    alice: Person, bob: Person, charlie: Person
) -> None:
    hers, his, foreign = (person.user.api_keys.get() for person in (alice, bob, charlie))
    charge(alice.account, seconds=3600, key_id=hers.pk)
    charge(alice.account, seconds=7200, key_id=his.pk)
    charge(alice.account, key_id=foreign.pk)
    refunded = charge(alice.account, seconds=1800)
    ledger.refund(charge=refunded, amount_micros=70_000, reference="refunded:1", reason="?")

    items = alice.api.get("/account/usage", {"group_by": "key"}).json()["items"]

    assert [(each["key_id"], each["key_name"], each["key_last_four"]) for each in items] == [
        (str(his.pk), "Test key", his.last_four),
        (str(hers.pk), "Test key", hers.last_four),
        (None, "Without a key (signed in)", None),
        (str(foreign.pk), "A key that no longer exists", None),
    ]
    assert items[2]["refunded_usd"] == 0.07 and items[0]["key_prefix"] == his.prefix


def test_usage_reads_the_periods_charges_by_index(alice: Person, charlie: Person) -> None:
    charge(alice.account)
    for _ in range(60):
        charge(charlie.account)
    today = datetime.now(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_transfer")
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table of few rows is read whole otherwise
    queries: list[str] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "billing_transfer" in sql:
            queries.append(context["cursor"].mogrify(sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        usage(alice.account, since=today, until=today, group_by=["feature"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {queries[0]}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "transfer_charges" in plan and "transfer_refunds" in plan, plan


# Prices


def test_prices_are_public_and_a_bad_key_is_401_all_the_same(anyone: Client) -> None:
    answer = anyone.get("/prices").json()

    assert answer["price_list"] == "2026-05" and len(answer["rates"]) == 7 and len(answer["bundles"]) == 12
    assert answer["rates"][1] == {
        "feature": "premium_transcription",
        "label": "Premium transcription",
        "rate_usd_per_hour": 0.25,
        "minimum_usd": 0.035,
    }
    assert answer["bundles"][9] == {
        "label": "Transcript + diarization + PII",
        "features": ["speaker_diarization", "pii_processing"],
        "minimum_usd": 0.065,
    }
    assert answer["top_up"] == {"least_usd": 5.0, "most_usd": 500.0, "presets_usd": [10.0, 25.0, 50.0, 100.0]}
    assert anyone.get("/prices", headers={"Authorization": "Bearer tb_wrong"}).status_code == 401

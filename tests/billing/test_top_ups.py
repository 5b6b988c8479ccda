"""A customer tops up by card: what is asked of Stripe, what is refused before, and what an outage leaves behind."""

import json
import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger, stripe_gateway, top_ups
from billing.models import AutoTopUp, TopUp
from billing.top_up_amounts import top_up_micros
from tests.billing.fake_stripe import FakeStripe, deliver
from tests.billing.test_stripe_webhook import begun, paid
from tests.conftest import Person, make_person
from tuplets.errors import TupletsError

FREE = 2_500_000


def begin(person: Person, amount: Any = 25, **fields: Any) -> Any:
    return person.api.post("/account/top-ups", {"amount_usd": amount, **fields}, content_type="application/json")


def test_a_top_up_answers_with_the_page_where_it_is_paid_and_credits_nothing_yet(
    alice: Person, fake: FakeStripe, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://tuplets.example.org"

    answer = begin(alice, 25)

    assert answer.status_code == 201
    top_up = answer.json()
    (session,) = fake.sessions.values()
    assert (top_up["status"], top_up["amount_usd"], top_up["checkout_url"]) == ("open", 25.0, session["url"])
    assert ledger.available_micros(alice.account) == FREE
    asked = session["asked"]
    assert session["amount_total"] == 2500 and session["currency"] == "usd" and asked["mode"] == "payment"
    names = {"top_up_id": top_up["id"], "account_id": str(alice.account.pk)}
    assert asked["metadata"] == asked["payment_intent_data"]["metadata"] == names
    assert asked["client_reference_id"] == top_up["id"]
    assert asked["success_url"] == f"https://tuplets.example.org/dashboard/billing/return?top_up={top_up['id']}"
    assert asked["cancel_url"] == "https://tuplets.example.org/dashboard/billing"
    assert "customer" not in asked and not fake.customers


def test_a_card_is_saved_only_where_the_customer_asks_for_it_and_for_one_customer_an_account(
    alice: Person, fake: FakeStripe
) -> None:
    for _ in range(2):
        assert begin(alice, 25, save_card=True).status_code == 201

    (customer,) = fake.customers.values()
    assert customer["metadata"] == {"account_id": str(alice.account.pk)}
    for session in fake.sessions.values():
        assert session["customer"] == customer["id"]
        assert session["asked"]["payment_intent_data"]["setup_future_usage"] == "off_session"


def test_a_customer_that_was_deleted_at_stripe_is_replaced_and_its_card_forgotten(
    alice: Person, fake: FakeStripe
) -> None:
    for _ in range(2):  # also the one that replaced another
        paid(fake, begun(alice, 5, save_card=True))
        switched = {"enabled": True, "threshold_usd": 1, "amount_usd": 5}
        assert alice.api.put("/account/auto-top-up", switched, content_type="application/json").status_code == 200
        gone = AutoTopUp.objects.get().customer_id
        charged = TopUp.objects.create(account=alice.account, amount_micros=5_000_000, is_automatic=True)
        fake.customers.clear()

        answer = begin(alice, 25, save_card=True)

        assert answer.status_code == 201, answer.json()
        auto = AutoTopUp.objects.get()
        (customer,) = fake.customers
        assert auto.customer_id == customer != gone
        assert (auto.enabled, auto.has_card, auto.card_last4) == (False, False, "")
        assert "no longer there" in auto.last_failure
        charged.refresh_from_db()  # of the customer that is gone: the new one must not be asked for it
        assert charged.status == "failed" and "is not known" in charged.failure
    assert begin(alice, 25, save_card=True).status_code == 201 and len(fake.customers) == 1


def test_a_charge_of_a_deleted_customer_is_asked_about_before_another_takes_its_place(
    alice: Person, fake: FakeStripe
) -> None:
    paid(fake, begun(alice, 5, save_card=True))
    charged = TopUp.objects.create(account=alice.account, amount_micros=5_000_000, is_automatic=True)
    TopUp.objects.filter(pk=charged.pk).update(created_at=timezone.now() - timedelta(minutes=6))
    names = {"top_up_id": str(charged.pk), "account_id": str(alice.account.pk)}
    fake._intent(500, "usd", names, AutoTopUp.objects.get().customer_id)
    fake.deleted(str(AutoTopUp.objects.get().customer_id))

    assert begin(alice, 25, save_card=True).status_code == 201

    charged.refresh_from_db()
    assert charged.status == "paid" and ledger.available_micros(alice.account) == FREE + 10_000_000


@pytest.mark.parametrize(("code", "field"), [("resource_missing", "line_items"), ("parameter_invalid", "customer")])
def test_what_is_refused_for_another_reason_keeps_the_customer(
    alice: Person, fake: FakeStripe, monkeypatch: Any, code: str, field: str
) -> None:
    paid(fake, begun(alice, 5, save_card=True))

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise stripe_gateway.StripeRefused(code, field=field)

    monkeypatch.setattr(stripe_gateway.Gateway, "create_checkout", refused)
    assert begin(alice, 25, save_card=True).status_code == 503
    assert AutoTopUp.objects.get().has_card and len(fake.customers) == 1


def test_its_state_is_read_by_its_account_alone(alice: Person, bob: Person, charlie: Person, fake: FakeStripe) -> None:
    path = f"/account/top-ups/{begin(alice).json()['id']}"

    assert alice.api.get(path).json()["status"] == bob.api.get(path).json()["status"] == "open"
    for other in (path, "/account/top-ups/not-an-id", f"/account/top-ups/{uuid.uuid4()}"):
        assert charlie.api.get(other).status_code == 404


@pytest.mark.parametrize(
    "amount",
    [
        *(0, -5, 4.99, 500.01, 5.001, 1e9, True, [25], {"usd": 25}, "5.001", "5.0000000000000000000000000000000001"),
        *("NaN", "sNaN", "-NaN", "Infinity", "abc", "25 USD", "5,00", "1/2", "1e999999999", "1e-999999", "9" * 5000),
        *("1_0", "２５", "٢٥", "25.٠٠"),
    ],
)
def test_what_is_no_amount_of_a_top_up_is_refused_by_name_with_the_bounds(
    alice: Person, fake: FakeStripe, amount: Any
) -> None:
    answer = begin(alice, amount)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "amount_usd", "message": "amount_usd must be an amount from $5 to $500, in whole cents."}
    ]
    assert not fake.requests and not TopUp.objects.exists()


@pytest.mark.parametrize("amount", [5, 500, "25.50", 25.5, "5.00", " 7 "])
def test_whole_cents_within_the_bounds_are_amounts(alice: Person, fake: FakeStripe, amount: Any) -> None:
    assert begin(alice, amount).json()["amount_usd"] == float(amount)


def test_a_body_without_an_amount_names_it(alice: Person, fake: FakeStripe) -> None:
    answer = alice.api.post("/account/top-ups", {"save_card": True}, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "amount_usd"
    assert begin(alice, 25, save_card="perhaps").json()["errors"][0]["field"] == "save_card"
    assert begin(alice, 25, currency="eur").json()["errors"][0]["field"] == "currency"
    nan = alice.api.post("/account/top-ups", '{"amount_usd": NaN}', content_type="application/json")
    assert nan.status_code == 400


@pytest.mark.parametrize("micros", [0, -5_000_000, 4_990_000, 500_010_000, 5_001_000, 5_000_001])
def test_the_verb_itself_refuses_what_a_form_may_let_through(alice: Person, fake: FakeStripe, micros: int) -> None:
    with pytest.raises(TupletsError, match=r"\$5 to \$500"):
        top_ups.begin_top_up(account=alice.account, user=alice.user, amount_micros=micros)
    assert top_up_micros("5.01") == 5_010_000


def test_without_a_key_top_ups_are_off_and_say_what_to_do(alice: Person, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""

    answer = begin(alice)

    assert (answer.status_code, answer.json()["code"]) == (409, "top_ups_off")
    assert "operator can grant credit" in answer.json()["detail"]
    assert not TopUp.objects.exists()
    assert alice.api.get("/account/auto-top-up").json()["enabled"] is False


def test_nobody_tops_up_without_a_verified_key(db: Any, anyone: Any, fake: FakeStripe) -> None:
    new = make_person("new@example.org", verified=False)
    assert anyone.post("/account/top-ups", {"amount_usd": 25}).status_code == 401
    assert begin(new).status_code == 403
    assert not fake.requests


@pytest.mark.parametrize("status", [500, 503, 429, 401, 403])
def test_a_stripe_that_fails_is_503_and_nothing_can_be_paid(alice: Person, fake: FakeStripe, status: int) -> None:
    fake.fail_with = status

    answer = begin(alice)

    assert answer.status_code == 503 and "can't be reached" in answer.json()["detail"] and answer["Retry-After"]
    assert TopUp.objects.get().status == "failed" and TopUp.objects.get().checkout_url == ""
    fake.fail_with = 0
    assert begin(alice).status_code == 201


def test_a_stripe_that_hangs_or_is_gone_is_503(alice: Person, fake: FakeStripe, monkeypatch: Any) -> None:
    monkeypatch.setattr(stripe_gateway, "_TIMEOUT_S", 0.2)
    fake.hang_s = 1
    assert begin(alice).status_code == 503
    assert len(fake.requests) == 3  # tried again with the same idempotency key
    fake.stop()
    assert begin(alice, 30).status_code == 503


def test_a_request_that_stripe_finds_wrong_is_503_and_never_a_crash(alice: Person, fake: FakeStripe) -> None:
    fake.fail_with = 400
    assert begin(alice).status_code == 503


def test_a_retry_after_a_lost_answer_opens_one_session(alice: Person, fake: FakeStripe) -> None:
    fake.silent_after_charging = True
    begin(alice)
    assert len(fake.requests) == 3 and len(fake.sessions) == 1


def test_no_key_and_no_session_address_is_logged(alice: Person, fake: FakeStripe, caplog: Any) -> None:
    with caplog.at_level(logging.INFO):
        url = begin(alice).json()["checkout_url"]
        fake.fail_with = 401
        begin(alice)

    logged = json.dumps([str(vars(record)) for record in caplog.records if not record.name.startswith("urllib3")])
    assert "top_up_begun" in logged and "stripe_call_failed" in logged
    assert url not in logged and "sk_test" not in logged and "whsec" not in logged


# Where the event does not come


def test_a_payment_whose_event_is_lost_is_found_by_asking(alice: Person, fake: FakeStripe) -> None:
    top_up = TopUp.objects.get(pk=begin(alice).json()["id"])
    assert top_ups.catch_up(top_up=top_up).status == "open"
    session = fake.paid(str(top_up.session_id))

    assert top_ups.catch_up(top_up=top_up).status == "paid"

    assert top_ups.catch_up(top_up=top_up).status == "paid"
    assert deliver(fake.event("checkout.session.completed", session)).json()["outcome"] == "ignored"
    assert ledger.available_micros(alice.account) == FREE + 25_000_000


def test_asking_about_one_that_was_never_paid_ends_it(alice: Person, fake: FakeStripe) -> None:
    top_up = TopUp.objects.get(pk=begin(alice).json()["id"])
    fake.expired(str(top_up.session_id))
    assert top_ups.catch_up(top_up=top_up).status == "expired"

    unknown = TopUp.objects.get(pk=begin(alice).json()["id"])
    fake.sessions.clear()
    assert top_ups.catch_up(top_up=unknown).status == "open"


def test_a_schedule_asks_about_all_that_are_late_and_stops_where_stripe_is_away(
    alice: Person, fake: FakeStripe
) -> None:
    late, left, new, old = (TopUp.objects.get(pk=begin(alice).json()["id"]) for _ in range(4))
    for top_up in (late, new, old):
        fake.paid(str(top_up.session_id))
    fake.expired(str(left.session_id))
    TopUp.objects.exclude(pk=new.pk).update(created_at=timezone.now() - timedelta(hours=1))
    TopUp.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=4))
    fake.fail_with = 500
    assert top_ups.catch_up_open() == 0
    fake.fail_with = 0

    assert top_ups.catch_up_open() == 2

    assert [TopUp.objects.get(pk=row.pk).status for row in (late, left, new)] == ["paid", "expired", "open"]
    assert ledger.available_micros(alice.account) == FREE + 25_000_000

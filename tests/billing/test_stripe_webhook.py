"""What Stripe's events do to the ledger: once each, in any order, and nothing that does not fit."""

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connection

from billing import ledger
from billing.models import LedgerAccount, StripeEvent, TopUp, Transfer
from tests.billing.fake_stripe import WEBHOOK_SECRET, FakeStripe, deliver, post
from tests.conftest import Person, make_person

FREE = 2_500_000
PAID = FREE + 25_000_000


def begun(person: Person, amount: float = 25, **fields: Any) -> TopUp:
    answer = person.api.post("/account/top-ups", {"amount_usd": amount, **fields}, content_type="application/json")
    return TopUp.objects.get(pk=answer.json()["id"])


def session_of(top_up: TopUp) -> str:
    assert top_up.session_id
    return top_up.session_id


def paid(fake: FakeStripe, top_up: TopUp) -> str:
    """Paid, delivered and credited; its payment intent."""
    session = fake.paid(session_of(top_up))
    assert outcome(deliver(fake.event("checkout.session.completed", session))) == "applied"
    return str(session["payment_intent"])


def outcome(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.json()["outcome"])


def balance(person: Person) -> int:
    return LedgerAccount.objects.get(account=person.account).balance_micros


def status(top_up: TopUp) -> str:
    top_up.refresh_from_db()
    return top_up.status


# Payments


def test_a_paid_session_is_credited_once_however_often_it_is_delivered(alice: Person, fake: FakeStripe) -> None:
    top_up = begun(alice)
    session = fake.paid(session_of(top_up))
    event = fake.event("checkout.session.completed", session)

    assert [outcome(deliver(event)) for _ in range(3)] == ["applied"] * 3
    assert outcome(deliver(fake.event("checkout.session.completed", session))) == "ignored"
    assert (
        outcome(deliver(fake.event("payment_intent.succeeded", fake.intents[session["payment_intent"]]))) == "ignored"
    )

    assert (balance(alice), status(top_up), top_up.checkout_url) == (PAID, "paid", "")
    deposit = Transfer.objects.get(kind="deposit")
    assert top_up.deposit == deposit and deposit.reference == f"stripe:{session['payment_intent']}"
    assert StripeEvent.objects.count() == 3
    assert alice.api.get(f"/account/top-ups/{top_up.pk}").json()["checkout_url"] is None


def test_a_slow_payment_is_credited_when_it_arrives_and_not_before(alice: Person, fake: FakeStripe) -> None:
    top_up = begun(alice)
    assert outcome(deliver(fake.event("checkout.session.completed", fake.paid(session_of(top_up), later=True)))) == (
        "applied"
    )
    assert (balance(alice), status(top_up)) == (FREE, "open")

    deliver(fake.event("checkout.session.async_payment_succeeded", fake.paid(session_of(top_up))))

    assert (balance(alice), status(top_up)) == (PAID, "paid")


def test_a_slow_payment_that_fails_and_a_session_that_expires_end_without_credit(
    alice: Person, fake: FakeStripe
) -> None:
    slow, left = begun(alice), begun(alice)
    deliver(fake.event("checkout.session.async_payment_failed", fake.paid(session_of(slow), later=True)))
    deliver(fake.event("checkout.session.expired", fake.expired(session_of(left))))

    assert (balance(alice), status(slow), status(left)) == (FREE, "failed", "expired")


def test_money_that_arrives_after_the_end_is_credited_and_an_end_after_it_changes_nothing(
    alice: Person, fake: FakeStripe
) -> None:
    top_up = begun(alice)
    ended = fake.event("checkout.session.async_payment_failed", fake.paid(session_of(top_up), later=True))
    deliver(ended)
    paid(fake, top_up)

    assert outcome(deliver(fake.event("checkout.session.expired", fake.expired(session_of(top_up))))) == "ignored"
    assert (balance(alice), status(top_up), top_up.failure) == (PAID, "paid", "")


def test_a_declined_try_on_the_checkout_page_leaves_the_top_up_open(alice: Person, fake: FakeStripe) -> None:
    top_up = begun(alice)
    intent = fake._intent(2500, "usd", fake.sessions[session_of(top_up)]["metadata"]) | {
        "status": "requires_payment_method",
        "last_payment_error": {"code": "card_declined"},
    }
    assert outcome(deliver(fake.event("payment_intent.payment_failed", intent))) == "ignored"
    assert status(top_up) == "open"


def test_two_top_ups_paid_in_two_tabs_are_both_credited(alice: Person, bob: Person, fake: FakeStripe) -> None:
    for top_up in (begun(alice, 25), begun(bob, 10)):
        paid(fake, top_up)
    assert balance(alice) == PAID + 10_000_000


@pytest.mark.django_db(transaction=True)
def test_events_delivered_at_once_credit_once(fake: FakeStripe) -> None:
    alice = make_person("alice@example.org")
    top_up = begun(alice)
    session = fake.paid(session_of(top_up))
    intent = session["payment_intent"]
    same = fake.event("checkout.session.completed", session)
    events = [
        same,
        same,
        same,
        fake.event("checkout.session.completed", session),
        fake.event("payment_intent.succeeded", fake.intents[intent]),
        fake.event("charge.refunded", fake.refunded(intent, 1000)),
        fake.event("charge.refunded", fake.refunded(intent, 400)),
        fake.event("charge.dispute.created", fake.disputed(intent, cents=500)),
    ]
    answers: list[int] = []
    barrier = threading.Barrier(len(events))

    def send(event: Any) -> None:
        try:
            barrier.wait()
            answers.append(deliver(event).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(event,)) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * len(events)
    assert balance(alice) == PAID - 10_000_000 - 5_000_000
    assert not StripeEvent.objects.filter(outcome__in=["waiting", "refused"]).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("beside", ["charge.dispute.created", "charge.refunded", "checkout.session.expired"])
def test_what_comes_while_a_payment_is_being_credited_waits_for_that(
    fake: FakeStripe, monkeypatch: Any, beside: str
) -> None:
    alice = make_person("alice@example.org")
    top_up = begun(alice)
    session = fake.paid(session_of(top_up))
    intent = str(session["payment_intent"])
    about = {
        "charge.dispute.created": fake.disputed(intent),
        "charge.refunded": fake.refunded(intent, 2500) | {"metadata": {}},
        "checkout.session.expired": session | {"status": "expired", "payment_intent": None},
    }[beside]
    deposited, deposit = threading.Event(), ledger.deposit

    def slow(**what: Any) -> Transfer:
        posted = deposit(**what)
        deposited.set()
        time.sleep(0.4)  # what is delivered beside it must not overlook what is not committed yet
        return posted

    def credit() -> None:
        try:
            deliver(fake.event("checkout.session.completed", session))
        finally:
            connection.close()

    monkeypatch.setattr(ledger, "deposit", slow)
    thread = threading.Thread(target=credit)
    thread.start()
    assert deposited.wait(5)
    told = outcome(deliver(fake.event(beside, about)))
    thread.join()

    is_end = beside == "checkout.session.expired"
    assert (told, balance(alice)) == (("ignored", PAID) if is_end else ("applied", FREE))
    assert status(top_up) == "paid"


# What does not fit


@pytest.mark.parametrize(
    "change",
    [
        {"amount_total": 50_000},
        {"amount_total": 2400},
        {"currency": "eur"},
        {"metadata": {}},
        {"metadata": {"top_up_id": "no-such-id"}},
        {"metadata": {"top_up_id": "00000000-0000-0000-0000-000000000000"}},
        {"payment_status": "no_payment_required"},
        {"id": "cs_test_of_another"},
        "no account",
        "another account",
    ],
)
def test_a_payment_that_is_not_what_we_asked_for_is_refused_kept_and_answered_200(
    alice: Person, charlie: Person, fake: FakeStripe, change: Any
) -> None:
    top_up = begun(alice)
    session = fake.paid(session_of(top_up))
    if isinstance(change, str):
        owner = {"account_id": str(charlie.account.pk)} if change == "another account" else {}
        change = {"metadata": {"top_up_id": str(top_up.pk), **owner}}

    event = fake.event("checkout.session.completed", {**session, **change})

    assert [outcome(deliver(event)) for _ in range(2)] == ["refused", "refused"]
    row = StripeEvent.objects.get()
    assert row.note and row.outcome == "refused"
    assert (balance(alice), balance(charlie), status(top_up)) == (FREE, FREE, "open")


def test_a_second_payment_for_a_paid_top_up_is_refused_for_a_person_to_refund(alice: Person, fake: FakeStripe) -> None:
    top_up = begun(alice)
    paid(fake, top_up)
    other = fake._intent(2500, "usd", fake.sessions[session_of(top_up)]["metadata"])

    assert outcome(deliver(fake.event("payment_intent.succeeded", other))) == "refused"
    assert balance(alice) == PAID


def test_events_of_other_business_on_the_same_stripe_account_move_nothing(alice: Person, fake: FakeStripe) -> None:
    begun(alice)
    theirs = fake._intent(2500, "usd", {})
    told = [
        deliver(fake.event("payment_intent.succeeded", theirs)),
        deliver(fake.event("payment_intent.payment_failed", theirs)),
        deliver(fake.event("charge.refunded", fake.refunded(theirs["id"], 100))),
        deliver(fake.event("charge.refunded", {**fake.refunded(theirs["id"], 100), "payment_intent": None})),
        deliver(fake.event("charge.dispute.created", fake.disputed(theirs["id"]))),
        deliver(fake.event("customer.created", {"id": "cus_1", "object": "customer"})),
    ]
    assert [outcome(answer) for answer in told] == ["ignored", "ignored", "waiting", "ignored", "waiting", "ignored"]
    assert balance(alice) == FREE


@pytest.mark.parametrize(
    ("secret", "age_s"), [("whsec_wrong", 0), (WEBHOOK_SECRET, 301), (WEBHOOK_SECRET, 86_400)], ids=str
)
def test_a_wrong_or_old_signature_is_400_and_moves_nothing(
    alice: Person, fake: FakeStripe, secret: str, age_s: int
) -> None:
    session = fake.paid(session_of(begun(alice)))

    answer = deliver(fake.event("checkout.session.completed", session), secret=secret, age_s=age_s)

    assert answer.status_code == 400 and answer.json()["code"] == "invalid_request"
    assert "Stripe-Signature" in answer.json()["detail"] and answer.json()["request_id"]
    assert not StripeEvent.objects.exists() and balance(alice) == FREE


@pytest.mark.parametrize("header", ["", "nonsense", "t=1", "v1=abc", f"t={int(time.time())},v0=abc", "t=,v1="])
def test_a_missing_or_broken_signature_is_400(db: Any, fake: FakeStripe, header: str) -> None:
    assert post(b'{"id": "evt_1"}', header).status_code == 400
    assert not StripeEvent.objects.exists()


def test_no_event_is_believed_without_a_secret(alice: Person, fake: FakeStripe, settings: Any) -> None:
    session = fake.paid(session_of(begun(alice)))
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert deliver(fake.event("checkout.session.completed", session), secret="").status_code == 400
    assert balance(alice) == FREE


@pytest.mark.parametrize("event", [[], {}, {"id": "evt_1"}, {"object": "v2.core.event", "id": "x"}, "event", None])
def test_a_signed_body_that_is_no_event_is_400(db: Any, fake: FakeStripe, event: Any) -> None:
    assert deliver(event).status_code == 400


def test_a_body_beyond_one_megabyte_is_413_and_other_methods_405(db: Any, fake: FakeStripe, anyone: Any) -> None:
    assert post(b"x" * (2**20 + 1), "t=1,v1=a").status_code == 413
    assert post(b"\xff\xfe", f"t={int(time.time())},v1=a").status_code == 400
    assert anyone.get("/billing/stripe/webhook").status_code == 405


def test_a_database_that_is_away_is_503_so_that_stripe_sends_it_again(
    alice: Person, fake: FakeStripe, monkeypatch: Any
) -> None:
    event = fake.event("checkout.session.completed", fake.paid(session_of(begun(alice))))

    def away(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "deposit", away)
        answer = deliver(event)

    assert answer.status_code == 503 and answer["Retry-After"]
    assert not StripeEvent.objects.exists() and balance(alice) == FREE
    assert outcome(deliver(event)) == "applied" and balance(alice) == PAID


# Refunds and disputes


def test_refunds_are_taken_back_by_what_is_new_in_each(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))

    first = fake.event("charge.refunded", fake.refunded(intent, 1000))
    assert [outcome(deliver(first)) for _ in range(2)] == ["applied", "applied"]
    assert balance(alice) == PAID - 10_000_000
    deliver(fake.event("charge.refunded", fake.refunded(intent, 2500)))
    assert balance(alice) == FREE

    assert outcome(deliver(fake.event("charge.refunded", fake.refunded(intent, 2500)))) == "ignored"
    assert outcome(deliver(fake.event("charge.refunded", fake.refunded(intent, 1000)))) == "ignored"
    assert balance(alice) == FREE
    assert [row.amount_micros for row in Transfer.objects.filter(kind="reversal").order_by("id")] == [
        10_000_000,
        15_000_000,
    ]


def test_a_refund_of_spent_credit_leaves_less_than_nothing(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))
    held = ledger.hold(account=alice.account, amount_micros=20_000_000, subject="job:1")
    ledger.capture(held=held, amount_micros=20_000_000, detail={})

    deliver(fake.event("charge.refunded", fake.refunded(intent, 2500)))

    assert balance(alice) == FREE - 20_000_000


@pytest.mark.parametrize("named", [True, False])
def test_a_refund_and_a_dispute_before_their_payment_wait_for_it(alice: Person, fake: FakeStripe, named: bool) -> None:
    top_up = begun(alice)
    session = fake.paid(session_of(top_up))
    intent = session["payment_intent"]
    charge = fake.refunded(intent, 700) | ({} if named else {"metadata": {}})
    early = [
        fake.event("charge.refunded", charge),
        fake.event("charge.dispute.created", fake.disputed(intent, cents=300)),
    ]

    assert [outcome(deliver(event)) for event in early] == ["waiting", "waiting"]
    assert balance(alice) == FREE
    deliver(fake.event("checkout.session.completed", session))

    assert balance(alice) == PAID - 10_000_000
    assert set(StripeEvent.objects.values_list("outcome", flat=True)) == {"applied"}
    assert [outcome(deliver(event)) for event in early] == ["applied", "applied"]
    assert balance(alice) == PAID - 10_000_000


def test_a_refund_in_another_currency_or_of_another_account_is_refused(
    alice: Person, charlie: Person, fake: FakeStripe
) -> None:
    intent = paid(fake, begun(alice))
    charge = fake.refunded(intent, 700)
    names = {**charge["metadata"], "account_id": str(charlie.account.pk)}

    assert outcome(deliver(fake.event("charge.refunded", {**charge, "currency": "eur"}))) == "refused"
    assert outcome(deliver(fake.event("charge.refunded", {**charge, "metadata": names}))) == "refused"
    assert balance(alice) == PAID


def test_a_dispute_takes_the_money_and_a_lost_one_keeps_it(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))
    for kind in ("charge.dispute.created", "charge.dispute.funds_withdrawn"):
        deliver(fake.event(kind, fake.disputed(intent)))
    assert balance(alice) == FREE

    deliver(fake.event("charge.dispute.closed", fake.disputed(intent, "lost")))
    assert balance(alice) == FREE


def test_a_won_dispute_gives_it_back_once(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))
    deliver(fake.event("charge.dispute.created", fake.disputed(intent)))
    won = fake.disputed(intent, "won")

    for kind in ("charge.dispute.closed", "charge.dispute.funds_reinstated", "charge.dispute.closed"):
        deliver(fake.event(kind, won))

    assert balance(alice) == PAID
    assert Transfer.objects.filter(reference=f"stripe:dispute:{won['id']}:won").count() == 1


def test_a_dispute_that_is_heard_of_when_it_is_won_costs_nothing_in_any_order(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))
    deliver(fake.event("charge.dispute.closed", fake.disputed(intent, "won")))
    deliver(fake.event("charge.dispute.created", fake.disputed(intent)))
    assert balance(alice) == PAID


def test_a_refund_after_a_won_dispute_takes_what_was_given_back(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))
    deliver(fake.event("charge.dispute.created", fake.disputed(intent)))
    deliver(fake.event("charge.dispute.closed", fake.disputed(intent, "won")))

    assert outcome(deliver(fake.event("charge.refunded", fake.refunded(intent, 2500)))) == "applied"
    assert balance(alice) == FREE


def test_an_inquiry_takes_nothing_and_its_escalation_does(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))
    for state in ("warning_needs_response", "warning_under_review", "prevented"):
        assert outcome(deliver(fake.event("charge.dispute.created", fake.disputed(intent, state)))) == "ignored"
    assert outcome(deliver(fake.event("charge.dispute.closed", fake.disputed(intent, "warning_closed")))) == "ignored"
    assert balance(alice) == PAID

    deliver(fake.event("charge.dispute.funds_withdrawn", fake.disputed(intent)))
    assert balance(alice) == FREE


def test_never_more_is_taken_back_than_was_paid(alice: Person, fake: FakeStripe) -> None:
    intent = paid(fake, begun(alice))
    deliver(fake.event("charge.refunded", fake.refunded(intent, 1000)))

    assert outcome(deliver(fake.event("charge.dispute.created", fake.disputed(intent, cents=99_900)))) == "applied"
    assert balance(alice) == FREE

    deliver(fake.event("charge.dispute.closed", fake.disputed(intent, "won", cents=99_900)))
    assert balance(alice) == PAID - 10_000_000

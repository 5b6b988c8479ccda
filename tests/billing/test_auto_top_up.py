"""The saved card, and what charges it while nobody is there."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing import stripe_gateway, top_ups
from billing.auto_top_up import top_up_if_low
from billing.models import AutoTopUp, StripeEvent, TopUp
from tests.billing.fake_stripe import FakeStripe, deliver
from tests.billing.test_stripe_webhook import balance, begun, outcome, paid, session_of, status
from tests.conftest import Person, make_person

FREE = 2_500_000


def put(person: Person, **fields: Any) -> Any:
    return person.api.put("/account/auto-top-up", fields, content_type="application/json")


def with_card(fake: FakeStripe, person: Person, threshold: float = 50, amount: float = 40) -> AutoTopUp:
    """A card saved by a top-up of $5, and automatic top-ups on."""
    paid(fake, begun(person, 5, save_card=True))
    assert put(person, enabled=True, threshold_usd=threshold, amount_usd=amount).status_code == 200
    return AutoTopUp.objects.get(account=person.account)


def test_it_is_off_with_no_card_until_a_person_turns_it_on(alice: Person, charlie: Person, fake: FakeStripe) -> None:
    assert alice.api.get("/account/auto-top-up").json() == {
        "enabled": False,
        "threshold_usd": 5.0,
        "amount_usd": 25.0,
        "card": None,
        "last_failure": None,
        "last_failed_at": None,
    }
    refused = put(alice, enabled=True)
    assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "enabled"

    paid(fake, begun(alice, 5, save_card=True))

    saved = alice.api.get("/account/auto-top-up").json()
    assert (saved["enabled"], saved["card"]) == (False, {"brand": "visa", "last_four": "4242"})
    assert charlie.api.get("/account/auto-top-up").json()["card"] is None
    assert put(alice, enabled=True, threshold_usd=10, amount_usd="20.50").json()["amount_usd"] == 20.5
    assert put(alice, enabled=False).json() == {**saved, "threshold_usd": 10.0, "amount_usd": 20.5}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"enabled": True, "threshold_usd": 0}, "threshold_usd"),
        ({"enabled": True, "threshold_usd": "NaN"}, "threshold_usd"),
        ({"enabled": True, "amount_usd": 4}, "amount_usd"),
        ({"enabled": True, "amount_usd": 501}, "amount_usd"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"amount_usd": 25}, "enabled"),
        ({"enabled": True, "card": "pm_1"}, "card"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(alice: Person, fake: FakeStripe, fields: Any, field: str) -> None:
    answer = put(alice, **fields)
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == field


def test_nobody_reads_or_changes_it_without_a_key(anyone: Any, fake: FakeStripe) -> None:
    assert anyone.get("/account/auto-top-up").status_code == 401
    assert anyone.put("/account/auto-top-up", {"enabled": True}, content_type="application/json").status_code == 401


def test_the_database_refuses_it_without_a_card(alice: Person) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AutoTopUp.objects.create(account=alice.account, enabled=True)


def test_a_card_is_not_kept_where_nobody_asked(alice: Person, fake: FakeStripe) -> None:
    paid(fake, begun(alice, 5))
    assert alice.api.get("/account/auto-top-up").json()["card"] is None


def test_a_card_that_could_not_be_read_is_kept_when_the_event_comes_again(alice: Person, fake: FakeStripe) -> None:
    event = fake.event("checkout.session.completed", fake.paid(session_of(begun(alice, 5, save_card=True))))
    fake.fail_with = 500
    assert deliver(event).status_code == 503
    assert balance(alice) == FREE + 5_000_000  # the money does not wait for the card

    fake.fail_with = 0
    assert outcome(deliver(event)) == "applied"

    assert alice.api.get("/account/auto-top-up").json()["card"]
    assert balance(alice) == FREE + 5_000_000


def test_low_credit_charges_the_saved_card_and_is_credited_at_once_and_once(alice: Person, fake: FakeStripe) -> None:
    auto = with_card(fake, alice)

    top_up = top_up_if_low(account=alice.account)

    assert top_up is not None and (top_up.status, top_up.is_automatic, top_up.user) == ("paid", True, None)
    assert balance(alice) == FREE + 45_000_000
    intent = fake.intents[str(top_up.payment_intent_id)]
    assert (intent["amount"], intent["payment_method"]) == (4000, auto.payment_method_id)
    assert outcome(deliver(fake.event("payment_intent.succeeded", intent))) == "ignored"
    assert balance(alice) == FREE + 45_000_000
    deliver(fake.event("charge.refunded", fake.refunded(intent["id"], 4000)))
    assert balance(alice) == FREE + 5_000_000


def test_enough_credit_switched_off_no_card_or_no_key_is_nothing_to_do(
    alice: Person, charlie: Person, fake: FakeStripe, settings: Any
) -> None:
    with_card(fake, alice, threshold=7.5)
    fake.requests.clear()
    assert top_up_if_low(account=alice.account) is None  # $7.50 are not less than $7.50
    put(alice, enabled=False, threshold_usd=100)
    assert top_up_if_low(account=alice.account) is None
    assert top_up_if_low(account=charlie.account) is None
    put(alice, enabled=True)
    settings.STRIPE_SECRET_KEY = ""
    assert top_up_if_low(account=alice.account) is None
    assert not fake.requests and TopUp.objects.count() == 1


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("card_declined", "was declined"),
        ("authentication_required", "wants the card holder"),
        ("expired_card", "has expired"),
        ("some_new_code", "can't be charged"),
    ],
)
def test_a_refused_card_is_said_in_a_sentence_and_turns_it_off(
    alice: Person, fake: FakeStripe, code: str, sentence: str
) -> None:
    with_card(fake, alice)
    fake.declines = code

    top_up = top_up_if_low(account=alice.account)

    assert top_up is not None and top_up.status == "failed" and sentence in top_up.failure
    told = alice.api.get("/account/auto-top-up").json()
    assert told["enabled"] is False and sentence in told["last_failure"] and told["last_failed_at"]
    assert top_up_if_low(account=alice.account) is None
    assert balance(alice) == FREE + 5_000_000

    fake.declines = ""
    assert put(alice, enabled=True).json()["last_failure"] is None
    again = top_up_if_low(account=alice.account)
    assert again is not None and again.status == "paid"


def test_a_refusal_that_comes_as_an_event_turns_it_off_once(alice: Person, fake: FakeStripe) -> None:
    auto = with_card(fake, alice)
    top_up = TopUp.objects.create(account=alice.account, amount_micros=auto.amount_micros, is_automatic=True)
    names = {"top_up_id": str(top_up.pk), "account_id": str(alice.account.pk)}
    intent = fake._intent(4000, "usd", names) | {
        "status": "requires_payment_method",
        "last_payment_error": {"code": "card_declined"},
    }
    assert [outcome(deliver(fake.event("payment_intent.payment_failed", intent))) for _ in range(2)] == [
        "applied",
        "ignored",
    ]
    auto.refresh_from_db()
    assert (status(top_up), auto.enabled) == ("failed", False)


def test_a_customer_that_stripe_no_longer_knows_turns_it_off(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice)
    fake.customers.clear()
    top_up = top_up_if_low(account=alice.account)
    assert top_up is not None and "can't be charged" in top_up.failure


def test_a_lost_answer_stays_open_charges_once_and_its_event_credits_it(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice)
    known = set(fake.intents)
    fake.silent_after_charging = True

    top_up = top_up_if_low(account=alice.account)

    assert top_up is not None and top_up.status == "open"
    (made,) = set(fake.intents) - known
    auto = AutoTopUp.objects.get()
    assert auto.enabled and "can't be reached" in auto.last_failure
    assert top_up_if_low(account=alice.account) is None  # it may still be paid
    assert outcome(deliver(fake.event("payment_intent.succeeded", fake.intents[made]))) == "applied"
    assert (balance(alice), status(top_up)) == (FREE + 45_000_000, "paid")


def test_a_charge_that_waits_for_its_holder_is_a_refusal_and_one_under_way_is_not(
    alice: Person, fake: FakeStripe
) -> None:
    with_card(fake, alice)
    fake.charges_end_as = "processing"
    under_way = top_up_if_low(account=alice.account)
    assert under_way is not None and (under_way.status, balance(alice)) == ("open", FREE + 5_000_000)
    TopUp.objects.filter(pk=under_way.pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert top_up_if_low(account=alice.account) is None  # however long it takes, it may still be paid
    deliver(
        fake.event("payment_intent.succeeded", fake.intents[next(reversed(fake.intents))] | {"status": "succeeded"})
    )
    assert (status(under_way), balance(alice)) == ("paid", FREE + 45_000_000)

    fake.charges_end_as = "requires_action"
    waits = top_up_if_low(account=alice.account)

    assert waits is not None and "wants the card holder" in waits.failure
    assert (balance(alice), AutoTopUp.objects.get().enabled) == (FREE + 45_000_000, False)


# Where Stripe's answer is lost, and its event does not come


def lost(fake: FakeStripe, person: Person, *, charged: bool, **age: float) -> TopUp:
    """An automatic top-up of this age of which we know nothing; at Stripe it was charged, or never arrived."""
    fake.silent_after_charging, fake.fail_with = charged, 0 if charged else 500
    top_up = top_up_if_low(account=person.account)
    fake.silent_after_charging, fake.fail_with = False, 0
    assert top_up is not None and top_up.status == "open"
    TopUp.objects.filter(pk=top_up.pk).update(created_at=timezone.now() - timedelta(**age))
    fake.requests.clear()
    return top_up


def charges(fake: FakeStripe) -> int:
    """Of saved cards, after the top-up of $5 by hand that saved one."""
    return len(fake.intents) - 1


@pytest.mark.parametrize("age", [{"minutes": 6}, {"hours": 25}, {"days": 40}])
def test_a_schedule_finds_a_charge_and_makes_none_though_switched_off(
    alice: Person, fake: FakeStripe, age: dict[str, float]
) -> None:
    with_card(fake, alice)
    fake.page_size = 1
    found = lost(fake, alice, charged=True, **age)
    deliver(fake.event("checkout.session.completed", fake.paid(session_of(begun(alice, 5, save_card=True)))))
    put(alice, enabled=False)
    fake.requests.clear()

    assert top_ups.catch_up_open() == 1

    assert (status(found), balance(alice)) == ("paid", FREE + 50_000_000)
    assert {method for method, _ in fake.requests} == {"GET"}
    event = fake.event("payment_intent.succeeded", fake.intents[str(TopUp.objects.get(pk=found.pk).payment_intent_id)])
    assert outcome(deliver(event)) == "ignored" and top_ups.catch_up_open() == 0


def test_one_that_was_just_begun_is_not_asked_about(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice)
    found = lost(fake, alice, charged=True, minutes=4)
    assert top_ups.catch_up_open() == 0 and top_ups.catch_up(top_up=found).status == "open"
    assert top_up_if_low(account=alice.account) is None and not fake.requests


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"status": "requires_payment_method", "last_payment_error": {"code": "expired_card"}}, "has expired"),
        ({"status": "requires_action"}, "wants the card holder"),
        ({"status": "canceled"}, "can't be charged"),
    ],
)
def test_a_refusal_that_is_found_by_asking_turns_it_off(
    alice: Person, fake: FakeStripe, state: Any, sentence: str
) -> None:
    with_card(fake, alice)
    found = lost(fake, alice, charged=True, minutes=6)
    fake.intents[next(reversed(fake.intents))].update(state)

    assert top_ups.catch_up_open() == 1

    auto = AutoTopUp.objects.get()
    assert (status(found), auto.enabled, balance(alice)) == ("failed", False, FREE + 5_000_000)
    assert sentence in auto.last_failure


def test_a_charge_that_never_arrived_fails_after_a_day_and_its_schedule_never_makes_it(
    alice: Person, fake: FakeStripe
) -> None:
    with_card(fake, alice)
    found = lost(fake, alice, charged=False, hours=23.5)
    assert top_ups.catch_up_open() == 0 and status(found) == "open"
    assert top_up_if_low(account=alice.account) is None  # too late for its key, too early for another
    fake.fail_with = 500
    TopUp.objects.filter(pk=found.pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert top_ups.catch_up_open() == 0 and status(found) == "open"  # no answer says nothing
    fake.fail_with = 0

    assert top_ups.catch_up_open() == 1

    found.refresh_from_db()
    assert (found.status, found.failure) == ("failed", "The charge never reached the card.")
    assert AutoTopUp.objects.get().enabled and charges(fake) == 0


def test_of_a_customer_that_was_deleted_nothing_is_known_and_after_a_day_it_says_so(
    alice: Person, fake: FakeStripe
) -> None:
    with_card(fake, alice)
    found = lost(fake, alice, charged=True, hours=23)
    fake.customers.clear()
    assert top_ups.catch_up_open() == 0 and top_up_if_low(account=alice.account) is None
    TopUp.objects.filter(pk=found.pk).update(created_at=timezone.now() - timedelta(hours=25))
    assert top_ups.catch_up_open() == 1
    found.refresh_from_db()
    assert found.status == "failed" and "is not known" in found.failure


@pytest.mark.parametrize("age", [{"minutes": 6}, {"hours": 24}, {"days": 4}])
def test_a_second_charge_is_made_only_after_asking_about_the_first(
    alice: Person, fake: FakeStripe, age: dict[str, float]
) -> None:
    with_card(fake, alice, threshold=40)
    first = lost(fake, alice, charged=True, **age)

    assert top_up_if_low(account=alice.account) is None

    assert (status(first), balance(alice), charges(fake)) == ("paid", FREE + 45_000_000, 1)


def test_one_that_never_arrived_is_asked_for_again_under_its_own_key(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice)
    first = lost(fake, alice, charged=False, minutes=6)
    later = top_up_if_low(account=alice.account)
    assert later == first and status(first) == "paid"
    assert (balance(alice), charges(fake)) == (FREE + 45_000_000, 1)


def test_one_that_never_arrived_holds_up_no_other_after_a_day(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice)
    first = lost(fake, alice, charged=False, hours=25)
    later = top_up_if_low(account=alice.account)
    assert later is not None and later != first and later.status == "paid"
    assert (status(first), balance(alice), charges(fake)) == ("failed", FREE + 45_000_000, 1)


def test_while_stripe_does_not_answer_no_second_charge_is_begun(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice)
    lost(fake, alice, charged=True, hours=25)
    fake.fail_with = 500
    assert top_up_if_low(account=alice.account) is None
    assert TopUp.objects.filter(is_automatic=True).count() == 1


# At most so many a day


def test_after_ten_in_a_day_it_turns_itself_off_and_says_why(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice, threshold=500, amount=5)
    made = [top_up_if_low(account=alice.account) for _ in range(10)]
    assert all(top_up is not None and top_up.status == "paid" for top_up in made)

    assert top_up_if_low(account=alice.account) is None

    told = alice.api.get("/account/auto-top-up").json()
    assert told["enabled"] is False and "10 times within 24 hours" in told["last_failure"] and told["last_failed_at"]
    assert put(alice, enabled=True).json()["last_failure"] is None
    assert top_up_if_low(account=alice.account) is None and charges(fake) == 10
    TopUp.objects.filter(pk=made[0].pk).update(created_at=timezone.now() - timedelta(hours=24))  # type: ignore[union-attr]
    put(alice, enabled=True)
    assert top_up_if_low(account=alice.account) is not None


def test_a_defect_never_reaches_the_caller(alice: Person, fake: FakeStripe, monkeypatch: Any) -> None:
    with_card(fake, alice)

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(stripe_gateway.Gateway, "charge_saved_card", broken)
    assert top_up_if_low(account=alice.account) is None


def test_an_automatic_payment_of_another_amount_is_refused(alice: Person, fake: FakeStripe) -> None:
    with_card(fake, alice)
    top_up = TopUp.objects.create(account=alice.account, amount_micros=40_000_000, is_automatic=True)
    names = {"top_up_id": str(top_up.pk), "account_id": str(alice.account.pk)}
    assert outcome(deliver(fake.event("payment_intent.succeeded", fake._intent(9000, "usd", names)))) == "refused"
    assert balance(alice) == FREE + 5_000_000 and StripeEvent.objects.filter(outcome="refused").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_calls_at_once_one_charges(fake: FakeStripe) -> None:
    alice = make_person("alice@example.org")
    with_card(fake, alice, threshold=20, amount=40)
    barrier = threading.Barrier(6)

    def call() -> None:
        try:
            barrier.wait()
            top_up_if_low(account=alice.account)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert balance(alice) == FREE + 45_000_000
    assert TopUp.objects.filter(is_automatic=True).count() == 1

"""The e-mail that says that credit runs out: once, to the owners, and again only after there was more."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from billing import alerts, ledger
from billing.alert_models import LowBalanceAlert
from billing.models import Transfer
from tests.billing.charges import charge
from tests.conftest import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def warn(alice: Person, django_capture_on_commit_callbacks: Any) -> Any:
    """Calls the verb as a job does, and commits."""

    def call() -> int:
        with django_capture_on_commit_callbacks(execute=True):
            alerts.warn_if_low(account=alice.account)
        return len(mail.outbox)

    return call


def spend(person: Person, micros: int) -> Transfer:
    number = Transfer.objects.count()
    held = ledger.hold(account=person.account, amount_micros=micros, subject=f"job:{number}")
    return ledger.capture(held=held, amount_micros=micros, detail={})


def pay(person: Person, micros: int) -> Transfer:
    return ledger.deposit(account=person.account, amount_micros=micros, reference=f"stripe:{Transfer.objects.count()}")


def test_the_owners_are_told_once_when_less_than_the_threshold_is_left(alice: Person, bob: Person, warn: Any) -> None:
    spend(alice, 1_500_000)
    assert warn() == 0  # exactly the threshold is left

    spend(alice, 1)
    assert (warn(), warn()) == (1, 1)

    message = mail.outbox[0]
    assert message.to == ["alice@example.org"]  # Bob owns nothing
    assert message.subject == "Your Tuplets credit is low: $0.999999 left"
    assert "$0.999999 left for new jobs" in message.body and "/dashboard/billing" in message.body
    assert message.from_email.startswith("Tuplets <")


def test_they_are_told_again_only_after_money_came_in(alice: Person, warn: Any) -> None:
    spend(alice, 2_000_000)
    assert warn() == 1
    spend(alice, 100_000)
    assert warn() == 1

    pay(alice, 5_000_000)
    spend(alice, 5_000_000)

    assert (warn(), warn()) == (2, 2)


def test_a_payment_that_leaves_too_little_is_no_reason_to_tell_them_again(alice: Person, warn: Any) -> None:
    spend(alice, 2_400_000)
    assert warn() == 1
    pay(alice, 100_000)

    assert warn() == 1


def test_jobs_that_come_and_go_are_one_email_and_not_one_each(alice: Person, warn: Any) -> None:
    other = ledger.hold(account=alice.account, amount_micros=100, subject="job:other")
    for number in range(3):
        held = ledger.hold(account=alice.account, amount_micros=2_000_000, subject=f"job:{number}")
        assert warn() == 1
        ledger.release(held=held)
        assert warn() == 1

    ledger.release(held=other)  # nothing is on hold, and there is enough: the next time counts
    assert warn() == 1
    spend(alice, 2_000_000)
    assert warn() == 2


def test_an_account_may_turn_it_off_or_choose_another_threshold(alice: Person, warn: Any) -> None:
    alerts.set_alert(account=alice.account, threshold_micros=2_500_001, enabled=False)
    assert warn() == 0
    alerts.set_alert(account=alice.account, threshold_micros=2_500_001, enabled=True)
    assert warn() == 1
    assert alice.api.get("/account/balance").json()["low_balance"] is True


def test_nothing_is_sent_when_the_transaction_is_rolled_back(alice: Person, warn: Any) -> None:
    spend(alice, 2_000_000)
    alerts.warn_if_low(account=alice.account)  # the test's transaction never commits

    assert mail.outbox == []


def test_a_mail_server_that_is_down_stops_nothing_and_the_next_call_tries_again(
    alice: Person, warn: Any, settings: Any
) -> None:
    spend(alice, 2_000_000)
    settings.EMAIL_BACKEND = "no.such.backend"
    assert warn() == 0

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert warn() == 1


def test_a_defect_of_ours_stops_nothing(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "_must_warn", lambda account: 1 / 0)

    alerts.warn_if_low(account=alice.account)

    charge(alice.account)  # the caller's transaction is as it was


def test_disabled_owners_and_unused_accounts_get_nothing(alice: Person, charlie: Person, warn: Any) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    spend(alice, 2_000_000)

    assert warn() == 0


def test_members_set_it_on_the_page_and_wrong_amounts_come_back(alice: Person, charlie: Person) -> None:
    page = Client()
    page.force_login(alice.user)

    saved = page.post("/dashboard/billing/alert", {"threshold": "$12.50"}, follow=True)
    assert "The low-balance e-mail is set." in saved.content.decode()
    alert = LowBalanceAlert.objects.get()
    assert (alert.account, alert.threshold_micros, alert.enabled) == (alice.account, 12_500_000, False)

    for wrong in ("", "-1", "NaN", "lots", "1e99", "0.001", "10001"):
        answer = page.post("/dashboard/billing/alert", {"threshold": wrong, "enabled": "on"})
        assert answer.status_code == 400 and "Enter an amount from $0 to $10000" in answer.content.decode(), wrong
    assert LowBalanceAlert.objects.get().threshold_micros == 12_500_000

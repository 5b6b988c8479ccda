"""Who is looked at when money moved: the low-balance e-mail, once, and nobody whose money lies still."""

from typing import Any

import pytest
from django.core import mail

from billing import ledger, watching
from billing.watching import BalanceWatch
from tests.conftest import Person


@pytest.fixture
def watch(monkeypatch: Any) -> BalanceWatch:
    monkeypatch.setattr(watching, "OVERLAP", 0)
    return BalanceWatch()


def spend(person: Person, micros: int, subject: str) -> None:
    held = ledger.hold(account=person.account, amount_micros=micros, subject=subject)
    ledger.capture(held=held, amount_micros=micros, detail={})


def test_whose_money_moved_is_looked_at_once(alice: Person, charlie: Person, watch: BalanceWatch) -> None:
    assert watch.look() == 2
    assert watch.look() == 0
    spend(charlie, 1_000, "job:1")
    assert watch.look() == 1


def test_low_credit_is_told_to_the_owner_by_one_email(
    alice: Person, charlie: Person, watch: BalanceWatch, django_capture_on_commit_callbacks: Any
) -> None:
    spend(alice, 2_000_000, "job:1")
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            watch.look()
        spend(alice, 1_000, f"job:{_}-more")

    assert [message.to for message in mail.outbox] == [["alice@example.org"]]


def test_transfers_that_were_under_way_at_the_last_look_are_seen_at_the_next(alice: Person) -> None:
    watch = BalanceWatch()
    watch.look()

    assert watch.look() == 1

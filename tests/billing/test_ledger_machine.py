"""The ledger beside a plain model of it: 2,000 random steps over every verb, each of them again, in three wallets.

After every step the books balance, what is kept equals what the transfers make and what the model says, each hold is
resolved once at most, and no wallet is under its holds unless a reversal put it there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Account, User
from billing import checks, ledger
from billing.models import Transfer
from tuplets.errors import Code, TupletsError

# An example may end before its last step: more of them than the steps in all would need.
EXAMPLES, STEPS, STEPS_IN_ALL = 52, 50, 2_000
WALLETS = 3

amounts = st.integers(1, 4_000_000)
# How an amount is chosen: one of the above, or relative to all there is, where mistakes hide.
edges = st.sampled_from([None, None, -1, 0, 1])
parts = st.sampled_from([0, 1, 50, 99, 100, 101])


@dataclass(eq=False)
class Wallet:
    account: Account
    balance: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(eq=False)
class Hold:
    row: Transfer
    wallet: Wallet
    resolution: Transfer | None = None


@dataclass(eq=False)
class Given:
    """A deposit or a capture, and how much of it was given back."""

    row: Transfer
    wallet: Wallet
    back: int = 0


@dataclass(eq=False)
class Steps:
    """Counts over all examples."""

    steps: int = 0
    seen: set[str] = field(default_factory=set)


KEPT = "SELECT account_id, balance_micros, held_micros FROM billing_ledgeraccount WHERE kind = 'wallet'"
# What a wallet has by its transfers: money that came in or went out, and holds that nothing resolved.
MADE = """
    SELECT a.account_id,
        coalesce(sum(CASE WHEN t.kind IN ('hold', 'release') THEN 0
            WHEN t.credit_id = a.id THEN t.amount_micros ELSE -t.amount_micros END), 0),
        coalesce(sum(t.amount_micros) FILTER (WHERE t.kind = 'hold' AND NOT EXISTS (
            SELECT FROM billing_transfer r WHERE r.of_id = t.id AND r.kind IN ('capture', 'release'))), 0)
    FROM billing_ledgeraccount a LEFT JOIN billing_transfer t ON a.id IN (t.debit_id, t.credit_id)
    WHERE a.kind = 'wallet' GROUP BY a.account_id
"""
# Over all accounts, what came in less what went out.
SUM_OF_ALL = """
    SELECT coalesce(sum(CASE WHEN t.credit_id = a.id THEN t.amount_micros ELSE -t.amount_micros END), 0)
    FROM billing_ledgeraccount a JOIN billing_transfer t ON a.id IN (t.debit_id, t.credit_id)
"""
RESOLVED_TWICE = """
    SELECT of_id FROM billing_transfer WHERE kind IN ('capture', 'release') GROUP BY of_id HAVING count(*) > 1
"""


class Ledger(RuleBasedStateMachine):
    """An example is a ledger of its own, in a transaction that is rolled back."""

    counted = Steps()

    deposits: Bundle[Given] = Bundle("deposits")
    charges: Bundle[Given] = Bundle("charges")
    holds: Bundle[Hold] = Bundle("holds")
    posted: Bundle[Callable[[], Transfer]] = Bundle("posted")

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.staff = User.objects.create(email="staff@example.org")
        self.wallets = [Wallet(Account.objects.create(name=f"Account {number}")) for number in range(WALLETS)]
        self.number = 0
        self.reversed: Wallet | None = None
        self.available_before = [0] * WALLETS

    def teardown(self) -> None:
        self.counted.steps -= 1  # the state that an example begins with was looked at too
        try:
            assert checks.check_ledger() == []
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # Money that comes in

    @initialize(target=deposits)
    def first_deposits(self) -> Any:
        return multiple(*(self._deposit(wallet, 3_000_000)[0] for wallet in self.wallets))

    @rule(target=deposits, which=st.integers(0, WALLETS - 1), amount=amounts)
    def deposit(self, which: int, amount: int) -> Given:
        return self._deposit(self.wallets[which], amount)[0]

    @rule(target=posted, which=st.integers(0, WALLETS - 1), amount=amounts)
    def deposit_to_be_sent_again(self, which: int, amount: int) -> Callable[[], Transfer]:
        return self._deposit(self.wallets[which], amount)[1]

    @rule(target=posted, which=st.integers(0, WALLETS - 1), amount=amounts)
    def grant(self, which: int, amount: int) -> Callable[[], Transfer]:
        wallet, reference = self.wallets[which], self._next("grant")

        def again() -> Transfer:
            return ledger.grant(account=wallet.account, amount_micros=amount, reference=reference, reason="A gift.")

        again()
        wallet.balance += amount
        return again

    # Holds and what becomes of them

    @rule(target=holds, which=st.integers(0, WALLETS - 1), amount=amounts, edge=edges)
    def hold(self, which: int, amount: int, edge: int | None) -> Any:
        wallet, subject = self.wallets[which], self._next("job")
        amount = amount if edge is None else wallet.available + edge

        row = self._refused_unless(
            0 < amount <= wallet.available,
            lambda: ledger.hold(account=wallet.account, amount_micros=amount, subject=subject),
        )
        if row is None:
            return multiple()
        wallet.held += amount
        return Hold(row, wallet)

    @rule(target=holds, held=holds, amount=amounts, edge=edges)
    def raise_hold(self, held: Hold, amount: int, edge: int | None) -> Any:
        wallet, now = held.wallet, held.row.amount_micros
        amount = amount if edge is None else max(1, wallet.available + now + edge)
        if held.resolution is not None or amount <= now:
            raised = ledger.raise_hold(subject=held.row.subject, amount_micros=min(amount, now))
            assert raised == (held.row if held.resolution is None else ledger.open_hold(held.row.subject))
            return multiple()

        raised = self._refused_unless(
            amount <= wallet.available + now,
            lambda: ledger.raise_hold(subject=held.row.subject, amount_micros=amount),
        )
        if raised is None:
            assert ledger.open_hold(held.row.subject) == held.row
            return multiple()
        held.resolution = Transfer.objects.get(of=held.row)
        assert held.resolution.kind == Transfer.Kind.RELEASE
        wallet.held += amount - now
        return Hold(raised, wallet)

    @rule(target=charges, held=holds, part=parts)
    def capture(self, held: Hold, part: int) -> Any:
        """Also of what was resolved before, as by a message that comes twice."""
        return self._capture(held, max(1, held.row.amount_micros * part // 100) + (part == 101))

    @rule(target=charges, held=holds)
    def cancel(self, held: Hold) -> Any:
        """A cancelled job pays a part of its estimate."""
        return self._capture(held, held.row.amount_micros // 3 + 1)

    @rule(held=holds)
    def release(self, held: Hold) -> None:
        found = ledger.release(held=held.row)
        if held.resolution is None:
            assert found.kind == Transfer.Kind.RELEASE
            held.resolution = found
            held.wallet.held -= held.row.amount_micros
        assert found == held.resolution

    # Money that goes back

    @rule(charge=charges, part=parts)
    def refund(self, charge: Given, part: int) -> None:
        left = charge.row.amount_micros - charge.back
        amount = left * part // 100 + (part == 101)

        row = self._refused_unless(
            0 < amount <= left,
            lambda: ledger.refund(charge=charge.row, amount_micros=amount, reason="Noise."),
            Code.INVALID_FIELD,
        )
        if row is not None:
            charge.back += amount
            charge.wallet.balance += amount

    @rule(target=posted, paid=deposits, part=parts)
    def reverse(self, paid: Given, part: int) -> Any:
        """A card payment taken back: the one way below zero."""
        left, reference = paid.row.amount_micros - paid.back, self._next("reversal")
        amount = left * part // 100 + (part == 101)

        def again() -> Transfer:
            return ledger.reverse(paid=paid.row, amount_micros=amount, reference=reference)

        if self._refused_unless(0 < amount <= left, again, Code.INVALID_FIELD) is None:
            return multiple()
        paid.back += amount
        paid.wallet.balance -= amount
        self.reversed = paid.wallet
        return again

    @rule(target=posted, which=st.integers(0, WALLETS - 1), amount=amounts, up=st.booleans(), edge=edges)
    def adjust(self, which: int, amount: int, up: bool, edge: int | None) -> Any:
        wallet, reference = self.wallets[which], self._next("adjustment")
        amount = amount if edge is None else max(1, wallet.available + edge)

        def again() -> Transfer:
            return ledger.adjust(
                account=wallet.account,
                amount_micros=amount if up else -amount,
                reference=reference,
                reason="A mistake.",
                actor=self.staff,
            )

        if self._refused_unless(up or amount <= wallet.available, again) is None:
            return multiple()
        wallet.balance += amount if up else -amount
        return again

    # Again

    @rule(again=posted)
    def deliver_again(self, again: Callable[[], Transfer]) -> None:
        """What is known by its reference, any number of times: the same transfer, and nothing moves."""
        rows = Transfer.objects.count()
        assert again() == again()
        assert Transfer.objects.count() == rows

    @rule(paid=deposits)
    def deliver_a_deposit_again_with_another_amount(self, paid: Given) -> None:
        with pytest.raises(ValueError, match="another amount"):
            ledger.deposit(
                account=paid.wallet.account, amount_micros=paid.row.amount_micros + 1, reference=paid.row.reference
            )

    @rule(again=consumes(posted))
    def forget(self, again: Callable[[], Transfer]) -> None:
        """Its last delivery."""
        again()

    # What is true after every step

    @invariant()
    def the_books_balance(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(SUM_OF_ALL)
            assert cursor.fetchone()[0] == 0

    @invariant()
    def what_is_kept_is_what_the_transfers_make_and_the_model_says(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(KEPT)
            kept = {account: (balance, held) for account, balance, held in cursor.fetchall()}
            cursor.execute(MADE)
            made = {account: (balance, held) for account, balance, held in cursor.fetchall()}
        model = {wallet.account.pk: (wallet.balance, wallet.held) for wallet in self.wallets}
        assert kept == made
        assert kept == {account: model[account] for account in kept}
        assert all(balances == (0, 0) for account, balances in model.items() if account not in kept)

    @invariant()
    def no_wallet_is_under_its_holds_unless_a_reversal_put_it_there(self) -> None:
        for number, wallet in enumerate(self.wallets):
            assert wallet.held >= 0
            if wallet.available < min(0, self.available_before[number]):
                assert self.reversed is wallet
            self.available_before[number] = wallet.available
        self.reversed = None

    @invariant()
    def each_hold_is_resolved_once_at_most(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(RESOLVED_TWICE)
            assert cursor.fetchall() == []
        self.counted.steps += 1

    def _next(self, what: str) -> str:
        self.number += 1
        return f"{what}:{self.number}"

    def _deposit(self, wallet: Wallet, amount: int) -> tuple[Given, Callable[[], Transfer]]:
        reference = self._next("payment")

        def again() -> Transfer:
            return ledger.deposit(account=wallet.account, amount_micros=amount, reference=reference)

        row = again()
        wallet.balance += amount
        return Given(row, wallet), again

    def _capture(self, held: Hold, amount: int) -> Any:
        whole = held.row.amount_micros
        found = self._refused_unless(
            amount <= whole or held.resolution is not None,
            lambda: ledger.capture(held=held.row, amount_micros=amount, detail={}),
            Code.INVALID_FIELD,
        )
        if found is None:
            return multiple()
        if held.resolution is not None:
            assert found == held.resolution
            return multiple()
        assert (found.kind, found.amount_micros) == (Transfer.Kind.CAPTURE, amount)
        held.resolution = found
        held.wallet.held -= whole
        held.wallet.balance -= amount
        return Given(found, held.wallet)

    def _refused_unless(
        self, allowed: bool, verb: Callable[[], Transfer | None], code: Code = Code.INSUFFICIENT_CREDIT
    ) -> Transfer | None:
        """What the verb posts; None where it may not and says so."""
        rows = Transfer.objects.count()
        try:
            row = verb()
        except TupletsError as refused:
            assert not allowed, refused
            assert refused.code in (code, Code.INVALID_FIELD)
            assert Transfer.objects.count() == rows
            return None
        assert allowed, row
        assert row is not None
        self.counted.seen.add(row.kind)
        return row


@pytest.mark.slow
@pytest.mark.timeout(900)  # a failure is made small first, for five minutes at most
def test_two_thousand_steps_of_every_verb_leave_the_ledger_as_a_plain_model_has_it(
    db: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    Ledger.counted = Steps()

    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=set(Phase) - {Phase.explain},
        ),
    )

    assert Ledger.counted.steps >= STEPS_IN_ALL
    assert {"hold", "capture", "refund", "reversal", "adjustment"} <= Ledger.counted.seen

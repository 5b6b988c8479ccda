"""`check_ledger`: clean after honest work, and every kind of tampering is told with its ids and amounts.

To tamper at all, a test takes away the triggers, and sometimes a constraint, inside its own transaction.
"""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from apscheduler.schedulers.blocking import BlockingScheduler
from django.core.management import call_command
from django.db import connection

from billing import checks, ledger
from billing.check_models import LedgerCheck
from billing.models import LedgerAccount, Transfer
from jobs.management.commands import run_scheduler
from tests.conftest import Person

Kind = Transfer.Kind


@pytest.fixture
def activity(alice: Person, charlie: Person) -> None:
    """Every kind of transfer, in two wallets, one of them under its holds since a card payment was taken back."""
    for person in (alice, charlie):
        ledger.deposit(account=person.account, amount_micros=5_000_000, reference=f"paid:{person.account.pk}")
        held = ledger.hold(account=person.account, amount_micros=1_000_000, subject=f"job:1-{person.account.pk}")
        charge = ledger.capture(held=held, amount_micros=600_000, detail={})
        ledger.refund(charge=charge, amount_micros=100_000, reason="Noise.")
        ledger.refund(charge=charge, amount_micros=50_000, reason="More noise.")
        ledger.release(held=ledger.hold(account=person.account, amount_micros=70, subject=f"job:2-{person.account.pk}"))
        staff = {"account": person.account, "reason": "A mistake.", "actor": person.user}
        ledger.adjust(amount_micros=300, reference=f"up:{person.account.pk}", **staff)
        ledger.adjust(amount_micros=-200, reference=f"down:{person.account.pk}", **staff)
    ledger.hold(account=alice.account, amount_micros=2_000_000, subject="job:open")
    ledger.raise_hold(subject="job:open", amount_micros=4_000_000)
    ledger.reverse(paid=Transfer.objects.get(reference=f"paid:{alice.account.pk}"), amount_micros=4_000_000,
                   reference="taken back")  # fmt: skip


def tamper(*statements: str) -> list[str]:
    """What the check says after these statements, with nothing in the database to refuse them."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_transfer DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE billing_ledgeraccount DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
    return checks.check_ledger()


def wallet_of(person: Person) -> LedgerAccount:
    return LedgerAccount.objects.get(account=person.account)


def the(kind: str, person: Person) -> Transfer:
    """The newest transfer of a kind of somebody's wallet."""
    wallet = wallet_of(person)
    rows = Transfer.objects.filter(debit=wallet) | Transfer.objects.filter(credit=wallet)
    found = rows.filter(kind=kind).order_by("-id").first()
    assert found is not None
    return found


def one_more(row: Transfer, **changes: Any) -> str:
    """A statement that inserts a copy of a row, with other values."""
    values = {
        "kind": row.kind,
        "debit_id": row.debit_id,
        "credit_id": row.credit_id,
        "amount_micros": row.amount_micros,
        "subject": "forged",
        "reference": "forged",
        "of_id": row.of_id,
        "reason": "",
        "detail": "{}",
        "balance_after_micros": row.balance_after_micros,
        "held_after_micros": row.held_after_micros,
    } | changes
    written = ", ".join("NULL" if value is None else f"'{value}'" for value in values.values())
    return f"INSERT INTO billing_transfer ({', '.join(values)}) VALUES ({written})"


def keep(wallet: LedgerAccount, balance_change: int = 0, held_change: int = 0) -> str:
    return (
        f"UPDATE billing_ledgeraccount SET balance_micros = balance_micros + {balance_change},"
        f" held_micros = held_micros + {held_change} WHERE id = {wallet.pk}"
    )


# Clean


def test_an_empty_ledger_is_clean(db: Any) -> None:
    assert checks.check_ledger() == []


def test_the_ledger_is_clean_after_every_kind_of_transfer(activity: None) -> None:
    assert set(Transfer.objects.values_list("kind", flat=True)) == set(Kind.values)
    assert checks.check_ledger() == []


def test_a_wallet_that_a_reversal_left_under_its_holds_is_no_difference(alice: Person, activity: None) -> None:
    assert wallet_of(alice).available_micros < 0
    assert checks.check_ledger() == []


# Tampering


def test_a_balance_that_was_raised_is_found(alice: Person, activity: None) -> None:
    wallet = wallet_of(alice)
    was = wallet.balance_micros

    books, kept = tamper(keep(wallet, balance_change=7))

    assert books.startswith("all debits are not all credits: the wallets keep ")
    assert kept == (
        f"wallet {wallet.pk}: it keeps a balance of {was + 7} and its transfers make {was};"
        f" 4000000 on hold and they make 4000000"
    )


def test_money_moved_between_two_wallets_is_found_in_both(alice: Person, charlie: Person, activity: None) -> None:
    hers, his = wallet_of(alice), wallet_of(charlie)

    found = tamper(keep(hers, balance_change=7), keep(his, balance_change=-7))

    assert [sentence.split(":")[0] for sentence in found] == [f"wallet {pk}" for pk in sorted((hers.pk, his.pk))]


def test_a_hold_that_was_taken_off_a_wallet_is_found(alice: Person, activity: None) -> None:
    (found,) = tamper(keep(wallet_of(alice), held_change=-4_000_000))

    assert found.endswith("0 on hold and they make 4000000")


def test_a_wallet_with_less_than_nothing_on_hold_is_found(charlie: Person, activity: None) -> None:
    wallet = wallet_of(charlie)

    found = tamper(
        "ALTER TABLE billing_ledgeraccount DROP CONSTRAINT ledgeraccount_held_not_negative",
        keep(wallet, held_change=-5),
    )

    assert found[-1] == f"wallet {wallet.pk}: -5 on hold is below zero"


def test_an_amount_that_was_changed_is_found_at_its_transfer(charlie: Person, activity: None) -> None:
    deposit = the(Kind.DEPOSIT, charlie)

    found = tamper(f"UPDATE billing_transfer SET amount_micros = 9000000 WHERE id = {deposit.pk}")

    later = Transfer.objects.filter(id__gt=deposit.pk, reference__endswith=str(charlie.account.pk)).count()
    assert later > 0
    (running,) = [sentence for sentence in found if sentence.startswith(f"transfer {deposit.pk}: after it wallet ")]
    assert "has 7500000 and 0 on hold, by its transfers 11500000 and 0" in running
    assert any(sentence.startswith(f"wallet {wallet_of(charlie).pk}: it keeps a balance of ") for sentence in found)


def test_a_transfer_that_was_deleted_is_found(charlie: Person, activity: None) -> None:
    grant = the(Kind.GRANT, charlie)

    found = tamper(f"DELETE FROM billing_transfer WHERE id = {grant.pk}")

    assert f"transfer {the(Kind.DEPOSIT, charlie).pk}: after it wallet " in "\n".join(found)


@pytest.mark.parametrize("column", ["balance_after_micros", "held_after_micros"])
def test_a_running_balance_that_was_changed_is_found_alone(charlie: Person, activity: None, column: str) -> None:
    refund = the(Kind.REFUND, charlie)

    (found,) = tamper(f"UPDATE billing_transfer SET {column} = {column} + 1 WHERE id = {refund.pk}")

    assert found.startswith(f"transfer {refund.pk}: after it wallet {refund.credit_id} has ")
    assert found.endswith("; 0 later ones of the wallet are off too")


def test_an_inserted_grant_that_nobody_posted_is_found(charlie: Person, activity: None) -> None:
    found = tamper(one_more(the(Kind.GRANT, charlie)))

    assert any("it keeps a balance of" in sentence for sentence in found)
    assert found[0].startswith("all debits are not all credits")


def test_a_hold_that_is_resolved_twice_is_found(charlie: Person, activity: None) -> None:
    charge = the(Kind.CAPTURE, charlie)

    found = tamper("DROP INDEX transfer_hold_resolved_once", one_more(charge))

    forged = Transfer.objects.get(reference="forged")
    assert f"hold {charge.of_id} of 1000000 is resolved 2 times, by transfers {charge.pk}, {forged.pk}" in found


def test_a_hold_that_is_captured_and_released_is_found(charlie: Person, activity: None) -> None:
    charge = the(Kind.CAPTURE, charlie)

    found = tamper("DROP INDEX transfer_hold_resolved_once", one_more(charge, kind="release", amount_micros=1_000_000))

    assert any(sentence.startswith(f"hold {charge.of_id} of 1000000 is resolved 2 times") for sentence in found)


def test_a_capture_above_its_hold_is_found(charlie: Person, activity: None) -> None:
    charge = the(Kind.CAPTURE, charlie)

    found = tamper(f"UPDATE billing_transfer SET amount_micros = 1000001 WHERE id = {charge.pk}")

    assert f"transfer {charge.pk}: capture of 1000001 does not fit hold {charge.of_id} of 1000000" in found


def test_a_release_of_a_part_of_its_hold_is_found(charlie: Person, activity: None) -> None:
    release = the(Kind.RELEASE, charlie)

    assert tamper(f"UPDATE billing_transfer SET amount_micros = 69 WHERE id = {release.pk}") == [
        f"transfer {release.pk}: release of 69 does not fit hold {release.of_id} of 70"
    ]


def test_refunds_above_their_capture_are_found(charlie: Person, activity: None) -> None:
    charge, refund = the(Kind.CAPTURE, charlie), the(Kind.REFUND, charlie)

    found = tamper(f"UPDATE billing_transfer SET amount_micros = 500001 WHERE id = {refund.pk}")

    assert f"capture {charge.pk} of 600000: 2 refunds give back 600001" in found


def test_reversals_above_their_deposit_are_found(alice: Person, activity: None) -> None:
    paid, reversal = the(Kind.DEPOSIT, alice), the(Kind.REVERSAL, alice)

    found = tamper(one_more(reversal, amount_micros=1_000_001))

    assert f"deposit {paid.pk} of 5000000: 2 reversals give back 5000001" in found


def test_a_hold_beyond_what_was_available_is_found_though_all_sums_agree(charlie: Person, activity: None) -> None:
    wallet = wallet_of(charlie)
    too_much = wallet.available_micros + 1
    revenue = LedgerAccount.objects.get(kind="revenue")
    hold = one_more(
        the(Kind.ADJUSTMENT, charlie),
        kind="hold",
        credit_id=revenue.pk,
        amount_micros=too_much,
        held_after_micros=too_much,
    )

    found = tamper(hold, keep(wallet, held_change=too_much))

    forged = Transfer.objects.get(reference="forged")
    (told,) = found
    assert told == (
        f"transfer {forged.pk}: hold of {too_much} leaves wallet {wallet.pk} with {wallet.balance_micros},"
        f" under the {too_much} on hold"
    )


def test_a_correction_below_zero_is_found_though_all_sums_agree(charlie: Person, activity: None) -> None:
    wallet = wallet_of(charlie)
    too_much = wallet.balance_micros + 1
    correction = one_more(the(Kind.ADJUSTMENT, charlie), amount_micros=too_much, balance_after_micros=-1)

    (found,) = tamper(correction, keep(wallet, balance_change=-too_much))

    assert f"adjustment of {too_much} leaves wallet {wallet.pk} with -1, under the 0 on hold" in found


def test_a_transfer_between_the_wrong_accounts_is_found(alice: Person, charlie: Person, activity: None) -> None:
    hers, his, grant = wallet_of(alice), wallet_of(charlie), the(Kind.GRANT, charlie)

    found = tamper(f"UPDATE billing_transfer SET debit_id = {hers.pk} WHERE id = {grant.pk}")

    assert f"transfer {grant.pk}: grant of 2500000 is not from wallet {hers.pk} to wallet {his.pk}" in found


@pytest.mark.parametrize(("kind", "other"), [("deposit", "grant"), ("grant", "adjustment"), ("capture", "release")])
def test_a_kind_that_was_changed_is_found(charlie: Person, activity: None, kind: str, other: str) -> None:
    row = the(kind, charlie)

    assert any(f" {row.pk}" in sentence for sentence in tamper(
        f"UPDATE billing_transfer SET kind = '{other}' WHERE id = {row.pk}"
    ))  # fmt: skip


def test_a_charge_of_somebody_elses_hold_is_found(alice: Person, charlie: Person, activity: None) -> None:
    hold, charge = the(Kind.HOLD, alice), the(Kind.CAPTURE, charlie)

    found = tamper(f"UPDATE billing_transfer SET of_id = {hold.pk} WHERE id = {charge.pk}")

    assert (
        f"transfer {charge.pk}: capture of 600000 is of transfer {hold.pk}, a hold between {hold.debit_id}"
        f" and {hold.credit_id}"
    ) in found


def test_a_refund_of_something_else_than_a_charge_is_found(charlie: Person, activity: None) -> None:
    refund, hold = the(Kind.REFUND, charlie), the(Kind.HOLD, charlie)

    found = tamper(f"UPDATE billing_transfer SET of_id = {hold.pk} WHERE id = {refund.pk}")

    assert found[0] == (
        f"transfer {refund.pk}: refund of 50000 is of transfer {hold.pk}, a hold between {hold.debit_id}"
        f" and {hold.credit_id}"
    )


def test_an_amount_of_nothing_is_found(charlie: Person, activity: None) -> None:
    refund = the(Kind.REFUND, charlie)

    found = tamper(
        "ALTER TABLE billing_transfer DROP CONSTRAINT transfer_amount_above_zero",
        f"UPDATE billing_transfer SET amount_micros = 0 WHERE id = {refund.pk}",
    )

    assert f"transfer {refund.pk}: refund of 0 is not above zero" in found


def test_two_open_holds_of_one_job_are_found_though_all_sums_agree(alice: Person, charlie: Person) -> None:
    first = ledger.hold(account=alice.account, amount_micros=10, subject="job:1")
    second = ledger.hold(account=alice.account, amount_micros=20, subject="job:2")

    assert tamper(f"UPDATE billing_transfer SET subject = 'job:1' WHERE id = {second.pk}") == [
        f"job:1 has 2 open holds, transfers {first.pk}, {second.pk}, of 30 together"
    ]


# What is kept and told


def test_the_command_says_that_the_ledger_is_clean_and_how_large_it_is(activity: None) -> None:
    said = StringIO()

    call_command("check_ledger", stdout=said)

    assert said.getvalue() == f"ledger is clean: {Transfer.objects.count()} transfers, 2 wallets\n"
    last = checks.last_check()
    assert last is not None and last.ok and last.transfers == Transfer.objects.count() and last.first == ""


def test_the_command_prints_each_difference_and_exits_1(charlie: Person, activity: None) -> None:
    found = tamper(keep(wallet_of(charlie), balance_change=1))
    said = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("check_ledger", stdout=said)

    assert ended.value.code == 1
    assert said.getvalue().splitlines() == found and len(found) == 2
    last = checks.last_check()
    assert last is not None and not last.ok and last.differences == 2 and last.first.splitlines() == found


def test_of_very_many_differences_some_are_told_and_all_are_counted(
    charlie: Person, activity: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "TOLD_EACH", 3)
    tamper("UPDATE billing_transfer SET held_after_micros = -1")

    check, sentences = checks.record_check()

    below = [sentence for sentence in sentences if sentence.endswith("is below zero")]
    rows = Transfer.objects.count()
    assert len(below) == 3 and f"and {rows - 3} more like the last one" in sentences
    assert check.differences > rows


def test_the_newest_hundred_checks_are_kept(activity: None) -> None:
    LedgerCheck.objects.bulk_create(LedgerCheck(ok=True, transfers=0, wallets=0) for _ in range(120))

    newest, _ = checks.record_check()

    assert LedgerCheck.objects.count() == 100
    assert checks.last_check() == newest and LedgerCheck.objects.order_by("id").first() != newest


def test_a_ledger_that_was_never_checked_has_no_last_check(db: Any) -> None:
    assert checks.last_check() is None


def test_the_scheduler_checks_the_ledger_every_hour(activity: None, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = BlockingScheduler()
    monkeypatch.setattr(run_scheduler, "BlockingScheduler", lambda **_: scheduler)
    monkeypatch.setattr(scheduler, "start", lambda: None)
    monkeypatch.setattr(run_scheduler.liveness, "beat_forever", lambda _: None)
    monkeypatch.setattr(run_scheduler.signal, "signal", lambda *_: None)
    monkeypatch.setattr(run_scheduler, "close_old_connections", lambda: None)  # the test's own is in a transaction
    call_command("run_scheduler")
    (job,) = [job for job in scheduler.get_jobs() if job.func.__wrapped__ is checks.record_check]

    job.func()

    last = checks.last_check()
    assert last is not None and last.ok
    assert job.trigger.interval == timedelta(hours=1)

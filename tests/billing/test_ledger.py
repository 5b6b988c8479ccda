"""What the ledger does, and what its database refuses, whoever asks."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import services
from accounts.models import User
from billing import ledger
from billing.models import LedgerAccount, Transfer
from tests.conftest import Person, make_person
from tuplets.errors import Code, TupletsError

FREE = 2_500_000


def balances(person: Person) -> tuple[int, int]:
    """Balance and holds, as kept."""
    wallet = LedgerAccount.objects.get(account=person.account)
    return wallet.balance_micros, wallet.held_micros


def test_a_verified_account_has_the_free_credit_once(alice: Person) -> None:
    assert balances(alice) == (FREE, 0)
    services.verify_email(user=alice.user)
    User.objects.filter(pk=alice.user.pk).update(email_verified_at=None)
    services.verify_email(user=alice.user)

    assert balances(alice) == (FREE, 0)


def test_an_account_that_is_not_verified_has_nothing(db: Any) -> None:
    assert ledger.available_micros(make_person("new@example.org", verified=False).account) == 0


def test_a_member_of_another_account_brings_no_credit(alice: Person, bob: Person) -> None:
    assert balances(alice) == (FREE, 0)


def test_a_hold_is_set_aside_and_a_capture_charges_at_most_that_and_frees_the_rest(alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=1_000_000, subject="job:1")
    assert (balances(alice), ledger.available_micros(alice.account)) == ((FREE, 1_000_000), 1_500_000)

    charge = ledger.capture(held=held, amount_micros=400_000, detail={"seconds": 60})

    assert balances(alice) == (2_100_000, 0)
    assert (charge.balance_after_micros, charge.held_after_micros) == (2_100_000, 0)
    assert ledger.open_hold("job:1") is None


def test_a_released_hold_costs_nothing_and_a_late_capture_finds_it_released(alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=1_000_000, subject="job:1")

    released = ledger.release(held=held)

    assert ledger.capture(held=held, amount_micros=1, detail={}) == released == ledger.release(held=held)
    assert balances(alice) == (FREE, 0)


def test_a_second_capture_answers_with_the_first(alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=1_000_000, subject="job:1")

    first, second = (ledger.capture(held=held, amount_micros=micros, detail={}) for micros in (300_000, 900_000))

    assert first == second
    assert balances(alice) == (2_200_000, 0)


def test_more_than_is_available_is_402_and_leaves_everything_as_it_was(alice: Person) -> None:
    ledger.hold(account=alice.account, amount_micros=2_000_000, subject="job:1")

    with pytest.raises(TupletsError) as refused:
        ledger.hold(account=alice.account, amount_micros=500_001, subject="job:2")

    assert refused.value.code is Code.INSUFFICIENT_CREDIT
    assert refused.value.detail == "You do not have enough credit for this job."
    assert balances(alice) == (FREE, 2_000_000)
    ledger.hold(account=alice.account, amount_micros=500_000, subject="job:2")


def test_a_raise_holds_the_new_amount_once(alice: Person) -> None:
    ledger.hold(account=alice.account, amount_micros=1_500_000, subject="job:1")

    raised = ledger.raise_hold(subject="job:1", amount_micros=2_500_000)

    assert balances(alice) == (FREE, FREE)
    assert raised == ledger.open_hold("job:1") == ledger.raise_hold(subject="job:1", amount_micros=1)


def test_a_raise_beyond_the_balance_is_402_and_the_first_hold_stays(alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=1_500_000, subject="job:1")

    with pytest.raises(TupletsError):
        ledger.raise_hold(subject="job:1", amount_micros=FREE + 1)

    assert ledger.open_hold("job:1") == held
    assert balances(alice) == (FREE, 1_500_000)


def test_a_payment_is_posted_once_and_never_for_two_amounts(alice: Person) -> None:
    paid = {"account": alice.account, "reference": "stripe:cs_1"}
    assert ledger.deposit(amount_micros=5_000_000, **paid) == ledger.deposit(amount_micros=5_000_000, **paid)
    assert balances(alice) == (FREE + 5_000_000, 0)

    with pytest.raises(ValueError, match="another amount"):
        ledger.deposit(amount_micros=6_000_000, **paid)


def test_a_charge_is_refunded_in_parts_and_never_beyond_what_it_was(alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=1_000_000, subject="job:1")
    charge = ledger.capture(held=held, amount_micros=900_000, detail={})
    ledger.refund(charge=charge, amount_micros=500_000, reason="Half of it was silence.")

    with pytest.raises(TupletsError, match="more than is left"):
        ledger.refund(charge=charge, amount_micros=400_001, reason="Too much.")
    ledger.refund(charge=charge, amount_micros=400_000, reason="The rest.")

    assert balances(alice) == (FREE, 0)


def test_a_card_payment_taken_back_may_leave_less_than_nothing_and_then_nothing_can_be_held(alice: Person) -> None:
    paid = ledger.deposit(account=alice.account, amount_micros=5_000_000, reference="stripe:cs_1")
    held = ledger.hold(account=alice.account, amount_micros=7_000_000, subject="job:1")
    ledger.capture(held=held, amount_micros=7_000_000, detail={})

    ledger.reverse(paid=paid, amount_micros=5_000_000, reference="stripe:re_1")

    assert balances(alice) == (-4_500_000, 0)
    with pytest.raises(TupletsError):
        ledger.hold(account=alice.account, amount_micros=1, subject="job:2")
    with pytest.raises(TupletsError, match="more than is left"):
        ledger.reverse(paid=paid, amount_micros=1, reference="stripe:re_2")


def test_staff_correct_up_and_down_but_not_below_zero(alice: Person) -> None:
    ledger.adjust(account=alice.account, amount_micros=100, reference="a", reason="Up.", actor=alice.user)
    ledger.adjust(account=alice.account, amount_micros=-FREE, reference="b", reason="Down.", actor=alice.user)

    with pytest.raises(TupletsError):
        ledger.adjust(account=alice.account, amount_micros=-101, reference="c", reason="Too far.", actor=alice.user)

    assert balances(alice) == (100, 0)


# What the database refuses


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_transfer SET amount_micros = 1",
        "DELETE FROM billing_transfer",
        "UPDATE billing_ledgeraccount SET balance_micros = 1000000000 WHERE kind = 'wallet'",
        "UPDATE billing_ledgeraccount SET held_micros = 0, balance_micros = balance_micros + 1 WHERE kind = 'wallet'",
        "INSERT INTO billing_ledgeraccount (kind, balance_micros, held_micros) VALUES ('wallet', 0, 0)",
        "INSERT INTO billing_ledgeraccount (kind, balance_micros, held_micros) VALUES ('adjustments', 5, 0)",
    ],
)
def test_the_database_refuses_what_is_not_a_transfer(alice: Person, statement: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert balances(alice) == (FREE, 0)


def test_the_database_refuses_transfers_between_the_wrong_accounts(alice: Person, charlie: Person) -> None:
    hers, his = (LedgerAccount.objects.get(account=person.account) for person in (alice, charlie))
    promotions = LedgerAccount.objects.get(kind="promotions")
    wrong = [
        ("grant", hers, his, 1),
        ("grant", hers, promotions, 1),
        ("deposit", promotions, hers, 1),
        ("hold", hers, his, 1),
        ("adjustment", hers, his, 1),
        ("grant", promotions, hers, 0),
        ("grant", promotions, hers, -5),
        ("capture", hers, promotions, 5),
        ("gift", promotions, hers, 5),
    ]
    for number, (kind, debit, credit, micros) in enumerate(wrong):
        row = Transfer(kind=kind, debit=debit, credit=credit, amount_micros=micros, subject="x", reference=f"x{number}")
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()

    assert balances(alice) == balances(charlie) == (FREE, 0)


def test_several_transfers_of_a_wallet_in_one_statement_are_refused(alice: Person, charlie: Person) -> None:
    hers, revenue = ledger.wallet_for(alice.account), ledger._house("revenue")
    held = [ledger.hold(account=alice.account, amount_micros=1_000, subject=f"job:{number}") for number in range(2)]
    hold = {"kind": "hold", "debit": hers, "credit": revenue, "amount_micros": FREE - 2_000}
    capture = {"kind": "capture", "debit": hers, "credit": revenue, "amount_micros": 1_000}
    for rows in (
        [Transfer(subject=f"x{number}", reference=f"x{number}", **hold) for number in range(2)],
        [Transfer(subject=f"y{number}", reference=f"y{number}", of=held[number], **capture) for number in range(2)],
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Transfer.objects.bulk_create(rows)

    assert balances(alice) == (FREE, 2_000)


def test_a_transfer_that_is_skipped_for_its_reference_moves_nothing(alice: Person) -> None:
    known = Transfer.objects.get(kind="grant")
    again = Transfer(
        kind="grant", debit=known.debit, credit=known.credit, amount_micros=5, subject="x", reference=known.reference
    )
    Transfer.objects.bulk_create([again], ignore_conflicts=True)

    assert balances(alice) == (FREE, 0) and Transfer.objects.count() == 1


def test_a_hold_of_one_wallet_is_never_resolved_from_another(alice: Person, charlie: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=1_000, subject="job:1")
    his = LedgerAccount.objects.get(account=charlie.account)
    row = Transfer(
        kind="capture", debit=his, credit=held.credit, amount_micros=1_000, subject="x", reference="x", of=held
    )

    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()

    assert balances(charlie) == (FREE, 0)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_holds_at_once_exactly_as_many_pass_as_the_balance_covers() -> None:
    account = make_person("alice@example.org").account
    results: list[bool] = []
    barrier = threading.Barrier(10)

    def spend(worker: int) -> None:
        try:
            barrier.wait()
            for number in range(5):
                try:
                    ledger.hold(account=account, amount_micros=250_000, subject=f"job:{worker}-{number}")
                    results.append(True)
                except TupletsError:
                    results.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=spend, args=(worker,)) for worker in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [False] * 40 + [True] * 10
    assert LedgerAccount.objects.get(account=account).held_micros == FREE


def at_once(count: int, call: Any) -> list[Any]:
    """What calls at the same time answer, errors included."""
    barrier, found = threading.Barrier(count), []

    def one() -> None:
        try:
            barrier.wait()
            found.append(call())
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
def test_the_same_thing_six_times_at_once_is_posted_once_and_every_caller_has_it() -> None:
    person = make_person("alice@example.org")
    account, user = person.account, person.user
    paid = ledger.deposit(account=account, amount_micros=5_000_000, reference="stripe:cs_1")
    held = ledger.hold(account=account, amount_micros=1_000_000, subject="job:0")
    charge = ledger.capture(held=held, amount_micros=900_000, detail={})

    def reversed_() -> Transfer:
        return ledger.reverse(paid=paid, amount_micros=5_000_000, reference="stripe:re_1")

    def refunded() -> Transfer:
        return ledger.refund(charge=charge, amount_micros=900_000, reason="All.", reference="form:1")

    def adjusted() -> Transfer:
        return ledger.adjust(account=account, amount_micros=-2_000_000, reference="form:2", reason="?", actor=user)

    def set_aside() -> Transfer:
        return ledger.hold(account=account, amount_micros=500_000, subject="job:1")

    for call in (reversed_, refunded, adjusted, set_aside):
        assert len({answer.pk for answer in at_once(6, call)}) == 1
    assert balances(person) == (FREE - 2_000_000, 500_000)


@pytest.mark.django_db(transaction=True)
def test_refunds_of_one_charge_at_once_never_exceed_it() -> None:
    person = make_person("alice@example.org")
    held = ledger.hold(account=person.account, amount_micros=1_000_000, subject="job:0")
    charge = ledger.capture(held=held, amount_micros=1_000_000, detail={})

    found = at_once(6, lambda: ledger.refund(charge=charge, amount_micros=400_000, reason="?"))

    assert sorted(type(answer).__name__ for answer in found) == ["Transfer"] * 2 + ["TupletsError"] * 4
    assert balances(person) == (FREE - 200_000, 0)


def test_a_subject_that_holds_something_is_not_held_for_again(alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=1_000, subject="job:1")

    assert ledger.hold(account=alice.account, amount_micros=1_000, subject="job:1") == held
    with pytest.raises(ValueError, match="another amount"):
        ledger.hold(account=alice.account, amount_micros=2_000, subject="job:1")

    assert balances(alice) == (FREE, 1_000)


def test_a_wallets_balances_follow_one_another_in_the_order_of_the_ids(alice: Person) -> None:
    for number in range(3):
        held = ledger.hold(account=alice.account, amount_micros=100_000, subject=f"job:{number}")
        ledger.capture(held=held, amount_micros=60_000, detail={})

    rows = Transfer.objects.order_by("id").values_list("kind", "balance_after_micros", "held_after_micros")

    assert list(rows) == [
        ("grant", 2_500_000, 0),
        ("hold", 2_500_000, 100_000),
        ("capture", 2_440_000, 0),
        ("hold", 2_440_000, 100_000),
        ("capture", 2_380_000, 0),
        ("hold", 2_380_000, 100_000),
        ("capture", 2_320_000, 0),
    ]

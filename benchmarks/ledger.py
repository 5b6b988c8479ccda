"""`make bench-ledger`: hold and capture pairs a second, and what a balance read and the audit cost as the ledger grows.

Prints Markdown. Wants an empty database of its own that writes to disk before it answers, as in production: `make
bench-ledger` brings it up and throws it away.
"""

import os
import platform
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
import django

django.setup()

from django.core.management import call_command
from django.db import connection

from accounts.models import Account
from billing import checks, ledger, statements
from billing.models import LedgerAccount, Transfer

THREADS = 8
SECONDS = 4.0
ROUNDS = 3  # what is compared takes turns, so that a machine that slows down slows all of it
WALLETS = 100
SMALL, LARGE = 1_000, 1_000_000
READS = 2_000
HELD, CHARGED = 100, 60
# Holds and captures by turns, with the balances that the triggers would have kept: one row at a time takes an hour.
FILLER = """
    INSERT INTO billing_transfer (id, kind, debit_id, credit_id, amount_micros, subject, reference, of_id, reason,
        detail, balance_after_micros, held_after_micros, created_at)
    SELECT n, CASE n % 2 WHEN 1 THEN 'hold' ELSE 'capture' END, %(wallet)s, %(revenue)s,
        CASE n % 2 WHEN 1 THEN %(held)s ELSE %(charged)s END, 'fill:' || (n + 1) / 2, 'fill:' || (n + 1) / 2,
        CASE n % 2 WHEN 1 THEN NULL ELSE n - 1 END, '', '{}',
        %(balance)s - %(charged)s * (n / 2 - %(last)s / 2), CASE n % 2 WHEN 1 THEN %(held)s ELSE 0 END, now()
    FROM generate_series(%(last)s + 1, %(upto)s) n
"""
KEEP = "UPDATE billing_ledgeraccount SET balance_micros = balance_micros - %s WHERE id = %s"


@dataclass
class Measured:
    per_second: float
    p50_ms: float
    p95_ms: float


def measured(latencies: list[float], elapsed: float) -> Measured:
    latencies.sort()
    p95 = latencies[int(len(latencies) * 0.95)]
    return Measured(len(latencies) / elapsed, 1000 * statistics.median(latencies), 1000 * p95)


def pairs(accounts: list[Account]) -> Measured:
    """Each thread holds and captures, in two transactions as a job does, on one wallet after another."""
    ready = threading.Barrier(THREADS)

    def client(number: int) -> list[float]:
        latencies: list[float] = []
        try:
            ledger.available_micros(accounts[0])  # connects
            ready.wait()
            deadline = time.perf_counter() + SECONDS
            while time.perf_counter() < deadline:
                account = accounts[(number + THREADS * len(latencies)) % len(accounts)]
                began = time.perf_counter()
                subject = f"bench:{number}:{began}"
                held = ledger.hold(account=account, amount_micros=HELD, subject=subject)
                ledger.capture(held=held, amount_micros=CHARGED, detail={"seconds": 60})
                latencies.append(time.perf_counter() - began)
        finally:
            connection.close()
        return latencies

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        latencies = [latency for found in pool.map(client, range(THREADS)) for latency in found]
    return measured(latencies, time.perf_counter() - began)


def reads(read: Callable[[], object]) -> Measured:
    latencies = []
    began = time.perf_counter()
    for _ in range(READS):
        start = time.perf_counter()
        read()
        latencies.append(time.perf_counter() - start)
    return measured(latencies, time.perf_counter() - began)


def in_turns(*cases: tuple[str, Callable[[], Measured]]) -> dict[str, Measured]:
    """Each case's median over the rounds, after a round that is not counted."""
    found: dict[str, list[Measured]] = {name: [] for name, _ in cases}
    for counted in [False] + [True] * ROUNDS:
        for name, run in cases:
            result = run()
            if counted:
                found[name].append(result)
    return {
        name: Measured(*(statistics.median(getattr(one, part) for one in all_) for part in Measured.__match_args__))
        for name, all_ in found.items()
    }


def fill(account: Account, transfers: int) -> None:
    """All in one wallet: the worst case for its balance and for the running sums of the audit."""
    wallet = ledger.wallet_for(account)
    newest = Transfer.objects.order_by("-id").first()
    assert newest is not None and newest.held_after_micros == 0 and newest.pk % 2 == 0
    values = {
        "wallet": wallet.pk,
        "revenue": LedgerAccount.objects.get_or_create(kind="revenue")[0].pk,
        "held": HELD,
        "charged": CHARGED,
        "balance": wallet.balance_micros,
        "last": newest.pk,
        "upto": newest.pk + transfers - Transfer.objects.count(),
    }
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_transfer DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE billing_ledgeraccount DISABLE TRIGGER USER")
        cursor.execute(FILLER.replace("n % 2", "n %% 2"), values)
        cursor.execute(KEEP, [(values["upto"] // 2 - newest.pk // 2) * CHARGED, wallet.pk])
        cursor.execute("ALTER TABLE billing_transfer ENABLE TRIGGER USER")
        cursor.execute("ALTER TABLE billing_ledgeraccount ENABLE TRIGGER USER")
        cursor.execute("SELECT setval(pg_get_serial_sequence('billing_transfer', 'id'), %s)", [values["upto"]])
        cursor.execute("VACUUM ANALYZE billing_transfer, billing_ledgeraccount")
    assert Transfer.objects.count() == transfers


def audit() -> float:
    began = time.perf_counter()
    differences = checks.check_ledger()
    assert differences == [], differences
    return time.perf_counter() - began


def select_1() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def rich(name: str) -> Account:
    account = Account.objects.create(name=name)
    ledger.grant(account=account, amount_micros=10**12, reference=name, reason="Benchmark")
    return account


def main() -> None:
    call_command("migrate", verbosity=0)
    filled = rich("filled")
    ledger.grant(account=filled, amount_micros=1, reference="even", reason="So that holds and captures fill the rest")
    found: dict[int, dict[str, Measured]] = {}
    audits: dict[int, float] = {}
    for size in (SMALL, LARGE):
        fill(filled, size)
        found[size] = in_turns(
            ("`SELECT 1`", lambda: reads(select_1)),
            ("`ledger.wallet_for`", lambda: reads(lambda: ledger.wallet_for(filled))),
            ("`ledger.available_micros`", lambda: reads(lambda: ledger.available_micros(filled))),
            ("`statements.balance_of`", lambda: reads(lambda: statements.balance_of(filled))),
        )
        audits[size] = audit()
    many = [rich(f"account {number}") for number in range(WALLETS)]
    paired = in_turns(("one wallet", lambda: pairs(many[:1])), (f"{WALLETS} wallets", lambda: pairs(many)))
    report(found, audits, paired, audit())


def report(
    found: dict[int, dict[str, Measured]], audits: dict[int, float], paired: dict[str, Measured], at_the_end_s: float
) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, database on the same machine\n")
    print(f"| hold + capture, {THREADS} threads, {LARGE:,} transfers before | pairs a second | p50 ms | p95 ms |")
    print("|---|---|---|---|")
    for name, result in paired.items():
        print(f"| {name} | {result.per_second:.0f} | {result.p50_ms:.1f} | {result.p95_ms:.1f} |")
    print(f"\n| read | p50 ms, {SMALL:,} transfers | p50 ms, {LARGE:,} | ratio | p95 ms | p95 ms | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name, small in found[SMALL].items():
        large = found[LARGE][name]
        print(
            f"| {name} | {small.p50_ms:.2f} | {large.p50_ms:.2f} | {large.p50_ms / small.p50_ms:.2f}"
            f" | {small.p95_ms:.2f} | {large.p95_ms:.2f} | {large.p95_ms / small.p95_ms:.2f} |"
        )
    print(f"\n`check_ledger`: {audits[SMALL]:.2f} s with {SMALL:,} transfers, {audits[LARGE]:.1f} s with {LARGE:,}; "
          f"clean, and clean after {Transfer.objects.count() - LARGE:,} more ({at_the_end_s:.1f} s)")  # fmt: skip


if __name__ == "__main__":
    main()

"""The money pages: for members alone, without a line of inline script, and right in every state of an account."""

import csv
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import exports, ledger, views
from billing.models import AutoTopUp, TopUp, Transfer
from billing.prices import Feature
from billing.statements import entries
from tests.billing.charges import charge
from tests.billing.fake_stripe import FakeStripe, deliver
from tests.conftest import Person, make_person
from tuplets.errors import Code, TupletsError

pytestmark = pytest.mark.django_db
PAGES = (
    "/dashboard/billing",
    "/dashboard/billing/ledger",
    "/dashboard/billing/ledger.csv",
    "/dashboard/billing/receipts/1",
    "/dashboard/billing/return",
)


@pytest.fixture
def page(alice: Person) -> Client:
    client = Client()
    client.force_login(alice.user)
    return client


def text(answer: Any) -> str:
    return answer.content.decode()


def chart_of(found: str) -> Any:
    """The numbers that the page hands to the chart."""
    carried = re.search(r'<script id="spend-data" type="application/json">(.*?)</script>', found)
    assert carried
    return json.loads(carried[1])


def begun(person: Person, status: str = "open", **fields: Any) -> TopUp:
    deposit = None
    if status == "paid":
        deposit = ledger.deposit(
            account=person.account, amount_micros=5_000_000, reference=f"stripe:{Transfer.objects.count()}"
        )
    return TopUp.objects.create(
        account=person.account, user=person.user, amount_micros=5_000_000, status=status, deposit=deposit, **fields
    )


# Who may look


def test_pages_are_below_dashboard_and_nowhere_else(page: Client) -> None:
    assert page.get("/dashboard/billing").status_code == 200
    for path in ("/billing", "/billing/ledger", "/billing/return", "/billing/ledger.csv"):
        assert page.get(path).status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_signed_out_every_page_leads_to_the_sign_in_page(anyone: Client, path: str) -> None:
    answer = anyone.get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/login?next={path}")


def test_people_sign_in_by_email_and_come_back_to_where_they_were(anyone: Client, db: Any) -> None:
    person = make_person("dora@example.org")
    person.user.set_password("correct horse battery")
    person.user.save()
    wrong = anyone.post("/login", {"username": "dora@example.org", "password": "wrong"})
    assert wrong.status_code == 200 and "dora@example.org" in text(wrong) and 'role="alert"' in text(wrong)

    form = {"username": "Dora@Example.org", "password": "correct horse battery", "next": "/dashboard/billing/ledger"}
    assert anyone.post("/login", form)["Location"] == "/dashboard/billing/ledger"
    assert anyone.get("/dashboard/billing").status_code == 200
    assert anyone.post("/login", {**form, "next": "https://evil.example"})["Location"] == "/dashboard/billing"
    assert anyone.get("/logout").status_code == 405
    assert anyone.post("/logout")["Location"] == "/login"
    assert anyone.get("/dashboard/billing").status_code == 302


def test_somebody_elses_receipts_and_top_ups_are_not_there(page: Client, charlie: Person) -> None:
    paid = begun(charlie, "paid")

    for path in (f"receipts/{paid.deposit_id}", f"return?top_up={paid.pk}", "return?top_up=x"):
        answer = page.get(f"/dashboard/billing/{path}")
        assert answer.status_code == 404 and "There is nothing at this address" in text(answer)
    assert "charlie" not in text(page.get("/dashboard/billing/ledger")) + text(page.get("/dashboard/billing"))


def test_a_user_of_no_account_is_told_so(anyone: Client) -> None:
    anyone.force_login(User.objects.create_user("nobody@example.org"))

    answer = anyone.get("/dashboard/billing")

    assert answer.status_code == 403 and "not a member of an active account" in text(answer)


@pytest.mark.parametrize(
    "path", ["/dashboard/billing", "/dashboard/billing/ledger", "/login", "/dashboard/billing/receipts/0"]
)
def test_nothing_is_inline_and_the_policy_would_not_let_it(page: Client, alice: Person, path: str) -> None:
    charge(alice.account)
    answer = page.get(path)

    assert answer["Content-Security-Policy"].startswith("default-src 'self';")
    assert answer["Cache-Control"] in ("no-store", "max-age=0, no-cache, no-store, must-revalidate, private")
    found = text(answer)
    assert "style=" not in found and "<style" not in found and not re.search(r"\son\w+=", found)
    assert all("src=" in tag or 'type="application/json"' in tag for tag in re.findall(r"<script[^>]*>", found))


def test_posts_need_the_csrf_token(alice: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice.user)

    for path in ("/dashboard/billing/top-up", "/dashboard/billing/auto-top-up", "/dashboard/billing/alert", "/logout"):
        assert strict.post(path, {"amount": "10"}).status_code == 403


# The overview


def test_the_overview_of_an_account_that_spent_nothing_says_so(page: Client) -> None:
    found = text(page.get("/dashboard/billing"))

    assert "Nothing was charged in these 30 days" in found and "$2.50" in found
    assert "chart.umd.js" not in found


def test_the_overview_shows_balance_holds_and_the_same_numbers_as_chart_and_table(page: Client, alice: Person) -> None:
    alice_key = alice.user.api_keys.get()
    captured = charge(alice.account, [Feature.STANDARD, Feature.DIARIZATION], 1800, key_id=alice_key.pk)
    charge(alice.account, [Feature.STANDARD])
    ledger.refund(charge=captured, amount_micros=10_000, reference="refunded:1", reason="?")
    ledger.hold(account=alice.account, amount_micros=250_000, subject="job:1")

    found = text(page.get("/dashboard/billing"))

    assert "refunded $0.01" in found and "<strong>$0.25</strong>" in found and "<strong>$2.14</strong>" in found
    data = chart_of(found)
    assert len(data["days"]) == 30 and [each["label"] for each in data["series"]] == [
        "Standard transcription",
        "Speaker diarization",
        "Minimum charge",
    ]
    assert [each["usd"][-1] for each in data["series"]] == [0.072392, 0.04, 0.007608]
    for amount in ("$0.072392", "$0.04", "$0.007608", "$0.12"):
        assert f'<td class="number">{amount}</td>' in found
    assert "Test key" in found
    assert (
        len(
            json.loads(re.search(r'"application/json">(.*?)</script>', text(page.get("/dashboard/billing?days=7")))[1])[
                "days"
            ]
        )
        == 7
    )  # type: ignore[index]
    assert page.get("/dashboard/billing?days=999999999").status_code == 200


def test_low_empty_and_negative_balances_say_what_follows(page: Client, alice: Person) -> None:
    held = ledger.hold(account=alice.account, amount_micros=2_000_000, subject="job:1")
    ledger.capture(held=held, amount_micros=2_000_000, detail={})
    assert "Credit is low: less than $1.00" in text(page.get("/dashboard/billing"))

    ledger.adjust(account=alice.account, amount_micros=-500_000, reference="a", reason="?", actor=alice.user)
    assert "There is no credit left" in text(page.get("/dashboard/billing"))

    paid = ledger.deposit(account=alice.account, amount_micros=5_000_000, reference="stripe:1")
    ledger.capture(
        held=ledger.hold(account=alice.account, amount_micros=5_000_000, subject="job:2"),
        amount_micros=5_000_000,
        detail={},
    )
    ledger.reverse(paid=paid, amount_micros=5_000_000, reference="stripe:re")
    found = text(page.get("/dashboard/billing"))
    assert "below zero" in found and "−$5.00" in found


# Topping up


def test_without_a_stripe_key_the_page_says_that_staff_can_grant_credit(page: Client, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""

    found = text(page.get("/dashboard/billing"))
    assert "Top-ups by card are off on this server" in found and 'action="/dashboard/billing/top-up' not in found
    assert page.post("/dashboard/billing/top-up", {"amount": "10"}).status_code == 400


def test_a_top_up_goes_on_at_the_card_page(
    page: Client, alice: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    asked: list[Any] = []

    def begin(**wanted: Any) -> TopUp:
        asked.append(wanted)
        return TopUp(checkout_url="https://checkout.example/pay")

    monkeypatch.setattr(views, "begin_top_up", begin)

    answer = page.post("/dashboard/billing/top-up", {"amount": " $12.50 "})

    assert (answer.status_code, answer["Location"]) == (302, "https://checkout.example/pay")
    assert asked == [{"account": alice.account, "user": alice.user, "amount_micros": 12_500_000, "save_card": False}]
    found = text(page.get("/dashboard/billing"))
    assert " required" not in found  # or a browser keeps the preset buttons from being pressed
    for preset in re.findall(r'<button name="amount" value="(.*?)">', found):
        sent = {"amount": ["", preset], "save_card": "on"}  # the empty field, then the button that was pressed
        assert page.post("/dashboard/billing/top-up", sent).status_code == 302
    assert [each["amount_micros"] for each in asked[1:]] == [10_000_000, 25_000_000, 50_000_000, 100_000_000]
    assert all(each["save_card"] for each in asked[1:])


@pytest.mark.parametrize(
    "amount", ["", "0", "4.99", "500.01", "-5", "NaN", "inf", "1e400", "5.001", "11/2", "<b>", "9" * 50]
)
def test_a_wrong_amount_comes_back_with_what_was_typed_and_what_to_do(
    page: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, amount: str
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    monkeypatch.setattr(views, "begin_top_up", lambda **_: pytest.fail("asked for a payment"))

    answer = page.post("/dashboard/billing/top-up", {"amount": amount})

    assert answer.status_code == 400 and 'class="error"' in text(answer) and "<b>" not in text(answer)
    if amount and "<" not in amount:
        assert f'value="{amount}"' in text(answer)


def test_a_refusal_of_the_card_company_is_shown_beside_the_amount(
    page: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"

    def refuse(**_: Any) -> TopUp:
        raise TupletsError(Code.UNAVAILABLE, "Stripe does not answer. Try again in a minute.")

    monkeypatch.setattr(views, "begin_top_up", refuse)

    answer = page.post("/dashboard/billing/top-up", {"amount": "25"})

    assert answer.status_code == 400 and "Stripe does not answer" in text(answer) and 'value="25"' in text(answer)


def test_the_return_page_waits_for_the_confirmation_and_then_shows_the_balance(page: Client, alice: Person) -> None:
    waiting = begun(alice, checkout_url="https://checkout.example/pay")
    found = text(page.get(f"/dashboard/billing/return?top_up={waiting.pk}"))
    assert "Waiting for the payment's confirmation" in found
    assert '<meta http-equiv="refresh" content="3">' in found

    paid = begun(alice, "paid")
    found = text(page.get(f"/dashboard/billing/return?top_up={paid.pk}"))
    assert "$7.50 is available now" in found and "refresh" not in found
    assert f"/dashboard/billing/receipts/{paid.deposit_id}" in found

    failed = begun(alice, "failed", failure="The card was declined.")
    assert "The card was declined." in text(page.get(f"/dashboard/billing/return?top_up={failed.pk}"))
    expired = begun(alice, "expired")
    assert "nothing was charged" in text(page.get(f"/dashboard/billing/return?top_up={expired.pk}"))


def test_a_confirmation_that_does_not_come_is_not_asked_for_for_ever(page: Client, alice: Person) -> None:
    late = begun(alice, created_at=timezone.now() - timedelta(minutes=11))

    found = text(page.get(f"/dashboard/billing/return?top_up={late.pk}"))

    assert "longer than usual" in found and "refresh" not in found


def test_the_return_page_asks_stripe_itself_where_the_confirmation_is_late(
    page: Client, alice: Person, fake: FakeStripe
) -> None:
    page.post("/dashboard/billing/top-up", {"amount": "25"})
    waiting = TopUp.objects.get()
    back = f"/dashboard/billing/return?top_up={waiting.pk}"
    fake.paid(str(waiting.session_id))
    fake.requests.clear()
    assert "Waiting for the payment's confirmation" in text(page.get(back)) and not fake.requests
    TopUp.objects.update(created_at=timezone.now() - timedelta(seconds=16))
    fake.fail_with = 500
    assert "Waiting for the payment's confirmation" in text(page.get(back))
    fake.fail_with = 0

    assert "$27.50 is available now" in text(page.get(back))


def test_from_the_page_to_stripe_and_back_credit_comes_with_the_webhook_alone(
    page: Client, alice: Person, fake: FakeStripe
) -> None:
    answer = page.post("/dashboard/billing/top-up", {"amount": "25", "save_card": "on"})
    (session,) = fake.sessions.values()
    assert answer["Location"] == session["url"]

    back = f"/dashboard/billing/return?top_up={TopUp.objects.get().pk}"
    assert "Waiting for the payment's confirmation" in text(page.get(back))
    event = fake.event("checkout.session.completed", fake.paid(session["id"]))
    assert (deliver(event).status_code, deliver(event).status_code) == (200, 200)

    assert "$27.50 is available now" in text(page.get(back))
    found = text(page.get("/dashboard/billing/ledger"))
    assert found.count("Top-up by card.") == 1 and "+$25.00" in found


def test_automatic_top_ups_are_set_on_the_page_once_a_card_is_saved(page: Client, alice: Person, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    form = {"enabled": "on", "threshold": "2", "amount": "20"}
    assert "No card is saved." in text(page.get("/dashboard/billing"))
    assert page.post("/dashboard/billing/auto-top-up", form).status_code == 400
    AutoTopUp.objects.create(
        account=alice.account, customer_id="cus_1", payment_method_id="pm_1", card_brand="visa", card_last4="4242"
    )

    found = text(page.post("/dashboard/billing/auto-top-up", form, follow=True))
    assert "Automatic top-up is on." in found and "ending in 4242" in found
    ids = re.findall(r'\sid="([^"]+)"', found)
    assert len(ids) == len(set(ids)) and all(f'id="{each}"' in found for each in re.findall(r'for="([^"]+)"', found))

    wrong = page.post("/dashboard/billing/auto-top-up", {**form, "amount": "4"})
    assert wrong.status_code == 400 and 'value="4"' in text(wrong)
    auto = AutoTopUp.objects.get(account=alice.account)
    assert (auto.enabled, auto.threshold_micros, auto.amount_micros) == (True, 2_000_000, 20_000_000)


# The ledger


def test_the_ledger_links_jobs_and_receipts_and_explains_charges(page: Client, alice: Person) -> None:
    job = uuid.uuid4()
    captured = charge(alice.account, subject=f"job:{job}")
    paid = ledger.deposit(account=alice.account, amount_micros=5_000_000, reference="stripe:cs_1")

    found = text(page.get("/dashboard/billing/ledger"))

    assert f'id="t{captured.pk}"' in found and f'href="/jobs/{job}"' in found
    assert f'href="/dashboard/billing/receipts/{paid.pk}"' in found
    assert "$0.14 an hour × 61.5 s" in found and "$0.002392" in found and "Minimum charge" in found


def test_the_ledgers_filters_pages_and_bad_values(page: Client, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ENTRIES_A_PAGE", 2)
    charge(alice.account)

    first = text(page.get("/dashboard/billing/ledger?since=2020-01-01"))
    older = re.search(r'rel="next" href="(.*?)"', first)[1].replace("&amp;", "&")  # type: ignore[index]
    second = text(page.get(f"/dashboard/billing/ledger{older}"))
    ids = [re.findall(r'<tr id="t(\d+)"', found) for found in (first, second)]
    assert [len(each) for each in ids] == [2, 1] and "since=2020-01-01" in second and "Newest" in second

    assert "No entry fits this filter." in text(page.get("/dashboard/billing/ledger?kind=reversal"))
    for query in ("kind=gift", "since=soon", "cursor=x", "since=2026-02-02&until=2026-02-01"):
        answer = page.get(f"/dashboard/billing/ledger?{query}")
        assert answer.status_code == 400 and ("error" in text(answer) or "alert" in text(answer)), query


def test_the_csv_has_every_entry_and_no_formula(page: Client, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 2)
    charge(alice.account)
    evil = ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(A1)", "\tx"]
    for number, start in enumerate(evil):
        ledger.grant(account=alice.account, amount_micros=5, reference=f"{start}{number}", reason=start)

    answer = page.get("/dashboard/billing/ledger.csv")
    rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))

    assert answer["Content-Type"] == "text/csv" and "attachment" in answer["Content-Disposition"]
    assert answer.streaming
    found, _ = entries(alice.account, limit=100)
    assert [row["id"] for row in rows] == [str(each.transfer.pk) for each in found]
    assert rows[-3]["amount_usd"] == "-0.010000" and rows[-1]["amount_usd"] == "2.500000"
    assert [row["reference"] for row in rows[:5]] == [f"'{start}{number}" for number, start in enumerate(evil)][::-1]
    numbers = re.compile(r"-?\d+\.\d{6}")
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("=", "+", "-", "@", "\t")) or (
                name.endswith("_usd") and numbers.fullmatch(cell)
            )
    only = page.get("/dashboard/billing/ledger.csv?kind=capture").getvalue().decode()
    assert len(only.splitlines()) == 2
    assert page.get("/dashboard/billing/ledger.csv?kind=gift").status_code == 400


def test_a_receipt_says_what_was_paid_by_whom_and_what_was_paid_back(page: Client, alice: Person) -> None:
    paid = ledger.deposit(account=alice.account, amount_micros=25_000_000, reference="stripe:pi_123")
    ledger.reverse(paid=paid, amount_micros=1_000_000, reference="stripe:re_1")

    found = text(page.get(f"/dashboard/billing/receipts/{paid.pk}"))

    assert all(part in found for part in ("$25.00 USD", "stripe:pi_123", "alice@example.org", "−$1.00 USD"))
    free = Transfer.objects.get(kind="grant", credit__account=alice.account)
    assert page.get(f"/dashboard/billing/receipts/{free.pk}").status_code == 404

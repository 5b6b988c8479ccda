"""Staff see the ledger and change nothing in it; with the right, they grant, correct and refund, once a click."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from billing import ledger
from billing.alert_models import LowBalanceAlert
from billing.check_models import LedgerCheck
from billing.models import AutoTopUp, LedgerAccount, StripeEvent, TopUp, Transfer
from tests.billing.charges import charge
from tests.conftest import Person

pytestmark = pytest.mark.django_db
FREE = 2_500_000
OURS = [model for model in admin.site._registry if model._meta.app_label == "billing"]


def clerk(*codenames: str) -> Client:
    user = User.objects.create_user(f"clerk{User.objects.count()}@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="billing", codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(db: Any) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("support@example.org", "correct horse battery"))
    return client


def wallet_of(person: Person) -> LedgerAccount:
    return LedgerAccount.objects.get(account=person.account)


def fill_in(client: Client, url: str, **fields: str) -> dict[str, str]:
    """What a browser sends: the form's hidden fields and what was typed."""
    page = client.get(url).content.decode()
    hidden = re.findall(r'<input type="hidden" name="(once)" value="([^"]*)"', page)
    assert hidden, page
    return {**dict(hidden), **fields}


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_searches_and_details_open_and_nothing_can_be_changed(staff: Client, alice: Person, model: Any) -> None:
    paid = ledger.deposit(account=alice.account, amount_micros=5_000_000, reference="stripe:cs_1")
    TopUp.objects.create(
        account=alice.account,
        user=alice.user,
        amount_micros=5_000_000,
        status="paid",
        deposit=paid,
        checkout_url="https://secret.example",
    )
    AutoTopUp.objects.create(account=alice.account)
    StripeEvent.objects.create(event_id="evt_1", type="x", outcome="ignored", created_at=paid.created_at)
    LowBalanceAlert.objects.create(account=alice.account)
    LedgerCheck.objects.create(ok=True, transfers=1, wallets=1)
    url = f"/admin/billing/{model._meta.model_name}/"
    row = wallet_of(alice) if model is LedgerAccount else model.objects.first()

    for answer in (staff.get(url), staff.get(url, {"q": "alice"} if model is not LedgerCheck else {})):
        assert answer.status_code == 200
    page = staff.get(f"{url}{row.pk}/change/")
    assert page.status_code == 200 and "secret.example" not in page.content.decode()
    assert 'name="_save"' not in page.content.decode()
    assert staff.get(f"{url}add/").status_code == 403
    assert staff.post(f"{url}{row.pk}/change/", {}).status_code == 403
    assert staff.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    customer = Client()
    customer.force_login(alice.user)
    assert customer.get(url).status_code == 302


def test_transfers_are_found_by_account_email_subject_and_reference(
    staff: Client, alice: Person, charlie: Person
) -> None:
    captured = charge(alice.account, subject="job:of-alice")

    for query in ("alice@example.org", "of-alice", f"free_credit:{alice.account.pk}"):
        page = staff.get("/admin/billing/transfer/", {"q": query}).content.decode()
        assert "alice@example.org" in page and "charlie@example.net" not in page, query
    page = staff.get("/admin/billing/transfer/", {"kind": "capture"}).content.decode()
    assert f"/admin/billing/transfer/{captured.pk}/change/" in page and "free_credit" not in page


def test_the_list_of_wallets_shows_what_is_available_and_the_last_check(staff: Client, alice: Person) -> None:
    ledger.hold(account=alice.account, amount_micros=700_000, subject="job:1")
    url = "/admin/billing/ledgeraccount/"

    page = staff.get(url).content.decode()
    assert all(amount in page for amount in ("$2.50", "$0.70", "$1.80")) and "Ledger check: never run" in page
    assert "promotions" not in page

    LedgerCheck.objects.create(ok=False, differences=3, transfers=9, wallets=1)
    assert "<strong>3 differences</strong>" in staff.get(url).content.decode()


def test_a_grant_has_a_reason_and_a_name_and_a_second_click_posts_nothing(staff: Client, alice: Person) -> None:
    url = f"/admin/billing/ledgeraccount/{wallet_of(alice).pk}/grant/"
    form = fill_in(staff, url, amount="10.50", reason="Sorry for the wait")

    first, second = staff.post(url, form), staff.post(url, form)

    granted = Transfer.objects.get(kind="grant", actor__isnull=False)
    assert (granted.amount_micros, granted.reason) == (10_500_000, "Sorry for the wait")
    assert granted.actor and granted.actor.email == "support@example.org"
    assert first["Location"] == second["Location"] == f"/admin/billing/transfer/{granted.pk}/change/"
    assert wallet_of(alice).balance_micros == FREE + 10_500_000
    changed = staff.post(url, {**form, "amount": "11"})
    assert changed.status_code == 400 and "sent before with another amount" in changed.content.decode()


def test_a_correction_goes_up_and_down_and_never_below_what_is_available(staff: Client, alice: Person) -> None:
    url = f"/admin/billing/ledgeraccount/{wallet_of(alice).pk}/adjust/"

    staff.post(url, fill_in(staff, url, amount="-2.5", reason="Down"))
    assert wallet_of(alice).balance_micros == 0
    refused = staff.post(url, fill_in(staff, url, amount="-0.01", reason="Too far"))
    assert refused.status_code == 400 and "more than is available" in refused.content.decode()
    staff.post(url, fill_in(staff, url, amount="1", reason="Up"))

    assert wallet_of(alice).balance_micros == 1_000_000


@pytest.mark.parametrize("amount", ["", "0", "-1", "NaN", "Infinity", "1/2", "1e99", "0.0000001", "100001", "ten"])
def test_an_amount_that_is_none_posts_nothing_and_keeps_what_was_typed(
    staff: Client, alice: Person, amount: str
) -> None:
    url = f"/admin/billing/ledgeraccount/{wallet_of(alice).pk}/grant/"

    answer = staff.post(url, fill_in(staff, url, amount=amount, reason="Kept & shown"))

    assert answer.status_code == 400 and "Kept &amp; shown" in answer.content.decode()
    assert wallet_of(alice).balance_micros == FREE


def test_without_a_reason_nothing_is_posted(staff: Client, alice: Person) -> None:
    url = f"/admin/billing/ledgeraccount/{wallet_of(alice).pk}/grant/"

    assert staff.post(url, fill_in(staff, url, amount="1", reason=" ")).status_code == 400
    assert wallet_of(alice).balance_micros == FREE


def test_a_refund_is_posted_once_a_form_and_never_beyond_the_charge(staff: Client, alice: Person) -> None:
    captured = charge(alice.account, seconds=3600)
    url = f"/admin/billing/transfer/{captured.pk}/refund/"
    form = fill_in(staff, url, amount="0.05", reason="Half of it was silence")

    first, second = staff.post(url, form), staff.post(url, form)
    too_much = staff.post(url, fill_in(staff, url, amount="0.1", reason="?"))

    refund = Transfer.objects.get(kind="refund")
    assert first["Location"] == second["Location"] == f"/admin/billing/transfer/{refund.pk}/change/"
    assert (refund.amount_micros, refund.actor.email) == (50_000, "support@example.org")  # type: ignore[union-attr]
    assert too_much.status_code == 400 and "more than is left" in too_much.content.decode()
    assert "$0.09 of it is not refunded" in staff.get(url).content.decode()
    staff.post(url, fill_in(staff, url, amount="0.09", reason="The rest"))
    assert wallet_of(alice).balance_micros == FREE


def test_only_charges_are_refunded(staff: Client, alice: Person) -> None:
    free = Transfer.objects.get(kind="grant")

    assert staff.get(f"/admin/billing/transfer/{free.pk}/refund/").status_code == 404
    assert "Refund" not in staff.get(f"/admin/billing/transfer/{free.pk}/change/").content.decode()
    assert staff.get("/admin/billing/transfer/999999/refund/").status_code == 404
    assert staff.get("/admin/billing/ledgeraccount/x/grant/").status_code == 404


def test_each_posting_needs_its_own_permission(alice: Person) -> None:
    captured = charge(alice.account)
    wallet = f"/admin/billing/ledgeraccount/{wallet_of(alice).pk}"
    places = {
        "grant_credit": f"{wallet}/grant/",
        "adjust_wallet": f"{wallet}/adjust/",
        "refund_charge": f"/admin/billing/transfer/{captured.pk}/refund/",
    }
    for permission, allowed in places.items():
        one = clerk("view_ledgeraccount", "view_transfer", permission)
        for url in places.values():
            assert one.get(url).status_code == (200 if url == allowed else 403)
            if url != allowed:
                assert one.post(url, {"amount": "1", "reason": "?"}).status_code == 403
    looker = clerk("view_ledgeraccount", "view_transfer")
    assert "Grant credit" not in looker.get(f"{wallet}/change/").content.decode()
    assert clerk("grant_credit").get(f"{wallet}/grant/").status_code == 403  # may not see wallets

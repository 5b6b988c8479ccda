"""The money pages of an account: overview, ledger, receipts, and the way to Checkout and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.models import Account, User
from accounts.pages import member_page
from billing import prices, statements
from billing.alert_models import LowBalanceAlert
from billing.alerts import set_alert
from billing.auto_top_up import auto_top_up_of, change_auto_top_up
from billing.charts import spend_chart
from billing.exports import ledger_csv as csv_lines
from billing.forms import AlertForm, AutoTopUpForm, LedgerFilter, TopUpForm, typed
from billing.models import TopUp, Transfer
from billing.top_ups import begin_top_up, catch_up, top_up_of
from tuplets.errors import TupletsError

ENTRIES_A_PAGE = 50
PERIODS_DAYS = (7, 30, 90, 365)
# The page that waits for a payment asks again so often, and says after so long that it takes unusually long.
WAIT_S = 3
WAIT_PATIENTLY = timedelta(minutes=10)
# A confirmation comes within seconds: after so long the page asks Stripe itself.
ASK_AFTER = timedelta(seconds=15)


@require_safe
@member_page
def overview(request: HttpRequest, account: Account) -> HttpResponse:
    return _overview(request, account)


@require_POST
@member_page
def top_up(request: HttpRequest, account: Account) -> HttpResponseBase:
    """On to the card page; what can't be paid comes back with what was typed and what to do."""
    form = TopUpForm(request.POST)
    if form.is_valid():
        assert isinstance(request.user, User)
        try:
            begun = begin_top_up(
                account=account,
                user=request.user,
                amount_micros=form.cleaned_data["amount"],
                save_card=form.cleaned_data["save_card"],
            )
        except TupletsError as error:
            form.add_error("amount", error.detail)
        else:
            return redirect(begun.checkout_url)
    return _overview(request, account, top_up=form, status=400)


@require_POST
@member_page
def auto_top_up(request: HttpRequest, account: Account) -> HttpResponseBase:
    form = AutoTopUpForm(request.POST)
    if form.is_valid():
        chosen = form.cleaned_data
        try:
            change_auto_top_up(
                account=account,
                enabled=chosen["enabled"],
                threshold_micros=chosen["threshold"],
                amount_micros=chosen["amount"],
            )
        except TupletsError as error:
            form.add_error("amount", error.detail)
        else:
            messages.success(request, f"Automatic top-up is {'on' if chosen['enabled'] else 'off'}.")
            return redirect("/dashboard/billing#auto")
    return _overview(request, account, auto=form, status=400)


@require_POST
@member_page
def alert(request: HttpRequest, account: Account) -> HttpResponseBase:
    form = AlertForm(request.POST)
    if not form.is_valid():
        return _overview(request, account, alert=form, status=400)
    set_alert(account=account, threshold_micros=form.cleaned_data["threshold"], enabled=form.cleaned_data["enabled"])
    messages.success(request, "The low-balance e-mail is set.")
    return redirect("/dashboard/billing#alert")


@require_safe
@member_page
def checkout_return(request: HttpRequest, account: Account) -> HttpResponse:
    """Where Checkout sends people back. What they are told comes from the payment's confirmation, never from the fact
    that they came back.
    """
    try:
        found = top_up_of(account=account, top_up_id=request.GET.get("top_up", ""))
    except TupletsError:
        raise Http404 from None
    waited = timezone.now() - found.created_at
    if found.status == TopUp.Status.OPEN and waited > ASK_AFTER:
        try:
            found = catch_up(top_up=found)
        except TupletsError:  # Stripe does not answer: the page goes on waiting for the event
            pass
    is_late = waited > WAIT_PATIENTLY
    refresh_s = WAIT_S if found.status == TopUp.Status.OPEN and not is_late else None
    context = {"top_up": found, "refresh_s": refresh_s, "is_late": is_late}
    return _page(request, account, "billing/return.html", context)


@require_safe
@member_page
def ledger(request: HttpRequest, account: Account) -> HttpResponse:
    form = LedgerFilter(request.GET)
    found: list[statements.Entry] = []
    next_cursor, status = None, 200
    if form.is_valid():
        cursor = request.GET.get("cursor", "")
        try:
            found, next_cursor = statements.entries(account, limit=ENTRIES_A_PAGE, cursor=cursor, **_chosen(form))
        except TupletsError as error:
            form.add_error(None, error.detail)
    if form.errors:
        status = 400
    filters = request.GET.copy()
    filters.pop("cursor", None)
    context = {
        "form": form,
        "entries": found,
        "filters": filters.urlencode(),
        "next_cursor": next_cursor,
        "is_first": "cursor" not in request.GET,
        "is_filtered": form.is_valid() and any(_chosen(form).values()),
    }
    return _page(request, account, "billing/ledger.html", context, status)


@require_GET
@member_page
def ledger_csv(request: HttpRequest, account: Account) -> HttpResponseBase:
    form = LedgerFilter(request.GET)
    if not form.is_valid():
        return ledger(request)
    name = f"tuplets-ledger-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(csv_lines(account, **_chosen(form)), content_type="text/csv", headers=headers)


@require_safe
@member_page
def receipt(request: HttpRequest, account: Account, transfer_id: int) -> HttpResponse:
    """Of a payment, with what was paid back of it."""
    deposit = statements.deposit_of(account, transfer_id)
    if deposit is None:
        raise Http404
    taken_back = Transfer.objects.filter(of=deposit, kind=Transfer.Kind.REVERSAL).order_by("id")
    context = {"deposit": deposit, "taken_back": taken_back, "public_url": settings.PUBLIC_URL}
    return _page(request, account, "billing/receipt.html", context)


def _overview(
    request: HttpRequest,
    account: Account,
    *,
    top_up: TopUpForm | None = None,
    auto: AutoTopUpForm | None = None,
    alert: AlertForm | None = None,
    status: int = 200,
) -> HttpResponse:
    days = next((days for days in PERIODS_DAYS if str(days) == request.GET.get("days")), 30)
    until = datetime.now(UTC).date()
    saved = LowBalanceAlert.objects.filter(account=account).first() or LowBalanceAlert()
    told = {"enabled": saved.enabled, "threshold": typed(saved.threshold_micros)}
    card = auto_top_up_of(account)
    charged = {
        "enabled": card.enabled,
        "threshold": typed(card.threshold_micros),
        "amount": typed(card.amount_micros),
    }
    context = {
        "days": days,
        "periods": PERIODS_DAYS,
        "spend": spend_chart(account, since=until - timedelta(days=days - 1), until=until),
        "top_up_form": top_up or TopUpForm(),
        "alert_form": alert or AlertForm(initial=told),
        "auto": card,
        "auto_form": auto or AutoTopUpForm(initial=charged),
        "presets_micros": prices.TOP_UP_PRESETS_MICROS,
        "can_pay": bool(settings.STRIPE_SECRET_KEY),
    }
    return _page(request, account, "billing/overview.html", context, status)


def _chosen(form: LedgerFilter) -> dict[str, Any]:
    return {name: form.cleaned_data.get(name) or None for name in ("kind", "since", "until")}


def _page(
    request: HttpRequest, account: Account, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page with the account and its balance in the header."""
    everywhere = {"account": account, "balance": statements.balance_of(account)}
    return render(request, template, {**everywhere, **context}, status=status)

"""What support staff see of money, and the three things they may do to it: grant credit, correct a balance, refund a
charge. Nothing is edited: each posts a transfer with a reason and their name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.models import User
from billing.admin_forms import AdjustForm, GrantForm, MoneyForm, RefundForm
from billing.alert_models import LowBalanceAlert
from billing.check_models import LedgerCheck
from billing.checks import last_check
from billing.models import AutoTopUp, LedgerAccount, StripeEvent, TopUp, Transfer
from billing.templatetags.money import usd
from tuplets.admin import ReadOnlyAdmin


@dataclass(frozen=True)
class Posting:
    """A form that staff with this permission find on rows that `fits`."""

    name: str
    title: str
    permission: str
    form: type[MoneyForm]
    fits: Callable[[Any], bool]


class MoneyAdmin(ReadOnlyAdmin):
    """Nothing is changed in place; `postings` are what may be posted about a row."""

    postings: tuple[Posting, ...] = ()
    change_form_template = "admin/billing/with_postings.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) or super().has_change_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{posting.name}/",
                self.admin_site.admin_view(self._form_view),
                {"posting": posting},
                name=f"billing_{posting.name}",
            )
            for posting in self.postings
        ]
        return own + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        offered = [
            (reverse(f"admin:billing_{posting.name}", args=[object_id]), posting.title)
            for posting in self.postings
            if row is not None and posting.fits(row) and request.user.has_perm(posting.permission)
        ]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "postings": offered})

    def _form_view(self, request: HttpRequest, object_id: str, posting: Posting) -> HttpResponse:
        actor = request.user
        if not (isinstance(actor, User) and self.has_view_permission(request) and actor.has_perm(posting.permission)):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None or not posting.fits(row):
            raise Http404
        form = posting.form(request.POST if request.method == "POST" else None, about=row, actor=actor)
        posted = form.post() if form.is_valid() else None
        if posted is not None:
            self.message_user(request, f"Posted: {posted.kind} of {usd(posted.amount_micros)}, transfer {posted.pk}.")
            return HttpResponseRedirect(reverse("admin:billing_transfer_change", args=[posted.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": posting.title,
            "opts": self.model._meta,
            "row": row,
            "form": form,
        }
        return TemplateResponse(request, "admin/billing/post_form.html", context, status=400 if form.errors else 200)


@admin.register(LedgerAccount)
class WalletAdmin(MoneyAdmin):
    """The wallets: the house's own accounts are sums of transfers."""

    postings = (
        Posting("grant", "Grant credit", "billing.grant_credit", GrantForm, lambda wallet: True),
        Posting("adjust", "Adjust", "billing.adjust_wallet", AdjustForm, lambda wallet: True),
    )
    change_list_template = "admin/billing/wallets.html"
    list_display = ["account", "balance", "held", "available"]
    list_select_related = ["account"]
    ordering = ["account__name", "pk"]
    search_fields = ["account__name", "account__id", "account__members__email"]
    fields = ["account", "balance", "held", "available"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["account", "balance", "held", "available"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerAccount]:
        wallets = super().get_queryset(request).filter(kind=LedgerAccount.Kind.WALLET)
        return wallets.annotate(available_now=F("balance_micros") - F("held_micros"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "ledger_check": last_check()})

    @admin.display(ordering="balance_micros")
    def balance(self, wallet: LedgerAccount) -> str:
        return usd(wallet.balance_micros)

    @admin.display(ordering="held_micros")
    def held(self, wallet: LedgerAccount) -> str:
        return usd(wallet.held_micros)

    @admin.display(ordering="available_now")
    def available(self, wallet: LedgerAccount) -> str:
        return usd(wallet.available_micros)


@admin.register(Transfer)
class TransferAdmin(MoneyAdmin):
    postings = (
        Posting(
            "refund",
            "Refund",
            "billing.refund_charge",
            RefundForm,
            lambda transfer: transfer.kind == Transfer.Kind.CAPTURE,
        ),
    )
    list_display = ["id", "created_at", "kind", "amount", "account", "subject", "reason", "actor"]
    list_filter = ["kind", "created_at"]
    list_select_related = ["debit__account", "credit__account", "actor"]
    ordering = ["-id"]
    search_fields = [
        "subject",
        "reference",
        "debit__account__name",
        "debit__account__members__email",
        "credit__account__name",
        "credit__account__members__email",
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["amount", *super().get_readonly_fields(request, obj)]

    @admin.display(ordering="amount_micros")
    def amount(self, transfer: Transfer) -> str:
        return usd(transfer.amount_micros)

    @admin.display
    def account(self, transfer: Transfer) -> Any:
        return transfer.debit.account or transfer.credit.account


@admin.register(TopUp)
class TopUpAdmin(MoneyAdmin):
    list_display = ["id", "account", "amount", "status", "is_automatic", "failure", "created_at", "finished_at"]
    list_filter = ["status", "is_automatic", "created_at"]
    list_select_related = ["account"]
    search_fields = ["id", "session_id", "payment_intent_id", "account__name", "account__members__email"]
    ordering = ["-created_at"]
    # Whoever has it can pay.
    exclude = ["checkout_url"]

    @admin.display(ordering="amount_micros")
    def amount(self, top_up: TopUp) -> str:
        return usd(top_up.amount_micros)


@admin.register(StripeEvent)
class StripeEventAdmin(MoneyAdmin):
    list_display = ["event_id", "type", "outcome", "note", "top_up", "received_at"]
    list_filter = ["outcome", "type", "received_at"]
    list_select_related = ["top_up"]
    search_fields = ["event_id", "payment_intent_id", "top_up__account__name"]
    ordering = ["-id"]


@admin.register(AutoTopUp)
class AutoTopUpAdmin(MoneyAdmin):
    list_display = ["account", "enabled", "card_brand", "card_last4", "last_failure", "updated_at"]
    list_filter = ["enabled"]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__members__email", "customer_id"]


@admin.register(LowBalanceAlert)
class LowBalanceAlertAdmin(MoneyAdmin):
    list_display = ["account", "threshold", "enabled", "sent_at"]
    list_filter = ["enabled"]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__members__email"]

    @admin.display(ordering="threshold_micros")
    def threshold(self, alert: LowBalanceAlert) -> str:
        return usd(alert.threshold_micros)


@admin.register(LedgerCheck)
class LedgerCheckAdmin(MoneyAdmin):
    list_display = ["at", "ok", "differences", "transfers", "wallets"]
    list_filter = ["ok", "at"]
    ordering = ["-id"]

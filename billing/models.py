"""LedgerAccount and Transfer: money as double-entry rows that nobody changes. Who posts is in `ledger.py`; what may be
posted at all, the database decides (migration 0002): it refuses changes, spending beyond the balance, a second
resolution of a hold, and refunds beyond what was charged.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Account


class LedgerAccount(models.Model):
    """Where money is or comes from. Only a wallet's balance is kept, by the trigger on transfers; those of the house
    are sums of its transfers, so that no row is everybody's bottleneck.

    A wallet's balance is what the customer has, holds included: available = balance - held.
    """

    class Kind(models.TextChoices):
        WALLET = "wallet"
        CASH = "cash", "cash (card payments)"
        PROMOTIONS = "promotions"
        REVENUE = "revenue"
        ADJUSTMENTS = "adjustments"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    account = models.OneToOneField(Account, null=True, on_delete=models.PROTECT, related_name="wallet")
    balance_micros = models.BigIntegerField(default=0, help_text="micro-dollars; kept by the database")
    held_micros = models.BigIntegerField(default=0, help_text="micro-dollars on hold; kept by the database")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="wallet", account__isnull=False) | (~Q(kind="wallet") & Q(account__isnull=True)),
                name="ledgeraccount_wallet_has_an_account",
            ),
            models.UniqueConstraint(fields=["kind"], condition=~Q(kind="wallet"), name="ledgeraccount_one_of_a_kind"),
            models.CheckConstraint(condition=Q(held_micros__gte=0), name="ledgeraccount_held_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="wallet") | Q(balance_micros=0, held_micros=0), name="ledgeraccount_only_wallets_kept"
            ),
        ]

    def __str__(self) -> str:
        return f"wallet of {self.account_id}" if self.account_id else self.kind

    @property
    def available_micros(self) -> int:
        """What may be spent; below zero after a card payment was taken back."""
        return self.balance_micros - self.held_micros


class Transfer(models.Model):
    """One movement of money, or a hold of it. `of`: the hold that a capture or release resolves, the capture that a
    refund gives back, the deposit that a reversal takes back.

    `subject` is what it is about (`job:<id>`); `reference` is unique among transfers of a kind, so that nothing is
    posted twice. The balances after it are those of its wallet, in the order of the ids.
    """

    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        GRANT = "grant"
        HOLD = "hold"
        CAPTURE = "capture"
        RELEASE = "release"
        REFUND = "refund"
        REVERSAL = "reversal"
        ADJUSTMENT = "adjustment"

    debit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="debits", db_index=False)
    credit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="credits", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    amount_micros = models.BigIntegerField(help_text="micro-dollars, above zero")
    subject = models.CharField(max_length=120)
    reference = models.CharField(max_length=160)
    of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="resolved_by", db_index=False)
    reason = models.CharField(max_length=300, blank=True, help_text="in words, for what people post")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    detail = models.JSONField(default=dict, help_text="of a charge: its lines, seconds, price list and API key")
    balance_after_micros = models.BigIntegerField(default=0, editable=False)
    held_after_micros = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(editable=False, db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["debit", "-id"], name="transfer_debit"),
            models.Index(fields=["credit", "-id"], name="transfer_credit"),
            models.Index(fields=["subject"], name="transfer_subject"),
            models.Index(fields=["of"], condition=Q(of__isnull=False), name="transfer_of"),
            # What an account spent in a period.
            models.Index(fields=["debit", "created_at"], condition=Q(kind="capture"), name="transfer_charges"),
            models.Index(fields=["credit", "created_at"], condition=Q(kind="refund"), name="transfer_refunds"),
        ]
        permissions = [
            ("grant_credit", "Can grant credit"),
            ("refund_charge", "Can refund a charge"),
            ("adjust_wallet", "Can correct a balance"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_micros__gt=0), name="transfer_amount_above_zero"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_between_two"),
            models.UniqueConstraint(fields=["kind", "reference"], name="transfer_reference_once"),
            models.UniqueConstraint(
                fields=["of"], condition=Q(kind__in=["capture", "release"]), name="transfer_hold_resolved_once"
            ),
            models.UniqueConstraint(
                fields=["subject"], condition=Q(kind="capture"), name="transfer_subject_charged_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["capture", "release", "refund", "reversal"], of__isnull=False)
                | Q(kind__in=["deposit", "grant", "hold", "adjustment"], of__isnull=True),
                name="transfer_of_by_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


# Here Django finds them; at the top they would import each other in a circle.
from billing.alert_models import LowBalanceAlert  # noqa: E402, F401
from billing.check_models import LedgerCheck  # noqa: E402, F401
from billing.top_up_models import AutoTopUp as AutoTopUp  # noqa: E402
from billing.top_up_models import StripeEvent as StripeEvent  # noqa: E402
from billing.top_up_models import TopUp as TopUp  # noqa: E402

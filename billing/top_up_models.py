"""TopUp (a card payment that becomes credit), AutoTopUp (an account's saved card and rule), StripeEvent (what Stripe
said). Money itself is in the ledger; the rows are changed by `top_ups`, `settlements`, `auto_top_up`, `stripe_events`.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from billing.prices import TOP_UP_LEAST_MICROS, TOP_UP_MOST_MICROS


class TopUp(models.Model):
    """A payment that was begun. `paid` is final and has its deposit; a payment that arrives late makes any other
    status `paid`, because money that was taken is never dropped.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        FAILED = "failed"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="top_ups")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="who began it"
    )
    amount_micros = models.BigIntegerField(help_text="micro-dollars")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    is_automatic = models.BooleanField(default=False)
    save_card = models.BooleanField(default=False, help_text="the card is to be kept; false again once it is")
    session_id = models.CharField(max_length=255, null=True, unique=True, help_text="Stripe's Checkout session")
    payment_intent_id = models.CharField(max_length=255, null=True, unique=True)
    checkout_url = models.TextField(blank=True, help_text="where an open one is paid; nobody else's to see")
    deposit = models.OneToOneField("billing.Transfer", null=True, on_delete=models.PROTECT, related_name="top_up")
    failure = models.CharField(max_length=300, blank=True, help_text="why it failed, in a sentence")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["account", "-created_at"], name="top_up_list")]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_micros__gte=TOP_UP_LEAST_MICROS, amount_micros__lte=TOP_UP_MOST_MICROS),
                name="top_up_amount_within_bounds",
            ),
            models.CheckConstraint(
                condition=Q(status="paid", deposit__isnull=False)
                | Q(status__in=["open", "failed", "expired"], deposit__isnull=True),
                name="top_up_paid_has_a_deposit",
            ),
            models.CheckConstraint(
                condition=Q(is_automatic=True) | Q(user__isnull=False), name="top_up_begun_by_somebody"
            ),
        ]

    def __str__(self) -> str:
        return f"top-up {self.pk}"

    def finish(self, status: TopUp.Status, failure: str = "") -> None:
        """Open no longer. The caller holds the row's lock and gives a paid one its deposit first."""
        self.status, self.failure, self.checkout_url = status, failure, ""
        self.finished_at = timezone.now()
        self.save()


class AutoTopUp(models.Model):
    """An account's card at Stripe, and whether it is charged when credit runs low. Off until a person turns it on."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="auto_top_up")
    customer_id = models.CharField(max_length=255, null=True, unique=True, help_text="the account at Stripe")
    payment_method_id = models.CharField(max_length=255, blank=True, help_text="the saved card at Stripe")
    card_brand = models.CharField(max_length=40, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    enabled = models.BooleanField(default=False)
    threshold_micros = models.BigIntegerField(default=5_000_000, help_text="charged when less than this is available")
    amount_micros = models.BigIntegerField(default=25_000_000, help_text="what is charged each time")
    last_failure = models.CharField(max_length=300, blank=True, help_text="why it was turned off or did not go through")
    last_failed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "automatic top-up"
        constraints = [
            models.CheckConstraint(
                condition=Q(enabled=False) | (~Q(payment_method_id="") & Q(customer_id__isnull=False)),
                name="auto_top_up_needs_a_card",
            ),
            models.CheckConstraint(
                condition=Q(amount_micros__gte=TOP_UP_LEAST_MICROS, amount_micros__lte=TOP_UP_MOST_MICROS),
                name="auto_top_up_amount_within_bounds",
            ),
            models.CheckConstraint(
                condition=Q(threshold_micros__gt=0, threshold_micros__lte=TOP_UP_MOST_MICROS),
                name="auto_top_up_threshold_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"automatic top-up of {self.account_id}"

    @property
    def has_card(self) -> bool:
        return bool(self.payment_method_id)


class StripeEvent(models.Model):
    """An event that Stripe sent and signed, once per its id. `facts` is what was read of it: ids, amounts, a status;
    no card and no person.
    """

    class Outcome(models.TextChoices):
        APPLIED = "applied"
        IGNORED = "ignored", "ignored (nothing to do)"
        WAITING = "waiting", "waiting for its payment"
        REFUSED = "refused", "refused: look at it"

    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    note = models.CharField(max_length=300, blank=True, help_text="why, in a sentence")
    top_up = models.ForeignKey(TopUp, null=True, on_delete=models.PROTECT, related_name="events")
    payment_intent_id = models.CharField(max_length=255, blank=True)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(help_text="at Stripe")
    received_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["payment_intent_id"], condition=Q(outcome="waiting"), name="stripe_event_waiting"),
            models.Index(fields=["outcome", "-received_at"], name="stripe_event_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

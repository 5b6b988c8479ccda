"""LowBalanceAlert: when an account's owners are told that its credit runs out. Who sends it: `alerts.py`."""

from django.db import models
from django.db.models import Q

from accounts.models import Account

# Below this an account is told, unless it chose another threshold.
LOW_BALANCE_MICROS = 1_000_000


class LowBalanceAlert(models.Model):
    """One an account, made when it is first needed. `sent_at` and `sent_after` (the newest transfer of the wallet at
    that time) are set while the owners know that the credit is low.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="low_balance_alert")
    threshold_micros = models.BigIntegerField(default=LOW_BALANCE_MICROS, help_text="micro-dollars")
    enabled = models.BooleanField(default=True)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    sent_after = models.BigIntegerField(default=0, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(threshold_micros__gte=0), name="lowbalancealert_threshold_not_negative")
        ]

    def __str__(self) -> str:
        return f"low balance of {self.account_id}"

"""LedgerCheck: what a check of the ledger found. Who checks: `checks.py`.

`billing.models` imports it, because that is where Django looks.
"""

from django.db import models
from django.db.models.functions import Now


class LedgerCheck(models.Model):
    """One run of the check. `first` holds the first differences, a sentence a line; the command prints them all."""

    at = models.DateTimeField(editable=False, db_default=Now())
    ok = models.BooleanField()
    differences = models.PositiveBigIntegerField(default=0)
    first = models.TextField(blank=True)
    transfers = models.PositiveBigIntegerField()
    wallets = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ok=True, differences=0) | models.Q(ok=False, differences__gt=0),
                name="ledgercheck_ok_without_differences",
            )
        ]

    def __str__(self) -> str:
        if self.ok:
            return f"ledger is clean: {self.transfers} transfers, {self.wallets} wallets"
        return f"ledger has {self.differences} differences"

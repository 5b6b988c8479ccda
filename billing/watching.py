"""Who is looked at after money was spent: the low-balance e-mail and the automatic top-up, once a minute by the
scheduler, so that no job waits for a mail server or for Stripe.
"""

from __future__ import annotations

from django.db.models import Max, Q

from accounts.models import Account
from billing.alerts import warn_if_low
from billing.auto_top_up import top_up_if_low
from billing.models import Transfer

# After a start, the newest transfers are looked at again: what a scheduler that stopped did not see.
AGAIN = 10_000
# More transfers than can be under way at once.
OVERLAP = 200


class BalanceWatch:
    """`look()` goes over the accounts whose money moved since it was last called, and those with automatic top-ups."""

    def __init__(self) -> None:
        self._seen: int | None = None

    def look(self) -> int:
        """How many accounts that were. A transfer is posted before its transaction ends, so the last few ids are always
        looked at again; to look twice does no harm.
        """
        newest = Transfer.objects.aggregate(newest=Max("id"))["newest"] or 0
        since = max(0, newest - AGAIN) if self._seen is None else self._seen
        moved = Transfer.objects.filter(id__gt=since)
        accounts = Account.objects.filter(
            Q(wallet__in=moved.values("debit"))
            | Q(wallet__in=moved.values("credit"))
            | Q(auto_top_up__enabled=True),  # its credit may have been low before it was turned on
            is_active=True,
        )
        found = list(accounts.distinct())
        for account in found:
            top_up_if_low(account=account)
            warn_if_low(account=account)
        self._seen = max(0, newest - OVERLAP)
        return len(found)

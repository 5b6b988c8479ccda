"""The e-mail that tells an account's owners that its credit runs out: `warn_if_low`, called after money was spent, and
`set_alert`, by which an account chooses when.
"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Account, Membership, User
from billing.alert_models import LowBalanceAlert
from billing.models import LedgerAccount, Transfer

log = structlog.get_logger(__name__)


def set_alert(*, account: Account, threshold_micros: int, enabled: bool) -> LowBalanceAlert:
    """When the owners are told. A new threshold is one that they were not told about."""
    values = {"threshold_micros": threshold_micros, "enabled": enabled, "sent_at": None}
    alert, _ = LowBalanceAlert.objects.update_or_create(account=account, defaults=values)
    return alert


def warn_if_low(*, account: Account) -> None:
    """One e-mail to the owners once less than the threshold is available; the next only after there was enough again:
    because money came in, or because nothing is on hold any more. Sent when the transaction commits. Never raises: an
    e-mail is no reason for a job to fail.
    """
    try:
        with transaction.atomic():
            if _must_warn(account):
                transaction.on_commit(lambda: _send(account))
    except Exception:
        log.exception("low_balance_not_checked", account_id=str(account.pk))


def _must_warn(account: Account) -> bool:
    wallet = LedgerAccount.objects.filter(account=account).first()
    if wallet is None:
        return False
    alert, _ = LowBalanceAlert.objects.get_or_create(account=account)
    told = LowBalanceAlert.objects.filter(pk=alert.pk, sent_at__isnull=False)
    if wallet.available_micros >= alert.threshold_micros:
        if alert.sent_at and not wallet.held_micros:
            told.update(sent_at=None)
        return False
    if not alert.enabled:
        return False
    if alert.sent_at and _enough_since(wallet, alert):
        told.update(sent_at=None)
    newest = Transfer.objects.filter(debit=wallet).order_by("-id").values_list("id", flat=True).first() or 0
    # Of two that find it low at once, one changes the row.
    untold = LowBalanceAlert.objects.filter(pk=alert.pk, sent_at__isnull=True)
    return bool(untold.update(sent_at=timezone.now(), sent_after=newest))


def _enough_since(wallet: LedgerAccount, alert: LowBalanceAlert) -> bool:
    """Whether money that came in since the e-mail brought more than the threshold. The end of a hold does not count:
    while jobs come and go, it would be an e-mail for each.
    """
    came_in = Transfer.objects.filter(credit=wallet, id__gt=alert.sent_after)
    return came_in.filter(balance_after_micros__gte=F("held_after_micros") + alert.threshold_micros).exists()


def _send(account: Account) -> None:
    try:
        owners = User.objects.filter(
            memberships__account=account, memberships__role=Membership.Role.OWNER, is_active=True
        )
        wallet = LedgerAccount.objects.select_related("account__low_balance_alert").get(account=account)
        context = {"account": account, "wallet": wallet, "public_url": settings.PUBLIC_URL}
        context["threshold_micros"] = LowBalanceAlert.objects.get(account=account).threshold_micros
        for email in owners.order_by("pk").values_list("email", flat=True):  # one each: they don't see one another
            subject = " ".join(render_to_string("emails/low_balance.subject.txt", context).split())
            send_mail(subject, render_to_string("emails/low_balance.body.txt", context), None, [email])
        log.info("low_balance_told", account_id=str(account.pk))
    except Exception:
        LowBalanceAlert.objects.filter(account=account).update(sent_at=None)  # the next call tries again
        log.exception("low_balance_not_told", account_id=str(account.pk))

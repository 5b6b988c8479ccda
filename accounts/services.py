"""The verbs of accounts: sign_up, verify_email, issue_key, rotate_key, revoke_key.
Called by the API, the admin and commands.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts import limits
from accounts.models import Account, ApiKey, Membership, User
from tuplets.errors import Code, TupletsError

# Sent with `user`, inside the transaction that verifies: what belongs to it in apps that accounts does not know.
email_verified = Signal()
ACCOUNT_NAME_CHARACTERS_MAX = Account._meta.get_field("name").max_length


@transaction.atomic
def sign_up(*, email: str, password: str | None = None, account_name: str = "") -> tuple[User, Account]:
    """A new user with an account of their own. ValidationError (Django's) when the e-mail is malformed or taken."""
    user = User.objects.create_user(email, password)
    account = Account.objects.create(name=(account_name or user.email)[:ACCOUNT_NAME_CHARACTERS_MAX])
    Membership.objects.create(account=account, user=user, role=Membership.Role.OWNER)
    return user, account


@transaction.atomic
def verify_email(*, user: User) -> bool:
    """Marks the e-mail verified, and brings the free credit. True the first time, False on every later call."""
    verified = User.objects.filter(pk=user.pk, email_verified_at__isnull=True).update(email_verified_at=timezone.now())
    user.refresh_from_db(fields=["email_verified_at"])
    if verified:
        email_verified.send(sender=User, user=user)
    return bool(verified)


def account_for(*, user: User) -> Account | None:
    """The account that a signed-in user works in: the first they joined."""
    membership = (
        user.memberships.select_related("account").filter(account__is_active=True).order_by("created_at", "pk").first()
    )
    return membership.account if membership else None


@transaction.atomic
def issue_key(*, account: Account, user: User, name: str, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key and the only sight of it. 409 when the account has too many active ones."""
    _check_room_for_a_key(account)
    row, key = ApiKey.generate(account=account, created_by=user, name=name, expires_at=expires_at)
    row.save()
    return row, key


@transaction.atomic
def rotate_key(*, key_id: str, account: Account, user: User, grace_period_s: int = 0) -> tuple[ApiKey, str]:
    """Replaces a key: the new one keeps the name and expiry; the old one ends now, or after the grace period.

    Rotating twice is refused (409): a key in its grace period already has a successor.
    """
    old = _lock_key(key_id=key_id, account=account)
    if not old.is_active or old.replaced_by_id is not None:
        raise TupletsError(Code.KEY_NOT_ACTIVE)
    if grace_period_s:
        _check_room_for_a_key(account)
    new, key = ApiKey.generate(account=account, created_by=user, name=old.name, expires_at=old.expires_at)
    new.save()
    now = timezone.now()
    ends_at = now + timedelta(seconds=grace_period_s)
    old.replaced_by = new
    if grace_period_s == 0:
        old.revoked_at = now
    elif old.expires_at is None or ends_at < old.expires_at:
        old.expires_at = ends_at
    old.save(update_fields=["replaced_by", "revoked_at", "expires_at"])
    return new, key


@transaction.atomic
def revoke_key(*, key_id: str, account: Account) -> ApiKey:
    """Ends a key at once; revoking it again changes nothing."""
    key = _lock_key(key_id=key_id, account=account)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
    return key


def _check_room_for_a_key(account: Account) -> None:
    Account.objects.select_for_update().get(pk=account.pk)  # two at once can't both take the last place
    if account.api_keys.active().count() >= limits.ACTIVE_API_KEYS_MAX:
        raise TupletsError(Code.TOO_MANY_KEYS)


def _lock_key(*, key_id: str, account: Account) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(pk=key_id, account=account).first()
    if key is None:
        raise TupletsError(Code.NOT_FOUND)
    return key

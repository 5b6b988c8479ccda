"""User (a person, by e-mail), Account (the tenant that owns jobs and money), Membership, ApiKey.

A rule that touches one row is a method here; what touches more is a verb in accounts.services.
"""

import hashlib
import secrets
import string
import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import limits
from tuplets.lookup import Lookup

API_KEY_PREFIX = "tb_"
API_KEY_RANDOM_CHARACTERS = 40  # of [A-Za-z0-9]: 238 bits, so an unsalted digest can't be searched
_ALPHABET = string.ascii_letters + string.digits


class UserManager(BaseUserManager["User"]):
    """Users are known by e-mail, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in by e-mail. A member of one or more accounts."""

    email = models.EmailField(max_length=254, unique=True, error_messages={"unique": "This e-mail is taken."})
    email_verified_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()
    USERNAME_FIELD = "email"

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower_case")]

    def __str__(self) -> str:
        return self.email


class Account(models.Model):
    """The tenant: owns keys, jobs and (later) money. A disabled account's keys and sessions are refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="accounts")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's place in an account."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MEMBER = "member"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.OWNER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.account}"


def digest_of(key: str) -> str:
    """SHA-256 of a key, hex: what is stored and looked up instead of the key."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def find(self, key: str) -> "ApiKey | None":
        """The row of a key with its account and the member who made it, usable or not."""
        return _KEY_BY_DIGEST.get(digest_of(key))

    def active(self) -> "ApiKeyQuerySet":
        """Neither revoked nor expired."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()), revoked_at__isnull=True)


class ApiKey(models.Model):
    """A bearer key. Only its digest, prefix and last four characters are stored; the key itself is shown once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="api_keys")
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=limits.API_KEY_NAME_CHARACTERS_MAX)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    last_four = models.CharField(max_length=4, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    replaced_by = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaces", editable=False
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        indexes = [models.Index(fields=["account", "-created_at"], name="api_key_list")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last_four})"

    @classmethod
    def generate(cls, **fields: Any) -> tuple["ApiKey", str]:
        """An unsaved row and its key (43 characters): the only moment at which both exist."""
        key = API_KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(API_KEY_RANDOM_CHARACTERS))
        return cls(digest=digest_of(key), prefix=key[:7], last_four=key[-4:], **fields), key

    @property
    def is_active(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @property
    def is_usable(self) -> bool:
        """Active, and so are its account and the person who made it."""
        return self.is_active and self.account.is_active and self.created_by.is_active

    def note_use(self) -> None:
        """Remembers that the key was just used, at most once a minute. A lost race loses nothing."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > timedelta(
            seconds=limits.LAST_USED_RESOLUTION_SECONDS
        ):
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)


# Only while the person who made the key is still a member of its account.
_KEY_BY_DIGEST = Lookup(
    lambda: ApiKey.objects.select_related("account", "created_by").filter(
        digest="", created_by__memberships__account=F("account")
    )
)

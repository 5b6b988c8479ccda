"""VoiceLibrary and Voice: the speakers that an account has named. What is done with them is in `voices.py`.

`jobs.models` imports them, because that is where Django looks, and everyone else takes them from there.
"""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts import limits
from accounts.models import Account
from jobs.retention import VOICE_RETENTION


class VoiceLibrary(models.Model):
    """That an account has opted in to recognising speakers. Deleting the row opts out, and the voices go with it."""

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.CASCADE, related_name="voice_library")
    enabled_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"speaker library of {self.account_id}"


class VoiceQuerySet(models.QuerySet["Voice"]):
    """An expired voice counts as gone everywhere, whether or not the sweeper has been."""

    def owned_by(self, account: Account) -> "VoiceQuerySet":
        return self.filter(library=account.pk, expires_at__gt=timezone.now())

    def expired(self) -> "VoiceQuerySet":
        return self.filter(expires_at__lte=timezone.now())


def voice_expiry() -> datetime:
    """When a voice that is added or recognised now is forgotten."""
    return timezone.now() + VOICE_RETENTION


class Voice(models.Model):
    """One speaker of one job under the name that the account gave them, with their voice vector."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    library = models.ForeignKey(VoiceLibrary, on_delete=models.CASCADE, related_name="voices", db_index=False)
    name = models.CharField(max_length=limits.VOICE_NAME_CHARACTERS_MAX)
    model = models.CharField(max_length=255, help_text="model and variant: only vectors of one model are compared")
    dimension = models.PositiveIntegerField()
    vector = models.BinaryField(help_text="little-endian 32-bit floats")
    source_job = models.ForeignKey("jobs.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    source_speaker = models.CharField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=voice_expiry, editable=False)

    objects = VoiceQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["library", "-created_at", "-id"], name="voice_list"),
            models.Index(fields=["expires_at"], name="voice_expiry"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["library", "source_job", "source_speaker"], name="voice_once"),
            models.CheckConstraint(condition=Exact(Length("vector"), F("dimension") * 4), name="voice_vector_is_whole"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

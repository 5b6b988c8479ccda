"""SavedSchema: custom fields that an account keeps under a name. What is done with it: `analytics.schemas`.

The core of analytics knows nothing of it: a job that names a saved schema holds a copy of the fields.
"""

import uuid

from django.db import models
from django.utils import timezone

from accounts import limits
from accounts.models import Account


class SavedSchemaQuerySet(models.QuerySet["SavedSchema"]):
    def owned_by(self, account: Account) -> "SavedSchemaQuerySet":
        return self.filter(account=account)


class SavedSchema(models.Model):
    """`schema` as a job's `analytics.schema` may be, with every default filled in: schema_version and fields."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="saved_schemas", db_index=False)
    name = models.CharField(max_length=limits.SAVED_SCHEMA_NAME_CHARACTERS_MAX)
    schema = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SavedSchemaQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="saved_schema_name_once")]

    def __str__(self) -> str:
        return str(self.pk)

"""An account's saved schemas: save_schema, replace_schema, forget_schema. `analytics.api` calls these.

What a schema may hold is decided in `analytics.requests`, as for a job's own.
"""

from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import limits
from accounts.models import Account
from analytics.models import SavedSchema
from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)


@transaction.atomic
def save_schema(*, account: Account, name: str, schema: dict[str, Any]) -> SavedSchema:
    """409 for a name that is taken, and where the account has as many as it may."""
    # Locked, so that two at once can't both take the last place.
    Account.objects.select_for_update().get(pk=account.pk)
    if SavedSchema.objects.owned_by(account).count() >= limits.SAVED_SCHEMAS_MAX:
        raise TupletsError(Code.TOO_MANY_SCHEMAS)
    saved = SavedSchema(account=account, name=name, schema=schema)
    _store(saved)
    log.info("schema_saved", schema_id=str(saved.pk))
    return saved


def replace_schema(*, saved: SavedSchema, name: str, schema: dict[str, Any]) -> SavedSchema:
    """The whole of it under the same id; jobs that were submitted with it keep what they asked. 409: name taken."""
    saved.name, saved.schema, saved.updated_at = name, schema, timezone.now()
    _store(saved)
    return saved


def forget_schema(*, saved: SavedSchema) -> None:
    """Jobs that were submitted with it keep what they asked."""
    schema_id = str(saved.pk)
    saved.delete()
    log.info("schema_forgotten", schema_id=schema_id)


def _store(saved: SavedSchema) -> None:
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError as error:
        if "saved_schema_name_once" not in str(error):
            raise
        raise TupletsError(
            Code.SCHEMA_NAME_TAKEN,
            "name is that of another saved schema of this account. Use another name, or PUT that schema.",
            field="name",
        ) from None

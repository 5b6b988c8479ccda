"""What /account/schemas accepts, and the one shape in which a saved schema is shown."""

from typing import Any

from rest_framework import serializers

from accounts import limits
from analytics.checks import InvalidAnalytics, text
from analytics.models import SavedSchema
from analytics.requests import parse_request
from tuplets.http import utc


class Name(serializers.Field):
    """Plain text: no control characters, no space around it."""

    default_error_messages = {"required": "name is missing: say what the schema is to be called."}

    def to_internal_value(self, data: Any) -> str:
        try:
            return text(data, "name", limits.SAVED_SCHEMA_NAME_CHARACTERS_MAX)
        except InvalidAnalytics as error:
            raise serializers.ValidationError(error.message) from None


class Schema(serializers.Field):
    """What a job's `analytics.schema` may be, refused in the same words; every default filled in."""

    default_error_messages = {"required": "schema is missing: send an object with fields, as in a job's analytics."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            # Once more as it is stored: the defaults may make it too large for a job's request.
            return self._read(self._read(data))
        except InvalidAnalytics as error:
            raise serializers.ValidationError(error.message) from None

    @staticmethod
    def _read(schema: Any) -> dict[str, Any]:
        request = parse_request({"schema": schema})
        assert request is not None  # an absent schema is refused as missing
        return {"schema_version": request.schema_version, "fields": [field.as_json() for field in request.fields]}


class SaveSchema(serializers.Serializer):
    name = Name()
    schema = Schema()


def schema_row(saved: SavedSchema) -> dict[str, Any]:
    return {
        "id": str(saved.id),
        "name": saved.name,
        "schema": saved.schema,
        "created_at": utc(saved.created_at),
        "updated_at": utc(saved.updated_at),
    }

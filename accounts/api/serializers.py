"""What the key endpoints accept, and the one shape in which a key is shown."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts import limits
from accounts.models import ApiKey
from tuplets.http import utc


class CreateKey(serializers.Serializer):
    name = serializers.CharField(
        max_length=limits.API_KEY_NAME_CHARACTERS_MAX,
        default="API key",
        error_messages={"max_length": f"name may have at most {limits.API_KEY_NAME_CHARACTERS_MAX} characters."},
    )
    expires_at = serializers.DateTimeField(
        default=None,
        allow_null=True,
        error_messages={"invalid": "expires_at must be an ISO 8601 date and time, such as 2027-01-31T00:00:00Z."},
    )

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("expires_at must lie in the future.")
        return value


class RotateKey(serializers.Serializer):
    grace_period_seconds = serializers.IntegerField(
        min_value=0,
        max_value=limits.ROTATION_GRACE_SECONDS_MAX,
        default=0,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_string_length"),
            f"grace_period_seconds must be a whole number from 0 to {limits.ROTATION_GRACE_SECONDS_MAX} (7 days).",
        ),
    )


def key_row(key: ApiKey) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": str(key.id),
        "name": key.name,
        "prefix": key.prefix,
        "last_four": key.last_four,
        "created_at": utc(key.created_at),
        "last_used_at": utc(key.last_used_at),
        "expires_at": utc(key.expires_at),
    }

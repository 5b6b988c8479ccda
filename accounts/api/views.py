"""/account/api-keys: create, list, rotate, revoke."""

import uuid

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services
from accounts.api.authentication import account_of, user_of
from accounts.api.serializers import CreateKey, RotateKey, key_row
from tuplets.http import read_fields


def _checked_id(key_id: str) -> str:
    """A malformed id is an unknown one."""
    try:
        return str(uuid.UUID(key_id))
    except ValueError:
        return str(uuid.UUID(int=0))


class ApiKeysView(APIView):
    def get(self, request: Request) -> Response:
        keys = account_of(request).api_keys.active().order_by("-created_at", "-id")
        items = [key_row(key) for key in keys]
        return Response({"items": items, "total_items": len(items)})

    def post(self, request: Request) -> Response:
        fields = read_fields(CreateKey, request)
        row, key = services.issue_key(account=account_of(request), user=user_of(request), **fields)
        return Response({**key_row(row), "key": key}, status=201)


class ApiKeyView(APIView):
    def delete(self, request: Request, key_id: str) -> Response:
        key = services.revoke_key(key_id=_checked_id(key_id), account=account_of(request))
        return Response({"id": str(key.id), "status": "revoked"})


class RotateApiKeyView(APIView):
    def post(self, request: Request, key_id: str) -> Response:
        fields = read_fields(RotateKey, request)
        row, key = services.rotate_key(
            key_id=_checked_id(key_id),
            account=account_of(request),
            user=user_of(request),
            grace_period_s=fields["grace_period_seconds"],
        )
        return Response({**key_row(row), "key": key}, status=201)

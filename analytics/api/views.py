"""/analytics/packs: what a domain asks. /account/schemas: save, list, read, replace, forget."""

import uuid

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import account_of
from analytics import schemas
from analytics.api.serializers import SaveSchema, schema_row
from analytics.catalogue import packs
from analytics.models import SavedSchema
from tuplets.errors import Code, TupletsError
from tuplets.http import read_fields


def schema_of(request: Request, schema_id: str) -> SavedSchema:
    """The account's own schema; a malformed id, a random one and someone else's are the same 404."""
    try:
        saved = SavedSchema.objects.owned_by(account_of(request)).filter(pk=uuid.UUID(schema_id)).first()
    except ValueError:
        saved = None
    if saved is None:
        raise TupletsError(Code.NOT_FOUND)
    return saved


class PacksView(APIView):
    """A published list: whoever has a key may read it, before their e-mail is verified too."""

    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"items": [pack.as_json() for pack in packs()]})


class SchemasView(APIView):
    def get(self, request: Request) -> Response:
        saved = SavedSchema.objects.owned_by(account_of(request)).order_by("-created_at", "-id")
        items = [schema_row(one) for one in saved]
        return Response({"items": items, "total_items": len(items)})

    def post(self, request: Request) -> Response:
        account, fields = account_of(request), read_fields(SaveSchema, request)
        return Response(schema_row(schemas.save_schema(account=account, **fields)), status=201)


class SchemaView(APIView):
    def get(self, request: Request, schema_id: str) -> Response:
        return Response(schema_row(schema_of(request, schema_id)))

    def put(self, request: Request, schema_id: str) -> Response:
        saved = schema_of(request, schema_id)
        fields = read_fields(SaveSchema, request)
        return Response(schema_row(schemas.replace_schema(saved=saved, **fields)))

    def delete(self, request: Request, schema_id: str) -> Response:
        schemas.forget_schema(saved=schema_of(request, schema_id))
        return Response({"id": str(uuid.UUID(schema_id)), "status": "deleted"})

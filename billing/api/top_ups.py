"""/account/top-ups, /account/auto-top-up, and the webhook that Stripe calls."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import account_of, user_of
from billing import auto_top_up, stripe_events, top_ups
from billing.models import AutoTopUp, TopUp
from billing.prices import usd
from billing.stripe_gateway import gateway
from billing.top_up_amounts import threshold_micros, top_up_micros
from tuplets.errors import Code, TupletsError
from tuplets.http import read_fields, utc


class Amount(serializers.Field):
    """Dollars, as a number or text: judged by the verb's rules, in its words."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class BeginTopUp(serializers.Serializer):
    amount_usd = Amount(error_messages={"required": "amount_usd is missing: say how many dollars to add."})
    save_card = serializers.BooleanField(default=False, error_messages={"invalid": "save_card must be true or false."})


class ChangeAutoTopUp(serializers.Serializer):
    enabled = serializers.BooleanField(
        error_messages={
            "required": "enabled is missing: send true or false.",
            "invalid": "enabled must be true or false.",
        }
    )
    threshold_usd = Amount(required=False)
    amount_usd = Amount(required=False)


class TopUpsView(APIView):
    def post(self, request: Request) -> Response:
        account, fields = account_of(request), read_fields(BeginTopUp, request)
        begun = top_ups.begin_top_up(
            account=account,
            user=user_of(request),
            amount_micros=top_up_micros(fields["amount_usd"]),
            save_card=fields["save_card"],
        )
        return Response(top_up_row(begun), status=201)


class TopUpView(APIView):
    def get(self, request: Request, top_up_id: str) -> Response:
        return Response(top_up_row(top_ups.top_up_of(account=account_of(request), top_up_id=top_up_id)))


class AutoTopUpView(APIView):
    def get(self, request: Request) -> Response:
        return Response(auto_top_up_row(auto_top_up.auto_top_up_of(account_of(request))))

    def put(self, request: Request) -> Response:
        account, fields = account_of(request), read_fields(ChangeAutoTopUp, request)
        changed = auto_top_up.change_auto_top_up(
            account=account,
            enabled=fields["enabled"],
            threshold_micros=threshold_micros(fields["threshold_usd"]) if "threshold_usd" in fields else None,
            amount_micros=top_up_micros(fields["amount_usd"]) if "amount_usd" in fields else None,
        )
        return Response(auto_top_up_row(changed))


class StripeWebhookView(APIView):
    """Nobody is signed in here: the signature says that it is Stripe. What was refused is 200 too, or it would be sent
    again for days; 503 asks for that.
    """

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    def post(self, request: Request) -> Response:
        event = gateway().verified_event(_whole_body(request), request.headers.get("Stripe-Signature", ""))
        return Response({"received": True, "outcome": stripe_events.handle_event(event).outcome})


def _whole_body(request: Request) -> bytes:
    """As it was sent, because the signature is of its bytes. 413 beyond what any event is."""
    body = request.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise TupletsError(Code.BODY_TOO_LARGE)
    return body


def top_up_row(top_up: TopUp) -> dict[str, Any]:
    """`checkout_url` while it can be paid."""
    return {
        "id": str(top_up.id),
        "status": top_up.status,
        "amount_usd": usd(top_up.amount_micros),
        "is_automatic": top_up.is_automatic,
        "checkout_url": top_up.checkout_url or None,
        "failure": top_up.failure or None,
        "created_at": utc(top_up.created_at),
        "finished_at": utc(top_up.finished_at),
    }


def auto_top_up_row(auto: AutoTopUp) -> dict[str, Any]:
    return {
        "enabled": auto.enabled,
        "threshold_usd": usd(auto.threshold_micros),
        "amount_usd": usd(auto.amount_micros),
        "card": {"brand": auto.card_brand, "last_four": auto.card_last4} if auto.has_card else None,
        "last_failure": auto.last_failure or None,
        "last_failed_at": utc(auto.last_failed_at),
    }

"""Stripe behind one small class: the only file that imports `stripe`. Dataclasses go out: nobody else knows its shapes.

`gateway()` is 409 TOP_UPS_OFF where no key is set. A call answers within seconds or raises `StripeUnreachable` (503);
none is made inside a transaction. Neither a key, nor a card, nor a session's address is ever logged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import stripe
import structlog
from django.conf import settings

from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)
T = TypeVar("T")

CURRENCY = "usd"
MICROS_PER_CENT = 10_000
_TIMEOUT_S = 10
_RETRIES = 2  # by the client, with the same idempotency key
# An intent that waits for somebody: a saved card is charged while nobody is there.
_REFUSED = ("requires_action", "requires_payment_method", "requires_confirmation", "canceled")
# Our clock and Stripe's may differ by less than this.
_CLOCKS_DIFFER = timedelta(hours=1)
# "To prevent replay attacks": Stripe's own default.
SIGNATURE_AGE_S_MAX = 300


@dataclass(frozen=True)
class Facts:
    """What a session, payment intent, charge or dispute says about a payment. `amount_cents` is what was paid, given
    back in all (a charge) or is in dispute; `status` is Stripe's word for it. Empty: not said.
    """

    kind: str = ""
    object_id: str = ""
    payment_intent_id: str = ""
    top_up_id: str = ""
    account_id: str = ""
    amount_cents: int = 0
    currency: str = ""
    status: str = ""
    problem: str = ""

    @property
    def amount_micros(self) -> int:
        return self.amount_cents * MICROS_PER_CENT

    @property
    def refusal(self) -> str:
        """Why a charge of a saved card came to nothing; "" where it was paid or may still be."""
        if self.status not in _REFUSED:
            return ""
        return self.problem or ("canceled" if self.status == "canceled" else "authentication_required")


@dataclass(frozen=True)
class Event:
    id: str
    type: str
    created_at: datetime
    facts: Facts


@dataclass(frozen=True)
class Checkout:
    session_id: str
    url: str


@dataclass(frozen=True)
class Card:
    """A saved card: Stripe's name for it, and what a person recognises it by."""

    payment_method_id: str
    brand: str
    last4: str


class StripeUnreachable(TupletsError):
    """No answer, or none that says what happened: whatever was asked for may have been done."""

    def __init__(self) -> None:
        super().__init__(
            Code.UNAVAILABLE, "Card payments can't be reached right now, and nothing was credited. Retry in a minute."
        )


class StripeRefused(Exception):
    """Stripe said no: nothing was done. `code` is its reason (`card_declined`), `field` what it is about."""

    def __init__(self, code: str, payment_intent_id: str = "", field: str = "") -> None:
        self.code = code
        self.payment_intent_id = payment_intent_id
        self.field = field
        super().__init__(code)

    @property
    def no_such_customer(self) -> bool:
        """It was deleted at Stripe, or is of another Stripe account."""
        return self.code == "resource_missing" and self.field == "customer"


def gateway() -> Gateway:
    if not settings.STRIPE_SECRET_KEY:
        raise TupletsError(Code.TOP_UPS_OFF)
    return _gateway(settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_BASE)


@lru_cache(maxsize=4)
def _gateway(secret_key: str, webhook_secret: str, api_base: str) -> Gateway:
    return Gateway(secret_key, webhook_secret, api_base)


class Gateway:
    """One for all threads. Amounts are micro-dollars of whole cents."""

    def __init__(self, secret_key: str, webhook_secret: str, api_base: str) -> None:
        self._webhook_secret = webhook_secret
        # The library's types are closed dictionaries; those that are put together in parts are ours to answer for.
        self._client = stripe.StripeClient(
            secret_key,
            http_client=stripe.RequestsClient(timeout=_TIMEOUT_S),
            max_network_retries=_RETRIES,
            **({"base_addresses": {"api": api_base}} if api_base else {}),  # type: ignore[arg-type]
        )

    def create_customer(self, *, account_id: UUID, instead_of: str = "") -> str:
        """The account at Stripe, to which saved cards belong; twice, the same one, and another than the one that is
        gone. No name, no e-mail.
        """
        key = f"customer-{account_id}" + (f"-{instead_of}" if instead_of else "")
        customer = _asked(
            lambda: self._client.v1.customers.create(
                {"metadata": {"account_id": str(account_id)}}, {"idempotency_key": key}
            )
        )
        return customer.id

    def create_checkout(
        self,
        *,
        top_up_id: UUID,
        account_id: UUID,
        amount_micros: int,
        email: str,
        return_url: str,
        cancel_url: str,
        customer_id: str | None = None,
    ) -> Checkout:
        """A page where the amount is paid once. With a customer, the card is kept for payments without them.
        StripeRefused: `no_such_customer`, among others.
        """
        names = {"top_up_id": str(top_up_id), "account_id": str(account_id)}
        params: dict[str, Any] = {
            "mode": "payment",
            "client_reference_id": str(top_up_id),
            "metadata": names,
            "payment_intent_data": {"metadata": names},  # Stripe copies these to the charge, so a refund names them
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": CURRENCY,
                        "unit_amount": amount_micros // MICROS_PER_CENT,
                        "product_data": {"name": "Tuplets credit"},
                    },
                }
            ],
            "adaptive_pricing": {"enabled": False},  # paid in the currency that is credited
            "success_url": return_url,
            "cancel_url": cancel_url,
        }
        if customer_id:
            params["customer"] = customer_id
            params["allowed_payment_method_types"] = ["card"]
            params["payment_intent_data"]["setup_future_usage"] = "off_session"
        else:
            params["customer_email"] = email
        session = _asked(
            lambda: self._client.v1.checkout.sessions.create(
                params,  # type: ignore[arg-type]
                # Stripe wants another key for another customer: it remembers refusals too.
                {"idempotency_key": f"{top_up_id}-{customer_id}" if customer_id else str(top_up_id)},
            )
        )
        return Checkout(session.id, session.url or "")

    def session(self, session_id: str) -> Facts:
        """A Checkout session as it is now; `status` is its payment's, or "expired"."""
        found = _asked(lambda: self._client.v1.checkout.sessions.retrieve(session_id)).to_dict()
        facts = _facts_of(found)
        return Facts(**{**vars(facts), "status": "expired"}) if found.get("status") == "expired" else facts

    def card_of(self, payment_intent_id: str) -> Card | None:
        """The card that paid. None: it was no card."""
        found = _asked(
            lambda: self._client.v1.payment_intents.retrieve(payment_intent_id, {"expand": ["payment_method"]})
        ).to_dict()
        method = found.get("payment_method")
        if not isinstance(method, dict) or not isinstance(method.get("card"), dict):
            return None
        return Card(method["id"], str(method["card"].get("brand") or "card"), str(method["card"].get("last4") or ""))

    def charge_saved_card(
        self, *, top_up_id: UUID, account_id: UUID, amount_micros: int, customer_id: str, payment_method_id: str
    ) -> Facts:
        """Charges a card while its holder is away; twice for a top-up, once. StripeRefused: declined, or the bank
        wants its holder.
        """
        intent = _asked(
            lambda: self._client.v1.payment_intents.create(
                {
                    "amount": amount_micros // MICROS_PER_CENT,
                    "currency": CURRENCY,
                    "customer": customer_id,
                    "payment_method": payment_method_id,
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "off_session": True,
                    "confirm": True,
                    "description": "Tuplets credit, automatic top-up",
                    "metadata": {"top_up_id": str(top_up_id), "account_id": str(account_id)},
                },
                {"idempotency_key": str(top_up_id)},
            )
        )
        facts = _facts_of(intent.to_dict())
        if facts.refusal:
            raise StripeRefused(facts.refusal, facts.object_id)
        return facts

    def charge_of(self, *, top_up_id: UUID, customer_id: str, since: datetime) -> Facts | None:
        """What became of the charge of a saved card that was asked for at `since` or later; None: there is none. Lists
        the customer's payments, because Stripe's search does not know of new ones.
        """
        if not customer_id:  # Stripe would list everybody's
            raise StripeRefused("resource_missing", field="customer")
        created_from = int((since - _CLOCKS_DIFFER).timestamp())

        def payments() -> list[Facts]:
            found = self._client.v1.payment_intents.list(
                {"customer": customer_id, "created": {"gte": created_from}, "limit": 100}
            )
            return [_facts_of(intent.to_dict()) for intent in found.auto_paging_iter()]

        own = [facts for facts in _asked(payments) if facts.top_up_id == str(top_up_id)]
        return next((facts for facts in own if facts.status == "succeeded"), own[0] if own else None)

    def verified_event(self, body: bytes, signature: str) -> Event:
        """An event that Stripe signed within the last five minutes. 400 for anything else."""
        try:
            event = stripe.Webhook.construct_event(body, signature, self._webhook_secret, SIGNATURE_AGE_S_MAX).to_dict()
            return Event(
                id=str(event["id"]),
                type=str(event["type"]),
                created_at=datetime.fromtimestamp(event["created"], UTC),
                facts=_facts_of(event["data"]["object"]),
            )
        except stripe.SignatureVerificationError:
            log.warning("stripe_signature_wrong", secret_set=bool(self._webhook_secret))
            raise TupletsError(
                Code.INVALID_REQUEST, "The Stripe-Signature header is missing, wrong or older than 5 minutes."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            log.error("stripe_event_unreadable")
            raise TupletsError(Code.INVALID_REQUEST, "The body is no event of Stripe's.") from None


def _asked(call: Callable[[], T]) -> T:
    """Asks Stripe. Its errors say too much to be logged whole: a wrong key is quoted in one."""
    try:
        return call()
    except stripe.StripeError as error:
        log.warning(
            "stripe_call_failed",
            error=type(error).__name__,
            status=error.http_status,
            code=error.code,
            stripe_request=error.request_id,
        )
        if isinstance(error, stripe.CardError | stripe.InvalidRequestError):
            refusal = error.error.to_dict() if error.error else {}
            intent = refusal.get("payment_intent") or {}
            raise StripeRefused(
                error.code or "invalid_request", intent.get("id") or "", refusal.get("param") or ""
            ) from None
        raise StripeUnreachable from None


def _facts_of(found: Mapping[str, Any]) -> Facts:
    kind = str(found.get("object") or "")
    names = found.get("metadata") or {}
    problem = found.get("last_payment_error") or {}
    amount = {
        "checkout.session": "amount_total",
        "payment_intent": "amount_received" if found.get("status") == "succeeded" else "amount",
        "charge": "amount_refunded",
        "dispute": "amount",
    }.get(kind, "")
    return Facts(
        kind=kind,
        object_id=_id(found),
        payment_intent_id=_id(found) if kind == "payment_intent" else _id(found.get("payment_intent")),
        top_up_id=str(names.get("top_up_id") or ""),  # not client_reference_id: a payment link takes it from its URL
        account_id=str(names.get("account_id") or ""),
        amount_cents=int(found.get(amount) or 0),
        currency=str(found.get("currency") or ""),
        status=str((found.get("payment_status") if kind == "checkout.session" else found.get("status")) or ""),
        problem=str(problem.get("code") or ""),
    )


def _id(value: Any) -> str:
    """The id of an object, which Stripe gives as its id alone or expanded."""
    return str((value.get("id") if isinstance(value, Mapping) else value) or "")

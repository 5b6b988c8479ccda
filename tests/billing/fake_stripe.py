"""A small Stripe: the real client talks to it over HTTP, through STRIPE_API_BASE. It holds customers, Checkout sessions
and payment intents, honours idempotency keys, and can be told to fail, to hang and to decline.

What happens at Stripe (a customer pays, a charge is refunded) are methods; each answers with the object that an event
about it carries, and `event` wraps one.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe
from django.test import Client

SECRET_KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_fake"
Object = dict[str, Any]


class Refusal(Exception):
    def __init__(self, status: int, **error: Any) -> None:
        self.status, self.error = status, error


class FakeStripe:
    """State and rules; `start` and `stop` open and close its port."""

    def __init__(self) -> None:
        self.customers: dict[str, Object] = {}
        self.sessions: dict[str, Object] = {}
        self.intents: dict[str, Object] = {}
        self.requests: list[tuple[str, str]] = []
        self.fail_with = 0  # an HTTP status, for every request
        self.hang_s = 0.0
        self.declines = ""  # the code with which saved cards are refused
        self.charges_end_as = "succeeded"  # or processing, requires_action…: what became of a saved card's charge
        self.page_size = 100  # the most that a list answers at once
        self.silent_after_charging = False  # the card is charged, the answer never comes
        self._answers: dict[str, tuple[Object, Object | Refusal]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    # Over HTTP

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, params: Object, key: str | None) -> Object:
        if method == "GET":
            return self._found(path, params)
        with self._lock:
            if key in self._answers:
                known, answer = self._answers[key]
                if known != params:
                    raise Refusal(400, type="idempotency_error", message="Keys can only be used with the same params.")
            else:
                try:
                    answer = self._made(path, params)
                except Refusal as refusal:  # remembered as well
                    answer = refusal
                self._answers[key or self._id("key")] = (params, answer)
            if isinstance(answer, Refusal):
                raise answer
            return answer

    def _found(self, path: str, params: Object) -> Object:
        if path == "/v1/payment_intents":
            return self._listed(params)
        kind, _, object_id = path.removeprefix("/v1/").rpartition("/")
        found = {"checkout/sessions": self.sessions, "payment_intents": self.intents}.get(kind, {}).get(object_id)
        if found is None:
            raise Refusal(404, type="invalid_request_error", code="resource_missing", message="No such object")
        if kind == "payment_intents" and "payment_method" in params.get("expand", {}).values():
            card = {"brand": "visa", "last4": "4242"}
            return {
                **found,
                "payment_method": {"id": found["payment_method"], "object": "payment_method", "card": card},
            }
        return found

    def _listed(self, params: Object) -> Object:
        """A customer's payment intents, the newest first, a page of them."""
        self._customer(params["customer"], or_deleted=True)
        found = [
            intent
            for intent in reversed(self.intents.values())
            if intent["customer"] == params["customer"] and intent["created"] >= int(params["created"]["gte"])
        ]
        ids = [intent["id"] for intent in found]
        rest = found[ids.index(params["starting_after"]) + 1 :] if "starting_after" in params else found
        size = min(int(params["limit"]), self.page_size)
        return {
            "object": "list",
            "url": "/v1/payment_intents",
            "data": rest[:size],
            "has_more": len(rest) > size,
        }

    def _customer(self, customer_id: str | None, *, or_deleted: bool = False) -> None:
        known = self.customers.get(customer_id or "")
        if known is None or (known.get("deleted") and not or_deleted):
            raise Refusal(
                400, type="invalid_request_error", code="resource_missing", param="customer", message="No such customer"
            )

    def _made(self, path: str, params: Object) -> Object:
        if "payment_method_types" in params:
            raise Refusal(
                400, type="invalid_request_error", code="payment_method_types_no_longer_supported", message=""
            )
        match path:
            case "/v1/customers":
                made = {"id": self._id("cus"), "object": "customer", **params}
                self.customers[made["id"]] = made
            case "/v1/checkout/sessions":
                made = self._session(params)
                self.sessions[made["id"]] = made
            case "/v1/payment_intents":
                made = self._charge(params)
            case _:
                raise Refusal(404, type="invalid_request_error", message="Unrecognized request URL")
        return made

    def _session(self, params: Object) -> Object:
        if "customer" in params:
            self._customer(params["customer"])
        (item,) = params["line_items"].values()
        session_id = self._id("cs_test")
        return {
            "id": session_id,
            "object": "checkout.session",
            "url": f"https://checkout.stripe.com/c/pay/{session_id}",
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "amount_total": int(item["price_data"]["unit_amount"]) * int(item["quantity"]),
            "currency": item["price_data"]["currency"],
            "customer": params.get("customer"),
            "client_reference_id": params["client_reference_id"],
            "metadata": params["metadata"],
            "asked": params,
        }

    def _charge(self, params: Object) -> Object:
        self._customer(params.get("customer"))
        made = self._intent(int(params["amount"]), params["currency"], params["metadata"], params["customer"])
        made["payment_method"], made["status"] = params["payment_method"], self.charges_end_as
        if self.declines:
            made["status"] = "requires_payment_method"
            made["last_payment_error"] = {"code": self.declines}
            raise Refusal(402, type="card_error", code=self.declines, message="Declined", payment_intent=made)
        return made

    def _intent(self, cents: int, currency: str, metadata: Object, customer: str | None = None) -> Object:
        made = {
            "id": self._id("pi"),
            "object": "payment_intent",
            "amount": cents,
            "amount_received": cents,
            "currency": currency,
            "status": "succeeded",
            "created": int(time.time()),
            "customer": customer,
            "metadata": metadata,
            "payment_method": self._id("pm"),
        }
        self.intents[made["id"]] = made
        return made

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06}"

    # What happens at Stripe

    def paid(self, session_id: str, *, later: bool = False) -> Object:
        """A customer pays on the Checkout page, once; `later`: by a slow method."""
        session = self.sessions[session_id]
        if session["payment_intent"] is None:
            metadata = session["asked"]["payment_intent_data"]["metadata"]
            intent = self._intent(session["amount_total"], session["currency"], metadata, session["customer"])
            session.update(status="complete", payment_intent=intent["id"])
        session["payment_status"] = "unpaid" if later else "paid"
        return dict(session)

    def deleted(self, customer_id: str) -> None:
        """Its payments are still listed, as Stripe keeps its history; nothing new is made for it."""
        self.customers[customer_id]["deleted"] = True

    def expired(self, session_id: str) -> Object:
        self.sessions[session_id]["status"] = "expired"
        return dict(self.sessions[session_id])

    def refunded(self, intent_id: str, cents: int) -> Object:
        """The charge, of which so much was refunded in all."""
        intent = self.intents[intent_id]
        return {
            "id": f"ch_{intent_id}",
            "object": "charge",
            "amount": intent["amount"],
            "amount_refunded": cents,
            "currency": intent["currency"],
            "payment_intent": intent_id,
            "metadata": intent["metadata"],
        }

    def disputed(self, intent_id: str, status: str = "needs_response", cents: int | None = None) -> Object:
        intent = self.intents[intent_id]
        return {
            "id": f"dp_{intent_id}",
            "object": "dispute",
            "amount": intent["amount"] if cents is None else cents,
            "currency": intent["currency"],
            "payment_intent": intent_id,
            "charge": f"ch_{intent_id}",
            "status": status,
            "metadata": {},
        }

    def event(self, kind: str, about: Object) -> Object:
        """A new event each time: deliver one twice to redeliver it."""
        event_id = self._id("evt")
        return {
            "id": event_id,
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "api_version": "2026-10-28.endive",
            "data": {"object": about},
        }


def deliver(event: Object, *, secret: str = WEBHOOK_SECRET, age_s: int = 0, client: Client | None = None) -> Any:
    """Posts an event to our webhook as Stripe does."""
    body = json.dumps(event)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age_s)
    return post(body.encode(), signature, client)


def post(body: bytes, signature: str, client: Client | None = None) -> Any:
    return (client or Client(enforce_csrf_checks=True)).post(
        "/billing/stripe/webhook", body, content_type="application/json", headers={"Stripe-Signature": signature}
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeStripe

    def do_GET(self) -> None:
        self._serve("GET", {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._serve("POST", nested(body))

    def _serve(self, method: str, params: Object) -> None:
        address, fake = urlsplit(self.path), self.fake
        fake.requests.append((method, address.path))
        try:
            if fake.hang_s:
                time.sleep(fake.hang_s)
            if fake.fail_with:
                raise Refusal(fake.fail_with, type="api_error", message="Broken")
            if self.headers["Authorization"] != f"Bearer {SECRET_KEY}":
                raise Refusal(401, type="invalid_request_error", message="Invalid API Key provided: sk_test_****")
            found = fake.answer(method, address.path, params | nested(address.query), self.headers["Idempotency-Key"])
            if fake.silent_after_charging:
                raise Refusal(503, type="api_error", message="Broken after the charge")
            self._send(200, found)
        except Refusal as refusal:
            self._send(refusal.status, {"error": refusal.error})

    def _send(self, status: int, answer: Object) -> None:
        content = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # the client waited no longer

    def log_message(self, format: str, *args: Any) -> None:
        pass


def nested(form: str) -> Object:
    """`a[b][0]=c` -> {"a": {"b": {"0": "c"}}}"""
    whole: Object = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        *path, last = (
            re.findall(r"[^\[\]]+", name) if not name.endswith("[]") else [*re.findall(r"[^\[\]]+", name), "0"]
        )
        into = whole
        for part in path:
            into = into.setdefault(part, {})
        into[last] = value
    return whole

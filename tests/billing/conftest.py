"""A fake Stripe that the settings point at."""

from typing import Any

import pytest

from billing import stripe_gateway
from tests.billing.fake_stripe import SECRET_KEY, WEBHOOK_SECRET, FakeStripe


@pytest.fixture
def fake(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    fake = FakeStripe()
    fake.start()
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = SECRET_KEY, WEBHOOK_SECRET
    settings.STRIPE_API_BASE = fake.url
    monkeypatch.setattr("stripe._http_client.HTTPClient.INITIAL_DELAY", 0.01)
    stripe_gateway._gateway.cache_clear()
    yield fake
    fake.stop()
    stripe_gateway._gateway.cache_clear()

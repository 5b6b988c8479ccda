"""Charges as jobs make them, for the tests of what is read of them."""

import uuid
from collections.abc import Iterable
from typing import Any

from accounts.models import Account
from billing import ledger
from billing.models import Transfer
from billing.prices import PRICE_LIST, Feature, price_of


def charge(
    account: Account,
    features: Iterable[Feature] = (Feature.STANDARD,),
    seconds: float = 61.5,
    *,
    key_id: Any = None,
    subject: str = "",
) -> Transfer:
    """What a completed job of these features costs: held, then captured."""
    price = price_of(frozenset(features), seconds)
    held = ledger.hold(account=account, amount_micros=price.amount_micros, subject=subject or f"job:{uuid.uuid4()}")
    detail = {
        "seconds": seconds,
        "price_list": PRICE_LIST,
        "minimum_micros": price.minimum_micros,
        "lines": [
            {"feature": line.feature, "rate_micros": line.rate_micros, "amount_micros": line.amount_micros}
            for line in price.lines
        ],
        "api_key_id": None if key_id is None else str(key_id),
    }
    return ledger.capture(held=held, amount_micros=price.amount_micros, detail=detail)

"""What an upgrade from a version without money does to the accounts that are there."""

from importlib import import_module
from typing import Any

from django.db import connection

from accounts.models import User
from billing import ledger
from billing.checks import check_ledger
from tests.conftest import make_person

GRANT = import_module("billing.migrations.0007_free_credit_of_earlier_accounts").GRANT


def test_earlier_accounts_get_the_free_credit_once_if_they_are_verified(db: Any) -> None:
    people = [make_person(f"{name}@example.org", verified=False) for name in ("ann", "ben", "cem")]
    # Verified before there was money: without what verifying brings now.
    User.objects.filter(pk__in=[people[0].user.pk, people[1].user.pk]).update(email_verified_at="2026-01-01T00:00:00Z")
    ledger.grant_free_credit(user=people[1].user)

    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(GRANT)

    assert [ledger.available_micros(person.account) for person in people] == [2_500_000, 2_500_000, 0]
    assert check_ledger() == []

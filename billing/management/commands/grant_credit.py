"""`manage.py grant_credit`: credit for an account, by an operator without the admin. It stands in the ledger."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services import account_for
from billing import ledger
from billing.prices import micros, usd


class Command(BaseCommand):
    help = "Grant credit to the account of a user."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--usd", required=True, metavar="AMOUNT", help="such as 10.00")
        parser.add_argument("--reason", required=True, help="what it is for; the customer sees it")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        account = account_for(user=user) if user else None
        if account is None:
            raise CommandError(f"{options['email']}: no such user with an active account.")
        try:
            amount = micros(options["usd"])
        except ValueError:
            amount = 0
        if amount <= 0:
            raise CommandError("--usd must be an amount above zero, such as 10.00.")
        reference = f"granted:{uuid.uuid4()}"
        granted = ledger.grant(account=account, amount_micros=amount, reference=reference, reason=options["reason"])
        self.stdout.write(
            f"${usd(amount)} granted to {account.name}; the balance is ${usd(granted.balance_after_micros)}."
        )

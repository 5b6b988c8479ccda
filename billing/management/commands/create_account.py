"""`manage.py create_account`: an account and its API key for operators and scripts, beside a running stack."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts import services
from billing import ledger
from billing.prices import micros


def credit(text: str) -> int:
    """Micro-dollars of an amount in dollars, zero or more."""
    amount = micros(text)
    if amount < 0:
        raise ValueError(text)
    return amount


class Command(BaseCommand):
    help = "Create a user with an account and print the account's API key: the only time it is shown."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--password", help="for the admin and the browser pages; without one, only the API key works"
        )
        parser.add_argument("--name", default="", help="the account's name (default: the e-mail)")
        parser.add_argument("--verified", action="store_true", help="mark the e-mail as verified")
        parser.add_argument("--staff", action="store_true", help="may sign in to the admin, with all rights")
        parser.add_argument("--credit", type=credit, metavar="USD", help="credit beside the free one")
        parser.add_argument("--json", action="store_true", help='print {"account_id", "email", "api_key"}')

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user, account = services.sign_up(
                email=options["email"], password=options["password"], account_name=options["name"]
            )
        except ValidationError as error:
            raise CommandError(f"{options['email']}: {' '.join(error.messages)}") from None
        if options["verified"]:
            services.verify_email(user=user)
        if options["staff"]:
            user.is_staff = user.is_superuser = True
            user.save(update_fields=["is_staff", "is_superuser"])
        _, key = services.issue_key(account=account, user=user, name="First key")
        if options["credit"]:
            ledger.grant(
                account=account,
                amount_micros=options["credit"],
                reference=f"opening_credit:{account.pk}",
                reason="Opening credit, by the operator",
            )
        if options["json"]:
            self.stdout.write(json.dumps({"account_id": str(account.id), "email": user.email, "api_key": key}))
            return
        self.stdout.write(f"Account  {account.id}\nE-mail   {user.email}\nAPI key  {key}  (shown only once)")

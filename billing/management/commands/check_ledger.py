"""`manage.py check_ledger`: recomputes the ledger from its transfers and exits 1 on a difference. Changes no money."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from billing.checks import record_check


class Command(BaseCommand):
    help = "Recompute every balance from the transfers; exit 1 on any difference."

    def handle(self, *args: Any, **options: Any) -> None:
        check, sentences = record_check()
        self.stdout.write("\n".join(sentences) or str(check))
        if not check.ok:
            sys.exit(1)

"""`manage.py check_packs`: the domain packs and cue files, each read and checked; one line each, and exit status 1 with
the sentence of what is wrong.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.catalogue import InvalidPack
from analytics.pack_checks import check


class Command(BaseCommand):
    help = "Check the domain packs and the cue files of analytics."
    # Needs no database, and nothing of the rest of the project.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for line in check():
                self.stdout.write(line)
        except InvalidPack as error:
            raise CommandError(str(error), returncode=1) from None

"""`manage.py requeue_stalled`: one round of the sweeper, for operators who run their own clock instead of the
scheduler.
"""

from typing import Any

from django.core.management.base import BaseCommand

from jobs.sweeping import sweep


class Command(BaseCommand):
    help = "Send jobs that were never sent and requeue those that lost their worker."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{sweep()} sent")

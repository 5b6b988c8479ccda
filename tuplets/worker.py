"""What `dramatiq tuplets.worker` imports: Django set up, then the actors and their broker.
Models are loaded later, after the fork.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")
django.setup()

from jobs.tasks import broker, process_job, rerun_analytics  # noqa: E402  (Django must be set up first)

__all__ = ["broker", "process_job", "rerun_analytics"]

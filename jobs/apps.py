"""App registration."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        from billing.checks import MORE_RULES
        from jobs.audit import RULES

        MORE_RULES.extend(RULES)

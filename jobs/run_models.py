"""AnalyticsRun: one re-run of the analytics of a finished job. What is done with it: `analytics_runs.py` on the web
side, `reanalysis.py` in the worker.

`jobs.models` imports it, because that is where Django looks, and everyone else takes it from there.
"""

import uuid

from django.db import models
from django.db.models import Q

from jobs.owed import Owed, OwedQuerySet


class AnalyticsRunQuerySet(OwedQuerySet["AnalyticsRun"]):
    pass


class AnalyticsRun(Owed):
    """`number` counts a job's re-runs from 1. The row outlives its work: it says what was asked, and how it ended."""

    DEFECT_MESSAGE = "The analytics could not be run again because of an error on the server."
    LOST_MESSAGE = "The re-run of the analytics stopped unexpectedly {times} times. Ask for them again later."

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("jobs.Job", on_delete=models.CASCADE, related_name="analytics_runs", db_index=False)
    number = models.PositiveIntegerField()
    api_key = models.ForeignKey(
        "accounts.ApiKey", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    request = models.JSONField(help_text="normalised, as in the job's own analytics")

    objects = AnalyticsRunQuerySet.as_manager()

    class Meta(Owed.Meta):
        constraints = [
            *Owed.Meta.constraints,
            models.UniqueConstraint(fields=["job", "number"], name="analyticsrun_number_once"),
            models.UniqueConstraint(
                fields=["job"], condition=Q(status__in=["queued", "running"]), name="analyticsrun_one_unfinished"
            ),
        ]

    @property
    def subject(self) -> str:
        return f"job:{self.job_id}:analytics:{self.number}"

    def __str__(self) -> str:
        return f"{self.job_id} analytics {self.number}"

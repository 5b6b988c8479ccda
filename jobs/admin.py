"""What support staff see of jobs, re-runs of analytics and voices: state and reasons, never a transcript, a recording
or a voice vector.
"""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs import intake
from jobs.models import AnalyticsRun, Job, Voice
from tuplets.admin import ReadOnlyAdmin
from tuplets.errors import TupletsError


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "account",
        "status",
        "error_code",
        "audio_duration_seconds",
        "attempt",
        "progress_percent",
        "created_at",
        "completed_at",
    ]
    list_filter = ["status", "error_code", "transcription_model", "created_at"]
    list_select_related = ["account"]
    search_fields = ["id", "account__name", "account__members__email"]
    date_hierarchy = "created_at"
    actions = ["cancel"]
    # Names that the customer expects to be said.
    exclude = ["keyterms"]

    @admin.action(description="Cancel the selected jobs", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        for job in queryset:
            try:
                intake.cancel_job(job=job)
            except TupletsError as error:
                self.message_user(request, f"{job.id}: {error.detail}", messages.WARNING)


@admin.register(AnalyticsRun)
class AnalyticsRunAdmin(ReadOnlyAdmin):
    list_display = ["id", "job", "number", "status", "error_code", "attempt", "created_at", "completed_at"]
    # The caller's own fields say what a business looks for in its calls.
    exclude = ["request"]
    list_filter = ["status", "error_code", "created_at"]
    list_select_related = ["job"]
    search_fields = ["id", "job__id", "job__account__name", "job__account__members__email"]
    date_hierarchy = "created_at"


@admin.register(Voice)
class VoiceAdmin(ReadOnlyAdmin):
    """That an account keeps a voice, and for how long; neither the vector nor whose it is."""

    list_display = ["id", "library", "model", "source_job", "source_speaker", "created_at", "expires_at"]
    exclude = ["vector", "name"]
    list_filter = ["model", "created_at"]
    search_fields = ["id", "library__account__name", "library__account__members__email"]
    list_select_related = ["library", "source_job"]
    date_hierarchy = "created_at"

"""/jobs: submit, estimate, list, read, download, cancel, run analytics again. Thin: checks what was sent, calls a verb
of jobs.intake or jobs.analytics_runs, shows the answer.
"""

import uuid
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import account_of
from accounts.models import ApiKey
from billing.ledger import available_micros
from jobs import analytics_runs, intake, sources
from jobs.api import listing, rows
from jobs.api.serializers import CancelByToken, EstimateJob, ListJobs, RerunAnalytics, SubmitJob
from jobs.engines.audio_masking import CONTENT_TYPE, SUFFIX
from jobs.models import Job
from tuplets.errors import Code, TupletsError
from tuplets.http import read_fields, read_query


def job_of(request: Request, job_id: str) -> Job:
    """The account's own job; a malformed id, a random one and someone else's are the same 404."""
    try:
        job = Job.objects.find(uuid.UUID(job_id), account_of(request))
    except ValueError:
        job = None
    if job is None:
        raise TupletsError(Code.NOT_FOUND)
    return job


def _key_of(request: Request) -> ApiKey | None:
    return request.auth if isinstance(request.auth, ApiKey) else None


class JobsView(APIView):
    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        sources.accept_recording(request)
        return super().initialize_request(request, *args, **kwargs)

    def get(self, request: Request) -> Response:
        query = read_query(ListJobs, request)
        account, status = account_of(request), query.get("status")
        jobs, next_cursor = listing.page(account, status=status, limit=query["limit"], cursor=query.get("cursor"))
        return Response(
            {
                "items": rows.listed(jobs),
                "total_items": listing.total(account, status=status),
                "status_filter": status,
                "next_cursor": next_cursor,
            }
        )

    def post(self, request: Request) -> Response:
        account = account_of(request)
        fields = read_fields(SubmitJob, request)
        upload = fields.pop("audio_file", None)
        job = intake.submit_job(
            account=account,
            api_key=_key_of(request),
            options=fields,
            upload=upload,
        )
        return Response(rows.accepted(job), status=201)


class JobView(APIView):
    def get(self, request: Request, job_id: str) -> Response:
        return Response(rows.whole(job_of(request, job_id)))

    def delete(self, request: Request, job_id: str) -> Response:
        return Response(rows.whole(intake.cancel_job(job=job_of(request, job_id))))


class EstimateView(APIView):
    def post(self, request: Request) -> Response:
        account = account_of(request)
        fields = read_fields(EstimateJob, request)
        price = intake.estimate(account=account, options=fields, duration_s=fields["duration_seconds"])
        return Response(rows.estimate(price, available_micros(account)))


class CancelByTokenView(APIView):
    def post(self, request: Request) -> Response:
        fields = read_fields(CancelByToken, request)
        job = intake.cancel_by_token(account=account_of(request), token=fields["cancel_token"])
        return Response(rows.whole(job))


class AnalyticsView(APIView):
    def post(self, request: Request, job_id: str) -> Response:
        job = job_of(request, job_id)
        asked = read_fields(RerunAnalytics, request)["analytics"]
        request_ = asked.normalised(diarization=job.has_speakers)
        job = analytics_runs.request_run(job=job, api_key=_key_of(request), request=request_)
        return Response(rows.whole(job), status=202)


class DownloadView(APIView):
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        job = job_of(request, job_id)
        headers = _attachment_headers(job)
        return StreamingHttpResponse(intake.open_download(job=job), content_type="application/json", headers=headers)

    def head(self, request: Request, job_id: str) -> HttpResponseBase:
        """Says what a download would send; not counted as one."""
        job = job_of(request, job_id)
        intake.check_downloadable(job)
        return HttpResponse(content_type="application/json", headers=_attachment_headers(job))


class RedactedAudioView(APIView):
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        job = job_of(request, job_id)
        parts, size = intake.open_redacted_audio(job=job)
        return StreamingHttpResponse(parts, content_type=CONTENT_TYPE, headers=_headers(job, SUFFIX, size))

    def head(self, request: Request, job_id: str) -> HttpResponseBase:
        """Says what a download would send; not counted as one."""
        job = job_of(request, job_id)
        size = intake.size_of_redacted_audio(job=job)
        return HttpResponse(content_type=CONTENT_TYPE, headers=_headers(job, SUFFIX, size))


def _attachment_headers(job: Job) -> dict[str, str]:
    """Nothing but a job without a result has no length."""
    return _headers(job, ".json", len(job.result.document) if job.status == Job.Status.COMPLETED else 0)


def _headers(job: Job, suffix: str, size: int) -> dict[str, str]:
    name = sources.download_name(job.source_name, job.id, suffix)
    return {
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "Content-Length": str(size),
    }

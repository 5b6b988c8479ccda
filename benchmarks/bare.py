"""The product plus one bare DRF view that reads one row by key: the floor that benchmarks/api.py compares with."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")
application = get_wsgi_application()

from django.urls import path
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.models import Job
from tuplets import urls


@api_view(["GET"])
@authentication_classes([])
@permission_classes([])
def bare(request: Request, job_id: str) -> Response:
    job = Job.objects.get(pk=job_id)
    return Response({"id": str(job.pk), "status": job.status})


urls.urlpatterns.append(path("bare/<uuid:job_id>", bare))

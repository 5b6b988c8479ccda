"""Routes of jobs."""

from django.urls import path

from jobs.api import views

urlpatterns = [
    path("jobs", views.JobsView.as_view()),
    path("jobs/cancel", views.CancelByTokenView.as_view()),
    path("jobs/<str:job_id>", views.JobView.as_view()),
    path("jobs/<str:job_id>/download", views.DownloadView.as_view()),
]

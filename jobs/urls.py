"""Routes of jobs."""

from django.urls import path

from jobs.api import views, voices

urlpatterns = [
    path("jobs", views.JobsView.as_view()),
    path("jobs/estimate", views.EstimateView.as_view()),
    path("jobs/cancel", views.CancelByTokenView.as_view()),
    path("jobs/<str:job_id>", views.JobView.as_view()),
    path("jobs/<str:job_id>/analytics", views.AnalyticsView.as_view()),
    path("jobs/<str:job_id>/download", views.DownloadView.as_view()),
    path("jobs/<str:job_id>/audio", views.RedactedAudioView.as_view()),
    path("account/voice-library", voices.VoiceLibraryView.as_view()),
    path("account/voices", voices.VoicesView.as_view()),
    path("account/voices/<str:voice_id>", voices.VoiceView.as_view()),
]

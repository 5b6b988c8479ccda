"""Routes of top-ups by card."""

from django.urls import path

from billing.api import top_ups

urlpatterns = [
    path("account/top-ups", top_ups.TopUpsView.as_view()),
    path("account/top-ups/<str:top_up_id>", top_ups.TopUpView.as_view()),
    path("account/auto-top-up", top_ups.AutoTopUpView.as_view()),
    path("billing/stripe/webhook", top_ups.StripeWebhookView.as_view()),
]

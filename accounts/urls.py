"""Routes of accounts."""

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("account/api-keys", views.ApiKeysView.as_view()),
    path("account/api-keys/<str:key_id>", views.ApiKeyView.as_view()),
    path("account/api-keys/<str:key_id>/rotate", views.RotateApiKeyView.as_view()),
]

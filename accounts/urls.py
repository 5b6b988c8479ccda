"""Routes of accounts."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from accounts.api import views
from accounts.sign_in import throttled
from tuplets.pages import strict

urlpatterns = [
    path("login", strict(throttled(LoginView.as_view(template_name="accounts/login.html")))),
    path("logout", strict(LogoutView.as_view())),
    path("account/api-keys", views.ApiKeysView.as_view()),
    path("account/api-keys/<str:key_id>", views.ApiKeyView.as_view()),
    path("account/api-keys/<str:key_id>/rotate", views.RotateApiKeyView.as_view()),
]

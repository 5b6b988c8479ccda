"""Every route. API routes are at the root and have no trailing slash; none redirects."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.sign_in import throttled
from tuplets import views

urlpatterns = [
    path("", views.home),
    path("health", views.health),
    path("", include("accounts.urls")),
    path("", include("analytics.urls")),
    path("", include("billing.urls")),
    path("", include("billing.top_up_urls")),
    path("", include("jobs.urls")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/login/", throttled(admin.site.login)),  # before the admin's own
    path("admin/", admin.site.urls),
]
handler400 = "tuplets.http.bad_request"
handler403 = "tuplets.http.permission_denied"
handler404 = "tuplets.http.not_found"
handler500 = "tuplets.http.server_error"

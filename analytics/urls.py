"""Routes of analytics."""

from django.urls import path

from analytics.api import views

urlpatterns = [
    path("analytics/packs", views.PacksView.as_view()),
    path("account/schemas", views.SchemasView.as_view()),
    path("account/schemas/<str:schema_id>", views.SchemaView.as_view()),
]

"""Home and health. Pages for people come with the front door."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from tuplets import __version__


def home(request: HttpRequest) -> HttpResponse:
    """What this server is, and the first three commands."""
    return render(request, "home.html", {"public_url": settings.PUBLIC_URL, "version": __version__})


@api_view(["GET"])
@permission_classes([AllowAny])
def health(request: Request) -> Response:
    """200 while the web process and the database answer; with a key, whether that key is valid (a bad one is 401)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    authenticated = bool(request.user and request.user.is_authenticated)
    return Response({"status": "ok", "version": __version__, "authenticated": authenticated})

"""What every page for people has, beside its content: `strict`, its headers. Knows no domain."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]

# Scripts, styles, fonts and images are files of ours; nothing is inline. No form-action: browsers hold it against
# redirects too, and a top-up goes on at the card page.
CONTENT_SECURITY_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


def strict(view: View) -> View:
    """The view's answers with a content security policy, and kept by no cache."""

    @wraps(view)
    def with_headers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return with_headers

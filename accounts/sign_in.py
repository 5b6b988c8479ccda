"""`throttled`: a limit on guessed passwords, for every page where people sign in. Its numbers are in `limits`.

The address is that of the connection: what a client says about itself does not count.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import wraps
from typing import Any

import structlog
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from accounts import limits
from tuplets.pages import View

log = structlog.get_logger(__name__)


def throttled(view: View) -> View:
    """The view is not asked after too many failed sign-ins for an e-mail or from an address, not even with the right
    password: the sign-in page says how long to wait (429, `Retry-After`). While the cache is down, nobody is kept out.
    """

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        wait_s = max((left for count, most, left in _usages(request, counted=False) if count >= most), default=None)
        if wait_s is not None:
            return _refusal(request, max(1, wait_s))
        response = view(request, *args, **kwargs)
        if response.status_code == 200:  # the form once more: it failed
            list(_usages(request, counted=True))
        return response

    return limited


def _usages(request: HttpRequest, *, counted: bool) -> Iterator[tuple[int, int, int]]:
    """Of the e-mail and of the address: failures in this window, how many may be, seconds until it ends. `counted`
    adds one.
    """
    keys: dict[str, tuple[Any, int]] = {"email": (_email, limits.FAILED_SIGN_INS_BY_EMAIL_MAX)}
    if request.META.get("REMOTE_ADDR"):  # a server behind a socket file knows none
        keys["address"] = ("ip", limits.FAILED_SIGN_INS_BY_ADDRESS_MAX)
    for name, (key, most) in keys.items():
        try:
            usage = get_usage(
                request,
                group=f"sign-in:{name}",
                key=key,
                rate=f"{most}/{limits.SIGN_IN_WINDOW_SECONDS}s",
                increment=counted,
            )
        except (RedisError, OSError) as error:
            log.warning("sign_in_not_counted", error=type(error).__name__)
            return
        if usage is not None and usage["time_left"] >= 0:
            yield usage["count"], most, usage["time_left"]


def _email(group: str, request: HttpRequest) -> str:
    """As it is looked up, so that no spelling of it is another."""
    return unicodedata.normalize("NFKC", request.POST.get("username", "")).strip().lower()


def _refusal(request: HttpRequest, wait_s: int) -> HttpResponseBase:
    minutes = -(-wait_s // 60)
    context = {
        "form": AuthenticationForm(request, initial={"username": request.POST.get("username", "")}),
        "next": request.POST.get("next", ""),
        "sentence": f"Too many failed sign-ins. Wait {minutes} minute{'' if minutes == 1 else 's'} and try again.",
    }
    log.warning("sign_in_throttled")
    response = render(request, "accounts/login.html", context, status=429)
    response.headers["Retry-After"] = str(wait_s)
    return response

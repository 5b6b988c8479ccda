"""The WSGI application that gunicorn serves: Django, behind a check that a request's body arrives whole."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tuplets.settings")
_django = get_wsgi_application()

# What a body without a declared length (chunked) may hold: Django reads none unless it is given one.
from accounts.limits import FORM_OVERHEAD_BYTES_MAX, RECORDING_BYTES_MAX  # noqa: E402  (Django must be set up first)


class WholeBody:
    """`wsgi.input` that raises OSError where the client stopped before the length it declared.

    The server only reports the end of the stream, and a form cut off between two fields is still a form: without this
    it would become a job without the options that were cut. Django answers the OSError as an unreadable body (413).
    """

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        return self._checked(data, at_end=size < 0 or len(data) < size)

    def readline(self, size: int = -1) -> bytes:
        data = self._stream.readline(size)
        return self._checked(data, at_end=not data.endswith(b"\n") and (size < 0 or len(data) < size))

    def _checked(self, data: bytes, *, at_end: bool) -> bytes:
        self._left -= len(data)
        if at_end and self._left > 0:
            raise OSError("The request body ended before its declared length.")
        return data


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
    elif environ.get("wsgi.input_terminated"):
        environ["CONTENT_LENGTH"] = str(RECORDING_BYTES_MAX + FORM_OVERHEAD_BYTES_MAX)
    return _django(environ, start_response)

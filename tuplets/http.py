"""HTTP habits that every app shares: the one error shape, request ids, JSON in and out. Knows no domain.

Every error is `{"detail": one sentence, "code": …, "request_id": …}`; field errors add `errors: [{field, message}]`.
"""

import errno
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.utils.datastructures import MultiValueDict
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from tuplets.errors import Code, TupletsError

log = structlog.get_logger(__name__)


class RequestIdMiddleware:
    """Gives every request an id: on the response as X-Request-Id, on each log line, in each error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        if response.get("Content-Type") == "application/json":
            response.headers.setdefault("Cache-Control", "no-store")  # keys and transcripts
        return response


class JSONRenderer(BaseRenderer):
    """orjson: quick, and an `orjson.Fragment` in the data is spliced into the answer without being parsed."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else orjson.dumps(data)


def _read_small(stream: Any) -> bytes:
    """A body without files, at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes: DRF's own parsers read any length."""
    body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestDataTooBig
    return body


class JSONParser(BaseParser):
    """orjson: no NaN, no nesting deep enough to exhaust the stack."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(_read_small(stream))
        except orjson.JSONDecodeError as error:
            raise exceptions.ParseError(f"it is not valid JSON ({error}).") from None


class FormParser(BaseParser):
    """URL-encoded forms of bounded size."""

    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> QueryDict:
        return QueryDict(_read_small(stream))


class OnlyJSON(BaseContentNegotiation):
    """No negotiation: whatever `Accept` says, answers are JSON; the parser goes by the content type."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        content_type = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: any error of ours, DRF's or Django's becomes the one shape;
    an unknown one is left to Django (500).
    """
    error = as_tuplets_error(exc)
    if error is None:
        return None
    from rest_framework.views import set_rollback  # imports the settings, which name this module

    set_rollback()
    request = context["request"]
    response = Response(error_body(error, request), status=error.code.status)
    return _with_headers(response, error)


def error_body(error: TupletsError, request: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "detail": error.detail,
        "code": error.code.code,
        "request_id": getattr(request, "request_id", None),
    }
    if error.errors:
        body["errors"] = error.errors
    return body


def error_response(error: TupletsError, request: HttpRequest) -> HttpResponse:
    """The same answer outside DRF: unknown routes, bad requests and crashes."""
    content = orjson.dumps(error_body(error, request))
    response = HttpResponse(content, status=error.code.status, content_type="application/json")
    return _with_headers(response, error)


def _with_headers(response: Any, error: TupletsError) -> Any:
    if error.code.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="tuplets"'
    if error.retry_after_s is not None or error.code.status == 503:
        response["Retry-After"] = str(error.retry_after_s or 5)
    return response


def as_tuplets_error(exc: Exception) -> TupletsError | None:
    """The error to answer with, or None for a defect of ours."""
    match exc:
        case TupletsError():
            return exc
        case exceptions.ValidationError():
            return _validation_error(exc.detail)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return TupletsError(Code.UNAUTHORIZED)
        case exceptions.PermissionDenied() | PermissionDenied():
            return TupletsError(Code.CSRF_FAILED if "CSRF" in str(exc) else Code.FORBIDDEN)
        case exceptions.NotFound() | Http404():
            return TupletsError(Code.NOT_FOUND)
        case exceptions.MethodNotAllowed():
            return TupletsError(Code.METHOD_NOT_ALLOWED, str(exc.detail))
        case exceptions.UnsupportedMediaType():
            return TupletsError(
                Code.INVALID_REQUEST,
                "Unsupported content type. Send multipart/form-data, application/json "
                "or application/x-www-form-urlencoded.",
            )
        case exceptions.ParseError():
            return TupletsError(Code.INVALID_REQUEST, f"The request body could not be read: {exc.detail}")
        case exceptions.Throttled():
            return TupletsError(Code.RATE_LIMITED, retry_after_s=int(getattr(exc, "wait", None) or 1))
        case exceptions.APIException():
            return TupletsError(Code.INVALID_REQUEST, str(exc.detail))
        case OSError(errno=errno.ENOSPC):
            log.error("disk_full")
            return TupletsError(Code.UNAVAILABLE, "The server has no room for the recording right now. Retry later.")
        case RequestDataTooBig():
            return TupletsError(Code.INVALID_REQUEST, "The form fields or JSON body are larger than 1 MB.")
        case UnreadablePostError():
            return TupletsError(Code.BODY_TOO_LARGE, "The request body was cut off before its end. Submit it again.")
        case TooManyFieldsSent() | TooManyFilesSent():
            return TupletsError(Code.INVALID_REQUEST, "The form has too many fields or files.")
        case DisallowedHost():
            return TupletsError(Code.INVALID_REQUEST, "The Host header names no host of this server.")
        case SuspiciousOperation() | BadRequest():
            return TupletsError(Code.INVALID_REQUEST)
        case OperationalError() | InterfaceError():
            log.error("database_unreachable", exc_info=exc)
            return TupletsError(Code.UNAVAILABLE)
    return None


def _validation_error(detail: Any) -> TupletsError:
    """DRF's nested field map -> one sentence and a list of fields."""
    errors = list(_flatten(detail, ""))
    sentence = errors[0]["message"] if errors else Code.INVALID_FIELD.sentence
    return TupletsError(Code.INVALID_FIELD, sentence, errors=[e for e in errors if e["field"]])


def _flatten(detail: Any, path: str) -> Any:
    if isinstance(detail, dict):
        for key, value in detail.items():
            own = "" if key == "non_field_errors" else str(key)
            yield from _flatten(value, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flatten(value, path)
    else:
        message = str(detail)
        yield {"field": path, "message": message if not path or path in message else f"{path}: {message}"}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(as_tuplets_error(exception) or TupletsError(Code.INVALID_REQUEST), request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(TupletsError(Code.FORBIDDEN), request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(TupletsError(Code.NOT_FOUND), request)


def server_error(request: HttpRequest) -> HttpResponse:
    return error_response(TupletsError(Code.INTERNAL), request)


def read_fields(serializer_class: type[Serializer], request: Any) -> dict[str, Any]:
    """The body's fields, checked. An empty form field or a JSON null is an absent one;
    an unknown or repeated field is an error.
    """
    return _checked(serializer_class, request, request.data)


def read_query(serializer_class: type[Serializer], request: Any) -> dict[str, Any]:
    """The same for the query string, where names that are not known are somebody else's."""
    known = serializer_class().fields
    query = request.query_params.copy()
    for name in set(query) - set(known):
        del query[name]
    return _checked(serializer_class, request, query)


def _checked(serializer_class: type[Serializer], request: Any, data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise TupletsError(Code.INVALID_REQUEST, "The request body must be a JSON object.")
    present = {key: data[key] for key in data if not _is_absent(data[key])}
    serializer = serializer_class(data=present, context={"request": request})
    accepted = ", ".join(serializer.fields)
    for key in data:
        name = str(key)[:100]
        if key not in serializer.fields:
            raise TupletsError(Code.INVALID_FIELD, f"Unknown field '{name}'. Accepted fields: {accepted}.", field=name)
        if isinstance(data, MultiValueDict) and len(data.getlist(key)) > 1:
            raise TupletsError(Code.INVALID_FIELD, f"{name} was sent more than once.", field=name)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def utc(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a `Z`, the only form of a time in an answer."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

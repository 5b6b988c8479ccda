"""Who is calling: an API key as a bearer token, or the session cookie.
A bad key is 401 on every route, public ones included.
"""

from typing import Any

import structlog
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from accounts.models import Account, ApiKey, User
from accounts.services import account_for
from tuplets.errors import Code, TupletsError


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer tb_…`. No header is no attempt; a wrong key or another scheme is an error."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise TupletsError(Code.UNAUTHORIZED)
        key = ApiKey.objects.find(token.strip())
        if key is None or not key.is_usable:
            raise TupletsError(Code.UNAUTHORIZED)
        key.note_use()
        structlog.contextvars.bind_contextvars(account_id=str(key.account_id))
        return key.created_by, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="tuplets"'


class SessionCookieAuthentication(SessionAuthentication):
    """Django's session, with its CSRF check on every method that changes something."""


def user_of(request: Request) -> User:
    """The signed-in user, behind a permission class that let nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def account_of(request: Any) -> Account:
    """The tenant whose things this request may see. 403 for a user who is in no active account."""
    if isinstance(request.auth, ApiKey):
        return request.auth.account
    account = account_for(user=request.user)
    if account is None:
        raise TupletsError(Code.FORBIDDEN, "You are not a member of an active account.")
    return account

"""What a caller must be before an endpoint does anything."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tuplets.errors import Code, TupletsError


class VerifiedAccount(BasePermission):
    """Signed in (401) with a verified e-mail (403)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise TupletsError(Code.UNAUTHORIZED)
        if request.user.email_verified_at is None:
            raise TupletsError(Code.EMAIL_UNVERIFIED)
        return True

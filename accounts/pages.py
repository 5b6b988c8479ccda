"""`member_page`: pages of an account, for its members. Signed out, they lead to the sign-in page."""

from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render

from accounts.models import User
from accounts.services import account_for
from tuplets.pages import View, strict


def member_page(view: View) -> View:
    """The view is called with the request and the account in which the signed-in user works. What it can't find, and
    a user without an account, get a page that says so.
    """

    @strict
    @login_required
    @wraps(view)
    def for_member(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        assert isinstance(request.user, User)
        account = account_for(user=request.user)
        if account is None:
            return render(request, "sorry.html", {"sentence": "You are not a member of an active account."}, status=403)
        try:
            return view(request, account, *args, **kwargs)
        except Http404:
            sentence = "There is nothing at this address, or it is another account's."
            return render(request, "sorry.html", {"sentence": sentence}, status=404)

    return for_member

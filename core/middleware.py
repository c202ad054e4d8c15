"""Expected errors become a sentence on a page or a problem document, never a traceback.

Beside it, what the theme of the operator's desk needs from the content security policy.
"""

import logging
from collections.abc import Callable
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from core import doors, limits
from core.addresses import network
from core.api import headers_of, problem_response
from core.bodies import refusal
from core.errors import BoweiError, Invalid, Missing, TooMany
from core.parse import is_text

log = logging.getLogger("bowei.web")


class Unavailable(BoweiError):
    """The database, or Valkey where a page can't do without, does not answer just now."""

    status = 503


class Errors:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if error := refusal(request):
            response = _told(request, error)
            response["Connection"] = "close"  # the rest of the body stays unread
            return response
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, OperationalError | InterfaceError | RedisError):
            log.warning("web.server_away error=%s", type(error).__name__)
            error = Unavailable(
                "unavailable", _("We can't reach our records just now. Try again in a moment.")
            )
        if not isinstance(error, BoweiError):
            return None
        return _told(request, error)


def _told(request: HttpRequest, error: BoweiError) -> HttpResponse:
    """The error for a program or for a person."""
    if request.path.startswith("/api/"):
        return problem_response(error)
    page = render(request, "base/error.html", {"error": error}, status=error.status)
    return _when(page, error)


def _when(response: HttpResponse, error: BoweiError) -> HttpResponse:
    for name, value in headers_of(error).items():
        response[name] = value
    return response


class Discreet:
    """Nothing of ours is kept by anybody on the way unless it says so itself, and no page is given
    a telephone's camera, microphone or place: photographs come by the file field."""

    POLICY = ", ".join(f"{name}=()" for name in ("camera", "microphone", "geolocation", "payment"))

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        if "Permissions-Policy" not in response:
            response["Permissions-Policy"] = self.POLICY
        return response


class Limits:
    """Counts what is asked for at each door before anything else is done for it (core.limits).

    A refusal that came later, of a service, becomes the status of whatever page tells of it: what
    was typed stays typed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with limits.asked_by(_asker_of(request)) as who:
            response = self.get_response(request)
        if not who.refused:
            return response
        error = who.refused[0]
        if response.status_code // 100 == 3:  # on to a page that would not say it
            return _told(request, error)
        response.status_code = error.status
        return _when(response, error)

    def process_view(self, request: HttpRequest, view: Any, *_given: Any) -> HttpResponse | None:
        assert request.resolver_match is not None
        try:
            limits.count(doors.deed_of(request.resolver_match, request.method or ""))
        except TooMany as error:
            return _told(request, error)
        return None


def _asker_of(request: HttpRequest) -> limits.Asker:
    def person() -> int | None:
        return request.user.pk if settings.SESSION_COOKIE_NAME in request.COOKIES else None

    return limits.Asker(
        network=network(request.META.get("REMOTE_ADDR") or ""),
        person=person,
        browser=limits.browser_of(request),
    )


class Legible:
    """Refuses what no text can hold (NUL, control characters) in paths, queries and forms, at one
    door: behind it every text may be looked for and kept. JSON has its own (core.inputs)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_text(request.path_info):
            return _told(request, Missing())
        if not _all_text(request.GET):
            return _told(request, _illegible())
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_given: Any) -> HttpResponse | None:
        """Forms of pages; CsrfViewMiddleware has read them before."""
        if request.method != "POST" or request.path.startswith("/api/"):
            return None
        return None if _all_text(request.POST) else _told(request, _illegible())


def _all_text(given: QueryDict) -> bool:
    return all(is_text(text) for name, texts in given.lists() for text in (name, *texts))


def _illegible() -> Invalid:
    return Invalid("no_text", _("Something typed holds characters that are no text."))


class DeskPolicy:
    """The desk's theme runs its attributes as scripts and sets styles: there and only there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(reverse("admin:index")):
            response._csp_replace = {  # type: ignore[attr-defined]
                "script-src": [SELF, UNSAFE_EVAL],
                "style-src": [SELF, UNSAFE_INLINE],
            }
        return response

"""Expected errors become a sentence on a page or a problem document, never a traceback."""

import logging
from collections.abc import Callable

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from core.api import problem_response
from core.errors import BoweiError

log = logging.getLogger("bowei.web")


class Unavailable(BoweiError):
    """The database does not answer just now."""

    status = 503


class Errors:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, OperationalError):
            log.warning("web.database_away")
            error = Unavailable(
                "unavailable", _("We can't reach our records just now. Try again in a moment.")
            )
        if not isinstance(error, BoweiError):
            return None
        if request.path.startswith("/api/"):
            return problem_response(error)
        return render(request, "base/error.html", {"error": error}, status=error.status)

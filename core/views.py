"""Pages of no row: photographs, errors, health, language, "is this page real?"."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.i18n import JavaScriptCatalog

from core import images, links, wake
from core.api import problem_response
from core.errors import BoweiError, Denied, Invalid, Missing
from core.models import StoredImage


class DeskWords(JavaScriptCatalog):
    """The words of the admin's scripts; Django does not say these in Chinese yet."""

    packages = ["django.contrib.admin"]
    SAID: ClassVar = {
        'Choose %s by selecting them and then select the "Choose" arrow button.': _(
            'Choose %s by selecting them and then select the "Choose" arrow button.'
        ),
        'Remove %s by selecting them and then select the "Remove" arrow button.': _(
            'Remove %s by selecting them and then select the "Remove" arrow button.'
        ),
        "Choose all %s": _("Choose all %s"),
        "Choose selected %s": _("Choose selected %s"),
        "Remove all %s": _("Remove all %s"),
        "Remove selected %s": _("Remove selected %s"),
        "(click to clear)": _("(click to clear)"),
    }

    def get_catalog(self) -> dict[str, Any]:
        said = {text: str(word) for text, word in self.SAID.items()}
        return said | super().get_catalog()


def photograph(request: HttpRequest, token: str) -> HttpResponse:
    """A photograph, for whoever was given its address within the hour."""
    sha256 = links.read("photograph", token, max_age_s=images.URL_LIVES_S)["sha256"]
    kept = StoredImage.objects.filter(pk=sha256).first()
    if kept is None:
        raise Missing("no_image")
    response = HttpResponse(images.load(sha256), content_type=kept.content_type)
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Disposition"] = "inline"
    return response


def real(request: HttpRequest) -> HttpResponse:
    """How to tell our pages from a forged one (a sticker over a berth's code)."""
    return render(request, "core/owner_real.html", {"host": urlsplit(settings.PUBLIC_URL).netloc})


def alive(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"alive": True})


def ready(request: HttpRequest) -> JsonResponse:
    """Database and Valkey answer too; 503 with the name of what does not."""
    state = {"database": True, "valkey": True}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:
        state["database"] = False
    try:
        wake.client().ping()
    except Exception:
        state["valkey"] = False
    return JsonResponse(state, status=200 if all(state.values()) else 503)


def _error(request: HttpRequest, error: BoweiError) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_response(error)
    return render(request, "base/error.html", {"error": error}, status=error.status)


class _Failure(BoweiError):
    status = 500


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _error(request, Invalid("bad_request", _("We could not understand this request.")))


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _error(request, Denied())


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _error(request, Missing())


def server_error(request: HttpRequest) -> HttpResponse:
    text = _("Something broke on our side. Nothing was charged by this. Try again in a moment.")
    return _error(request, _Failure("broken", text))

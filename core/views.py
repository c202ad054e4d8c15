"""Pages of no row: photographs, errors, health, language, "is this page real?"."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.i18n import JavaScriptCatalog

from core import audit, images, links, personal, wake
from core.api import problem_response
from core.errors import BoweiError, Denied, Invalid, Missing
from core.forms import WhyOriginal
from core.models import StoredImage
from core.pictures import first_picture

PREPARED_IN_S = 3
PREPARING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" width="320" height="200">'
    '<rect width="320" height="200" fill="#eef0f2"/>'
    '<g text-anchor="middle" font-family="sans-serif" fill="#3b4450">'
    '<text x="160" y="94" font-size="16">{}</text><text x="160" y="122" font-size="13">{}</text>'
    "</g></svg>"
)


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
    """A photograph as strangers may see it, for whoever was given its address within the hour."""
    told = links.read("photograph", token, max_age_s=images.URL_LIVES_S)
    if not images.exists(told["sha"]):
        return _gone()
    keeps = personal.unseal(told["keeps"]) if told["keeps"] else ""
    seen = images.shown(told["sha"], keeps)
    if seen is None:
        return _being_prepared(request)
    return _picture(seen, "image/jpeg")


def _being_prepared(request: HttpRequest) -> HttpResponse:
    """A picture that says so, until strangers are covered; opened by itself it asks again."""
    lines = (
        _("The photograph is being prepared"),
        _("Others' plates and faces are covered first."),
    )
    drawn = PREPARING.format(*(escape(line) for line in lines))
    response = HttpResponse(drawn, content_type="image/svg+xml", status=202)
    response["Cache-Control"] = "no-store"
    response["Retry-After"] = response["Refresh"] = str(PREPARED_IN_S)
    return response


def _gone() -> HttpResponse:
    """A picture that says that the photograph was deleted when it was needed no more."""
    lines = _("This photograph was deleted"), _("What it was needed for is over.")
    drawn = PREPARING.format(*(escape(line) for line in lines))
    return HttpResponse(drawn, content_type="image/svg+xml", status=410)


def _picture(data: bytes, content_type: str) -> HttpResponse:
    response = HttpResponse(data, content_type=content_type)
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Disposition"] = "inline"
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
def original(request: HttpRequest, token: str) -> HttpResponse:
    """What the camera sent, for the person that the address was made for, noted with their why."""
    told = links.read("original", token, max_age_s=images.URL_LIVES_S)
    person = _meant(request, told)
    kept = StoredImage.objects.filter(pk=told["sha"]).first()
    if kept is None:
        raise Missing("no_image")
    data = first_picture(images.load(kept.sha256))  # without where it was taken
    once = personal.digest(f"{person.pk}/{kept.sha256}/{told['why']}")
    if cache.add(f"original:{once}", 1, images.URL_LIVES_S):
        audit.record(
            person,
            "original photograph seen",
            actor=f"user:{person.pk}",
            reason=told["why"],
            photograph=kept.sha256[:16],
        )
    return _picture(data, kept.content_type)


@never_cache
@require_http_methods(["GET", "POST"])
def ask_original(request: HttpRequest, token: str) -> HttpResponse:
    """A person of staff says why they open the original of a photograph."""
    told = links.read("ask original", token, max_age_s=images.URL_LIVES_S)
    _meant(request, told)
    form = WhyOriginal(request.POST or None)
    if form.is_valid():
        why = form.cleaned_data["why"]
        return redirect(images.original_url(told["sha"], person_id=told["person"], why=why))
    return render(request, "core/ask_original.html", {"form": form})


def _meant(request: HttpRequest, told: dict[str, Any]) -> Any:
    """Whoever asks, if the address was made for them. Raises Missing."""
    person: Any = request.user
    meant = person.is_staff if told["person"] is None else person.pk == told["person"]
    if not (person.is_active and meant):
        raise Missing("bad_link")
    return person


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

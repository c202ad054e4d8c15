"""Who does what weighs much shows anew who they are: within the last five minutes (docs/login.md).

Which acts: the column `again` of docs/acts.csv. A form that was sent too late is not lost: the page
that asks carries it, and it is done with the answer.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect

from accounts import factors
from accounts.entering import PROVED, VISIT
from accounts.models import User
from core import acts, audit, clock, deeds, limits
from core.api import problem_response
from core.errors import BoweiError, Denied, Invalid

RECENT_S = 5 * 60
FIELDS = ("again_code", "again_passkey", "again_password")


def note(session: SessionBase) -> None:
    """Who is logged in here has just shown who they are."""
    session[PROVED] = clock.real().timestamp()


def is_recent(session: SessionBase) -> bool:
    age_s = clock.real().timestamp() - float(session.get(PROVED, 0))
    return 0 <= age_s <= RECENT_S


class NotRecent(Denied):
    """An interface is asked for what only who has shown lately who they are may do."""

    def __init__(self) -> None:
        super().__init__(
            "recent_authentication_required",
            _("Show once more who you are, at %(again)s, then ask again within five minutes."),
            again=reverse("accounts.again"),
        )


def prove(request: HttpRequest, person: User) -> None:
    """By a second factor, where the person has one, else by their password. Raises Invalid,
    TooMany."""
    given = {name: request.POST.get(name, "") for name in FIELDS}
    with limits.attempt(deeds.FACTOR, who=str(person.pk)) as right:
        if factors.has_any(person):
            how = factors.shown(
                person,
                code=given["again_code"],
                passkey=given["again_passkey"],
                session=request.session,
            )
        else:
            how = "password" if person.check_password(given["again_password"]) else ""
        if not how:
            audit.note(VISIT, person.pk, "not shown anew", actor=person.actor)
            raise Invalid("not_shown", _("That was not right. Try once more."))
        right()
    audit.note(VISIT, person.pk, "shown anew", actor=person.actor, by=how)
    note(request.session)


def page(
    request: HttpRequest, person: User, *, following: str = "", error: BoweiError | None = None
) -> HttpResponse:
    """Asks who it is, and keeps what was sent; passwords are typed anew."""
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in (*FIELDS, "csrfmiddlewaretoken", "next") and "password" not in name
    ]
    context = {
        "kept": [] if following else kept,
        "action": reverse("accounts.again") if following else request.get_full_path(),
        "next": following,
        "by_factor": factors.has_any(person),
        "by_phone": not person.has_usable_password(),
        "passkey": factors.ask_passkey(person, request.session),
        "error": error,
    }
    return render(request, "registration/again.html", context)


class Again:
    """Asks before the acts that the table marks, whichever door they are done at."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_given: Any) -> HttpResponse | None:
        person = request.user
        if not acts.asks_again(request) or not isinstance(person, User):
            return None
        if is_recent(request.session):
            return None
        if request.path.startswith("/api/"):
            return problem_response(NotRecent())
        if request.htmx:  # type: ignore[attr-defined]
            came_from = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
            return HttpResponseClientRedirect(_asking(came_from))
        if request.method != "POST":
            return redirect(_asking(request.get_full_path()))
        if request.FILES:  # which no page can carry on
            return redirect(_asking(request.get_full_path()))
        if not any(request.POST.get(name) for name in FIELDS):
            return page(request, person)
        try:
            prove(request, person)
        except BoweiError as error:
            return page(request, person, error=error)
        return None


def _asking(following: str) -> str:
    return f"{reverse('accounts.again')}?{urlencode({'next': following})}"

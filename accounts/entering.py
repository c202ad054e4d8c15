"""Who came in, who was kept out, and what staff were refused: entries of the trail.

Of the log-ins of owners only what came in stands there; whose phone it was, their account says.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from accounts import selectors, visits
from accounts.models import User
from accounts.rules import may
from core import audit, clock
from core.addresses import network

NOBODY = "nobody"
VISIT = "accounts.visit"  # of the person of this number; 0: of a name that nobody has
ONCE_A_S = 60  # a refusal that is repeated within this stands there once


PROVED = "proved_at"  # when who is logged in has last shown who they are


@receiver(user_logged_in)
def came_in(sender: Any, request: HttpRequest | None, user: User, **_more: Any) -> None:
    if request is not None:
        visits.begin(request, _span_of(user))
        request.session[PROVED] = clock.real().timestamp()
    audit.note(VISIT, user.pk, "logged in", actor=user.actor, **_from(request))


@receiver(user_logged_out)
def went_out(sender: Any, request: HttpRequest | None, user: User | None, **_more: Any) -> None:
    if user is not None:
        audit.note(VISIT, user.pk, "logged out", actor=user.actor, **_from(request))


@receiver(user_login_failed)
def kept_out(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any
) -> None:
    """A wrong password: among the visits of whose name was typed, if it is anybody's."""
    name = str(credentials.get("username") or "")[:150]
    person = User.objects.filter(username=name).first() if name else None
    audit.note(VISIT, person.pk if person else 0, "log-in refused", actor=NOBODY, **_from(request))


def _span_of(user: User) -> visits.Span:
    """How long this person's log-in lasts: the more they may touch, the shorter."""
    roles = selectors.roles_of(user)
    if user.is_staff or any(may(role, "money") for role in roles):
        return visits.DESK
    return visits.SHIFT if roles else visits.OWNER


def made_to_wait(request: HttpRequest, name: str) -> None:
    """Too many wrong ones: noted once a minute for a network, among the visits of the name."""
    facts = _from(request)
    if _first(f"accounts.waits.{facts.get('network', '')}"):
        person = User.objects.filter(username=name).first() if name else None
        audit.note(VISIT, person.pk if person else 0, "log-in made to wait", actor=NOBODY, **facts)


def _from(request: HttpRequest | None) -> dict[str, str]:
    """Where it came from: the network, which is many people's, not the address."""
    return {"network": network(request.META.get("REMOTE_ADDR") or "")} if request else {}


class Refusals:
    """Each 403 of who works for a merchant or on the desk stands among their visits."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        person: Any = request.user  # None where a device or a lot asked
        if response.status_code == 403 and person is not None and person.is_authenticated:
            self._note(request, person)
        return response

    def _note(self, request: HttpRequest, person: Any) -> None:
        match = request.resolver_match
        what = match.route if match else ""
        if selectors.works_here(person) and _first(
            f"accounts.refused.{person.pk}.{request.method}.{what}"
        ):
            audit.note(
                VISIT,
                person.pk,
                "refused",
                actor=person.actor,
                method=request.method or "",
                address=what,
            )


def _first(key: str) -> bool:
    """Whether this was not noted just now; without Valkey it is noted again."""
    try:
        return bool(cache.add(key, 1, ONCE_A_S))
    except RedisError:
        return True

"""The sessions of Bowei: whose, in which browser, since when; when they end by themselves.

An engine for Django's sessions. A row's key is the digest of what the browser holds. A log-in ends
after its whole time, after being unused for its idle time, and when somebody ends it
(docs/login.md).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime

from accounts.keys import Visit
from core import clock

TOLD = "visit"  # what a session knows of its visit
UNASKED = "X-Bowei-Unasked"  # what a page fetches by itself is no sign of a person
NOTE_EVERY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Span:
    """How long a log-in lasts at most, and unused; in seconds. None: as long as it lasts."""

    lives_s: int
    idle_s: int | None


DESK = Span(12 * 3600, 30 * 60)  # the desk, and roles that touch money
SHIFT = Span(12 * 3600, 4 * 3600)  # attendants, whose telephone is in their hand all day
OWNER = Span(30 * 24 * 3600, None)  # of a vehicle: a telephone of their own


def digest(key: str | None) -> str:
    """What is kept of a session's key: 160 bits, which no table of guesses reaches."""
    return hashlib.blake2b((key or "").encode(), digest_size=20).hexdigest()


class SessionStore(DatabaseStore):
    """Django's store in the database, by the digest of the key, with its visit beside it."""

    row: Visit | None = None

    @classmethod
    def get_model_class(cls) -> type[Visit]:  # type: ignore[override]
        return Visit

    def _get_session_from_db(self) -> Visit | None:  # type: ignore[override]
        return self._found(running().filter(pk=digest(self.session_key)).first())

    async def _aget_session_from_db(self) -> Visit | None:
        return self._found(await running().filter(pk=digest(self.session_key)).afirst())

    def _found(self, row: Visit | None) -> Visit | None:
        self.row = row
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        return Visit.objects.filter(pk=digest(session_key)).exists()

    async def aexists(self, session_key: str) -> bool:
        return await Visit.objects.filter(pk=digest(session_key)).aexists()

    def create_model_instance(self, data: dict[str, Any]) -> Visit:  # type: ignore[override]
        key: str = self._get_or_create_session_key()  # type: ignore[attr-defined]
        return self._row(key, data, self.get_expiry_date())

    async def acreate_model_instance(self, data: dict[str, Any]) -> Visit:
        key: str = await self._aget_or_create_session_key()  # type: ignore[attr-defined]
        return self._row(key, data, await self.aget_expiry_date())

    def _row(self, key: str, data: dict[str, Any], expires: datetime) -> Visit:
        now = clock.real()
        told = data.get(TOLD, {})
        since = parse_datetime(told.get("since", "")) or now
        if told:
            expires = since + timedelta(seconds=told["lives_s"])
        return Visit(
            session_key=digest(key),
            session_data=self.encode(data),
            expire_date=expires,
            user_id=int(data[SESSION_KEY]) if SESSION_KEY in data else None,
            browser=told.get("browser", ""),
            network=told.get("network", ""),
            since=since,
            seen_at=now,
            idle_s=told.get("idle_s"),
        )

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            Visit.objects.filter(pk=digest(key)).delete()

    async def adelete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            await Visit.objects.filter(pk=digest(key)).adelete()


def running() -> QuerySet[Visit]:
    """The sessions that are not over."""
    now = clock.real()
    idle = ExpressionWrapper(F("idle_s") * timedelta(seconds=1), output_field=DurationField())
    rows = Visit.objects.filter(expire_date__gt=now)
    return rows.filter(Q(idle_s=None) | Q(seen_at__gt=now - idle))


def begin(request: HttpRequest, span: Span) -> None:
    """This session is a log-in from now on, of this browser, and lasts so long."""
    request.session[TOLD] = {
        "since": clock.real().isoformat(),
        "lives_s": span.lives_s,
        "idle_s": span.idle_s,
        "browser": browser_in_words(request.META.get("HTTP_USER_AGENT", "")),
        "network": roughly(request.META.get("REMOTE_ADDR") or ""),
    }
    request.session.set_expiry(span.lives_s)


def of_person(user_id: int) -> list[Visit]:
    """Where this person is logged in, last used first."""
    return list(running().filter(user=user_id).order_by("-seen_at"))


def end(user_id: int, *, keys: list[str] | None = None, but: str | None = None) -> int:
    """Ends the log-ins of this person: those with these digests, or all; but one. How many."""
    rows = Visit.objects.filter(user=user_id)
    if keys is not None:
        rows = rows.filter(pk__in=keys)
    if but is not None:
        rows = rows.exclude(pk=digest(but))
    return rows.delete()[0]


def forget_over() -> int:
    """Nightly: sessions that are over are deleted."""
    return Visit.objects.exclude(pk__in=running().values("pk")).delete()[0]


def roughly(address: str) -> str:
    """A network as one recognises it, and no more: 203.0.113.x, 2001:db8:1::."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if found.version == 4:
        return ".".join([*str(found).split(".")[:3], "x"])
    return str(ip_network((found, 48), strict=False).network_address)


BROWSERS = ("MicroMessenger", "AlipayClient", "Edg", "Firefox", "Chrome", "Safari")
SYSTEMS = ("HarmonyOS", "Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
WORDS = {"MicroMessenger": "WeChat", "AlipayClient": "Alipay", "Edg": "Edge", "Mac OS X": "macOS"}


def browser_in_words(agent: str) -> str:
    """A browser as people know theirs: Chrome · Windows."""
    parts = [
        next((one for one in names if re.search(rf"\b{one}", agent)), "")
        for names in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(WORDS.get(one, one) for one in parts if one) or agent[:80]


class Used:
    """Notes that a log-in is used, every two minutes at most, unless the page asks by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        row: Visit | None = getattr(request.session, "row", None)
        now = clock.real()
        if row is None or not row.user_id or UNASKED in request.headers:
            return response
        if now - row.seen_at > NOTE_EVERY:
            Visit.objects.filter(pk=row.pk, seen_at=row.seen_at).update(seen_at=now)
        return response

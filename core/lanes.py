"""How many requests a process works on at a time, so that a flood leaves room for the rest.

Each request takes a thread, a share of the interpreter and a database connection. A lane has so
many places; who finds none waits in line, first come first served, but no network has more than its
share of the places or of the line. Devices have threads of their own (devices/gateway.py); together
the lanes and those threads are as many as the pool has connections (BOWEI_PLACES in the settings),
so that none of them ever waits for another's.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings

from core.addresses import Application, Scope, network_of
from core.api import PROBLEM

# By lane (BOWEI_PLACES), what goes there; everything else is pages. Payments that were made stand
# behind nothing at all; a barrier's question, photographs of devices, and whether we live, not
# behind pages; and pages not behind log-ins, each of which hashes a password.
LANES: dict[str, tuple[str, ...]] = {
    "money": ("/api/v1/payments/notify/",),
    "machines": ("/api/v1/monthlycard/lots/questions/", "/api/v1/devices/images/", "/health/"),
    "log_ins": ("/login/", "/me/login/", "/admin/login/"),
}
SENT_ONLY = {"log_ins"}  # the form itself is a page
MOST_WAITING, MOST_WAITING_OF_NETWORK = 400, 100
MOST_WAIT_S = 10.0
RETRY_AFTER_S = 5

PAGE = (
    '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>503</title><p>当前访问的人过多，请过几秒再试。</p>"
    "<p>Too many people are here just now. Try again in a few seconds.</p>"
).encode()
BUSY = {
    "type": "urn:bowei:problem:busy",
    "title": "Too many requests are under way. Try again in a few seconds.",
    "status": 503,
    "code": "busy",
}


class Full(Exception):
    """The line is too long, or the wait was."""


class Line:
    """Places for `places` at a time, of which one network has at most `of_network`."""

    def __init__(self, places: int, of_network: int) -> None:
        self.places, self.of_network = places, of_network
        self._inside: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    async def enter(self, network: str) -> None:
        """Take a place, or wait for one. Raises Full."""
        if self._has_room(network):
            self._inside[network] += 1
            return
        ahead = sum(1 for who, _place in self._waiting if who == network)
        if len(self._waiting) >= MOST_WAITING or ahead >= MOST_WAITING_OF_NETWORK:
            raise Full
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((network, place))
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():  # given in the same moment
                self.leave(network)
            else:
                self._waiting.remove((network, place))
            if isinstance(error, TimeoutError):
                raise Full from error
            raise

    def leave(self, network: str) -> None:
        """Give the place to the first in line who may have it."""
        self._inside[network] -= 1
        if not self._inside[network]:
            del self._inside[network]
        for one in list(self._waiting):
            who, place = one
            if not place.done() and self._has_room(who):
                self._waiting.remove(one)
                self._inside[who] += 1
                place.set_result(None)
                return

    def _has_room(self, network: str) -> bool:
        return self._inside.total() < self.places and self._inside[network] < self.of_network


def keep_to_lanes(application: Application) -> Application:
    """The same application, which works on so many requests at a time; the others wait or go.

    A place is taken when the body is in, so that nobody holds one by sending slowly.
    """
    lines: MutableMapping[asyncio.AbstractEventLoop, dict[str, Line]] = WeakKeyDictionary()

    def line_for(scope: Scope) -> Line:
        loop = asyncio.get_running_loop()
        if loop not in lines:
            lines[loop] = {lane: _line(lane) for lane in ("pages", *LANES)}
        return lines[loop][_lane_of(scope)]

    async def kept(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        line, network, inside = line_for(scope), network_of(scope), False

        async def received() -> dict[str, Any]:
            nonlocal inside
            event: dict[str, Any] = await receive()
            if not inside and event["type"] == "http.request" and not event.get("more_body"):
                await line.enter(network)
                inside = True
            return event

        try:
            await application(scope, received, send)
        except Full:
            await _turn_away(scope, send)
        finally:
            if inside:
                line.leave(network)

    return kept


def _line(lane: str) -> Line:
    """What machines ask comes from few networks; of people none has more than half."""
    places = settings.BOWEI_PLACES[lane]
    return Line(places, max(1, places // 2) if lane in ("pages", "log_ins") else places)


def _lane_of(scope: Scope) -> str:
    for lane, begins in LANES.items():
        if scope["path"].startswith(begins):
            return "pages" if lane in SENT_ONLY and scope["method"] != "POST" else lane
    return "pages"


async def _turn_away(scope: Scope, send: Any) -> None:
    program = scope["path"].startswith("/api/")
    kind, body = (
        (PROBLEM, json.dumps(BUSY).encode()) if program else ("text/html; charset=utf-8", PAGE)
    )
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER_S).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""Limits of request bodies: too large or too slow a one is refused before it is taken in.

Django's handler takes a body in wholly, into memory and then onto the disk, before any view sees
it, so the limits must stand before it. What they refuse still becomes a page or a problem document
of Django's, made by `core.middleware.Errors` from what `refusal` finds.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy as _

from core import sizes
from core.addresses import Application, Scope, network_of
from core.errors import BoweiError, Invalid
from core.rates import Present

REFUSED = "core.bodies.refused"
View = TypeVar("View", bound=Callable[..., Any])

_large = Present()


class TooLarge(Invalid):
    status = 413

    def __init__(self) -> None:
        super().__init__("too_large", _("What you sent is too large. Nothing of it was kept."))


class TooSlow(BoweiError):
    status = 408

    def __init__(self) -> None:
        super().__init__("too_slow", _("What you sent did not arrive in time. Send it again."))


class TooManyAtOnce(BoweiError):
    status = 503

    def __init__(self) -> None:
        text = _("Too many photographs are being sent just now. Try again in a moment.")
        super().__init__("busy", text)


def takes_photographs(view: View) -> View:
    """Let this view, in a list of addresses, have a body of a photograph's size."""
    view.takes_photographs = True  # type: ignore[attr-defined]
    return view


def limit_bodies(application: Application) -> Application:
    """The same application, which is never given a larger body than its view takes."""

    async def limited(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        body = _Body(scope, receive)
        try:
            await application(body.scope, body.receive, send)
        finally:
            body.leave()

    return limited


def refusal(request: HttpRequest) -> BoweiError | None:
    """Why the body of this request was not taken in."""
    refused: list[BoweiError] = getattr(request, "scope", {}).get(REFUSED, [])
    return refused[0] if refused else None


class _Body:
    """A body on its way in."""

    def __init__(self, scope: Scope, receive: Any) -> None:
        self._refused: list[BoweiError] = []
        self.scope = {**scope, REFUSED: self._refused}
        self._receive = receive
        self._taken, self._whole = 0, False
        self._until_s = time.monotonic() + sizes.BODY_S
        self._present: dict[Hashable, int] | None = None
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self._most = sizes.BODY_BYTES
        if (length.isdigit() and int(length) > sizes.BODY_BYTES) or b"transfer-encoding" in headers:
            self._most = _most_bytes(scope["path"])
        if length.isdigit() and int(length) > self._most:
            self._refuse(TooLarge())
        elif self._most > sizes.BODY_BYTES:
            limits: dict[Hashable, int] = {
                network_of(scope): sizes.LARGE_OF_NETWORK,
                "all": sizes.LARGE_OF_ALL,
            }
            if _large.enter(limits):
                self._present = limits
            else:
                self._refuse(TooManyAtOnce())

    async def receive(self) -> dict[str, Any]:
        if self._whole:
            event: dict[str, Any] = await self._receive()
            while event["type"] == "http.request":  # of a body that was given up
                event = await self._receive()
            return event
        if not self._refused:
            try:
                async with asyncio.timeout(self._until_s - time.monotonic()):
                    event = await self._receive()
            except TimeoutError:
                self._refuse(TooSlow())
            else:
                self._taken += len(event.get("body", b""))
                if self._taken <= self._most:
                    self._whole = not event.get("more_body", False)
                    if self._whole:
                        self.leave()
                    return event
                self._refuse(TooLarge())
        self._whole = True
        self.leave()
        return {"type": "http.request", "body": b"", "more_body": False}

    def leave(self) -> None:
        """It is in, or was given up: there is room for another large one."""
        if self._present is not None:
            _large.leave(self._present)
            self._present = None

    def _refuse(self, error: BoweiError) -> None:
        self._refused.append(error)


def _most_bytes(path: str) -> int:
    try:
        view = resolve(path).func
    except Resolver404:
        return sizes.BODY_BYTES
    if getattr(view, "takes_photographs", False):
        return sizes.PHOTOGRAPH_BYTES + sizes.BODY_BYTES  # and the form around it
    return sizes.BODY_BYTES

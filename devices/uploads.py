"""The door before photographs: too large a body is refused before it is read.

Django's ASGI handler takes a body in wholly before any view sees it, so the limit must stand here.
"""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings

PLACE = "/api/v1/devices/images/"
PROBLEM = {
    "type": "urn:bowei:problem:too_large",
    "title": "The photograph is too large.",
    "status": 413,
    "code": "too_large",
}

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Any]


class TooLarge(Exception):
    pass


def limit_uploads(application: Application) -> Application:
    """The same application, which never takes more than a photograph's limit at PLACE."""

    async def limited(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PLACE):
            await application(scope, receive, send)
            return
        most, taken = settings.BOWEI_IMAGE_LIMIT, 0
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            await _refuse(send)
            return

        async def counted() -> dict[str, Any]:
            nonlocal taken
            event: dict[str, Any] = await receive()
            taken += len(event.get("body", b""))
            if taken > most:
                raise TooLarge
            return event

        try:
            await application(scope, counted, send)
        except TooLarge:
            await _refuse(send)

    return limited


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(PROBLEM).encode()})

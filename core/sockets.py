"""Websocket refusals: a status and a reason in place of a bare 403."""

import json
from typing import Any

from core.api import PROBLEM

Scope = dict[str, Any]
TRY_AGAIN = 1013


async def refuse(
    scope: Scope,
    send: Any,
    *,
    status: int,
    code: str,
    title: str,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    retry_after_s: int | None = None,
) -> None:
    """Answer the handshake with an HTTP status and a problem document; the socket never opens.

    A server that can't do so answers 403.
    """
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": TRY_AGAIN})
        return
    head = [(b"content-type", PROBLEM.encode()), *headers]
    if retry_after_s is not None:
        head.append((b"retry-after", str(retry_after_s).encode()))
    body = {"type": f"urn:bowei:problem:{code}", "title": title, "status": status, "code": code}
    await send({"type": "websocket.http.response.start", "status": status, "headers": head})
    await send({"type": "websocket.http.response.body", "body": json.dumps(body).encode()})


async def nowhere(scope: Any, receive: Any, send: Any) -> Any:
    """Where no websocket lives."""
    await receive()
    await refuse(scope, send, status=404, code="missing", title="There is no socket here.")

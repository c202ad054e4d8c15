"""A socket that is refused says why, and where the server can't, to try again."""

import json
from typing import Any

from core import sockets

ANSWERS: dict[str, Any] = {"extensions": {"websocket.http.response": {}}}


async def refusal(scope: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await sockets.refuse(scope, send, status=429, code="slow", title="Later.", **more)
    return said


async def test_a_refusal_has_a_status_a_problem_and_when_to_come_again() -> None:
    head, body = await refusal(ANSWERS, headers=((b"x-a", b"b"),), retry_after_s=7)
    assert (head["type"], head["status"]) == ("websocket.http.response.start", 429)
    assert dict(head["headers"]) == {
        b"content-type": b"application/problem+json",
        b"x-a": b"b",
        b"retry-after": b"7",
    }
    assert body["type"] == "websocket.http.response.body"
    assert json.loads(body["body"]) == {
        "type": "urn:bowei:problem:slow",
        "title": "Later.",
        "status": 429,
        "code": "slow",
    }


async def test_a_refusal_names_no_time_where_there_is_none() -> None:
    head, _body = await refusal(ANSWERS)
    assert b"retry-after" not in dict(head["headers"])


async def test_a_server_that_cannot_answer_closes_with_try_again_later() -> None:
    scopes: list[dict[str, Any]] = [{}, {"extensions": {}}]
    for scope in scopes:
        assert await refusal(scope) == [{"type": "websocket.close", "code": 1013}]


async def test_where_no_socket_lives_is_told_so() -> None:
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await sockets.nowhere(ANSWERS, receive, send)
    assert said[0]["status"] == 404
    assert json.loads(said[1]["body"])["code"] == "missing"

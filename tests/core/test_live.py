"""Live pages cost a socket each: so many of a token and of a network, and none that speaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from config import server
from core import deeds, sizes
from core import live as pages
from core.deeds import Rate
from core.rates import Memory


async def look(live: Any, token: str) -> ClientConnection:
    return await connect(f"{live.ws}/live/{token}", proxy=None)


async def refused(live: Any, token: str) -> websockets.Response:
    with pytest.raises(websockets.InvalidStatus) as no:
        await look(live, token)
    return no.value.response


async def test_a_token_has_so_many_sockets_and_who_leaves_makes_room(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "LIVE_OF_TOKEN", 2)
    token, other = pages.token("a"), pages.token("b")
    async with AsyncExitStack() as stack:
        first, _second = [await stack.enter_async_context(await look(live, token)) for _ in "12"]
        answer = await refused(live, token)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
        await stack.enter_async_context(await look(live, other))
        await first.close()
        async with asyncio.timeout(10):
            while True:
                try:
                    await stack.enter_async_context(await look(live, token))
                    break
                except websockets.InvalidStatus:
                    await asyncio.sleep(0.02)
    assert await nobody_is_left()


async def nobody_is_left() -> bool:
    async with asyncio.timeout(10):
        while pages._present._counts:
            await asyncio.sleep(0.02)
    return True


async def test_a_network_has_so_many_sockets_whatever_their_tokens(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "LIVE_OF_NETWORK", 2)
    async with AsyncExitStack() as stack:
        for topic in "ab":
            await stack.enter_async_context(await look(live, pages.token(topic)))
        assert (await refused(live, pages.token("c"))).status_code == 429


async def test_a_page_that_speaks_is_let_go(live: Any) -> None:
    async with await look(live, pages.token("a")) as socket:
        await socket.send("hello")
        await asyncio.wait_for(socket.wait_closed(), 10)
        assert socket.close_code == pages.NOT_TO_SPEAK
    assert await nobody_is_left()


async def test_a_message_beyond_the_limit_is_not_collected(live: Any) -> None:
    """Unfinished too: the server ends the socket as soon as the parts are too much."""
    async with await look(live, pages.token("a")) as socket:
        with pytest.raises(websockets.ConnectionClosed):
            await socket.send(unfinished())
        assert socket.close_code == 1009
    assert server.OPTIONS["ws_max_size"] == 66_560


async def unfinished() -> AsyncIterator[str]:
    """A message that never ends; what is sent after the limit would hide the close code."""
    for _part in range(4):
        yield "x" * 16_000
    while True:
        await asyncio.sleep(0.2)
        yield "x" * 3_000


async def test_where_no_socket_lives_the_answer_is_404(live: Any) -> None:
    for path in ("", "devices/a/b", "nowhere"):
        with pytest.raises(websockets.InvalidStatus) as no:
            await connect(f"{live.ws}/{path}", proxy=None)
        assert no.value.response.status_code == 404
        assert b'"code": "missing"' in no.value.response.body


async def test_a_network_opens_so_many_in_a_minute_however_short(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(deeds.SOCKET, network=(Rate(3, 60),))
    monkeypatch.setattr(deeds, "SOCKET", few)
    monkeypatch.setattr(pages, "_opened", Memory())
    for topic in "abc":
        async with await look(live, pages.token(topic)):
            pass
    answer = await refused(live, pages.token("d"))
    assert answer.status_code == 429
    assert 50 < int(answer.headers["Retry-After"]) <= 60
    assert await nobody_is_left()

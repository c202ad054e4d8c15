"""Live pages: a hint over a websocket that something changed; the page then asks again.

A hint may be lost. Pages also ask when they reconnect and now and then, so that what they show is
right again by asking, not by hoping.
"""

import hashlib
import json
from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from core import after_commit, deeds, links, sizes, wake
from core.addresses import network_of
from core.errors import Missing
from core.rates import Memory, Present
from core.sockets import Scope, refuse

TOKEN_LIVES_S = 24 * 3600
FORGED = 4403
NOT_TO_SPEAK = 1008

_present = Present()
_opened = Memory()


def _group(topic: str) -> str:
    return "live." + hashlib.sha256(topic.encode()).hexdigest()[:32]


def token(topic: str) -> str:
    """What a page shows at /live/<token> to hear of `topic`."""
    return links.sign("live", topic=topic)


def push(topic: str, **data: Any) -> None:
    """Tell pages that look at `topic` that it changed, once the transaction has committed."""
    after_commit.once(_Hint(topic, data))


@dataclass(frozen=True, slots=True)
class _Hint:
    topic: str
    data: dict[str, Any]

    def __call__(self) -> None:
        send(self.topic, **self.data)


def send(topic: str, **data: Any) -> None:
    """Tell them now. Never raises: a hint is a hint."""
    wake.group(_group(topic), type="hint", topic=topic, data=data)


class Live(AsyncWebsocketConsumer):
    """One page, listening to one topic."""

    limits: dict[Hashable, int] | None = None  # what this socket counts for, once it is let in

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # whatever has ended it
            if self.limits is not None:
                _present.leave(self.limits)

    async def connect(self) -> None:
        token = self.scope["url_route"]["kwargs"]["token"]
        try:
            data = links.read("live", token, max_age_s=TOKEN_LIVES_S)
        except Missing:
            await self.close(code=FORGED)
            return
        network = network_of(self.scope)
        of_all = [("all", rate) for rate in deeds.SOCKET.everywhere]
        if wait_s := _opened.take([*((network, rate) for rate in deeds.SOCKET.network), *of_all]):
            await self._refuse("Too many pages were opened from here.", ceil(wait_s))
            return
        limits: dict[Hashable, int] = {
            ("token", token): sizes.LIVE_OF_TOKEN,
            ("network", network): sizes.LIVE_OF_NETWORK,
            "all": sizes.LIVE_OF_ALL,
        }
        if not _present.enter(limits):
            await self._refuse("Too many pages listen from here.", 30)
            return
        self.limits = limits
        self.group = _group(data["topic"])
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def _refuse(self, title: str, retry_after_s: int) -> None:
        await refuse(
            self.scope,
            self.base_send,
            status=429,
            code="too_many",
            title=title,
            retry_after_s=retry_after_s,
        )

    async def disconnect(self, code: int) -> None:
        if self.limits is not None:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.close(code=NOT_TO_SPEAK)  # pages only listen

    async def hint(self, message: dict[str, Any]) -> None:
        await self.send(json.dumps({"topic": message["topic"], "data": message["data"]}))

"""Live pages: a hint over a websocket that something changed; the page then asks again.

A hint may be lost. Pages also ask when they reconnect and now and then, so that what they show is
right again by asking, not by hoping.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from core import after_commit, links, wake
from core.errors import Missing

TOKEN_LIVES_S = 24 * 3600
FORGED = 4403


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

    async def connect(self) -> None:
        try:
            data = links.read(
                "live", self.scope["url_route"]["kwargs"]["token"], max_age_s=TOKEN_LIVES_S
            )
        except Missing:
            await self.close(code=FORGED)
            return
        self.group = _group(data["topic"])
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "group"):
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def hint(self, message: dict[str, Any]) -> None:
        await self.send(json.dumps({"topic": message["topic"], "data": message["data"]}))

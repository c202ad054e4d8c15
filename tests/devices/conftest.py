"""Devices with keys, clients on real sockets, and listeners that write down what they hear."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from PIL import Image

from accounts.models import Merchant
from config import wiring
from core import outbox
from core.events import Event
from core.models import OutboxEvent
from devices import services
from devices.client import DeviceClient
from devices.models import Device
from devices.rules import protocol

heard: list[tuple[protocol.Message, protocol.Sender]] = []
during: list[Callable[[], None]] = []  # run inside the listener's transaction


@pytest.fixture(autouse=True)
def _whole(writes_are_whole: None) -> None:
    """No service of a test here writes or locks in pieces."""


@dataclass(frozen=True)
class Heard(Event):
    """What a listener of these tests leaves behind."""

    action: str
    payload: dict[str, Any]


def listen(message: protocol.Message, sender: protocol.Sender) -> dict[str, Any]:
    """Stands where a higher row listens: its effect is an event row."""
    for what in during:
        what()
    heard.append((message, sender))
    outbox.add(Heard(type(message).__name__, message.payload()))
    return {"event_id": OutboxEvent.objects.latest("pk").pk}


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> list[tuple[protocol.Message, protocol.Sender]]:
    """All messages about others go to `listen`."""
    heard.clear()
    during.clear()
    table = {
        action: tuple(one if one.__module__ == "devices.messages" else listen for one in by)
        for action, by in wiring.MESSAGES.items()
    }
    monkeypatch.setattr(wiring, "MESSAGES", table)
    return heard


@pytest.fixture
def street(live: Any, merchant: Merchant, listeners: Any) -> "Street":
    return Street(live, merchant)


class Street:
    """Enrols devices and connects clients for them."""

    def __init__(self, live: Any, merchant: Merchant) -> None:
        self.live, self.merchant = live, merchant
        self.keys: dict[str, str] = {}
        self.devices: dict[str, Device] = {}

    def enroll(self, code: str, kind: str) -> Device:
        device, key = services.enroll(
            code=code, kind=kind, merchant_id=self.merchant.pk, actor="system:tests"
        )
        self.keys[code], self.devices[code] = key, device
        return device

    def client(self, code: str, **settings: Any) -> DeviceClient:
        settings.setdefault("retry_s", (0.02, 0.2))
        return DeviceClient(self.live.ws, code, self.keys[code], **settings)


def jpeg(colour: str = "grey") -> bytes:
    """A small real photograph."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "JPEG")
    return file.getvalue()


def in_thread(
    function: Callable[..., Any], *args: Any, **keywords: Any
) -> Coroutine[Any, Any, Any]:
    """Run database work of a test away from its event loop."""
    return sync_to_async(function, thread_sensitive=True)(*args, **keywords)


async def until(what: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """The first true answer of `what` (which may look at the database)."""
    async with asyncio.timeout(timeout_s):
        while True:
            answer = await in_thread(what)
            if answer:
                return answer
            await asyncio.sleep(0.02)

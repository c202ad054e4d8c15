"""What the story holds in its hands: browsers of its people, devices on real sockets, the clock."""

import asyncio
import contextlib
import io
import re
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection
from PIL import Image

from accounts.models import SmsMessage
from accounts.states import SmsState
from config.demo.town import OWNER_PHONE, Town
from config.persons.browser import Browser
from config.story.teller import StepFailed, Teller, must
from core import clock
from core.plates import Plate
from devices.client import (
    CallRefused,
    Camera,
    ConnectionLost,
    DeviceClient,
    Handheld,
    Lock,
    Sensor,
)
from devices.rules import kinds

T = TypeVar("T")
PATIENCE_S = 60.0  # a process may have died and be starting, and lost work be asked for again


class Wire:
    """Devices live in an event loop of their own thread; the story speaks to them from outside."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float = PATIENCE_S) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)


@dataclass
class World:
    """One story's world. `plate` is what people see: TEXT where it was given, else the reading."""

    url: str
    photo: bytes
    typed: Plate | None
    town: Town
    teller: Teller
    wire: Wire = field(default_factory=Wire)
    clients: dict[str, DeviceClient] = field(default_factory=dict)
    plate: Plate | None = None
    misread: bool = False
    taken: int = 0  # other photographs than the first

    def __post_init__(self) -> None:
        self.operator = self.staff("operator")
        self.city = self.staff("city")
        self.yuyuan = self.staff("yuyuan")
        self.owner = Browser(self.url)
        self.driver = Browser(self.url)  # somebody with a phone and no account

    def staff(self, name: str) -> Browser:
        """The browser of somebody who works here, logged in."""
        browser = Browser(self.url)
        browser.log_in(name, self.town.password)
        return browser

    # ── Devices ──────────────────────────────────────────────────────────────────────────────
    def client(self, code: str) -> DeviceClient:
        """The device of this code, connected, with business time as it is now."""
        client = self.clients.setdefault(code, self._made(code))
        self.wire.do(self._connect(client))
        return client

    def _made(self, code: str) -> DeviceClient:
        device = next(one for one in self.town.devices if one.code == code)
        return DeviceClient(self.url.replace("http", "ws", 1), device.code, device.key)

    async def _connect(self, client: DeviceClient) -> None:
        await client.start()
        while True:
            await client.connected.wait()
            with contextlib.suppress(ConnectionLost, CallRefused):
                await client.heartbeat()
                return
            await asyncio.sleep(0.1)

    def sensor(self, berth: str) -> Sensor:
        return Sensor(self.client(f"S-{berth}"))

    def camera(self, code: str) -> Camera:
        """A camera that sees the story's photograph, whatever berth it is asked for."""
        return Camera(self.client(code), lambda berth, purpose: self.photo)

    def another_photo(self) -> bytes:
        """The story's photograph as a new one: the same vehicle, other bytes."""
        self.taken += 1
        out = io.BytesIO()
        picture = Image.open(io.BytesIO(self.photo)).convert("RGB")
        picture.save(out, "JPEG", quality=92, comment=f"{self.taken}")
        return out.getvalue()

    def handheld(self, code: str, attendant: str) -> Handheld:
        """A handheld with an attendant logged in."""
        handheld = Handheld(self.client(code), lambda berth, purpose: self.photo)
        self.wire.do(self._log_in(handheld, attendant))
        return handheld

    async def _log_in(self, handheld: Handheld, attendant: str) -> None:
        while True:
            await handheld.client.connected.wait()
            with contextlib.suppress(ConnectionLost):
                await handheld.log_in(attendant, self.town.password)
                return
            await asyncio.sleep(0.1)

    def lock(self, code: str) -> Lock:
        """A lock, which says how it stands as soon as it is connected."""
        lock = Lock(self._made(code), travel_s=0.4)
        self.wire.do(self._connect(lock.client))
        self.wait("the lock's first report", lambda: self._reported(code))
        return lock

    def _reported(self, code: str) -> bool:
        rows = self.yuyuan.api("GET", f"/api/v1/devices/?kind={kinds.LOCK.name}")["results"]
        return any(row["code"] == code and row["position"] for row in rows)

    # ── Time ─────────────────────────────────────────────────────────────────────────────────
    def pass_time(self, **by: float) -> None:
        """Move business time forward."""
        goal = self.at_hand(clock.now) + timedelta(**by)
        self.at_hand(lambda: clock.move_to(goal))
        time.sleep(0.25)  # the other processes look at the clock again after 0.2 s

    def until_hour(self, hour: int) -> None:
        """Move on to the next such hour in the city: people are written to by day."""
        from django.utils import timezone

        local = timezone.localtime(self.at_hand(clock.now))
        goal = local.replace(hour=hour, minute=0, second=0, microsecond=0)
        if goal <= local:
            goal += timedelta(days=1)
        self.pass_time(seconds=(goal - local).total_seconds())

    def wait(self, what: str, look: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
        """Look until it is there. Raises StepFailed with `what` was missing."""
        end = time.monotonic() + patience_s
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise StepFailed(f"not seen within {patience_s:.0f} s: {what}")
            time.sleep(0.1)

    def at_hand(self, what: Callable[[], T]) -> T:
        """Do what needs the database itself; again where it is away. Twice must be as once."""
        end = time.monotonic() + PATIENCE_S
        while True:
            close_old_connections()
            try:
                return what()
            except (OperationalError, InterfaceError):
                if time.monotonic() > end:
                    raise
                connection.close()
                time.sleep(0.3)

    # ── People ───────────────────────────────────────────────────────────────────────────────
    def log_in_owner(self) -> None:
        """Log the owner in with the code that came to their phone."""
        page = self.owner.get("/me/login/?next=/me/plates/")
        page = self.owner.submit(page, page.form("/me/login/", having="phone"), phone=OWNER_PHONE)
        code = self.wait(
            "the log-in code on the phone", lambda: re.search(r"\b\d{6}\b", self.newest_sms())
        )
        page = self.owner.submit(
            page, page.form("/me/login/", having="code"), phone=OWNER_PHONE, code=code[0]
        )
        must("/me/plates/" in page.url, "the owner could not log in")

    def newest_sms(self, containing: str = "") -> str:
        """The newest text message on the owner's phone. The sandbox's table is the phone."""
        for message in self.at_hand(lambda: list(SmsMessage.objects.order_by("-pk")[:20])):
            if message.state == SmsState.DELIVERED and containing in message.text:
                return message.text
        return ""

    # ── What others see ──────────────────────────────────────────────────────────────────────
    def stay_at(self, berth: str, staff: Browser) -> dict[str, Any] | None:
        """The newest stay at a berth, as its merchant's interface shows it."""
        rows = staff.api("GET", f"/api/v1/parking/stays/?berth={berth}&page_size=1&why=story")[
            "results"
        ]
        found: dict[str, Any] | None = rows[0] if rows else None
        return found

    def stay(self, stay_id: int, staff: Browser) -> dict[str, Any]:
        found: dict[str, Any] = staff.api("GET", f"/api/v1/parking/stays/{stay_id}/?why=story")
        return found

    def sighting(self, sighting_id: int, staff: Browser) -> dict[str, Any]:
        """What was made of a photograph, its plate whole."""
        found: dict[str, Any] = staff.api(
            "GET", f"/api/v1/parking/sightings/{sighting_id}/?why=story"
        )
        return found

"""Simulated devices of a street: a sensor, a camera, a handheld."""

import asyncio
import contextlib
from collections.abc import Callable

from devices.client.connection import (
    TRY_AGAIN,
    CallRefused,
    ConnectionLost,
    DeviceClient,
    Failed,
    Payload,
)
from devices.rules import protocol

Picture = Callable[[str, str], bytes | None]  # (berth_code, purpose) → JPEG, None: cannot


class Sensor:
    """A magnet in the ground. Faults: `repeats` says everything that many times more."""

    def __init__(self, client: DeviceClient) -> None:
        self.client = client
        self.repeats = 0
        self.battery_pct = 90

    async def arrive(self, berth_code: str, *, at_ms: int | None = None) -> Payload:
        """A vehicle stands in the berth (P2.1)."""
        return await self._say("VehicleArrived", berth_code, at_ms)

    async def leave(self, berth_code: str, *, at_ms: int | None = None) -> Payload:
        return await self._say("VehicleLeft", berth_code, at_ms)

    async def report(self) -> Payload:
        """Say how the battery is."""
        return await self.client.call("DeviceState", {"battery_pct": self.battery_pct})

    async def _say(self, action: str, berth_code: str, at_ms: int | None) -> Payload:
        if at_ms is None:
            await self.client.learn_time()
            at_ms = self.client.now_ms()
        payload = {"berth_code": berth_code, "occurred_at_ms": at_ms}
        answer = await self.client.call(action, payload)
        for _again in range(self.repeats):
            await self.client.call(action, payload)
        return answer


class Camera:
    """A high-position camera; `picture` is what it sees of a berth. Faults: `broken`, `slow_s`."""

    def __init__(self, client: DeviceClient, picture: Picture) -> None:
        self.client, self.picture = client, picture
        self.broken = False
        self.slow_s = 0.0
        client.on("TakeImage", self._take)

    async def take(self, berth_code: str, purpose: str = "arrival") -> str:
        """A photograph by its own decision, e.g. because something moved; its SHA-256."""
        return await self._photograph(berth_code, purpose, None)

    async def _take(self, command: Payload) -> Payload:
        await asyncio.sleep(self.slow_s)
        berth_code, purpose = command["berth_code"], command.get("purpose", "arrival")
        return {"sha256": await self._photograph(berth_code, purpose, command["command_id"])}

    async def _photograph(self, berth_code: str, purpose: str, command_id: int | None) -> str:
        data = None if self.broken else self.picture(berth_code, purpose)
        if data is None:
            raise Failed(why="no_picture")
        await self.client.learn_time()
        taken_at_ms = self.client.now_ms()
        sha256 = await self.client.upload(data)
        payload = {
            "sha256": sha256,
            "occurred_at_ms": taken_at_ms,
            "berth_code": berth_code,
            "command_id": command_id,
            "purpose": purpose,
        }
        await self.client.call("ImageTaken", payload)
        return sha256


class Handheld:
    """An attendant's terminal: photographs vehicles, shows recovery notices (P3.3, P3.4)."""

    def __init__(self, client: DeviceClient, picture: Picture | None = None) -> None:
        self.client, self.picture = client, picture
        self.notices: dict[int, Payload] = {}  # what stands on the screen
        self.shown: asyncio.Queue[Payload] = asyncio.Queue()  # each notice as it appears
        self.tasks: asyncio.Queue[Payload] = asyncio.Queue()  # what to do about locks
        self.attendant = ""  # the name of who is logged in
        self._person: tuple[str, str] | None = None
        client.on("ShowNotice", self._show)
        client.on("WithdrawNotice", self._withdraw)
        client.on("ShowTask", self._show_task)
        client.on("TakeImage", self._take)
        client.on_connect(self._log_in_again)

    async def log_in(self, username: str, password: str) -> str:
        """The attendant's name. Raises CallRefused. Repeated by itself after a lost connection."""
        self._person = (username, password)
        try:
            await self._log_in_again()
        except CallRefused:
            self._person = None
            raise
        return self.attendant

    async def log_out(self) -> None:
        self._person, self.attendant = None, ""
        await self.client.call("AttendantLogout", durable=False)

    async def _log_in_again(self) -> None:
        while self._person is not None:
            username, password = self._person
            payload = {"username": username, "password": password}
            try:
                answer = await self.client.call("AttendantLogin", payload, durable=False)
            except CallRefused as refusal:
                if refusal.code not in TRY_AGAIN:
                    raise
                await asyncio.sleep(self.client.retry_s[0])
                continue
            self.attendant = answer["name"]
            return

    async def capture(self, data: bytes, berth_code: str | None = None) -> Payload:
        """Photograph a vehicle; the platform reads its plate (P3.3)."""
        return await self._send_picture(data, berth_code, "capture", None)

    async def place_lock(self, order_code: str, data: bytes) -> Payload:
        """Show by a photograph that the lock stands where it stops the vehicle (P1.3)."""
        sha256 = await self.client.upload(data)
        await self.client.learn_time()
        message = protocol.LockPlaced(
            order_code=order_code, sha256=sha256, occurred_at_ms=self.client.now_ms()
        )
        return await self._as_attendant(type(message).__name__, message.payload())

    async def fetch_lock(self, order_code: str, data: bytes) -> Payload:
        """Show by a photograph that the lock was taken away (P1.6)."""
        sha256 = await self.client.upload(data)
        await self.client.learn_time()
        message = protocol.LockFetched(
            order_code=order_code, sha256=sha256, occurred_at_ms=self.client.now_ms()
        )
        return await self._as_attendant(type(message).__name__, message.payload())

    async def notice(self, timeout_s: float = 10.0) -> Payload:
        """The next notice that appears on the screen."""
        async with asyncio.timeout(timeout_s):
            return await self.shown.get()

    async def answer(self, notice_id: int, outcome: str) -> Payload:
        """What became of the notice: acknowledged, paid, gone, mistaken."""
        if outcome in ("paid", "gone", "mistaken"):
            self.notices.pop(notice_id, None)
        return await self.client.call(
            "NoticeOutcome",
            {
                "notice_id": notice_id,
                "outcome": outcome,
                "occurred_at_ms": self.client.now_ms(),
            },
        )

    async def _show(self, command: Payload) -> Payload:
        await self.client.learn_time()  # before the first answer its clock is anywhere
        if command["expires_at_ms"] < self.client.now_ms():
            raise Failed(why="stale")
        self.notices[command["notice_id"]] = command
        self.shown.put_nowait(command)
        with contextlib.suppress(CallRefused, ConnectionLost):
            await self.answer(command["notice_id"], "shown")
        return {}

    async def _show_task(self, command: Payload) -> Payload:
        self.tasks.put_nowait(command)
        return {}

    async def _withdraw(self, command: Payload) -> Payload:
        return {"was_shown": self.notices.pop(command["notice_id"], None) is not None}

    async def _take(self, command: Payload) -> Payload:
        data = self.picture(command["berth_code"], command["purpose"]) if self.picture else None
        if data is None:
            raise Failed(why="no_picture")
        await self._send_picture(
            data, command["berth_code"], command["purpose"], command["command_id"]
        )
        return {}

    async def _send_picture(
        self, data: bytes, berth_code: str | None, purpose: str, command_id: int | None
    ) -> Payload:
        await self.client.learn_time()
        payload = {
            "occurred_at_ms": self.client.now_ms(),
            "sha256": await self.client.upload(data),
            "berth_code": berth_code,
            "command_id": command_id,
            "purpose": purpose,
        }
        return await self._as_attendant("ImageTaken", payload)

    async def _as_attendant(self, action: str, payload: Payload) -> Payload:
        """Say what only an attendant may; a kept message may reach a new line before they do."""
        for _try in range(3):
            try:
                return await self.client.call(action, payload)
            except CallRefused as refusal:
                if refusal.code != "attendant_needed" or self._person is None:
                    raise
            with contextlib.suppress(ConnectionLost):
                await self._log_in_again()
        return await self.client.call(action, payload)

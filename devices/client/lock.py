"""A simulated lock with what a real one must guarantee (docs/rules.md 8).

It is a lease: raised only by a command, kept up only by contact with a platform that serves.
Silence, answers that are errors, a release code, an obstruction, a failing battery or lost power
lower it; nothing but a new order raises it again.
"""

import asyncio
import contextlib
import time
from typing import Any

from devices.client.connection import DeviceClient, Failed, Payload
from devices.rules.release_code import Tries, fits, key_hash, release_secret

LOWERED, RAISING, RAISED, LOWERING, JAMMED = "lowered", "raising", "raised", "lowering", "jammed"
LOW_BATTERY_PCT = 15


class Lock:
    """One lock. `speed` makes its own seconds shorter: with 60, a minute's lease lasts a second.

    Faults, to be switched while it runs: `obstructed` (reverses while raising), `jammed` (does not
    move), `battery_pct` below 15 (refuses to raise), `power_loss()`, and the line's own `cut()`.
    """

    def __init__(self, client: DeviceClient, *, travel_s: float = 4.0, speed: float = 1.0) -> None:
        self.client = client
        self.travel_s = travel_s
        self.speed = speed
        self.position = LOWERED
        self.cause = "report"
        self.order_code: str | None = None
        self.battery_pct = 90
        self.obstructed = False
        self.jammed = False
        self.released: set[str] = set()  # orders for which it will never raise again
        self.changed = asyncio.Condition()
        self.history: list[tuple[str, str]] = []  # (position, cause)
        self._secret = b""
        self._counter = 0
        self._tries = Tries()
        self._lease_s = 0.0
        self._move = asyncio.Lock()
        self._lower_wanted = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        client.on("RaiseLock", self._raise)
        client.on("LowerLock", self._lower_by_command)
        client.on_connect(self._report_again)

    def stands_raised(self, order_code: str, *, release_counter: int, lease_s: float) -> None:
        """It is up already: the lock in the street outlives the program that speaks for it.

        Called before `client.start`; without contact the lease runs from now.
        """
        self.position = RAISED
        self.order_code = order_code
        self._hold(release_counter, lease_s)
        self._watch_lease()

    # ── Commands ─────────────────────────────────────────────────────────────────────────────

    async def _raise(self, command: Payload) -> Payload:
        order_code = command["order_code"]
        async with self._move:
            if order_code in self.released:
                raise Failed(why="released_before", position=self.position)
            if self.position in (RAISED, JAMMED) and self.order_code not in (None, order_code):
                raise Failed(why="held_by_another_order", position=self.position)
            if self.battery_pct < LOW_BATTERY_PCT:
                await self._be(LOWERED, "low_battery")
                raise Failed(why="low_battery", position=self.position)
            self.order_code = order_code
            self._hold(command["release_counter"], float(command["lease_s"]))
            if self.position == RAISED:
                return self._how()
            await self._be(RAISING, "command")
            await self._travel(self.travel_s / 2)
            if self.jammed:
                await self._be(JAMMED, "jam")
                raise Failed(why="jam", position=self.position)
            if self.obstructed:
                await self._down("obstruction", forget=False)
                raise Failed(why="obstruction", position=self.position)
            if not self._lower_wanted.is_set():
                await self._travel(self.travel_s / 2)
            if self._lower_wanted.is_set():
                raise Failed(why="superseded", position=self.position)
            await self._be(RAISED, "command")
            self._watch_lease()
            return self._how()

    async def _lower_by_command(self, command: Payload) -> Payload:
        self.released.add(command["order_code"])
        await self.lower("command")
        if self.position != LOWERED:
            raise Failed(why="jam", position=self.position)
        return self._how()

    async def lower(self, cause: str) -> None:
        """Lower now, in the middle of raising too."""
        self._lower_wanted.set()
        async with self._move:
            if self.position != LOWERED:
                await self._down(cause)
            self._lower_wanted.clear()

    async def _down(self, cause: str, *, forget: bool = True) -> None:
        if self.order_code is not None and forget:
            self.released.add(self.order_code)
        if self.jammed:
            await self._be(JAMMED, "jam")
            return
        await self._be(LOWERING, cause)
        await asyncio.sleep(self.travel_s / 2 / self.speed)
        await self._be(LOWERED, cause)
        self._counter = 0
        self.order_code = None

    # ── Without a command ────────────────────────────────────────────────────────────────────

    async def type_code(self, typed: str) -> bool:
        """Somebody types a release code at the lock (P1.5); True where it lowers it."""
        now_s = time.monotonic() * self.speed
        if self._counter == 0 or self.order_code is None or not self._tries.may(now_s):
            return False
        if not fits(typed, self._secret, order_code=self.order_code, counter=self._counter):
            self._tries = self._tries.after_wrong(now_s)
            return False
        order_code, self._counter = self.order_code, 0  # once
        self.client.post(
            "ReleaseCodeUsed",
            {"order_code": order_code, "occurred_at_ms": self.client.now_ms()},
        )
        await self.lower("release_code")
        return True

    async def power_loss(self) -> None:
        """The spring takes it down, and the line is gone until power is back."""
        self.client.cut()
        await self.lower("power_loss")

    def power_back(self) -> None:
        self.client.restore()

    async def report(self, cause: str = "report") -> None:
        """Say where the lock is; kept and repeated until the platform has heard it."""
        payload: dict[str, Any] = {
            "position": self.position,
            "cause": cause,
            "battery_pct": self.battery_pct,
            "order_code": self.order_code,
            "occurred_at_ms": self.client.now_ms(),
        }
        self.client.post("LockStatus", payload)

    async def wait_for(self, position: str, timeout_s: float = 10.0) -> None:
        """Until the lock is there."""
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(lambda: self.position == position)

    async def stop(self) -> None:
        """End the lease watch, and the line with it."""
        if self._watch is not None:
            self._watch.cancel()
        await self.client.stop()

    # ── Inside ───────────────────────────────────────────────────────────────────────────────

    def _how(self) -> Payload:
        return {"position": self.position, "battery_pct": self.battery_pct}

    async def _be(self, position: str, cause: str) -> None:
        self.position, self.cause = position, cause
        self.history.append((position, cause))
        async with self.changed:
            self.changed.notify_all()
        await self.report(cause)

    async def _report_again(self) -> None:
        await self.client.learn_time()
        await self.report()

    async def _travel(self, seconds: float) -> None:
        """Move for so long, unless it is to be lowered."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds / self.speed):
                await self._lower_wanted.wait()

    def _hold(self, release_counter: int, lease_s: float) -> None:
        self._counter = release_counter
        self._secret = release_secret(key_hash(self.client.key))
        self._tries = Tries()
        self._lease_s = lease_s

    def _watch_lease(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = asyncio.create_task(self._lease())

    async def _lease(self) -> None:
        """Each answer that the platform served renews the lease; without one it runs out."""
        begun = time.monotonic()
        while self.position == RAISED:
            heard = max(begun, self.client.last_answer)
            left_s = self._lease_s / self.speed - (time.monotonic() - heard)
            if left_s <= 0:
                await self.lower("lease")
                return
            await asyncio.sleep(min(left_s, 1.0))

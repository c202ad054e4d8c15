"""The street of a demo: every device on its own socket, vehicles coming, staying, paying, going.

It runs in real time, and begins with what stands there: a street is not empty when a server starts.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections

from config.demo import standing
from config.demo.town import OWNER_PLATE, Device, Town
from config.persons.browser import Browser, PageError
from config.persons.paying import pay_berth
from devices.client import CallRefused, Camera, DeviceClient, Handheld, Lock, Sensor
from devices.rules import kinds

log = logging.getLogger("bowei.street")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
ARRIVAL_EVERY_S = 50.0
STAYS_S = (180.0, 2400.0)
STANDS_ON_S = (60.0, 1500.0)  # who stood there already
OFF_AFTER_LOCK_S = (120.0, 240.0)
LOOK_AT_LOCK_EVERY_S = 3.0
PAYS_BEFORE_LEAVING = 0.75


@dataclass(frozen=True)
class Vehicle:
    """A vehicle of the demo: its plate, and the seed of its pictures."""

    plate: str
    colour: str
    seed: int


def drivers(seed: int = 7, count: int = 60) -> list[Vehicle]:
    """The vehicles of this city, always the same ones."""
    rng = random.Random(seed)
    vehicles = [Vehicle("沪A12345", "blue", 1)]
    while len(vehicles) < count:
        province = rng.choices("沪苏浙皖京", weights=[12, 3, 3, 1, 1])[0]
        office = rng.choice("ABCDEFGHJK")
        if rng.random() < 0.3:
            serial = rng.choice("DF") + "".join(rng.choices("0123456789", k=5))
            vehicles.append(Vehicle(province + office + serial, "green", rng.randrange(10**6)))
        else:
            serial = "".join(rng.choices("0123456789", k=5))
            if rng.random() < 0.5:
                at = rng.randrange(5)
                serial = serial[:at] + rng.choice(LETTERS.replace("O", "")) + serial[at + 1 :]
            vehicles.append(Vehicle(province + office + serial, "blue", rng.randrange(10**6)))
    return vehicles


class Street:
    """All simulated devices of a town, and the life between them."""

    def __init__(self, town: Town, url: str) -> None:
        self.town, self.url = town, url
        self.rng = random.Random()
        self.standing: dict[str, Vehicle] = {}  # berth → who stands there
        self.sensors: dict[str, Sensor] = {}  # berth → its sensor
        self.locks: dict[str, Lock] = {}  # code → lock
        self.away = drivers()

    async def run(self) -> None:
        """Until it is stopped."""
        clients = [self._connect(device) for device in self.town.devices]
        since = await self._take_up()
        for client in clients:
            await client.start()
            await asyncio.sleep(0.02)  # a street does not come online in one instant
        log.info("street.connected devices=%d standing=%d", len(clients), len(since))
        async with asyncio.TaskGroup() as tasks:
            for berth, arrived_at in since.items():
                tasks.create_task(self._stand_on(berth, arrived_at))
            tasks.create_task(self._arrivals(tasks))

    async def _take_up(self) -> dict[str, datetime]:
        """Let stand what stands: vehicles, each since when, and raised locks."""
        since = {}
        for parked in await sync_to_async(standing.vehicles)():
            if parked.berth not in self.sensors:
                continue
            known = [one for one in self.away if one.plate == parked.plate]
            vehicle = Vehicle(parked.plate, parked.colour, seed=0)
            if known or not parked.plate:
                vehicle = (known or self.away)[0]
                self.away.remove(vehicle)
            self.standing[parked.berth] = vehicle
            since[parked.berth] = parked.arrived_at
        for lock in await sync_to_async(standing.raised_locks)():
            if lock.device in self.locks:
                self.locks[lock.device].stands_raised(
                    lock.order_code, release_counter=lock.release_counter, lease_s=lock.lease_s
                )
        return since

    def _connect(self, device: Device) -> DeviceClient:
        client = DeviceClient(self.url.replace("http", "ws", 1), device.code, device.key)
        match device.kind:
            case kinds.SENSOR.name:
                self.sensors[device.berths[0]] = Sensor(client)
            case kinds.CAMERA.name:
                Camera(client, self._picture)
            case kinds.HANDHELD.name:
                handheld = Handheld(client)
                person = "inspector" if device.section.startswith("changning") else "yuyuan-guard"
                client.on_connect(lambda: self._log_in(handheld, person))
            case kinds.LOCK.name:
                self.locks[device.code] = Lock(client)
        return client

    async def _log_in(self, handheld: Handheld, person: str) -> None:
        if not handheld.attendant:
            await handheld.log_in(person, self.town.password)

    def _picture(self, berth_code: str, purpose: str) -> bytes | None:
        from parking.vision.training.drawing import draw_scene

        vehicle = self.standing.get(berth_code)
        return draw_scene(vehicle.plate, vehicle.colour, seed=vehicle.seed) if vehicle else None

    async def _arrivals(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            free = [berth for berth in self.sensors if berth not in self.standing]
            if free and self.away:
                berth = self.rng.choice(free)
                vehicle = self.away.pop(self.rng.randrange(len(self.away)))
                tasks.create_task(self._visit(berth, vehicle))
            await asyncio.sleep(self.rng.expovariate(1 / ARRIVAL_EVERY_S))

    async def _visit(self, berth: str, vehicle: Vehicle) -> None:
        self.standing[berth] = vehicle
        await self._say(self.sensors[berth].arrive(berth))
        await self._stay(berth, self.rng.uniform(*STAYS_S))

    async def _stand_on(self, berth: str, arrived_at: datetime) -> None:
        """A sensor that comes online says what it sees; the same arrival is the same stay."""
        at_ms = round(arrived_at.timestamp() * 1000)
        await self._say(self.sensors[berth].arrive(berth, at_ms=at_ms))
        await self._stay(berth, self.rng.uniform(*STANDS_ON_S))

    async def _stay(self, berth: str, stays_s: float) -> None:
        """Stand, pay perhaps, and drive off; nobody drives over a lock."""
        vehicle = self.standing[berth]
        await asyncio.sleep(stays_s)
        while await sync_to_async(self._is_locked)(berth):
            await asyncio.sleep(LOOK_AT_LOCK_EVERY_S)
            if not await sync_to_async(self._is_locked)(berth):
                await asyncio.sleep(self.rng.uniform(*OFF_AFTER_LOCK_S))
        is_visitors = (vehicle.plate, vehicle.colour) == OWNER_PLATE
        if not is_visitors and self.rng.random() < PAYS_BEFORE_LEAVING:
            await asyncio.to_thread(self._pay, berth)
        await self._say(self.sensors[berth].leave(berth))
        self.standing.pop(berth)
        await asyncio.sleep(self.rng.uniform(5, 30))
        self.away.append(vehicle)

    async def _say(self, saying: Awaitable[object]) -> None:
        try:
            await saying
        except CallRefused as error:
            log.warning("street.refused error=%s", error)

    def _is_locked(self, berth: str) -> bool:
        close_old_connections()
        try:
            return standing.is_locked(berth)
        except DatabaseError:  # it is being started again: who can't see does not drive
            return True

    def _pay(self, berth: str) -> None:
        """Pay as a driver does, on the page that the berth's code opens, in the sandbox."""
        close_old_connections()
        try:
            pay_berth(Browser(self.url), standing.berth_path(berth))
        except (PageError, OSError, DatabaseError) as error:
            log.info("street.unpaid berth=%s why=%s", berth, str(error)[:120])

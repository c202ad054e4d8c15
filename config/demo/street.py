"""The street of a demo: every device on its own socket, vehicles coming, staying, paying, going."""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from config.demo.town import Device, Town
from config.story.browser import Browser, PageError
from config.story.paying import pay_berth
from core import clock
from devices.client import Camera, DeviceClient, Handheld, Lock, Sensor

log = logging.getLogger("bowei.street")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
ARRIVAL_EVERY_S = 7.0
STAYS_S = (45.0, 240.0)  # real seconds; business time runs ten times as fast
FASTER_STEP = timedelta(minutes=1)
FASTER_EVERY_S = 6.7
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
        self.away = drivers()

    async def run(self) -> None:
        """Until it is stopped."""
        clients = [self._connect(device) for device in self.town.devices]
        for client in clients:
            await client.start()
            await asyncio.sleep(0.02)  # a street does not come online in one instant
        log.info("street.connected devices=%d", len(clients))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hurry())
            tasks.create_task(self._arrivals(tasks))

    def _connect(self, device: Device) -> DeviceClient:
        client = DeviceClient(self.url.replace("http", "ws", 1), device.code, device.key)
        match device.kind:
            case "sensor":
                self.sensors[device.berths[0]] = Sensor(client)
            case "camera":
                Camera(client, self._picture)
            case "handheld":
                handheld = Handheld(client)
                person = "inspector" if device.section.startswith("changning") else "yuyuan-guard"
                client.on_connect(lambda: self._log_in(handheld, person))
            case "lock":
                Lock(client)
        return client

    async def _log_in(self, handheld: Handheld, person: str) -> None:
        if not handheld.attendant:
            await handheld.log_in(person, self.town.password)

    def _picture(self, berth_code: str, purpose: str) -> bytes | None:
        from parking.vision.drawing import draw_scene

        vehicle = self.standing.get(berth_code)
        return draw_scene(vehicle.plate, vehicle.colour, seed=vehicle.seed) if vehicle else None

    async def _hurry(self) -> None:
        """Business time runs about ten times as fast, so that fees and windows can be seen."""
        while True:
            await asyncio.sleep(FASTER_EVERY_S)
            await sync_to_async(self._step)()

    def _step(self) -> None:
        close_old_connections()
        clock.advance(FASTER_STEP)

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
        await self.sensors[berth].arrive(berth)
        await asyncio.sleep(self.rng.uniform(*STAYS_S))
        if self.rng.random() < PAYS_BEFORE_LEAVING:
            await asyncio.to_thread(self._pay, berth)
        await self.sensors[berth].leave(berth)
        self.standing.pop(berth)
        await asyncio.sleep(self.rng.uniform(5, 30))
        self.away.append(vehicle)

    def _pay(self, berth: str) -> None:
        """Pay as a driver does, on the berth's page, in the sandbox."""
        try:
            pay_berth(Browser(self.url), berth)
        except (PageError, OSError) as error:
            log.info("street.unpaid berth=%s why=%s", berth, str(error)[:120])

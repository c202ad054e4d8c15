"""However much the plate reader has to do, or none at all: who pays is let go (docs/rules.md 2)."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings

from accounts.models import Merchant
from config.local.processes import wait_until
from config.local.system import ROOT
from core import clock as business_clock
from core import images, wake
from parking import services as parking
from parking.models import Berth, Sighting
from parking.vision.training.drawing import draw_scene
from recovery.models import RecoveryOrder
from tests.recovery.test_street import (
    Portal,
    _position,
    bound,
    in_thread,
    raise_it,
    street_lock,
    until,
)
from tests.street import TEST

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

QUEUE = "vision"
PHOTOGRAPHS = 150  # many seconds of reading, on any machine
PATIENCE_S = 120.0


class Processes:
    """A real dispatcher and a real worker of the vision queue, on the test's own data."""

    def __init__(self, env: dict[str, str], logs: Path) -> None:
        self.env = {**env, "BOWEI_MEDIA": str(settings.MEDIA_ROOT), "PYTHONUNBUFFERED": "1"}
        self.logs = logs
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *argv: str, ready: str) -> psutil.Process:
        path = self.logs / f"{len(self.started)}.log"
        with path.open("wb") as log:
            popen = subprocess.Popen(
                [sys.executable, *argv], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        self.started.append(popen)
        there = wait_until(lambda: ready in path.read_text(), timeout_s=PATIENCE_S)
        assert there, path.read_text()[-2000:]
        return psutil.Process(popen.pid)

    def dispatcher(self) -> None:
        self.start("manage.py", "dispatch", ready="dispatch.started")

    def reader(self) -> psutil.Process:
        celery = ("-m", "celery", "-A", "config.celery", "worker", "-Q", QUEUE, "-n", "vision@%h")
        how = ("-c", "1", "-P", "prefork", "--without-gossip", "--without-mingle")
        return self.start(*celery, *how, "--loglevel", "INFO", ready=" ready.")

    def stop(self) -> None:
        for popen in self.started:
            if popen.poll() is None:
                kill(psutil.Process(popen.pid))
            popen.wait(20)


def kill(process: psutil.Process) -> None:
    """At once, children too: no time to hand anything back."""
    for one in (process, *process.children(recursive=True)):
        one.kill()


@pytest.fixture
def processes(process_env: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    found = Processes(process_env, tmp_path)
    yield found
    found.stop()
    wake.client().delete(QUEUE)


def waiting() -> int:
    """How many photographs nobody has begun to read."""
    found: int = wake.client().llen(QUEUE)  # type: ignore[assignment]
    return found


def read() -> int:
    return Sighting.objects.exclude(state="received").count()


def fill(handheld_id: int, merchant: Merchant) -> None:
    """Photographs come faster than anybody could read them."""
    sha256 = images.keep(draw_scene("沪B67890", "blue", seed=1), by=TEST)
    for _again in range(PHOTOGRAPHS):
        parking.take_sighting(
            device_id=handheld_id,
            kind="handheld",
            merchant_id=merchant.pk,
            attendant=TEST,
            image_sha=sha256,
            occurred_at=business_clock.now(),
            purpose="capture",
            berth_code=None,
        )


@pytest.mark.parametrize("reader", ["busy", "dead"])
async def test_a_payment_lowers_the_lock_whatever_waits_for_the_plate_reader(
    live: Any,
    processes: Processes,
    merchant: Merchant,
    merchant_user: Any,
    standing: Berth,
    enrolled: Callable[..., int],
    key: str,
    reader: str,
) -> None:
    """P1.4: the frame at the lock's socket, while the vision queue is full."""
    await in_thread(business_clock.release)
    worker = await in_thread(processes.reader)
    await in_thread(processes.dispatcher)
    lock = await street_lock(live, key)
    await until(lambda: _position("L-7") == "lowered")
    portal = await in_thread(Portal, live.http, merchant_user.username)
    order = await in_thread(bound, portal, standing)
    await in_thread(raise_it, portal, order["code"])
    await lock.wait_for("raised", PATIENCE_S)
    await until(lambda: RecoveryOrder.objects.get().state == "raised", PATIENCE_S)
    owner = await in_thread(Portal, live.http)
    cashier = await in_thread(owner.post, f"/r/{order['token']}/", {"pay": "1"})
    sandbox = await in_thread(owner.post, cashier.url[len(live.http) :], {"provider": "sandbox"})

    handheld_id = await in_thread(enrolled, "H-1", "handheld", merchant)
    await in_thread(fill, handheld_id, merchant)
    await until(lambda: waiting() > PHOTOGRAPHS // 2 and read(), PATIENCE_S)
    if reader == "dead":
        await in_thread(kill, worker)
    await in_thread(owner.post, sandbox.url[len(live.http) :])
    async with asyncio.timeout(PATIENCE_S):
        while "LowerLock" not in [call.action for call in lock.client.received]:
            await asyncio.sleep(0.01)
    still = await in_thread(waiting)

    assert still > 0, "the queue was empty before the lock was told"
    await lock.wait_for("lowered", PATIENCE_S)
    await until(lambda: RecoveryOrder.objects.get().state == "lowered", PATIENCE_S)
    await lock.stop()

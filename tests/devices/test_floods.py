"""A city at the door, or a thousand pages: a heartbeat and a lock's lowering go through."""

import asyncio
import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import websockets
from django.db import connection, transaction
from websockets.asyncio.client import connect

from config import server
from config.local.processes import wait_until
from devices import admission, services
from devices.client import DeviceClient
from devices.models import Connection
from devices.rules import frames
from devices.services import connections
from tests.devices.conftest import Street, in_thread, until

PROMPT_S = 3.0  # on a busy machine; without lanes it is the pool's 4 s and more, or never


@dataclass(frozen=True)
class Web:
    port: int

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def get(self, path: str, network: str = "127.0.0.1") -> tuple[int, str | None]:
        """The status, and when to come back where that is said."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("GET", path, headers={"X-Forwarded-For": network})
            answer = line.getresponse()
            answer.read()
            return answer.status, answer.headers["Retry-After"]
        finally:
            line.close()

    def lives(self) -> bool:
        with contextlib.suppress(OSError):
            return self.get("/health/alive/")[0] == 200
        return False


@pytest.fixture
def web(process_env: dict[str, str]) -> Iterator[Web]:
    """A web process as it runs in production, with its pool of connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)]
    environment = {**process_env, "BOWEI_TESTING": "", "BOWEI_PROXIES": "1"}
    process = subprocess.Popen([*command, *server.FLAGS], env=environment)
    try:
        assert wait_until(Web(port).lives, timeout_s=90, every_s=0.1)
        yield Web(port)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def locked(table: str) -> Iterator[None]:
    """Whatever reads this table waits, with the connection that it holds."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
        yield


async def lowering_and_beat(client: DeviceClient, device_id: int) -> tuple[float, float]:
    """How long an order to lower takes to its lock, and a heartbeat to its answer; seconds."""
    lowered = asyncio.Event()

    async def lower(command: dict) -> dict:
        lowered.set()
        return {}

    client.on("LowerLock", lower)
    began = time.monotonic()
    payload = {"order_code": "R-1", "reason": "paid"}
    await asyncio.to_thread(
        _in_a_thread_of_its_own,
        lambda: services.order(
            device_id=device_id, action="LowerLock", payload=payload, actor="system:tests"
        ),
    )
    async with asyncio.timeout(30):
        await lowered.wait()
    lowered_s, began = time.monotonic() - began, time.monotonic()
    await client.heartbeat()
    return lowered_s, time.monotonic() - began


def _in_a_thread_of_its_own(what: Callable[[], object]) -> None:
    try:
        what()
    finally:
        connection.close()


async def test_forty_pages_that_hang_do_not_stand_before_a_lock(street: Street, web: Web) -> None:
    device = await in_thread(street.enroll, "L-1", "lock")
    async with contextlib.AsyncExitStack() as stack:
        client = DeviceClient(web.ws, "L-1", street.keys["L-1"])
        await stack.enter_async_context(client)
        browsers = stack.enter_context(ThreadPoolExecutor(41))
        loop = asyncio.get_running_loop()
        lock = locked("parking_berth")
        await in_thread(lock.__enter__)
        try:
            pages = [
                loop.run_in_executor(browsers, web.get, "/b/A-001/", f"10.0.0.{n}")
                for n in range(40)
            ]
            await asyncio.sleep(1.5)
            assert not any(page.done() for page in pages)
            lowered_s, beat_s = await lowering_and_beat(client, device.pk)
            assert lowered_s < PROMPT_S
            assert beat_s < PROMPT_S
            assert (await loop.run_in_executor(browsers, web.get, "/health/ready/"))[0] == 200
            gone, waiting = await asyncio.wait(pages, timeout=20)
            assert {page.result() for page in gone} == {(503, "5")}  # who waits too long is told so
            assert len(waiting) == 8
        finally:
            await in_thread(lock.__exit__, None, None, None)
        assert {(await page)[0] for page in waiting} == {404}  # there is no such berth


async def test_log_ins_that_hang_do_not_stand_before_those_inside(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is told when to come back; who has hung up is not served."""
    monkeypatch.setattr(admission, "MOST_WAITING", 5)
    for n in range(12):
        await in_thread(street.enroll, f"S-{n}", "sensor")
    device = await in_thread(street.enroll, "L-1", "lock")
    log_in, may_go_on, begun = connections.log_in, asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def slow(code: str, key: str) -> connections.Link:
        begun.append(code)
        asyncio.run_coroutine_threadsafe(may_go_on.wait(), loop).result(30)
        return log_in(code, key)

    async with street.client("L-1") as client:
        monkeypatch.setattr(connections, "log_in", slow)
        monkeypatch.setattr(admission, "MOST_WAIT_S", 20.0)
        sockets = []
        for n in range(7):  # two at work, five in line
            sockets.append(asyncio.create_task(_open(street, f"S-{n}")))
            await asyncio.sleep(0.1)
        with pytest.raises(websockets.InvalidStatus) as refused:
            await _open(street, "S-7")
        assert refused.value.response.status_code == 503
        assert 2 <= int(refused.value.response.headers["Retry-After"]) <= 10
        lowered_s, beat_s = await lowering_and_beat(client, device.pk)
        assert max(lowered_s, beat_s) < PROMPT_S
        for waiting in sockets[4:]:
            waiting.cancel()
        await asyncio.gather(*sockets[4:], return_exceptions=True)
        sockets.append(asyncio.create_task(_open(street, "S-8")))  # into the room they left
        await asyncio.sleep(0.3)
        may_go_on.set()
        inside = await asyncio.gather(*sockets[:4], sockets[-1])
        assert begun == ["S-0", "S-1", "S-2", "S-3", "S-8"]
        await asyncio.gather(*[one.close() for one in inside])


async def _open(street: Street, code: str) -> websockets.ClientConnection:
    return await connect(
        f"{street.live.ws}/devices/{code}",
        additional_headers={"Authorization": f"Bearer {street.keys[code]}"},
        subprotocols=[websockets.Subprotocol(frames.SUBPROTOCOL)],
        compression=None,
        proxy=None,
        open_timeout=30,
    )


async def test_a_crowd_that_comes_back_at_once_comes_in_wholly(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MOST_WAITING", 3)
    monkeypatch.setattr(admission, "RETRY_AFTER_S", (1, 2))
    codes = [f"S-{n}" for n in range(40)]
    for code in codes:
        await in_thread(street.enroll, code, "sensor")
    clients = [street.client(code) for code in codes]
    for client in clients:
        await client.start()
    async with asyncio.timeout(60):
        await asyncio.gather(*[client.connected.wait() for client in clients])
    assert [client.connections for client in clients] == [1] * len(codes)
    for client in clients:
        await client.stop()
    assert await until(lambda: not Connection.objects.filter(closed_at=None).exists(), 30)

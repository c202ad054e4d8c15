"""One device's line to the platform: reconnects, repeats what was not answered, obeys commands."""

import asyncio
import contextlib
import hashlib
import http.client
import json
import logging
import random
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect

from devices.rules import frames, protocol

log = logging.getLogger("bowei.device")

Payload = dict[str, Any]
Handler = Callable[[Payload], Awaitable[Payload | None]]
TRY_AGAIN = frozenset({"internal", "busy"})  # the platform's trouble, not the message's
MOST_REMEMBERED = 1000
MOST_WAITED_MS = 60_000
MOST_RETRY_AFTER_S = 300.0


class CallRefused(Exception):
    """The platform answered with a typed error; repeating the same would change nothing."""

    def __init__(self, code: str, text: str = "", details: Payload | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.details = code, text, details or {}


class ConnectionLost(Exception):
    """The line broke before the answer came, and this message is not one to be kept."""


class Failed(Exception):
    """Raised by a command's handler: the device could not do it; `details` says why."""

    def __init__(self, **details: Any) -> None:
        super().__init__(str(details))
        self.details = details


@dataclass(slots=True)
class _Open:
    """A message that was not answered yet."""

    call: frames.Call
    durable: bool
    answer: asyncio.Future[Payload]


@dataclass(slots=True)
class _Seen:
    """A command that was heard before; its result is repeated, not its effect."""

    result: Payload | None = None
    task: asyncio.Task[None] | None = None


@dataclass
class DeviceClient:
    """A device's line. `start()` and `stop()`, or `async with`.

    `url` is the platform's websocket origin (`ws://host:port`). Messages sent by `call` keep their
    id until they are answered, over any number of connections. Commands go to the handlers given
    by `on`; a handler's dict is the result, `Failed` the refusal.
    """

    url: str
    code: str
    key: str
    http_url: str = ""  # for photographs; from `url` where empty
    heartbeat_s: float | None = None  # None: as the platform says
    retry_s: tuple[float, float] = (0.2, 30.0)  # first and longest pause before connecting again
    answer_s: float = 20.0  # a line that is silent longer is given up
    handlers: dict[str, Handler] = field(default_factory=dict)

    # Faults, to be switched while it runs
    deaf: bool = False  # hears commands and says nothing, not even that it heard them
    mute: bool = False  # sends no heartbeats

    connections: int = 0  # how often a log-in succeeded
    refusal: str = ""  # why the last attempt to connect failed
    closed_by_platform: int | None = None  # close code of the last connection
    received: list[frames.Call] = field(default_factory=list)  # commands as they came

    def __post_init__(self) -> None:
        self.connected = asyncio.Event()
        self.last_answer = 0.0  # monotonic, of an answer that served; the lock's lease looks at it
        self._offset_ms = 0  # business time less this device's clock
        self._said_ms = 0
        self._outbox: deque[_Open] = deque()
        self._something = asyncio.Event()
        self._answered = asyncio.Event()
        self._away = asyncio.Event()
        self._away.set()
        self._seen: dict[int, _Seen] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._line: ClientConnection | None = None
        self._main: asyncio.Task[None] | None = None
        self._on_connect: list[Callable[[], Coroutine[Any, Any, None]]] = []
        if not self.http_url:
            self.http_url = self.url.replace("ws", "http", 1)

    # ── Life ─────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Begin to connect; returns at once. `await client.connected.wait()` waits for the line."""
        if self._main is None:
            self._main = asyncio.create_task(self._run(), name=f"device {self.code}")

    async def stop(self) -> None:
        """Close the line. What was not answered stays in the outbox and is lost with the object."""
        tasks = [task for task in (self._main, *self._tasks) if task]
        self._main = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        async with asyncio.timeout(self.answer_s):
            await self.connected.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def on(self, action: str, handler: Handler) -> None:
        """Let `handler` do the commands of this name."""
        self.handlers[action] = handler

    def on_connect(self, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run this after each log-in."""
        self._on_connect.append(what)

    def cut(self) -> None:
        """Fault: the line breaks without a word, and stays away until `restore`."""
        self._away.clear()
        if self._line is not None:
            self._line.transport.abort()

    def restore(self) -> None:
        self._away.set()

    # ── Speaking ─────────────────────────────────────────────────────────────────────────────

    def now_ms(self) -> int:
        """Business time as this device knows it.

        It waits rather than go back by the seconds that a slowly answered heartbeat has set it
        ahead: what happens later must not look older, or the platform takes it for an old message.
        """
        self._said_ms = max(self._said_ms, int(time.time() * 1000) + self._offset_ms)
        return self._said_ms

    async def call(
        self, action: str, payload: Payload | None = None, *, durable: bool = True, id: str = ""
    ) -> Payload:
        """Say `action` and wait for the answer; over lost connections too where it is `durable`.

        Raises CallRefused for a typed error, ConnectionLost where not durable.
        """
        return await self.post(action, payload, durable=durable, id=id)

    def post(
        self, action: str, payload: Payload | None = None, *, durable: bool = True, id: str = ""
    ) -> "asyncio.Future[Payload]":
        """Put a message into the outbox; the future is its answer."""
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        call = frames.Call(id or uuid.uuid4().hex, action, payload or {})
        if len(call.encode().encode()) > frames.MAX_FRAME_BYTES:
            answer.set_exception(CallRefused("oversize"))  # sending it would end the line
            return answer
        if not durable and not self.connected.is_set():
            answer.set_exception(ConnectionLost("not connected"))
            return answer
        self._outbox.append(_Open(call, durable, answer))
        self._something.set()
        return answer

    async def say(self, message: protocol.Message, *, durable: bool = True) -> Payload:
        """`call` with a message of `devices.rules.protocol`."""
        return await self.call(type(message).__name__, message.payload(), durable=durable)

    async def heartbeat(self) -> Payload:
        """Say that this device is here, and learn business time."""
        before = time.time()
        answer = await self.call("Heartbeat", durable=False)
        middle_ms = int((before + time.time()) * 500)
        offset_ms = int(answer["now_ms"]) - middle_ms
        if self._offset_ms - offset_ms > MOST_WAITED_MS:
            self._said_ms = 0  # it was simply wrong
        self._offset_ms = offset_ms
        return answer

    async def learn_time(self) -> None:
        """A fresh look at business time if the line is up; a late one is better than none."""
        with contextlib.suppress(ConnectionLost, CallRefused):
            await self.heartbeat()

    async def send_raw(self, raw: str | bytes) -> None:
        """Put bytes on the line as they are (conformance tests)."""
        if self._line is None:
            raise ConnectionLost("not connected")
        await self._line.send(raw)

    async def upload(self, data: bytes) -> str:
        """Send a photograph; its SHA-256. Tries again over a bad line; raises CallRefused."""
        sha256 = hashlib.sha256(data).hexdigest()
        pause_s = self.retry_s[0]
        while True:
            try:
                status, body = await asyncio.to_thread(self._put, sha256, data)
            except OSError as error:
                log.info("device.upload_failed code=%s error=%s", self.code, error)
            else:
                if status in (200, 201):
                    return sha256
                if status < 500:
                    raise CallRefused(str(body.get("code", status)), str(body.get("title", "")))
            await asyncio.sleep(random.uniform(0.5, 1) * pause_s)
            pause_s = min(pause_s * 2, self.retry_s[1])

    def _put(self, sha256: str, data: bytes) -> tuple[int, Payload]:
        place = urlsplit(self.http_url)
        kind = (
            http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        )
        line = kind(place.netloc, timeout=self.answer_s)
        try:
            path = f"{place.path.rstrip('/')}/api/v1/devices/images/{sha256}"
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "image/jpeg"}
            line.request("PUT", path, body=data, headers=headers)
            answer = line.getresponse()
            body = answer.read()
        finally:
            line.close()
        try:
            return answer.status, dict(json.loads(body or b"{}"))
        except ValueError:
            return answer.status, {}

    # ── The line ─────────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        pause_s = self.retry_s[0]
        while True:
            await self._away.wait()
            try:
                async with connect(
                    f"{self.url}/devices/{self.code}",
                    subprotocols=[websockets.Subprotocol(frames.SUBPROTOCOL)],
                    additional_headers={"Authorization": f"Bearer {self.key}"},
                    compression=None,
                    proxy=None,
                    open_timeout=self.answer_s,
                    close_timeout=1,
                    max_size=frames.MAX_FRAME_BYTES * 2,
                ) as line:
                    pause_s = self.retry_s[0]
                    self.refusal = ""
                    await self._hold(line)
                    if self.closed_by_platform == frames.CLOSE_STALE:
                        pause_s = min(5.0, self.retry_s[1])  # two with one key must not fight
            except websockets.InvalidStatus as error:
                self.refusal = str(error.response.status_code)
                wait_s = error.response.headers.get("Retry-After", "")
                if wait_s.isdecimal():  # never earlier; the jitter below counts from there
                    pause_s = max(pause_s, 2 * min(float(wait_s), MOST_RETRY_AFTER_S))
            except (OSError, TimeoutError, websockets.WebSocketException, EOFError) as error:
                self.refusal = type(error).__name__
            # Jitter: a thousand devices must not come back in the same second.
            await asyncio.sleep(random.uniform(0.5, 1) * pause_s)
            pause_s = min(pause_s * 2, self.retry_s[1])

    async def _hold(self, line: ClientConnection) -> None:
        self._line = line
        self._answered.set()
        work = [asyncio.create_task(self._send(line)), asyncio.create_task(self._listen(line))]
        try:
            self.connections += 1
            self.connected.set()
            self._something.set()
            work.append(asyncio.create_task(self._beat()))
            for what in self._on_connect:
                self._in_background(what())
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.connected.clear()
            self._line = None
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            self.closed_by_platform = line.close_code
            for waiting in [one for one in self._outbox if not one.durable]:
                self._outbox.remove(waiting)
                if not waiting.answer.done():
                    waiting.answer.set_exception(ConnectionLost(waiting.call.action))
            line.transport.abort()

    async def _beat(self) -> None:
        interval_s = self.heartbeat_s or 1.0
        while True:
            if not self.mute:
                try:
                    answer = await self.heartbeat()
                    interval_s = self.heartbeat_s or float(answer["interval_s"])
                except CallRefused:
                    pass
            await asyncio.sleep(interval_s)

    async def _send(self, line: ClientConnection) -> None:
        """One open call at a time, oldest first; it stays at the head until it is answered."""
        while True:
            while not self._outbox:
                self._something.clear()
                await self._something.wait()
            head = self._outbox[0]
            self._answered.clear()
            await line.send(head.call.encode())
            # Not wait_for: Python 3.11's may swallow a cancellation that comes with the answer.
            async with asyncio.timeout(self.answer_s):
                await self._answered.wait()

    async def _listen(self, line: ClientConnection) -> None:
        async for raw in line:
            try:
                frame = frames.decode(raw)
            except frames.BadFrame as error:
                log.warning("device.bad_frame code=%s error=%s", self.code, error.code)
                continue
            if isinstance(frame, frames.Call):
                await self._obey(line, frame)
            else:
                await self._take_answer(frame)

    async def _take_answer(self, frame: frames.Result | frames.Error) -> None:
        head = self._outbox[0] if self._outbox else None
        if head is None or head.call.id != frame.id:
            return
        if isinstance(frame, frames.Result):
            # Only a platform that served this could lower a lock: an error says that it is there,
            # not that it can read and write its rows (docs/rules.md L6).
            self.last_answer = time.monotonic()
        if isinstance(frame, frames.Error) and frame.code in TRY_AGAIN and head.durable:
            wait_s = random.uniform(0.5, 1.5) * self.retry_s[0]
            asyncio.get_running_loop().call_later(wait_s, self._answered.set)
            return
        self._outbox.popleft()
        if not head.answer.done():
            if isinstance(frame, frames.Result):
                head.answer.set_result(frame.payload)
            else:
                head.answer.set_exception(CallRefused(frame.code, frame.text, frame.details))
        self._answered.set()

    # ── Obeying ──────────────────────────────────────────────────────────────────────────────

    async def _obey(self, line: ClientConnection, call: frames.Call) -> None:
        """Acknowledge, do once, say how it went; a command heard before repeats only its result."""
        self.received.append(call)
        if self.deaf:
            return
        handler = self.handlers.get(call.action)
        command_id = call.payload.get("command_id")
        if handler is None or not isinstance(command_id, int):
            await line.send(frames.Error(call.id, "unknown_action", call.action).encode())
            return
        seen = self._seen.get(command_id)
        if seen is None:
            self._seen[command_id] = seen = _Seen()
            while len(self._seen) > MOST_REMEMBERED:
                self._seen.pop(next(iter(self._seen)))
            seen.task = self._in_background(self._do(handler, command_id, call, seen))
        elif seen.result is not None:
            self.post("CommandResult", seen.result)
        await line.send(frames.Result(call.id, {}).encode())

    async def _do(self, handler: Handler, command_id: int, call: frames.Call, seen: _Seen) -> None:
        try:
            outcome, details = "done", await handler(dict(call.payload)) or {}
        except Failed as failure:
            outcome, details = "failed", failure.details
        except Exception as error:  # a device must answer whatever happens inside it
            log.exception("device.command_failed code=%s action=%s", self.code, call.action)
            outcome, details = "failed", {"why": type(error).__name__}
        seen.result = {"command_id": command_id, "outcome": outcome, "details": details}
        self.post("CommandResult", seen.result)

    def _in_background(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(_quietly(what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _quietly(what: Coroutine[Any, Any, None]) -> None:
    """A refusal or a lost line in the background is logged, it stops nothing else."""
    try:
        await what
    except (CallRefused, ConnectionLost) as error:
        log.info("device.background error=%s", error)

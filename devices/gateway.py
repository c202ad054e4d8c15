"""The devices' socket: one ASGI application a connection, nearly free of the database.

Two things happen side by side on a connection: frames are read, and each is answered after one
call to the database; a hint, or the look at the rows each second, sends the commands that are due.
Lowering a lock must not wait behind what other devices say, so commands have database threads of
their own.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar, cast

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings

from core import deeds
from core.addresses import network_of
from core.rates import Memory
from core.sockets import refuse
from devices import selectors
from devices.admission import (
    Busy,
    Gone,
    LogInLine,
    NoKey,
    NoSubprotocol,
    NotAdmitted,
    WrongKey,
    wrong_keys,
)
from devices.errors import KeyRefused
from devices.rules import frames
from devices.services import commands, connections, hints, reception
from devices.services.connections import Link

log = logging.getLogger("bowei.devices")

_said = Memory()

LOOK_EVERY_S = 1.0  # a lost hint costs no more than this
SEND_WITHIN_S = 20.0  # a device that does not read for so long is let go

Scope = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]


def _threads(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.BOWEI_PLACES[name], thread_name_prefix=name)


# Few threads for messages: they share one interpreter with the loop that sends the commands, and
# more of them made a flood no faster but a lock's lowering wait longer. Log-ins and log-outs have
# their own: when a thousand devices come back, those who are inside notice nothing.
_messages, _commands = _threads("device_messages"), _threads("device_commands")
_log_ins, _log_outs = _threads("device_log_ins"), _threads("device_log_outs")


async def _on(threads: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Any:
    run = database_sync_to_async(function, thread_sensitive=False, executor=threads)
    return await run(*args)


_for_messages, _for_commands = partial(_on, _messages), partial(_on, _commands)


class DeviceGateway:
    """One device's connection, `/devices/<code>`, subprotocol `bowei.1`."""

    @classmethod
    def as_asgi(cls) -> Callable[[Scope, Receive, Send], Any]:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await cls(scope, receive, send).run()

        return application

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.link: Link
        self._ahead: asyncio.Future[dict[str, Any]] | None = None
        self.to_look = asyncio.Event()
        self._open: set[str] = set()  # message ids of commands that were not answered
        self._ended = False

    async def run(self) -> None:
        await self._receive()  # websocket.connect
        ahead = self._ahead = asyncio.ensure_future(self._receive())  # only that it has hung up
        try:
            self.link = await self._log_in(ahead)
        except Gone:
            return
        except NotAdmitted as error:
            ahead.cancel()
            await refuse(self.scope, self._send, **error.answer)
            return
        except Exception:  # not the device's fault: it must not take its key for refused
            log.exception("devices.log_in_failed")
            ahead.cancel()
            await refuse(self.scope, self._send, **Busy().answer)
            return
        why = "lost"
        layer, channel, group = get_channel_layer(), "", hints.group(self.link.device_id)
        work: list[asyncio.Task[str]] = []
        try:
            await self._send({"type": "websocket.accept", "subprotocol": frames.SUBPROTOCOL})
            station = Station.of_this_loop()
            station.add(self)
            work.append(asyncio.create_task(self._read()))
            work.append(asyncio.create_task(self._tell()))
            try:
                channel = await layer.new_channel()
                await layer.group_add(group, channel)
                work.append(asyncio.create_task(self._hear_hints(layer, channel)))
            except Exception as error:  # no Valkey: the look each second remains
                log.warning("devices.no_hints error=%s", type(error).__name__)
            self.to_look.set()  # once: what was ordered before the hints came is found too
            done, _open = await asyncio.wait(work[:2], return_when=asyncio.FIRST_COMPLETED)
            why = next(iter(done)).result()
        except (OSError, RuntimeError) as error:  # the line broke while something was sent
            log.info(
                "devices.line_broke device=%s error=%s", self.link.device_code, type(error).__name__
            )
        except Exception:
            log.exception("devices.connection_failed device=%s", self.link.device_code)
            with contextlib.suppress(OSError, RuntimeError):
                await self._close(1011, "failed")
        finally:
            self._ended = True
            Station.of_this_loop().remove(self)
            ahead.cancel()
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            if channel:
                try:
                    await layer.group_discard(group, channel)
                except Exception as error:
                    log.warning("devices.no_hints error=%s", type(error).__name__)
            try:
                await asyncio.shield(_on(_log_outs, connections.log_out, self.link, why))
            except Exception as error:  # the sweep for silent devices will do it
                log.warning("devices.log_out_failed error=%s", type(error).__name__)

    # ── In ───────────────────────────────────────────────────────────────────────────────────

    async def _log_in(self, gone: "asyncio.Future[Any]") -> Link:
        if frames.SUBPROTOCOL not in (self.scope.get("subprotocols") or []):
            raise NoSubprotocol()
        scheme, _, key = _header(self.scope, b"authorization").partition(" ")
        if scheme.lower() != "bearer":
            raise NoKey()
        code, key = self.scope["url_route"]["kwargs"]["code"], key.strip()
        network = network_of(self.scope)
        wrong_keys.check(network, key)
        try:
            async with Station.of_this_loop().log_ins.turn(gone):
                link: Link = await _on(_log_ins, connections.log_in, code, key)
        except KeyRefused as error:
            wrong_keys.was_wrong(network, key)
            raise WrongKey() from error
        wrong_keys.was_right(key)
        return link

    async def _event(self) -> dict[str, Any]:
        """What comes next on the socket; first what the log-in has looked out for."""
        if self._ahead is None:
            return cast(dict[str, Any], await self._receive())
        ahead, self._ahead = self._ahead, None
        return await ahead

    async def _read(self) -> str:
        """Answer what the device says, one frame after another; why it ended."""
        while True:
            event = await self._event()
            if event["type"] == "websocket.disconnect":
                return f"closed {event.get('code', '')}"
            await self._not_too_fast()
            raw = event.get("text")
            if raw is None:
                raw = event.get("bytes") or b""
            try:
                frame = frames.decode(raw)
            except frames.BadFrame as error:
                await self._say(await _for_messages(reception.quarantine, self.link, raw, error))
                continue
            if isinstance(frame, frames.Call):
                answer = await _for_messages(reception.receive, self.link, raw, frame)
                await self._say(answer.frame)
                if answer.stale:
                    return await self._close(frames.CLOSE_STALE, "stale")
            elif frame.id in self._open:
                self._open.discard(frame.id)
                if isinstance(frame, frames.Result):
                    await _for_commands(commands.acknowledge, self.link, frame.id)
                else:
                    await _for_commands(commands.refuse, self.link, frame)
                self.to_look.set()

    async def _not_too_fast(self) -> None:
        """What a device says faster than it may is read later: the line itself holds it back."""
        said = [(self.link.device_code, rate) for rate in deeds.FRAME.thing]
        while wait_s := _said.take(said):
            await asyncio.sleep(wait_s)

    # ── Out ──────────────────────────────────────────────────────────────────────────────────

    async def _tell(self) -> str:
        """Send the commands that are due, whenever there is a reason to look; why it ended."""
        while True:
            await self.to_look.wait()
            self.to_look.clear()
            try:
                due = await _for_commands(commands.take_due, self.link)
            except Exception:
                log.exception("devices.look_failed device=%s", self.link.device_code)
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            if due is None:
                return await self._close(frames.CLOSE_STALE, "stale")
            for outgoing in due:
                self._open.add(outgoing.message_id)
                try:
                    async with asyncio.timeout(SEND_WITHIN_S):
                        await self._say(outgoing.frame)
                except TimeoutError:
                    return await self._close(frames.CLOSE_SLOW, "slow")

    async def _hear_hints(self, layer: Any, channel: str) -> str:
        while True:
            await layer.receive(channel)
            self.to_look.set()

    async def _say(self, frame: str) -> None:
        if not self._ended:
            await self._send({"type": "websocket.send", "text": frame})

    async def _close(self, code: int, why: str) -> str:
        self._ended = True
        await self._send({"type": "websocket.close", "code": code, "reason": why})
        return why


def _header(scope: Scope, name: bytes) -> str:
    found: bytes = dict(scope["headers"]).get(name, b"")
    return found.decode("latin-1")


class Station:
    """The connections of one event loop, and the look at their rows each second."""

    _stations: ClassVar[dict[asyncio.AbstractEventLoop, "Station"]] = {}

    def __init__(self) -> None:
        self.gateways: dict[int, list[DeviceGateway]] = {}
        self.log_ins = LogInLine(settings.BOWEI_PLACES["device_log_ins"])
        self._round: asyncio.Task[None] | None = None

    @classmethod
    def of_this_loop(cls) -> "Station":
        loop = asyncio.get_running_loop()
        if loop not in cls._stations:
            cls._stations = {
                known: s for known, s in cls._stations.items() if not known.is_closed()
            }
            cls._stations[loop] = cls()
        return cls._stations[loop]

    def add(self, gateway: DeviceGateway) -> None:
        self.gateways.setdefault(gateway.link.device_id, []).append(gateway)
        if self._round is None:
            self._round = asyncio.create_task(self._look_round())

    def remove(self, gateway: DeviceGateway) -> None:
        mine = self.gateways.get(gateway.link.device_id, [])
        if gateway in mine:
            mine.remove(gateway)
        if not mine:
            self.gateways.pop(gateway.link.device_id, None)
        if not self.gateways and self._round is not None:
            self._round.cancel()
            self._round = None

    async def _look_round(self) -> None:
        """Hints may be lost, retries fall due, log-ins happen elsewhere: the rows know."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                epochs = {pk: max(g.link.epoch for g in many) for pk, many in self.gateways.items()}
                for device_id in await _for_commands(selectors.to_look_at, epochs):
                    for gateway in self.gateways.get(device_id, []):
                        gateway.to_look.set()
            except Exception as error:
                log.warning("devices.look_failed error=%s", type(error).__name__)

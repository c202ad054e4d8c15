"""A run of hostile inputs against a web server: its answers, how soon, at what memory."""

import contextlib
import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psutil
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from config.fuzz import message, words
from config.fuzz.askers import Asker
from config.fuzz.doors import Doors, messages_of_devices
from core import wake
from core.live import token
from devices.rules import frames

MOST_S = 2.0  # an answer may take
MOST_MB = 300  # the web server may grow by
TIMES_THE_LEAST = 100  # an answer that says that we live takes 2 ms and more
LEAST = b"GET /health/alive/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
PATIENCE_S = 20.0
WARM_UP = 300  # inputs until memory is measured first
SOCKETS = 0.05  # the share of inputs that are spoken on sockets
FRAMES = 5  # said on each


@dataclass(frozen=True, slots=True)
class Fault:
    """What must not be: an error of ours, silence, a slow answer."""

    number: int
    why: str
    door: str
    sent: str


@dataclass(slots=True)
class Found:
    """What came of a run."""

    inputs: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    grown_mb: int = 0
    doors: set[str] = field(default_factory=set)

    @property
    def failed(self) -> bool:
        return bool(self.faults) or self.grown_mb > MOST_MB


class Fuzz:
    """Inputs number `first` to `first + inputs`, each drawn by seed and number alone."""

    def __init__(
        self,
        url: str,
        *,
        seed: int,
        doors: Doors,
        askers: list[Asker],
        devices: list[tuple[str, str]],
        server: int | None,
    ) -> None:
        parts = urlsplit(url)
        self.place = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.seed, self.doors, self.askers, self.devices = seed, doors, askers, devices
        self.messages = messages_of_devices()
        self.process = psutil.Process(server) if server else None
        self.found = Found()
        self._lock = threading.Lock()
        self._before_mb = 0

    def run(self, first: int, inputs: int, *, told: Callable[[Found], None]) -> Found:
        """All of them, as many side by side as there are devices."""
        for path in self.doors.paths()[:: 1 + 500 // inputs]:  # a short run knows fewer forms
            self._learn(path)
        numbers = iter(range(first, first + inputs))
        done = threading.Event()
        threads = [
            threading.Thread(target=self._work, args=(numbers, device), daemon=True)
            for device in self.devices
        ]
        watches = [
            threading.Thread(target=watch, args=(done,), daemon=True)
            for watch in (self._watch, ask_as_often_as_one_likes)
        ]
        for watch in watches:
            watch.start()
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.2)
            told(self.found)
        told(self.found)
        done.set()
        for watch in watches:
            watch.join()
        return self.found

    def _learn(self, path: str) -> None:
        """The forms of a page, as it shows them to those whose page it is."""
        who = {"admin": "operator", "merchant": "owner"}.get(path.split("/")[1], "driver")
        asker = next((one for one in self.askers if one.name == who), self.askers[0])
        headers = {"Host": "127.0.0.1", **asker.headers("GET", path, b"")}
        line = http.client.HTTPConnection(*self.place, timeout=PATIENCE_S)
        try:
            line.request("GET", path, headers=headers)
            page = line.getresponse()
            if page.status == 200 and "html" in page.headers.get("Content-Type", ""):
                self.doors.read_forms(page.read().decode(errors="replace"))
        finally:
            line.close()

    def _work(self, numbers: Any, device: tuple[str, str]) -> None:
        while True:
            with self._lock:
                number = next(numbers, None)
            if number is None:
                return
            chance = random.Random(f"{self.seed} {number}")
            if chance.random() < SOCKETS:
                self._speak(number, chance, device)
            else:
                self._ask(number, message.make(chance, self.doors, self.askers))

    # ── Requests ─────────────────────────────────────────────────────────────────────────────
    def _ask(self, number: int, one: message.Input) -> None:
        status, took_s = self._send(one)
        slow = one.whole and self._slow(one, took_s)
        where = f"{one.asker} {one.method} {one.door}"
        with self._lock:
            self.found.inputs += 1
            self.found.statuses[status] += 1
            self.found.doors.add(one.door)
            if one.whole and took_s > self.found.slowest_s:
                self.found.slowest_s, self.found.slowest = took_s, f"{where} {one.sent}"
        if status.startswith("5") or (one.whole and status == "none"):
            self._fault(number, f"answered {status}", where, one.sent)
        elif slow:
            self._fault(number, f"answered after {took_s:.1f} s", where, one.sent)

    def _slow(self, one: message.Input, took_s: float) -> bool:
        """Whether it takes too long each time; on a busy machine, beside what the least takes."""
        for _again in range(3):
            least = message.Input("/health/alive/", "anonymous", "GET", LEAST, True, "")
            if took_s <= max(MOST_S, TIMES_THE_LEAST * self._send(least)[1]):
                return False
            took_s = self._send(one)[1]
        return True

    def _send(self, one: message.Input) -> tuple[str, float]:
        """The status of the answer, "none" where there was none, and how long it took."""
        began = time.monotonic()
        with socket.create_connection(self.place, timeout=PATIENCE_S) as line:
            with contextlib.suppress(OSError):  # it may answer, and hang up, before it has read all
                line.sendall(one.raw)
                if not one.whole:
                    line.shutdown(socket.SHUT_WR)
            try:
                answer = http.client.HTTPResponse(line, method=one.method)
                answer.begin()
                answer.read()
                return str(answer.status), time.monotonic() - began
            except (OSError, http.client.HTTPException):
                return "none", time.monotonic() - began

    # ── Sockets ──────────────────────────────────────────────────────────────────────────────
    def _speak(self, number: int, chance: random.Random, device: tuple[str, str]) -> None:
        """A few messages on a device's socket, or on that of a live page."""
        code, key = device
        live = chance.random() < 0.2
        path = f"/live/{token('fuzz')}" if live else f"/devices/{code}"
        if chance.random() < 0.1:
            path = f"/devices/{words.text(chance)[:200]}".encode("ascii", "ignore").decode()
            path = "".join(one for one in path if one.isalnum() or one in "/-")
        said, status = [], "socket"
        try:
            with self._connected(path, key, chance) as line:
                for _time in range(FRAMES):
                    frame = words.frame(chance, self.messages)
                    said.append(str(frame[:80]))
                    began = time.monotonic()
                    line.send(frame)
                    with contextlib.suppress(TimeoutError):
                        line.recv(timeout=0.05)
                    with contextlib.suppress(TimeoutError):
                        line.recv(timeout=0)
                    if time.monotonic() - began > MOST_S:
                        self._fault(number, "a socket was slow", path, said[-1])
        except WebSocketException as error:
            told = getattr(error, "response", None)
            close = getattr(error, "rcvd", None)
            status = f"socket {told.status_code if told else close.code if close else 'ended'}"
        except OSError:
            status = "socket ended"
        with self._lock:
            self.found.inputs += 1
            self.found.statuses[status] += 1
        if status in ("socket 500", "socket 1011"):
            self._fault(number, status, path, " ".join(said)[-200:])

    def _connected(self, path: str, key: str, chance: random.Random) -> ClientConnection:
        network = ".".join(str(chance.randrange(1, 255)) for _ in range(4))
        host, port = self.place
        return connect(
            f"ws://{host}:{port}{path}",
            additional_headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": network},
            subprotocols=[Subprotocol(frames.SUBPROTOCOL)],
            compression=None,
            proxy=None,
            open_timeout=PATIENCE_S,
            close_timeout=1,
        )

    # ── Beside ───────────────────────────────────────────────────────────────────────────────
    def _watch(self, done: threading.Event) -> None:
        """How much memory the server takes."""
        while not done.wait(0.5):
            if self.process is None or self.found.inputs < WARM_UP:
                continue
            mb = self.process.memory_info().rss >> 20
            self._before_mb = self._before_mb or mb
            self.found.grown_mb = max(self.found.grown_mb, mb - self._before_mb)

    def _fault(self, number: int, why: str, door: str, sent: str) -> None:
        with self._lock:
            self.found.faults.append(Fault(number, why, door, sent))


def ask_as_often_as_one_likes(done: threading.Event) -> None:
    """Until it is done nobody has asked before: limits of how often hide what is behind."""
    while not done.wait(0.5):
        for key in wake.client().scan_iter("bowei.limit.*", count=1000):
            wake.client().delete(key)

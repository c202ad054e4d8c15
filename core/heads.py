"""Limits of what stands before a request's body: the server itself collects no more than that.

Neither uvicorn nor httptools has a limit of its own: whoever sends headers without end would fill
the memory before any code of ours is asked. The server is told of this class by `config.server`.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core import sizes

_ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 27\r\nconnection: close\r\n\r\n"
    b"The headers are too large.\n"
)


class _TooLarge(Exception):
    """Ends the parser's work."""


class LimitedHeads(HttpToolsProtocol):
    """uvicorn's protocol, for heads of bearable size that come in bearable time."""

    _bytes = 0  # of the present head, as far as it was understood
    _unread = 0  # taken in since a part of it was understood last
    _count = 0
    _waits: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        waiting = self._waits is not None and not self.transport.is_closing()
        if waiting and self._bytes + self._unread > sizes.HEAD_BYTES:
            self._refuse()

    def on_message_begin(self) -> None:
        self._bytes = self._count = 0
        if self._waits is None:
            self._wait()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count += 1
        self._take(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._wait_no_more()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def _should_upgrade(self) -> bool:
        """Only a GET begins a socket (RFC 6455, 4.1); any other would never be answered."""
        return self.parser.get_method() == b"GET" and bool(super()._should_upgrade())

    def send_400_response(self, msg: str) -> None:
        if self._bytes > sizes.HEAD_BYTES or self._count > sizes.HEADERS:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _take(self, size: int) -> None:
        """A part of the head was understood. Raises where it becomes too much."""
        self._bytes += size
        self._unread = 0
        if self._bytes > sizes.HEAD_BYTES or self._count > sizes.HEADERS:
            raise _TooLarge

    def _refuse(self) -> None:
        self.transport.write(_ANSWER)
        self.transport.close()

    def _wait(self) -> None:
        self._waits = self.loop.call_later(sizes.HEAD_S, self._give_up)

    def _wait_no_more(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

"""Headers are limited before they fill memory: the server itself collects no more."""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core import sizes

BEGIN = b"GET /health/alive/ HTTP/1.1\r\nHost: x\r\n"


@contextlib.contextmanager
def line(live: Any) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as open_line:
        yield open_line


def answered(open_line: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    told = b""
    with contextlib.suppress(ConnectionError):
        while data := open_line.recv(65_536):
            told += data
    return told


def sent_before_it_hangs_up(open_line: socket.socket, piece: bytes) -> int:
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 50 * sizes.MIB:
            open_line.sendall(piece)
            sent += len(piece)
    return sent


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (BEGIN, b"X-Some: " + b"a" * 4000 + b"\r\n"),
        (BEGIN, b"x: y\r\n" * 50),
        (BEGIN + b"X-One: ", b"a" * 8000),
        (b"GET /", b"a" * 8000),
        (
            BEGIN + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
            b"X-Trailer: " + b"a" * 4000 + b"\r\n",
        ),
    ],
)
def test_headers_without_end_are_cut_off(live: Any, begin: bytes, piece: bytes) -> None:
    with line(live) as open_line:
        open_line.sendall(begin)
        assert sent_before_it_hangs_up(open_line, piece) < 8 * sizes.MIB


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (b"X-Some: " + b"a" * 20_000 + b"\r\n", b"200"),
        (b"X-Some: " + b"a" * 40_000 + b"\r\n", b"431"),
        (b"x: y\r\n" * 97, b"200"),
        (b"x: y\r\n" * 100, b"431"),
    ],
)
def test_who_sends_too_many_headers_is_told(live: Any, more: bytes, status: bytes) -> None:
    with line(live) as open_line:
        open_line.sendall(BEGIN + b"Connection: close\r\n" + more + b"\r\n")
        assert answered(open_line).startswith(b"HTTP/1.1 " + status)


def test_who_does_not_come_to_an_end_is_let_go(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "HEAD_S", 0.5)
    began = time.monotonic()
    with line(live) as silent, line(live) as slow:
        slow.sendall(BEGIN)
        assert answered(silent) == answered(slow) == b""
    assert time.monotonic() - began < 10


def test_a_line_is_used_again_as_often_as_one_likes(live: Any) -> None:
    with line(live) as open_line:
        for _again in range(5):
            open_line.sendall(BEGIN + b"X: " + b"a" * 20_000 + b"\r\n\r\n")
            answer = http.client.HTTPResponse(open_line)
            answer.begin()
            assert (answer.status, answer.read()) == (200, b'{"alive": true}')


def test_who_asks_for_a_socket_by_a_post_is_answered_like_any_other(live: Any) -> None:
    with line(live) as open_line:
        open_line.sendall(
            b"POST /health/alive/ HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade, close\r\n"
            b"Upgrade: websocket\r\nContent-Length: 1\r\n\r\nx"
        )
        assert answered(open_line).startswith(b"HTTP/1.1 4")

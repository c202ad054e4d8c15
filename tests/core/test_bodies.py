"""A body is limited before it fills memory or disk, whoever sends it and wherever."""

import http.client
import io
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import resolve
from PIL import Image

from core import bodies, images, sizes
from core.errors import Invalid, TooMany
from core.models import StoredImage
from core.quotas import DiskFull

MIB = 1024 * 1024


@contextmanager
def line(live: Any) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as open_line:
        yield open_line


def answer(open_line: socket.socket) -> tuple[int, str]:
    """Status and body of what is answered on the line."""
    response = http.client.HTTPResponse(open_line)
    response.begin()
    return response.status, response.read().decode()


def head(path: str, *more: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *more, "", ""]).encode()


def sent_until_refused(open_line: socket.socket, most: int) -> int:
    """Send chunks without an end; how many bytes went out before the answer came."""
    chunk, sent = b"x" * 16_384, 0
    open_line.settimeout(0.05)
    while sent < most:
        try:
            open_line.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        except (OSError, TimeoutError):
            break
        sent += len(chunk)
        try:
            if open_line.recv(1, socket.MSG_PEEK):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    open_line.settimeout(20)
    return sent


def test_a_length_beyond_the_limit_is_refused_before_a_byte_of_it_is_sent(live: Any) -> None:
    with line(live) as open_line:
        open_line.sendall(head("/", f"Content-Length: {700 * MIB}", "Accept-Language: en"))
        status, page = answer(open_line)
    assert status == 413
    assert "What you sent is too large" in page
    with line(live) as open_line:
        open_line.sendall(head("/api/v1/payments/nothing/", f"Content-Length: {700 * MIB}"))
        status, page = answer(open_line)
    assert status == 413
    assert json.loads(page)["code"] == "too_large"


@pytest.mark.parametrize(
    ("path", "most"), [("/", MIB), (f"/api/v1/devices/images/{'0' * 64}", 13 * MIB)]
)
def test_a_body_without_a_length_is_cut_off_at_the_limit_of_its_address(
    live: Any, path: str, most: int
) -> None:
    with line(live) as open_line:
        open_line.sendall(head(path, "Transfer-Encoding: chunked"))
        sent = sent_until_refused(open_line, 100 * MIB)
    assert most <= sent < most + 8 * MIB  # what lies in buffers of the two ends is sent too


def test_what_does_not_arrive_in_time_is_given_up(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BODY_S", 0.3)
    with line(live) as open_line:
        open_line.sendall(head("/", "Content-Length: 10", "Accept-Language: en"))
        began = time.monotonic()
        status, page = answer(open_line)
    assert status == 408
    assert "did not arrive in time" in page
    assert time.monotonic() - began < 10


def test_only_so_many_large_bodies_come_in_at_a_time(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "LARGE_OF_NETWORK", 1)
    path, length = f"/api/v1/devices/images/{'0' * 64}", f"Content-Length: {2 * MIB}"
    with line(live) as slow, line(live) as other:
        slow.sendall(head(path, length) + b"x")
        time.sleep(0.3)
        other.sendall(head(path, length))
        status, page = answer(other)
        assert (status, json.loads(page)["code"]) == (503, "busy")
    time.sleep(0.3)
    with line(live) as later:
        later.sendall(head(path, length) + b"x" * (2 * MIB))
        assert answer(later)[0] == 401  # it was let in, to its view, which asks for a key


@pytest.mark.parametrize(
    "address",
    [
        "/cards/",
        "/merchant/debts/paper/",
        "/merchant/recovery/1/",
        "/merchant/recovery/new/",
        "/api/v1/recovery/orders/",
        "/api/v1/recovery/orders/R-1/place/",
        "/api/v1/recovery/orders/R-1/raise/",
        "/api/v1/recovery/orders/R-1/by-hand/",
        "/api/v1/recovery/orders/R-1/moved/",
        f"/api/v1/devices/images/{'0' * 64}",
    ],
)
def test_the_addresses_that_take_photographs_have_room_for_them(address: str) -> None:
    assert resolve(address).func.takes_photographs
    assert bodies._most_bytes(address) > 12 * MIB


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setattr(sizes, "PHOTOGRAPH_BYTES", 10)
    upload = SimpleUploadedFile("a.jpg", b"x" * 11)
    with pytest.raises(Invalid) as refused:
        images.keep_upload(upload, by="user:1")
    assert refused.value.code == "too_large"
    assert upload.tell() == 0
    assert not StoredImage.objects.exists()


def test_who_has_filled_a_day_with_photographs_waits_for_the_next(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setattr(sizes, "KEPT_OF_PERSON", 1)
    kept = images.keep(photograph("olive"), by="user:1")
    with pytest.raises(TooMany) as refused:
        images.keep(photograph("red"), by="user:1")
    assert 0 < int(refused.value.headers["Retry-After"]) <= 24 * 3600
    assert images.keep(photograph("olive"), by="user:1") == kept  # it lies there already
    images.keep(photograph("blue"), by="user:2")
    monkeypatch.setattr(sizes, "KEPT_OF_ALL", 1)
    with pytest.raises(TooMany):
        images.keep(photograph("white"), by="user:3")
    assert StoredImage.objects.count() == 2


def test_the_disk_keeps_room_for_the_rest(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    images.keep(photograph("olive"), by="user:1")
    monkeypatch.setattr(sizes, "DISK_LEFT", 2**60)
    with pytest.raises(DiskFull) as refused:
        images.keep(photograph("red"), by="user:1")
    assert refused.value.status == 503


def photograph(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "JPEG")
    return file.getvalue()


def test_a_photograph_of_a_form_is_kept(db: None) -> None:
    sha256 = images.keep_upload(SimpleUploadedFile("a.jpg", photograph("olive")), by="user:1")
    assert images.exists(sha256)
    assert images.load(sha256).startswith(b"\xff\xd8")

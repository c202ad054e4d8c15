"""Inbound messages of devices: validated, handled once, answered the same way when repeated.

The receipt, the effect and the raw frame are written in one transaction. What is refused is kept
where a person can look at it (docs/rules.md 10); it never ends the connection.
"""

import json
import logging
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import OperationalError, transaction

from core import clock, images, personal, wiring
from core.errors import BoweiError, Invalid
from devices.errors import (
    AttendantNeeded,
    MessageIdReused,
    NoImage,
    NotForKind,
    StaleEpoch,
    Unlistened,
)
from devices.models import Connection, DeviceMessage, MessageReceipt
from devices.rules import frames, kinds, protocol
from devices.rules.clocks import clock_fault
from devices.services.connections import Link, heard

log = logging.getLogger("bowei.devices")

OF_THE_LINE = frozenset({"Heartbeat", "AttendantLogin", "AttendantLogout"})  # not remembered
MOST_KEPT_RAW = 4096
MOST_REFUSALS_A_MINUTE = 60  # kept of one connection; all are answered
GIVE_UP_AFTER = 5  # times that one message made us fail
AGAIN = ("40P01", "40001")  # deadlock, serialization failure: PostgreSQL asks to try again
PASSWORD = re.compile(r'("password"\s*:\s*")(?:[^"\\]|\\.)*')


@dataclass(frozen=True, slots=True)
class Reply:
    """The frame to send back; `stale`: and then the socket is to be closed."""

    frame: str
    stale: bool = False


def receive(link: Link, raw: str, call: frames.Call) -> Reply:
    """Take in one message; every way ends in an answer."""
    try:
        message = _at_the_door(link, call)
    except (protocol.InvalidPayload, BoweiError) as error:
        return _refuse(link, raw, call, error)
    except Exception:
        return _failed(link, raw, call)
    for again in (True, True, False):
        try:
            return _take(link, raw, call, message)
        except StaleEpoch as error:
            answer = _refuse(link, raw, call, error)
            return Reply(answer.frame, stale=True)
        except OperationalError as error:
            if not again or getattr(error.__cause__, "sqlstate", None) not in AGAIN:
                return _failed(link, raw, call)
        except Exception:
            return _failed(link, raw, call)
    raise AssertionError("unreachable")


def quarantine(link: Link, raw: str | bytes, error: frames.BadFrame) -> str:
    """Keep a frame that can't be read; the error frame for its sender."""
    text = raw if isinstance(raw, str) else repr(raw[: MOST_KEPT_RAW // 4])
    _keep(link, text, frames.Call(error.id, "", {}), error.code, error.text)
    return frames.Error(error.id, error.code, error.text).encode()


# ── The door ─────────────────────────────────────────────────────────────────────────────────


def _at_the_door(link: Link, call: frames.Call) -> protocol.FromDevice:
    message, kind = protocol.parse(call.action, call.payload), kinds.of(link.kind)
    if type(message) not in kind.says:
        raise NotForKind(link.kind, call.action)
    occurred_at_ms = getattr(message, "occurred_at_ms", None)
    if occurred_at_ms is not None:
        now_ms = int(clock.now().timestamp() * 1000)
        fault = clock_fault(occurred_at_ms, now_ms=now_ms)
        if fault:
            text = "The device's clock is wrong; the right time is now_ms."
            raise Invalid(fault, text, now_ms=now_ms)
    if kind.needs_attendant and link.attendant is None and message.is_evidence():
        raise AttendantNeeded()
    sha256 = getattr(message, "sha256", None)
    if sha256 is not None and not images.exists(sha256):
        raise NoImage()
    return message


# ── The transaction ──────────────────────────────────────────────────────────────────────────


@transaction.atomic
def _take(link: Link, raw: str, call: frames.Call, message: protocol.FromDevice) -> Reply:
    # The device's row is locked until the commit: its messages are done one after another, on
    # however many connections they come, and a log-in that raises the epoch waits for them.
    if not heard(link):
        raise StaleEpoch()
    remembered = call.action not in OF_THE_LINE
    content = _content(call) if remembered else ""
    if remembered:
        before = MessageReceipt.objects.filter(device_id=link.device_id, message_id=call.id).first()
        if before is not None:
            if before.content != content:
                return _refuse(link, raw, call, MessageIdReused())
            return Reply(json.dumps(before.answer, ensure_ascii=False, separators=(",", ":")))
    answer: frames.Result | frames.Error
    refusal: BoweiError | None = None
    try:
        with transaction.atomic():
            answer = frames.Result(call.id, _do(link, call.action, message))
    except BoweiError as error:
        refusal, answer = error, _error(call.id, error)
    if remembered:
        MessageReceipt.objects.create(
            device_id=link.device_id,
            merchant_id=link.merchant_id,
            message_id=call.id,
            content=content,
            answer=json.loads(answer.encode()),
            at=clock.real(),
        )
    if call.action != "Heartbeat":
        if refusal is None:
            _write(link, raw, call, "", "")
        else:
            _write(link, raw, call, refusal.code, refusal.message)
    return Reply(answer.encode())


def _do(link: Link, action: str, message: protocol.FromDevice) -> dict[str, Any]:
    listeners = wiring.listeners(action)
    if not listeners:
        raise Unlistened(action)
    sender, said = link.sender(clock.now()), None
    for listen in listeners:
        said = listen(message, sender) or said
    if isinstance(message, protocol.AttendantLogin | protocol.AttendantLogout):
        _hand_over(link)
    return said or {}


def _hand_over(link: Link) -> None:
    """The socket learns whose hands its device is in, once that is committed."""
    holders = Connection.objects.filter(pk=link.connection_id)
    user_id = holders.values_list("attendant_id", flat=True).get()

    def remember() -> None:
        link.attendant = f"user:{user_id}" if user_id else None

    transaction.on_commit(remember)


# ── What is refused, and what is kept ────────────────────────────────────────────────────────


def _refuse(
    link: Link, raw: str, call: frames.Call, error: protocol.InvalidPayload | BoweiError
) -> Reply:
    answer = _error(call.id, error)
    _keep(link, raw, call, answer.code, answer.text)
    return Reply(answer.encode())


def _failed(link: Link, raw: str, call: frames.Call) -> Reply:
    """Our own failure: the device tries again with the same id, but not for ever."""
    log.exception("devices.message_failed device=%s action=%s", link.device_code, call.action)
    try:
        kept = DeviceMessage.objects.filter(
            device_id=link.device_id, message_id=call.id, refused="internal"
        )
        code = "parked" if kept.count() + 1 >= GIVE_UP_AFTER else "internal"
        _write(link, raw, call, code, "")
    except Exception:
        code = "internal"  # the database is away: nothing could be kept, so the device must
    return Reply(frames.Error(call.id, code, "The platform could not do this.").encode())


def _error(id: str, error: protocol.InvalidPayload | BoweiError) -> frames.Error:
    if isinstance(error, protocol.InvalidPayload):
        return frames.Error(id, error.code, error.text, {"fields": error.fields})
    details = dict(error.facts)
    if isinstance(error, Invalid) and error.fields:
        details["fields"] = {name: str(text) for name, text in error.fields.items()}
    return frames.Error(id, error.code, error.message, details)


def _keep(link: Link, raw: str, call: frames.Call, code: str, why: str) -> None:
    """Write a refusal down, unless the device floods us with them."""
    now_s = time.monotonic()
    link.refused_at = [at for at in link.refused_at if at > now_s - 60]
    if len(link.refused_at) >= MOST_REFUSALS_A_MINUTE:
        return
    link.refused_at.append(now_s)
    log.info("devices.refused device=%s action=%s code=%s", link.device_code, call.action, code)
    try:
        _write(link, raw, call, code, why)
    except Exception as error:
        log.error("devices.not_kept device=%s error=%s", link.device_code, type(error).__name__)


def _write(link: Link, raw: str, call: frames.Call, code: str, why: str) -> None:
    DeviceMessage.objects.create(
        device_id=link.device_id,
        merchant_id=link.merchant_id,
        epoch=link.epoch,
        message_id=call.id,
        action=call.action,
        raw=_printable(PASSWORD.sub(r"\1•••", raw))[:MOST_KEPT_RAW],
        refused=code,
        why=_printable(why)[:300],
        login_name=_login_name(call),
        occurred_at=_occurred_at(call),
        received_at=clock.now(),
        received_real_at=clock.real(),
    )


def _content(call: frames.Call) -> str:
    return personal.digest(json.dumps([call.action, call.payload], sort_keys=True))


def _printable(text: str) -> str:
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()


def _login_name(call: frames.Call) -> str:
    name = call.payload.get("username") if call.action == "AttendantLogin" else ""
    return name[:150] if isinstance(name, str) else ""


def _occurred_at(call: frames.Call) -> datetime | None:
    at_ms = call.payload.get("occurred_at_ms")
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC) if isinstance(at_ms, int) else None
    except (ValueError, OverflowError, OSError):
        return None

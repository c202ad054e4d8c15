"""Inbound messages of devices: validated, handled once, answered the same way when repeated.

The receipt, the effect and the raw frame are written in one transaction. What is refused is kept
where a person can look at it (docs/rules.md 10); it never ends the connection.
"""

import json
import logging
import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import OperationalError, transaction
from django.utils.translation import gettext_lazy

from core import audit, clock, images, locks, personal, wiring
from core.errors import BoweiError, Invalid, Missing, Refused
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
            taken, said_at_ms = _in_our_time(message, clock.now())
            sender = link.sender(clock.now(), said_at_ms)
            answer = frames.Result(call.id, _do(sender, call.action, taken))
            if isinstance(message, protocol.AttendantLogin | protocol.AttendantLogout):
                _hand_over(link)
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


def _do(sender: protocol.Sender, action: str, message: protocol.FromDevice) -> dict[str, Any]:
    listeners, said = wiring.listeners(action), None
    if not listeners:
        raise Unlistened(action)
    for listen in listeners:
        said = listen(message, sender) or said
    return said or {}


def _in_our_time(
    message: protocol.FromDevice, received_at: datetime
) -> tuple[protocol.FromDevice, int | None]:
    """What a device with a wrong clock says has happened when we heard it; and what it said.

    So has what it says of a little later than now: with its clock put right, what it says next
    would be taken for older.
    """
    said_at_ms = getattr(message, "occurred_at_ms", None)
    received_ms = int(received_at.timestamp() * 1000)
    if said_at_ms is None:
        return message, None
    faulty = clock_fault(said_at_ms, now_ms=received_ms) is not None
    if not faulty and said_at_ms <= received_ms:
        return message, None
    corrected: Any = message
    return replace(corrected, occurred_at_ms=received_ms), said_at_ms if faulty else None


@transaction.atomic
def admit(message_id: int, *, actor: str) -> dict[str, Any]:
    """A person takes in a message that was refused, as if it had come now from its device at the
    time that it names; the answer it would have got.

    Raises Missing, Refused for one that was taken, and what the message is refused for still.
    """
    rows = DeviceMessage.objects.filter(pk=message_id).select_related("device")
    kept = next(iter(locks.lock(rows)), None)
    if kept is None:
        raise Missing()
    if not kept.refused or kept.admitted_at is not None:
        raise Refused("was_taken", gettext_lazy("This message has been taken in already."))
    try:
        call = frames.decode(kept.raw)
        if not isinstance(call, frames.Call):
            raise frames.BadFrame("malformed", "")
        message = protocol.parse(call.action, call.payload)
    except (frames.BadFrame, protocol.InvalidPayload) as error:
        raise Refused("unreadable", gettext_lazy("This message can't be read.")) from error
    device = kept.device
    if type(message) not in kinds.of(device.kind).says or call.action in OF_THE_LINE:
        raise NotForKind(device.kind, call.action)
    line = Connection.objects.filter(device=device, epoch=kept.epoch).first()
    taken, said_at_ms = _in_our_time(message, kept.received_at)
    sender = protocol.Sender(
        device_id=device.pk,
        device_code=device.code,
        kind=device.kind,
        merchant_id=device.merchant_id,
        epoch=kept.epoch,
        attendant=f"user:{line.attendant_id}" if line and line.attendant_id else None,
        connection_id=line.pk if line else 0,
        received_at=kept.received_at,
        said_at_ms=said_at_ms,
    )
    answer = _do(sender, call.action, taken)
    DeviceMessage.objects.filter(pk=kept.pk).update(
        admitted_at=clock.now(),
        admitted_by=actor,
        corrected_at=kept.received_at if said_at_ms is not None else None,
    )
    audit.record(device, "message admitted", actor=actor, message=kept.pk, said=call.action)
    return answer


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
    now = clock.now()
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
        corrected_at=None if code else _corrected(call, now),
        received_at=now,
        received_real_at=clock.real(),
    )


def _corrected(call: frames.Call, received_at: datetime) -> datetime | None:
    """When it is taken to have happened, where the device's clock can't be right."""
    at_ms = call.payload.get("occurred_at_ms")
    if not isinstance(at_ms, int):
        return None
    received_ms = int(received_at.timestamp() * 1000)
    return received_at if clock_fault(at_ms, now_ms=received_ms) else None


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

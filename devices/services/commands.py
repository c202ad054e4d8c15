"""What devices are told: rows, sent over the socket until they have an end (docs/rules.md 4)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import Invalid
from core.transition import transition
from devices.errors import DeviceRevoked, NoCommand, NoDevice, NotForKind, OrderReleased
from devices.events import CommandDone, CommandExpired, CommandFailed
from devices.models import Command, Device, ReleaseCode
from devices.rules import frames, kinds, protocol
from devices.services import hints
from devices.services.connections import Link
from devices.states import CommandState

URGENT = 0  # overtakes an open call; only a lock that goes down
TTL_S = {
    "LowerLock": 24 * 3600,
    "ShowNotice": 1800,
    "WithdrawNotice": 1800,
    "ShowTask": 4 * 3600,  # a terminal that comes back must still hear of a lock
}
DEFAULT_TTL_S = 60
RESULT_AFTER_S = 30  # acknowledged, but nothing was said since: ask again
BATCH = 20


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frame for the live socket."""

    message_id: str
    frame: str


@transaction.atomic
def order(
    *,
    device_id: int,
    action: str,
    payload: dict[str, Any],
    reference: str = "",
    ttl_s: int | None = None,
    priority: int = 5,
    actor: str,
) -> int:
    """Tell a device to do something; the command's number. It goes out when this commits.

    `payload` is the command's of `devices.rules.protocol` (RaiseLock without `release_counter`).
    `reference` comes back in the events `devices.command_done`, `_failed` and `_expired`. LowerLock
    goes before everything, and ends all waiting RaiseLock of the device. Raises NoDevice,
    DeviceRevoked, NotForKind, Invalid, and OrderReleased for a raise after a lowering of one order.
    """
    device = Device.objects.filter(pk=device_id).first()
    if device is None:
        raise NoDevice()
    if device.state == Device.State.REVOKED:
        raise DeviceRevoked()
    now = clock.real()
    if action == "RaiseLock":
        payload = {**payload, "release_counter": _hold(device, payload, now)}
    try:
        command = protocol.parse_command(action, payload)
    except protocol.InvalidPayload as error:
        raise Invalid(
            error.code, _("The command does not fit its schema."), fields=error.fields
        ) from error
    if type(command) not in kinds.of(device.kind).told:
        raise NotForKind(device.kind, action)
    if isinstance(command, protocol.LowerLock):
        _let_go(device, command.order_code, now, actor=actor)
        priority = URGENT
    else:
        priority = max(priority, URGENT + 1)
    row = Command.objects.create(
        device=device,
        merchant_id=device.merchant_id,
        action=action,
        payload=command.payload(),
        reference=reference,
        priority=priority,
        actor=actor,
        created_at=now,
        expires_at=now + timedelta(seconds=ttl_s or TTL_S.get(action, DEFAULT_TTL_S)),
        next_try_at=now,
    )
    hints.look(device_id)
    return row.pk


@transaction.atomic
def withdraw(command_id: int, *, actor: str = "system:devices.withdraw") -> bool:
    """Take back a command that has not ended; False where it has."""
    rows = Command.objects.filter(pk=command_id)
    return bool(
        transition(
            rows,
            source=Command.OPEN,
            target=CommandState.SUPERSEDED,
            actor=actor,
            ended_at=clock.real(),
        )
    )


def supersede_all(device_id: int, *, actor: str, reason: str) -> list[int]:
    """End all open commands of a device."""
    return transition(
        Command.objects.filter(device_id=device_id),
        source=Command.OPEN,
        target=CommandState.SUPERSEDED,
        actor=actor,
        reason=reason,
        ended_at=clock.real(),
    )


@transaction.atomic
def take_due(link: Link) -> list[Outgoing] | None:
    """What is to be sent to this socket now, marked as sent; None where its epoch is over.

    In order of priority, then age, one unanswered call at a time; lowering a lock waits for nobody.
    Rows that another transaction is changing are left for the next look.
    """
    device = Device.objects.filter(pk=link.device_id).values("epoch", "state").first()
    if not device or device["epoch"] != link.epoch or device["state"] == Device.State.REVOKED:
        return None
    now = clock.real()
    rows = list(
        Command.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(device_id=link.device_id, state__in=Command.OPEN)
        .order_by("priority", "id")[:BATCH]
    )
    busy = any(_in_flight(row, link.epoch, now) for row in rows)
    sent = []
    for row in rows:
        if row.expires_at <= now:
            _expire(row, now)
            continue
        if not _is_due(row, link.epoch, now) or (busy and row.priority > URGENT):
            continue
        if row.action == "RaiseLock" and not _may_rise(row, link):
            transition(
                row,
                source=Command.OPEN,
                target=CommandState.SUPERSEDED,
                ended_at=now,
                actor="system:devices.take_due",
                reason="the lock was lowered for this order",
            )
            continue
        sent.append(_mark_sent(row, link.epoch, now))
        busy = True
    return sent


@transaction.atomic
def acknowledge(link: Link, message_id: str) -> None:
    """The device has taken the command in; its result is still to come."""
    now = clock.real()
    answered = Command.objects.filter(device_id=link.device_id, open_message=message_id)
    rows = list(answered.filter(state__in=Command.OPEN).select_for_update(no_key=True))
    for row in rows:
        again = now + timedelta(seconds=RESULT_AFTER_S)
        if row.state != CommandState.SENT:
            Command.objects.filter(pk=row.pk).update(open_message="", next_try_at=again)
            continue
        transition(
            row,
            source=CommandState.SENT,
            target=CommandState.ACKNOWLEDGED,
            actor=f"device:{link.device_code}",
            open_message="",
            next_try_at=again,
        )


@transaction.atomic
def refuse(link: Link, error: frames.Error) -> None:
    """The device answered a command with an error: it will not do it."""
    rows = Command.objects.filter(device_id=link.device_id, open_message=error.id)
    for row in rows.filter(state__in=Command.OPEN):
        details = {"code": error.code, "text": error.text[:300]}
        _end(row, CommandState.FAILED, details, actor=f"device:{link.device_code}")


@transaction.atomic
def finish(
    device_id: int, command_id: int, outcome: str, details: dict[str, Any], *, actor: str
) -> None:
    """The device says how a command ended; once. Raises NoCommand where it has none such."""
    row = Command.objects.filter(pk=command_id, device_id=device_id).first()
    if row is None:
        raise NoCommand()
    _end(row, CommandState(outcome), details, actor=actor)
    hints.look(device_id)


@transaction.atomic
def expire_commands() -> int:
    """A sweep: commands whose time has run out, of devices that are away too; how many."""
    now = clock.real()
    rows = (
        Command.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(state__in=Command.OPEN, expires_at__lte=now)
        .order_by("expires_at")[:200]
    )
    return sum(_expire(row, now) for row in rows)


# ── Inside ───────────────────────────────────────────────────────────────────────────────────


def _hold(device: Device, payload: dict[str, Any], now: datetime) -> int:
    """The counter for a new raise. Raises OrderReleased."""
    order_code = str(payload.get("order_code", ""))[:64]
    holds = ReleaseCode.objects.filter(device=device, order_code=order_code)
    if holds.exclude(lowering_at=None).exists():
        raise OrderReleased()
    return ReleaseCode.objects.create(device=device, order_code=order_code, made_at=now).pk


def _let_go(device: Device, order_code: str, now: datetime, *, actor: str) -> None:
    """From here on the lock is never raised for this order; waiting raises end."""
    # Commands before holds, as take_due locks them: the other way round the two could wait for
    # each other, and a payment would break for it.
    transition(
        Command.objects.filter(device=device, action="RaiseLock"),
        source=Command.OPEN,
        target=CommandState.SUPERSEDED,
        actor=actor,
        reason="the lock is lowered",
        ended_at=now,
    )
    holds = ReleaseCode.objects.filter(device=device, order_code=order_code)
    if not holds.update(lowering_at=now):
        ReleaseCode.objects.create(
            device=device, order_code=order_code, made_at=now, lowering_at=now
        )


def _may_rise(row: Command, link: Link) -> bool:
    """Whether no lowering was ordered since; notes the key that the release code is made from."""
    holds = ReleaseCode.objects.filter(device_id=row.device_id)
    order_code = row.payload["order_code"]
    if holds.filter(order_code=order_code).exclude(lowering_at=None).exists():
        return False
    holds.filter(pk=row.payload["release_counter"]).update(credential_id=link.credential_id)
    return True


def _in_flight(row: Command, epoch: int, now: datetime) -> bool:
    return bool(row.open_message) and row.sent_epoch == epoch and row.next_try_at > now


def _is_due(row: Command, epoch: int, now: datetime) -> bool:
    return row.sent_epoch != epoch or row.next_try_at <= now


def _mark_sent(row: Command, epoch: int, now: datetime) -> Outgoing:
    attempts = row.attempts + 1
    first_s, most_s = (1, 15) if row.priority == URGENT else (3, 30)
    message_id = f"{row.pk}.{attempts}"  # new with each attempt; command_id stays
    facts: dict[str, Any] = {
        "attempts": attempts,
        "sent_epoch": epoch,
        "open_message": message_id,
        "next_try_at": now + timedelta(seconds=min(first_s * 2 ** min(attempts - 1, 8), most_s)),
        "sent_at": row.sent_at or now,
    }
    if row.state == Command.State.QUEUED:
        transition(
            row,
            source=CommandState.QUEUED,
            target=CommandState.SENT,
            actor="system:devices.gateway",
            **facts,
        )
    else:
        Command.objects.filter(pk=row.pk).update(**facts)
    call = frames.Call(message_id, row.action, {**row.payload, "command_id": row.pk})
    return Outgoing(message_id, call.encode())


def _expire(row: Command, now: datetime) -> int:
    return _end(row, CommandState.EXPIRED, {}, actor="system:devices.expire_commands")


def _end(row: Command, outcome: CommandState, details: dict[str, Any], *, actor: str) -> int:
    sources = [
        *Command.OPEN,
        *([] if outcome == CommandState.EXPIRED else [CommandState.EXPIRED]),
    ]
    ended = {one.outcome: one for one in (CommandDone, CommandFailed, CommandExpired)}[outcome]
    return len(
        transition(
            row,
            source=sources,
            target=outcome,
            actor=actor,
            event=lambda pk: ended(pk, row.device_id, row.action, row.reference, details),
            details=details,
            open_message="",
            ended_at=clock.real(),
        )
    )

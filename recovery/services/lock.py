"""What the lock of an order says (P1.3 to P1.5): its reports move the order by compare-and-set."""

from datetime import datetime
from typing import Any

from django.db import transaction

from core import clock, locks, outbox
from core.transition import transition
from parking import services as parking
from recovery.events import LockAlarm, LockReleased
from recovery.models import LockEvent, RecoveryOrder
from recovery.rules import effect_of
from recovery.services.ending import instruct_move, lower_again
from recovery.services.raising import tell_pages
from recovery.states import RecoveryState

AT = {"raised": "raised_at", "lowered": "lowered_at"}


@transaction.atomic
def take_lock_report(
    *,
    device_id: int,
    order_code: str | None,
    position: str,
    cause: str,
    battery_pct: int | None,
    occurred_at: datetime,
    actor: str,
) -> None:
    """Note where the lock is, and let the order follow; a report that comes late changes nothing.

    A lock that is up although its order has ended is ordered down again.
    """
    order = _order_of(device_id, order_code)
    if order is None:
        return
    now = clock.now()
    LockEvent.objects.create(
        order=order,
        position=position,
        cause=cause,
        battery_pct=battery_pct,
        occurred_at=occurred_at,
        received_at=now,
    )
    if order.lock_at and occurred_at < order.lock_at:
        return
    effect, before = effect_of(order.state, position, cause), order.problem
    seen: dict[str, Any] = {"lock_position": position, "lock_cause": cause, "lock_at": occurred_at}
    if effect.problem is not None:
        seen["problem"] = effect.problem
    facts = dict(seen)
    if effect.ended_by:
        facts |= {
            "ended_by": effect.ended_by,
            "ended_at": now,
            "next_picture_after": clock.real(),
        }
    if effect.target in AT:
        facts[AT[effect.target]] = now
    moved: list[int] = []
    if effect.target:
        moved = transition(
            order,
            source=RecoveryState(order.state),
            target=effect.target,
            actor=actor,
            reason=cause,
            **facts,
        )
    if not moved:
        RecoveryOrder.objects.filter(pk=order.pk).update(**seen)
        order.refresh_from_db()
    if effect.ended_by:
        instruct_move(order)
        outbox.add(LockReleased(order.pk))
    if effect.problem and effect.problem != before:
        outbox.add(LockAlarm(order.pk, effect.problem))
    if position in ("raised", "lowered"):
        parking.show_lock(berth_id=order.berth_id, up=position == "raised")
    if effect.lower:
        lower_again(order, actor="system:recovery.take_lock_report")
    tell_pages(order)


@transaction.atomic
def take_release_code_used(*, device_id: int, order_code: str, actor: str) -> None:
    """Somebody typed the release code at the lock; it is on its way down (P1.5)."""
    order = _order_of(device_id, order_code)
    if order is None:
        return
    now = clock.now()
    moved = transition(
        order,
        source=[RecoveryState.RAISING, RecoveryState.RAISED],
        target=RecoveryState.LOWERING,
        actor=actor,
        reason="release code",
        ended_by=RecoveryOrder.End.RELEASE_CODE,
        ended_at=now,
        next_picture_after=clock.real(),
    )
    moved = moved or transition(
        order,
        source=RecoveryState.PAID,
        target=RecoveryState.LOWERING,
        actor=actor,
        reason="release code",
    )
    if moved:
        instruct_move(order)
        outbox.add(LockReleased(order.pk))
        tell_pages(order)


@transaction.atomic
def command_ended(*, order_code: str, action: str, outcome: str, details: dict[str, str]) -> None:
    """A raise or lower command ended: done, failed or expired.

    What the lock itself reports decides; this catches what it has no report for: a raise that
    failed, a lowering of a lock that was down already, and a lock that is up but whose report
    looked older than the one before, its clock having been set back.
    """
    rows = locks.lock(RecoveryOrder.objects.filter(code=order_code))
    if not rows:
        return
    order, actor = rows[0], "system:recovery.command_ended"
    why = str(details.get("why", outcome))[:40]
    if action == "RaiseLock" and outcome != "done" and order.state == RecoveryState.RAISING:
        transition(
            order,
            source=RecoveryState.RAISING,
            target=RecoveryState.PLACED,
            actor=actor,
            reason=why,
            problem=why,
            raising_at=None,
        )
    elif action == "RaiseLock" and details.get("position") == "raised":
        moved = transition(
            order,
            source=RecoveryState.RAISING,
            target=RecoveryState.RAISED,
            actor=actor,
            raised_at=clock.now(),
            lock_position="raised",
            problem="",
        )
        if moved:
            parking.show_lock(berth_id=order.berth_id, up=True)
    elif action == "LowerLock" and outcome == "done":
        if details.get("position", "lowered") == "lowered":
            transition(
                order,
                source=[RecoveryState.PAID, RecoveryState.LOWERING],
                target=RecoveryState.LOWERED,
                actor=actor,
                lowered_at=clock.now(),
                lock_position="lowered",
                problem="",
            )
    elif action == "LowerLock" and order.state in RecoveryOrder.ENDING:
        problem = "jammed" if why == "jam" else "not_lowered"
        RecoveryOrder.objects.filter(pk=order.pk).update(problem=problem)
        outbox.add(LockAlarm(order.pk, problem))
    tell_pages(order)


def _order_of(device_id: int, order_code: str | None) -> RecoveryOrder | None:
    """The order that a report is about: the one it names, else the device's open one; locked."""
    rows = RecoveryOrder.objects.filter(device_id=device_id)
    rows = rows.filter(code=order_code) if order_code else rows.filter(state__in=RecoveryOrder.OPEN)
    found = locks.lock(rows)
    return found[-1] if found else None

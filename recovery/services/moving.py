"""Move instructions (P1.6): fetching the lock after an order has ended, with reminders."""

from datetime import timedelta

from django.db import transaction

from core import clock, images, live, locks
from core.transition import transition
from recovery.errors import NoPhotograph, WrongState
from recovery.models import MoveInstruction, RecoveryOrder, SettlementOrder
from recovery.rules import ALARM_AFTER, reminder_after_s
from recovery.services.ending import lower_again
from recovery.services.raising import tell_pages
from recovery.states import MoveState, RecoveryState

BATCH = 200


@transaction.atomic
def confirm_move(
    order_id: int,
    *,
    actor: str,
    sha256: str = "",
    position: dict[str, float] | None = None,
) -> bool:
    """The lock is taken away, shown by a photograph or the device's own position.

    True where this call noted it. A jammed or silent lock is fetched too. Raises NoPhotograph;
    WrongState while the order still stands.
    """
    if not position and not images.exists(sha256):
        raise NoPhotograph()
    order = locks.lock(RecoveryOrder.objects.filter(pk=order_id))[0]
    if order.state in RecoveryOrder.STANDING:
        raise WrongState(order.state)
    now = clock.now()
    instructions = MoveInstruction.objects.filter(order_id=order_id)
    noted = transition(
        instructions,
        source=MoveState.OPEN,
        target=MoveState.CONFIRMED,
        actor=actor,
        confirmed_at=now,
        confirmed_by=actor,
        evidence={"sha256": sha256, "position": position},
    )
    if not noted:
        return False
    transition(
        order,
        source=[RecoveryState.PAID, RecoveryState.LOWERING, RecoveryState.LOWERED],
        target=RecoveryState.MOVED,
        actor=actor,
        moved_at=now,
    )
    tell_pages(order)
    return True


def remind_of_moves() -> int:
    """A sweep: instructions nobody has followed are reminded of, then an alarm (P1.6).

    A lock that is still not down is ordered down once more.
    """
    due = MoveInstruction.objects.filter(state=MoveState.OPEN, due_at__lte=clock.now())
    ids = list(due.order_by("due_at").values_list("order_id", flat=True)[:BATCH])
    return sum(_remind(order_id) for order_id in ids)


@transaction.atomic
def _remind(order_id: int) -> bool:
    now = clock.now()
    order = locks.lock(RecoveryOrder.objects.filter(pk=order_id))[0]
    row = MoveInstruction.objects.get(order_id=order_id)
    if row.state != MoveInstruction.State.OPEN or row.due_at > now:
        return False
    row.reminders += 1
    row.due_at = now + timedelta(seconds=reminder_after_s(row.reminders))
    if row.reminders >= ALARM_AFTER and row.alarm_at is None:
        row.alarm_at = now
    row.save(update_fields=["reminders", "due_at", "alarm_at"])
    if order.state in RecoveryOrder.ENDING:
        lower_again(order, actor="system:recovery.remind_of_moves")
    tell_pages(order)
    return True


def note_seen(order: RecoveryOrder) -> bool:
    """The settlement order has reached the owner's end: it was shown to whoever opened the page
    (P1.5). True the first time."""
    settlement: SettlementOrder | None = getattr(order, "settlement", None)
    if settlement is None or settlement.seen_at is not None:
        return False
    unseen = SettlementOrder.objects.filter(order=order, seen_at=None)
    if not unseen.update(seen_at=clock.now()):
        return False
    live.push(f"merchant:{order.merchant_id}")
    return True

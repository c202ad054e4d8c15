"""Move instructions (P1.6): fetching the lock after an order has ended, with reminders."""

from datetime import datetime, timedelta

from django.db import transaction

from core import clock, live, locks, outages, outbox
from core.transition import transition
from parking import services as parking
from parking.rules.candidates import distance_m
from recovery import selectors
from recovery.errors import LockNotDown, NoPhotograph, WrongState
from recovery.events import MoveOverdue
from recovery.models import EvidencePhoto, MoveInstruction, RecoveryOrder, SettlementOrder
from recovery.rules import ALARM_AFTER, reminder_after_s
from recovery.services.ending import lower_again
from recovery.services.evidence import keep_step
from recovery.services.raising import tell_pages
from recovery.states import MoveState, RecoveryState

BATCH = 200
NEAR_M = 100.0
Position = tuple[float, float]  # latitude, longitude, as a device measured it


@transaction.atomic
def confirm_move(
    order_id: int,
    *,
    actor: str,
    sha256: str = "",
    position: Position | None = None,
    device_id: int | None = None,
    taken_at: datetime | None = None,
) -> bool:
    """The lock is taken away: a new photograph shows it, or where a device says that it is.

    True where this call noted it. A jammed lock is fetched too, and one that a person has lowered
    by hand. Raises NoPhotograph for neither, or for a position that is not near the berth; NotNew;
    WrongState while the order still stands; LockNotDown while the lock is up.
    """
    order = locks.lock(RecoveryOrder.objects.filter(pk=order_id).select_related("berth"))[0]
    if order.state in RecoveryOrder.STANDING:
        raise WrongState(order.state)
    instructions = MoveInstruction.objects.filter(order_id=order_id)
    if not instructions.filter(state=MoveState.OPEN).exists():
        return False
    if selectors.is_up(order):
        raise LockNotDown()
    if sha256:
        keep_step(
            order,
            EvidencePhoto.Purpose.FETCHING,
            sha256,
            actor=actor,
            device_id=device_id,
            taken_at=taken_at,
        )
    elif position is None or not _is_near(order, position):
        raise NoPhotograph()
    now = clock.now()
    noted = transition(
        instructions,
        source=MoveState.OPEN,
        target=MoveState.CONFIRMED,
        actor=actor,
        confirmed_at=now,
        confirmed_by=actor,
        evidence={"sha256": sha256, "position": position, "device": device_id},
    )
    if not noted:
        return False
    transition(
        order,
        source=[RecoveryState.PAID, RecoveryState.LOWERING, RecoveryState.LOWERED],
        target=RecoveryState.MOVED,
        actor=actor,
        moved_at=now,
        lock_position="",
    )
    parking.show_lock(berth_id=order.berth_id, up=False)
    tell_pages(order)
    return True


def _is_near(order: RecoveryOrder, position: Position) -> bool:
    """Whether a device was at the berth; nowhere where nobody knows where that is."""
    berth = order.berth
    if berth.latitude is None or berth.longitude is None:
        return False
    return distance_m(position, (berth.latitude, berth.longitude)) <= NEAR_M


@transaction.atomic
def lowered_by_hand(order_id: int, *, sha256: str, actor: str) -> bool:
    """A person has lowered a lock that did not obey, with its manual key; a photograph shows it.

    False where it had said itself that it is down. Raises NoPhotograph, NotNew; WrongState while
    the order still stands: then it is lowered by its command first.
    """
    order = locks.lock(RecoveryOrder.objects.filter(pk=order_id))[0]
    if order.state in RecoveryOrder.STANDING:
        raise WrongState(order.state)
    if order.state not in RecoveryOrder.ENDING:
        return False
    keep_step(order, EvidencePhoto.Purpose.LOWERED_BY_HAND, sha256, actor=actor)
    now = clock.now()
    transition(
        order,
        source=list(RecoveryOrder.ENDING),
        target=RecoveryState.LOWERED,
        actor=actor,
        reason="lowered by hand",
        lowered_at=now,
        lock_position="lowered",
        lock_cause="by_hand",
        problem="",
        next_picture_after=clock.real(),
    )
    parking.show_lock(berth_id=order.berth_id, up=False)
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
    had = timedelta(seconds=reminder_after_s(row.reminders))
    over = outages.stretched(row.due_at - had, had, about=order.section_id)
    if over > now:  # nobody could see it while we were away
        MoveInstruction.objects.filter(pk=row.pk).update(due_at=over)
        if order.state in RecoveryOrder.ENDING:
            lower_again(order, actor="system:recovery.remind_of_moves")
        return True
    row.reminders += 1
    row.due_at = now + timedelta(seconds=reminder_after_s(row.reminders))
    if row.reminders >= ALARM_AFTER and row.alarm_at is None:
        row.alarm_at = now
    row.save(update_fields=["reminders", "due_at", "alarm_at"])
    outbox.add(MoveOverdue(order.pk, row.reminders))
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

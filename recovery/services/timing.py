"""A lock that should be down has a time for it; when that is missed, the fee goes back."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from core import clock, locks, outbox
from core.plates import same_vehicle
from parking import selectors as parking
from parking import services as parking_services
from payments import selectors as payments
from payments import services as payment_services
from recovery import selectors
from recovery.events import LockAlarm, LockLate
from recovery.models import RecoveryOrder, SettlementOrder
from recovery.services.ending import lower_again
from recovery.services.raising import tell_pages

BATCH = 100
TOLD_FOR = timedelta(hours=4)  # a text or a task that comes later tells nothing new
SYSTEM = "system:recovery.timing"
LATE, ANOTHER = "late", "another_vehicle"


def chase_lowerings() -> int:
    """A sweep: locks on their way down that are too late, or before another vehicle by now."""
    going = RecoveryOrder.objects.filter(state__in=RecoveryOrder.ENDING).order_by("pk")
    moved = 0
    for order in [one for one in going[:BATCH] if selectors.is_up(one)]:
        moved += _alarm(order.pk, late=_is_late(order), another=_is_another_s(order))
    return moved


def _is_another_s(order: RecoveryOrder) -> bool:
    """Whether another vehicle stands at this lock by now."""
    stay = parking.open_stay_at(order.berth_id)
    if stay is None:
        return False
    known = stay.plate is not None and not same_vehicle(stay.plate, order.plate)
    return known or stay.pk != order.stay_id


def _is_late(order: RecoveryOrder) -> bool:
    within = timedelta(seconds=settings.BOWEI_LOWER_WITHIN_S)
    return order.ended_at is not None and clock.now() - order.ended_at >= within


@transaction.atomic
def _alarm(order_id: int, *, late: bool, another: bool) -> bool:
    """Note what is wrong, once each; the lock is told again, and somebody hears of it."""
    order = locks.lock(RecoveryOrder.objects.filter(pk=order_id))[0]
    if order.state not in RecoveryOrder.ENDING or not selectors.is_up(order):
        return False
    facts = {}
    if late and order.late_at is None:
        facts = {"late_at": clock.now(), "problem": LATE}
        outbox.add(LockLate(order.pk))
    if another and order.problem != ANOTHER:
        facts |= {"problem": ANOTHER}
    if not facts:
        return False
    RecoveryOrder.objects.filter(pk=order.pk).update(**facts)
    outbox.add(LockAlarm(order.pk, str(facts["problem"])))
    lower_again(order, actor=SYSTEM)
    tell_pages(order)
    return True


@transaction.atomic
def give_fee_back(order_id: int) -> int:
    """What was paid for an order whose lock is late goes back to its payer, once; fen (P1.4).

    The debts stay paid: the merchant bears it, not the owner (docs/decisions/0057).
    """
    settlement = SettlementOrder.objects.filter(order_id=order_id).first()
    if settlement is None:
        return 0
    stays = selectors.own_stays(settlement.order)
    back_fen = 0
    for item in payments.item(settlement.order_item_id).order.items.order_by("pk"):
        own = (item.payable, item.subject_id) == ("recovery.order", order_id)
        if not own and not (item.payable == "parking.stay" and item.subject_id in stays):
            continue
        left_fen = payments.left_fen(item)
        if left_fen > 0:
            payment_services.refund(
                item_id=item.pk,
                amount_fen=left_fen,
                reason=_("The lock did not go down in time."),
                actor=SYSTEM,
                key=f"late:{order_id}:{item.pk}",
            )
            parking_services.forgo(item_id=item.pk, amount_fen=left_fen)
            back_fen += left_fen
    return back_fen

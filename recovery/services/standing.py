"""What a lock stands on has ended: it goes down by itself, and somebody is told (docs/rules.md L6).

One function asks `rules.ended` of standing orders, whatever happened; reactions name the orders
that an event is about, and a sweep asks all of them, for what no event tells.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q, QuerySet

from arrears import services as arrears_services
from core import locks
from recovery.models import BoundDebt, RecoveryOrder
from recovery.rules import Why, ended
from recovery.services import facts
from recovery.services.ending import cancel, end
from recovery.states import RecoveryState

BATCH = 200
LEFT = "left"  # a lock up where nobody stands: the next one would drive into it
UP = (RecoveryState.RAISING, RecoveryState.RAISED)


def debt_changed(debt_id: int, *, actor: str) -> int:
    """Something has become of a debt: how many orders for it ended by that."""
    bound = BoundDebt.objects.filter(debt_id=debt_id).values("order_id")
    return ask(RecoveryOrder.objects.filter(pk__in=bound), actor=actor)


def stay_changed(stay_id: int, *, actor: str) -> int:
    """Something has become of a stay, before whose vehicle a lock may stand, or for whose fee."""
    bound = BoundDebt.objects.filter(stay_id=stay_id).values("order_id")
    about = RecoveryOrder.objects.filter(Q(stay_id=stay_id) | Q(pk__in=bound))
    return ask(about, actor=actor)


def ask_all() -> int:
    """A sweep: every standing order, for what nothing tells of: a listing, a register, a ground, a
    payment whose outcome is not known any more. Reads without a lock; locks what it will end."""
    rows = list(_standing(RecoveryOrder.objects.all()).select_related("berth__section"))
    broken = [
        order.pk
        for begin in range(0, len(rows), BATCH)
        for order, why in _asked(rows[begin : begin + BATCH])
        if why is not None
    ]
    if not broken:
        return 0
    return ask(RecoveryOrder.objects.filter(pk__in=broken), actor="system:recovery.ask_all")


@transaction.atomic
def object_and_lower(
    order_id: int,
    *,
    debt_ids: list[int],
    reason: str,
    text: str,
    user_id: int | None,
    actor: str,
) -> None:
    """The owner objects before the lock: held and lowered in one transaction, not when an event
    comes round (docs/rules.md 8, 9). Raises what arrears says of the objection."""
    arrears_services.object(
        debt_ids=debt_ids, reason=reason, text=text, user_id=user_id, actor=actor
    )
    ask(RecoveryOrder.objects.filter(pk=order_id), actor=actor)


@transaction.atomic
def ask(orders: QuerySet[RecoveryOrder], *, actor: str) -> int:
    """End those of these orders that nothing allows any more; how many.

    The rows are locked first and the rules asked after that: a raise of this moment is either seen
    here, or comes after and is refused.
    """
    found = locks.lock(_standing(orders).select_related("berth__section"))
    return sum(_end(order, why, actor=actor) for order, why in _asked(found) if why is not None)


def _standing(orders: QuerySet[RecoveryOrder]) -> QuerySet[RecoveryOrder]:
    return orders.filter(state__in=RecoveryOrder.STANDING)


def _asked(orders: Iterable[RecoveryOrder]) -> list[tuple[RecoveryOrder, Why | None]]:
    found = list(orders)
    if not found:
        return []
    grounds = facts.grounds_of([facts.target_of(order) for order in found])
    return [(order, ended(now)) for order, now in zip(found, grounds, strict=True)]


def _end(order: RecoveryOrder, why: Why, *, actor: str) -> bool:
    if why == Why.LEFT and order.state not in UP:
        return cancel(order.pk, actor=actor, reason="the vehicle has left")
    return end(
        order,
        target=RecoveryState.LOWERING,
        ended_by=RecoveryOrder.End(why),
        actor=actor,
        problem=LEFT if why == Why.LEFT else "",
    )

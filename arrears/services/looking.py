"""What a person says of the evidence of a debt before its demand (docs/rules.md L11)."""

from collections.abc import Collection

from django.db import transaction

from arrears.errors import DebtMoved, DemandIsOut
from arrears.events import EvidenceSeen
from arrears.models import Debt, Demand, Look
from arrears.services import demands, holds
from arrears.services.stays import locked
from arrears.states import DebtState, DemandState, LookState
from core import clock, live, locks
from core.transition import transition
from parking import services as parking_services

DOUBTED = "evidence doubted"
OUT = (DemandState.SENDING, DemandState.DELIVERED)


def agree(look_ids: Collection[int], *, actor: str) -> list[int]:
    """A person has seen picture, reading and times of these, and they are right; those that this
    call agreed to. What was paid, objected to or answered by another meanwhile is left as it is.

    Each in a transaction of its own, so that it waits for no payment but its own.
    """
    return [pk for pk in sorted(set(look_ids)) if _agree(pk, actor=actor)]


@transaction.atomic
def _agree(look_id: int, *, actor: str) -> bool:
    look = Look.objects.get(pk=look_id)
    moved = transition(
        Look.objects.filter(pk=look_id, debt__state=DebtState.OPEN),
        source=LookState.WAITING,
        target=LookState.AGREED,
        actor=actor,
        event=lambda _pk: EvidenceSeen(look.debt_id),
        looked_at=clock.now(),
        looked_by=actor,
    )
    live.push(f"merchant:{look.merchant_id}")
    return bool(moved)


@transaction.atomic
def doubt(look_id: int, *, actor: str) -> None:
    """Another vehicle, or times that can't be: nothing is asked for it, and a question is opened
    that a person answers. Also after somebody agreed. Raises DebtMoved where nothing is owed."""
    look = Look.objects.select_related("debt").get(pk=look_id)
    stay_id = look.debt.stay_id
    locked([stay_id])
    moved = transition(
        Look.objects.filter(pk=look_id, debt__state__in=Debt.LIVE),
        source=[LookState.WAITING, LookState.AGREED],
        target=LookState.DOUBTED,
        actor=actor,
        looked_at=clock.now(),
        looked_by=actor,
    )
    if not moved:
        raise DebtMoved()
    parking_services.doubt_plate(stay_id=stay_id, actor=actor)
    holds.hold([stay_id], actor=actor, reason=DOUBTED)


@transaction.atomic
def look_again(look_id: int, *, actor: str) -> bool:
    """Take back that a person agreed; False where nobody had. Raises DemandIsOut."""
    debt_id = Look.objects.values_list("debt_id", flat=True).get(pk=look_id)
    locks.lock(Debt.objects.filter(pk=debt_id))  # whoever makes its demand just now comes first
    asked = locks.lock(Demand.objects.filter(debts=debt_id))
    if any(demand.state in OUT for demand in asked):
        raise DemandIsOut()
    look = Look.objects.get(pk=look_id)
    moved = transition(
        look,
        source=LookState.AGREED,
        target=LookState.WAITING,
        actor=actor,
        reason="taken back",
        looked_at=None,
        looked_by="",
    )
    if moved:
        demands.take_back([debt_id], actor=actor, reason="look taken back")
        live.push(f"merchant:{look.merchant_id}")
    return bool(moved)

"""May anything be asked for a stay now, and if not, why not: one answer for all (docs/rules.md L1).

Windows, debts, demands, texts, watches, the list, notices and locks ask here, and nowhere else.
"""

from collections.abc import Collection
from typing import Any

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, When

from arrears.models import Debt, Dispute
from arrears.states import DebtState, DisputeState
from core import outages
from core.vehicles import of_outer_vehicle, of_vehicle
from parking import selectors as parking
from parking.selectors import Question, StayFacts
from parking.states import PlateState, StayState
from payments import selectors as payments

OBJECTION = "objection"
STAY = "parking.stay"  # as config/wiring.py names what is paid for a stay


def is_owed(facts: StayFacts) -> bool:
    """Whether somebody has to pay for this stay; a simulated one is nobody's."""
    return (
        facts.state == StayState.DUE
        and facts.due_fen > 0
        and facts.plate_state == PlateState.SETTLED
        and not facts.simulated
    )


def said_against(facts: StayFacts) -> QuerySet[Dispute]:
    """Open objections to this stay, made while it was this vehicle's or nobody's yet."""
    rows = Dispute.objects.filter(stays=facts.id, state=DisputeState.OPEN)
    return rows.filter(of_vehicle(facts.plate) | Q(plate_text=""))


def held_by(facts: StayFacts) -> tuple[Question, ...]:
    """What a person has to look at before anything is asked for this stay: questions about it or
    its plate, then its owner's objections, whose `item` is the objection."""
    return facts.questions + tuple(
        Question(
            code=one.reason,
            since=one.opened_at,
            whose=one.merchant_id,
            item=one.pk,
            kind=OBJECTION,
        )
        for one in said_against(facts).order_by("opened_at", "pk")
    )


def may_be_asked_for(facts: StayFacts) -> bool:
    """Whether anything may be asked of anybody for this stay now; who wants to pay always may."""
    return is_owed(facts) and not held_by(facts)


def under_way(stay_ids: Collection[int]) -> set[int]:
    """Those of these stays for which a payment may be on its way: being made, or of an outcome that
    nobody knows. They are asked for when it is known, and not before (docs/rules.md L7)."""
    things = [(STAY, stay_id) for stay_id in stay_ids]
    return {stay_id for _payable, stay_id in payments.under_way(things)}


def standing_still(section_ids: Collection[int] = ()) -> bool:
    """Whether an outage runs, one of these sections' devices too: nothing is listed, demanded or
    told meanwhile (docs/rules.md L7)."""
    return bool(outages.running()) or any(outages.running(one) for one in set(section_ids))


def with_held(debts: QuerySet[Debt]) -> QuerySet[Any]:
    """The debts with `held`: that nothing may be asked for now; said in the same query."""
    objections = Dispute.objects.filter(stays=OuterRef("stay_id"), state=DisputeState.OPEN)
    asked = Exists(parking.open_questions("stay_id"))
    said = Exists(objections.filter(of_outer_vehicle() | Q(plate_text="")))
    return debts.annotate(
        held=Case(
            When(state=DebtState.DISPUTED, then=True),
            When(asked, then=True),
            When(said, then=True),
            default=False,
            output_field=BooleanField(),
        )
    )

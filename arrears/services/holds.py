"""Holds on contested stays and debts, and their release with the whole time anew (docs/rules.md 9).

The stays' locks are held by the caller; `selectors.questions` says what is contested.
"""

from collections.abc import Collection

from django.db import transaction

from arrears.events import DebtDisputed, DebtResumed
from arrears.models import Debt
from arrears.selectors.questions import held_by, is_owed
from arrears.services import assistance, demands, listing, looks, watches, windows
from arrears.services.stays import locked, locked_one
from arrears.states import DebtState, PlanState, WatchState
from core import live
from core.transition import transition
from parking.states import StayState

SYSTEM = "system:arrears.holds"
QUESTIONED = "a question is open"


def hold(stay_ids: Collection[int], *, actor: str, reason: str) -> None:
    """Stop what runs for these stays: windows stand still, debts are held (`arrears.debt_disputed`
    lowers a lock), texts that have not gone out are taken back, the list and the terminals
    follow."""
    stays = list(stay_ids)
    windows.hold(stays, actor=actor, reason=reason)
    found = list(Debt.objects.filter(stay_id__in=stays).exclude(state=DebtState.WAIVED))
    transition(
        Debt.objects.filter(pk__in=[debt.pk for debt in found]),
        source=DebtState.OPEN,
        target=DebtState.DISPUTED,
        actor=actor,
        reason=reason,
        event=DebtDisputed,
    )
    watches.end(stays, target=WatchState.DROPPED, actor=actor)
    assistance.stop(stays, target=PlanState.STOPPED, why="disputed", actor=actor)
    demands.take_back([debt.pk for debt in found], actor=actor, reason="disputed")
    for text, colour in sorted({(one.plate_text, one.plate_colour) for one in found}):
        listing.relist(text, colour, actor=actor, reason="disputed")
    for merchant_id in {one.merchant_id for one in found}:
        live.push(f"merchant:{merchant_id}")


def resume(stay_ids: Collection[int], *, actor: str) -> None:
    """The question is over: what nobody else contests goes on, with all its time from now.

    A debt is asked for anew, for the day that the owner was told may have passed meanwhile; its
    grace runs from the new demand. A stay that is no debt yet has its whole window. What was asked
    meanwhile, before the question was heard of, is taken back first.
    """
    free = [one for one in locked(stay_ids).values() if is_owed(one) and not held_by(one)]
    if not free:
        return
    asked = Debt.objects.filter(stay_id__in=[one.id for one in free], state=DebtState.OPEN)
    slipped = list(asked.values_list("stay_id", flat=True))
    if slipped:
        hold(slipped, actor=actor, reason=QUESTIONED)
    resumed = transition(
        Debt.objects.filter(stay_id__in=[one.id for one in free]),
        source=DebtState.DISPUTED,
        target=DebtState.OPEN,
        actor=actor,
        reason="objection over",
        event=DebtResumed,
        demanded_at=None,
        demanded_fen=None,
    )
    looks.again([one.id for one in free])
    for facts in free:
        windows.begin_anew(facts, actor=actor, reason="objection over")
        watches.begin_anew(facts, actor=actor)
    rows = Debt.objects.filter(pk__in=resumed)
    for text, colour in sorted(set(rows.values_list("plate_text", "plate_colour"))):
        listing.relist(text, colour, actor=actor, reason="objection over")


@transaction.atomic
def hold_questioned(*, stay_id: int) -> None:
    """A question about this stay is open: nothing is asked for it, once it has left."""
    facts = locked_one(stay_id)
    if facts.questions and facts.state == StayState.DUE:
        hold([stay_id], actor=SYSTEM, reason=QUESTIONED)


@transaction.atomic
def question_over(*, stay_id: int) -> None:
    """A person has looked, or nobody has to any more."""
    resume([stay_id], actor=SYSTEM)

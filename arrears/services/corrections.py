"""Corrected plates: what was begun with one holder ends, and begins anew with the other.

Whoever holds the right plate has heard of nothing yet. Nothing that was said to the other counts
against them: they have the whole pay window from now on, then a debt, a demand and its grace of
their own, and they are watched only after a score of their own.
"""

from django.db import transaction

from arrears.services import assistance, debts, disputes, notices, watches, windows
from arrears.services.stays import locked_one
from arrears.states import PlanState
from parking import selectors as parking
from parking.states import PlateState

SYSTEM = "system:arrears.corrections"


@transaction.atomic
def plate_corrected(*, stay_id: int, was: str, actor: str = SYSTEM) -> None:
    """Another vehicle than `was` stood there: what was meant for its holder stops at once.

    `was` is empty for a plate that had not been known.
    """
    facts = locked_one(stay_id)
    watches.end_of_another(facts, actor=actor)
    assistance.stop([stay_id], target=PlanState.STOPPED, why="plate corrected", actor=actor)
    for sighting in parking.sightings_of(None).filter(stay_id=stay_id):
        notices.take_back_misread(sighting_id=sighting.pk, plate=facts.plate)
    if was and facts.plate_state != PlateState.REVIEW:  # a verdict was undone: nobody knows yet
        disputes.end_misread(stay_id=stay_id, actor=actor)
    debts.follow_stay(stay_id=stay_id, actor=actor)
    windows.renew_for_another(facts, actor=actor)

"""The stay's row as the mutex of all that hangs on it (core/locks.py: stay → debt → blacklist).

A payment holds the stay's lock while it settles. Whoever opens a debt, stores a score or makes a
plan for a stay takes it first too, and reads after it: then nobody acts on a stay that is just
being paid, and no two transactions wait for each other.
"""

from collections.abc import Collection

from django.db.models import Q, QuerySet

from arrears.models import Dispute
from arrears.states import DisputeState
from parking import selectors as parking
from parking import services as parking_services
from parking.selectors import StayFacts
from parking.states import PlateState, StayState


def locked(stay_ids: Collection[int]) -> dict[int, StayFacts]:
    """Lock these stays in order and read them as they are then."""
    parking_services.lock_stays(stay_ids)
    return parking.stays(stay_ids)


def locked_one(stay_id: int) -> StayFacts:
    """Lock one stay and read it. Raises core.errors.Missing."""
    locked([stay_id])
    return parking.stay(stay_id)


def is_owed(facts: StayFacts) -> bool:
    """Whether somebody is asked to pay for this stay; a simulated one never is."""
    return (
        facts.state == StayState.DUE
        and facts.due_fen > 0
        and facts.plate_state == PlateState.SETTLED
        and not facts.simulated
    )


def said_against(facts: StayFacts) -> QuerySet[Dispute]:
    """Open objections to this stay, made while it was this vehicle's or nobody's yet."""
    same = Q(plate_text=facts.plate_text, plate_colour=facts.plate_colour)
    rows = Dispute.objects.filter(stays=facts.id, state=DisputeState.OPEN)
    return rows.filter(same | Q(plate_text=""))


def is_contested(facts: StayFacts) -> bool:
    """Whether a person has to look first: the owner objects to the stay, or somebody says that
    another vehicle stood there."""
    return facts.plate_doubted or said_against(facts).exists()

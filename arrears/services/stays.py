"""The stay's row as the mutex of all that hangs on it (core/locks.py: stay → debt → blacklist).

A payment holds the stay's lock while it settles. Whoever opens a debt, stores a score or makes a
plan for a stay takes it first too, and reads after it: then nobody acts on a stay that is just
being paid, and no two transactions wait for each other.
"""

from collections.abc import Collection

from parking import selectors as parking
from parking import services as parking_services
from parking.selectors import StayFacts


def locked(stay_ids: Collection[int]) -> dict[int, StayFacts]:
    """Lock these stays in order and read them as they are then."""
    parking_services.lock_stays(stay_ids)
    return parking.stays(stay_ids)


def locked_one(stay_id: int) -> StayFacts:
    """Lock one stay and read it. Raises core.errors.Missing."""
    parking_services.lock_stays([stay_id])
    return parking.stay(stay_id)

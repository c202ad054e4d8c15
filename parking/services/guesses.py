"""Whoever says which plate stands at which berth might be guessing: the one place that counts it.

Whether a draft is given up, a form is left or a page is loaded anew in between: a wrong plate has
been counted, for who asks, for the berth and for the plate (core.deeds.PLATE).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from core import deeds, limits
from parking import selectors
from parking.models import ParkingSession
from parking.services import moving
from parking.states import PlateState


def guess(*, berth_id: int | None, plate_text: str) -> AbstractContextManager[Callable[[], None]]:
    """One try; call what it gives where the plate is right. Raises TooMany."""
    return limits.attempt(deeds.PLATE, berth=str(berth_id or ""), plate=plate_text)


def guess_plate(stay_id: int, plate_text: str) -> bool:
    """Whether this is the plate of this stay. Raises TooMany, Missing."""
    stay = selectors.stay(stay_id)
    with guess(berth_id=stay.berth_id, plate_text=plate_text) as right:
        if plate_text != stay.plate_text:
            return False
        right()
        return True


def guess_stay(berth_code: str, plate_text: str) -> ParkingSession | None:
    """The stay of this plate at this berth: the one that stands there, else the newest that it left
    there unpaid. None says nothing of which of the two was wrong. Raises TooMany."""
    berth = selectors.berth_by_code(berth_code)
    with guess(berth_id=berth.pk if berth else None, plate_text=plate_text) as right:
        if berth is None:
            return None
        found = selectors.open_stay_at(berth.pk)
        if found is None or (found.plate_state, found.plate_text) != (
            PlateState.SETTLED,
            plate_text,
        ):
            found = selectors.unpaid_at(berth.pk, plate_text)
        if found is not None:
            right()
        return found


def guess_meant(berth_code: str, plate_text: str) -> ParkingSession | None:
    """`moving.stay_meant` for somebody who is not staff. Raises TooMany."""
    berth = selectors.berth_by_code(berth_code)
    with guess(berth_id=berth.pk if berth else None, plate_text=plate_text) as right:
        found = moving.stay_meant(berth_code, plate_text)
        if found is not None:
            right()
        return found

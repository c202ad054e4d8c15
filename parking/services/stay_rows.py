"""A stay's row: locked, saved, and shown."""

from typing import Any

from core import live, locks
from core.errors import Missing
from parking.models import Berth, ParkingSession


def locked_with_berth(stay_id: int) -> ParkingSession:
    """The stay, its berth and itself locked. Raises Missing."""
    found = ParkingSession.objects.filter(pk=stay_id).values_list("berth_id", flat=True).first()
    if found is None:
        raise Missing()
    locks.lock(Berth.objects.filter(pk=found))
    return locks.lock(ParkingSession.objects.filter(pk=stay_id))[0]


def save(stay: ParkingSession, **facts: Any) -> None:
    """Write these columns, and keep the row at hand as it is written; its row is locked. One that
    is not there yet is written with them."""
    if not stay._state.adding:
        ParkingSession.objects.filter(pk=stay.pk).update(**facts)
    for name, value in facts.items():
        setattr(stay, name, value)


def tell_pages(stay: ParkingSession) -> None:
    """Pages that show this stay, and what its merchant has to see to, ask again."""
    tell_street(stay)
    live.push(f"merchant:{stay.merchant_id}")


def tell_street(stay: ParkingSession) -> None:
    """Pages that show this stay ask again: staff hear of the whole street, owners of their own stay
    alone, or the hints would be a feed of arrivals."""
    live.push(f"section:{stay.section_id}", berth_id=stay.berth_id)
    live.push(f"stay:{stay.pk}")

"""Stops that continue each other by their tariff are priced as one list, in whatever order we hear
of them (docs/rules.md L3; docs/pricing.md, `merge_gap_s`)."""

from django.db import transaction

from core import locks
from parking.models import ParkingSession
from parking.rules import pricing
from parking.services import money
from parking.states import PlateState, StayState

SYSTEM = "system:parking.stops"
LATER = "an earlier stop became known"


@transaction.atomic
def price_next(*, stay_id: int) -> bool:
    """The stop that continues this one was priced before this one was known as it is now: price it
    anew; whether that changed it. What follows it in turn is told by its own events.

    Less is given back or taken off, whoever paid; more is asked only of who has paid nothing and
    still owes.
    """
    stay = ParkingSession.objects.filter(pk=stay_id).first()
    if stay is None or stay.left_at is None or stay.plate_state != PlateState.SETTLED:
        return False
    later = ParkingSession.objects.filter(
        section_id=stay.section_id,
        plate_text=stay.plate_text,
        plate_state=PlateState.SETTLED,
        state__in=[StayState.DUE, StayState.SETTLED],
        arrived_at__gte=stay.left_at,
        simulated=False,
    ).exclude(pk=stay.pk)
    found = later.select_related("tariff_version").order_by("arrived_at").first()
    if found is None or found.tariff_version is None:
        return False
    tariff = pricing.Tariff.from_json(found.tariff_version.terms)
    if not pricing.continues(tariff, left_at=stay.left_at, arrived_at=found.arrived_at):
        return False
    rows = later.filter(pk=found.pk).select_related("section", "tariff_version")
    return any(money.reprice_stop(one, actor=SYSTEM, reason=LATER) for one in locks.lock(rows))

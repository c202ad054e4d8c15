"""What a stay costs follows from those before it, in whatever order we hear of them: stops that
continue each other, and stays that share a cap (docs/rules.md L3; docs/pricing.md)."""

from django.db import transaction

from core import calendar, locks
from parking.models import ParkingSession
from parking.rules.tariff import CapOver, Tariff
from parking.services import money
from parking.services.earlier import MOST_STOPS, is_continued
from parking.states import PlateState, StayState

SYSTEM = "system:parking.stops"
LATER = "an earlier stop became known"


@transaction.atomic
def price_next(*, stay_id: int, plate_text: str = "") -> bool:
    """What follows this stay was priced before this one was known as it is now: price it anew;
    whether that changed anything. `plate_text`: whose it was taken for before.

    The stop that continues it, whose own event tells the next; and all that share a cap with it.
    Less is given back or taken off, whoever paid; more is asked only of who has paid nothing and
    still owes.
    """
    stay = ParkingSession.objects.filter(pk=stay_id).first()
    if stay is None or stay.left_at is None:
        return False
    if stay.plate_state != PlateState.SETTLED and not plate_text:
        return False
    later = ParkingSession.objects.filter(
        merchant_id=stay.merchant_id,
        plate_text=plate_text or stay.plate_text,
        plate_state=PlateState.SETTLED,
        state__in=[StayState.DUE, StayState.SETTLED],
        arrived_at__gte=stay.left_at,
        simulated=False,
    ).exclude(pk=stay.pk)
    found = later.select_related("tariff_version").order_by("arrived_at")[:MOST_STOPS]
    follows = _following(stay, list(found))
    rows = later.filter(pk__in=follows).select_related("section", "tariff_version")
    locked = sorted(locks.lock(rows), key=lambda one: one.arrived_at)
    changed = [money.reprice_stop(one, actor=SYSTEM, reason=LATER) for one in locked]
    return any(changed)


def _following(stay: ParkingSession, later: list[ParkingSession]) -> list[int]:
    """Which of these later stays, oldest first, cost what this one leaves them."""
    assert stay.left_at is not None
    day = calendar.city_date(stay.left_at)
    nearest = next((one.pk for one in later if one.section_id == stay.section_id), None)
    found = []
    for one in later:
        version = one.tariff_version
        over = Tariff.from_json(version.terms).shared_over if version else CapOver.stay
        near = over is CapOver.merchant or one.section_id == stay.section_id
        shares = over is not CapOver.stay and near and calendar.city_date(one.arrived_at) <= day
        if shares:
            day = max(day, calendar.city_date(one.left_at or one.arrived_at))
        if shares or (one.pk == nearest and is_continued(stay, one)):
            found.append(one.pk)
    return found

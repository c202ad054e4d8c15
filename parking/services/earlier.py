"""The stays of a vehicle that change what a later one costs: those that it continues, those that
took the day's free minutes, and those that share a cap with it."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, QuerySet

from core import calendar
from parking.models import ParkingSession
from parking.rules import pricing
from parking.rules.tariff import CapOver
from parking.states import PlateState, StayState

MOST_STOPS = 50  # that are looked at


def continued(stay: ParkingSession, tariff: pricing.Tariff) -> list[ParkingSession]:
    """The stops of this vehicle on the section that this one runs on from, the first one first."""
    rows = (
        ParkingSession.objects.filter(
            section_id=stay.section_id,
            plate_text=stay.plate_text,
            plate_state=PlateState.SETTLED,
            left_at__lte=stay.arrived_at,
            arrived_at__lt=stay.arrived_at,
        )
        .filter(counts_for(stay))
        .exclude(state=StayState.VOID)
    )
    chain: list[ParkingSession] = []
    began = stay.arrived_at
    for before in rows.order_by("-left_at", "-arrived_at")[:MOST_STOPS]:
        assert before.left_at is not None
        if not pricing.continues(tariff, left_at=before.left_at, arrived_at=began):
            break
        chain.insert(0, before)
        began = before.arrived_at
    return chain


def counts_for(stay: ParkingSession) -> Q:
    """Stays that can change what this one costs: brought in from a file they count among each
    other alone, simulated ones too. What nobody here saw never changes what we ask for."""
    imported = Q(plate_by=ParkingSession.IMPORTED)
    alike = imported if stay.plate_by == ParkingSession.IMPORTED else ~imported
    return alike & Q(simulated=stay.simulated)


def billed_end(stay: ParkingSession) -> datetime:
    """Up to when a stay that is over is billed."""
    assert stay.left_at is not None
    return min(stay.left_at, stay.capped_at) if stay.capped_at else stay.left_at


def seconds_that_day(stay: ParkingSession, began: datetime) -> list[int]:
    """Seconds of this vehicle's stays of the day before `began`, with the same merchant."""
    day, _ends = calendar.day_bounds(calendar.city_date(began))
    rows = (
        ParkingSession.objects.filter(
            merchant_id=stay.merchant_id,
            plate_text=stay.plate_text,
            plate_state=PlateState.SETTLED,
            arrived_at__gte=day,
            arrived_at__lt=began,
            left_at__isnull=False,
        )
        .filter(counts_for(stay))
        .exclude(state=StayState.VOID)
    )
    times = rows.values_list("arrived_at", "left_at")
    return [int((left_at - arrived_at).total_seconds()) for arrived_at, left_at in times if left_at]


def sharing_caps(
    stay: ParkingSession, tariff: pricing.Tariff
) -> Iterator[tuple[ParkingSession, pricing.Tariff]]:
    """The vehicle's stays before this one that use of its shared caps, oldest first, each by its
    own tariff and as the last of the stops that continue each other.

    All of a day that this stay, or one of them, has a part in. With a merchant's cap stays on
    other sections count whose own tariff shares one over the merchant, too.
    """
    own = {one.pk for one in continued(stay, tariff)}
    began = min(
        ParkingSession.objects.filter(pk__in=own).values_list("arrived_at", flat=True),
        default=stay.arrived_at,
    )
    day, found = calendar.city_date(began), list[ParkingSession]()
    for before in _before(stay, tariff).exclude(pk__in=own).order_by("-left_at", "-arrived_at"):
        assert before.left_at is not None
        if len(found) == MOST_STOPS or calendar.city_date(before.left_at) < day:
            break
        day = min(day, calendar.city_date(before.arrived_at))
        found.insert(0, before)
    for at, one in enumerate(found):
        terms = _terms(one)
        if terms is None or (
            one.section_id != stay.section_id and terms.shared_over is not CapOver.merchant
        ):
            continue
        later = [next_one for next_one in found[at + 1 :] if next_one.section_id == one.section_id]
        if not (later and is_continued(one, later[0])):
            yield one, terms


def is_continued(one: ParkingSession, later: ParkingSession) -> bool:
    """Whether `later` continues this stay by its own tariff."""
    terms = _terms(later)
    if terms is None or one.left_at is None or one.section_id != later.section_id:
        return False
    return pricing.continues(terms, left_at=one.left_at, arrived_at=later.arrived_at)


def _before(stay: ParkingSession, tariff: pricing.Tariff) -> QuerySet[ParkingSession]:
    rows = ParkingSession.objects.filter(
        counts_for(stay),
        plate_text=stay.plate_text,
        plate_state=PlateState.SETTLED,
        left_at__lte=stay.arrived_at,
        arrived_at__lt=stay.arrived_at,
    ).exclude(state=StayState.VOID)
    if tariff.shared_over is CapOver.merchant:
        rows = rows.filter(merchant_id=stay.merchant_id)
    else:
        rows = rows.filter(section_id=stay.section_id)
    return rows.select_related("tariff_version")


def _terms(stay: ParkingSession) -> pricing.Tariff | None:
    version = stay.tariff_version
    return pricing.Tariff.from_json(version.terms) if version else None

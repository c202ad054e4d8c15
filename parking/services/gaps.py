"""Time within a stay in which its sensor was silent: nobody pays for it (docs/rules.md L2)."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from core import audit, locks
from parking.models import BerthSensor, ParkingSession, StayGap
from parking.states import StayState

SYSTEM = "system:parking.gaps"
SILENT = "sensor_silent"


@transaction.atomic
def open_gaps(*, device_id: int, since: datetime) -> int:
    """A sensor has been silent since then: from then on nothing proves who stands in its berth.

    Where another sensor of the berth is heard, that one does. The stays whose gap begins.
    """
    berths = BerthSensor.objects.filter(device_id=device_id).values("berth_id")
    watched = BerthSensor.objects.filter(berth__in=berths, device__silent=False).values("berth_id")
    rows = ParkingSession.objects.filter(berth__in=berths, state=StayState.PARKED)
    known = StayGap.objects.filter(ended_at=None).values("stay_id")
    stays = locks.lock(rows.exclude(berth__in=watched).exclude(pk__in=known))
    for stay in stays:
        StayGap.objects.create(
            stay=stay, device_id=device_id, began_at=max(since, stay.arrived_at), why=SILENT
        )
        audit.record(stay, "gap began", actor=SYSTEM)
    return len(stays)


@transaction.atomic
def end_gaps(*, device_id: int, at: datetime) -> int:
    """The sensor is heard again: its berth's stay is proven from now on."""
    return close_gaps(StayGap.objects.filter(device_id=device_id), at)


def close_gaps(rows: QuerySet[StayGap], at: datetime) -> int:
    """These gaps, as far as they are open, end then."""
    return rows.filter(ended_at=None).update(ended_at=Greatest(F("began_at"), at))


def of(stay: ParkingSession) -> list[StayGap]:
    """The gaps of a stay, the first one first."""
    if stay._state.adding:
        return []
    return list(StayGap.objects.filter(stay=stay).order_by("began_at", "pk"))

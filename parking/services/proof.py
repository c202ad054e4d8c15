"""What proves that a vehicle stood in its berth: nobody pays for more (docs/rules.md L2)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Max, Q

from core.plates import Plate
from core.vehicles import of_vehicle
from parking.models import BerthSensor, BerthSilence, ParkingSession, Sighting, StayGap, StayPayment
from parking.states import SightingState


def last_proof(stay: ParkingSession, *, before: datetime, plate: Plate | None) -> datetime:
    """The last moment before `before` at which something shows this vehicle there: a photograph
    whose plate is settled as its own, or somebody who paid for it while it stood there; else its
    arrival."""
    seen = Sighting.objects.filter(
        of_vehicle(plate),
        berth_id=stay.berth_id,
        state=SightingState.SETTLED,
        occurred_at__gt=stay.arrived_at,
        occurred_at__lt=before,
    ).exclude(purpose=Sighting.Purpose.LEAVING)
    paid = StayPayment.objects.filter(stay_id=stay.pk, paid_at__lt=before).exclude(
        kind=StayPayment.Kind.AFTER
    )
    moments = (
        seen.aggregate(last=Max("occurred_at"))["last"],
        paid.aggregate(last=Max("paid_at"))["last"],
    )
    return max([stay.arrived_at, *(moment for moment in moments if moment is not None)])


def proven_at(stay: ParkingSession, moment: datetime, *, plate: Plate | None) -> datetime:
    """Up to when something shows this stay's vehicle there at `moment`, which nobody saw it leave
    before: its sensor, while that was heard, else its last proof."""
    silence = BerthSilence.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=moment), berth_id=stay.berth_id, began_at__lt=moment
    ).order_by("began_at")
    if (gap := silence.first()) is not None:
        return max(gap.began_at, last_proof(stay, before=moment, plate=plate))
    sensors = BerthSensor.objects.filter(berth_id=stay.berth_id, device__silent=False)
    return moment if sensors.exists() else last_proof(stay, before=moment, plate=plate)


def is_gap_unproven(
    gaps: Iterable[StayGap], seen: Sequence[Sighting], *, left_at: datetime, flap: timedelta
) -> bool:
    """Whether nobody knows that it was one vehicle before and after a gap: none was seen since, and
    the sensor was silent for longer than a flapping one is believed. `seen`: the photographs of the
    stay whose plate is settled."""
    for gap in gaps:
        ended_at = min(gap.ended_at or left_at, left_at)
        if ended_at - gap.began_at < flap:
            continue
        if not any(one.occurred_at >= ended_at for one in seen):
            return True
    return False

"""Time within a stay in which its sensor was silent: nobody pays for it (docs/rules.md L2).

That a berth's sensor was silent is a fact of the berth (`BerthSilence`), whenever its stays become
known; what a stay has of it is its gaps, told anew with it.
"""

from datetime import datetime

from django.db.models import Q

from core import audit
from parking.models import BerthSilence, ParkingSession, StayGap

SYSTEM = "system:parking.gaps"


def fit(stay: ParkingSession, until: datetime | None, *, is_new: bool = False) -> bool:
    """The gaps of a stay are those of its berth from its arrival `until` it left; whether that is
    another thing than before. Its row is locked; a new one has none yet."""
    due, known = wanted(stay, until), [] if is_new else of(stay)
    if list(map(_told, due)) == list(map(_told, known)):
        return False
    StayGap.objects.filter(pk__in=[gap.pk for gap in known]).delete()
    StayGap.objects.bulk_create(due)
    if len(due) > len(known):
        audit.record(stay, "gap began", actor=SYSTEM)
    return True


def of(stay: ParkingSession) -> list[StayGap]:
    """The gaps of a stay, the first one first."""
    if stay._state.adding:
        return wanted(stay, stay.left_at)
    return list(StayGap.objects.filter(stay=stay).order_by("began_at", "pk"))


def wanted(stay: ParkingSession, until: datetime | None) -> list[StayGap]:
    """What was silent in its berth from its arrival on, `until` it left; not saved."""
    rows = BerthSilence.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=stay.arrived_at), berth_id=stay.berth_id
    )
    if until is not None:
        rows = rows.filter(began_at__lt=until)
    found = []
    for row in rows.order_by("began_at", "pk"):
        began_at = max(row.began_at, stay.arrived_at)
        ended_at = min((at for at in (row.ended_at, until) if at is not None), default=None)
        if ended_at is None or began_at < ended_at:
            found.append(
                StayGap(
                    stay=stay,
                    device_id=row.device_id,
                    began_at=began_at,
                    ended_at=ended_at,
                    why=row.why,
                )
            )
    return found


def _told(gap: StayGap) -> tuple[int | None, datetime, datetime | None]:
    return gap.device_id, gap.began_at, gap.ended_at

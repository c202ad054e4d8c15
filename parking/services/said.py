"""What was said about a berth: kept as it came, and found again around a moment (P2.1)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from core import clock
from parking.models import Berth, BerthEvent, ParkingSession
from parking.rules.timeline import Said, begins_anew

ARRIVED, LEFT = BerthEvent.Kind.ARRIVED, BerthEvent.Kind.LEFT
AT_ONCE = 8  # events that are read at a time


@dataclass(slots=True)
class Around:
    """What was said around a moment, as far as it can be of one stay with it, in order; when the
    berth was left before all that, and when it is next taken after it."""

    rows: list[BerthEvent] = field(default_factory=list)
    left_before: datetime | None = None
    taken_after: datetime | None = None

    @property
    def said(self) -> list[Said]:
        return [_said(row) for row in self.rows]

    @property
    def stay_ids(self) -> set[int]:
        return {row.stay_id for row in self.rows if row.stay_id is not None}


def keep(
    berth: Berth,
    kind: str,
    at: datetime,
    *,
    said_by: str,
    device_id: int | None,
    device_at: datetime | None,
    by_hand: bool,
) -> tuple[BerthEvent, bool]:
    """The row of what was said, and whether it says anything new: said twice it is one, and what a
    sensor said is from then on what a person saw, once one says the same. The berth is locked."""
    event = BerthEvent.objects.filter(berth=berth, kind=kind, occurred_at=at).first()
    if event is None:
        event = BerthEvent.objects.create(
            berth=berth,
            kind=kind,
            occurred_at=at,
            received_at=clock.now(),
            device_id=device_id,
            device_at=device_at,
            said_by=said_by,
            by_hand=by_hand,
        )
        return event, True
    is_seen = by_hand and not event.by_hand
    event.by_hand = event.by_hand or by_hand
    BerthEvent.objects.filter(pk=event.pk).update(times=F("times") + 1, by_hand=event.by_hand)
    return event, is_seen


def around(berth: Berth, at: datetime, *, flap: timedelta) -> Around:
    """What was said around `at`: from an arrival that begins anew whatever is seen to the next such
    one; and further where what was one stay until now reaches beyond."""
    events = berth.events.filter(ignored=False)
    found = Around()
    mine: set[int | None] = set()
    earlier = events.filter(occurred_at__lte=at).order_by("-occurred_at", "kind", "-pk")
    for row in _in_parts(earlier):
        if found.rows and _are_apart(row, found.rows[0], mine, flap):
            found.left_before = row.occurred_at
            break
        found.rows.insert(0, row)
        mine |= {row.stay_id} - {None}
    later = events.filter(occurred_at__gt=at).order_by("occurred_at", "-kind", "pk")
    for row in _in_parts(later):
        before = found.rows[-1] if found.rows else None
        if row.stay_id not in mine and _are_apart(before, row, set(), flap):
            found.taken_after = row.occurred_at
            break
        found.rows.append(row)
        mine |= {row.stay_id} - {None}
    return found


def _are_apart(
    before: BerthEvent | None, row: BerthEvent, mine: set[int | None], flap: timedelta
) -> bool:
    if row.kind != ARRIVED or (before is not None and before.stay_id in mine):
        return False
    return begins_anew(_said(before) if before else None, _said(row), flap=flap)


def _said(row: BerthEvent) -> Said:
    return Said(key=row.pk, kind=row.kind, at=row.occurred_at, by_person=row.by_hand)


def _in_parts(rows: QuerySet[BerthEvent]) -> Iterable[BerthEvent]:
    """The rows as they are needed: who stops early has read few."""
    start = 0
    while part := list(rows[start : start + AT_ONCE]):
        yield from part
        if len(part) < AT_ONCE:
            return
        start += AT_ONCE


def point(rows: Iterable[BerthEvent], stay: ParkingSession | None) -> None:
    """These events are this stay's from now on."""
    stay_id = stay.pk if stay else None
    moved = [row for row in rows if row.stay_id != stay_id]
    if moved:
        BerthEvent.objects.filter(pk__in=[row.pk for row in moved]).update(stay=stay)
    for row in moved:
        row.stay_id = stay_id

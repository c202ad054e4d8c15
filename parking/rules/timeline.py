"""Which stays follow from what was said and seen at a berth, in whatever order (P2.1). Pure.

Sensors repeat themselves, come late and come swapped, flap and start anew under a vehicle that
never moved. So stays are not made from a message but from all that was said around its moment:
sorted by when it occurred, an arrival begins a presence and the next departure ends it. Presences
that nothing tells apart are one stay (docs/rules.md L3); a departure without a stay is stray until
its arrival comes. What is photographed at a berth is of one stay at most, whichever of them asks
(`ToldStay.saw`). The same things said and seen in any order are the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.plates import Plate, same_vehicle

ARRIVED, LEFT = "arrived", "left"
BEFORE_ARRIVAL = timedelta(seconds=60)  # a camera may see the vehicle before the sensor does
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """That a berth was taken or left; `key` is the row that holds it. `by_person`: somebody who was
    there says so, and no sensor's moment of weakness is behind it."""

    key: int
    kind: str
    at: datetime
    by_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """That this vehicle stood in the berth: a photograph whose plate was settled, or the word of
    whoever began the stay."""

    at: datetime
    plate: Plate


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStay:
    """A stay as told: its departure, or the next vehicle's arrival that came without one, or
    neither. What is seen after `since` until it ended is seen of it.

    `inner` is what was said in between and changes nothing. `unproven_at`: an arrival was reported
    then though none had left, and nothing shows that it was this vehicle still.
    """

    arrival: Said
    since: datetime
    departure: Said | None = None
    next_arrival: Said | None = None
    inner: tuple[Said, ...] = ()
    unproven_at: datetime | None = None
    plate: Plate | None = None

    @property
    def is_open(self) -> bool:
        return self.departure is None and self.next_arrival is None

    def saw(self, at: datetime) -> bool:
        """Whether what was seen at this moment is of this stay: of a berth's stays one at most."""
        return at > self.since and not self.was_over(at)

    def was_over(self, at: datetime) -> bool:
        """Whether its vehicle had gone: a departure's instant is still its own, the next arrival's
        is the next vehicle's."""
        if self.departure is not None:
            return at > self.departure.at
        return self.next_arrival is not None and at >= self.next_arrival.at

    def may_keep(self, at: datetime) -> bool:
        """Whether a photograph that was taken for this stay may be its own still: the camera's
        clock may be slow, unless somebody else stood there until then."""
        is_free_before = self.since == self.arrival.at - BEFORE_ARRIVAL
        return not self.was_over(at) and (at > self.since or is_free_before)

    @property
    def said(self) -> list[Said]:
        """All that was said of this stay, in order."""
        return [self.arrival, *self.inner, *([self.departure] if self.departure else [])]


def stays_of(
    said: Iterable[Said],
    *,
    flap: timedelta = timedelta(),
    seen: Sequence[Seen] = (),
    left_before: datetime | None = None,
) -> tuple[list[ToldStay], list[Said]]:
    """The stays in order of arrival, and the departures that belong to none.

    `left_before`: the last departure before all that was said, whose stay is not told here.

    Two presences are one stay unless something tells them apart: between a departure and the next
    arrival, that they are `flap` or more from each other, or that a person saw it leave; always,
    that different vehicles were seen before and after. An arrival on top of an arrival is none by
    itself. At the same instant a departure counts before an arrival.
    """
    presences, stray = _presences(said, left_before)
    told: list[ToldStay] = []
    for presence in presences:
        presence = replace(presence, plate=_first(seen, presence))
        if told and not _differ(told[-1], presence, flap=flap, seen=seen):
            presence = _joined(told.pop(), presence, seen=seen)
        told.append(presence)
    return told, stray


def begins_anew(before: Said | None, arrival: Said, *, flap: timedelta) -> bool:
    """Whether what was said before this arrival can't belong to its stay, whatever is seen."""
    if before is None:
        return True
    return before.kind == LEFT and (before.by_person or arrival.at - before.at >= flap)


def _presences(said: Iterable[Said], left_at: datetime | None) -> tuple[list[ToldStay], list[Said]]:
    told: list[ToldStay] = []
    stray: list[Said] = []
    standing: ToldStay | None = None
    for one in sorted(said, key=lambda one: (one.at, one.kind == ARRIVED, one.key)):
        if one.kind == ARRIVED:
            if standing is not None:
                told.append(replace(standing, next_arrival=one))
            standing = ToldStay(arrival=one, since=_since(one, standing, left_at))
            continue
        left_at = one.at
        if standing is None:
            stray.append(one)
        else:
            told.append(replace(standing, departure=one))
            standing = None
    if standing is not None:
        told.append(standing)
    return told, stray


def _since(arrival: Said, standing: ToldStay | None, left_at: datetime | None) -> datetime:
    if standing is not None:
        return arrival.at - INSTANT
    earliest = arrival.at - BEFORE_ARRIVAL
    return earliest if left_at is None else max(left_at, earliest)


def _differ(former: ToldStay, later: ToldStay, *, flap: timedelta, seen: Sequence[Seen]) -> bool:
    if former.departure is not None and begins_anew(former.departure, later.arrival, flap=flap):
        return True
    before = _last(seen, former)
    return before is not None and later.plate is not None and not same_vehicle(before, later.plate)


def _joined(former: ToldStay, later: ToldStay, *, seen: Sequence[Seen]) -> ToldStay:
    unproven_at = former.unproven_at
    if former.departure is None:
        unproven_at = later.arrival.at
    if later.plate is not None and _last(seen, former) is not None:
        unproven_at = None  # seen before and after, and the same
    between = [former.departure] if former.departure else []
    return replace(
        later,
        arrival=former.arrival,
        since=former.since,
        inner=(*former.inner, *between, later.arrival, *later.inner),
        unproven_at=unproven_at,
        plate=former.plate or later.plate,
    )


def _first(seen: Sequence[Seen], stay: ToldStay) -> Plate | None:
    within = [one for one in seen if stay.saw(one.at)]
    return min(within, key=_in_order).plate if within else None


def _last(seen: Sequence[Seen], stay: ToldStay) -> Plate | None:
    within = [one for one in seen if stay.saw(one.at)]
    return max(within, key=_in_order).plate if within else None


def _in_order(one: Seen) -> tuple[datetime, str, str]:
    """By time; of one instant by plate, so that it is the same in whatever order they are given."""
    return one.at, one.plate.text, one.plate.colour_text

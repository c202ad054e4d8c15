"""Whether one vehicle can have been in two places. Pure: times and places in, a code out.

Two proofs of one plate contradict each other where they lie at the same time in two places, and
where nobody drives from one to the other in the time between. Straight lines and FASTEST_KMH are
kind: whatever fails them is impossible by road.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from parking.rules.candidates import distance_m

FASTEST_KMH = 120
LATE = timedelta(minutes=2)  # sensors tell a departure late, and one drives over to the next berth
NEAR = timedelta(hours=1)  # farther apart in time, no city is too wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A vehicle was here from `since` to `until`, None for a vehicle that still stands here.

    `at` is (latitude, longitude), None where nobody wrote down where the place lies.
    """

    since: datetime
    until: datetime | None
    at: tuple[float, float] | None


def at_once(one: Presence, other: Presence) -> bool:
    """Whether both say that the vehicle was there at one moment, by more than sensors are late."""
    if one.until is None and other.until is None:
        return True
    ends = [each.until for each in (one, other) if each.until is not None]
    return min(ends) - max(one.since, other.since) > LATE


def inside(moment: datetime, stay: Presence) -> bool:
    """Whether a moment lies within a stay, by more than sensors are late."""
    ends = stay.until is not None and moment >= stay.until - LATE
    return moment > stay.since + LATE and not ends


def too_far(one: Presence, other: Presence) -> bool:
    """Whether nobody drives from one place to the other in the time between."""
    if one.at is None or other.at is None:
        return False
    first, second = sorted((one, other), key=lambda each: each.since)
    between = second.since - first.until if first.until is not None else timedelta(0)
    hours = max(between, timedelta(0)) / timedelta(hours=1) + LATE / timedelta(hours=1)
    return distance_m(one.at, other.at) / 1000 > FASTEST_KMH * hours

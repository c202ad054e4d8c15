"""Which berths a pre-payment may belong to, best first (P2.4). Pure; knows no plates.

A list that depended on the plate would tell a stranger where a car stands. So it ranks by time and
place alone: berths taken shortly around the declared arrival, near to the declared place. Free
berths next to them fill the list, because a sensor may be late, and because a list of one would
say too much. Who came long ago to a busy road finds their berth further down: all that are taken
stand in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import cos, hypot, radians

SHOWN = 60
AT_LEAST = 3
NEAR_M = 300.0
MINUTES_A_METRE = 0.05  # 20 m further away weigh as much as a minute further off in time
METRES_A_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BerthSeen:
    """A berth as the ranking sees it; `taken_at` is None where no vehicle is known to stand."""

    berth_id: int
    taken_at: datetime | None
    distance_m: float = 0.0


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two (latitude, longitude), good enough within a city."""
    north = (a[0] - b[0]) * METRES_A_DEGREE
    east = (a[1] - b[1]) * METRES_A_DEGREE * cos(radians((a[0] + b[0]) / 2))
    return hypot(north, east)


def rank(places: Iterable[BerthSeen], *, arrived_at: datetime) -> list[int]:
    """Berth ids, best first, at most SHOWN; free ones only fill up to AT_LEAST."""

    def minutes_off(place: BerthSeen) -> float:
        assert place.taken_at is not None
        off = abs((place.taken_at - arrived_at).total_seconds()) / 60
        return off + place.distance_m * MINUTES_A_METRE

    near = list(places)
    taken = sorted((p for p in near if p.taken_at is not None), key=minutes_off)[:SHOWN]
    free = sorted((p for p in near if p.taken_at is None), key=lambda p: p.distance_m)
    chosen = taken + free[: max(0, AT_LEAST - len(taken))]
    return [place.berth_id for place in chosen]

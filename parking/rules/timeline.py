"""Which stays follow from what was said about a berth, in whatever order it was said (P2.1). Pure.

Sensors repeat themselves, come late and come swapped. So stays are not made from a message but from
all that was said around its moment: sorted by when it occurred, an arrival begins a stay and the
next departure ends it. An arrival on top of an arrival ends the former stay in doubt; a departure
without a stay is stray until its arrival comes. The same things said in any order are the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

ARRIVED, LEFT = "arrived", "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """That a berth was taken or left; `key` is the row that holds it."""

    key: int
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStay:
    """A stay as told: its departure, or the next arrival that came without one, or neither."""

    arrival: Said
    departure: Said | None = None
    next_arrival: Said | None = None

    @property
    def is_open(self) -> bool:
        return self.departure is None and self.next_arrival is None


def stays_of(said: Iterable[Said]) -> tuple[list[ToldStay], list[Said]]:
    """The stays in order of arrival, and the departures that belong to none.

    At the same instant a departure counts before an arrival: one vehicle makes room for the next.
    """
    told: list[ToldStay] = []
    stray: list[Said] = []
    standing: Said | None = None
    for one in sorted(said, key=lambda one: (one.at, one.kind == ARRIVED, one.key)):
        if one.kind == ARRIVED:
            if standing is not None:
                told.append(ToldStay(arrival=standing, next_arrival=one))
            standing = one
        elif standing is None:
            stray.append(one)
        else:
            told.append(ToldStay(arrival=standing, departure=one))
            standing = None
    if standing is not None:
        told.append(ToldStay(arrival=standing))
    return told, stray

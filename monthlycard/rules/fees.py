"""The agreement's tariff: by duration, by time-of-day window, or by count (P4.9).

Both sides compute with this and must come to the same fen, so there is little of it: whole units,
a named rounding, and a named answer to what happens at a window's boundary. Windows are times of
day in the city's zone; one may run across midnight, and midnight itself divides nothing.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo

CITY = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
DEAREST_FEN = 1_000_000  # ¥10,000.00 a unit or a visit: a period's sum stays an amount that we hold
SHORTEST_UNIT_S = 60
LONGEST_S = 366 * 24 * 3600  # a time beyond it could not be reckoned with
_CLOCK = re.compile("([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWindow:
    """A part of the day and the price of a unit in it; `starts == ends` is the whole day."""

    starts: str  # HH:MM in the city's zone
    ends: str
    unit_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What platform and lot agreed on. Raises ValueError for terms that contradict themselves.

    `basis` count: `entry_fen` for each visit. Otherwise units of `unit_s` at the window's price;
    basis duration is one window over the whole day. `rounding` says what a begun unit is:
    up: a whole one; down: none. `boundary` says what happens where windows meet: split: the stay
    is divided there and each part counts its own units; carry: a unit keeps the price of the
    window in which it began.
    """

    basis: Literal["duration", "window", "count"]
    entry_fen: int = 0
    unit_s: int = 3600
    windows: tuple[PriceWindow, ...] = ()
    rounding: Literal["up", "down"] = "up"
    boundary: Literal["split", "carry"] = "split"
    free_s: int = 0

    def __post_init__(self) -> None:
        if self.basis == "count":
            if not 0 < self.entry_fen <= DEAREST_FEN or self.windows:
                raise ValueError(f"a count needs entry_fen, up to {DEAREST_FEN}, and no windows")
            return
        if self.unit_s < SHORTEST_UNIT_S or self.free_s < 0:
            raise ValueError(f"unit_s must be at least {SHORTEST_UNIT_S} and free_s not negative")
        if max(self.unit_s, self.free_s) > LONGEST_S:
            raise ValueError(f"unit_s and free_s must be at most {LONGEST_S}, 366 days")
        if self.basis == "duration" and len(self.windows) != 1:
            raise ValueError("a duration has one window, the whole day")
        covered = sorted((_minute(w.starts), _minute(w.ends)) for w in self.windows)
        if not covered:
            raise ValueError("windows must cover the day")
        for (_a, ends), (starts, _b) in pairwise([*covered, covered[0]]):
            if ends != starts and len(covered) > 1:
                raise ValueError("windows must cover the day without gap or overlap")
        if len(covered) == 1 and covered[0][0] != covered[0][1]:
            raise ValueError("one window must be the whole day")
        if not all(0 <= window.unit_fen <= DEAREST_FEN for window in self.windows):
            raise ValueError(f"a unit's price is from 0 to {DEAREST_FEN} fen")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"windows": [asdict(window) for window in self.windows]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Terms":
        """Raises ValueError, naming the fields, for anything that is not exactly such terms."""
        # Asked for here, so that a lot that only admits and reports needs no schema library.
        from core.reading import read

        return read(cls, data)


@dataclass(frozen=True, slots=True)
class FeeLine:
    """So many units at this price; lines of a visit stand in the order of time."""

    quantity: int
    unit_price_fen: int

    @property
    def fee_fen(self) -> int:
        return self.quantity * self.unit_price_fen


def fee_lines(terms: Terms, *, entry_at: datetime, exit_at: datetime) -> tuple[FeeLine, ...]:
    """The fee of one visit, line by line; neighbours of one price are one line.

    Raises ValueError for naive times or an exit before the entry.
    """
    if entry_at.tzinfo is None or exit_at.tzinfo is None:
        raise ValueError("times must be aware")
    if exit_at < entry_at:
        raise ValueError("the exit lies before the entry")
    if terms.basis == "count":
        return (FeeLine(1, terms.entry_fen),)
    if exit_at - entry_at <= timedelta(seconds=terms.free_s):
        return ()
    priced = (
        _split(terms, entry_at, exit_at)
        if terms.boundary == "split"
        else _carry(terms, entry_at, exit_at)
    )
    lines: list[FeeLine] = []
    for quantity, unit_fen in priced:
        if lines and lines[-1].unit_price_fen == unit_fen:
            lines[-1] = FeeLine(lines[-1].quantity + quantity, unit_fen)
        elif quantity:
            lines.append(FeeLine(quantity, unit_fen))
    return tuple(lines)


def _split(terms: Terms, start: datetime, end: datetime) -> list[tuple[int, int]]:
    """Each window's part counts its own units; parts of one price that touch are one part."""
    spans: list[tuple[timedelta, int]] = []
    at = start
    while at < end:
        window, until = _window_at(terms, at)
        length = min(until, end) - at
        if spans and spans[-1][1] == window.unit_fen:
            spans[-1] = (spans[-1][0] + length, window.unit_fen)
        else:
            spans.append((length, window.unit_fen))
        at += length
    return [(_units(terms, length), unit_fen) for length, unit_fen in spans]


def _carry(terms: Terms, start: datetime, end: datetime) -> list[tuple[int, int]]:
    """Units follow each other from the entry; each keeps the price of the window it began in."""
    unit = timedelta(seconds=terms.unit_s)
    begun = _units(terms, end - start)
    return [(1, _window_at(terms, start + n * unit)[0].unit_fen) for n in range(begun)]


def _units(terms: Terms, length: timedelta) -> int:
    whole, rest = divmod(length, timedelta(seconds=terms.unit_s))
    return whole + (1 if rest and terms.rounding == "up" else 0)


def _window_at(terms: Terms, at: datetime) -> tuple[PriceWindow, datetime]:
    """The window that holds at this instant, and when it ends."""
    local = at.astimezone(CITY)
    minute = local.hour * 60 + local.minute
    for window in terms.windows:
        starts, ends = _minute(window.starts), _minute(window.ends)
        inside = starts <= minute < ends if starts < ends else minute >= starts or minute < ends
        if inside:
            clock = time(ends // 60, ends % 60)
            until = datetime.combine(local.date(), clock, CITY)
            return window, until if until > local else until + DAY
    raise AssertionError("terms cover the day")


def _minute(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time of day")
    return int(found[1]) * 60 + int(found[2])

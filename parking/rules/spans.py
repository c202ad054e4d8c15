"""When which window of a tariff holds: a stay cut into spans, in seconds since 1970."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from core import calendar
from core.calendar import CITY
from parking.rules.tariff import ALL_DAYS, Tariff, Window, minute

DayOf = Callable[[date], calendar.Day]
DAY_S: Final = 86_400
HORIZON_S: Final = 31 * DAY_S
"""How far ahead a price is looked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """A window's occurrence, or a stretch that no window covers."""

    start: int
    end: int
    window: Window | None


def spans_of(tariff: Tariff, start: int, end: int, day: DayOf = calendar.day) -> list[Span]:
    """The windows' occurrences that cover `start` to `end` and the time after, gaps included.

    Occurrences of one window that touch are one: a whole-day window has no boundary at midnight.
    """
    first, last = _date(start) - timedelta(days=1), _date(end) + timedelta(days=2)
    found: list[Span] = []
    on = first
    while on <= last:
        midnight, kind = _midnight(on), day(on).kind
        for window in tariff.windows:
            if kind not in window.days:
                continue
            begin, until = minute(window.start) * 60, minute(window.end) * 60
            until += DAY_S if until <= begin else 0
            found.append(Span(midnight + begin, midnight + until, window))
        on += timedelta(days=1)
    spans: list[Span] = []
    edge = min(start, _midnight(first))
    for span in sorted(found, key=lambda span: span.start):
        if span.start > edge:
            spans.append(Span(edge, span.start, None))
        if spans and spans[-1].window == span.window:
            span = Span(spans.pop().start, span.end, span.window)
        spans.append(span)
        edge = span.end
    spans.append(Span(edge, max(edge, end) + HORIZON_S, None))
    return [span for span in spans if span.end > start] + [spans[-1]]


def guessed_years(tariff: Tariff, start: int, end: int, day: DayOf = calendar.day) -> list[int]:
    """The years whose holidays nobody knows yet, as far as this tariff asks for kinds of days."""
    if not asks_for_days(tariff):
        return []
    years: set[int] = set()
    on, last = _date(start), _date(end)
    while on <= last:
        if day(on).source == calendar.GUESS:
            years.add(on.year)
        on += timedelta(days=1)
    return sorted(years)


def asks_for_days(tariff: Tariff) -> bool:
    """Whether a price of this tariff depends on what kind of day it is."""
    return any(window.days != ALL_DAYS for window in tariff.windows)


def charged_s(spans: list[Span], start: int, end: int) -> int:
    """Seconds between `start` and `end` in which some window charges."""
    inside = (
        min(span.end, end) - max(span.start, start) for span in spans if span.window is not None
    )
    return sum(max(0, seconds) for seconds in inside)


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970, the fraction dropped. ValueError for a naive moment."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def moment_of(seconds: int) -> datetime:
    """The aware moment of whole seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def _date(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, CITY).date()


@lru_cache(maxsize=4096)
def _midnight(on: date) -> int:
    return int(datetime.combine(on, time(), CITY).timestamp())


def day_end(seconds: int) -> int:
    """The city's next midnight after a moment."""
    return _midnight(_date(seconds) + timedelta(days=1))

"""The city's days: zone, day bounds and what kind of day a date is.

The State Council's yearly notices stand in `core/data/holidays.csv`: breaks and the weekend days
worked for them; what a year of that table does not name is a plain workday or weekend. Older
years come from the chinesecalendar package. In a year that neither knows the days that the law
itself fixes are what the law says; the others are answered by plain weekdays, marked `guess` and
said aloud: the operator enters the new notice each November (`unknown_soon` says when it is time;
parking/services/holidays.py keeps the versions that stays are priced by).
"""

import csv
import functools
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import chinese_calendar

CITY: Final = ZoneInfo("Asia/Shanghai")
TABLE: Final = Path(__file__).parent / "data" / "holidays.csv"
GUESS: Final = "guess"
LAW: Final = "law"
FIXED: Final = MappingProxyType(
    {(1, 1): "元旦", (5, 1): "劳动节", (5, 2): "劳动节"} | {(10, on): "国庆节" for on in (1, 2, 3)}
)
"""Public holidays on days of our calendar, whatever a year's notice adds to them: by the State
Council's Regulation on Public Holidays for National Annual Festivals and Memorial Days, 2024.
"""
ASKED_FROM_MONTH: Final = 10  # the notice comes in October or November

log = logging.getLogger(__name__)


class DayKind(StrEnum):
    """What a day is. `break_` covers every day off of a holiday, plain weekends in it included."""

    workday = "workday"
    weekend = "weekend"
    break_ = "break"
    make_up = "make_up"  # a weekend day worked for a break


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the city and who says so."""

    date: date
    kind: DayKind
    statutory: bool  # one of the year's 13 public holidays; False where the source doesn't tell
    name: str | None  # the holiday it belongs to, also for the day worked for it
    source: str


def day(on: date) -> Day:
    """What kind of day `on` is in the city; a guess is marked in `source` and logged once a year.

    TypeError for a datetime: whose date it is depends on the zone, see `city_date`.
    """
    if isinstance(on, datetime):
        raise TypeError("a day of the city is a date; make one with city_date")
    notices, sources = _table()
    if on in notices:
        return notices[on]
    if on.year in sources:
        return plain(on, sources[on.year])
    try:
        off, name = chinese_calendar.get_holiday_detail(on)
    except NotImplementedError:
        _say_unknown(on.year)
        if name := FIXED.get((on.month, on.day)):
            return Day(on, DayKind.break_, True, name, LAW)
        return plain(on, GUESS)
    source = "chinesecalendar"
    if name is None:
        return plain(on, source)
    return Day(on, DayKind.break_ if off else DayKind.make_up, False, name, source)


def known(year: int) -> bool:
    """Whether the year's holidays are known, so that `day` does not guess."""
    return year in _table()[1] or day(date(year, 3, 1)).source != GUESS


def unknown_soon(today: date) -> int | None:
    """The year that nobody has entered though it is time: from October on the next one."""
    year = today.year + (today.month >= ASKED_FROM_MONTH)
    return None if known(year) else year


def city_date(at: datetime) -> date:
    """The city's date at a moment. ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return at.astimezone(CITY).date()


def day_bounds(on: date) -> tuple[datetime, datetime]:
    """The city's day as aware UTC moments: its first, and the first of the next day."""
    start, end = (
        datetime.combine(day, time(), CITY).astimezone(UTC) for day in (on, on + timedelta(days=1))
    )
    return start, end


def plain(on: date, source: str) -> Day:
    """A plain workday or weekend, by whoever says that it is no holiday."""
    kind = DayKind.weekend if on.weekday() >= 5 else DayKind.workday
    return Day(on, kind, False, None, source)


@functools.cache
def _table() -> tuple[MappingProxyType[date, Day], dict[int, str]]:
    """The notices' days, and the years they cover with the notice that covers each."""
    days: dict[date, Day] = {}
    sources: dict[int, str] = {}
    with TABLE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            on = date.fromisoformat(row["date"])
            days[on] = Day(
                on,
                DayKind(row["kind"]),
                row["statutory"] == "yes",
                row["name"],
                row["source"],
            )
            sources[on.year] = row["source"]
    return MappingProxyType(days), sources


@functools.cache
def _say_unknown(year: int) -> None:
    log.warning("calendar.year_unknown year=%s extend=%s", year, TABLE.name)

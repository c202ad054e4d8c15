"""The agreed period of a statement: each exit, a week, or a month, closed on any agreed day."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

CITY = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Period:
    """Half open: from `starts_at` on, before `ends_at`."""

    starts_at: datetime
    ends_at: datetime


def period_before(kind: Literal["week", "month"], day: int, *, at: datetime) -> Period:
    """The newest period that has ended at `at`; it ends at midnight of the agreed day.

    `day` is 1 (Monday) to 7 for a week, 1 to 28 for a month, so that every month has it.
    Raises ValueError for another day.
    """
    today = at.astimezone(CITY).date()
    if kind == "week":
        if not 1 <= day <= 7:
            raise ValueError("a week's day is 1 to 7")
        last = today - timedelta(days=(today.isoweekday() - day) % 7)
        return Period(_midnight(last - timedelta(days=7)), _midnight(last))
    if not 1 <= day <= 28:
        raise ValueError("a month's day is 1 to 28")
    last = today.replace(day=day)
    if last > today:
        last = _month_before(last)
    return Period(_midnight(_month_before(last)), _midnight(last))


def period_of(kind: Literal["week", "month"], day: int, *, at: datetime) -> Period:
    """The period that `at` lies in. Raises ValueError as period_before does."""
    starts_at = period_before(kind, day, at=at).ends_at
    if kind == "week":
        return Period(starts_at, starts_at + timedelta(days=7))
    following = (starts_at.date().replace(day=1) + timedelta(days=31)).replace(day=day)
    return Period(starts_at, _midnight(following))


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=day.day)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CITY)

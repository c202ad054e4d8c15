"""The city's holidays as data with versions: what an operator enters, and what a stay is priced by.

Years that nobody has entered are those of core/calendar.py: the release's table, then a guess.
"""

import json
from collections.abc import Callable
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from core import audit, calendar, clock
from core.calendar import FIXED, Day, DayKind
from core.errors import Invalid
from parking.models import HolidayYear

MOST_DAYS = 120
WORDS = {"break": DayKind.break_, "make_up": DayKind.make_up, "休": DayKind.break_}
WORDS |= {"班": DayKind.make_up}


@transaction.atomic
def publish_year(
    *, year: int, text: str, notice: str, actor: str, first: bool = False
) -> HolidayYear:
    """A new version of a year, a day a line: `2027-10-01,break,国庆节` (or 休), or make_up (班).

    It holds for stays that arrive from now on. `first`: only where nobody has entered the year yet.
    Raises Invalid with the line that is wrong.
    """
    days = read_year(year, text)
    newest = HolidayYear.objects.filter(year=year).aggregate(newest=Max("number"))["newest"] or 0
    if first and newest:
        raise Invalid(
            "year_known",
            _("This year has been entered before. What is different is a new version."),
        )
    try:
        with transaction.atomic():
            row = HolidayYear.objects.create(
                year=year,
                number=newest + 1,
                days=days,
                notice=notice,
                made_at=clock.now(),
                made_by=actor,
            )
    except IntegrityError as error:
        raise Invalid(
            "year_changed", _("Somebody has just entered this year. Look again.")
        ) from error
    audit.record(row, "published", actor=actor, year=year, number=row.number)
    return row


def newest_of(year: int) -> dict[str, list[str]] | None:
    """What was entered last for a year, as `read_year` says it; None where nobody has."""
    rows = HolidayYear.objects.filter(year=year).order_by("-number")
    return rows.values_list("days", flat=True).first()


def lines_of(text: str) -> str:
    """A notice's file as lines that `read_year` takes: its own lines, or the JSON in which such
    notices are passed on (`days`: each with `date`, `name`, `isOffDay`). Raises Invalid."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        days = [
            (str(one["date"]), bool(one["isOffDay"]), str(one.get("name", "")))
            for one in json.loads(text)["days"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _invalid(_("This JSON has no days with date, name and isOffDay.")) from error
    return "\n".join(
        f"{on},{'break' if is_off else 'make_up'},{name.replace(',', ' ')}"
        for on, is_off, name in days
    )


def read_year(year: int, text: str) -> dict[str, list[str]]:
    """What these lines say of a year. Raises Invalid with the line that is wrong."""
    days: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        parts = [part.strip() for part in line.replace("，", ",").split(",")]
        if not any(parts) or parts[0] == "date":
            continue
        on, kind, name = _day(number, parts)
        if on.year != year:
            raise _wrong(number, _("it is not in the year %(year)s") % {"year": year})
        if on.isoformat() in days:
            raise _wrong(number, _("the day stands there twice"))
        if kind is DayKind.make_up and on.weekday() < 5:
            raise _wrong(number, _("only a weekend day is worked for a break"))
        days[on.isoformat()] = [kind.value, name]
        if len(days) > MOST_DAYS:
            raise _wrong(number, _("so many days off a year are a mistake"))
    for month, day in FIXED:
        on = date(year, month, day)
        if days.get(on.isoformat(), [""])[0] != DayKind.break_:
            why = _("%(day)s is a public holiday by law and must be a break.")
            raise _invalid(why % {"day": on.isoformat()})
    return days


def _day(number: int, parts: list[str]) -> tuple[date, DayKind, str]:
    try:
        on = date.fromisoformat(parts[0])
    except ValueError:
        raise _wrong(number, _("it begins with a date such as 2027-10-01")) from None
    kind = WORDS.get(parts[1]) if len(parts) > 1 else None
    if kind is None:
        raise _wrong(number, _("say break (休) or make_up (班) after the date"))
    name = parts[2][:40] if len(parts) > 2 else ""
    return on, kind, name


def _wrong(number: int, why: str) -> Invalid:
    return _invalid(_("Line %(number)s: %(why)s.") % {"number": number, "why": why})


def _invalid(text: str) -> Invalid:
    return Invalid("bad_holidays", text, fields={"text": text})


def as_known(at: datetime) -> Callable[[date], Day]:
    """What kind of day a date is by what was known at a moment; one query."""
    rows = HolidayYear.objects.filter(made_at__lte=at).order_by("year", "number")
    years = {row.year: row for row in rows}

    def day(on: date) -> Day:
        row = years.get(on.year)
        if row is None:
            return calendar.day(on)
        entered = row.days.get(on.isoformat())
        if entered is None:
            return calendar.plain(on, row.notice)
        kind, name = DayKind(entered[0]), entered[1]
        by_law = (on.month, on.day) in FIXED
        return Day(on, kind, by_law, name or None, row.notice)

    return day


def unknown_soon() -> int | None:
    """The year that begins soon and whose holidays nobody has entered: to be asked for now."""
    year = calendar.unknown_soon(calendar.city_date(clock.now()))
    return None if year and HolidayYear.objects.filter(year=year).exists() else year

"""The city's days: the State Council's notices first, a guess never in silence."""

import logging
from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest

from core import calendar
from core.calendar import DayKind


def every_day(year):
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_own_table_works_and_rests_as_the_package_does(year):
    for on in every_day(year):
        worked = calendar.day(on).kind in (DayKind.workday, DayKind.make_up)
        assert worked == chinese_calendar.is_workday(on), on
        assert calendar.day(on).source == f"State Council notice for {year}"


@pytest.mark.parametrize("year", [2025, 2026])
def test_a_year_has_thirteen_statutory_days(year):
    assert sum(calendar.day(on).statutory for on in every_day(year)) == 13


@pytest.mark.parametrize(
    ("on", "kind", "name"),
    [
        (date(2026, 2, 15), DayKind.break_, "春节"),  # a plain Sunday inside the break
        (date(2026, 2, 14), DayKind.make_up, "春节"),  # a Saturday that is worked
        (date(2026, 2, 28), DayKind.make_up, "春节"),
        (date(2026, 3, 2), DayKind.workday, None),
        (date(2026, 3, 7), DayKind.weekend, None),
        (date(2025, 10, 6), DayKind.break_, "国庆节、中秋节"),
        (date(2024, 10, 1), DayKind.break_, "National Day"),  # an older year, by the package
    ],
)
def test_a_day_has_its_kind(on, kind, name):
    assert (calendar.day(on).kind, calendar.day(on).name) == (kind, name)


def test_an_unknown_year_is_guessed_aloud_and_once(caplog):
    calendar._say_unknown.cache_clear()

    with caplog.at_level(logging.WARNING):
        saturday, monday = calendar.day(date(2040, 3, 3)), calendar.day(date(2040, 3, 5))

    assert (saturday.kind, monday.kind) == (DayKind.weekend, DayKind.workday)
    assert {saturday.source, monday.source} == {calendar.GUESS}
    assert [record.getMessage()[:32] for record in caplog.records] == [
        "calendar.year_unknown year=2040 "
    ]
    assert not calendar.known(2040)
    assert calendar.known(2026)


@pytest.mark.parametrize(
    ("on", "name"),
    [
        (date(2040, 1, 1), "元旦"),
        (date(2040, 5, 2), "劳动节"),
        (date(2040, 10, 3), "国庆节"),
    ],
)
def test_a_day_that_the_law_fixes_is_never_guessed(on, name):
    day = calendar.day(on)
    assert (day.kind, day.statutory, day.name, day.source) == (
        DayKind.break_,
        True,
        name,
        calendar.LAW,
    )


@pytest.mark.parametrize(
    ("today", "year"),
    [
        (date(2026, 9, 30), None),
        (date(2026, 10, 1), 2027),
        (date(2027, 3, 1), 2027),
        (date(2025, 12, 31), None),
    ],
)
def test_the_next_year_is_asked_for_from_october_on(today, year):
    assert calendar.unknown_soon(today) == year


def test_a_citys_day_begins_at_its_own_midnight():
    late_on_sunday_in_utc = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)

    assert calendar.city_date(late_on_sunday_in_utc) == date(2026, 3, 2)
    assert calendar.day_bounds(date(2026, 3, 2)) == (
        late_on_sunday_in_utc,
        datetime(2026, 3, 2, 16, 0, tzinfo=UTC),
    )


def test_a_moment_without_zone_has_no_date():
    with pytest.raises(ValueError, match="zone"):
        calendar.city_date(datetime(2026, 3, 2))
    with pytest.raises(TypeError):
        calendar.day(datetime(2026, 3, 2, tzinfo=UTC))

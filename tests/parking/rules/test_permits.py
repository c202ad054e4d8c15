"""When a permit holds, and what a stay costs while it does."""

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import CITY
from parking.rules.permits import Holding, together
from parking.rules.pricing import fee
from parking.rules.tariffs import ready
from tests.parking.rules.test_pricing_properties import ARRIVAL, tariffs


def at(clock: str, day: int = 2) -> datetime:
    return datetime.combine(datetime(2026, 3, day), time.fromisoformat(clock), CITY)


NIGHTS = Holding(since=at("00:00"), until=at("00:00", 6), starts=time(19), ends=time(7))
DAYS = Holding(since=at("12:00"), until=at("16:00", 3), starts=time(8), ends=time(18))
ALWAYS = Holding(since=at("12:00"), until=at("12:00", 4))


@pytest.mark.parametrize(
    ("holding", "began", "ended", "times"),
    [
        (NIGHTS, at("18:00"), at("08:00", 3), [(at("19:00"), at("07:00", 3))]),
        (NIGHTS, at("03:00"), at("06:00"), [(at("03:00"), at("06:00"))]),
        (NIGHTS, at("07:00"), at("19:00"), []),
        (NIGHTS, at("07:00"), at("19:01"), [(at("19:00"), at("19:01"))]),
        (NIGHTS, at("06:59"), at("19:00"), [(at("06:59"), at("07:00"))]),
        (
            NIGHTS,
            at("12:00", 4),
            at("12:00", 6),
            [(at("19:00", 4), at("07:00", 5)), (at("19:00", 5), at("00:00", 6))],
        ),
        (
            DAYS,
            at("00:00"),
            at("00:00", 5),
            [(at("12:00"), at("18:00")), (at("08:00", 3), at("16:00", 3))],
        ),
        (ALWAYS, at("00:00"), at("00:00", 9), [(at("12:00"), at("12:00", 4))]),
        (ALWAYS, at("12:00", 4), at("13:00", 4), []),
        (ALWAYS, at("11:00"), at("12:00"), []),
    ],
)
def test_a_permit_holds_within_its_days_and_hours(holding, began, ended, times):
    assert list(holding.within(began, ended)) == times


def test_times_that_meet_are_one():
    times = [(at("12:00"), at("13:00")), (at("09:00"), at("10:00")), (at("10:00"), at("11:00"))]
    assert together(times) == [(at("09:00"), at("11:00")), (at("12:00"), at("13:00"))]
    assert together([(at("09:00"), at("12:00")), (at("10:00"), at("11:00"))]) == [
        (at("09:00"), at("12:00"))
    ]


def test_what_a_permit_leaves_free_is_a_line_and_an_hour_goes_on_after_it():
    nights = list(NIGHTS.within(at("18:30"), at("08:00", 3)))

    def bill(left: str):
        return fee(ready("hourly_10"), arrived_at=at("18:30"), left_at=at(left, 3), permits=nights)

    assert [bill(left).amount_fen for left in ("07:00", "07:30", "07:31")] == [1000, 1000, 2000]
    assert [(line.text_code, line.quantity, line.amount_fen) for line in bill("07:31").lines] == [
        ("all_day", 1, 1000),
        ("all_day", 1, 1000),
        ("permit", 12 * 3600, 0),
    ]


def test_a_silence_of_the_sensor_within_a_permit_is_told_beside_it():
    bill = fee(
        ready("hourly_10"),
        arrived_at=at("18:00"),
        left_at=at("23:00"),
        permits=[(at("19:00"), at("23:00"))],
        gaps=[(at("18:30"), at("20:00"))],
    )
    assert bill.amount_fen == 1000
    assert {(line.text_code, line.quantity) for line in bill.lines} == {
        ("all_day", 1),
        ("silent", 5400),
        ("permit", 4 * 3600),
    }


@settings(max_examples=150, deadline=None)
@given(tariffs(), ARRIVAL, st.lists(st.integers(0, 40_000), min_size=5, max_size=9), st.booleans())
def test_a_permit_never_costs_the_owner_and_a_longer_stay_is_never_cheaper(
    tariff, arrived, lengths, nev
):
    """Times alternate: alone, permitted, alone, silent."""
    edges = [arrived]
    for seconds in lengths:
        edges.append(edges[-1] + timedelta(seconds=seconds))
    permits = list(zip(edges[1::4], edges[2::4], strict=False))
    gaps = list(zip(edges[3::4], edges[4::4], strict=False))

    def price(left: datetime, **known):
        bill = fee(tariff, arrived_at=arrived, left_at=left, nev=nev, **known)
        assert sum(line.amount_fen for line in bill.lines) == bill.amount_fen
        return bill.amount_fen

    both = price(edges[-1], permits=permits, gaps=gaps)
    assert both <= price(edges[-1], permits=permits)
    assert both <= price(edges[-1], gaps=gaps)
    assert both <= price(edges[-1] + timedelta(hours=3), permits=permits, gaps=gaps)

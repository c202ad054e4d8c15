"""One plate in two places: what can be, and what cannot, at both sides of each boundary
(docs/rules.md L1)."""

from datetime import UTC, datetime, timedelta

import pytest

from parking.rules.candidates import METRES_A_DEGREE
from parking.rules.elsewhere import FASTEST_KMH, LATE, Presence, at_once, inside, too_far

T0 = datetime(2026, 3, 2, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HERE = (31.0, 121.0)


def moment(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def km_north(km: float) -> tuple[float, float]:
    return HERE[0] + km * 1000 / METRES_A_DEGREE, HERE[1]


def stood(since: float, until: float | None, at: tuple[float, float] | None = HERE) -> Presence:
    return Presence(since=moment(since), until=None if until is None else moment(until), at=at)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (stood(0, 60), stood(58, 90), False),  # two minutes: a departure is told late
        (stood(0, 60), stood(57.9, 90), True),
        (stood(0, 60), stood(61, 90), False),
        (stood(0, 60), stood(10, 20), True),
        (stood(0, None), stood(10, 20), True),
        (stood(0, None), stood(10, 12), False),
        (stood(0, None), stood(50, None), True),
        (stood(15, None), stood(0, 16), False),
    ],
)
def test_a_vehicle_stands_in_one_place_at_once(one: Presence, other: Presence, both: bool) -> None:
    assert at_once(one, other) is both
    assert at_once(other, one) is both


@pytest.mark.parametrize(
    ("at", "is_inside"),
    [
        (T0 + LATE, False),
        (T0 + LATE + SECOND, True),
        (moment(60) - LATE - SECOND, True),
        (moment(60) - LATE, False),
        (moment(61), False),
        (moment(-1), False),
    ],
)
def test_a_moment_lies_in_a_stay_by_more_than_sensors_are_late(
    at: datetime, is_inside: bool
) -> None:
    assert inside(at, stood(0, 60)) is is_inside


def test_a_moment_lies_in_a_stay_that_goes_on() -> None:
    assert inside(moment(100_000), stood(0, None))
    assert not inside(moment(1), stood(0, None))


@pytest.mark.parametrize(("km", "minutes"), [(1, 0), (20, 8), (40, 18), (118, 57)])
def test_nobody_drives_farther_than_so_fast_in_the_time_between(km: float, minutes: float) -> None:
    """At 120 km/h, and two minutes that sensors may be late: 40 km take 18 minutes and more."""
    reach_km = FASTEST_KMH * (minutes + 2) / 60
    assert km <= reach_km
    first = stood(0, 60)
    for distance, impossible in ((reach_km - 0.001, False), (reach_km + 0.001, True)):
        second = stood(60 + minutes, 200, km_north(distance))
        assert too_far(first, second) is impossible
        assert too_far(second, first) is impossible


@pytest.mark.parametrize(("seconds", "impossible"), [(18 * 60 - 1, True), (18 * 60 + 1, False)])
def test_a_second_more_is_time_enough_for_forty_kilometres(seconds: int, impossible: bool) -> None:
    second = stood(60 + seconds / 60, None, km_north(40))
    assert too_far(stood(0, 60), second) is impossible


def test_who_still_stands_here_is_nowhere_else_however_much_later() -> None:
    assert too_far(stood(0, None), stood(600, None, km_north(5)))
    assert not too_far(stood(0, None), stood(600, None, km_north(3.9)))  # two minutes' drive


def test_a_place_that_nobody_wrote_down_is_not_too_far() -> None:
    assert not too_far(stood(0, 60, None), stood(60, 90, km_north(400)))

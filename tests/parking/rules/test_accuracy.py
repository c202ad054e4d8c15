"""When a camera stops billing by itself, and when it begins again (docs/parking.md)."""

import pytest

from parking.rules.accuracy import BAR, Judged, accuracy, bounds, falls, recovers


def judged(*, made: int = 0, wrong: int = 0, sampled: int = 0, right: int = 0) -> Judged:
    return Judged(made=made, wrong=wrong, sampled=sampled, right=right)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.213),
        (5, 10, 0.270, 0.730),
        (10, 10, 0.787, 1.0),
        (95, 100, 0.901, 0.975),
    ],
)
def test_the_bounds_are_wilsons(right: int, of: int, low: float, high: float) -> None:
    assert bounds(right, of) == pytest.approx((low, high), abs=0.001)


@pytest.mark.parametrize(
    ("known", "stops"),
    [
        (judged(made=2, wrong=2, sampled=2, right=0), False),  # two may be chance
        (judged(made=3, wrong=3, sampled=3, right=0), True),
        (judged(made=100, wrong=3, sampled=20, right=17), True),
        (judged(made=100, wrong=3, sampled=30, right=27), False),
        (judged(made=10_000, wrong=40), False),  # complaints about a busy camera
        (judged(made=40, wrong=5), True),
        (judged(made=400, wrong=20), False),  # at its bar
        (judged(made=400, wrong=29), True),
        (judged(), False),
        (judged(made=1000, sampled=200, right=200), False),
    ],
)
def test_a_camera_stops_once_it_is_surely_below_its_bar(known: Judged, stops: bool) -> None:
    assert falls(known, bar=BAR) is stops


@pytest.mark.parametrize(
    ("known", "begins"),
    [
        (judged(), False),
        (judged(made=51, sampled=51, right=51), False),
        (judged(made=52, sampled=52, right=52), True),
        (judged(made=60, wrong=1, sampled=60, right=59), False),
        (judged(made=100, wrong=1, sampled=100, right=99), True),
    ],
)
def test_it_begins_again_once_it_is_surely_above(known: Judged, begins: bool) -> None:
    assert recovers(known, bar=BAR) is begins


@pytest.mark.parametrize("made", range(0, 300, 7))
def test_no_camera_is_below_and_above_its_bar_at_once(made: int) -> None:
    for wrong in range(made + 1):
        known = judged(made=made, wrong=wrong, sampled=made, right=made - wrong)
        found = accuracy(known)
        assert 0 <= found.low <= found.high <= 1
        assert not (falls(known, bar=BAR) and recovers(known, bar=BAR))

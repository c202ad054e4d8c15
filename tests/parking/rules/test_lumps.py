"""A lump is paid once for its whole step, also where the window is interrupted."""

from dataclasses import replace

import pytest

from parking.rules.pricing import fee
from parking.rules.tariff import PriceStep, Scope, Tariff
from parking.rules.tariffs import ready
from tests.parking.rules.test_pricing import at


def tariff(scope: Scope) -> Tariff:
    """By day the first two hours cost 15 yuan, however long, later ones 5 each; nights nothing."""
    day, _night = ready("hangzhou_core").windows
    steps = (
        PriceStep(unit_fen=1500, unit_s=3600, upto_s=7200, lump=True),
        PriceStep(unit_fen=500, unit_s=3600),
    )
    windows = (replace(day, steps=steps),)
    return replace(ready("hangzhou_core"), windows=windows, first_scope=scope, caps=(), free_s=0)


def paid(scope: Scope, arrived: str, left: str) -> list[tuple[str, int]]:
    bill = fee(tariff(scope), arrived_at=at(arrived), left_at=at(left))
    return [(line.text_code, line.amount_fen) for line in bill.lines if line.amount_fen]


LUMP, HOUR = ("first_period", 1500), ("then", 500)


@pytest.mark.parametrize(
    ("left", "lines"),
    [
        ("09:01", [LUMP]),
        ("11:00", [LUMP]),
        ("11:01", [LUMP, HOUR]),
        ("13:00", [LUMP, ("then", 1000)]),
    ],
)
def test_a_lump_is_paid_as_soon_as_it_has_begun_and_covers_its_step(
    left: str, lines: list[tuple[str, int]]
) -> None:
    assert paid(Scope.stay, "09:00", left) == lines


@pytest.mark.parametrize(
    ("scope", "lines"),
    [
        (Scope.stay, [LUMP, HOUR]),
        (Scope.day, [LUMP, LUMP]),
        (Scope.window, [LUMP, LUMP]),
    ],
)
def test_the_rest_of_a_lump_is_kept_for_the_next_day_only_where_the_stay_is_one(
    scope: Scope, lines: list[tuple[str, int]]
) -> None:
    """Half an hour before the night, and two hours the next morning."""
    assert paid(scope, "19:30", "+1 10:00") == lines

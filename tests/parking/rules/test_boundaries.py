"""Both sides of boundaries that a published tariff has none at."""

from dataclasses import replace
from datetime import timedelta

import pytest

from parking.rules.pricing import fee
from parking.rules.tariff import Boundary, PriceStep, Scope
from parking.rules.tariffs import ready
from tests.parking.rules.test_pricing import at, price


@pytest.mark.parametrize(
    ("seconds", "fen"), [(0, 0), (1, 1000), (3599, 1000), (3600, 1000), (3601, 2000), (7201, 3000)]
)
def test_without_free_time_the_first_second_of_a_unit_costs_it(seconds: int, fen: int) -> None:
    tariff = replace(ready("hourly_10"), free_s=0)
    left = at("09:00") + timedelta(seconds=seconds)
    assert fee(tariff, arrived_at=at("09:00"), left_at=left).amount_fen == fen


@pytest.mark.parametrize(("scope", "fen"), [(Scope.window, 500), (Scope.stay, 300)])
def test_the_lower_rate_of_the_next_window_is_that_of_its_first_hour_where_it_begins_anew(
    scope: Scope, fen: int
) -> None:
    """An hour of the night that runs into a second day, whose first hour costs 500, later ones 300.

    18:30 and 19:30 are of the day, the second at its own lower rate; eleven hours are the night's.
    """
    day, night = ready("hangzhou_core").windows
    tariff = replace(
        ready("hangzhou_core"),
        windows=(
            replace(
                day,
                steps=(
                    PriceStep(unit_fen=500, unit_s=3600, upto_s=3600),
                    PriceStep(unit_fen=300, unit_s=3600),
                ),
            ),
            replace(night, visit_fen=None, steps=(PriceStep(unit_fen=1000, unit_s=3600),)),
        ),
        first_scope=scope,
        boundary=Boundary.lower_rate,
    )
    assert price(tariff, "18:30", "+1 08:20") == 500 + 300 + 11 * 1000 + fen


@pytest.mark.parametrize(("upto_s", "code"), [(3600, "first_hour"), (1800, "first_period")])
def test_a_first_period_of_another_length_is_not_called_an_hour(upto_s: int, code: str) -> None:
    day, _night = ready("hangzhou_core").windows
    steps = (
        PriceStep(unit_fen=500, unit_s=1800, upto_s=upto_s),
        PriceStep(unit_fen=600, unit_s=1800),
    )
    tariff = replace(ready("hangzhou_core"), windows=(replace(day, steps=steps),))
    bill = fee(tariff, arrived_at=at("09:00"), left_at=at("11:00"))
    assert [line.text_code for line in bill.lines] == [code, "then"]

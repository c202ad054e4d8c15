"""What money buys who stands: minutes to leave, time ahead, parts, in any order of hearing."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from parking.rules.cover import Paid, billed_until, covers

ARRIVED = datetime(2026, 3, 2, 1, tzinfo=UTC)


def minute(n: float) -> datetime:
    return ARRIVED + timedelta(minutes=n)


def billed(left_min: int, *paid: Paid) -> float:
    """Up to which minute a stay is billed that left then; six yuan pay an hour."""
    found = covers(paid, affordable_until=lambda fen: minute(fen / 10), leave_by_s=900)
    return (billed_until(minute(left_min), found) - ARRIVED) / timedelta(minutes=1)


AT_60 = Paid(at=minute(60), amount_fen=600)


@pytest.mark.parametrize(
    ("left_min", "paid", "until_min"),
    [
        (70, (), 70),
        (75, (AT_60,), 60),
        (76, (AT_60,), 76),
        (50, (AT_60,), 50),
        (70, (AT_60, Paid(at=minute(65), amount_fen=600)), 60),
        (110, (AT_60, Paid(at=minute(65), amount_fen=600)), 110),
        (130, (Paid(at=minute(0), amount_fen=1200, ahead_until=minute(120)),), 120),
        (136, (Paid(at=minute(0), amount_fen=1200, ahead_until=minute(120)),), 136),
        (61, (Paid(at=minute(60), amount_fen=10, is_part=True),), 61),
        (61, (Paid(at=minute(60), amount_fen=0),), 61),
        (90, (Paid(at=minute(0), amount_fen=600, ahead_until=minute(120), is_part=True),), 90),
    ],
)
def test_leaving_in_time_costs_what_was_promised(
    left_min: int, paid: tuple[Paid, ...], until_min: float
) -> None:
    assert {billed(left_min, *order) for order in permutations(paid)} == {until_min}

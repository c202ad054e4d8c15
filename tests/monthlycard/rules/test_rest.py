"""What is left of a card that ends before its time (P4.2)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monthlycard.rules import rest_of_card


@pytest.mark.parametrize(
    ("days_left", "quota", "quota_left", "fen", "quota_back"),
    [
        (30, 0, 0, 30000, 0),
        (15, 0, 0, 15000, 0),
        (0, 0, 0, 0, 0),
        (-3, 0, 0, 0, 0),
        (60, 0, 0, 60000, 0),  # a period paid ahead
        (30, 30000, 12345, 12345, 12345),
        (10, 30000, 30000, 10000, 10000),
        (30, 7, 2, 8571, 2),  # of 7 visits: 300.00 × 2/7, rounded down
        (30, 50000, 0, 0, 0),
    ],
)
def test_golden_rests(days_left, quota, quota_left, fen, quota_back):
    """P4.2: ¥300.00 for 30 days."""
    rest = rest_of_card(
        price_fen=30000,
        days=30,
        quota=quota,
        time_left=timedelta(days=days_left),
        quota_left=quota_left,
    )
    assert (rest.fen, rest.quota) == (fen, quota_back)


@given(
    hours=st.integers(-100, 2000),
    quota=st.integers(0, 10**6),
    used=st.integers(0, 10**6),
    price_fen=st.integers(1, 10**6),
)
def test_no_more_goes_back_than_is_left_of_either(hours, quota, used, price_fen):
    """P4.2."""
    left = max(0, quota - used)
    rest = rest_of_card(
        price_fen=price_fen, days=30, quota=quota, time_left=timedelta(hours=hours), quota_left=left
    )
    assert 0 <= rest.quota <= left
    assert 0 <= rest.fen * 30 * 24 <= price_fen * max(0, hours)
    if quota:
        assert rest.fen * quota <= price_fen * left

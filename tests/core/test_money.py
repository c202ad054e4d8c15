"""Money is whole fen; yuan exist only where people read and type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import BadMoney, format_fen, parse_yuan, split_fen


@pytest.mark.parametrize(
    ("fen", "text"),
    [(600, "¥6.00"), (0, "¥0.00"), (5, "¥0.05"), (-5, "-¥0.05"), (123456789, "¥1234567.89")],
)
def test_fen_are_shown_as_yuan(fen, text):
    assert format_fen(fen) == text


@pytest.mark.parametrize(
    ("text", "fen"),
    [("2.25", 225), ("1.3", 130), ("6", 600), ("¥6.00", 600), (" -0.5 ", -50), ("3.75元", 375)],
)
def test_yuan_are_read_exactly(text, fen):
    assert parse_yuan(text) == fen


@pytest.mark.parametrize("text", ["", "1.234", "1.", ".5", "1e3", "NaN", "1,000", "一元", "¥", "٣"])
def test_anything_but_an_exact_sum_is_refused(text):
    with pytest.raises(BadMoney):
        parse_yuan(text)


@given(st.integers(-(10**13), 10**13))
def test_what_is_shown_reads_back(fen):
    assert parse_yuan(format_fen(fen)) == fen


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any),
)
def test_parts_sum_to_the_whole_and_none_is_a_fen_off(total, weights):
    parts = split_fen(total, weights)

    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)


def test_the_odd_fen_goes_to_the_largest_remainder_then_to_the_earlier():
    assert split_fen(100, [1, 1, 1]) == [34, 33, 33]
    assert split_fen(100, [1, 2, 3]) == [17, 33, 50]
    assert split_fen(-100, [1, 1, 1]) == [-34, -33, -33]


def test_money_without_weights_is_not_lost_in_silence():
    with pytest.raises(ValueError, match="weights"):
        split_fen(100, [0, 0])
    with pytest.raises(TypeError):
        format_fen(6.0)

"""Money is whole fen; yuan exist only where people read and type."""

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from hypothesis import given
from hypothesis import strategies as st

from core.fields import MoneyField
from core.money import MOST_FEN, BadMoney, format_fen, parse_yuan, split_fen
from payments.models import SandboxTrade


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


def test_every_column_of_money_holds_what_adds_up_and_nothing_beyond():
    columns = [
        field
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.name.endswith("_fen") and not isinstance(field, models.JSONField)
    ]
    assert len(columns) > 30
    assert [str(field) for field in columns if not isinstance(field, MoneyField)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("fen", [-1, MOST_FEN + 1, 2**63 - 1])
def test_the_database_refuses_an_amount_that_is_none(fen):
    with pytest.raises(IntegrityError), transaction.atomic():
        SandboxTrade.objects.create(out_trade_no="P1A1", amount_fen=fen)
    assert not SandboxTrade.objects.exists()


@pytest.mark.django_db
def test_the_greatest_amount_comes_back_as_it_was():
    for number in "12":
        SandboxTrade.objects.create(out_trade_no=number, amount_fen=MOST_FEN)
    assert SandboxTrade.objects.aggregate(fen=models.Sum("amount_fen"))["fen"] == 2 * MOST_FEN

"""Money is whole fen; yuan exist only where people read and type."""

import pytest
from django import forms
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given
from hypothesis import strategies as st

from core.fields import MoneyField, YuanField
from core.money import (
    MOST_FEN,
    MOST_PAYMENT_FEN,
    BadMoney,
    format_fen,
    parse_yuan,
    plain_yuan,
    split_fen,
)
from core.templatetags.bowei import money
from payments.models import SandboxTrade

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("fen", "shown", "plain"),
    [
        (0, "¥0.00", "0.00"),
        (5, "¥0.05", "0.05"),
        (-5, f"{MINUS}¥0.05", "-0.05"),
        (600, "¥6.00", "6.00"),
        (-600, f"{MINUS}¥6.00", "-6.00"),
        (99_999, "¥999.99", "999.99"),
        (100_000, "¥1,000.00", "1000.00"),
        (431_850, "¥4,318.50", "4318.50"),
        (MOST_PAYMENT_FEN, "¥100,000,000.00", "100000000.00"),
        (-MOST_FEN, f"{MINUS}¥90,071,992,547,409.91", "-90071992547409.91"),
    ],
)
def test_fen_are_shown_as_yuan_to_people_and_to_programs(fen, shown, plain):
    assert format_fen(fen) == money(fen) == shown
    assert plain_yuan(fen) == plain


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("2.25", 225),
        ("1.3", 130),
        ("6", 600),
        ("¥6.00", 600),
        (" -0.5 ", -50),
        ("3.75元", 375),
        ("300", 30_000),
        ("300.00", 30_000),
        ("300 元", 30_000),
        ("¥4,318.50", 431_850),
        ("￥ 4318.5", 431_850),
        ("1,234,567.89", 123_456_789),
        ("+6", 600),
        (f"{MINUS}¥6.00", -600),
        ("-6.00", -600),
    ],
)
def test_yuan_are_read_exactly(text, fen):
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.234",
        "1.",
        ".5",
        "1e3",
        "NaN",
        "一元",
        "¥",
        "٣",
        "--6",
        "¥-6",
        "6¥",
        "1,00",
        "1,0000",
        ",100",
        "1000,000",
        "1,,000",
        "1,000.5,0",
        "12,34.00",
        "1 000",
    ],
)
def test_anything_but_an_exact_sum_is_refused(text):
    with pytest.raises(BadMoney):
        parse_yuan(text)


@given(st.integers(-MOST_FEN, MOST_FEN))
def test_what_is_shown_reads_back(fen):
    assert parse_yuan(format_fen(fen)) == parse_yuan(plain_yuan(fen)) == fen


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


@pytest.mark.parametrize(
    ("typed", "fen"), [("¥4,318.50", 431_850), (" 300元 ", 30_000), ("", None), ("0", 0)]
)
def test_a_person_types_yuan_and_the_form_has_fen(typed, fen):
    assert YuanField(required=False).clean(typed) == fen


def test_what_is_no_exact_sum_stays_typed_and_is_answered_with_a_sentence():
    class Price(forms.Form):
        price = YuanField()

    with translation.override("en"):
        form = Price({"price": "1.234"}, initial={"price": 431_850})
        assert form.errors["price"] == [
            "Write an amount in yuan with at most two decimals, such as 4,318.50."
        ]
        assert 'value="1.234"' in str(form["price"])
    assert Price({"price": "4318.5"}, initial={"price": 431_850}).changed_data == []
    shown = str(Price(initial={"price": 431_850})["price"])
    assert 'value="4,318.50"' in shown
    assert 'inputmode="decimal"' in shown


def test_programs_are_told_whole_fen():
    schemas = SchemaGenerator().get_schema(public=True)["components"]["schemas"]
    money_of = {
        f"{name}.{field}": told
        for name, schema in schemas.items()
        for field, told in schema.get("properties", {}).items()
        if field.endswith("_fen")
    }
    assert len(money_of) > 10
    whole = ("integer", ["integer", "null"])
    assert {name for name, told in money_of.items() if told.get("type") not in whole} == set()

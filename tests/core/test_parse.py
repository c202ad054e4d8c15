"""Nothing that is typed into an address, a form or a body breaks what reads it."""

import json

import pytest
from django.core.exceptions import ValidationError
from rest_framework import serializers

from core import parse
from core.errors import Missing
from core.fields import DayField
from core.fields import MomentField as TypedMoment
from core.inputs import MomentField
from core.parse import Unreadable


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("0", 0),
        (" 42 ", 42),
        (7, 7),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("9" * 5000, None),
        ("²", None),
        ("١٢", None),
        ("-1", None),
        ("1.0", None),
        ("", None),
        (None, None),
        ("abc", None),
    ],
)
def test_a_number_is_plain_digits_that_a_column_holds(typed: object, read: int | None) -> None:
    assert parse.number(typed) == read


def test_numbers_leave_out_what_is_none_and_keep_each_once() -> None:
    assert parse.numbers(["3", "²", "1", "3", "x"]) == [3, 1]


def test_an_address_without_a_number_names_no_row() -> None:
    assert parse.row_id("12") == 12
    with pytest.raises(Missing):
        parse.row_id("abc")


@pytest.mark.parametrize("text", ["a\0b", "\x07", "\x7f", "half\ud800"])
def test_what_no_text_holds_is_none(text: str) -> None:
    assert not parse.is_text(text)


@pytest.mark.parametrize("text", ["", "沪A·12345", "two\r\nlines\tand a tab", "🅿️"])
def test_what_people_write_is_text(text: str) -> None:
    assert parse.is_text(text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 50_000,
        b"[" * 50_000 + b"]" * 50_000,
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        rb'{"a": "\u0000"}',
        rb'{"\u0000": 1}',
        rb'["\ud800"]',
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b"[" + b"9" * 5000 + b"]",
        b"[9223372036854775808]",
        b'{"a": 1, "b": {"c": 2, "c": 2}}',
        b"[" + b"0," * 100_000 + b"0]",
        b"[" + b",".join([b"[0,0]"] * 40_000) + b"]",
        b'{"a": "' + b"x" * 65_537 + b'"}',
    ],
)
def test_a_body_that_cannot_be_kept_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse.json_body(body)


def test_a_body_is_read_as_it_is() -> None:
    value = {"plate": "沪A12345", "lines": [{"fen": -600, "share": 0.5, "paid": True, "by": None}]}
    assert parse.json_body(json.dumps(value).encode()) == value
    assert parse.json_body(b"[" * 32 + b"]" * 32)
    assert parse.json_body(b"[" + b"0," * 90_000 + b"0]")
    assert parse.json_body(b'"' + b"x" * 65_536 + b'"')


@pytest.mark.parametrize("moment", ["0001-01-01", "1999-12-31", "2101-01-01", "9999-12-31", "²"])
def test_a_day_or_moment_that_nothing_can_follow_is_none(moment: str) -> None:
    with pytest.raises(serializers.ValidationError):
        MomentField().run_validation(moment)
    for field in (DayField(), TypedMoment()):
        with pytest.raises(ValidationError):
            field.clean(moment)


def test_a_day_and_a_moment_of_ours_are_read() -> None:
    told = "2026-03-02"
    assert DayField().clean(told).isoformat() == told
    assert TypedMoment().clean(told).date().isoformat() == told
    assert MomentField().run_validation(f"{told}T09:00:00+08:00").hour == 9

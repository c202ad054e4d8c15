"""Files of lists are made a batch at a time and sent while they are made."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils.translation import override
from openpyxl import load_workbook

from core import sheets

LINES = [
    ["=1+1", "0012", 7, Decimal("-12.50"), datetime(2026, 3, 2, 1, 0, tzinfo=UTC), None],
    ["沪A12345", "1E5", 0, Decimal("0.00"), datetime(2026, 3, 2, 16, 30, 5, tzinfo=UTC), "\x00"],
]
HEAD = ["text", "code", "number", "sum", "moment", "rest"]


def file_of(kind: str) -> sheets.File:
    return sheets.File(f"x.{kind}", kind, HEAD, [[line] for line in LINES])


def test_a_csv_file_holds_plain_words_codes_as_texts_numbers_and_the_city_s_time() -> None:
    rows = list(csv.reader(io.StringIO(file_of("csv").getvalue().decode("utf-8-sig"))))
    assert rows == [
        HEAD,
        ["'=1+1", "'0012", "7", "-12.50", "2026-03-02 09:00:00", ""],
        ["沪A12345", "'1E5", "0", "0.00", "2026-03-03 00:30:05", "\ufffd"],
    ]


def test_a_workbook_keeps_codes_as_texts_and_sums_as_numbers() -> None:
    sheet = load_workbook(io.BytesIO(file_of("xlsx").getvalue())).active
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == [
        HEAD,
        ["'=1+1", "0012", 7, -12.5, datetime(2026, 3, 2, 9, 0), None],
        ["沪A12345", "1E5", 0, 0, datetime(2026, 3, 3, 0, 30, 5), "\ufffd"],
    ]
    assert [cell.data_type for cell in sheet[2]] == ["s", "s", "n", "n", "d", "n"]


async def test_an_asynchronous_server_sends_a_batch_before_the_next_is_made() -> None:
    made: list[int] = []

    def batches() -> Iterator[list[list[Any]]]:
        for number in range(3):
            made.append(number)
            yield [[number]]

    seen = []
    async for part in sheets.File("x.csv", "csv", ["n"], batches()):
        seen.append((part, len(made)))
    assert [after for _part, after in seen] == [0, 0, 1, 2, 3]
    assert b"".join(part for part, _after in seen).decode("utf-8-sig").split() == list("n012")


@pytest.fixture
def five(db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sheets, "BATCH_ROWS", 2)
    chosen = sorted(Permission.objects.values_list("pk", flat=True))[:5]
    return Permission.objects.filter(pk__in=chosen).order_by("-pk")


def cells(row: Permission) -> list[Any]:
    return [row.pk]


def test_rows_come_in_their_order_and_cost_a_question_a_batch(
    five: Any, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1 + 3):
        batches = list(sheets.batches_of(five, cells, "csv"))
    assert [len(lines) for lines in batches] == [2, 2, 1]
    written = [pk for lines in batches for [pk] in lines]
    assert written == sorted(written, reverse=True)
    assert len(written) == 5


def test_rows_that_come_or_go_meanwhile_neither_shift_nor_repeat_the_others(five: Any) -> None:
    numbers = list(five.values_list("pk", flat=True))
    batches = sheets.batches_of(five, cells, "csv")
    written = next(batches)
    Permission.objects.filter(pk=numbers[2]).delete()
    Permission.objects.filter(pk=numbers[0]).update(name="moved")
    written += [line for lines in batches for line in lines]
    assert [pk for [pk] in written] == [numbers[at] for at in (0, 1, 3, 4)]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "CSV holds the first 3 of these 5 rows: narrow the list."),
        ("zh-hans", "CSV 文件只含前 3 行，共 5 行：请缩小列表范围。"),
    ],
)
def test_a_file_that_ends_before_its_list_says_so_in_its_last_line(
    five: Any, monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    monkeypatch.setitem(sheets.MOST_ROWS, "csv", 3)
    with override(language):
        batches = sheets.batches_of(five, cells, "csv")
        lines = next(batches)
    lines += [line for later in batches for line in later]  # the answer is sent after its view
    assert len(lines) == 3 + 1
    assert lines[-1] == [words]
    monkeypatch.setitem(sheets.MOST_ROWS, "csv", 5)
    assert sum(len(lines) for lines in sheets.batches_of(five, cells, "csv")) == 5

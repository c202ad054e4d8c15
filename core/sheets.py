"""Export of lists as files for spreadsheets: CSV and XLSX, made a batch at a time."""

import csv
import io
import tempfile
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Final, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection
from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import get_language, gettext, override
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from core import clock
from core.cells import coded, plain

CSV, XLSX = "csv", "xlsx"
MOST_ROWS = {CSV: 2_000_000, XLSX: 200_000}  # a workbook takes half a minute before its first byte
BATCH_ROWS = 2_000
BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for something else

Row = TypeVar("Row", bound=Model)
Line = Sequence[Any]
Batches = Iterable[list[Line]]


def taken_now(what: str, ending: str = "csv") -> str:
    """The name of a file of `what` as it is at this minute: `stays-20260302-0900.csv`."""
    return f"{what}-{timezone.localtime(clock.now()):%Y%m%d-%H%M}.{ending}"


def cut_text(kind: str, count: int) -> str:
    """What is said, on the page and in a file's last line, where `count` rows are too many."""
    if count <= MOST_ROWS[kind]:
        return ""
    text = gettext("%(kind)s holds the first %(most)d of these %(count)d rows: narrow the list.")
    return text % {"kind": kind.upper(), "most": MOST_ROWS[kind], "count": count}


def batches_of(
    rows: QuerySet[Row], cells: Callable[[Row], Line], kind: str
) -> Iterator[list[Line]]:
    """`rows` as lines, a batch at a time; where there are too many the last line says so.

    Which rows and in which order is read at once, as numbers. So no transaction and no cursor
    waits for a slow reader: between two batches the connection is free for others.
    """
    language = get_language()
    most = MOST_ROWS[kind]
    numbers = array("q", rows.values_list("pk", flat=True)[: most + 1])
    kept = numbers[:most]
    for start in range(0, len(kept), BATCH_ROWS):
        batch = kept[start : start + BATCH_ROWS]
        with override(language):
            found = {row.pk: row for row in rows.order_by().filter(pk__in=batch)}
            lines = [cells(found[pk]) for pk in batch if pk in found]
        if not connection.in_atomic_block:
            close_old_connections()
        yield lines
    if len(numbers) > most:
        with override(language):
            yield [[cut_text(kind, rows.count())]]


# ── The two kinds ────────────────────────────────────────────────────────────────────────────
def csv_parts(head: Line, batches: Batches) -> Iterator[bytes]:
    """The lines under `head` as CSV; no cell of it is a formula."""
    yield BOM.encode()
    for lines in chain([[head]], batches):
        text = io.StringIO()
        csv.writer(text).writerows([_written(value) for value in line] for line in lines)
        yield text.getvalue().encode()


def _written(value: Any) -> str:
    """A moment in the city's time, a text that stays one."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    return coded(value) if isinstance(value, str) else plain(str(value))


def xlsx_parts(head: Line, batches: Batches) -> Iterator[bytes]:
    """The same as a workbook: sums are numbers in it, moments are moments, texts only texts.

    It is written onto disk, for a workbook can't be sent before its last row is known.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    styled: dict[tuple[int, str], Any] = {}  # a cell a column: to style one costs more than to fill

    def cell(column: int, value: Any, number_format: str) -> Any:
        if (column, number_format) not in styled:
            styled[column, number_format] = WriteOnlyCell(sheet)
            styled[column, number_format].number_format = number_format
        styled[column, number_format].value = value
        return styled[column, number_format]

    def typed(column: int, value: Any) -> Any:
        if value is None or isinstance(value, int):
            return value
        if isinstance(value, Decimal):
            return cell(column, float(value), "0.00")
        if isinstance(value, datetime):
            there = timezone.make_naive(value).replace(microsecond=0)
            return cell(column, there, "yyyy-mm-dd hh:mm:ss")
        return plain(str(value))

    for lines in chain([[head]], batches):
        for line in lines:
            sheet.append([typed(column, value) for column, value in enumerate(line)])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while part := file.read(1 << 16):
            yield part


KINDS: Final = {
    CSV: ("text/csv; charset=utf-8", csv_parts),
    XLSX: ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx_parts),
}


class File(StreamingHttpResponse):
    """A file that is sent while it is made, under a server of either kind.

    Django itself would gather all parts before an asynchronous server sends the first.
    """

    def __init__(self, name: str, kind: str, head: Line, batches: Batches) -> None:
        content_type, parts = KINDS[kind]
        super().__init__(parts(head, batches), content_type=content_type)
        self["Content-Disposition"] = f'attachment; filename="{name}"'

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self)
        while part := await sync_to_async(lambda: next(parts, b""))():
            yield part

"""Export of lists as files for spreadsheets."""

import csv
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.utils import timezone

from core import clock
from core.cells import plain

MOST_ROWS = 100_000
BOM = "\ufeff"  # without it a spreadsheet takes UTF-8 for something else

Row = TypeVar("Row", bound=Model)


def taken_now(what: str, ending: str = "csv") -> str:
    """The name of a file of `what` as it is at this minute: `stays-20260302-0900.csv`."""
    return f"{what}-{timezone.localtime(clock.now()):%Y%m%d-%H%M}.{ending}"


def csv_file(
    name: str,
    head: Sequence[str],
    rows: QuerySet[Row],
    cells: Callable[[Row], Sequence[Any]],
) -> HttpResponse:
    """The first MOST_ROWS of `rows` as CSV under `head`; no cell of it is a formula."""
    answer = HttpResponse(BOM, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(answer)
    writer.writerow(head)
    for row in rows[:MOST_ROWS].iterator(chunk_size=2000):
        writer.writerow([_cell(value) for value in cells(row)])
    return answer


def _cell(value: Any) -> str:
    """A moment in the city's time, a text that stays one."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    return plain(str(value))

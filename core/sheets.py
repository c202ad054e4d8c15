"""Lists as files that a spreadsheet opens and adds up."""

import csv
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.utils import timezone

MOST_ROWS = 100_000
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

Row = TypeVar("Row", bound=Model)


def csv_file(
    name: str,
    head: Sequence[str],
    rows: QuerySet[Row],
    cells: Callable[[Row], Sequence[Any]],
) -> HttpResponse:
    """The first MOST_ROWS of `rows` as CSV under `head`; no cell of it is a formula."""
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(answer)
    writer.writerow(head)
    for row in rows[:MOST_ROWS].iterator(chunk_size=2000):
        writer.writerow([_cell(value) for value in cells(row)])
    return answer


def _cell(value: Any) -> str:
    """A moment in the city's time; a leading ' keeps a spreadsheet from running what was typed."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    text = str(value)
    risky = text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(text)
    return f"'{text}" if risky else text

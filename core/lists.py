"""Sorting of lists by the heads of their columns (components/sort.html)."""

from collections.abc import Mapping
from typing import TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def in_order(
    rows: QuerySet[Row], asked: str, columns: Mapping[str, str], *, default: str
) -> tuple[QuerySet[Row], str]:
    """`rows` in the order that an address asks for, and that order's name for the page.

    `asked` is a key of `columns`, `-` before it turns it around; anything else is `default`. A
    column that is shown the other way round than it is stored has a `-` of its own. What is equal
    stands by number, so that no row is on two pages.
    """
    name = asked if asked.removeprefix("-") in columns else default
    turned = "-" if name.startswith("-") else ""
    column = f"{turned}{columns[name.removeprefix('-')]}".removeprefix("--")
    return rows.order_by(column, f"{turned}pk"), name

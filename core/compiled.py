"""Queries that are built once (docs/decisions/0080-half-the-work-a-stay.md).

Django builds each query anew; for one with sub-queries that is most of what it costs. What is asked
with every message is built at its first use, and from then on only given other values.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet

GIVEN: Any = object()  # stands in a query's parameters for the value that is given when it is asked


class Compiled:
    """A query of columns (`values_list`) with GIVEN among its parameters."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build

    @cached_property
    def _made(self) -> tuple[Any, str, tuple[Any, ...], dict[int, Any]]:
        compiler: Any = self._build().query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        converters = compiler.get_converters([column for column, _sql, _alias in compiler.select])
        return compiler, sql, tuple(params), converters

    def ask(self, given: Any) -> list[list[Any]]:
        """The rows for this value, which stands wherever GIVEN does."""
        compiler, sql, params, converters = self._made
        with connection.cursor() as cursor:
            cursor.execute(sql, [given if one is GIVEN else one for one in params])
            rows = cursor.fetchall()
        return list(compiler.apply_converters(rows, converters)) if converters else rows

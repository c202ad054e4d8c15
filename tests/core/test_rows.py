"""Rows stay apart where the import contracts don't look: in SQL that is written by hand."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

ROOT = Path(settings.BASE_DIR)
ROWS = ["accounts", "devices", "payments", "parking", "arrears", "recovery", "monthlycard"]
PUBLISHED = {"parking_stay", "accounts_holding"}  # views that a row keeps for the others
NAMED = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE)\s+((?:{'|'.join(ROWS)})_\w+)")


def foreign_tables(row: str, source: str) -> set[str]:
    """Tables of other rows that this source of a row names in SQL."""
    return {
        table
        for table in NAMED.findall(source)
        if not table.startswith(f"{row}_") and table not in PUBLISHED
    }


@pytest.mark.parametrize("row", ROWS)
def test_no_row_reads_another_rows_tables_by_name(row: str) -> None:
    found = {
        str(path.relative_to(ROOT)): tables
        for path in (ROOT / row).rglob("*.py")
        if "migrations" not in path.parts
        and (tables := foreign_tables(row, path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_another_rows_table_in_sql_is_found() -> None:
    assert foreign_tables("arrears", "SELECT 1 FROM parking_parkingsession s") == {
        "parking_parkingsession"
    }
    assert not foreign_tables("arrears", "SELECT 1 FROM parking_stay JOIN arrears_debt d ON true")


def test_the_published_views_stand_in_the_database(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = current_schema()")
        assert {name for (name,) in cursor.fetchall()} >= PUBLISHED

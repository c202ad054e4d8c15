"""The whole database as one small file, to try later migrations on."""

import gzip
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

APART = ("django_migrations",)  # told in the first line


class Command(BaseCommand):
    help = (
        "Write all rows of the database to FILE: a line of JSON with the migrations applied, then "
        "for each table a line of JSON and its rows as PostgreSQL's COPY writes them; gzipped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)

    @transaction.atomic
    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            applied = sorted(MigrationRecorder(connection).applied_migrations())
            with file.open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as out:
                out.write(_json(applied))
                for table in sorted(set(connection.introspection.table_names(cursor)) - {*APART}):
                    fields = connection.introspection.get_table_description(cursor, table)
                    columns = ", ".join(f'"{field.name}"' for field in fields)
                    sql = f'COPY (SELECT {columns} FROM "{table}" ORDER BY 1) TO STDOUT'
                    with cursor.copy(sql) as copy:
                        rows = b"".join(bytes(part) for part in copy)
                    head = {"table": table, "columns": columns, "rows": rows.count(b"\n")}
                    out.write(_json(head) + rows)


def _json(what: Any) -> bytes:
    return json.dumps(what).encode() + b"\n"

"""Puts a file of `save_snapshot` into an empty database: `-m tests.platform.snapshots FILE`.

The tables are made by the migrations that the file names, not by later ones; those of packages that
we have no more are made as they are named.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from typing import Any


def read(file: str) -> tuple[list[tuple[str, str]], list[tuple[dict[str, Any], bytes]]]:
    """The migrations applied, and each table's head with its rows."""
    with gzip.open(file, "rb") as lines:
        applied = [(app, name) for app, name in json.loads(next(lines))]
        return applied, list(_tables(lines))


def _tables(lines: Any) -> Iterator[tuple[dict[str, Any], bytes]]:
    for line in lines:
        head = json.loads(line)
        yield head, b"".join(next(lines) for _ in range(head["rows"]))


def restore(file: str) -> None:
    from django.db import connection, transaction
    from django.db.migrations.executor import MigrationExecutor

    applied, tables = read(file)
    executor = MigrationExecutor(connection)
    nodes = executor.loader.graph.node_map
    applied = [key for key in applied if key in nodes]
    last = [key for key in applied if not any(one.key in applied for one in nodes[key].children)]
    executor.migrate(last)
    names = [f'"{head["table"]}"' for head, _ in tables]
    made = set(connection.introspection.table_names())
    with transaction.atomic(), connection.cursor() as cursor:
        for head, _rows in tables:  # of packages that are gone: as text, whatever it was
            if head["table"] not in made:
                columns = head["columns"].replace(",", " text,")
                cursor.execute(f'CREATE TABLE "{head["table"]}" ({columns} text)')
        for name in names:  # what guards single rows and balances would refuse a table at a time
            cursor.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(names)}")
        for (head, rows), name in zip(tables, names, strict=True):
            with cursor.copy(f"COPY {name} ({head['columns']}) FROM STDIN") as copy:
                copy.write(rows)
            if head["table"] in made and head["rows"] and '"id"' in head["columns"]:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
                    f" WHERE pg_get_serial_sequence('{name}', 'id') IS NOT NULL HAVING max(id) > 0"
                )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in names:
            cursor.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")


if __name__ == "__main__":
    import django

    django.setup()
    restore(sys.argv[1])

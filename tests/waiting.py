"""Does a service wait for who works on a row? Certain: another connection holds it meanwhile.

Two at once have one right end only where the second looks after the first is through. So whoever
decides by a row locks it first. A thread that is quick enough hides a lock that is not taken; a
transaction that does not end hides nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import OperationalError, connection, models, transaction

from config.local.processes import wait_until
from tests.transactions import LOCKS, WRITES

PATIENCE_MS = 80


@contextmanager
def other_connection() -> Iterator[psycopg.Connection[Any]]:
    """A transaction of somebody else's on the test's database, which ends without a change."""
    known = connection.settings_dict
    facts = {**known["OPTIONS"], "dbname": known["NAME"], "user": known["USER"]}
    facts |= {name.lower(): known[name] for name in ("HOST", "PORT", "PASSWORD") if known[name]}
    facts = {
        name: facts[name]
        for name in ("dbname", "user", "host", "port", "password")
        if facts.get(name)
    }
    with psycopg.connect(**facts) as other:
        yield other
        other.rollback()


def until_others_wait(many: int) -> None:
    """Until so many other connections wait for a lock."""

    def waiting() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0] >= many)

    assert wait_until(waiting, timeout_s=20, every_s=0.02)


Named = tuple[str, int]  # what only one works on at a time (core/locks.py: one_at_a_time)


@contextmanager
def worked_on(row: models.Model | Named) -> Iterator[None]:
    """Another transaction works on this committed row, or on what is named."""
    with other_connection() as other:
        if isinstance(row, tuple):
            sql = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
            other.execute(sql, [f"{row[0]}:{row[1]}"])
        else:
            table, column = row._meta.db_table, row._meta.pk.column
            sql = f'SELECT 1 FROM "{table}" WHERE "{column}" = %s FOR NO KEY UPDATE'
            assert other.execute(sql, [row.pk]).fetchone()  # type: ignore[arg-type]
        yield


def at(
    row: models.Model | Named,
    act: Callable[[], object],
    *,
    known: bool = False,
    begun: bool = False,
) -> str:
    """How `act` meets a row that somebody works on: "waits", as it should, or what it does instead.

    It waits where the first statement that needs this row locks it, before `act` has read anything
    of its table or written it. `known`: it has to read the row first, to know what it is about;
    then it writes nothing at all before. `begun`: it comes to this row with other work done, by a
    row that stands before this one.
    What looks for due rows leaves it to whoever works on it, and "goes on". Whatever `act` did is
    undone.
    """
    table = f'"{row._meta.db_table}"' if isinstance(row, models.Model) else "pg_advisory"
    said: list[str] = []
    stopped: list[str] = []

    def hear(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        try:
            answer = execute(sql, params, many, context)
        except OperationalError:
            stopped.append(sql)
            raise
        said.append(sql)
        return answer

    with worked_on(row):
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE_MS}ms'")
                with connection.execute_wrapper(hear):
                    act()
                transaction.set_rollback(True)
        except Exception as error:
            if not stopped:
                return f"raises {error!r}"
    if not stopped:
        return "goes on"
    if WRITES.match(stopped[0]) or not LOCKS.search(stopped[0]):
        return f"writes without a lock: {stopped[0][:200]}"
    earlier = [sql for sql in said if table in sql]
    if any(WRITES.match(sql) for sql in (said if known and not begun else earlier)):
        return "writes first"
    return "reads first" if earlier and not (known or begun) else "waits"


def all_at(row: models.Model | Named, acts: dict[str, Callable[[], object]]) -> dict[str, str]:
    """How each of these acts meets the row; a name that ends in "*" is `known`, in "+" `begun`."""
    return {
        name: at(row, act, known=name.endswith("*"), begun=name.endswith("+"))
        for name, act in acts.items()
    }

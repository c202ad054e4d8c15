"""Databases of the simulation's own: one with the city as it begins, and a copy for each run."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import psycopg
from django.core.management import call_command
from django.db import connection
from django.db.backends.utils import CursorWrapper

_OURS = ("dbname", "user", "password", "host", "port", "sslmode")
# What is lost when the machine dies was of no use to anybody; short questions need no compiler.
_QUICK = "-c synchronous_commit=off -c jit=off -c plan_cache_mode=force_generic_plan"


class Databases:
    """Makes and drops databases beside the one that the settings name, which is never touched."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = connection.settings_dict
        self._before = self._settings["NAME"], self._settings["OPTIONS"]
        self._name = f"bowei_city_{os.getpid()}"
        self._runs = 0
        params = connection.get_connection_params()
        self._server = {name: params[name] for name in _OURS if name in params}

    @property
    def begun(self) -> str:
        return f"{self._name}_begun"

    def make(self) -> None:
        """An empty database with today's tables; the connection is on it."""
        self._do(f'CREATE DATABASE "{self.begun}"')
        self._turn_to(self.begun)
        call_command("migrate", interactive=False, verbosity=0)

    @contextmanager
    def run(self) -> Iterator[None]:
        """On a copy of the database as it is begun, which is gone afterwards."""
        self._runs += 1
        name = f"{self._name}_{self._runs}"
        connection.close()
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{self.begun}"')
        self._turn_to(name)
        try:
            with _late_begins():
                yield
        finally:
            connection.close()
            self._do(f'DROP DATABASE "{name}" WITH (FORCE)')

    def drop(self) -> None:
        """All of it is gone, and the connection is again on the database of the settings."""
        connection.close()
        self._do(f'DROP DATABASE IF EXISTS "{self.begun}" WITH (FORCE)')
        self._settings["NAME"], self._settings["OPTIONS"] = self._before

    def _turn_to(self, name: str) -> None:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        options = {key: one for key, one in self._before[1].items() if key != "pool"}
        self._settings["NAME"] = name
        self._settings["OPTIONS"] = {
            **options,
            "options": _QUICK,
            "server_side_binding": True,
            "prepare_threshold": 2,
        }

    def _do(self, sql: str) -> None:
        with psycopg.connect(**self._server, autocommit=True) as server:
            server.execute(sql)


@contextmanager
def _late_begins() -> Iterator[None]:
    """Transactions and savepoints begin with their first change, on the one connection there is.

    Two of five round trips only began and ended transactions in which nothing was changed. Nobody
    else is in this database, so what is read is the same within a transaction and before it.
    """
    connection.ensure_connection()
    line: Any = connection.connection
    line.prepared_max = None  # a run says again and again what it has said
    begin, execute = line._start_query, CursorWrapper.execute
    waiting: list[str] = []  # savepoints that nothing was changed in yet
    made: set[str] = set()
    reading = False

    def begin_late() -> Any:
        if not reading:
            yield from begin()

    def execute_noted(cursor: Any, sql: Any, values: Any = None) -> Any:
        nonlocal reading
        reading = str(sql).startswith("SELECT")
        try:
            while waiting and not reading:
                made.add(sid := waiting.pop(0))
                execute(cursor, connection.ops.savepoint_create_sql(sid))
            return execute(cursor, sql, values)
        finally:
            reading = False

    def end(how: Callable[[str], None], sid: str) -> None:
        if sid in waiting:
            del waiting[waiting.index(sid) :]
        elif sid in made:
            how(sid)

    keep, back = connection._savepoint_commit, connection._savepoint_rollback  # type: ignore[attr-defined]
    with (
        patch.object(line, "_start_query", begin_late),
        patch.object(CursorWrapper, "execute", execute_noted),
        patch.object(connection, "_savepoint", waiting.append),
        patch.object(connection, "_savepoint_commit", partial(end, keep)),
        patch.object(connection, "_savepoint_rollback", partial(end, back)),
    ):
        yield


@contextmanager
def databases() -> Iterator[Databases]:
    """A migrated database to build a city in, and copies of it."""
    found = Databases()
    try:
        found.make()
        yield found
    finally:
        found.drop()

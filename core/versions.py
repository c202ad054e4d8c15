"""Whether the data in the database fit the migrations of this Bowei, and what to say where not."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import OperationalError, connection
from django.db.backends.signals import connection_created
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.loader import MigrationLoader
from django.db.models import ForeignKey, ManyToManyField

# The commands that are there to mend it, and the one that makes databases of its own.
UNASKED = ("migrate", "makemigrations", "showmigrations", "sqlmigrate", "dbshell", "simulate_city")

Names = dict[str, set[str]]


class Fit(Enum):
    NONE = "There are no data here yet: ./bowei demo makes them, ./bowei manage migrate the tables."
    CURRENT = ""
    BEHIND = (
        "These data are of an older version: ./bowei demo or ./bowei manage migrate brings them on."
    )
    NEWER = (
        "These data are newer than this Bowei ({what}): use the newer one again, or start with "
        "./bowei demo --fresh, on a server of your own with an empty database."
    )
    STRANGE = (
        "These data are of an older version that can't be brought on ({what}): start with "
        "./bowei demo --fresh, on a server of your own with an empty database."
    )

    @property
    def can_be_brought_on(self) -> bool:
        return self in (Fit.NONE, Fit.BEHIND, Fit.CURRENT)


@dataclass(frozen=True, slots=True)
class Found:
    """How data and migrations fit; `what` is the first thing that does not."""

    fit: Fit
    what: str = ""

    @property
    def sentence(self) -> str:
        return self.fit.value.format(what=self.what)


def look() -> Found:
    """Compare the applied migrations with ours, and the tables with what those make.

    A name in the list of applied migrations says nothing of what stood in the file then; the
    tables do. Compared are columns, and the constraints and indexes that have names.
    """
    loader = MigrationLoader(connection)
    applied, known = set(loader.applied_migrations), set(loader.disk_migrations)
    known |= {key for migration in loader.disk_migrations.values() for key in migration.replaces}
    if not applied:
        return Found(Fit.NONE)
    unknown = sorted(key for key in applied - known if key[0] in loader.migrated_apps)
    if unknown:
        return Found(Fit.NEWER, ".".join(unknown[0]))
    try:
        loader.check_consistent_history(connection)
    except InconsistentMigrationHistory:
        return Found(Fit.STRANGE, "a migration lacks the one before it")
    for difference in _differences(loader):
        return Found(Fit.STRANGE, difference)
    if set(loader.graph.nodes) - applied:
        return Found(Fit.BEHIND)
    return Found(Fit.CURRENT)


def watch() -> None:
    """Look once, when this process first reaches the database; leave with the sentence, if any."""
    connection_created.connect(_look_at_first, weak=False)


def _look_at_first(**_: Any) -> None:
    connection_created.disconnect(_look_at_first)
    try:
        sentence = look().sentence
    except OperationalError:  # away again: whoever wanted it will say so
        return
    if sentence:
        raise SystemExit(f"bowei: {sentence}")


def _differences(loader: MigrationLoader) -> Iterator[str]:
    there, named = _tables(), _named()
    done = [key for key in loader.graph.nodes if key in loader.applied_migrations]
    for (app, name), model in loader.project_state(done).models.items():
        options = model.options
        if options.get("proxy") or options.get("swappable") or not options.get("managed", True):
            continue  # no table; `swappable` is Django's own user, in whose place ours stands
        table = options.get("db_table") or f"{app}_{name}"
        wanted = {
            field.db_column or (f"{key}_id" if isinstance(field, ForeignKey) else key)
            for key, field in model.fields.items()
            if not isinstance(field, ManyToManyField)
        }
        found = there.get(table, set())
        yield from (f"{table} lacks {column}" for column in sorted(wanted - found))
        yield from (f"{table} still has {column}" for column in sorted(found - wanted))
        rules = {one.name for one in (*options["constraints"], *options["indexes"])}
        yield from (f"{table} lacks {rule}" for rule in sorted(rules - named))


def _tables() -> Names:
    columns: Names = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema()"
        )
        for table, column in cursor.fetchall():
            columns.setdefault(table, set()).add(column)
    return columns


def _named() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " UNION SELECT relname FROM pg_class WHERE relkind = 'i'"
        )
        return {name for (name,) in cursor.fetchall()}

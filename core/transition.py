"""State moves by compare-and-set, with its audit entry and its event (docs/rules.md 1).

The one way in which any row of Bowei changes its state. Two writers that want the same move get
one winner, decided by PostgreSQL: a single UPDATE that names the expected state.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.sql import UpdateQuery

from core import clock, outbox
from core.errors import BadMove
from core.events import Event
from core.models import AuditEntry, StatefulModel
from core.states import States

M = TypeVar("M", bound=StatefulModel)


def transition(
    what: M | models.QuerySet[M],
    *,
    source: States | Iterable[States],
    target: States,
    actor: str,
    reason: str = "",
    event: Callable[[int], Event] | None = None,
    **facts: Any,
) -> list[int]:
    """Move a row or a set of rows from `source` to `target`; the primary keys that this call moved.

    An empty list says that another writer was first: nothing was changed, nothing is told. `facts`
    are columns set in the same UPDATE. Each moved row gets an audit entry and, with `event`, the
    outbox event that it makes of the row's key. An instance is refreshed when it moved.
    Raises BadMove for a move that the model's MOVES do not know; needs an open transaction.
    """
    instance: StatefulModel | None = None
    rows: models.QuerySet[Any]
    if isinstance(what, models.Model):
        instance = what
        rows = type(what)._base_manager.filter(pk=what.pk)
    else:
        rows = what
    model = rows.model
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("transition() needs a transaction")
    sources = [source] if isinstance(source, str) else list(dict.fromkeys(source))
    for state in sources:
        if target not in model.MOVES.get(state, set()):
            raise BadMove(f"{model.__name__}: {state} → {target}")

    entry = AuditEntry(
        at=clock.now(),
        subject=model._meta.label_lower,
        action="moved",
        to_state=target,
        actor=actor,
        reason=reason,
    )
    if instance is not None:
        moved = _move_one(instance, sources, {"state": target, **facts}, entry)
    else:
        moved = _move_set(rows, sources, {"state": target, **facts}, entry)
    if moved and event is not None:
        outbox.add(*map(event, moved))
    return moved


def _move_one(
    instance: StatefulModel, sources: Sequence[str], values: dict[str, Any], entry: AuditEntry
) -> list[int]:
    """The row and its audit entry in one statement; the instance is as the row is then."""
    fields: list[Any] = [*instance._meta.concrete_fields]
    entry.subject_id = instance.pk
    rows = type(instance)._base_manager.filter(pk=instance.pk)
    move = _statement(rows, sources, values, fields)
    if move is None:
        return []
    sql, params = move
    columns = ", ".join(f"c{number}" for number in range(len(fields)))
    noted, note = _note(entry)
    found = _found(
        rows,
        f"WITH moved ({columns}, was) AS ({sql}), noted AS ({noted}) SELECT * FROM moved",
        (*params, *note),
    )
    if not found:
        return []
    _renew(instance, fields, found[0][:-1])
    return [instance.pk]


def _note(entry: AuditEntry) -> tuple[str, tuple[Any, ...]]:
    """INSERT of the audit entry of the row in `moved`, whose old state is its `was`."""
    using = connections[DEFAULT_DB_ALIAS]
    fields = [field for field in entry._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(using.ops.quote_name(str(field.column)) for field in fields)
    told = ", ".join("was" if field.name == "from_state" else "%s" for field in fields)
    values = tuple(
        field.get_db_prep_save(field.pre_save(entry, add=True), using)
        for field in fields
        if field.name != "from_state"
    )
    table = using.ops.quote_name(entry._meta.db_table)
    return f"INSERT INTO {table} ({columns}) SELECT {told} FROM moved", values


def _move_set(
    rows: models.QuerySet[Any], sources: Sequence[str], values: dict[str, Any], entry: AuditEntry
) -> list[int]:
    """The rows in one statement, their audit entries in a second, where there are any."""
    move = _statement(rows, sources, values, [rows.model._meta.pk])
    moved = _found(rows, *move) if move is not None else []
    if moved:
        kept = {name: getattr(entry, name) for name in ("at", "subject", "action", "to_state")}
        kept |= {"actor": entry.actor, "reason": entry.reason}
        AuditEntry.objects.bulk_create(
            AuditEntry(subject_id=pk, from_state=was, **kept) for pk, was in moved
        )
    return [pk for pk, _was in moved]


def _statement(
    rows: models.QuerySet[Any], sources: Sequence[str], values: dict[str, Any], fields: list[Any]
) -> tuple[str, tuple[Any, ...]] | None:
    """UPDATE … WHERE state = source … RETURNING: `fields` of each moved row, then its old state.
    None where Django knows that there is no row.

    One statement, however many sources: of several, a locking SELECT inside it tells which it was.
    A queryset that joins or is cut would become a sub-select, whose rows PostgreSQL does not look
    at again after waiting for a lock; such a one is resolved to keys first, so that the state is
    always compared on the row itself.
    """
    if not sources:
        return None
    model, using = rows.model, rows.db
    query = rows.query
    joined = sum(count > 0 for count in query.alias_refcount.values()) > 1  # not trimmed ones
    if query.is_sliced or query.distinct or query.combinator or joined:
        keys = list(rows.values_list("pk", flat=True))
        if not keys:
            return None
        rows = model._base_manager.using(using).filter(pk__in=keys)
    quoted = connections[using].ops.quote_name
    table, key = quoted(model._meta.db_table), quoted(model._meta.pk.column)
    told = ", ".join(f"{table}.{quoted(field.column)}" for field in fields)
    # RETURNING, which Django's update() can't say: who moved is known from the statement that moved
    # them. A second question would be answered with what another writer has done meanwhile.
    try:
        if len(sources) == 1:
            sql, params = _update(rows.filter(state=sources[0]), values)
            sql, params = f"{sql} RETURNING {told}, %s::text", (*params, str(sources[0]))
        else:
            # RETURNING tells the new row only, and a plain SELECT would read the state from before
            # the wait for another writer: the old state is read under the lock. By key, so that two
            # sets that overlap don't wait for each other crosswise.
            seen = rows.filter(state__in=sources).order_by("pk").values_list("pk", "state")
            was, was_params = (
                seen.select_for_update(no_key=True).query.get_compiler(using=using).as_sql()
            )
            sql, params = _update(model._base_manager.using(using), values)
            sql = (
                f"WITH was (key, state) AS ({was}) {sql} FROM was"
                f" WHERE {table}.{key} = was.key RETURNING {told}, was.state"
            )
            params = (*was_params, *params)
    except EmptyResultSet:  # such as pk__in=[]
        return None
    return sql, params


def _found(rows: models.QuerySet[Any], sql: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _update(rows: models.QuerySet[Any], values: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    query: Any = rows.order_by().query.chain(UpdateQuery)
    query.add_update_values(values)
    sql, params = query.get_compiler(using=rows.db).as_sql()
    return sql, tuple(params)


def _renew(instance: StatefulModel, fields: list[Any], row: tuple[Any, ...]) -> None:
    """What `refresh_from_db` does, with the row that the UPDATE gave back."""
    meta, using = instance._meta, instance._state.db or DEFAULT_DB_ALIAS
    compiler: Any = type(instance)._base_manager.using(using).query.get_compiler(using=using)
    converters = compiler.get_converters([field.get_col(meta.db_table) for field in fields])
    (values,) = compiler.apply_converters([list(row)], converters)
    for field, value in zip(fields, values, strict=True):
        setattr(instance, field.attname, value)
    for relation in [*fields, *meta.related_objects]:
        if relation.is_relation and relation.is_cached(instance):
            relation.delete_cached_value(instance)
    instance._prefetched_objects_cache = {}  # type: ignore[attr-defined]

"""State moves by compare-and-set, with its audit entry and its event (docs/rules.md 1).

The one way in which any row of Bowei changes its state. Two writers that want the same move get
one winner, decided by PostgreSQL: a single UPDATE that names the expected state.
"""

from collections.abc import Callable, Iterable
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
    sources = [source] if isinstance(source, str) else list(source)
    for state in sources:
        if target not in model.MOVES.get(state, set()):
            raise BadMove(f"{model.__name__}: {state} → {target}")

    fields: list[Any] = [model._meta.pk, *(model._meta.concrete_fields if instance else ())]
    rows_told = _move(rows, list(dict.fromkeys(sources)), {"state": target, **facts}, fields)
    if not rows_told:
        return []
    moved = [(row[0], row[-1]) for row in rows_told]
    at = clock.now()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            at=at,
            subject=model._meta.label_lower,
            subject_id=pk,
            action="moved",
            from_state=state,
            to_state=target,
            actor=actor,
            reason=reason,
        )
        for pk, state in moved
    )
    if event is not None:
        outbox.add(*(event(pk) for pk, _state in moved))
    if instance is not None:
        _renew(instance, fields[1:], rows_told[0][1:-1])
    return [pk for pk, _state in moved]


def _move(
    rows: models.QuerySet[Any], sources: list[str], values: dict[str, Any], fields: list[Any]
) -> list[tuple[Any, ...]]:
    """UPDATE … WHERE state = source … RETURNING: `fields` of each moved row, then its old state.

    One statement, however many sources: of several, a locking SELECT inside it tells which it was.
    A queryset that joins or is cut would become a sub-select, whose rows PostgreSQL does not look
    at again after waiting for a lock; such a one is resolved to keys first, so that the state is
    always compared on the row itself.
    """
    if not sources:
        return []
    model, using = rows.model, rows.db
    query = rows.query
    joined = sum(count > 0 for count in query.alias_refcount.values()) > 1  # not trimmed ones
    if query.is_sliced or query.distinct or query.combinator or joined:
        keys = list(rows.values_list("pk", flat=True))
        if not keys:
            return []
        rows = model._base_manager.using(using).filter(pk__in=keys)
    quoted = connections[using].ops.quote_name
    table = quoted(model._meta.db_table)
    told = ", ".join(f"{table}.{quoted(field.column)}" for field in fields)
    # RETURNING, which Django's update() can't say: who moved is known from the statement that moved
    # them. A second question would be answered with what another writer has done meanwhile.
    try:
        if len(sources) == 1:
            sql, params = _update(rows.filter(state=sources[0]), values)
            sql, params = f"{sql} RETURNING {told}, %s", (*params, sources[0])
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
                f" WHERE {table}.{quoted(fields[0].column)} = was.key RETURNING {told}, was.state"
            )
            params = (*was_params, *params)
    except EmptyResultSet:  # such as pk__in=[]: Django knows without asking
        return []
    with connections[using].cursor() as cursor:
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

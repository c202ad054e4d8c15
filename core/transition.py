"""State moves by compare-and-set, with its audit entry and its event (DESIGN 4.1).

The one way in which any row of Bowei changes its state. Two writers that want the same move get
one winner, decided by PostgreSQL: a single UPDATE that names the expected state.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections, models, transaction
from django.db.models.sql import UpdateQuery

from core import clock, outbox
from core.errors import BadMove
from core.models import AuditEntry, StatefulModel

M = TypeVar("M", bound=StatefulModel)
Data = dict[str, Any] | Callable[[int], dict[str, Any]] | None


def transition(
    what: M | models.QuerySet[M],
    *,
    source: str | Iterable[str],
    target: str,
    actor: str,
    reason: str = "",
    event: str | None = None,
    data: Data = None,
    **facts: Any,
) -> list[int]:
    """Move a row or a set of rows from `source` to `target`; the primary keys that this call moved.

    An empty list says that another writer was first: nothing was changed, nothing is told. `facts`
    are columns set in the same UPDATE. Each moved row gets an audit entry and, where `event` names
    a topic, an outbox event with `<model>_id` and `data`. An instance is refreshed when it moved.
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

    if instance is not None:  # one row, so one state: the one we saw is most likely still it
        sources.sort(key=lambda state: state != instance.state)
    moved: list[tuple[int, str]] = []
    for state in sorted(sources, key=lambda state: state != target):  # moved rows move only once
        moved += [(pk, state) for pk in _move(rows, state, {"state": target, **facts})]
        if moved and instance is not None:
            break
    if not moved:
        return []
    name = model._meta.model_name
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
    if event:
        outbox.add_many(
            event,
            [
                {f"{name}_id": pk, **((data(pk) if callable(data) else data) or {})}
                for pk, _state in moved
            ],
        )
    if instance is not None:
        instance.refresh_from_db()
    return [pk for pk, _state in moved]


def _move(rows: models.QuerySet[Any], source: str, values: dict[str, Any]) -> list[int]:
    """UPDATE … WHERE state = source … RETURNING pk.

    A queryset that joins or is cut would become a sub-select, whose rows PostgreSQL does not look
    at again after waiting for a lock; such a one is resolved to keys first, so that the state is
    always compared on the row itself.
    """
    joined = sum(count > 0 for count in rows.query.alias_refcount.values()) > 1  # not trimmed ones
    if rows.query.is_sliced or joined or rows.query.combinator:
        keys = list(rows.values_list("pk", flat=True))
        if not keys:
            return []
        rows = rows.model._base_manager.filter(pk__in=keys)
    query = rows.filter(state=source).order_by().query.chain(UpdateQuery)
    query.add_update_values(values)  # type: ignore[attr-defined]  # an UpdateQuery since chain()
    connection = connections[rows.db]
    try:
        sql, params = query.get_compiler(using=rows.db).as_sql()
    except EmptyResultSet:  # such as pk__in=[]: Django knows without asking
        return []
    pk = connection.ops.quote_name(rows.model._meta.pk.column)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING {pk}", params)
        return [row[0] for row in cursor.fetchall()]

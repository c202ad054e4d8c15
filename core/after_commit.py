"""On-commit callbacks: the urgent ones first, the same one once."""

from collections.abc import Callable

from django.db import transaction


def first(say: Callable[[], None]) -> None:
    """Say it before all else that waits for this commit; at once outside a transaction."""
    transaction.on_commit(say)
    waiting = transaction.get_connection().run_on_commit
    if waiting:
        waiting.insert(0, waiting.pop())


def once(say: Callable[[], None]) -> None:
    """Say it after the commit, unless something equal will be said then anyway."""
    connection = transaction.get_connection()
    # What another savepoint's end could take back says nothing in our place.
    ours = {*connection.savepoint_ids, None}
    if not any(what == say and within <= ours for within, what, _ in connection.run_on_commit):
        transaction.on_commit(say)

"""Row locks in one documented order, so that two transactions never wait for each other.

order → cash shift → payout → stay → debt → blacklist entry → recovery order → card. Work over
several rows locks them in this order, rows of one table by primary key; everything else needs no
locks (core.transition).

A row is locked FOR NO KEY UPDATE everywhere (`no_key=True`): who works on it waits, and who only
adds a row that points to it does not. FOR UPDATE is for what changes or removes keys, and no row of
ours that others point to does that.
"""

from typing import TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def lock(rows: models.QuerySet[M]) -> list[M]:
    """Lock these rows until the transaction ends, by primary key; joined rows are not locked."""
    return list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def one_at_a_time(what: str, number: int) -> None:
    """Wait until no other transaction works on `what` of this number; held until this one ends.

    For long work on what hangs on a row: the row itself stays free.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{what}:{number}"]
        )


def alone(what: str, number: int) -> bool:
    """As `one_at_a_time` without waiting: False where another transaction works on it now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{what}:{number}"]
        )
        ours: bool = cursor.fetchone()[0]
    return ours

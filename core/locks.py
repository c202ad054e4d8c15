"""Row locks in one documented order, so that two transactions never wait for each other.

order → stay → debt → blacklist entry → recovery order → card. Work over several rows locks them in
this order, rows of one table by primary key; everything else needs no locks (core.transition).
"""

from typing import TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def lock(rows: models.QuerySet[M]) -> list[M]:
    """Lock these rows until the transaction ends, by primary key; joined rows are not locked."""
    return list(rows.select_for_update(of=("self",)).order_by("pk"))


def one_at_a_time(what: str, number: int) -> None:
    """Wait until no other transaction works on `what` of this number; held until this one ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{what}:{number}"]
        )

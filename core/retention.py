"""Retention: rows kept for a time are deleted in small batches; the audit trail and money stay."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from core import clock

BATCH = 400


@transaction.atomic
def forget(rows: QuerySet[Any], *, moment: str, keep_days: int) -> int:
    """Delete what of the oldest BATCH of `rows` was over `keep_days` days ago; how many rows.

    `moment` is a column of real time that grows with the key, so that the look is a few pages of
    the primary key's index however large the table is.
    """
    too_old = clock.real() - timedelta(days=keep_days)
    oldest = rows.order_by("pk").values_list("pk", moment)[:BATCH]
    keys = [pk for pk, at in oldest if at < too_old]
    if keys:
        rows.model._base_manager.filter(pk__in=keys).delete()
    return len(keys)

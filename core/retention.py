"""Retention: rows kept for a time are deleted in small batches; the audit trail and money stay.

Each night every kind of config/kept.py is gone through, batch by batch, until a run finds nothing
that is old and unneeded; the run says how many went, what was the oldest left, and what is held.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, QuerySet

from core import audit, clock, wiring
from core.calendar import CITY
from core.models import RetentionRun

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


# ── Kinds, and the proof that nothing older stays ─────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of what is kept for a time (config/kept.py lists them all).

    `rows` are all of it, `moment` the column that its time counts from, in real time where `real`.
    `unneeded` leaves out what a dispute, a debt or a question still needs; `erase` takes so many
    rows away and says how many, where deleting them is not enough.
    """

    name: str
    what: Any  # lazily translated, as `why`, `basis` and `since`
    why: Any
    basis: Any
    since: Any
    days: int
    moment: str
    rows: Callable[[], QuerySet[Any]]
    unneeded: Callable[[QuerySet[Any]], QuerySet[Any]] = lambda rows: rows
    erase: Callable[[list[Any]], None] | None = None
    real: bool = False

    @property
    def cut(self) -> datetime:
        """What began before this moment has been kept long enough."""
        return (clock.real() if self.real else clock.now()) - timedelta(days=self.days)

    def old(self) -> QuerySet[Any]:
        """What has been kept long enough, needed or not."""
        return self.rows().filter(**{f"{self.moment}__lt": self.cut})

    def due(self) -> QuerySet[Any]:
        """What goes now."""
        return self.unneeded(self.old())

    def oldest(self) -> datetime | None:
        found: datetime | None = self.rows().aggregate(at=Min(self.moment))["at"]
        return found

    @transaction.atomic
    def forget(self) -> int:
        """Take a batch away; how many rows."""
        keys = list(self.due().order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not keys:
            return 0
        if self.erase is not None:
            self.erase(keys)
        else:
            self.rows().model._base_manager.filter(pk__in=keys).delete()
        return len(keys)


def open_runs() -> int:
    """Nightly: each kind is to be looked through this night."""
    night = clock.now().astimezone(CITY).date()
    made = RetentionRun.objects.bulk_create(
        [RetentionRun(kind=kind.name, night=night) for kind in wiring.kept()],
        ignore_conflicts=True,
    )
    return len(made)


def work() -> int:
    """A sweep: a batch of each kind that this night's work has not gone through; how many rows."""
    moved = 0
    for pk in RetentionRun.objects.filter(finished_at=None).values_list("pk", flat=True):
        moved += _go_on(pk)
    return moved


@transaction.atomic
def _go_on(run_id: int) -> int:
    """One batch of one run; the run that finds nothing more ends, with its proof in the trail."""
    open_run = RetentionRun.objects.filter(pk=run_id, finished_at=None)
    run = open_run.select_for_update(skip_locked=True, no_key=True).first()
    if run is None:
        return 0
    kind = next((one for one in wiring.kept() if one.name == run.kind), None)
    removed = kind.forget() if kind else 0
    run.removed += removed
    if removed < BATCH:
        run.finished_at = clock.real()
        run.oldest_left_at = kind.oldest() if kind else None
        run.needed = kind.old().count() if kind else 0
        audit.record(
            run,
            "kept long enough",
            actor="system:core.retention",
            kind=run.kind,
            removed=run.removed,
            needed=run.needed,
            oldest_left=run.oldest_left_at.isoformat() if run.oldest_left_at else None,
        )
    run.save()
    return removed

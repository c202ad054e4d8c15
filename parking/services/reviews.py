"""The queue of questions that only a person may answer."""

from typing import Any

from django.db import IntegrityError, transaction

from core import clock, live, outbox
from core.transition import transition
from parking.events import DoubtOver
from parking.models import ParkingSession, Prepayment, ReviewItem, Sighting
from parking.states import ReviewState

Kind = ReviewItem.Kind


def open_review(
    *,
    kind: str,
    why: str,
    merchant_id: int,
    sighting: Sighting | None = None,
    stay: ParkingSession | None = None,
    prepayment: Prepayment | None = None,
) -> ReviewItem:
    """Ask a person, once: an open question about the same thing stays the one that there is.

    Which plate it is may be asked of a photograph, or of a stay that has none.
    """
    subjects: dict[Kind, dict[str, Any]] = {
        Kind.PLATE: {"sighting": sighting} if sighting else {"sighting": None, "stay": stay},
        Kind.PREPAYMENT: {"prepayment": prepayment},
        Kind.STAY: {"stay": stay},
    }
    same = subjects[Kind(kind)]
    try:
        with transaction.atomic():
            item, created = ReviewItem.objects.get_or_create(
                kind=kind,
                state=ReviewState.OPEN,
                **same,
                defaults={
                    "why": why,
                    "merchant_id": merchant_id,
                    "opened_at": clock.now(),
                    "stay": stay,
                    "sighting": sighting,
                },
            )
    except IntegrityError:  # another transaction has just asked the same
        item, created = ReviewItem.objects.get(kind=kind, state=ReviewState.OPEN, **same), False
    if created:
        live.push(f"merchant:{merchant_id}")
    return item


def drop_reviews(
    *,
    actor: str,
    stay: ParkingSession | None = None,
    prepayment: Prepayment | None = None,
    sighting: Sighting | None = None,
    kind: str | None = None,
) -> int:
    """Nobody needs the answer any more."""
    rows = ReviewItem.objects.filter(state=ReviewState.OPEN)
    if kind:
        rows = rows.filter(kind=kind)
    for name, value in (("stay", stay), ("prepayment", prepayment), ("sighting", sighting)):
        if value is not None:
            rows = rows.filter(**{name: value})
    moved = transition(rows, source=ReviewState.OPEN, target=ReviewState.DROPPED, actor=actor)
    for item in ReviewItem.objects.filter(pk__in=moved, why=ReviewItem.DOUBTED):
        tell_doubt_over(item)
    return len(moved)


def tell_doubt_over(item: ReviewItem) -> None:
    """Nobody has to look any more at a plate that was doubted: what waited for it goes on."""
    if item.why == ReviewItem.DOUBTED and item.stay_id is not None:
        outbox.add(DoubtOver(item.stay_id))

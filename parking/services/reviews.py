"""The queue of questions that only a person may answer.

A question about a stay holds everything that is asked for it (docs/rules.md L1). That one was
opened or is over is told here and nowhere else, whatever it is about.
"""

from collections.abc import Collection
from typing import Any

from django.db import IntegrityError, transaction

from core import clock, live, outbox
from core.transition import transition
from parking.events import QuestionOver, StayQuestioned
from parking.models import Berth, ParkingSession, Prepayment, ReviewItem, Sighting
from parking.states import ReviewState

Kind = ReviewItem.Kind


@transaction.atomic(savepoint=False)
def open_review(
    *,
    kind: str,
    why: str,
    merchant_id: int,
    sighting: Sighting | None = None,
    stay: ParkingSession | None = None,
    prepayment: Prepayment | None = None,
    berth: Berth | None = None,
) -> ReviewItem:
    """Ask a person, once: an open question about the same thing stays the one that there is.

    Which plate it is may be asked of a photograph, or of a stay that has none; whether a stay is
    right may be asked for several reasons, each with its own answer. What was asked for another
    reason is from then on what somebody doubts, once somebody does.
    """
    if stay is None and sighting is not None and kind != Kind.SAMPLE:
        stay = sighting.stay
    subjects: dict[Kind, dict[str, Any]] = {
        Kind.PLATE: {"sighting": sighting} if sighting else {"sighting": None, "stay": stay},
        Kind.PREPAYMENT: {"prepayment": prepayment},
        Kind.STAY: {"stay": stay, "why": why},
        Kind.BERTH: {"berth": berth},
        Kind.SAMPLE: {"sighting": sighting},
    }
    same = subjects[Kind(kind)]
    asked = {
        "why": why,
        "merchant_id": merchant_id,
        "opened_at": clock.now(),
        "stay": stay,
        "sighting": sighting,
    }
    try:
        with transaction.atomic():
            item, created = ReviewItem.objects.get_or_create(
                kind=kind, state=ReviewState.OPEN, **same, defaults=asked
            )
    except IntegrityError:  # another transaction has just asked the same
        item, created = ReviewItem.objects.get(kind=kind, state=ReviewState.OPEN, **same), False
    if why == ReviewItem.DOUBTED != item.why:
        created = bool(
            ReviewItem.objects.filter(pk=item.pk, state=ReviewState.OPEN).update(why=why)
        )
        item.refresh_from_db()
    if created:
        tell_asked(item)
        live.push(f"merchant:{merchant_id}")
    return item


@transaction.atomic(savepoint=False)
def drop_reviews(
    *,
    actor: str,
    stay: ParkingSession | None = None,
    prepayment: Prepayment | None = None,
    sighting: Sighting | None = None,
    kind: str | None = None,
    why: Collection[str] = (),
    but: Collection[int] = (),
) -> int:
    """Nobody needs the answer any more; `why` names the reasons that are meant, none means all;
    those about the photographs `but` stay."""
    rows = ReviewItem.objects.filter(state=ReviewState.OPEN)
    if kind:
        rows = rows.filter(kind=kind)
    if why:
        rows = rows.filter(why__in=why)
    if but:
        rows = rows.exclude(sighting__in=but)
    for name, value in (("stay", stay), ("prepayment", prepayment), ("sighting", sighting)):
        if value is not None:
            rows = rows.filter(**{name: value})
    moved = transition(rows, source=ReviewState.OPEN, target=ReviewState.DROPPED, actor=actor)
    if moved:
        tell_over(*ReviewItem.objects.filter(pk__in=moved))
    return len(moved)


def carry_doubts(part: ParkingSession, whole: ParkingSession) -> None:
    """What somebody doubts of a stay, they doubt of the one that it is a part of (docs/rules.md L1,
    L3). Both are locked."""
    doubts = ReviewItem.objects.filter(stay=part, state=ReviewState.OPEN, why=ReviewItem.DOUBTED)
    for item in doubts.select_related("sighting"):
        carried = open_review(
            kind=item.kind,
            why=item.why,
            merchant_id=whole.merchant_id,
            sighting=item.sighting,
            stay=whole,
        )
        if carried.pk == item.pk:  # asked of its photograph
            ReviewItem.objects.filter(pk=item.pk).update(stay=whole)
            item.refresh_from_db()
            tell_asked(item)


def tell_asked(item: ReviewItem) -> None:
    """A question is open, or open again: nothing is asked for its stay meanwhile."""
    if item.stay_id is not None:
        outbox.add(StayQuestioned(item.stay_id))


def tell_over(*items: ReviewItem) -> None:
    """Nobody has to look any more: what waited for it goes on."""
    over = sorted({item.stay_id for item in items if item.stay_id is not None})
    if over:
        outbox.add(*map(QuestionOver, over))

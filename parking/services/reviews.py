"""The queue of questions that only a person may answer."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from core import clock, live, outbox
from core.errors import Missing, Refused
from core.transition import transition
from parking.errors import ReviewDone, TooLateToUndo
from parking.events import DoubtOver
from parking.models import ParkingSession, Prepayment, ReviewItem, Sighting
from parking.states import ReviewState, StayState

UNDO_WITHIN = timedelta(minutes=10)
DOUBTED = "doubted"
Kind = ReviewItem.Kind


def open_doubts() -> QuerySet[ReviewItem]:
    """Open questions whether the plate of a stay, the outer query's, is right."""
    return ReviewItem.objects.filter(stay=OuterRef("pk"), state=ReviewState.OPEN, why=DOUBTED)


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
    for item in ReviewItem.objects.filter(pk__in=moved, why=DOUBTED):
        tell_doubt_over(item)
    return len(moved)


def tell_doubt_over(item: ReviewItem) -> None:
    """Nobody has to look any more at a plate that was doubted: what waited for it goes on."""
    if item.why == DOUBTED and item.stay_id is not None:
        outbox.add(DoubtOver(item.stay_id))


@transaction.atomic
def settle_review(
    *, item_id: int, verdict: str, actor: str, plate_text: str = "", plate_colour: str = ""
) -> ReviewItem:
    """A person has looked: `plate` (with the plate), `unreadable`, or `keep` what there is.

    The same verdict said again by the same person is one. Raises ReviewDone where somebody else was
    first, Invalid for a plate that cannot be one, Refused to keep a plate that there is not.
    """
    from parking.services import money, plates, prepay

    item = ReviewItem.objects.filter(pk=item_id).first()
    if item is None:
        raise Missing()
    if verdict == ReviewItem.Verdict.PLATE:
        plate_text, plate_colour = plates.typed(plate_text, plate_colour)
    else:
        plate_text = plate_colour = ""
    moved = transition(
        item,
        source=ReviewState.OPEN,
        target=ReviewState.SETTLED,
        actor=actor,
        verdict=verdict,
        plate_text=plate_text,
        plate_colour=plate_colour,
        settled_by=actor,
        settled_at=clock.now(),
    )
    if not moved:
        item.refresh_from_db()
        found = (item.settled_by, item.verdict, item.plate_text, item.plate_colour)
        if item.state == ReviewState.SETTLED and found == (
            actor,
            verdict,
            plate_text,
            plate_colour,
        ):
            return item
        raise ReviewDone()
    if item.kind == Kind.STAY:
        money.judge_stay(item, actor=actor)
    elif verdict == ReviewItem.Verdict.PLATE:
        plates.settle_by_person(item, actor=actor)
    elif verdict == ReviewItem.Verdict.UNREADABLE:
        plates.declare_unreadable(item, actor=actor)
    elif item.sighting is None and item.stay is not None and not item.stay.plate_text:
        raise Refused("no_plate", _("This stay has no plate that could be kept. Name one."))
    if item.kind == Kind.PREPAYMENT and item.prepayment_id:
        prepay.judge_again(item.prepayment_id, actor=actor)
    tell_doubt_over(item)
    live.push(f"merchant:{item.merchant_id}")
    return item


@transaction.atomic
def undo_review(*, item_id: int, actor: str) -> ReviewItem:
    """Take a verdict on a plate back within ten minutes. Raises TooLateToUndo.

    Only while nothing followed that reaches people: the stay is still parked or was never one.
    """
    from parking.services import plates

    item = ReviewItem.objects.filter(pk=item_id, kind=Kind.PLATE).select_related("stay").first()
    if item is None:
        raise Missing()
    if item.settled_at is None or item.settled_at < clock.now() - UNDO_WITHIN:
        raise TooLateToUndo()
    if item.stay is not None and item.stay.state != StayState.PARKED:
        raise TooLateToUndo()
    kept = item.verdict == ReviewItem.Verdict.KEEP
    moved = transition(
        item,
        source=ReviewState.SETTLED,
        target=ReviewState.OPEN,
        actor=actor,
        reason="undone",
        verdict="",
        plate_text="",
        plate_colour="",
        settled_by="",
        settled_at=None,
    )
    if not moved:
        raise ReviewDone()
    if item.sighting_id or not kept:
        plates.back_to_review(item, actor=actor)
    live.push(f"merchant:{item.merchant_id}")
    return item

"""What a person answers to a question, carried out and taken back."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.services import by_two
from core import audit, clock, live, locks, outbox, plates
from core.errors import Missing, Refused
from core.transition import transition
from core.typed import typed_plate
from parking.errors import ReviewDone, TooLateToUndo
from parking.events import PlateCorrected
from parking.models import ParkingSession, PlateReading, ReviewItem
from parking.services import accuracy, elsewhere, money, prepay, stay_rows, weights
from parking.services import plates as stay_plates
from parking.services.reviews import tell_asked, tell_over
from parking.services.stay_plates import clear_plate
from parking.states import PlateState, ReadingState, ReviewState, SightingState, StayState

UNDO_WITHIN = timedelta(minutes=10)
Kind = ReviewItem.Kind
Doubt = ParkingSession.Doubt


@by_two(
    "parking.settle_review",
    word=_("Answer a question about a plate"),
    right="parking.settle_reviewitem",
    role="settle_stay",
    subject="item_id",
    page="parking.review",
    weigh=weights.of_review,
)
@transaction.atomic
def settle_review(
    *, item_id: int, verdict: str, actor: str, plate_text: str = "", plate_colour: str = ""
) -> ReviewItem:
    """A person has looked: `plate` (with the plate), `unreadable`, or `keep` what there is.

    The same verdict said again by the same person is one. Raises ReviewDone where somebody else was
    first, Invalid for a plate that cannot be one, Refused to keep a plate that there is not.
    """
    item = ReviewItem.objects.filter(pk=item_id).first()
    if item is None:
        raise Missing()
    if verdict == ReviewItem.Verdict.PLATE:
        plate = typed_plate(plate_text, plate_colour)
        plate_text, plate_colour = plate.text, plate.colour_text
    else:
        plate_text = plate_colour = ""
    if item.stay_id is not None:  # before the question: votes close questions of a locked stay
        locks.lock(ParkingSession.objects.filter(pk=item.stay_id))
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
        _judge_stay(item, actor=actor)
    elif item.kind == Kind.BERTH:
        _judge_berth(item, actor=actor)
    elif item.kind == Kind.SAMPLE:
        _judge_sample(item, actor=actor)
    elif verdict == ReviewItem.Verdict.PLATE:
        _settle_plate_asked(item, actor=actor)
    elif verdict == ReviewItem.Verdict.UNREADABLE:
        _declare_unreadable(item, actor=actor)
    elif item.sighting is None and item.stay is not None and not item.stay.plate_text:
        raise Refused("no_plate", _("This stay has no plate that could be kept. Name one."))
    elif item.sighting is not None and item.sighting.plate_text:
        stay_plates.judge_reading(item.sighting, item.sighting.plate_text, actor=actor)
    if item.kind == Kind.PREPAYMENT and item.prepayment_id:
        prepay.judge_again(item.prepayment_id, actor=actor)
    tell_over(item)
    live.push(f"merchant:{item.merchant_id}")
    return item


@transaction.atomic
def undo_review(*, item_id: int, actor: str) -> ReviewItem:
    """Take a verdict on a plate back within ten minutes. Raises TooLateToUndo.

    Only while nothing followed that reaches people: the stay is still parked or was never one.
    """
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
        _back_to_review(item, actor=actor)
    tell_asked(item)
    live.push(f"merchant:{item.merchant_id}")
    return item


def _settle_plate_asked(item: ReviewItem, *, actor: str) -> None:
    """Carry out a verdict that names the plate."""
    plate = plates.Plate.of(item.plate_text, item.plate_colour)
    sighting = item.sighting
    if sighting is None:
        if item.stay_id:
            stay_plates.correct(item.stay_id, plate, actor=actor, why=item.why)
        return
    stay_plates.judge_reading(sighting, plate.text, actor=actor)
    if sighting.state == SightingState.SETTLED:
        if sighting.plate == plate:
            return
        if sighting.stay_id:
            stay_plates.correct(sighting.stay_id, plate, actor=actor, why=item.why)
        else:
            stay_plates.see_again(sighting, plate, actor=actor, why=item.why)
        return
    stay_plates.settle_plate(
        sighting_id=sighting.pk, plate=plate, by=actor, why="a person has looked"
    )


def _declare_unreadable(item: ReviewItem, *, actor: str) -> None:
    """Nobody can tell which plate it is: the stay is billed to nobody (docs/features.md 17).

    A plate that was doubted is no stay's any more, unless another photograph shows it.
    """
    sighting, doubted = item.sighting, item.why == ReviewItem.DOUBTED
    if sighting is not None:
        readings = PlateReading.objects.filter(sighting=sighting)
        transition(
            readings,
            source=ReadingState.REVIEW,
            target=ReadingState.UNREADABLE,
            actor=actor,
        )
        moved = transition(
            sighting,
            source=[SightingState.REVIEW, SightingState.SETTLED]
            if doubted
            else SightingState.REVIEW,
            target=SightingState.UNREADABLE,
            actor=actor,
            plate_text="",
            plate_colour="",
            confidence=None,
            settled_by=actor,
            settled_at=clock.now(),
        )
        if not moved:
            return
    stay_id = sighting.stay_id if sighting is not None else item.stay_id
    if stay_id is None:
        return
    stay = locks.lock(ParkingSession.objects.filter(pk=stay_id))[0]
    others = stay.sightings.filter(
        state__in=[SightingState.RECEIVED, SightingState.REVIEW, SightingState.SETTLED]
    )
    if doubted:
        others = others.exclude(purpose="leaving")
    if others.exists() or (stay.plate_state == PlateState.SETTLED and not doubted):
        return
    old_text, old_colour = clear_plate(stay, plate_state=PlateState.UNREADABLE, by=actor)
    if old_text:
        audit.record(stay, "plate unreadable", actor=actor)
        outbox.add(PlateCorrected(stay.pk, old_text, old_colour))
        money.leave_former_payers(stay, actor=actor)
    if stay.state == StayState.DUE:
        money.write_off(stay, actor=actor, reason="plate unreadable")


def _back_to_review(item: ReviewItem, *, actor: str) -> None:
    """Undo what a verdict on a plate did to the photograph and to its parked stay."""
    sighting = item.sighting
    if sighting is not None:
        transition(
            sighting,
            source=[SightingState.SETTLED, SightingState.UNREADABLE],
            target=SightingState.REVIEW,
            actor=actor,
            reason="undone",
            plate_text="",
            plate_colour="",
            confidence=None,
            settled_by="",
            settled_at=None,
        )
        accuracy.forget(sighting)
        readings = PlateReading.objects.filter(sighting=sighting)
        verdicts = [ReadingState.CONFIRMED, ReadingState.CORRECTED, ReadingState.UNREADABLE]
        transition(readings, source=verdicts, target=ReadingState.REVIEW, actor=actor)
    stay_id = sighting.stay_id if sighting is not None else item.stay_id
    if stay_id is None:
        return
    stay = locks.lock(ParkingSession.objects.filter(pk=stay_id))[0]
    old_text, old_colour = clear_plate(stay, plate_state=PlateState.REVIEW, by="")
    audit.record(stay, "plate verdict undone", actor=actor)
    if old_text:
        outbox.add(PlateCorrected(stay.pk, old_text, old_colour))
    stay_rows.tell_street(stay)


def _judge_berth(item: ReviewItem, *, actor: str) -> None:
    """A person has looked: no vehicle stands there. Where one does, its stay is the answer."""
    if item.verdict != ReviewItem.Verdict.KEEP:
        raise Refused("berth_verdict", _("If a vehicle stands there, begin its stay by hand."))
    assert item.berth_id is not None
    prepay.turn_away(item.berth_id, actor=actor)


def _judge_sample(item: ReviewItem, *, actor: str) -> None:
    """A person has read a photograph again without knowing what was read before.

    What differs is a question about the stay, for another look; only its answer counts.
    """
    if item.verdict == ReviewItem.Verdict.KEEP:
        raise Refused("sample_verdict", _("Say which plate you see, or that nobody can read it."))
    sighting = item.sighting
    if sighting is None or item.verdict == ReviewItem.Verdict.UNREADABLE:
        return
    if sighting.state != SightingState.SETTLED:
        return  # somebody has looked at it meanwhile
    if plates.same_vehicle(sighting.plate, item.plate):
        stay_plates.judge_reading(sighting, sighting.plate_text, actor=actor)
    else:
        stay_plates.doubt_plate(actor=actor, sighting_id=sighting.pk)


def _judge_stay(item: ReviewItem, *, actor: str) -> None:
    """A person has looked at a doubtful stay: `keep` it whole, or it stays capped."""
    if item.stay_id is None:
        return
    stay = locks.lock(ParkingSession.objects.filter(pk=item.stay_id))[0]
    if item.verdict != ReviewItem.Verdict.KEEP:
        raise Refused("stay_verdict", _("Keep this stay as it is, or cancel it on its page."))
    if item.why not in Doubt.values:  # another question than how long it stood
        audit.record(stay, "kept", actor=actor, reason=item.why)
        if item.why in elsewhere.ABOUT_PLACES:
            elsewhere.answered(stay, actor=actor)
        return
    was_capped = stay.capped_at is not None
    facts: dict[str, Any] = {"doubtful": False, "doubt": Doubt.NONE, "capped_at": None}
    if stay.state == StayState.PARKED:
        longest = timedelta(seconds=stay.section.longest_stay_s)
        facts["check_departure_at"] = clock.now() + longest
    stay_rows.save(stay, **facts)
    audit.record(stay, "kept", actor=actor, reason=item.why)
    if was_capped and stay.left_at is not None and stay.state in (StayState.DUE, StayState.SETTLED):
        money.amend(
            stay,
            left_at=stay.left_at,
            doubt=Doubt.NONE,
            actor=actor,
            reason="a person has checked the long stay",
        )

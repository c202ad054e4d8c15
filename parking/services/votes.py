"""A plate settled by what a second photograph or the owner's word adds to a reading (P2.3, P2.5).

The rule stands in parking/rules/votes.py. Voices are not rows of their own: what the reader said of
each photograph, and what was declared, is kept as it was said, and counted anew each time.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts import selectors as people
from core import audit, locks, plates
from core.errors import BoweiError
from core.transition import transition
from core.typed import typed_plate
from parking.models import ParkingSession, PlateReading, Prepayment, ReviewItem, Sighting
from parking.rules import comparison, votes
from parking.rules.votes import By, Tally, Voice
from parking.services import accuracy, prepay
from parking.services import plates as stay_plates
from parking.services.guesses import guess
from parking.services.prepay import Instruction
from parking.services.reviews import drop_reviews
from parking.states import (
    PlateState,
    PrepaymentState,
    ReadingState,
    ReviewState,
    SightingState,
    StayState,
)

log = logging.getLogger("bowei.parking")
VOTE = "system:parking.vote"
AGREED = "two voices agree"


def submit_prepayment(token: str, plate_text: str = "", plate_colour: str = "") -> Instruction:
    """Submit a draft with its plate and have it compared (P2.5), see `prepay.submit`.

    Where the plate of the vehicle is still a question, what is declared may be its answer. What is
    not confirmed was a guess, and is counted as one. Raises Invalid for a plate that is none.
    """
    draft = prepay.by_token(token)
    said = typed_plate(plate_text, plate_colour) if plate_text else draft.plate
    assert said is not None  # a draft begins with one
    with guess(berth_id=draft.berth_id, plate_text=said.text) as right:
        try:
            told = _submit(token, said)
        except BoweiError:  # nothing was compared, nothing told
            right()
            raise
        if told.outcome == "confirmed":
            right()
        return told


@transaction.atomic
def _submit(token: str, said: plates.Plate) -> Instruction:
    standing = prepay.standing_where(token)
    locks.lock(ParkingSession.objects.filter(pk=standing))  # before the draft (core/locks.py)
    told = prepay.submit(token, said)
    if standing is not None and told.outcome != "confirmed" and settle_by_votes(standing):
        return prepay.told(token)
    return told


@transaction.atomic
def settle_by_votes(stay_id: int) -> bool:
    """Count what photographs and declarations say of a stay's plate; True where that settled it.

    Never against a person: what one has said of the plate, or has been asked because somebody says
    that it is another's, stays.
    """
    stay = locks.lock(ParkingSession.objects.filter(pk=stay_id))[0]
    if not _has_several(stay) or not _may_vote(stay):
        return False
    tally = votes.count(voices_about(stay), alike=may_be_misread)
    if tally.plate is None:
        return False
    was = stay.plate
    if was is None or not plates.same_vehicle(was, tally.plate):
        if was is not None and stay.state == StayState.SETTLED:
            return False  # paid for: money moves by a person's word only
        if was is not None and not may_be_misread(was, tally.plate):
            return False
    _carry_out(stay, tally)
    return True


def voices_about(stay: ParkingSession) -> list[Voice]:
    """Who says what of this stay's plate: each photograph's candidates, and who declared it."""
    return [*_photographs(stay), *_owners(stay)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A voice for who looks: a photograph with its moment and camera, or who declared a plate."""

    plate: plates.Plate
    percent: int
    photograph: Sighting | None
    at: datetime


def said_about(stay: ParkingSession) -> list[Said]:
    """What each photograph's best reading says of a stay's plate, and what was declared, oldest
    first; two queries. Nothing where there is one voice only: it is what is asked about."""
    readings = PlateReading.objects.filter(sighting__stay=stay).exclude(text="")
    drafts = Prepayment.objects.filter(stay=stay, submitted_at__isnull=False)
    found = [
        Said(
            plate=plates.Plate.of(one.text, one.colour),
            percent=round(100 * one.candidates[0]["probability"]),
            photograph=one.sighting,
            at=one.sighting.occurred_at,
        )
        for one in readings.select_related("sighting__device")
    ]
    for draft in drafts:
        if draft.plate is not None and draft.submitted_at is not None:
            said = draft.plate
            found.append(Said(plate=said, percent=0, photograph=None, at=draft.submitted_at))
    return sorted(found, key=lambda one: one.at) if len(found) > 1 else []


def _photographs(stay: ParkingSession) -> Iterable[Voice]:
    rows = PlateReading.objects.filter(sighting__stay=stay).select_related("sighting")
    rows = rows.exclude(sighting__settled_by__startswith="user:").order_by("pk")
    stopped = accuracy.stopped_among({one.sighting.device_id for one in rows})
    for reading in rows:
        at_most = votes.UNTRUSTED if reading.sighting.device_id in stopped else 1.0
        for one in reading.candidates:
            yield Voice(
                by=By.photograph,
                voter=f"photograph:{reading.sighting.image_sha}",
                plate=plates.Plate.of(one["text"], reading.colour),
                certainty=min(one["probability"], at_most),
                eye=str(reading.sighting.device_id or ""),
            )


def _owners(stay: ParkingSession) -> Iterable[Voice]:
    rows = Prepayment.objects.filter(stay=stay, submitted_at__isnull=False)
    for draft in rows.order_by("pk"):
        for text, colour in [*draft.declared_before, (draft.plate_text, draft.plate_colour)]:
            holder = people.holder_of(text, colour)
            of_another = holder is not None and holder.pk != draft.user_id
            yield Voice(
                by=By.owner,
                voter=f"prepayment:{draft.pk}",
                plate=plates.Plate.of(text, colour),
                certainty=votes.OF_ANOTHER if of_another else votes.DECLARED,
            )


def may_be_misread(said: plates.Plate, shown: plates.Plate) -> bool:
    """Whether our reader may say the first of a vehicle that has the second."""
    from parking.vision import confusion

    measured = comparison.compare(said, shown, confusion=confusion)
    return measured.near_miss or comparison.compare(said, shown).near_miss


def _has_several(stay: ParkingSession) -> bool:
    """Whether more than one photograph or declaration may say something of this stay's plate: one
    alone never settles it."""
    readings = PlateReading.objects.filter(sighting__stay=stay).order_by()
    drafts = Prepayment.objects.filter(stay=stay, submitted_at__isnull=False).order_by()
    found = readings.values_list("pk").union(drafts.values_list("pk"), all=True)
    return len(found[:2]) > 1


def _may_vote(stay: ParkingSession) -> bool:
    if stay.state == StayState.VOID or stay.simulated:
        return False
    if stay.plate_by and not stay.plate_by.startswith("system:"):
        return False
    doubted = ReviewItem.objects.filter(stay=stay, state=ReviewState.OPEN, why=ReviewItem.DOUBTED)
    return stay.plate_state != PlateState.UNREADABLE and not doubted.exists()


def _carry_out(stay: ParkingSession, tally: Tally) -> None:
    assert tally.plate is not None
    if stay.plate_state == PlateState.SETTLED and not plates.same_vehicle(stay.plate, tally.plate):
        stay_plates.correct(
            stay.pk, tally.plate, actor=VOTE, why=AGREED, confidence=tally.certainty
        )
    else:
        for sighting in _to_settle(stay, tally.plate):
            stay_plates.settle_plate(
                sighting_id=sighting.pk,
                plate=tally.plate,
                by=VOTE,
                why=AGREED,
                confidence=tally.certainty,
            )
    _close_questions(stay, tally.plate)
    audit.record(
        stay,
        "plate agreed on",
        actor=VOTE,
        voters=sorted(tally.voters),
        certainty=round(tally.certainty, 4),
    )
    log.info("parking.plate_agreed stay=%s voters=%s", stay.pk, len(tally.voters))


def _to_settle(stay: ParkingSession, plate: plates.Plate) -> list[Sighting]:
    """Photographs that wait for a person and show this plate, or what is misread for it."""
    rows = _waiting(stay).filter(reading__isnull=False).select_related("reading")
    return [one for one in rows if any(_shows(text, plate) for text in _heard(one.reading))]


def _waiting(stay: ParkingSession) -> QuerySet[Sighting]:
    rows = Sighting.objects.filter(stay=stay, state=SightingState.REVIEW)
    return rows.exclude(purpose=Sighting.Purpose.LEAVING).order_by("occurred_at", "pk")


def _heard(reading: PlateReading) -> list[str]:
    said = [one for one in reading.candidates if one["probability"] >= votes.SPEAKS]
    return [one["text"] for one in said]


def _shows(text: str, plate: plates.Plate) -> bool:
    return text == plate.text or may_be_misread(plates.Plate(text, plate.colour), plate)


def _close_questions(stay: ParkingSession, plate: plates.Plate) -> None:
    """What the agreed plate answers is asked of nobody any more; what contradicts it still is, and
    who may have come since."""
    later = stay_plates.seen_after_a_break(stay)
    for sighting in _waiting(stay).filter(reading__isnull=False).select_related("reading"):
        if sighting.pk in later or _heard(sighting.reading):
            continue
        transition(
            sighting,
            source=SightingState.REVIEW,
            target=SightingState.UNREADABLE,
            actor=VOTE,
            reason="shows no plate, and others do",
        )
        readings = PlateReading.objects.filter(sighting=sighting)
        transition(readings, source=ReadingState.REVIEW, target=ReadingState.UNREADABLE, actor=VOTE)
        drop_reviews(sighting=sighting, kind=ReviewItem.Kind.PLATE, actor=VOTE)
    others = Sighting.objects.filter(stay=stay, state=SightingState.SETTLED)
    differing = [one for one in others if not plates.same_vehicle(one.plate, plate)]
    for sighting in differing:
        if sighting.plate is not None and may_be_misread(sighting.plate, plate):
            stay_plates.read_otherwise(sighting, plate, actor=VOTE, why=AGREED)
            drop_reviews(stay=stay, sighting=sighting, why=["readings_differ"], actor=VOTE)
    drafts = Prepayment.objects.filter(stay=stay, state=PrepaymentState.CORRECTING)
    for pk in drafts.values_list("pk", flat=True):
        if prepay.judge_again(pk, actor=VOTE):
            drop_reviews(prepayment=Prepayment(pk=pk), actor=VOTE)

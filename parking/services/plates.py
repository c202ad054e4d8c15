"""Plates of stays: readings, settled plates, corrections (P2.3, P0.1, docs/features.md 14-19).

What the reader read, what a person said and what a stay is billed under are different columns. A
plate is settled by a confident reading or by a person, by compare-and-set; a correction is a new
verdict and keeps the old reading.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.services import by_two
from core import audit, clock, live, locks, outbox, plates
from core.errors import Missing
from core.transition import transition
from core.typed import typed_plate
from parking.errors import NotReadYet
from parking.events import PlateSettled, SeenOtherwise
from parking.models import ParkingSession, PlateReading, ReviewItem, Sighting
from parking.rules.timeline import BEFORE_ARRIVAL
from parking.services import accuracy, elsewhere, stay_rows, weights
from parking.services.pictures import DIFFER
from parking.services.reviews import drop_reviews, open_review
from parking.services.stay_plates import ABOUT_THE_PLATE, Known, put_plate
from parking.states import (
    PlateState,
    ReadingState,
    ReviewState,
    SightingState,
    StayState,
)

log = logging.getLogger("bowei.parking")
READER = "system:parking.reader"
Doubt = ParkingSession.Doubt
TOLD_BY_PHOTOGRAPHS = (Doubt.SPLIT, Doubt.NEXT_ARRIVED, Doubt.GAP, Doubt.NO_DEPARTURE)
JUST_LEFT = timedelta(seconds=60)  # a camera may see the vehicle when the sensor has let it go


@transaction.atomic
def open_plate_review(*, sighting_id: int, why: str) -> bool:
    """A person must read this plate; False where it was settled meanwhile."""
    sighting = Sighting.objects.select_related("stay").get(pk=sighting_id)
    # A picture of a departure is evidence; an empty berth in it is no question.
    is_leaving = sighting.purpose == Sighting.Purpose.LEAVING
    moved = transition(
        sighting,
        source=SightingState.RECEIVED,
        target=SightingState.UNREADABLE if is_leaving else SightingState.REVIEW,
        actor=READER,
        reason=why,
        read_again_at=None,
    )
    if not moved:
        return False
    if is_leaving:
        return True
    open_review(
        kind=ReviewItem.Kind.PLATE,
        why=why,
        merchant_id=sighting.merchant_id,
        sighting=sighting,
        stay=sighting.stay,
    )
    if sighting.stay_id:
        unread = ParkingSession.objects.filter(pk=sighting.stay_id, plate_state=PlateState.UNREAD)
        unread.update(plate_state=PlateState.REVIEW)
        live.push(f"section:{sighting.section_id}", berth_id=sighting.berth_id)
        live.push(f"stay:{sighting.stay_id}")
    return True


@transaction.atomic
def settle_plate(
    *, sighting_id: int, plate: plates.Plate, by: str, why: str, confidence: float = 1.0
) -> bool:
    """This is the plate in the photograph; False where it was settled by another meanwhile (P2.3).

    The stay that the photograph belongs to takes the plate unless it has another one already: two
    evidences that differ are a question for a person, never an overwriting (docs/facts.md 6).
    Every settled sighting is told, with the terminal that saw it (P3.1, P3.3).
    """
    sighting = Sighting.objects.get(pk=sighting_id)
    stay = None
    if sighting.stay_id is not None:  # before what hangs on it, as whoever votes does
        rows = ParkingSession.objects.filter(pk=sighting.stay_id)
        stay = locks.lock(rows.select_related("berth"))[0]
    colour = plate.colour_text
    moved = transition(
        sighting,
        source=[SightingState.RECEIVED, SightingState.REVIEW, SightingState.UNREADABLE],
        target=SightingState.SETTLED,
        actor=by,
        reason=why,
        plate_text=plate.text,
        plate_colour=colour,
        confidence=confidence,
        settled_by=by,
        settled_at=clock.now(),
        read_again_at=None,
    )
    if not moved:
        return False
    drop_reviews(sighting=sighting, kind=ReviewItem.Kind.PLATE, actor=by)
    stay_id = _give_to_stay(sighting, stay, plate, by=by, confidence=confidence)
    if stay_id is None:
        elsewhere.look_at_sighting(sighting, plate)
    if sighting.stay_id is None:
        _ask_about_berth(sighting)
    _tell_settled(sighting, plate, stay_id=stay_id, confidence=confidence)
    return True


def _ask_about_berth(sighting: Sighting) -> None:
    """A vehicle was seen where nobody said that one stands: sensor or camera is wrong."""
    berth = sighting.berth
    if berth is None or sighting.purpose == Sighting.Purpose.LEAVING:
        return
    around = ParkingSession.objects.filter(
        Q(left_at=None) | Q(left_at__gte=sighting.occurred_at - JUST_LEFT),
        berth=berth,
        arrived_at__lte=sighting.occurred_at + BEFORE_ARRIVAL,
        simulated=False,
    )
    if around.exclude(state=StayState.VOID).exists():
        return
    open_review(
        kind=ReviewItem.Kind.BERTH,
        why="seen_at_free_berth",
        merchant_id=sighting.merchant_id,
        sighting=sighting,
        berth=berth,
    )


def _tell_settled(
    sighting: Sighting, plate: plates.Plate, *, stay_id: int | None, confidence: float
) -> None:
    outbox.add(
        PlateSettled(
            sighting_id=sighting.pk,
            stay_id=stay_id,
            device_id=sighting.device_id,
            section_id=sighting.section_id,
            merchant_id=sighting.merchant_id,
            plate_text=plate.text,
            plate_colour=plate.colour_text,
            confidence=confidence,
        )
    )


def _give_to_stay(
    sighting: Sighting,
    stay: ParkingSession | None,
    plate: plates.Plate,
    *,
    by: str,
    confidence: float,
) -> int | None:
    """The stay that now carries this plate; None where there is none or it carries another. It is
    that of the photograph, locked.

    What the photograph tells otherwise than the stays of its berth were told is told anew by
    `parking.seen_otherwise`, which locks the berth first.
    """
    if stay is None:
        if sighting.berth_id is not None:
            outbox.add(SeenOtherwise(sighting.pk))
        return None
    if stay.plate_state == PlateState.SETTLED and not plates.same_vehicle(stay.plate, plate):
        outbox.add(SeenOtherwise(sighting.pk))
        open_review(
            kind=ReviewItem.Kind.STAY,
            why=DIFFER,
            merchant_id=stay.merchant_id,
            stay=stay,
            sighting=sighting,
        )
        return None
    if stay.plate_state != PlateState.SETTLED:
        put_plate(stay, Known(plate=plate, by=by, confidence=confidence), tell=False)
    elif not stay.plate_colour and plate.colour is not None:
        outbox.add(SeenOtherwise(sighting.pk))
    if stay.doubt in TOLD_BY_PHOTOGRAPHS:
        outbox.add(SeenOtherwise(sighting.pk))
    return stay.pk


# ── A person's word ──────────────────────────────────────────────────────────────────────────
def read_otherwise(
    sighting: Sighting, plate: plates.Plate, *, actor: str, why: str, confidence: float = 1.0
) -> bool:
    """A settled photograph shows another plate than was read; its reading is judged by that."""
    judge_reading(sighting, plate.text, actor=actor)
    moved = transition(
        sighting,
        source=SightingState.SETTLED,
        target=SightingState.SETTLED,
        actor=actor,
        reason=why,
        plate_text=plate.text,
        plate_colour=plate.colour_text,
        confidence=confidence,
        settled_by=actor,
        settled_at=clock.now(),
    )
    return bool(moved)


def see_again(sighting: Sighting, plate: plates.Plate, *, actor: str, why: str) -> None:
    """A photograph of no stay showed another vehicle than was read: tell that one (P3.3)."""
    if read_otherwise(sighting, plate, actor=actor, why=why):
        elsewhere.look_at_sighting(sighting, plate)
        _tell_settled(sighting, plate, stay_id=None, confidence=1.0)


@transaction.atomic
def doubt_plate(
    *, actor: str, stay_id: int | None = None, sighting_id: int | None = None
) -> ReviewItem:
    """Somebody says that the plate of a stay or a photograph is not right: a person looks.

    A stay without photograph is doubted as well; who looks has its berth, its times and what was
    said about the berth. What was settled on stays until then, and the question holds what is asked
    for it. Raises Missing, NotReadYet where there is no plate to doubt.
    """
    rows = Sighting.objects.exclude(purpose="leaving").select_related("stay")
    rows = rows.filter(stay_id=stay_id) if stay_id else rows.filter(pk=sighting_id)
    sighting = rows.exclude(state=SightingState.RECEIVED).order_by("occurred_at", "pk").first()
    stay = sighting.stay if sighting else ParkingSession.objects.filter(pk=stay_id).first()
    about = sighting or stay
    if about is None and not rows.exists():
        raise Missing()
    if about is None or (
        sighting is None and stay is not None and stay.plate_state != PlateState.SETTLED
    ):
        raise NotReadYet()  # its reading would end the question before anybody has looked
    audit.record(about, "plate doubted", actor=actor)
    item = open_review(
        kind=ReviewItem.Kind.PLATE,
        why=ReviewItem.DOUBTED,
        merchant_id=about.merchant_id,
        sighting=sighting,
        stay=stay,
    )
    if stay is not None:
        stay_rows.tell_street(stay)
    return item


def judge_reading(sighting: Sighting, text: str, *, actor: str) -> None:
    reading = PlateReading.objects.filter(sighting=sighting).select_related("sighting").first()
    if reading is None:
        return
    is_right = reading.text == text
    target = ReadingState.CONFIRMED if is_right else ReadingState.CORRECTED
    if reading.state != target:
        transition(reading, source=ReadingState(reading.state), target=target, actor=actor)
    if not (is_right and actor.startswith("system:")):  # that machines agree proves nothing
        accuracy.judge(reading, right=is_right, by=actor)


@by_two(
    "parking.correct_plate",
    word=_("Correct the plate of a stay"),
    right="parking.correct_parkingsession",
    role="settle_stay",
    subject="stay_id",
    page="parking.merchant_stay",
    weigh=weights.of_plate,
)
@transaction.atomic
def correct_plate(
    *, stay_id: int, plate_text: str, plate_colour: str, actor: str, why: str
) -> ParkingSession:
    """The stay was another vehicle's: it moves to the right plate (docs/features.md 18).

    The reading stays as it was read; the verdict is kept as a settled review. What hangs on the old
    plate is told by `parking.plate_corrected`. Raises Missing, Invalid.
    """
    return correct(stay_id, typed_plate(plate_text, plate_colour), actor=actor, why=why)


def correct(
    stay_id: int, plate: plates.Plate, *, actor: str, why: str, confidence: float = 1.0
) -> ParkingSession:
    """As `correct_plate`, for a plate and with how sure it is."""
    rows = locks.lock(ParkingSession.objects.filter(pk=stay_id))
    if not rows:
        raise Missing()
    stay = rows[0]
    if stay.plate == plate:
        return stay
    was_settled = stay.plate_state == PlateState.SETTLED
    ReviewItem.objects.create(
        state=ReviewState.SETTLED,
        kind=ReviewItem.Kind.PLATE,
        why="corrected",
        merchant_id=stay.merchant_id,
        stay=stay,
        opened_at=clock.now(),
        verdict="plate",
        plate_text=plate.text,
        plate_colour=plate.colour_text,
        settled_by=actor,
        settled_at=clock.now(),
    )
    unseen = seen_after_a_break(stay)
    drop_reviews(stay=stay, kind=ReviewItem.Kind.PLATE, but=unseen, actor=actor)
    _doubt_the_same_reading(stay, unseen)
    drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=[DIFFER, *ABOUT_THE_PLATE], actor=actor)
    waiting, seen_again = [], []
    for sighting in stay.sightings.exclude(purpose="leaving").order_by("occurred_at", "pk"):
        if sighting.state == SightingState.RECEIVED:
            continue  # its reading will be compared with the stay's plate
        if sighting.pk in unseen:
            continue
        if sighting.state in (SightingState.REVIEW, SightingState.UNREADABLE):
            judge_reading(sighting, plate.text, actor=actor)
            waiting.append(sighting.pk)
            continue
        read_otherwise(sighting, plate, actor=actor, why=why, confidence=confidence)
        seen_again.append(sighting)
    said = Known(plate=plate, by=actor, confidence=confidence, said_of=stay.arrived_at)
    put_plate(stay, said, reason=why, tell=was_settled or not waiting)
    for pk in reversed(waiting):
        settle_plate(sighting_id=pk, plate=plate, by=actor, why=why, confidence=confidence)
    if was_settled and stay.state == StayState.PARKED:
        for sighting in seen_again:  # who stands there now may be listed, as the other was not
            _tell_settled(sighting, plate, stay_id=stay.pk, confidence=confidence)
    return stay


def seen_after_a_break(stay: ParkingSession) -> set[int]:
    """Photographs that were taken after the berth was left for a moment, or a vehicle was told
    there anew: they may show another one, so a word about the stay says nothing about them (L2)."""
    told = stay.berth.events.filter(ignored=False, occurred_at__gt=stay.arrived_at)
    broken_at = told.order_by("occurred_at").values_list("occurred_at", flat=True).first()
    if broken_at is None:
        return set()
    later = stay.sightings.exclude(purpose="leaving").filter(occurred_at__gt=broken_at)
    return set(later.values_list("pk", flat=True))


def _doubt_the_same_reading(stay: ParkingSession, sighting_ids: set[int]) -> None:
    """Of these photographs, a person looks at those that machines read as the plate that the stay
    had: it was wrong before the break, and accuses nobody after it until then (L1)."""
    rows = stay.sightings.filter(pk__in=sighting_ids, state=SightingState.SETTLED)
    for sighting in rows.filter(settled_by__startswith="system:").order_by("occurred_at", "pk"):
        if plates.same_vehicle(sighting.plate, stay.plate):
            open_review(
                kind=ReviewItem.Kind.PLATE,
                why=ReviewItem.DOUBTED,
                merchant_id=sighting.merchant_id,
                sighting=sighting,
                stay=stay,
            )

"""Plates of stays: readings, settled plates, corrections (P2.3, P0.1, docs/features.md 14-19).

What the reader read, what a person said and what a stay is billed under are different columns. A
plate is settled by a confident reading or by a person, by compare-and-set; a correction is a new
verdict and keeps the old reading.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from accounts import selectors as people
from core import audit, clock, live, locks, outbox, plates
from core.errors import Missing
from core.transition import transition
from core.typed import typed_plate
from parking.errors import NotReadYet
from parking.events import PlateCorrected, PlateSettled, ReadingsDiffer
from parking.models import InspectionTask, ParkingSession, PlateReading, ReviewItem, Sighting
from parking.rules.timeline import BEFORE_ARRIVAL
from parking.services import elsewhere, money, prepay, stay_rows
from parking.services.reviews import drop_reviews, open_review
from parking.states import (
    InspectionState,
    PlateState,
    ReadingState,
    ReviewState,
    SightingState,
    StayState,
)

log = logging.getLogger("bowei.parking")
READER = "system:parking.reader"
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
    if sighting.stay_id is not None:  # before what hangs on it, as whoever votes does
        locks.lock(ParkingSession.objects.filter(pk=sighting.stay_id))
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
    stay_id = _give_to_stay(sighting, plate, by=by, confidence=confidence)
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
    sighting: Sighting, plate: plates.Plate, *, by: str, confidence: float
) -> int | None:
    """The stay that now carries this plate; None where there is none or it carries another."""
    if sighting.stay_id is None:
        return None
    stay = locks.lock(ParkingSession.objects.filter(pk=sighting.stay_id))[0]
    if stay.plate_state == PlateState.SETTLED:
        if plates.same_vehicle(stay.plate, plate):
            if stay.doubt == ParkingSession.Doubt.SPLIT:
                outbox.add(ReadingsDiffer(sighting.pk))  # it was this vehicle still
            return stay.pk
        outbox.add(ReadingsDiffer(sighting.pk))
        open_review(
            kind=ReviewItem.Kind.STAY,
            why="readings_differ",
            merchant_id=stay.merchant_id,
            stay=stay,
            sighting=sighting,
        )
        return None
    put_plate(stay, plate, by=by, confidence=confidence)
    return stay.pk


def put_plate(stay: ParkingSession, plate: plates.Plate, *, by: str, confidence: float) -> None:
    """The stay has this plate from now on; what waited for it goes on. The row is locked."""
    _set_plate(stay, plate, by=by, confidence=confidence)
    audit.record(stay, "plate settled", actor=by, confidence=round(confidence, 4))
    _no_inspection(stay, by=by)
    elsewhere.look(stay)
    if plate.colour is None and len(_known_with(stay)) > 1:
        open_review(
            kind=ReviewItem.Kind.STAY, why="two_vehicles", merchant_id=stay.merchant_id, stay=stay
        )
    if stay.prepaid_fen or stay.state != StayState.PARKED:
        money.leave_former_payers(stay, actor=by)
    if stay.state == StayState.DUE:
        money.reprice(stay, actor=by, reason="the plate became known")
        if stay.state == StayState.DUE:
            money.tell_due(stay)
    prepay.judge_waiting(stay, actor=by)
    stay_rows.tell_pages(stay)
    log.info("parking.plate_settled stay=%s plate=%s", stay.pk, plate.masked)


def _known_with(stay: ParkingSession) -> set[frozenset[plates.Colour]]:
    """Which vehicles are known with this text: those that parked before or are somebody's."""
    rows = ParkingSession.objects.filter(
        plate_text=stay.plate_text, plate_state=PlateState.SETTLED
    ).exclude(plate_colour="")
    colours = {*rows.values_list("plate_colour", flat=True).distinct()}
    colours |= people.colours_held(stay.plate_text)
    return {plates.alike(plates.Colour(one)) for one in colours if one}


def _set_plate(stay: ParkingSession, plate: plates.Plate, *, by: str, confidence: float) -> None:
    facts = {
        "plate_text": plate.text,
        "plate_colour": plate.colour_text,
        "plate_state": PlateState.SETTLED,
        "plate_confidence": confidence,
        "plate_by": by,
        "plate_at": clock.now(),
    }
    ParkingSession.objects.filter(pk=stay.pk).update(**facts)
    for name, value in facts.items():
        setattr(stay, name, value)


def _no_inspection(stay: ParkingSession, *, by: str) -> None:
    open_tasks = InspectionTask.objects.filter(stay=stay)
    transition(
        open_tasks,
        source=InspectionState.OPEN,
        target=InspectionState.DONE,
        actor=by,
        done_at=clock.now(),
    )


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
    reading = PlateReading.objects.filter(sighting=sighting).first()
    if reading is None:
        return
    target = ReadingState.CONFIRMED if reading.text == text else ReadingState.CORRECTED
    if reading.state != target:
        transition(reading, source=ReadingState(reading.state), target=target, actor=actor)


def clear_plate(stay: ParkingSession, *, plate_state: str, by: str) -> tuple[str, str]:
    """The stay has no plate any more; which one it had. The row is locked."""
    had = stay.plate_text, stay.plate_colour
    facts = {
        "plate_text": "",
        "plate_colour": "",
        "plate_state": plate_state,
        "plate_confidence": None,
        "plate_by": by,
        "plate_at": None,
    }
    ParkingSession.objects.filter(pk=stay.pk).update(**facts)
    for name, value in facts.items():
        setattr(stay, name, value)
    return had


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
    old_text, old_colour = stay.plate_text, stay.plate_colour
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
    drop_reviews(stay=stay, kind=ReviewItem.Kind.PLATE, actor=actor)
    differing = ["readings_differ", "two_vehicles", *elsewhere.ABOUT_PLACES]
    drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=differing, actor=actor)
    waiting, seen_again = [], []
    for sighting in stay.sightings.exclude(purpose="leaving").order_by("occurred_at", "pk"):
        if sighting.state == SightingState.RECEIVED:
            continue  # its reading will be compared with the stay's plate
        if sighting.state in (SightingState.REVIEW, SightingState.UNREADABLE):
            judge_reading(sighting, plate.text, actor=actor)
            waiting.append(sighting.pk)
            continue
        read_otherwise(sighting, plate, actor=actor, why=why, confidence=confidence)
        seen_again.append(sighting)
    if not was_settled:
        if not waiting:
            put_plate(stay, plate, by=actor, confidence=confidence)
            outbox.add(PlateCorrected(stay.pk, old_text, old_colour))
        for pk in reversed(waiting):  # the newest one gives the stay its plate
            settle_plate(sighting_id=pk, plate=plate, by=actor, why=why, confidence=confidence)
        stay.refresh_from_db()
        return stay
    was = stay.plate
    _set_plate(stay, plate, by=actor, confidence=confidence)
    elsewhere.reconsider(was, actor=actor)
    elsewhere.look(stay)
    audit.record(stay, "plate corrected", actor=actor, reason=why)
    money.leave_former_payers(stay, actor=actor)
    if stay.state == StayState.DUE:
        money.reprice(stay, actor=actor, reason="the plate was corrected")
    outbox.add(PlateCorrected(stay.pk, old_text, old_colour))
    for pk in waiting:
        settle_plate(sighting_id=pk, plate=plate, by=actor, why=why, confidence=confidence)
    if (
        stay.state == StayState.PARKED
    ):  # who stands there now may be listed, as the other one was not
        for sighting in seen_again:
            _tell_settled(sighting, plate, stay_id=stay.pk, confidence=confidence)
    stay_rows.tell_pages(stay)
    return stay

"""The plate that a stay is billed under, and what follows when it becomes known or is another."""

import logging
from dataclasses import dataclass
from datetime import datetime

from accounts import selectors as people
from core import audit, clock, outbox, plates
from core.transition import transition
from parking.events import PlateCorrected
from parking.models import InspectionTask, ParkingSession, ReviewItem
from parking.services import elsewhere, money, prepay, stay_rows
from parking.services.reviews import drop_reviews, open_review
from parking.states import InspectionState, PlateState, StayState

log = logging.getLogger("bowei.parking")
ABOUT_THE_PLATE = ("two_vehicles", *elsewhere.ABOUT_PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A plate that a stay has, who says so and how sure; `said_of`: the moment of which a person
    said it of the stay itself, None where a photograph shows it."""

    plate: plates.Plate
    by: str
    confidence: float = 1.0
    said_of: datetime | None = None


def known(stay: ParkingSession) -> Known | None:
    """What a stay has now."""
    if stay.plate_state != PlateState.SETTLED or stay.plate is None:
        return None
    return Known(
        plate=stay.plate,
        by=stay.plate_by,
        confidence=stay.plate_confidence or 0,
        said_of=stay.plate_said_of,
    )


def put_plate(stay: ParkingSession, found: Known, *, reason: str = "", tell: bool = True) -> None:
    """The stay has this plate from now on, and what hangs on that follows. Its row is locked."""
    was = known(stay)
    left = stay.left_at is not None
    write(stay, found)
    follow(stay, was, by=found.by, left_before=left, reason=reason, tell=tell)


def clear_plate(stay: ParkingSession, *, plate_state: str, by: str) -> tuple[str, str]:
    """The stay has no plate any more; which one it had. The row is locked."""
    had = stay.plate_text, stay.plate_colour
    write(stay, None, plate_state=plate_state, by=by)
    return had


def write(
    stay: ParkingSession,
    found: Known | None,
    *,
    plate_state: str = PlateState.UNREAD,
    by: str = "",
) -> None:
    """The columns alone, on the instance and in its row, which is locked unless it is new."""
    facts = {
        "plate_text": found.plate.text if found else "",
        "plate_colour": found.plate.colour_text if found else "",
        "plate_state": PlateState.SETTLED if found else plate_state,
        "plate_confidence": found.confidence if found else None,
        "plate_by": found.by if found else by,
        "plate_at": clock.now() if found else None,
        "plate_said_of": found.said_of if found else None,
    }
    stay_rows.save(stay, **facts)


def follow(
    stay: ParkingSession,
    was: Known | None,
    *,
    by: str,
    left_before: bool,
    reason: str = "",
    tell: bool = True,
) -> None:
    """The plate of a stay is another than it `was`: what waited for it goes on, what was meant for
    the former vehicle stops. The row is locked, and its times are what they are now.

    `left_before`: it had left when the plate became known, so nobody has been asked yet. `tell`:
    say so to the other rows, unless the photograph that shows it does.
    """
    _set_questions_right(stay, was, by=by)
    if stay.plate is None:
        audit.record(stay, "plate unknown again", actor=by)
        outbox.add(_corrected(stay, was))
        stay_rows.tell_pages(stay)
        return
    if was is None:
        confidence = round(stay.plate_confidence or 0, 4)
        audit.record(stay, "plate settled", actor=by, reason=reason, confidence=confidence)
    else:
        audit.record(stay, "plate corrected", actor=by, reason=reason)
    _no_inspection(stay, by=by)
    if was is not None or stay.prepaid_fen or stay.state != StayState.PARKED:
        money.leave_former_payers(stay, actor=by)
    money.reprice(stay, actor=by, reason="the plate became known" if was is None else CORRECTED)
    if was is None and left_before and stay.state == StayState.DUE:
        money.tell_due(stay)
    if was is not None:
        money.tell_stop(stay)
    prepay.judge_waiting(stay, actor=by)
    if tell:
        outbox.add(_corrected(stay, was))
    stay_rows.tell_pages(stay)
    log.info("parking.plate_settled stay=%s plate=%s", stay.pk, stay.plate.masked)


CORRECTED = "the plate was corrected"


def _corrected(stay: ParkingSession, was: Known | None) -> PlateCorrected:
    return PlateCorrected(
        stay.pk, was.plate.text if was else "", was.plate.colour_text if was else ""
    )


def _set_questions_right(stay: ParkingSession, was: Known | None, *, by: str) -> None:
    if was is not None:
        drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=ABOUT_THE_PLATE, actor=by)
        elsewhere.reconsider(was.plate, actor=by)
    elsewhere.look(stay)
    if stay.plate is not None and stay.plate.colour is None and len(_known_with(stay)) > 1:
        open_review(
            kind=ReviewItem.Kind.STAY, why="two_vehicles", merchant_id=stay.merchant_id, stay=stay
        )


def _known_with(stay: ParkingSession) -> set[frozenset[plates.Colour]]:
    """Which vehicles are known with this text: those that parked before or are somebody's."""
    rows = ParkingSession.objects.filter(
        plate_text=stay.plate_text, plate_state=PlateState.SETTLED, simulated=False
    ).exclude(plate_colour="")
    colours = {*rows.values_list("plate_colour", flat=True).distinct()}
    colours |= people.colours_held(stay.plate_text)
    return {plates.alike(plates.Colour(one)) for one in colours if one}


def _no_inspection(stay: ParkingSession, *, by: str) -> None:
    open_tasks = InspectionTask.objects.filter(stay=stay)
    transition(
        open_tasks,
        source=InspectionState.OPEN,
        target=InspectionState.DONE,
        actor=by,
        done_at=clock.now(),
    )

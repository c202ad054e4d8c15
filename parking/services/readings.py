"""What the plate reader made of a photograph, and what follows from it (P2.3)."""

from typing import TYPE_CHECKING

from django.db import transaction

from core import clock, locks, plates
from parking.models import PlateReading, Sighting
from parking.rules.votes import SURE
from parking.services import accuracy, votes
from parking.services import plates as stay_plates
from parking.states import ReadingState, SightingState

if TYPE_CHECKING:
    from parking.vision import Candidate, Reading


@transaction.atomic
def take_reading(*, sighting_id: int, reading: "Reading") -> bool:
    """Store what the reader made of a sighting; False where another reading was first.

    A confident, possible plate is settled; anything else goes to a person (P2.3), unless another
    photograph or the owner's word makes it sure.
    """
    sighting = locks.lock(Sighting.objects.filter(pk=sighting_id))[0]
    if sighting.state != SightingState.RECEIVED:
        return False
    best = reading.best
    colour = reading.colour or ""
    sure = (
        reading.confident
        and best is not None
        and best.probability >= SURE
        and plates.check(best.text, colour or None).valid
    )
    stopped = sure and not accuracy.bills(sighting.device_id)
    sure = sure and not stopped
    PlateReading.objects.create(
        sighting=sighting,
        state=ReadingState.CONFIRMED if sure else ReadingState.REVIEW,
        text=best.text if best else "",
        colour=colour,
        colour_confidence=reading.colour_confidence,
        candidates=[
            {
                "text": one.text,
                "probability": round(one.probability, 4),
                "characters": [round(p, 4) for p in one.characters],
            }
            for one in reading.candidates
        ],
        corners=[list(point) for point in reading.corners] if reading.corners else None,
        sharpness=reading.sharpness,
        confident=reading.confident,
        why=reading.why,
        model=reading.model,
        read_at=clock.now(),
    )
    if not sure or best is None:
        why = "weak_plate" if reading.confident else reading.why
        why = "camera_stopped" if stopped else why
        stay_plates.open_plate_review(sighting_id=sighting.pk, why=why or "not_confident")
    else:
        _settle(sighting, best, colour)
    if sighting.stay_id is not None:
        votes.settle_by_votes(sighting.stay_id)
    return True


def _settle(sighting: Sighting, best: "Candidate", colour: str) -> None:
    stay_plates.settle_plate(
        sighting_id=sighting.pk,
        plate=plates.parse(best.text, colour or None),
        by=stay_plates.READER,
        why="confident",
        confidence=best.probability,
    )

"""Work for Celery. A door only: load, call a service, decide about trying again."""

import logging
from datetime import timedelta

from celery import shared_task
from django.db.models import F

from core import clock, images
from core.errors import Missing
from core.tasks import AGAIN_WITHOUT_DATABASE
from parking import services
from parking.models import Sighting
from parking.services.images import region_of
from parking.states import SightingState

log = logging.getLogger("bowei.parking")
BATCH = 200
MOST_READS = 5
READ_WAIT_S = (60, 120, 300, 900)


@shared_task(name="parking.tasks.read_plate", time_limit=60, **AGAIN_WITHOUT_DATABASE)
def read_plate(sighting_id: int) -> None:
    """Read the plate of one sighting (P2.3). Running it twice has one effect.

    Nothing is locked while the networks run; a task that dies is sent again by the sweep.
    """
    from parking.vision import HostileImage, read_image

    sighting = Sighting.objects.filter(pk=sighting_id, state=SightingState.RECEIVED).first()
    if sighting is None:
        return
    try:
        reading = read_image(images.load(sighting.image_sha), region=region_of(sighting))
    except (HostileImage, Missing) as error:
        services.open_plate_review(sighting_id=sighting_id, why=str(error.code))
        return
    services.take_reading(sighting_id=sighting_id, reading=reading)


def ask_reader(sighting_id: int) -> None:
    """Send a sighting to the vision queue; with the broker away the sweep sends it again."""
    try:
        read_plate.apply_async((sighting_id,), queue="vision")
    except Exception as error:
        log.warning("parking.reader_not_asked error=%s", type(error).__name__)


def read_again() -> int:
    """Send sightings to the reader once more whose task got lost: Celery carries work, no truth.

    After five times without an answer a person reads the plate.
    """
    late = Sighting.objects.filter(state=SightingState.RECEIVED, read_again_at__lte=clock.real())
    rows = late.order_by("read_again_at").values_list("pk", "read_attempts")
    moved = 0
    for pk, tried in list(rows[:BATCH]):
        if tried + 1 >= MOST_READS:
            moved += services.open_plate_review(sighting_id=pk, why="reader_silent")
            continue
        wait = timedelta(seconds=READ_WAIT_S[min(tried, len(READ_WAIT_S) - 1)])
        claimed = Sighting.objects.filter(
            pk=pk, state=SightingState.RECEIVED, read_attempts=tried
        ).update(read_attempts=F("read_attempts") + 1, read_again_at=clock.real() + wait)
        if claimed:
            ask_reader(pk)
            moved += 1
    return moved

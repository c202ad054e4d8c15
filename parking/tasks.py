"""Work for Celery. A door only: load, call a service, decide about trying again."""

import logging

from celery import shared_task

from core import images
from core.errors import Missing
from core.tasks import AGAIN_WITHOUT_DATABASE
from parking import services
from parking.models import Sighting
from parking.services.images import region_of
from parking.states import SightingState

log = logging.getLogger("bowei.parking")


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

"""Work for Celery. A door only: load, call a service, decide about trying again."""

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.db.models import F

from core import clock, images
from core.errors import Missing
from core.models import ShownImage
from core.tasks import AGAIN_WITHOUT_DATABASE
from parking import services
from parking.models import Sighting
from parking.services import glances
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


@shared_task(name="parking.tasks.read_glance", time_limit=60, ignore_result=True)
def read_glance(key: str) -> None:
    """Read a photograph that somebody waits beside, and forget it (parking/services/glances.py)."""
    from parking.vision import HostileImage, read_image

    photograph = glances.take(key)
    if photograph is None:
        return
    try:
        glances.tell(key, read_image(photograph))
    except HostileImage:
        glances.tell(key, None)


def ask_reader(sighting_id: int) -> None:
    """Send a sighting to the vision queue; with the broker away the sweep sends it again."""
    _send(read_plate, sighting_id)


def _send(task: Any, argument: int | str) -> None:
    try:
        task.apply_async((argument,), queue="vision")
    except Exception as error:
        log.warning("parking.reader_not_asked error=%s", type(error).__name__)


@shared_task(name="parking.tasks.hide_strangers", time_limit=60, **AGAIN_WITHOUT_DATABASE)
def hide_strangers(key: str) -> None:
    """Make a copy of a photograph that strangers may see. Running it twice has one effect."""
    from parking.vision import HostileImage, hide

    wanted = ShownImage.objects.filter(key=key, made_at=None).first()
    if wanted is None:
        return
    try:
        hidden = hide(images.load(wanted.original_id), keeps=wanted.plate_text)
    except (HostileImage, Missing) as error:
        log.warning("parking.photograph_not_covered why=%s", error.code)
        images.give_up_shown(key)
        return
    images.put_shown(key, hidden.jpeg)


def hide_again() -> int:
    """Send copies that are wanted to the vision queue, again where their task got lost."""
    wanted = ShownImage.objects.filter(made_at=None, ask_at__lte=clock.real())
    moved = 0
    for key, tried in list(wanted.order_by("ask_at").values_list("key", "tries")[:BATCH]):
        if tried >= MOST_READS:
            images.give_up_shown(key)
            continue
        wait = timedelta(seconds=READ_WAIT_S[min(tried, len(READ_WAIT_S) - 1)])
        claimed = ShownImage.objects.filter(key=key, made_at=None, tries=tried).update(
            tries=tried + 1, ask_at=clock.real() + wait
        )
        if claimed:
            _send(hide_strangers, key)
            moved += 1
    return moved


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

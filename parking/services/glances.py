"""A photograph that is read for who stands at the vehicle, and is never kept.

It lies in Valkey until the reader takes it, a few seconds; what was read, until it was asked for.
Nothing is lost with either: who waits in vain types the plate.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from core import images
from core.errors import BoweiError

LIVES_S = 20  # nobody at a car waits longer
LOOK_EVERY_S = 0.05
MOST_WAIT_S = 10.0


class ReaderBusy(BoweiError):
    status = 503

    def __init__(self) -> None:
        super().__init__("reader_busy", _("The reader has no time just now. Type the plate."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What was read: (plate, probability), best first; `sure` is the reader's own word."""

    plates: list[tuple[str, float]]
    sure: bool


def glance(photograph: bytes, *, wait_s: float = MOST_WAIT_S) -> Glance:
    """Which plates this photograph may show, as our own reader reads it; at most three.

    Waits for the reader. Raises Invalid for what is no safe photograph, ReaderBusy.
    """
    key, bare = secrets.token_urlsafe(16), images.unkept(photograph)
    try:
        cache.set(_photograph(key), bare, timeout=LIVES_S)
        _ask(key)
        until = time.monotonic() + wait_s
        while (said := cache.get(_answer(key))) is None:
            if time.monotonic() > until:
                raise ReaderBusy()
            time.sleep(LOOK_EVERY_S)
    except (RedisError, OperationalError) as error:
        raise ReaderBusy() from error
    finally:
        _forget(key)
    return Glance(plates=[(text, share) for text, share in said["plates"]], sure=said["sure"])


def _ask(key: str) -> None:
    task = "parking.tasks.read_glance"
    current_app.send_task(task, (key,), queue="vision", expires=LIVES_S, retry=False)


def take(key: str) -> bytes | None:
    """The photograph of this key, for the reader, which has it alone; None once it is over."""
    photograph: bytes | None = cache.get(_photograph(key))
    cache.delete(_photograph(key))
    return photograph


def tell(key: str, reading: Any) -> None:
    """What the reader says of it; None is a file that it can't open."""
    found = reading.candidates[:3] if reading else ()
    said = {
        "plates": [(one.text, round(one.probability, 3)) for one in found],
        "sure": bool(reading and reading.confident),
    }
    cache.set(_answer(key), said, timeout=LIVES_S)


def _forget(key: str) -> None:
    try:
        cache.delete_many([_photograph(key), _answer(key)])
    except RedisError:
        return  # it ends by itself


def _photograph(key: str) -> str:
    return f"parking.glance.{key}"


def _answer(key: str) -> str:
    return f"parking.glance.{key}.read"

"""How many bytes of photographs may be kept in a day, and that the disk keeps room for the rest."""

import contextlib
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from core import clock, sizes
from core.errors import BoweiError, TooMany


class DiskFull(BoweiError):
    status = 503

    def __init__(self) -> None:
        super().__init__("disk_full", _("There is no room for photographs now. Try again later."))


def check(*, by: str) -> None:
    """Before a photograph is kept. Raises TooMany where whoever sends it, or everybody together,
    has filled the day's quota, DiskFull where the disk is nearly full.

    Without Valkey nothing is counted: the disk remains.
    """
    folder = Path(settings.MEDIA_ROOT)
    if folder.exists() and shutil.disk_usage(folder).free < sizes.DISK_LEFT:
        raise DiskFull()
    now = localtime(clock.real())
    with contextlib.suppress(RedisError):
        for key, most in _quotas(by, now):
            if int(cache.get(key, 0)) >= most:
                raise TooMany(wait_s=_until_tomorrow_s(now))


def note(size: int, *, by: str) -> None:
    """So many bytes more were kept for them."""
    now = localtime(clock.real())
    with contextlib.suppress(RedisError):
        for key, _most in _quotas(by, now):
            cache.add(key, 0, timeout=_until_tomorrow_s(now) + 60)
            cache.incr(key, size)


def _quotas(by: str, now: datetime) -> list[tuple[str, int]]:
    """The key of each count and how much it may come to. By the real clock: disks know no other."""
    own = sizes.KEPT_OF_DEVICE if by.startswith("device:") else sizes.KEPT_OF_PERSON
    day = f"{now:%Y%m%d}"
    return [(f"core.kept.{day}.{by}", own), (f"core.kept.{day}", sizes.KEPT_OF_ALL)]


def _until_tomorrow_s(now: datetime) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return int((midnight - now).total_seconds()) + 1

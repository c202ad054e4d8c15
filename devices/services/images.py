"""Photographs that devices send before they speak of them."""

import hashlib
from datetime import timedelta

from django.core.cache import cache
from django.utils.timezone import localtime

from core import clock, images
from core.errors import TooMany
from devices.errors import HashDiffers
from devices.models import Device

MOST_BYTES_A_DAY = 2 * 1024**3  # of new photographs of one device; a busy camera sends a quarter


def keep_image(*, device: Device, sha256: str, data: bytes) -> bool:
    """Keep a photograph under its hash; whether it is new.

    Raises HashDiffers, Invalid, TooMany for a device that has filled its day's quota.
    """
    key = _key(device)
    if int(cache.get(key, 0)) >= MOST_BYTES_A_DAY:
        raise TooMany(wait_s=_until_tomorrow_s())
    if hashlib.sha256(data).hexdigest() != sha256:
        raise HashDiffers()
    if images.exists(sha256):
        return False
    images.keep(data, by=device.actor)
    cache.add(key, 0, timeout=_until_tomorrow_s() + 60)
    cache.incr(key, len(data))
    return True


def _until_tomorrow_s() -> int:
    """How long until quotas begin anew, at midnight in the city, by the real clock."""
    now = localtime(clock.real())
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return int((midnight - now).total_seconds()) + 1


def _key(device: Device) -> str:
    return f"devices.uploaded.{device.pk}.{localtime(clock.real()):%Y%m%d}"

"""Photographs that devices send before they speak of them."""

import hashlib

from core import images
from devices.errors import HashDiffers
from devices.models import Device


def keep_image(*, device: Device, sha256: str, data: bytes) -> bool:
    """Keep a photograph under its hash; whether it is new.

    Raises HashDiffers, Invalid, TooMany for a device that has filled its day's quota.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise HashDiffers()
    if images.exists(sha256):
        return False
    images.keep(data, by=device.actor)
    return True

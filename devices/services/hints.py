"""Waking the socket of a device. A hint may be lost: the rows are looked at again anyway."""

import logging

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from core import live

log = logging.getLogger("bowei.devices")


def group(device_id: int) -> str:
    return f"device.{device_id}"


def look(device_id: int) -> None:
    """After the commit, let the device's socket look at its rows. Never raises."""
    transaction.on_commit(lambda: _send(device_id))


def show(device_id: int, merchant_id: int) -> None:
    """After the commit, let the pages that show this device ask again."""
    live.push(f"device:{device_id}")
    live.push(f"merchant:{merchant_id}")


def _send(device_id: int) -> None:
    try:
        async_to_sync(get_channel_layer().group_send)(group(device_id), {"type": "look"})
    except Exception as error:
        log.warning("devices.hint_lost device=%s error=%s", device_id, type(error).__name__)

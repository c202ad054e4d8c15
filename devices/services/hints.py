"""Waking the socket of a device. A hint may be lost: the rows are looked at again anyway."""

from core import after_commit, live, wake


def group(device_id: int) -> str:
    return f"device.{device_id}"


def look(device_id: int) -> None:
    """After the commit, and before any page hears of it, let the device's socket look at its rows.

    Never raises.
    """
    after_commit.first(lambda: wake.group(group(device_id), type="look"))


def show(device_id: int, merchant_id: int) -> None:
    """After the commit, let the pages that show this device ask again."""
    live.push(f"device:{device_id}")
    live.push(f"merchant:{merchant_id}")

"""Typed declarations of who listens to a device's message; config/wiring.py holds the table."""

from collections.abc import Callable
from typing import Any, TypeVar

from devices.rules.protocol import FromDevice, Sender

M = TypeVar("M", bound=FromDevice)
Listener = Callable[[Any, Sender], dict[str, Any] | None]


def heard(
    message: type[M], *by: Callable[[M, Sender], dict[str, Any] | None]
) -> tuple[str, tuple[Listener, ...]]:
    """Who listens to this message, in order; the device gets the last answer that is not None."""
    return message.__name__, by

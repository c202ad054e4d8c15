"""How a row says that it listens to a device's message; config/wiring.py holds the table."""

from collections.abc import Callable
from typing import Any, TypeVar

from devices.rules.protocol import Message, Sender

M = TypeVar("M", bound=Message)
Listener = Callable[[Any, Sender], dict[str, Any] | None]


def hears(
    message: type[M], listener: Callable[[M, Sender], dict[str, Any] | None]
) -> tuple[str, Listener]:
    """This message goes to this listener, whose answer the device gets (None: an empty one)."""
    return message.__name__, listener

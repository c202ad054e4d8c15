"""What becomes of devices and of the commands to them."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.events import Event


@dataclass(frozen=True)
class DeviceSilent(Event):
    """Nothing was heard of a device for too long; `since_ms` is its last sign of life, in Unix
    milliseconds of business time."""

    device_id: int
    since_ms: int


@dataclass(frozen=True)
class DeviceBack(Event):
    """A silent device has spoken again."""

    device_id: int


@dataclass(frozen=True)
class CommandEnded(Event):
    """A command is over; `reference` is what whoever gave it called it by."""

    outcome: ClassVar[str]

    command_id: int
    device_id: int
    action: str
    reference: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CommandDone(CommandEnded):
    """The device has carried it out."""

    outcome = "done"


@dataclass(frozen=True)
class CommandFailed(CommandEnded):
    """The device could not; `details` say why."""

    outcome = "failed"


@dataclass(frozen=True)
class CommandExpired(CommandEnded):
    """Its time was over before the device had answered."""

    outcome = "expired"

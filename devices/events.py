"""What becomes of the commands to devices."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.events import Event


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

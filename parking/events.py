"""What happens at berths: vehicles, photographs, plates, fees."""

from dataclasses import dataclass

from core.events import Event


@dataclass(frozen=True)
class VehicleArrived(Event):
    """A vehicle stands in a berth: a stay has begun (P2.1)."""

    stay_id: int


@dataclass(frozen=True)
class VehicleLeft(Event):
    """A vehicle has just left its berth."""

    stay_id: int


@dataclass(frozen=True)
class ArrivedAgain(Event):
    """An arrival was reported though none had left for good: whose vehicle stands there now?"""

    stay_id: int


@dataclass(frozen=True)
class SeenOtherwise(Event):
    """A photograph shows what the stays of its berth were not told with: another vehicle, or the
    one that was in doubt."""

    sighting_id: int


@dataclass(frozen=True)
class StayResumed(Event):
    """A stay that had ended goes on: its vehicle had not left."""

    stay_id: int


@dataclass(frozen=True)
class ImageTaken(Event):
    """A photograph has come in (P2.3, P0.1)."""

    sighting_id: int


@dataclass(frozen=True)
class PlateSettled(Event):
    """It is known which vehicle a photograph shows; `stay_id` where it stands in a berth."""

    sighting_id: int
    stay_id: int | None
    device_id: int | None
    section_id: int | None
    merchant_id: int | None
    plate_text: str
    plate_colour: str
    confidence: float


@dataclass(frozen=True)
class PlateCorrected(Event):
    """A stay turned out to be another vehicle's than `old_text`."""

    stay_id: int
    old_text: str
    old_colour: str


@dataclass(frozen=True)
class StayQuestioned(Event):
    """A question about a stay is open: nothing is asked for it until a person has looked."""

    stay_id: int


@dataclass(frozen=True)
class QuestionOver(Event):
    """A question about a stay has been answered, or nobody needs the answer any more."""

    stay_id: int


@dataclass(frozen=True)
class CopySuspected(Event):
    """Two vehicles may carry this plate: whatever is asked for under it since then waits."""

    plate_text: str
    plate_colour: str
    since_ms: int


@dataclass(frozen=True)
class CopyOver(Event):
    """The plate is one vehicle's again, or was all along."""

    plate_text: str
    plate_colour: str
    since_ms: int


@dataclass(frozen=True)
class LeftUnpaid(Event):
    """A vehicle has left, and its fee is due."""

    stay_id: int


@dataclass(frozen=True)
class StaySettled(Event):
    """Nothing is due for a stay any more."""

    stay_id: int


@dataclass(frozen=True)
class StayVoided(Event):
    """A stay never was."""

    stay_id: int


@dataclass(frozen=True)
class StayRepriced(Event):
    """The fee of a stay that is over has changed; `why` in words."""

    stay_id: int
    was_fen: int
    due_fen: int
    why: str


@dataclass(frozen=True)
class StopKnown(Event):
    """What is known of a stay that is over is new, and by its tariff another may continue it."""

    stay_id: int


@dataclass(frozen=True)
class MoneyToReturn(Event):
    """A stay needed less than was paid for it; `key` makes the refund happen once."""

    stay_id: int
    item_id: int
    amount_fen: int
    reason: str
    key: str

"""What stands in the street as the rows know it: a simulated street that begins takes it up."""

from dataclasses import dataclass
from datetime import datetime

from devices.models import Command
from parking import selectors
from parking.models import Berth, ParkingSession, PlateReading
from parking.states import StayState
from recovery.models import RecoveryOrder
from recovery.states import RecoveryState


@dataclass(frozen=True, slots=True)
class Parked:
    """A vehicle in a berth; no plate where none was read yet."""

    berth: str
    arrived_at: datetime
    plate: str
    colour: str


@dataclass(frozen=True, slots=True)
class RaisedLock:
    """A lock that is up, or was when it was last heard: what it was told when it rose."""

    device: str
    order_code: str
    release_counter: int
    lease_s: float


def berth_path(code: str) -> str:
    """What a driver's telephone reads from the code at this berth."""
    return selectors.berth_path(code)


def vehicles() -> list[Parked]:
    """The vehicles of all open stays."""
    found = []
    for stay in ParkingSession.objects.filter(state=StayState.PARKED).select_related("berth"):
        plate, colour = stay.plate_text, stay.plate_colour
        if not plate:
            read = PlateReading.objects.filter(sighting__stay=stay).exclude(colour="").last()
            plate, colour = (read.text, read.colour) if read else ("", "")
        found.append(Parked(stay.berth.code, stay.arrived_at, plate, colour))
    return found


def raised_locks() -> list[RaisedLock]:
    """The locks that no report has brought down."""
    up = RecoveryOrder.objects.filter(
        state__in=[
            RecoveryState.RAISING,
            RecoveryState.RAISED,
            RecoveryState.PAID,
            RecoveryState.LOWERING,
        ],
        lock_position__in=["raising", "raised", "lowering"],
    )
    found = []
    for order in up.select_related("device"):
        told = Command.objects.get(pk=order.raise_command).payload
        counter, lease_s = told["release_counter"], float(told["lease_s"])
        found.append(RaisedLock(order.device.code, order.code, counter, lease_s))
    return found


def is_locked(berth_code: str) -> bool:
    """Whether a lock is up before the vehicle in this berth."""
    return Berth.objects.filter(code=berth_code, lock_up=True).exists()

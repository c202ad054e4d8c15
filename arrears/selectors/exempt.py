"""Which vehicles are never listed and never locked."""

from collections.abc import Collection

from arrears.models import ExemptVehicle
from arrears.states import ExemptionState
from core import clock, plates
from core.plates import Plate
from core.vehicles import of_vehicle


def is_registered(plate: Plate | None) -> bool:
    """Whether two persons have exempted this vehicle, and the time of that is not over."""
    rows = ExemptVehicle.objects.filter(of_vehicle(plate), state=ExemptionState.GRANTED)
    return rows.filter(until__gt=clock.now()).exists()


def exempt_by_plate(texts: Collection[str]) -> list[Plate]:
    """The vehicles with these plates' texts that the register exempts now; one query."""
    rows = ExemptVehicle.objects.filter(plate_text__in=texts, state=ExemptionState.GRANTED)
    rows = rows.filter(until__gt=clock.now())
    return [Plate.of(*one) for one in rows.values_list("plate_text", "plate_colour")]


def is_exempt(plate: Plate) -> bool:
    """Whether it is never listed and never locked: by its kind of plate, or by the register."""
    return plates.exempt(plate) or is_registered(plate)

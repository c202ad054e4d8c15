"""Stays of the past, brought in from a file: another system's, or a simulated population's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, clock, parse
from core.errors import Invalid
from core.typed import typed_plate
from parking.models import Berth, ParkingSession
from parking.services import money, prices
from parking.states import PlateState, StayState

LONGEST = timedelta(days=31)
COLUMNS = ("plate", "colour", "berth", "arrived_at", "left_at", "paid_at")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    known: int


@transaction.atomic
def import_history(
    rows: Iterable[dict[str, Any]], *, simulated: bool = True, actor: str
) -> Imported:
    """Add past stays with the delay of their payment; all or none. The same row twice is one stay.

    Columns: plate, colour, berth (code), arrived_at, left_at, paid_at (ISO 8601 with offset; empty
    where it was never paid). Each is priced by the tariff of its arrival. `simulated` marks them:
    they are never billed, and figures of money leave them out. No imported stay changes what one
    costs that we saw: it uses up no free minutes, and is no stop that is continued. Raises Invalid
    with the line.
    """
    added = known = 0
    berths: dict[str, Berth] = {}
    for line, row in enumerate(rows, start=2):
        try:
            stay, code = _stay_of(row, simulated=simulated)
            if code not in berths:
                berths[code] = Berth.objects.select_related("section").get(code=code)
        except (KeyError, ValueError, Berth.DoesNotExist, Invalid) as error:
            raise Invalid(
                "bad_history",
                _("Line %(line)s can't be understood: %(error)s"),
                line=line,
                error=str(error),
            ) from error
        if _place(stay, berths[code]):
            added += 1
        else:
            known += 1
    if berths:
        first = next(iter(berths.values()))
        audit.record(
            first.section,
            "history imported",
            actor=actor,
            added=added,
            known=known,
            simulated=simulated,
        )
    return Imported(added, known)


def _stay_of(row: dict[str, Any], *, simulated: bool) -> tuple[ParkingSession, str]:
    if not all(parse.is_text(str(value)) for value in row.values()):
        raise ValueError("it holds characters that are no text")
    plate = typed_plate(str(row["plate"]), str(row.get("colour") or ""))
    arrived_at, left_at = _time(row["arrived_at"]), _time(row["left_at"])
    paid_at = _time(row["paid_at"]) if row.get("paid_at") else None
    soon = clock.now() + timedelta(minutes=1)
    if not arrived_at <= left_at <= soon:
        raise ValueError("arrived_at, left_at and now are in the wrong order")
    if paid_at is not None and not arrived_at <= paid_at <= soon:
        raise ValueError("paid_at lies before arrived_at or after now")
    if left_at - arrived_at > LONGEST:
        raise ValueError(f"a stay of more than {LONGEST.days} days; is the year right?")
    stay = ParkingSession(
        arrived_at=arrived_at,
        left_at=left_at,
        plate_text=plate.text,
        plate_colour=plate.colour_text,
        plate_state=PlateState.SETTLED,
        plate_confidence=1.0,
        plate_by=ParkingSession.IMPORTED,
        plate_at=left_at,
        settled_at=paid_at,
        simulated=simulated,
    )
    return stay, str(row["berth"])


def _place(stay: ParkingSession, berth: Berth) -> bool:
    """Save the stay in its berth; False where it was imported before."""
    same = ParkingSession.objects.filter(
        berth=berth, arrived_at=stay.arrived_at, plate_text=stay.plate_text
    )
    if same.exists():
        return False
    stay.berth, stay.section, stay.merchant_id = berth, berth.section, berth.section.merchant_id
    stay.tariff_version = prices.version_at(berth.section.tariff_id, stay.arrived_at)
    assert stay.left_at is not None
    money.price(stay, stay.left_at)
    if stay.settled_at is not None or not stay.fee_fen:
        stay.due_fen, stay.state = 0, StayState.SETTLED
        stay.settled_at = stay.settled_at or stay.left_at
    else:
        stay.state = StayState.DUE
    stay.save()
    return True


def _time(value: Any) -> datetime:
    return parse.moment(value.isoformat() if isinstance(value, datetime) else value)

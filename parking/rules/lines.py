"""The lines of a bill: every term of a fee, with the text it is known by."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from parking.rules.spans import moment_of

LINE_TEXTS: Final = MappingProxyType(
    {
        "free": "Free time",
        "first_hour": "First hour",
        "first_period": "First period",
        "then": "Afterwards",
        "all_day": "Parking",
        "day": "Daytime",
        "night": "Night",
        "rest_day": "Day off",
        "visit": "Per visit",
        "cap_day": "Daily cap",
        "cap_vehicle": "Daily cap of the vehicle, with its other stays",
        "cap_24h": "Cap for 24 hours",
        "cap_window": "Cap for the period",
        "cap_visit": "Cap for the visit",
        "new_energy": "New-energy discount",
        "earlier_stops": "Together with the stops before, as one stay",
        "silent": "Not counted: the sensor was silent",
        "permit": "Free by a permit",
        "guessed_days": "The year's holidays were not known yet",
    }
)
"""Every `Line.text_code` with its English msgid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One term of a fee; `amount_fen` is `quantity` × `unit_price_fen`, negative for a cut."""

    text_code: str  # a key of LINE_TEXTS
    quantity: int
    unit: str  # such as "15min", "visit", "cap"; "s" for free time and "gap" for time that is not
    # billed, both counted in seconds
    unit_price_fen: int
    amount_fen: int
    starts_at: datetime
    ends_at: datetime


def sum_line(code: str, unit: str, fen: int, start: int, end: int) -> Line:
    """A term that is one sum: a cut, a discount, time without a price."""
    return Line(
        text_code=code,
        quantity=1,
        unit=unit,
        unit_price_fen=fen,
        amount_fen=fen,
        starts_at=moment_of(start),
        ends_at=moment_of(end),
    )


def joined(lines: Iterable[Line]) -> list[Line]:
    """Lines that continue each other at one price, as one."""
    found: list[Line] = []
    for line in lines:
        last = found[-1] if found else None
        if (
            last is not None
            and last.ends_at == line.starts_at
            and line.unit not in ("visit", "cap")
            and (last.text_code, last.unit, last.unit_price_fen)
            == (line.text_code, line.unit, line.unit_price_fen)
        ):
            found[-1] = Line(
                text_code=line.text_code,
                quantity=last.quantity + line.quantity,
                unit=line.unit,
                unit_price_fen=line.unit_price_fen,
                amount_fen=last.amount_fen + line.amount_fen,
                starts_at=last.starts_at,
                ends_at=line.ends_at,
            )
        else:
            found.append(line)
    return found

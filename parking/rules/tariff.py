"""A tariff as data: every question that cities settle differently is a named switch here.

`docs/pricing.md` explains the switches with a worked example; `pricing` makes fees of them.
A version is stored as JSON: `Tariff.from_json` and `Tariff.to_json` are the only door.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer

from core.calendar import DayKind
from core.money import MOST_FEN
from core.reading import Misfit, read, reader

SMALL: Final = "small"
"""The vehicle class that pays the prices as they stand."""

DEAREST_FEN: Final = 1_000_000
"""The most that one unit or visit may cost, ¥10,000.00. With these bounds not even a stay of a
hundred years costs more than an amount can hold (core.money.MOST_FEN).
"""
SHORTEST_UNIT_S: Final = 60
LONGEST_S: Final = 366 * 24 * 3600
"""The longest time that terms may name; a mistyped one could not be added to any moment."""
MOST_PERCENT: Final = 1000


class Rounding(StrEnum):
    """A part of a unit: `up` charges it whole, `down` charges complete units only."""

    up = "up"
    down = "down"


class Boundary(StrEnum):
    """A unit that runs from one window into the next.

    `split`: each window rounds its own part. `earlier_window`: the unit is charged where it began.
    `lower_rate`: the unit is charged whole at the lower of the two windows' rates.
    """

    split_ = "split"
    earlier_window = "earlier_window"
    lower_rate = "lower_rate"


class Scope(StrEnum):
    """How often something begins anew: once in a stay, each day of the city, or each window."""

    stay = "stay"
    day = "day"
    window = "window"


class FreeMode(StrEnum):
    """Free minutes once exceeded: `deducted` from a longer stay, or `lost` (charged from the
    start).
    """

    deducted = "deducted"
    lost = "lost"


class FreeRuns(StrEnum):
    """Free minutes run from `arrival`, or only within the `windows` that charge."""

    arrival = "arrival"
    windows = "windows"


class CapPer(StrEnum):
    """What a cap holds for: a day of the city, each 24 hours from arrival, one occurrence of a
    window, or the whole visit.
    """

    day = "day"
    h24 = "24h"
    window = "window"
    visit = "visit"


class CapOver(StrEnum):
    """Whose charges a cap counts together: one `stay`'s, or all stays of the vehicle on the
    `section` or with the `merchant`.
    """

    stay = "stay"
    section = "section"
    merchant = "merchant"


class Label(StrEnum):
    """What a window is called on a bill."""

    all_day = "all_day"
    day = "day"
    night = "night"
    rest_day = "rest_day"


class PermitKind(StrEnum):
    """What a permit is given for; what it gives stands under its name in `Tariff.exempt`."""

    resident = "resident"
    disabled = "disabled"
    staff = "staff"
    official = "official"
    visitor = "visitor"


ALL_DAYS: Final = frozenset(DayKind)
WORKED: Final = frozenset({DayKind.workday, DayKind.make_up})
RESTED: Final = ALL_DAYS - WORKED


class BadTariff(ValueError):
    """Terms that are no tariff. `field` is the path to what is wrong, `windows.0.start`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def _time(written: Any) -> time:
    try:
        if not _CLOCK.fullmatch(written):
            raise ValueError
        return time.fromisoformat(written)
    except (TypeError, ValueError):
        raise ValueError("must be a time such as 07:30") from None


def _end(written: Any) -> time:
    return time() if written == "24:00" else _time(written)


_CLOCK: Final = re.compile("[0-9]{2}:[0-9]{2}")
Clock = Annotated[time, BeforeValidator(_time), PlainSerializer("{:%H:%M}".format)]
EndClock = Annotated[time, BeforeValidator(_end), PlainSerializer("{:%H:%M}".format)]
Days = Annotated[frozenset[DayKind], PlainSerializer(sorted)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """A stretch of time with one price: `unit_fen` for each `unit_s`.

    `upto_s` counts from the beginning of the scope (`Tariff.first_scope`), None has no end. A
    `lump` costs `unit_fen` once, as soon as it has begun, however rounding is.
    """

    unit_fen: int
    unit_s: int = 3600
    upto_s: int | None = None
    lump: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of the day that charges, by time (`steps`) or once for a visit (`visit_fen`).

    From `start` to `end` of the city's clock on the `days` it begins on; an `end` not after
    `start` is on the next day, so equal ones are the whole day. What no window covers is free.
    """

    label: Label = Label.all_day
    start: Clock = time()
    end: EndClock = time()
    days: Days = ALL_DAYS
    steps: tuple[PriceStep, ...] = ()
    visit_fen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `fen` for each `per`; with a `window`, of that window's charges alone. `over` says
    whether other stays of the vehicle count, too: for a day of the city alone.
    """

    per: CapPer
    fen: int
    window: Label | None = None
    over: CapOver = CapOver.stay


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleClass:
    """How a class differs from small cars: prices in per cent, fen more a unit, caps in per cent.

    Per cent that leave a part of a fen are refused when the tariff is made.
    """

    percent: int = 100
    add_unit_fen: int = 0
    cap_percent: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEnergy:
    """The new-energy rule: `free_s` of a day's first stay, then `percent` of the fee.

    The free time is deducted, and replaces shorter free minutes. A part of a fen is the owner's.
    """

    free_s: int = 0
    percent: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Everything that decides a price; made from and stored as JSON (`from_json`, `to_json`)."""

    windows: tuple[Window, ...]
    rounding: Rounding = Rounding.up
    boundary: Boundary = Boundary.split_
    first_scope: Scope = Scope.stay
    visit_scope: Scope = Scope.window
    free_s: int = 0
    free_mode: FreeMode = FreeMode.lost
    free_runs: FreeRuns = FreeRuns.arrival
    free_scope: Scope = Scope.stay
    caps: tuple[Cap, ...] = ()
    classes: Mapping[str, VehicleClass] = field(default_factory=dict)
    new_energy: NewEnergy | None = None
    exempt: Mapping[str, int | None] = field(default_factory=dict)  # class → free s, None: all
    merge_gap_s: int = 0  # two stops of one vehicle on a section, less apart, are one stay
    debtors_lose_benefits: bool = False

    def __post_init__(self) -> None:
        _validate(self)

    @classmethod
    def from_json(cls, terms: Mapping[str, Any]) -> "Tariff":
        """The tariff of stored or typed `terms`; BadTariff names the field that is wrong."""
        try:
            return read(cls, terms)
        except Misfit as error:
            field, reason = next(iter(error.faults.items()))
            raise BadTariff(field or "terms", reason) from error

    @property
    def shared_over(self) -> CapOver:
        """How far other stays of the vehicle count for a cap of this tariff."""
        over = {cap.over for cap in self.caps}
        return next(
            (one for one in (CapOver.merchant, CapOver.section) if one in over), CapOver.stay
        )

    def to_json(self) -> dict[str, Any]:
        """Terms that `from_json` reads back to an equal tariff; every switch is spelt out."""
        return reader(Tariff).dump_python(self, mode="json")


# What makes terms a tariff.


def _validate(tariff: Tariff) -> None:
    """Raise BadTariff for terms that could not be priced, or would price one moment twice."""
    if not tariff.windows:
        raise BadTariff(
            "windows", "a tariff needs at least one; one without charge is a price of 0"
        )
    for at, window in enumerate(tariff.windows):
        _validate_window(window, f"windows.{at}")
    for at, window in enumerate(tariff.windows):
        for before, other in enumerate(tariff.windows[:at]):
            if _overlap(window, other):
                raise BadTariff(f"windows.{at}", f"overlaps windows.{before}")
    for name in ("free_s", "merge_gap_s"):
        _seconds(getattr(tariff, name), name)
    if tariff.free_scope is Scope.window:
        raise BadTariff("free_scope", "free minutes run once a stay or once a day")
    if tariff.free_scope is Scope.day and tariff.free_mode is FreeMode.lost and tariff.free_s:
        raise BadTariff("free_mode", "free minutes of a day can only be deducted")
    labels = {window.label for window in tariff.windows}
    for at, cap in enumerate(tariff.caps):
        _not_negative(cap.fen, f"caps.{at}.fen")
        if cap.fen > MOST_FEN:
            raise BadTariff(f"caps.{at}.fen", f"must be at most {MOST_FEN}")
        if cap.window is not None and cap.window not in labels:
            raise BadTariff(f"caps.{at}.window", f"no window is called {cap.window}")
        if cap.over is not CapOver.stay and cap.per is not CapPer.day:
            raise BadTariff(f"caps.{at}.over", "stays share a cap per day alone")
    for name, free_s in tariff.exempt.items():
        _seconds(free_s or 0, f"exempt.{name}")
    if tariff.new_energy is not None:
        _seconds(tariff.new_energy.free_s, "new_energy.free_s")
        if not 0 <= tariff.new_energy.percent <= 100:
            raise BadTariff("new_energy.percent", "must be from 0 to 100")
    for name, terms in tariff.classes.items():
        _validate_class(tariff, terms, f"classes.{name}")


def _validate_window(window: Window, path: str) -> None:
    for name in ("start", "end"):
        at = getattr(window, name)
        if at.second or at.microsecond or at.tzinfo:
            raise BadTariff(f"{path}.{name}", "must be hours and minutes of the city's clock")
    if not window.days:
        raise BadTariff(f"{path}.days", "must name at least one kind of day")
    if (window.visit_fen is None) == (not window.steps):
        raise BadTariff(
            f"{path}.steps", "charge by time (steps) or per visit (visit_fen), not both"
        )
    if window.visit_fen is not None:
        _price(window.visit_fen, f"{path}.visit_fen")
    before = 0
    for at, step in enumerate(window.steps):
        where = f"{path}.steps.{at}"
        _price(step.unit_fen, f"{where}.unit_fen")
        if step.unit_s < SHORTEST_UNIT_S:
            raise BadTariff(f"{where}.unit_s", f"must be at least {SHORTEST_UNIT_S}")
        _seconds(step.unit_s, f"{where}.unit_s")
        _seconds(step.upto_s or 0, f"{where}.upto_s")
        if (step.upto_s is None) != (at == len(window.steps) - 1):
            raise BadTariff(
                f"{where}.upto_s", "every step but the last has an end, the last has none"
            )
        if step.lump and step.upto_s is None:
            raise BadTariff(f"{where}.lump", "a lump needs an end")
        if step.upto_s is not None and step.upto_s <= before:
            raise BadTariff(f"{where}.upto_s", "must be after the step before it")
        before = step.upto_s or before


def _validate_class(tariff: Tariff, terms: VehicleClass, path: str) -> None:
    _price(terms.add_unit_fen, f"{path}.add_unit_fen")
    for name in ("percent", "cap_percent"):
        _not_negative(getattr(terms, name), f"{path}.{name}")
        if getattr(terms, name) > MOST_PERCENT:
            raise BadTariff(f"{path}.{name}", f"must be at most {MOST_PERCENT}")
    prices = [step.unit_fen for window in tariff.windows for step in window.steps]
    prices += [window.visit_fen or 0 for window in tariff.windows]
    if any(price * terms.percent % 100 for price in prices):
        raise BadTariff(f"{path}.percent", "leaves a part of a fen on a price of this tariff")
    if any(cap.fen * terms.cap_percent % 100 for cap in tariff.caps):
        raise BadTariff(f"{path}.cap_percent", "leaves a part of a fen on a cap of this tariff")


def _price(value: int, path: str) -> None:
    _not_negative(value, path)
    if value > DEAREST_FEN:
        raise BadTariff(path, f"must be at most {DEAREST_FEN} (¥10,000.00)")


def _seconds(value: int, path: str) -> None:
    _not_negative(value, path)
    if value > LONGEST_S:
        raise BadTariff(path, f"must be at most {LONGEST_S} (366 days)")


def _not_negative(value: int, path: str) -> None:
    if value < 0:
        raise BadTariff(path, "must not be negative")


def _overlap(one: Window, other: Window) -> bool:
    """Whether some moment of some day belongs to both."""
    (a, a_tail), (b, b_tail) = _minutes(one), _minutes(other)
    share_days = bool(one.days & other.days)
    return (
        (share_days and _meet(a, b))
        or _meet(a_tail, b)  # yesterday's window may run into any kind of day
        or _meet(a, b_tail)
        or (share_days and _meet(a_tail, b_tail))
    )


def _minutes(window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    """The window's minutes on its own day, and those it runs into the next."""
    start, end = minute(window.start), minute(window.end)
    return ((start, end), (0, 0)) if end > start else ((start, 24 * 60), (0, end))


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])


def minute(at: time) -> int:
    """Minutes since midnight."""
    return at.hour * 60 + at.minute

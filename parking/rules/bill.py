"""One vehicle's bill under a tariff: the walk from unit to unit, and the caps' cuts.

Moments are whole seconds since 1970 here. `pricing` is the door.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypedDict

from parking.rules.spans import DAY_S, HORIZON_S, Span, charged_s, day_end, moment_of, spans_of
from parking.rules.tariff import (
    SMALL,
    Boundary,
    CapPer,
    FreeMode,
    FreeRuns,
    Label,
    PriceStep,
    Rounding,
    Scope,
    Tariff,
    VehicleClass,
    Window,
)

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
        "cap_24h": "Cap for 24 hours",
        "cap_window": "Cap for the period",
        "cap_visit": "Cap for the visit",
        "new_energy": "New-energy discount",
    }
)
"""Every `Line.text_code` with its English msgid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One term of a fee; `amount_fen` is `quantity` × `unit_price_fen`, negative for a cut."""

    text_code: str  # a key of LINE_TEXTS
    quantity: int
    unit: str  # such as "15min", "visit", "cap"; "s" for free time, counted in seconds
    unit_price_fen: int
    amount_fen: int
    starts_at: datetime
    ends_at: datetime


class Circumstances(TypedDict, total=False):
    """What else decides a price, all optional; a small car without any history by default."""

    vehicle_class: str  # "small", or a name of `Tariff.classes`
    nev: bool  # a new-energy vehicle
    nev_free_used: bool  # an earlier stay of the day had the new-energy free time
    used_free_s: int  # free seconds that the day's earlier stays took (free_scope: day)
    paid_before_s: int  # charged seconds of an earlier stop that this one `continues`:
    paid_before_fen: int  # its first hour, free minutes and caps run on
    exempt_as: str | None  # a name of `Tariff.exempt`; one that it lacks changes nothing
    debtor: bool  # has debts that are due: see `debtors_lose_benefits`


@dataclass(frozen=True, slots=True)
class _Charge:
    code: str
    quantity: int
    unit: str
    unit_fen: int
    start: int
    end: int
    label: Label
    span_start: int

    @property
    def fen(self) -> int:
        return self.quantity * self.unit_fen


@dataclass(slots=True)
class TariffBill:
    """One vehicle's arrival under a tariff: its price for any departure."""

    tariff: Tariff
    arrived: int
    prices: VehicleClass
    free_s: int
    free_mode: FreeMode
    percent: int
    all_free: bool
    used_free_s: int
    paid_before_s: int
    paid_before_fen: int

    @classmethod
    def of(cls, tariff: Tariff, arrived: int, known: Circumstances) -> "TariffBill":
        before_s, before_fen = known.get("paid_before_s", 0), known.get("paid_before_fen", 0)
        used_free_s = known.get("used_free_s", 0)
        if min(used_free_s, before_s, before_fen) < 0:
            raise ValueError("what came before is not negative")
        name = known.get("vehicle_class", SMALL)
        prices = tariff.classes.get(name, VehicleClass() if name == SMALL else None)
        if prices is None:
            raise ValueError(f"the tariff has no vehicle class {name!r}")
        free_s, mode, percent = tariff.free_s, tariff.free_mode, 100
        if known.get("debtor") and tariff.debtors_lose_benefits:
            free_s = 0
        elif known.get("nev") and tariff.new_energy:
            percent = tariff.new_energy.percent
            if tariff.new_energy.free_s > free_s and not known.get("nev_free_used"):
                free_s, mode = tariff.new_energy.free_s, FreeMode.deducted
        exempt_s: int | None = 0
        exempt_as = known.get("exempt_as")
        if exempt_as is not None:
            exempt_s = tariff.exempt.get(exempt_as, 0)
        if exempt_s is not None and exempt_s > free_s:
            free_s, mode = exempt_s, FreeMode.deducted
        return cls(
            tariff=tariff,
            arrived=arrived,
            prices=prices,
            free_s=free_s,
            free_mode=mode,
            percent=percent,
            all_free=exempt_s is None,
            used_free_s=used_free_s,
            paid_before_s=before_s,
            paid_before_fen=before_fen,
        )

    def amount(self, left: int) -> int:
        return sum(line.amount_fen for line in self.lines(left))

    def lines(self, left: int) -> tuple[Line, ...]:
        """Charges in the order of time, each cap's cut after the last charge that it cut."""
        if self.all_free or left <= self.arrived:
            return ()
        charges = list(self._charges(left))
        placed = [((charge.start, 0), _line(charge)) for charge in charges]
        placed += self._cuts(charges, left)
        lines = _joined([line for _, line in sorted(placed, key=lambda item: item[0])])
        total = sum(line.amount_fen for line in lines)
        if self.percent < 100 and total:
            kept = total * self.percent // 100
            lines.append(_cut_line("new_energy", "discount", total - kept, self.arrived, left))
        return tuple(lines)

    def _charges(self, left: int) -> Iterator[_Charge]:
        """Walk the stay from unit to unit. What is charged for a moment depends on how far the
        stay has come, never on when it will end, except for the last, incomplete unit.

        So a fee never falls as the stay grows, and "the same price until" can be found by halving.
        """
        tariff, spans = self.tariff, spans_of(self.tariff, self.arrived, left)
        free = _Free(self, left, spans)
        if free.covers_all:
            return
        meters: dict[Label, _Meter] = {}
        visited: set[tuple[Label, int]] = set()
        at, now = 0, self.arrived
        while now < left:
            while spans[at].end <= now:
                at += 1
            span = spans[at]
            stop = min(span.end, left)
            free_until = free.take(now, stop, charged=span.window is not None)
            if free_until > now:
                if span.window is not None:
                    yield _Charge(
                        "free", free_until - now, "s", 0, now, free_until, span.window.label, 0
                    )
                now = free_until
                continue
            window = span.window
            if window is None:
                now = stop
                continue
            if window.visit_fen is not None:
                key = (window.label, _scope_key(tariff.visit_scope, now, span))
                # A night's window runs through midnight, where a price a day is due again.
                until = min(stop, day_end(now)) if tariff.visit_scope is Scope.day else stop
                if key not in visited:
                    visited.add(key)
                    price = window.visit_fen * self.prices.percent // 100
                    yield _Charge("visit", 1, "visit", price, now, until, window.label, span.start)
                now = until
                continue
            meter = meters.setdefault(window.label, _Meter(self.paid_before_s))
            meter.begin(_scope_key(tariff.first_scope, now, span))
            charge, after = self._next_units(span, meter, now, left)
            if after > span.end and tariff.boundary is Boundary.lower_rate and charge is not None:
                charge = self._at_lower_rate(charge, spans[at + 1], meters, after - now)
            if charge is not None:
                yield charge
            meter.count(after - now)  # a unit that was begun is used up whole: steps go on after it
            now = after

    def _next_units(
        self, span: Span, meter: "_Meter", now: int, left: int
    ) -> tuple[_Charge | None, int]:
        """The next units that are charged alike, and the moment after them."""
        tariff, window, stop = self.tariff, span.window, min(span.end, left)
        assert window is not None
        index, step = _step(window, meter.counted_s)
        step_end = now + (step.upto_s - meter.counted_s if step.upto_s is not None else HORIZON_S)

        def charge(quantity: int, until: int, unit_s: int = step.unit_s) -> _Charge:
            return _Charge(
                code=_code(window, index),
                quantity=quantity,
                unit=f"{unit_s // 60}min" if unit_s % 60 == 0 else f"{unit_s}s",
                unit_fen=self._unit_fen(step),
                start=now,
                end=until,
                label=window.label,
                span_start=span.start,
            )

        if step.lump:
            until = min(step_end, span.end)
            if tariff.first_scope is Scope.day:
                until = min(until, day_end(now))
            paid = meter.lump_paid(index)
            return (None if paid else charge(1, min(until, left), step_end - now)), until
        begun_before = min(step_end, self._bucket_end(now))
        units = min((stop - now) // step.unit_s, -(-(begun_before - now) // step.unit_s))
        if units:
            return charge(units, now + units * step.unit_s), now + units * step.unit_s
        unit_end = now + step.unit_s
        if unit_end > span.end and tariff.boundary is Boundary.split_:
            whole = tariff.rounding is Rounding.up
            return (charge(1, stop) if whole else None), stop
        if unit_end > left and tariff.rounding is Rounding.down:
            return None, left
        return charge(1, min(unit_end, left)), unit_end

    def _unit_fen(self, step: PriceStep) -> int:
        return step.unit_fen * self.prices.percent // 100 + self.prices.add_unit_fen

    def _at_lower_rate(
        self, charge: _Charge, following: Span, meters: dict[Label, "_Meter"], length_s: int
    ) -> _Charge:
        """A unit that runs into the next window, at that window's rate if it is lower."""
        window = following.window
        if window is None:
            return replace(charge, unit_fen=0)
        if window.visit_fen is not None:
            return charge  # a price per visit is no rate
        meter = meters.get(window.label)
        anew = meter is None or self.tariff.first_scope is Scope.window
        _, step = _step(window, 0 if anew or meter is None else meter.counted_s)
        there = -(-length_s // step.unit_s) * self._unit_fen(step)
        return replace(charge, unit_fen=min(charge.unit_fen, there))

    def _bucket_end(self, now: int) -> int:
        """Until when units begin in the same bucket of every cap, and in the same scope."""
        ends = [now + HORIZON_S]
        if self.tariff.first_scope is Scope.day or self._has(CapPer.day):
            ends.append(day_end(now))
        if self._has(CapPer.h24):
            ends.append(self.arrived + ((now - self.arrived) // DAY_S + 1) * DAY_S)
        return min(ends)

    def _has(self, per: CapPer) -> bool:
        return any(cap.per is per for cap in self.tariff.caps)

    def _cuts(self, charges: list[_Charge], left: int) -> list[tuple[tuple[int, int], Line]]:
        """What the caps take off: each charge is cut to the least room that a cap leaves it."""
        caps = self.tariff.caps
        room: dict[tuple[int, int], int] = {}
        cut: dict[tuple[int, int], list[int]] = {}  # by cap and bucket: fen, first start, last
        for charge in charges:
            if not charge.fen:
                continue
            keys = [
                (at, self._bucket(cap.per, charge))
                for at, cap in enumerate(caps)
                if cap.window in (None, charge.label)
            ]
            for key in keys:
                if key not in room:
                    whole = caps[key[0]].fen * self.prices.cap_percent // 100
                    # An earlier stop that this one continues has used up the first bucket only:
                    # its day or window. The cap of the next day begins whole.
                    first = all(other[0] != key[0] for other in room)
                    room[key] = max(0, whole - (self.paid_before_fen if first else 0))
            # Cut once, by the cap that leaves least, and count what is left against all of them:
            # two caps that each took the same fen off would give it back twice.
            tightest = min(keys, key=lambda key: room[key], default=None)
            if tightest is None:
                continue
            taken = min(charge.fen, room[tightest])
            for key in keys:
                room[key] -= taken
            if taken < charge.fen:
                known = cut.setdefault(tightest, [0, charge.start, charge.start, charge.end])
                known[0] += charge.fen - taken
                known[2:] = [charge.start, charge.end]
        return [
            ((last, 1), _cut_line(f"cap_{caps[at].per}", "cap", fen, start, min(end, left)))
            for (at, _), (fen, start, last, end) in cut.items()
        ]

    def _bucket(self, per: CapPer, charge: _Charge) -> int:
        if per is CapPer.day:
            return day_end(charge.start)
        if per is CapPer.h24:
            return (charge.start - self.arrived) // DAY_S
        return charge.span_start if per is CapPer.window else 0


class _Free:
    """The free minutes of a stay as they run."""

    def __init__(self, bill: TariffBill, left: int, spans: list[Span]) -> None:
        self.by_day = bill.tariff.free_scope is Scope.day
        self.from_arrival = bill.tariff.free_runs is FreeRuns.arrival
        self.free_s = bill.free_s
        before = bill.paid_before_s + bill.used_free_s
        lost = bill.free_mode is FreeMode.lost
        inside = left - bill.arrived if self.from_arrival else charged_s(spans, bill.arrived, left)
        self.covers_all = lost and inside + before <= self.free_s
        self.left_s: dict[int, int] = {}
        self.first_s = 0 if lost else max(0, self.free_s - before)
        self.later_s = self.free_s if self.by_day and not lost else 0

    def take(self, now: int, stop: int, *, charged: bool) -> int:
        """Until when the time from `now` is free; never beyond `stop`."""
        if not (self.first_s or self.later_s) or not (charged or self.from_arrival):
            return now
        key = day_end(now) if self.by_day else 0
        left_s = self.left_s.setdefault(key, self.later_s if self.left_s else self.first_s)
        until = min(stop, now + left_s, *([key] if self.by_day else []))
        self.left_s[key] -= until - now
        return until


class _Meter:
    """Charged seconds of one window since its scope began, for the steps of its prices."""

    def __init__(self, counted_before_s: int) -> None:
        self.scope: int | None = None
        self.counted_s = counted_before_s
        self.lumps: set[int] = set()
        if counted_before_s:
            self.lumps.add(0)

    def begin(self, scope: int) -> None:
        if self.scope is not None and scope != self.scope:
            self.counted_s = 0
            self.lumps.clear()
        self.scope = scope

    def count(self, seconds: int) -> None:
        self.counted_s += seconds

    def lump_paid(self, index: int) -> bool:
        paid = index in self.lumps
        self.lumps.add(index)
        return paid


def _step(window: Window, counted_s: int) -> tuple[int, PriceStep]:
    for index, step in enumerate(window.steps):
        if step.upto_s is None or counted_s < step.upto_s:
            return index, step
    raise AssertionError("the last step has no end: _validate")


def _code(window: Window, index: int) -> str:
    if len(window.steps) == 1:
        return window.label.value
    if index:
        return "then"
    return "first_hour" if window.steps[0].upto_s == 3600 else "first_period"


def _scope_key(scope: Scope, now: int, span: Span) -> int:
    if scope is Scope.window:
        return span.start
    return day_end(now) if scope is Scope.day else 0


def _line(charge: _Charge) -> Line:
    return Line(
        text_code=charge.code,
        quantity=charge.quantity,
        unit=charge.unit,
        unit_price_fen=charge.unit_fen,
        amount_fen=charge.fen,
        starts_at=moment_of(charge.start),
        ends_at=moment_of(charge.end),
    )


def _cut_line(code: str, unit: str, fen: int, start: int, end: int) -> Line:
    return Line(
        text_code=code,
        quantity=1,
        unit=unit,
        unit_price_fen=-fen,
        amount_fen=-fen,
        starts_at=moment_of(start),
        ends_at=moment_of(end),
    )


def _joined(lines: list[Line]) -> list[Line]:
    """Lines that continue each other at one price, as one."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.ends_at == line.starts_at
            and line.unit not in ("visit", "cap")
            and (last.text_code, last.unit, last.unit_price_fen)
            == (line.text_code, line.unit, line.unit_price_fen)
        ):
            joined[-1] = Line(
                text_code=line.text_code,
                quantity=last.quantity + line.quantity,
                unit=line.unit,
                unit_price_fen=line.unit_price_fen,
                amount_fen=last.amount_fen + line.amount_fen,
                starts_at=last.starts_at,
                ends_at=line.ends_at,
            )
        else:
            joined.append(line)
    return joined

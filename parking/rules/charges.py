"""The walk from unit to unit: what is charged for the times at which a vehicle stood there.

Moments are whole seconds since 1970 here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from parking.rules.lines import Line
from parking.rules.presence import Present
from parking.rules.spans import (
    DAY_S,
    HORIZON_S,
    DayOf,
    Span,
    charged_s,
    day_end,
    moment_of,
    spans_of,
)
from parking.rules.tariff import (
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


@dataclass(frozen=True, slots=True)
class Charge:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTime:
    """The free minutes that a stay has; `used_s` of them were taken before."""

    seconds: int
    mode: FreeMode
    used_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A stay from its arrival on, as a tariff charges it."""

    tariff: Tariff
    arrived: int
    prices: VehicleClass
    free: FreeTime
    day: DayOf
    by_day: bool = False  # each day's charges apart, though no cap of the tariff asks for it

    def charges(self, present: list[Present]) -> Iterator[Charge]:
        """Walk the times at which the vehicle stood there from unit to unit. What is charged for a
        moment depends on how far the stay has come, never on when it will end, except for the last,
        incomplete unit. A unit that was begun is paid for: who comes back within it pays no other,
        and a gap uses none of it up, so what is left of it goes on after the gap.

        So a fee never falls as the stay grows, and "the same price until" can be found by halving.
        """
        if not present:
            return
        spans = spans_of(self.tariff, self.arrived, present[-1].end, self.day)
        free = _Free(self, present, spans)
        if free.covers_all:
            return
        meters: dict[Label, _Meter] = {}
        visited: set[tuple[Label, int]] = set()
        at, now, before = 0, self.arrived, self.arrived
        for begin, left, away_s in present:
            now, before = begin + max(0, now - before - away_s), left
            while now < left:
                while spans[at].end <= now:
                    at += 1
                charge, now = self._next(spans, at, now, left, free, meters, visited)
                if charge is not None:
                    yield charge

    def _next(
        self,
        spans: list[Span],
        at: int,
        now: int,
        left: int,
        free: "_Free",
        meters: dict[Label, "_Meter"],
        visited: set[tuple[Label, int]],
    ) -> tuple[Charge | None, int]:
        """What is charged next while the vehicle stands there, and the moment after it."""
        tariff, span = self.tariff, spans[at]
        stop, window = min(span.end, left), span.window
        free_until = free.take(now, stop, charged=window is not None)
        if free_until > now:
            if window is None:
                return None, free_until
            seconds = free_until - now
            return Charge("free", seconds, "s", 0, now, free_until, window.label, 0), free_until
        if window is None:
            return None, stop
        if window.visit_fen is not None:
            key = (window.label, _scope_key(tariff.visit_scope, now, span))
            # A night's window runs through midnight, where a price a day is due again.
            until = min(stop, day_end(now)) if tariff.visit_scope is Scope.day else stop
            if key in visited:
                return None, until
            visited.add(key)
            price = window.visit_fen * self.prices.percent // 100
            return Charge("visit", 1, "visit", price, now, until, window.label, span.start), until
        meter = meters.setdefault(window.label, _Meter())
        meter.begin(_scope_key(tariff.first_scope, now, span))
        charge, after = self._next_units(span, meter, now, left)
        if after > span.end and tariff.boundary is Boundary.lower_rate and charge is not None:
            charge = self._at_lower_rate(charge, spans[at + 1], meters, after - now)
        meter.count(after - now)  # a unit that was begun is used up whole: steps go on after it
        return charge, after

    def _next_units(
        self, span: Span, meter: "_Meter", now: int, left: int
    ) -> tuple[Charge | None, int]:
        """The next units that are charged alike, and the moment after them."""
        tariff, window, stop = self.tariff, span.window, min(span.end, left)
        assert window is not None
        index, step = _step(window, meter.counted_s)
        step_end = now + (step.upto_s - meter.counted_s if step.upto_s is not None else HORIZON_S)

        def charge(quantity: int, until: int, unit_s: int = step.unit_s) -> Charge:
            return Charge(
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
        self, charge: Charge, following: Span, meters: dict[Label, "_Meter"], length_s: int
    ) -> Charge:
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
        if self.by_day or self.tariff.first_scope is Scope.day or self._has(CapPer.day):
            ends.append(day_end(now))
        if self._has(CapPer.h24):
            ends.append(self.arrived + ((now - self.arrived) // DAY_S + 1) * DAY_S)
        return min(ends)

    def _has(self, per: CapPer) -> bool:
        return any(cap.per is per for cap in self.tariff.caps)


class _Free:
    """The free minutes of a stay as they run."""

    def __init__(self, walk: Walk, present: list[Present], spans: list[Span]) -> None:
        self.by_day = walk.tariff.free_scope is Scope.day
        self.from_arrival = walk.tariff.free_runs is FreeRuns.arrival
        self.free_s = walk.free.seconds
        lost = walk.free.mode is FreeMode.lost
        inside = sum(
            until - begin if self.from_arrival else charged_s(spans, begin, until)
            for begin, until, _away_s in present
        )
        self.covers_all = lost and inside + walk.free.used_s <= self.free_s
        self.left_s: dict[int, int] = {}
        self.first_s = 0 if lost else max(0, self.free_s - walk.free.used_s)
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

    def __init__(self) -> None:
        self.scope: int | None = None
        self.counted_s = 0
        self.lumps: set[int] = set()

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


def line_of(charge: Charge) -> Line:
    """A charge as a term of the fee."""
    return Line(
        text_code=charge.code,
        quantity=charge.quantity,
        unit=charge.unit,
        unit_price_fen=charge.unit_fen,
        amount_fen=charge.fen,
        starts_at=moment_of(charge.start),
        ends_at=moment_of(charge.end),
    )

"""One vehicle's bill under a tariff: the walk from unit to unit, and the caps' cuts.

Moments are whole seconds since 1970 here. `pricing` is the door.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from types import MappingProxyType
from typing import Final, NamedTuple, TypedDict

from core import calendar
from parking.rules.spans import (
    DAY_S,
    HORIZON_S,
    DayOf,
    Span,
    charged_s,
    day_end,
    guessed_years,
    moment_of,
    seconds_of,
    spans_of,
)
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


class Circumstances(TypedDict, total=False):
    """What else decides a price, all optional; a small car without any history by default."""

    vehicle_class: str  # "small", or a name of `Tariff.classes`
    nev: bool  # a new-energy vehicle
    nev_free_used: bool  # an earlier stay of the day had the new-energy free time
    used_free_s: int  # free seconds that the day's earlier stays took (free_scope: day)
    earlier: Sequence[tuple[datetime, datetime]]  # the stops that this one `continues`, in order:
    # all are priced as one, and this one costs what it adds
    gaps: Sequence[tuple[datetime, datetime]]  # time within the stay that is not billed
    permits: Sequence[tuple[datetime, datetime]]  # time that a permit lets it stand free
    exempt_as: str | None  # a name of `Tariff.exempt`; one that it lacks changes nothing
    day: DayOf  # what kind of day a date is, by what was known when the stay began
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


class _Present(NamedTuple):
    """A time that is billed; before it the vehicle was `away_s` not there, else there unbilled."""

    begin: int
    end: int
    away_s: int


@dataclass(slots=True)
class TariffBill:
    """One vehicle's arrival under a tariff: its price for any departure.

    Stops that continue each other are walked as one list of times at which the vehicle stood there,
    from the first one's arrival. The last one costs what all cost, less what those before cost, so
    a stay that is told in parts costs what it costs in one.
    """

    tariff: Tariff
    arrived: int  # of the first stop
    begun: int  # of this one
    earlier: list[tuple[int, int]]
    unbilled: dict[str, list[tuple[int, int]]]  # by the text of their lines
    prices: VehicleClass
    free_s: int
    free_mode: FreeMode
    percent: int
    all_free: bool
    used_free_s: int
    day: DayOf

    @classmethod
    def of(cls, tariff: Tariff, arrived: int, known: Circumstances) -> "TariffBill":
        used_free_s = known.get("used_free_s", 0)
        if used_free_s < 0:
            raise ValueError("what came before is not negative")
        earlier = [(seconds_of(a), seconds_of(b)) for a, b in known.get("earlier", ())]
        edges = [edge for stop in earlier for edge in stop] + [arrived]
        if edges != sorted(edges):
            raise ValueError(
                "the stops before come in order, each with its end after its beginning"
            )
        unbilled = {
            "silent": sorted((seconds_of(a), seconds_of(b)) for a, b in known.get("gaps", ())),
            "permit": sorted((seconds_of(a), seconds_of(b)) for a, b in known.get("permits", ())),
        }
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
            arrived=earlier[0][0] if earlier else arrived,
            begun=arrived,
            earlier=earlier,
            unbilled={name: times for name, times in unbilled.items() if times},
            prices=prices,
            free_s=free_s,
            free_mode=mode,
            percent=percent,
            all_free=exempt_s is None,
            used_free_s=used_free_s,
            day=known.get("day", calendar.day),
        )

    def amount(self, left: int) -> int:
        """What this stop costs to who leaves at `left`."""
        if left <= self.begun:
            return 0
        before = self._kept(self._total(self._billed(self.earlier))) if self.earlier else 0
        return self._kept(self._total(self._billed(self._stops(left)))) - before

    def lines(self, left: int) -> tuple[Line, ...]:
        """Charges in the order of time, each cap's cut after the last charge that it cut; those of
        this stop alone, and what the stops before make of them as a line."""
        if left <= self.begun:
            return ()
        stops = self._stops(left)
        left_out = self._left_out(stops)
        billed = self._without(stops, left_out)
        begun, placed = moment_of(self.begun), self._placed(billed)
        lines = [line for line in placed if line.starts_at >= begun]
        asked_fen = sum(line.amount_fen for line in placed)
        paid_fen = self._total(self._billed(self.earlier)) if self.earlier else 0
        shared_fen = asked_fen - paid_fen - sum(line.amount_fen for line in lines)
        if shared_fen:
            lines.append(_sum_line("earlier_stops", "cap", shared_fen, self.begun, left))
        discount_fen = asked_fen - paid_fen - self._kept(asked_fen) + self._kept(paid_fen)
        if discount_fen:
            lines.append(_sum_line("new_energy", "discount", -discount_fen, self.begun, left))
        for name in left_out:
            for start, end in self.unbilled[name]:
                if (seconds := min(end, left) - max(start, self.begun)) > 0:
                    unbilled = _sum_line(name, "gap", 0, max(start, self.begun), min(end, left))
                    lines.append(replace(unbilled, quantity=seconds))
        for year in guessed_years(self.tariff, self.begun, left, self.day):
            lines.append(
                replace(_sum_line("guessed_days", "year", 0, self.begun, left), quantity=year)
            )
        return tuple(lines)

    def _kept(self, fen: int) -> int:
        return fen * self.percent // 100

    def _total(self, present: list[_Present]) -> int:
        return sum(line.amount_fen for line in self._placed(present))

    def _placed(self, present: list[_Present]) -> list[Line]:
        if self.all_free:
            return []
        charges = list(self._charges(present))
        placed = [((charge.start, 0), _line(charge)) for charge in charges]
        placed += self._cuts(charges)
        return _joined([line for _, line in sorted(placed, key=lambda item: item[0])])

    def _stops(self, left: int) -> list[tuple[int, int]]:
        return [*self.earlier, (self.begun, left)]

    def _billed(self, stops: list[tuple[int, int]]) -> list[_Present]:
        """What of these stops is billed."""
        return self._without(stops, self._left_out(stops))

    def _left_out(self, stops: list[tuple[int, int]]) -> tuple[str, ...]:
        """What is not billed of these stops: all that need not be, unless leaving it out would move
        what follows into dearer hours. A gap never costs the owner anything, nor does a permit."""
        names = tuple(self.unbilled)
        ways = [way for n in range(len(names), -1, -1) for way in combinations(names, n)]
        if len(ways) == 1:
            return ()
        return min(ways, key=lambda way: self._total(self._without(stops, way)))

    def _without(self, stops: list[tuple[int, int]], names: Sequence[str]) -> list[_Present]:
        return _present(stops, [time for name in names for time in self.unbilled[name]])

    def _charges(self, present: list[_Present]) -> Iterator[_Charge]:
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
    ) -> tuple[_Charge | None, int]:
        """What is charged next while the vehicle stands there, and the moment after it."""
        tariff, span = self.tariff, spans[at]
        stop, window = min(span.end, left), span.window
        free_until = free.take(now, stop, charged=window is not None)
        if free_until > now:
            if window is None:
                return None, free_until
            seconds = free_until - now
            return _Charge("free", seconds, "s", 0, now, free_until, window.label, 0), free_until
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
            return _Charge("visit", 1, "visit", price, now, until, window.label, span.start), until
        meter = meters.setdefault(window.label, _Meter())
        meter.begin(_scope_key(tariff.first_scope, now, span))
        charge, after = self._next_units(span, meter, now, left)
        if after > span.end and tariff.boundary is Boundary.lower_rate and charge is not None:
            charge = self._at_lower_rate(charge, spans[at + 1], meters, after - now)
        meter.count(after - now)  # a unit that was begun is used up whole: steps go on after it
        return charge, after

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

    def _cuts(self, charges: list[_Charge]) -> list[tuple[tuple[int, int], Line]]:
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
                    room[key] = caps[key[0]].fen * self.prices.cap_percent // 100
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
            ((last, 1), _sum_line(f"cap_{caps[at].per}", "cap", -fen, start, end))
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

    def __init__(self, bill: TariffBill, present: list[_Present], spans: list[Span]) -> None:
        self.by_day = bill.tariff.free_scope is Scope.day
        self.from_arrival = bill.tariff.free_runs is FreeRuns.arrival
        self.free_s = bill.free_s
        lost = bill.free_mode is FreeMode.lost
        inside = sum(
            until - begin if self.from_arrival else charged_s(spans, begin, until)
            for begin, until, _away_s in present
        )
        self.covers_all = lost and inside + bill.used_free_s <= self.free_s
        self.left_s: dict[int, int] = {}
        self.first_s = 0 if lost else max(0, self.free_s - bill.used_free_s)
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


def _sum_line(code: str, unit: str, fen: int, start: int, end: int) -> Line:
    return Line(
        text_code=code,
        quantity=1,
        unit=unit,
        unit_price_fen=fen,
        amount_fen=fen,
        starts_at=moment_of(start),
        ends_at=moment_of(end),
    )


def _present(stops: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> list[_Present]:
    """The times of `stops` outside `gaps`, those that touch each other as one."""
    present: list[_Present] = []
    away_s, left = 0, None
    for stop in stops:
        away_s += 0 if left is None else stop[0] - left
        left = stop[1]
        parts = [stop]
        for gap in gaps:
            parts = [part for one in parts for part in _outside(one, gap)]
        for begin, end in parts:
            if begin == end:
                continue
            if present and present[-1].end == begin:
                begin, away_s = present[-1].begin, present.pop().away_s
            present.append(_Present(begin, end, away_s))
            away_s = 0
    return present


def _outside(stop: tuple[int, int], gap: tuple[int, int]) -> list[tuple[int, int]]:
    if gap[1] <= stop[0] or gap[0] >= stop[1]:
        return [stop]
    return [(stop[0], max(stop[0], gap[0])), (min(stop[1], gap[1]), stop[1])]


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

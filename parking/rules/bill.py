"""One vehicle's bill under a tariff: what its stops cost together, and this one of them.

The walk from unit to unit stands in `charges`, the caps' cuts in `caps`, the words in `lines`.
Moments are whole seconds since 1970 here. `pricing` is the door.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import TypedDict

from core import calendar
from parking.rules.caps import Kept, cuts, kept
from parking.rules.charges import FreeTime, Walk, line_of
from parking.rules.lines import Line, joined, sum_line
from parking.rules.presence import Present, presence
from parking.rules.spans import DayOf, guessed_years, moment_of, seconds_of
from parking.rules.tariff import SMALL, FreeMode, Tariff, VehicleClass


class Circumstances(TypedDict, total=False):
    """What else decides a price, all optional; a small car without any history by default."""

    vehicle_class: str  # "small", or a name of `Tariff.classes`
    nev: bool  # a new-energy vehicle
    nev_free_used: bool  # an earlier stay of the day had the new-energy free time
    used_free_s: int  # free seconds that the day's earlier stays took (free_scope: day)
    earlier: Sequence[tuple[datetime, datetime]]  # the stops that this one `continues`, in order:
    # all are priced as one, and this one costs what it adds
    before: Sequence["Visit"]  # stays of the vehicle that share a cap with this one, in order
    gaps: Sequence[tuple[datetime, datetime]]  # time within the stay that is not billed
    permits: Sequence[tuple[datetime, datetime]]  # time that a permit lets it stand free
    exempt_as: str | None  # a name of `Tariff.exempt`; one that it lacks changes nothing
    day: DayOf  # what kind of day a date is, by what was known when the stay began
    debtor: bool  # has debts that are due: see `debtors_lose_benefits`


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An earlier stay of the vehicle, with all stops that it continues, by its own tariff; `here`:
    on the same section. What came before it is told beside it, not in `known`."""

    tariff: Tariff
    arrived_at: datetime
    left_at: datetime
    known: Circumstances
    here: bool = True


@dataclass(slots=True)
class TariffBill:
    """One vehicle's arrival under a tariff: its price for any departure.

    Stops that continue each other are walked as one list of times at which the vehicle stood there,
    from the first one's arrival. The last one costs what all cost, less what those before cost, so
    a stay that is told in parts costs what it costs in one.
    """

    walk: Walk  # from the first stop's arrival on
    begun: int  # of this one
    earlier: list[tuple[int, int]]
    unbilled: dict[str, list[tuple[int, int]]]  # by the text of their lines
    percent: int
    all_free: bool
    before: list[Kept]

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
            walk=Walk(
                tariff=tariff,
                arrived=earlier[0][0] if earlier else arrived,
                prices=prices,
                free=FreeTime(seconds=free_s, mode=mode, used_s=used_free_s),
                day=known.get("day", calendar.day),
            ),
            begun=arrived,
            earlier=earlier,
            unbilled={name: times for name, times in unbilled.items() if times},
            percent=percent,
            all_free=exempt_s is None,
            before=_kept_of(known.get("before", ())),
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
            lines.append(sum_line("earlier_stops", "cap", shared_fen, self.begun, left))
        discount_fen = asked_fen - paid_fen - self._kept(asked_fen) + self._kept(paid_fen)
        if discount_fen:
            lines.append(sum_line("new_energy", "discount", -discount_fen, self.begun, left))
        for name in left_out:
            for start, end in self.unbilled[name]:
                if (seconds := min(end, left) - max(start, self.begun)) > 0:
                    unbilled = sum_line(name, "gap", 0, max(start, self.begun), min(end, left))
                    lines.append(replace(unbilled, quantity=seconds))
        for year in guessed_years(self.walk.tariff, self.begun, left, self.walk.day):
            lines.append(
                replace(sum_line("guessed_days", "year", 0, self.begun, left), quantity=year)
            )
        return tuple(lines)

    def _kept(self, fen: int) -> int:
        return fen * self.percent // 100

    def _total(self, present: list[Present]) -> int:
        return sum(line.amount_fen for line in self._placed(present))

    def _placed(self, present: list[Present]) -> list[Line]:
        if self.all_free:
            return []
        charges = list(self.walk.charges(present))
        placed = [((charge.start, 0), line_of(charge)) for charge in charges]
        placed += cuts(self.walk, charges, self.before)
        return joined(line for _, line in sorted(placed, key=lambda item: item[0]))

    def kept(self, left: int, *, here: bool) -> list[Kept]:
        """What this stop and those that it continues are charged, for the stays after it."""
        if self.all_free or left <= self.walk.arrived:
            return []
        walk = replace(self.walk, by_day=True)
        charges = list(walk.charges(self._billed(self._stops(left))))
        return kept(self.walk, charges, self.before, here=here)

    def _stops(self, left: int) -> list[tuple[int, int]]:
        return [*self.earlier, (self.begun, left)]

    def _billed(self, stops: list[tuple[int, int]]) -> list[Present]:
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

    def _without(self, stops: list[tuple[int, int]], names: Sequence[str]) -> list[Present]:
        return presence(stops, [time for name in names for time in self.unbilled[name]])


def _kept_of(visits: Sequence[Visit]) -> list[Kept]:
    """What these visits are charged, each after those before it."""
    found: list[Kept] = []
    for visit in visits:
        bill = TariffBill.of(visit.tariff, seconds_of(visit.arrived_at), visit.known)
        bill.before = [*found]
        found += bill.kept(seconds_of(visit.left_at), here=visit.here)
    return found

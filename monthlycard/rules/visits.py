"""Entry and exit records become visits; what does not fit is typed, never dropped (P4.7)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A lot's report of one entry or exit; `record_id` is the lot's own number of it."""

    record_id: str
    direction: Literal["entry", "exit"]
    plate_text: str
    plate_colour: str
    card_number: str
    at: datetime
    odd: bool = False  # the platform typed something about it, and more than that it came late


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An entry and the exit that ended it."""

    entry: Pass
    exit: Pass
    card_until: datetime | None = None  # where the card ran out before the exit

    @property
    def counted_until(self) -> datetime:
        """Until when the visit is the card's."""
        return self.card_until or self.exit.at

    @property
    def key(self) -> str:
        """The same on both sides: the lot's numbers of its two records."""
        return f"{self.entry.record_id}/{self.exit.record_id}"


@dataclass(frozen=True, slots=True)
class Oddity:
    """A record that ended no visit: open (still inside), exit_without_entry, entry_twice, twice."""

    kind: Literal["open", "exit_without_entry", "entry_twice", "twice"]
    record: Pass


def pair(records: Iterable[Pass]) -> tuple[list[Visit], list[Oddity]]:
    """Visits in the order of their exits, and every record that is in none of them.

    The order in which records arrived does not matter. A second entry of a vehicle that is still
    inside sets the first one aside (its exit was lost) rather than stretch it over two visits.
    """
    seen: dict[str, Pass] = {}
    oddities: list[Oddity] = []
    by_vehicle: dict[tuple[str, str], list[Pass]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.at, r.direction != "exit", r.record_id)):
        if record.record_id in seen:
            oddities.append(Oddity("twice", record))
            continue
        seen[record.record_id] = record
        by_vehicle[record.plate_text, record.card_number].append(record)
    visits: list[Visit] = []
    for mine in by_vehicle.values():
        inside: Pass | None = None
        for record in mine:
            if record.direction == "entry":
                if inside is not None:
                    oddities.append(Oddity("entry_twice", inside))
                inside = record
            elif inside is None:
                oddities.append(Oddity("exit_without_entry", record))
            else:
                visits.append(Visit(entry=inside, exit=record))
                inside = None
        if inside is not None:
            oddities.append(Oddity("open", inside))
    visits.sort(key=lambda visit: (visit.exit.at, visit.key))
    return visits, oddities

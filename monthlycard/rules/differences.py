"""The lot's check of a statement against its own records, line by line (P4.11)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monthlycard.rules.statement import StatementLine

Kind = Literal["missing_here", "missing_there", "time", "tariff", "amount"]

PROPOSALS: dict[Kind, str] = {
    "missing_here": "The lot has no such visit: show its records, or take the visit out.",
    "missing_there": "The statement lacks a visit of the lot: send its records again.",
    "time": "The times differ: compare the records; the platform's stored ones count until then.",
    "tariff": "The unit prices differ: compare the agreement's version on both sides.",
    "amount": "Times and prices agree and the sums do not: one side counts units otherwise.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One visit on which the sides do not agree; fees in fen, None where a side has none."""

    visit: str
    kind: Kind
    platform_fen: int | None
    lot_fen: int | None

    @property
    def proposal(self) -> str:
        return PROPOSALS[self.kind]


def compare(
    statement: Iterable[StatementLine], own: Iterable[StatementLine]
) -> tuple[Difference, ...]:
    """Where the platform's statement and the lot's own computation differ; empty: they agree.

    "Here" is the lot, which checks; "there" is the platform, whose statement is checked.
    """
    theirs, mine = _by_visit(statement), _by_visit(own)
    found: list[Difference] = []
    for visit in sorted({*theirs, *mine}):
        there, here = theirs.get(visit), mine.get(visit)
        there_fen = sum(line.fee_fen for line in there) if there else None
        here_fen = sum(line.fee_fen for line in here) if here else None
        kind = _kind(there, here)
        if kind:
            found.append(Difference(visit, kind, there_fen, here_fen))
    return tuple(found)


def _kind(there: list[StatementLine] | None, here: list[StatementLine] | None) -> Kind | None:
    if there is None:
        return "missing_there"
    if here is None:
        return "missing_here"
    if {_times(line) for line in there} != {_times(line) for line in here}:
        return "time"
    if {line.unit_price_fen for line in there} != {line.unit_price_fen for line in here}:
        return "tariff"
    if sorted((line.quantity, line.fee_fen) for line in there) != sorted(
        (line.quantity, line.fee_fen) for line in here
    ):
        return "amount"
    return None


def _times(line: StatementLine) -> tuple[datetime, datetime, datetime]:
    return line.entry_at, line.exit_at, line.counted_until


def _by_visit(lines: Iterable[StatementLine]) -> dict[str, list[StatementLine]]:
    grouped: dict[str, list[StatementLine]] = defaultdict(list)
    for line in lines:
        grouped[line.visit].append(line)
    return grouped

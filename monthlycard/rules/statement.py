"""The statement: for each vehicle its entries, exits, quantities, unit prices and fees (P4.9)."""

import csv
import hashlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from monthlycard.rules.fees import Terms, fee_lines
from monthlycard.rules.visits import Visit

COLUMNS = (
    "visit",
    "card",
    "plate",
    "colour",
    "entry_at",
    "exit_at",
    "counted_until",
    "quantity",
    "unit_price_fen",
    "fee_fen",
)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """So many units at one price for one visit; a visit may have several lines, or one of 0 fen."""

    visit: str
    card_number: str
    plate_text: str
    plate_colour: str
    entry_at: datetime
    exit_at: datetime
    counted_until: datetime
    quantity: int
    unit_price_fen: int
    fee_fen: int


def statement_lines(terms: Terms, visits: Iterable[Visit]) -> tuple[StatementLine, ...]:
    """All lines of these visits, by vehicle and time; the same visits give the same lines."""
    lines: list[StatementLine] = []
    for visit in visits:
        priced = fee_lines(terms, entry_at=visit.entry.at, exit_at=visit.counted_until)
        for quantity, unit_price_fen in [
            (line.quantity, line.unit_price_fen) for line in priced
        ] or [(0, 0)]:
            lines.append(
                StatementLine(
                    visit=visit.key,
                    card_number=visit.entry.card_number,
                    plate_text=visit.entry.plate_text,
                    plate_colour=visit.entry.plate_colour,
                    entry_at=visit.entry.at,
                    exit_at=visit.exit.at,
                    counted_until=visit.counted_until,
                    quantity=quantity,
                    unit_price_fen=unit_price_fen,
                    fee_fen=quantity * unit_price_fen,
                )
            )
    return tuple(sorted(lines, key=lambda line: (line.card_number, line.entry_at, line.visit)))


def plain(text: str) -> str:
    """`text` as a cell of the file: what a spreadsheet would run has a ' before it.

    The rule is the protocol's own: a lot's system must seal the same bytes without our code.
    """
    text = _CONTROL.sub("\ufffd", text)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def as_csv(lines: Iterable[StatementLine]) -> bytes:
    """The statement's file, byte for byte the same for the same lines: UTF-8, LF, UTC times.

    What a lot has written into its records is no formula in the file.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow(
            [
                *map(plain, (line.visit, line.card_number, line.plate_text, line.plate_colour)),
                _utc(line.entry_at),
                _utc(line.exit_at),
                _utc(line.counted_until),
                line.quantity,
                line.unit_price_fen,
                line.fee_fen,
            ]
        )
    return out.getvalue().encode()


def checksum(data: bytes) -> str:
    """SHA-256 of the file, in hex: what seals it."""
    return hashlib.sha256(data).hexdigest()


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

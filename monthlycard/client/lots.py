"""Two makers' lot systems: one decides by its own list, one by asking (P4.1 to P4.8, P4.11).

Both keep their own records, report them until they are acknowledged, and check statements against
what they themselves have stored.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal

from monthlycard.client.connection import LotClient, PlatformRefused, PlatformSilent
from monthlycard.client.recognition import Read, recognise
from monthlycard.rules import (
    AdmissionDecision,
    CardRecord,
    Pass,
    StatementLine,
    Terms,
    admit,
    card_visits,
    pair,
    signing,
    statement_lines,
)

LIST_LIVES = timedelta(hours=24)  # without contact; then nobody passes by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A vehicle at the barrier, and what the lot did."""

    record_id: str
    direction: Literal["entry", "exit"]
    plate_text: str
    plate_colour: str
    etc_plate: str
    at: datetime
    card: str  # the card's number where it passed as a card vehicle
    flow: Literal["card", "temporary", "refused"]
    reason: str
    barrier_opened: bool


@dataclass
class Lot:
    """What every maker's system has: a barrier, a list, records, an agreement.

    `clock` is asked for the time: the platform's business time, learnt with the list.
    """

    client: LotClient
    at_expiry: Literal["temporary", "refused"] = "temporary"
    records: dict[str, CardRecord] = field(default_factory=dict)  # the newest by card number
    history: list[CardRecord] = field(default_factory=list)  # every version that ever came
    cursor: int = 0
    synced_at: datetime | None = None  # the platform's time of the newest list
    movements: list[Movement] = field(default_factory=list)
    unreported: list[Movement] = field(default_factory=list)
    late: set[str] = field(default_factory=set)  # records that go into a later statement
    odd: set[str] = field(default_factory=set)  # records that the platform bills nothing for
    stated: dict[str, str] = field(default_factory=dict)  # visit → the statement it stands in
    waiting: list[str] = field(default_factory=list)  # statements that this lot still has to check
    disagreements: list[tuple[str, bool, bool]] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    def sync(self) -> int:
        """Fetch the records that are new since the last time (P4.4); how many came."""
        came = 0
        while True:
            answer = self.client.get("records/", since=self.cursor)
            for row in answer["records"]:
                record = _as_record(row)
                self.records[record.card_number] = record
                self.history.append(record)
                came += 1
            self.cursor, self.waiting = answer["cursor"], answer["statements_waiting"]
            self.synced_at = datetime.fromisoformat(answer["now"])
            if not answer["more"]:
                return came

    def now(self) -> datetime:
        """The platform's business time."""
        return datetime.fromisoformat(self.client.get("time/")["now"])

    def agree(self) -> int:
        """Sign the newest agreement as it stands; its version (P4.9).

        Raises ValueError where the hash is not of the terms that were read.
        """
        found = self.client.get("agreement/")
        if signing.agreement_hash(found) != found["hash"]:
            raise ValueError("the agreement's hash is not of these terms")
        self.client.post(
            "agreement/",
            {"version": found["version"], "signature": self.client.sign(found["hash"])},
        )
        return int(found["version"])

    def enter(
        self, plate: str, colour: str, *, etc: str = "", at: datetime | None = None
    ) -> Movement:
        """A vehicle at the entry, recognised by its plate or its ETC tag, or both (P4.1)."""
        return self._move("entry", plate, colour, etc, at)

    def leave(
        self, plate: str, colour: str, *, etc: str = "", at: datetime | None = None
    ) -> Movement:
        """A vehicle at the exit; a card counts only if it holds now and held on entering (P4.7)."""
        return self._move("exit", plate, colour, etc, at)

    def report(self, again: bool = False) -> list[dict[str, str]]:
        """Send every record that was not acknowledged; what became of each (P4.7).

        With `again` all records are sent, as after a loss of memory; each still counts once.
        """
        batch = list(self.movements if again else self.unreported)
        if not batch:
            return []
        answer = self.client.post("passes/", {"records": [self._as_report(m) for m in batch]})
        self.unreported = [movement for movement in self.unreported if movement not in batch]
        outcomes: list[dict[str, str]] = answer["outcomes"]
        typed = {row["record_id"]: row["oddity"] for row in outcomes if row.get("oddity")}
        self.late |= {record_id for record_id, oddity in typed.items() if oddity == "late"}
        self.odd |= typed.keys() - self.late
        return outcomes

    def check(self, number: str) -> dict[str, Any]:
        """Check a statement against fees computed from this lot's own records (P4.11).

        Raises ValueError where the file is not the one that its checksum seals (P4.10).
        """
        statement = self.client.get(f"statements/{number}/")
        data = self.client.get_file(f"statements/{number}/", file="csv")
        if hashlib.sha256(data).hexdigest() != statement["checksum"]:
            raise ValueError("the statement's file does not fit its checksum")
        self.sync()
        self.stated |= {line["visit"]: number for line in statement["lines"]}
        ends_at = datetime.fromisoformat(statement["ends_at"])
        mine = [
            line
            for line in self.own_lines(statement["agreement"])
            if self.stated.get(line.visit) == number
            or (line.exit_at < ends_at and self._should_be_stated(line))
        ]
        answer: dict[str, Any] = self.client.post(
            f"statements/{number}/check/",
            {"checksum": statement["checksum"], "lines": [_as_json(line) for line in mine]},
        )
        return answer

    def open_statements(self) -> list[str]:
        """The numbers of the statements that wait for this lot's check."""
        rows = self.client.get("statements/")["statements"]
        return [row["number"] for row in rows if row["state"] in ("sent", "disputed")]

    def own_lines(self, version: int | None = None) -> list[StatementLine]:
        """Every visit of a card vehicle as far as it is the card's, from this lot's own records.

        Priced by the agreement of this version, or by the newest.
        """
        query = {"version": version} if version else {}
        agreement = self.client.get("agreement/", **query)
        visits, _odd = pair(
            Pass(
                record_id=m.record_id,
                direction=m.direction,
                plate_text=m.plate_text,
                plate_colour=m.plate_colour,
                card_number=m.card,
                at=m.at,
                odd=m.record_id in self.odd,
            )
            for m in self.movements
            if m.card and m.flow != "refused"
        )
        mine = card_visits(
            visits,
            self.history,
            lot=self.client.code,
            when_expired=agreement["when_expired"],
        )
        return list(statement_lines(Terms.from_json(agreement["terms"]), mine))

    def _should_be_stated(self, line: StatementLine) -> bool:
        """Not in an earlier statement, and not of records that came late: those are in a later."""
        return line.visit not in self.stated and self.late.isdisjoint(line.visit.split("/"))

    def enter_seen(
        self, frames: Sequence[bytes], read: Read, *, etc: str = "", at: datetime | None = None
    ) -> Movement:
        """A vehicle at the entry as the camera saw it: its sharpest frame is read (P4.1)."""
        seen = recognise(frames, read, etc=etc)
        return self._move("entry", seen.plate, seen.colour, seen.etc, at)

    def leave_seen(
        self, frames: Sequence[bytes], read: Read, *, etc: str = "", at: datetime | None = None
    ) -> Movement:
        """The same at the exit."""
        seen = recognise(frames, read, etc=etc)
        return self._move("exit", seen.plate, seen.colour, seen.etc, at)

    def _fetched_now(self, at: datetime) -> bool:
        try:
            self.sync()
        except (PlatformSilent, PlatformRefused):
            return False
        return self.list_holds(at)

    def list_holds(self, at: datetime) -> bool:
        """Whether this lot's list may be gone by: it is at most 24 hours old."""
        return self.synced_at is not None and at - self.synced_at <= LIST_LIVES

    def decide(self, direction: str, plate: str, colour: str, at: datetime) -> AdmissionDecision:
        """By this lot's own list (P4.5); one without contact for 24 hours lets nobody pass."""
        if self.records and not self.list_holds(at) and not self._fetched_now(at):
            return AdmissionDecision(False, "list_too_old")
        return admit(
            list(self.records.values()),
            plate_text=plate,
            plate_colour=colour,
            lot=self.client.code,
            at=at,
        )

    def _move(
        self,
        direction: Literal["entry", "exit"],
        plate: str,
        colour: str,
        etc: str,
        at: datetime | None,
    ) -> Movement:
        at = (at or self.now()).replace(microsecond=0)
        plate = plate or etc
        decision = self.decide(direction, plate, colour, at)
        card = decision.record.card_number if decision.card and decision.record else ""
        reason = decision.reason
        inside = self._inside_with_card(plate) if direction == "exit" else ""
        if direction == "exit" and card and card != inside:
            card, reason = "", "no_card_at_entry"
        flow: Literal["card", "temporary", "refused"] = "card" if card else "temporary"
        if inside and reason == "expired":
            card = inside  # it ran out during the stay: the agreement says what is the card's
            flow = self.at_expiry
        movement = Movement(
            record_id=f"{self.client.code}-{next(self._numbers):06d}",
            direction=direction,
            plate_text=plate,
            plate_colour=colour,
            etc_plate=etc,
            at=at,
            card=card,
            flow=flow,
            reason=reason,
            barrier_opened=flow != "refused",
        )
        self.movements.append(movement)
        self.unreported.append(movement)
        return movement

    def _inside_with_card(self, plate: str) -> str:
        """The card with which this vehicle is inside, or none."""
        mine = [m for m in self.movements if m.plate_text == plate and m.flow != "refused"]
        return mine[-1].card if mine and mine[-1].direction == "entry" else ""

    def _as_report(self, movement: Movement) -> dict[str, Any]:
        today = [
            m
            for m in self.movements
            if m.plate_text == movement.plate_text
            and m.direction == movement.direction
            and m.at.date() == movement.at.date()
            and m.at <= movement.at
        ]
        return {
            "record_id": movement.record_id,
            "direction": movement.direction,
            "flow": movement.flow,
            "reason": movement.reason,
            "plate": movement.plate_text,
            "colour": movement.plate_colour,
            "etc_plate": movement.etc_plate,
            "card": movement.card,
            "at": movement.at.isoformat(),
            "count_today": len(today),
        }


@dataclass
class ListLot(Lot):
    """Decides by its own list alone; right also while the platform is away (P4.5)."""


@dataclass
class AskLot(Lot):
    """Asks the platform each time, and falls back on its list where no answer comes (P4.6).

    `notices` are what it was told about listed vehicles, for the person at the barrier (P3.4).
    """

    notices: list[dict[str, Any]] = field(default_factory=list)

    def decide(self, direction: str, plate: str, colour: str, at: datetime) -> AdmissionDecision:
        own = super().decide(direction, plate, colour, at)
        try:
            answer = self.client.post(
                "questions/",
                {
                    "request_id": f"{self.client.code}-q{next(self._numbers)}-{at.timestamp():.0f}",
                    "direction": direction,
                    "plate": plate,
                    "colour": colour,
                    "at": at.isoformat(),
                    "own_list": own.card if self.list_holds(at) else None,
                },
            )
        except (PlatformSilent, PlatformRefused):
            return own
        if answer["notice"]:
            self.notices.append(answer["notice"])
        admitted = answer["admit"] == "card"
        if self.list_holds(at) and admitted != own.card:
            self.disagreements.append((plate, own.card, admitted))
        if not admitted:
            return AdmissionDecision(False, answer["reason"])
        record = self.records.get(answer["card"]) or CardRecord(
            card_number=answer["card"],
            version=0,
            plate_text=plate,
            plate_colour=colour,
            lots=(self.client.code,),
            valid_from=at,
            valid_until=datetime.fromisoformat(answer["valid_until"]),
            state="active",
            made_at=at,
        )
        return AdmissionDecision(True, answer["reason"], record)


def _as_record(row: dict[str, Any]) -> CardRecord:
    return CardRecord(
        card_number=row["card"],
        version=row["version"],
        plate_text=row["plate"],
        plate_colour=row["colour"],
        lots=tuple(row["lots"]),
        valid_from=datetime.fromisoformat(row["valid_from"]),
        valid_until=datetime.fromisoformat(row["valid_until"]),
        state=row["state"],
        made_at=datetime.fromisoformat(row["made_at"]),
    )


def _as_json(line: StatementLine) -> dict[str, Any]:
    return {
        "visit": line.visit,
        "card": line.card_number,
        "plate": line.plate_text,
        "colour": line.plate_colour,
        "entry_at": line.entry_at.isoformat(),
        "exit_at": line.exit_at.isoformat(),
        "counted_until": line.counted_until.isoformat(),
        "quantity": line.quantity,
        "unit_price_fen": line.unit_price_fen,
        "fee_fen": line.fee_fen,
    }

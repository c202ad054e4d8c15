"""Who passes with a card: the decision that a lot makes by its list and the platform on asking.

P4.5 and P4.6 use this one function, so the two ways can differ only in what they know.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

KIND_CARD: Literal["card"] = "card"
KIND_TEMPORARY: Literal["temporary"] = "temporary"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRecord:
    """The card-vehicle record that the platform keeps and lots store (P4.3, P4.4)."""

    card_number: str
    version: int
    plate_text: str
    plate_colour: str
    lots: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime  # the first instant at which it is not valid any more
    state: Literal["active", "suspended", "ended"]
    made_at: datetime


@dataclass(frozen=True, slots=True)
class AdmissionDecision:
    """`card`: open as a card vehicle. Otherwise it is a temporary vehicle, and `reason` says why.

    Reasons: valid, no_card, other_colour, other_lot, not_yet, expired, suspended, ended.
    """

    card: bool
    reason: str
    record: CardRecord | None = None


def admit(
    records: list[CardRecord], *, plate_text: str, plate_colour: str, lot: str, at: datetime
) -> AdmissionDecision:
    """Whether a vehicle passes at this lot with a card at this moment (P4.5, P4.6, P4.7).

    Where several records fit the plate the best decision counts. An unknown colour ("") fits any.
    """
    mine = [record for record in records if record.plate_text == plate_text]
    if not mine:
        return AdmissionDecision(False, "no_card")
    decisions = [_one(record, plate_colour, lot, at) for record in mine]
    return min(decisions, key=lambda decision: _ORDER.index(decision.reason))


_ORDER = ["valid", "suspended", "expired", "not_yet", "other_lot", "ended", "other_colour"]


_GREENS = {"green", "yellow_green"}  # one to a camera that knows a single green


def _may_be_one(a: str, b: str) -> bool:
    """core.plates.same_vehicle for two colours, here because lots run these rules without core."""
    return not a or not b or a == b or {a, b} == _GREENS


def _one(record: CardRecord, plate_colour: str, lot: str, at: datetime) -> AdmissionDecision:
    if not _may_be_one(plate_colour, record.plate_colour):
        return AdmissionDecision(False, "other_colour", record)
    if lot not in record.lots:
        return AdmissionDecision(False, "other_lot", record)
    if record.state != "active":
        return AdmissionDecision(False, record.state, record)
    if at < record.valid_from:
        return AdmissionDecision(False, "not_yet", record)
    if at >= record.valid_until:
        return AdmissionDecision(False, "expired", record)
    return AdmissionDecision(True, "valid", record)


@dataclass(frozen=True, slots=True)
class StayPart:
    """A part of a stay and the flow it follows."""

    starts_at: datetime
    ends_at: datetime
    kind: Literal["card", "temporary"]


def parts_of_stay(
    record: CardRecord | None,
    *,
    entry_at: datetime,
    exit_at: datetime,
    when_expired: Literal["split", "temporary"],
) -> tuple[StayPart, ...]:
    """How a stay is divided where the card ran out during it (P4.8).

    Valid at entry and at exit: wholly card. Expired in between: divided at the expiry, or wholly
    temporary, as the agreement's switch says. Not valid at entry: wholly temporary.
    """
    if record is None or not record.valid_from <= entry_at < record.valid_until:
        return (StayPart(entry_at, exit_at, KIND_TEMPORARY),)
    if exit_at <= record.valid_until:
        return (StayPart(entry_at, exit_at, KIND_CARD),)
    if when_expired == "temporary":
        return (StayPart(entry_at, exit_at, KIND_TEMPORARY),)
    return (
        StayPart(entry_at, record.valid_until, KIND_CARD),
        StayPart(record.valid_until, exit_at, KIND_TEMPORARY),
    )

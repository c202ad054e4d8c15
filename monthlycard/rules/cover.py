"""What a card's quota covers of its visits, and how much of it that takes (P4.12)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

QuotaKind = Literal["none", "money", "time", "count"]


@dataclass(frozen=True, slots=True)
class Charge:
    """One visit as far as it is the card's: its fee in fen and its time in seconds."""

    fee_fen: int
    stay_s: int


@dataclass(frozen=True, slots=True)
class Cover:
    """The fen that the card covers, and what that takes off its quota, in the quota's unit."""

    fen: int
    quota: int


def quota_needed(kind: QuotaKind, charges: Iterable[Charge]) -> int:
    """How much of a quota of this kind these visits would take if it were large enough."""
    return sum(_need(kind, charge) for charge in charges)


def cover(kind: QuotaKind, quota_left: int, charges: Iterable[Charge]) -> Cover:
    """Whole visits are covered in their order while the quota lasts; money covers to the fen."""
    charges = list(charges)
    fee_fen = sum(charge.fee_fen for charge in charges)
    if kind == "none":
        return Cover(fee_fen, 0)
    if kind == "money":
        covered_fen = min(fee_fen, quota_left)
        return Cover(covered_fen, covered_fen)
    covered_fen, used = 0, 0
    for charge in charges:
        need = _need(kind, charge)
        if used + need <= quota_left:
            used += need
            covered_fen += charge.fee_fen
    return Cover(covered_fen, used)


def _need(kind: QuotaKind, charge: Charge) -> int:
    return {"none": 0, "money": charge.fee_fen, "time": charge.stay_s, "count": 1}[kind]

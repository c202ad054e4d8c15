"""What a payout comes to, from its lines to the fen that are sent (docs/money.md, *Payouts*). Pure.

Every line counts once. Shares and fees are rounded once a payout, halves away from zero, so that
what goes back is taken back as it was taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from payments.rules.bills import FEN_MILS

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What the newest agreement says of a payout as a whole; the share goes by version.

    `hold_bp` of what was earned and `hold_fen` beside are kept for `hold_days` for refunds. Less
    than `least_fen` is not sent, it waits.
    """

    hold_bp: int = 0
    hold_fen: int = 0
    hold_days: int = 0
    least_fen: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What was earned, less what went back, under one version of the agreement.

    `fee_mils` is what providers kept of it, in thousandths of a fen, 0 where the operator bears it.
    """

    fen: int
    share_bp: int
    fee_mils: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A payout. `cash_fen` lies in the merchant's own drawers already."""

    earned_fen: int
    cash_fen: int
    share_fen: int
    fees_fen: int
    held_fen: int
    released_fen: int

    @property
    def settled_fen(self) -> int:
        """By how much the merchant's account is settled: its lines, fen by fen."""
        return self.earned_fen - self.cash_fen

    @property
    def net_fen(self) -> int:
        """What is sent."""
        kept_fen = self.share_fen + self.fees_fen + self.held_fen
        return self.settled_fen - kept_fen + self.released_fen


def sums(earned: Iterable[Earned], *, cash_fen: int, released_fen: int, agreed: Agreed) -> Sums:
    """What these lines come to. Nothing is held back of what is not there."""
    parts = list(earned)
    earned_fen = sum(one.fen for one in parts)
    share_fen = nearest(sum(one.fen * one.share_bp for one in parts), BASIS_POINTS)
    fees_fen = nearest(sum(one.fee_mils for one in parts), FEN_MILS)
    there_fen = max(0, earned_fen - cash_fen - share_fen - fees_fen)
    wanted_fen = agreed.hold_fen + nearest(max(0, earned_fen) * agreed.hold_bp, BASIS_POINTS)
    return Sums(
        earned_fen=earned_fen,
        cash_fen=cash_fen,
        share_fen=share_fen,
        fees_fen=fees_fen,
        held_fen=min(there_fen, wanted_fen) if agreed.hold_days else 0,
        released_fen=released_fen,
    )


def is_enough(found: Sums, agreed: Agreed) -> bool:
    """Whether it is sent; else its lines wait for the next one, and a debt with them."""
    return found.net_fen >= max(1, agreed.least_fen)


def nearest(number: int, parts: int) -> int:
    """`number` / `parts` as a whole number, halves away from zero."""
    half = (2 * abs(number) + parts) // (2 * parts)
    return half if number >= 0 else -half


def percent(basis_points: int) -> str:
    """Basis points as people read them: 250 → `2.5%`."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".") + "%"

"""What is left of a card that ends before its time (P4.2)."""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from math import ceil


@dataclass(frozen=True, slots=True)
class Rest:
    """What goes back to the owner, and how much of the quota goes with it."""

    fen: int
    quota: int


def rest_of_card(
    *, price_fen: int, days: int, quota: int, time_left: timedelta, quota_left: int
) -> Rest:
    """The unused share of a card: of its whole days or of its quota, whichever is smaller.

    `price_fen`, `days` and `quota` are one period's; several paid ahead count as several. A card
    without quota (0) goes by its days alone. Fen are rounded down, the quota up, so that nothing
    is both paid back and used.
    """
    share = Fraction(max(0, time_left.days), days)
    if quota:
        share = min(share, Fraction(quota_left, quota))
    return Rest(int(price_fen * share), ceil(quota * share))

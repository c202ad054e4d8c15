"""What is left of a card that ends before its time (P4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from math import ceil


@dataclass(frozen=True, slots=True)
class Rest:
    """What goes back to the owner, and how much of the quota goes with it."""

    fen: int
    quota: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPeriod:
    """One period of a card by what it was bought for; `quota` 0 covers everything."""

    price_fen: int
    days: int
    quota: int
    time_left: timedelta


def rest_of_periods(periods: Sequence[PaidPeriod], *, quota_left: int) -> Rest:
    """The rest of all periods of a card, each by its own price; they stand in the order of time.

    `quota_left` is what no visit has used, whether it is deducted yet or not. The oldest period's
    is used up first, so what is left belongs to the newest.
    """
    fen, quota = 0, 0
    for period in reversed(periods):
        mine = min(max(0, quota_left), period.quota)
        quota_left -= mine
        rest = rest_of_card(
            price_fen=period.price_fen,
            days=period.days,
            quota=period.quota,
            time_left=min(period.time_left, timedelta(days=period.days)),
            quota_left=mine,
        )
        fen, quota = fen + rest.fen, quota + rest.quota
    return Rest(fen, quota)


def rest_of_card(
    *, price_fen: int, days: int, quota: int, time_left: timedelta, quota_left: int
) -> Rest:
    """The unused share of a period: of its whole days or of its quota, whichever is smaller.

    A card without quota (0) goes by its days alone. Fen are rounded down, the quota up, so that
    nothing is both paid back and used.
    """
    share = Fraction(max(0, time_left.days), days)
    if quota:
        share = min(share, Fraction(quota_left, quota))
    return Rest(int(price_fen * share), ceil(quota * share))

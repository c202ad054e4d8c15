"""What a stay costs, and why: a tariff as data, a fee as lines that sum to it.

Cities settle the same questions differently, so each question is a named switch of `Tariff`;
`docs/pricing.md` explains all of them with a worked example. Money is integer fen, moments are
aware, days and windows are the city's. For a given arrival a fee never falls as a stay grows:
`affordable_until` and `Fee.same_until` rest on that. Sources: P2.4, P4.9, docs/rules.md 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Unpack

from parking.rules.bill import Circumstances, TariffBill, Visit
from parking.rules.lines import LINE_TEXTS, Line
from parking.rules.spans import HORIZON_S, moment_of, seconds_of
from parking.rules.tariff import BadTariff, Tariff

__all__ = [
    "LINE_TEXTS",
    "BadTariff",
    "Circumstances",
    "Fee",
    "Line",
    "Tariff",
    "Visit",
    "affordable_until",
    "continues",
    "fee",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What a stay costs; the lines sum to `amount_fen` exactly.

    Whoever leaves at `same_until` or earlier pays no more than this; a second later it is dearer.
    None where the price stays for as far as HORIZON_S looks.
    """

    amount_fen: int
    lines: tuple[Line, ...]
    same_until: datetime | None


def fee(
    tariff: Tariff,
    *,
    arrived_at: datetime,
    left_at: datetime,
    **circumstances: Unpack[Circumstances],
) -> Fee:
    """The fee of a stay, in fen, with every term of it (P4.9).

    With `earlier` stops it is what this one adds to them. ValueError for a naive moment, a
    departure before the arrival, stops out of order, or a vehicle class that the tariff does not
    know. Parts of a second are dropped from both moments.
    """
    start, end = seconds_of(arrived_at), seconds_of(left_at)
    if left_at < arrived_at:
        raise ValueError("a vehicle can't leave before it arrives")
    bill = TariffBill.of(tariff, start, circumstances)
    lines = bill.lines(end)
    amount = sum(line.amount_fen for line in lines)
    last = _last_at_most(bill.amount, amount, end)
    return Fee(amount_fen=amount, lines=lines, same_until=None if last is None else moment_of(last))


def affordable_until(
    tariff: Tariff,
    *,
    arrived_at: datetime,
    amount_fen: int,
    **circumstances: Unpack[Circumstances],
) -> datetime:
    """The last moment at which a stay from `arrived_at` costs no more than `amount_fen` (P2.4).

    `circumstances` are those of `fee`. The arrival itself where the amount pays for nothing;
    HORIZON_S after it where the amount lasts at least so long.
    """
    if amount_fen < 0:
        raise ValueError("an amount is not negative")
    start = seconds_of(arrived_at)
    bill = TariffBill.of(tariff, start, circumstances)
    last = _last_at_most(bill.amount, amount_fen, start)
    return moment_of(start + HORIZON_S if last is None else last)


def continues(tariff: Tariff, *, left_at: datetime, arrived_at: datetime) -> bool:
    """Whether a stop that began at `arrived_at` continues the one that ended at `left_at`."""
    return timedelta() <= arrived_at - left_at < timedelta(seconds=tariff.merge_gap_s)


def _last_at_most(amount: Callable[[int], int], most_fen: int, start: int) -> int | None:
    """The last second from `start` on whose amount is at most `most_fen`; None beyond the horizon.

    Amounts never fall as time goes on, so the moment is found by halving.
    """
    if amount(start + HORIZON_S) <= most_fen:
        return None
    low, step = start, 60
    while amount(low + step) <= most_fen:
        low, step = low + step, step * 2
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        if amount(middle) <= most_fen:
            low = middle
        else:
            high = middle
    return low

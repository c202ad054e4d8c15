"""What money buys a vehicle that stands: up to when it is paid, until when it may leave. Pure.

Told from all payments of a stay by when they were made, never by when we heard of them: the same
payments heard in any order are the same (docs/rules.md L5).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment made while the vehicle stood: what is kept of it, in fen.

    `ahead_until`: the time that was asked for ahead; `is_part`: its payer knew that it was not all.
    """

    at: datetime
    amount_fen: int
    ahead_until: datetime | None = None
    is_part: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Up to when a stay is paid; leaving by `leave_by` costs no more than that."""

    paid_until: datetime
    leave_by: datetime


def covers(
    paid: Iterable[Paid], *, affordable_until: Callable[[int], datetime], leave_by_s: int
) -> list[Cover]:
    """What each payment, with those before it, covers (docs/features.md 9).

    Paying for the time up to now gives minutes to leave from then on, for a unit may begin while a
    person types; paying ahead gives them at the end of the time; a part gives none.
    """
    grace = timedelta(seconds=leave_by_s)
    found: list[Cover] = []
    total_fen = 0
    for one in sorted(paid, key=lambda one: one.at):
        if not one.amount_fen:
            continue
        total_fen += one.amount_fen
        until = affordable_until(total_fen)
        if one.is_part:
            found.append(Cover(paid_until=until, leave_by=until))
        elif one.ahead_until is not None:
            until = max(until, one.ahead_until)
            found.append(Cover(paid_until=until, leave_by=until + grace))
        else:
            found.append(Cover(paid_until=until, leave_by=max(one.at + grace, until)))
    return found


def billed_until(left_at: datetime, covered: Sequence[Cover]) -> datetime:
    """Up to when a stay that left at `left_at` is billed: the cheapest of what was promised."""
    promised = (one.paid_until for one in covered if left_at <= one.leave_by)
    return min([left_at, *promised])

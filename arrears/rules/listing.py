"""What a vehicle's place on the list follows from: its debts, nothing else (P3.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from arrears.states import ListingState


@dataclass(frozen=True, slots=True)
class Owed:
    """A live debt: `held` while a question about it is open, its owner's objection too."""

    amount_fen: int
    demanded_at: datetime | None
    held: bool = False


@dataclass(frozen=True, slots=True)
class ListPosition:
    """`due_at` is when a pending entry becomes active, None while no demand was delivered."""

    state: ListingState
    amount_fen: int
    due_at: datetime | None = None


def place(owed: Iterable[Owed], *, now: datetime, grace: timedelta) -> ListPosition:
    """Where a vehicle with these live debts stands at `now`.

    Gone without debts; suspended while all are held; active once a demand for one of the others was
    delivered and its grace is over; pending until then.
    """
    debts = list(owed)
    if not debts:
        return ListPosition(ListingState.GONE, 0)
    counted = [one for one in debts if not one.held]
    amount_fen = sum(one.amount_fen for one in counted)
    if not counted:
        return ListPosition(ListingState.SUSPENDED, 0)
    ends = [one.demanded_at + grace for one in counted if one.demanded_at is not None]
    if not ends:
        return ListPosition(ListingState.PENDING, amount_fen)
    first = min(ends)
    return (
        ListPosition(ListingState.ACTIVE, amount_fen)
        if first <= now
        else ListPosition(ListingState.PENDING, amount_fen, first)
    )

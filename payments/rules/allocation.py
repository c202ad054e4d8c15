"""Which item takes what of the money that arrived, and what is left (docs/features.md 33, 34)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemShare:
    """What one item may take of a payment."""

    item_id: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ItemSettling:
    """One item on its way through the settling functions."""

    item_id: int
    left_fen: int
    taken_fen: int = 0


def allocate(paid_fen: int, wanted: Sequence[ItemShare]) -> tuple[list[ItemShare], int]:
    """Give each item what it wants, first come first served; the parts and the rest.

    An item that money no longer reaches gets a part of 0, never a negative one.
    """
    parts: list[ItemShare] = []
    left_fen = paid_fen
    for want in wanted:
        share_fen = max(0, min(want.amount_fen, left_fen))
        parts.append(ItemShare(want.item_id, share_fen))
        left_fen -= share_fen
    return parts, left_fen


def settle_in_order(
    steps: Sequence[ItemSettling], functions: Sequence[Callable[[int, int], int]]
) -> list[ItemSettling]:
    """Offer every item's money to each function in turn: all items to the first, then the next.

    Function by function, not item by item: the first function locks all stays, the second all
    debts, so that two payments never wait for each other (core.locks). A function is called as
    `function(item_id, left_fen)` also when nothing is left: it may have to act on the settling
    itself. Raises ValueError for a function that takes more than there is.
    """
    now = list(steps)
    for function in functions:
        for place, step in enumerate(now):
            taken_fen = function(step.item_id, step.left_fen)
            if not 0 <= taken_fen <= step.left_fen:
                raise ValueError(f"took {taken_fen} of {step.left_fen} fen")
            now[place] = ItemSettling(
                step.item_id, step.left_fen - taken_fen, step.taken_fen + taken_fen
            )
    return now

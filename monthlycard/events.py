"""What happens to cards and statements."""

from dataclasses import dataclass

from core.events import Event


@dataclass(frozen=True)
class CardEnded(Event):
    """A card has ended; `refunds` are (order item, fen) of what comes back (P4.2)."""

    card_id: int
    refunds: list[tuple[int, int]]
    refund_fen: int


@dataclass(frozen=True)
class StatementAgreed(Event):
    """Both sides agree on a statement (P4.12)."""

    statement_id: int


@dataclass(frozen=True)
class RestFreed(Event):
    """What was taken for a visit goes back to who paid for it; `refunds`: (order item, fen)."""

    correction_id: int
    refunds: list[tuple[int, int]]

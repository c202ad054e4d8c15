"""Outbox event handlers: deductions of agreed statements, refunds of ended cards."""

from accounts.events import HoldingEnded
from monthlycard import services
from monthlycard.events import CardEnded, RestFreed, StatementAgreed
from payments import services as payments


def deduct_agreed(event: StatementAgreed) -> None:
    """A statement that both sides agree on is deducted, once (P4.12)."""
    services.deduct(statement_id=event.statement_id, actor="system:monthlycard.deduct")


def refund_rest(event: CardEnded) -> None:
    """What an ended card has left goes back to where it came from, once (P4.2)."""
    for item_id, amount_fen in event.refunds:
        payments.refund(
            item_id=item_id,
            amount_fen=amount_fen,
            reason="card ended",
            actor="system:monthlycard.refund_rest",
            key=f"monthlycard.card:{event.card_id}:{item_id}",
        )


def end_cards_of_former_holder(event: HoldingEnded) -> None:
    """A vehicle that is no longer a person's stands on none of their cards (P4.2)."""
    services.end_cards_of_former_holder(user_id=event.user_id)


def refund_freed(event: RestFreed) -> None:
    """Money for a visit that left its statement goes back to where it came from, once (P4.12)."""
    for item_id, amount_fen in event.refunds:
        payments.refund(
            item_id=item_id,
            amount_fen=amount_fen,
            reason="statement corrected",
            actor="system:monthlycard.refund_freed",
            key=f"monthlycard.correction:{event.correction_id}:{item_id}",
        )

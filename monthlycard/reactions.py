"""What events set off here."""

from core.outbox import Event
from monthlycard import services


def deduct_agreed(event: Event) -> None:
    """A statement that both sides agree on is deducted, once (P4.12)."""
    services.deduct(statement_id=event.data["statement_id"], actor="system:monthlycard.deduct")

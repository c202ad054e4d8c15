"""Outbox event handlers: deductions of agreed statements, refunds of ended cards."""

from datetime import UTC, datetime, timedelta

from accounts.events import HoldingEnded
from core.plates import Plate
from monthlycard import services
from monthlycard.events import CardEnded, RestFreed, StatementAgreed
from parking import selectors as parking
from parking.events import (
    CopyOver,
    CopySuspected,
    PlateCorrected,
    QuestionOver,
    StayQuestioned,
    StayVoided,
)
from payments import services as payments

A_DAY = timedelta(days=1)  # questions reach no farther around their stay


def deduct_agreed(event: StatementAgreed) -> None:
    """A statement that both sides agree on is deducted, once, but for what an owner was right to
    object to before it was made (P4.12)."""
    services.leave_out(statement_id=event.statement_id)
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


def look_at_vehicle(event: StayQuestioned | QuestionOver | StayVoided) -> None:
    """parking.stay_questioned, parking.question_over, parking.stay_voided: what touches visits of
    its vehicle is held, or goes on (docs/rules.md L1)."""
    stay = parking.stay(event.stay_id)
    services.look_at_vehicle(plate=stay.plate, since=stay.arrived_at - A_DAY)


def look_at_former_vehicle(event: PlateCorrected) -> None:
    """parking.plate_corrected: the stay is no longer the former vehicle's."""
    stay = parking.stay(event.stay_id)
    former = Plate.of(event.old_text, event.old_colour) if event.old_text else None
    for plate in (former, stay.plate):
        services.look_at_vehicle(plate=plate, since=stay.arrived_at - A_DAY)


def look_at_copied(event: CopySuspected | CopyOver) -> None:
    """parking.copy_suspected, parking.copy_over: all visits under that plate are in question."""
    plate = Plate.of(event.plate_text, event.plate_colour)
    since = datetime.fromtimestamp(event.since_ms / 1000, tz=UTC)
    services.look_at_vehicle(plate=plate, since=since)

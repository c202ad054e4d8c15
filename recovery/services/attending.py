"""What an attendant does at a vehicle: its bills as one order, and cash for them, also where it was
taken without network."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core import clock, idempotency
from core.errors import Invalid
from core.plates import Plate
from parking import selectors as parking
from payments import services as payments
from payments.errors import NothingDue

KEPT_AT_MOST = timedelta(hours=12)  # a phone's word for when cash was taken counts so far back


@dataclass(frozen=True, slots=True)
class Bill:
    """A payment order at the car."""

    order_id: int
    number: str
    amount_fen: int


def bill_at_car(*, merchant_id: int, plate: Plate, actor: str, most_fen: int | None = None) -> Bill:
    """All that this vehicle owes this merchant, standing or gone, as one order; up to `most_fen`.

    Raises NothingDue.
    """
    stays = parking.unpaid_with_merchant(merchant_id, plate)
    if not stays:
        raise NothingDue()
    things = [("parking.stay", one.id) for one in stays]
    order = payments.open_order(items=things, actor=actor, amount_fen=most_fen)
    return Bill(order.pk, order.number, order.amount_fen)


def note_cash(
    *, key: str, merchant_id: int, plate: Plate, amount_fen: int, taken_at: datetime, actor: str
) -> dict[str, Any]:
    """Cash that an attendant took at a vehicle, noted once under `key` however often it arrives.

    It counts from when it was taken, as the phone says, not further back than a shift is long. The
    answer says the order, what it took, and what of the cash was too much: that goes back by hand.
    Raises NothingDue, Invalid.
    """
    if amount_fen <= 0:
        raise Invalid("bad_amount", NothingDue().message)
    said = {
        "merchant": merchant_id,
        "plate": plate.text,
        "amount_fen": amount_fen,
        "taken_at": taken_at,
    }

    def note() -> dict[str, Any]:
        bill = bill_at_car(merchant_id=merchant_id, plate=plate, actor=actor, most_fen=amount_fen)
        payments.pay_at_counter(
            bill.order_id, actor, merchant_id=merchant_id, paid_at=_when(taken_at)
        )
        rest_fen = amount_fen - bill.amount_fen
        return {"order": bill.number, "amount_fen": bill.amount_fen, "rest_fen": rest_fen}

    return idempotency.once(f"attend:{actor}", key, said, note)


def _when(taken_at: datetime) -> datetime:
    """What the phone's clock says, in real time; a wrong one counts as when we hear of it."""
    now = clock.real()
    return taken_at if now - KEPT_AT_MOST <= taken_at <= now else now

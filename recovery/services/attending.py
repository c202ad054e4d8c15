"""What an attendant does at a vehicle: its bills as one order, and cash for them, also where it was
taken without network."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from core.plates import Plate
from parking import selectors as parking
from payments import services as payments
from payments.errors import NothingDue


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


@transaction.atomic
def note_cash(
    *, merchant_id: int, plate: Plate, amount_fen: int, taken_at: datetime, actor: str
) -> dict[str, Any]:
    """Cash that an attendant took at a vehicle at `taken_at` (real time).

    The answer says the order, what it took, and what of the cash was too much: that goes back by
    hand. Raises NothingDue.
    """
    bill = bill_at_car(merchant_id=merchant_id, plate=plate, actor=actor, most_fen=amount_fen)
    payments.pay_at_counter(bill.order_id, actor, merchant_id=merchant_id, paid_at=taken_at)
    rest_fen = amount_fen - bill.amount_fen
    return {"order": bill.number, "amount_fen": bill.amount_fen, "rest_fen": rest_fen}

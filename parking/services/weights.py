"""What a person's act on a stay decides about, in fen: above a limit it needs two (accounts).

Each locks the stay as its act does, so that what was weighed is what is done.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.services import Weight
from core import clock, locks
from core.typed import typed_plate
from parking.errors import ReasonNeeded
from parking.models import ParkingSession, ReviewItem, StayPayment
from parking.services import money, prices, stay_rows
from parking.states import PlateState, StayState
from payments import services as payment_services

NOTHING = Weight(merchant_id=None, fen=0)


def place_of(stay: ParkingSession) -> str:
    """How a stay is called where somebody decides about it; it names no vehicle."""
    return money.title_of(stay)


def void_fen(stay: ParkingSession) -> int:
    """What cancelling a stay gives back and writes off."""
    if stay.state == StayState.VOID:
        return 0
    paid_fen = money.paid_fen(stay)
    if stay.state == StayState.PARKED:
        return max(paid_fen, prices.bill_of(stay, clock.now()).amount_fen)
    return paid_fen + stay.due_fen


def void_weight(stay_ids: Iterable[int]) -> tuple[int, str]:
    """What cancelling these stays decides about, locked; and how they are called."""
    rows = ParkingSession.objects.filter(pk__in=list(stay_ids))
    stays = locks.lock(rows.select_related("section", "berth", "tariff_version"))
    about = place_of(stays[0]) if stays else ""
    if len(stays) > 1:
        about += f" +{len(stays) - 1}"
    return sum(void_fen(stay) for stay in stays), about


def of_void(*, actor: str, stay_id: int, reason: str) -> Weight:
    """Cancelling it: what was paid goes back, what is due is written off."""
    _need_reason(reason)
    stay = stay_rows.locked_with_berth(stay_id)
    return Weight(stay.merchant_id, void_fen(stay), place_of(stay))


def of_close(*, actor: str, stay_id: int, left_at: datetime, reason: str) -> Weight:
    """Ending it earlier than now: what would have been due by now is written off."""
    _need_reason(reason)
    stay = stay_rows.locked_with_berth(stay_id)
    if stay.state != StayState.PARKED:
        return NOTHING
    now_fen = prices.bill_of(stay, clock.now()).amount_fen
    then_fen = prices.bill_of(stay, max(left_at, stay.arrived_at)).amount_fen
    return Weight(stay.merchant_id, max(0, now_fen - then_fen), place_of(stay))


def of_plate(
    *, actor: str, stay_id: int, plate_text: str, plate_colour: str, why: str = ""
) -> Weight:
    """Giving it to another vehicle: what was paid for it goes back to who paid."""
    plate = typed_plate(plate_text, plate_colour)
    stay = stay_rows.locked_with_berth(stay_id)
    if stay.plate_state != PlateState.SETTLED or stay.plate == plate:
        return NOTHING
    return Weight(stay.merchant_id, money.paid_fen(stay), place_of(stay))


def of_review(*, actor: str, item_id: int, verdict: str, **said: Any) -> Weight:
    """Answering a question with another plate than the stay's: as correcting it."""
    item = ReviewItem.objects.filter(pk=item_id).first()
    if item is None or verdict != ReviewItem.Verdict.PLATE or item.stay_id is None:
        return NOTHING
    return of_plate(
        actor=actor,
        stay_id=item.stay_id,
        plate_text=said.get("plate_text", ""),
        plate_colour=said.get("plate_colour", ""),
    )


def of_move(*, actor: str, payment_id: int, to_stay_id: int | None, reason: str) -> Weight:
    """Giving a payment to another stay, or back: all that the first stay has of it."""
    _need_reason(reason)
    found = StayPayment.objects.filter(pk=payment_id).first()
    if found is None:
        return NOTHING
    payment_services.lock_order(found.order_item_id)
    stay = locks.lock(ParkingSession.objects.filter(pk=found.stay_id))[0]
    found.refresh_from_db()
    return Weight(stay.merchant_id, found.kept_fen, place_of(stay))


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonNeeded()

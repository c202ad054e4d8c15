"""What a stay takes of a sum, in each of its states and on both sides of what it asks for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core import clock as business_clock
from parking.models import Berth, ParkingSession, StayPayment
from parking.services import money
from payments import services as payments
from payments.models import OrderItem
from payments.rules import Receipt
from tests.parking import test_waits
from tests.street import OTHER_PLATE, PLATE, TEST
from tests.trail import events

pytestmark = pytest.mark.usefixtures("writes_are_whole")


def receipt(stay_id: int, fen: int) -> Receipt:
    """Of the one order that there is, which asked for 1200."""
    item = OrderItem.objects.get()
    is_part = fen < item.amount_fen
    return replace(test_waits.receipt(stay_id), item_id=item.pk, is_part=is_part)


@pytest.fixture
def left(berth: Berth, stay_of: Any) -> ParkingSession:
    """Left with 1200 to pay; beside it another with as much."""
    stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, minutes=90)
    stay: ParkingSession = stay_of(berth, PLATE, minutes=90)
    business_clock.advance(timedelta(minutes=5))
    payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    return stay


@pytest.mark.parametrize(
    ("fen", "taken", "state", "due", "rows"),
    [
        (0, 0, "due", 1200, 0),
        (1, 1, "due", 1199, 1),
        (1199, 1199, "due", 1, 1),
        (1200, 1200, "settled", 0, 1),
        (1201, 1200, "settled", 0, 1),
    ],
)
def test_a_stay_that_has_left_takes_what_is_due_and_no_more(
    left: ParkingSession, fen: int, taken: int, state: str, due: int, rows: int
) -> None:
    assert money.settle_stay(receipt(left.pk, fen), fen) == taken
    left.refresh_from_db()
    assert (left.state, left.due_fen) == (state, due)
    assert [row.amount_fen for row in StayPayment.objects.all()] == [taken] * rows
    assert events("parking.stay_settled") == [{"stay_id": left.pk}] * (state == "settled")
    assert left.settled_at == (business_clock.now() if state == "settled" else None)
    other = ParkingSession.objects.exclude(pk=left.pk).get()
    assert (other.state, other.due_fen) == ("due", 1200)


def test_the_same_payment_is_taken_once(left: ParkingSession) -> None:
    assert [money.settle_stay(receipt(left.pk, 500), 500) for _twice in range(2)] == [500, 0]
    left.refresh_from_db()
    assert (left.due_fen, StayPayment.objects.count()) == (700, 1)


@pytest.mark.parametrize("state", ["settled", "void"])
def test_a_stay_that_asks_for_nothing_takes_nothing(left: ParkingSession, state: str) -> None:
    ParkingSession.objects.filter(pk=left.pk).update(state=state, due_fen=0)
    assert money.settle_stay(receipt(left.pk, 500), 500) == 0
    assert not StayPayment.objects.exists()


@pytest.mark.parametrize(("fen", "state", "due"), [(1199, "due", 601), (1200, "settled", 0)])
def test_who_has_paid_all_that_was_asked_for_is_asked_for_no_more(
    left: ParkingSession, fen: int, state: str, due: int
) -> None:
    """We hear between the asking and the paying that it stood for longer; who paid a part of what
    was asked for owes the rest of it all."""
    ParkingSession.objects.filter(pk=left.pk).update(fee_fen=1800, due_fen=1800)
    assert money.settle_stay(receipt(left.pk, fen), fen) == fen
    left.refresh_from_db()
    assert (left.state, left.due_fen) == (state, due)
    assert events("parking.stay_settled") == [{"stay_id": left.pk}] * (state == "settled")


def test_of_one_sum_the_older_stay_takes_first_and_what_is_left_goes_on(
    left: ParkingSession,
) -> None:
    other = ParkingSession.objects.exclude(pk=left.pk).get()
    part = replace(receipt(left.pk, 1500), is_part=True)  # of what two stays are to pay
    assert money.settle_stays([left.pk, other.pk], part, 1500) == {other.pk: 1200, left.pk: 300}
    states = dict(ParkingSession.objects.values_list("pk", "state"))
    assert states == {other.pk: "settled", left.pk: "due"}

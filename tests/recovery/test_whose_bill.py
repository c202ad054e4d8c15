"""A lock's order asks for its own vehicle's debts, and takes nobody else's money (L4)."""

from typing import Any

import pytest
from django.urls import reverse

from arrears.models import Debt
from core import clock as business_clock
from parking import services as parking
from parking.models import ParkingSession, StayPayment
from payments import services as payments
from payments.models import Attempt, OrderItem, Refund, SandboxTrade
from recovery import services
from recovery.models import SettlementOrder
from recovery.selectors import owner_notices
from tests.arrears.conftest import pass_time  # noqa: F401
from tests.payments.conftest import begin, tell
from tests.recovery.conftest import pay
from tests.street import OTHER_PLATE, PLATE

pytestmark = pytest.mark.django_db


def correct(stay: ParkingSession) -> None:
    parking.correct_plate(
        stay_id=stay.pk,
        plate_text=OTHER_PLATE.text,
        plate_colour=str(OTHER_PLATE.colour),
        actor="user:7",
        why="seen on the photograph",
    )


def arrive(attempt: Attempt, run_reactions: Any) -> None:
    """The provider says now that this was paid."""
    SandboxTrade.objects.filter(out_trade_no=attempt.out_trade_no).update(
        state="paid", paid_at=business_clock.real()
    )
    assert tell(attempt).status == 204
    run_reactions()


def owed_again(stay: ParkingSession, pass_time: Any) -> Debt:  # noqa: F811
    """Nobody paid it: the stay's debt is the right vehicle's, by the very row that was bound."""
    pass_time(hours=80)
    debt = Debt.objects.get(stay=stay)
    assert (debt.plate_text, debt.state) == (OTHER_PLATE.text, "open")
    return debt


def test_what_was_asked_of_the_one_pays_no_debt_of_the_other(order, debts, run_reactions):
    attempt = begin(payments.open_order(items=[("recovery.order", order.pk)], actor="owner"))
    assert OrderItem.objects.get().asked_of == f"{PLATE.text} {PLATE.colour}"
    correct(debts[0].stay)
    run_reactions()
    arrive(attempt, run_reactions)
    assert StayPayment.objects.get().stay == debts[1].stay
    assert ParkingSession.objects.get(pk=debts[0].stay_id).due_fen == 1200
    assert Refund.objects.get().amount_fen == 1200


def test_an_order_asks_for_no_debt_that_became_anothers(
    order,
    debts,
    run_reactions,
    pass_time,  # noqa: F811
):
    correct(debts[0].stay)
    run_reactions()
    owed_again(debts[0].stay, pass_time)
    assert services.quote_order(order.pk).amount_fen == 1200


def test_a_debt_that_became_anothers_keeps_no_order_from_its_settlement(
    order,
    debts,
    run_reactions,
    pass_time,  # noqa: F811
):
    correct(debts[0].stay)
    run_reactions()
    owed_again(debts[0].stay, pass_time)
    pay(("recovery.order", order.pk))
    order.refresh_from_db()
    assert order.settlement.amount_fen == 1200
    assert Debt.objects.get(stay=debts[0].stay).state == "open"


def test_what_the_right_vehicle_pays_settles_no_order_of_the_other(order, debts, run_reactions):
    correct(debts[0].stay)
    correct(debts[1].stay)
    run_reactions()
    pay(("parking.stay", debts[0].stay_id), ("parking.stay", debts[1].stay_id))
    assert not SettlementOrder.objects.exists()


def test_the_page_of_a_stay_leads_to_no_order_about_another_vehicle(raised, debts, run_reactions):
    bound = debts[0].stay
    assert [one["url"] for one in owner_notices([("parking.stay", bound.pk)])] == [
        reverse("recovery.order", args=[raised.token])
    ]
    correct(bound)
    run_reactions()
    assert owner_notices([("parking.stay", bound.pk)]) == []


def test_who_stands_behind_anothers_lock_is_told_of_the_lock_alone(raised, run_reactions):
    correct(raised.stay)
    run_reactions()
    (told,) = owner_notices([("parking.stay", raised.stay_id)])
    assert (told["url"], told["tone"]) == ("", "signal")

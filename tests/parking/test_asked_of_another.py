"""A payment that is on its way while the plate is corrected (docs/rules.md L4)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from arrears.models import Debt
from core import clock as business_clock
from parking import services
from parking.models import Berth, ParkingSession, StayPayment
from payments import services as payments
from payments.models import Attempt, Order, OrderItem, Refund, SandboxTrade
from tests.arrears.conftest import pass_time  # noqa: F401
from tests.parking.test_moving import again, corrected, ledger_sum
from tests.parking.test_prepay import draft  # noqa: F401
from tests.payments.conftest import begin, tell
from tests.street import OTHER_PLATE, PLATE, TEST

pytestmark = pytest.mark.django_db


def bill_of(stay: ParkingSession) -> Order:
    return payments.open_order(items=[("parking.stay", stay.pk)], actor="owner")


@pytest.fixture
def told(run_reactions: Any) -> Callable[[Attempt], None]:
    """The provider says now that this attempt was paid, now or before."""

    def go(attempt: Attempt) -> None:
        SandboxTrade.objects.filter(out_trade_no=attempt.out_trade_no).update(
            state="paid", paid_at=business_clock.real()
        )
        assert tell(attempt).status == 204
        run_reactions()

    return go


def test_who_was_paying_for_a_misreading_gets_it_back_and_the_right_vehicle_is_asked(
    berth: Berth,
    stay_of: Any,
    told: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    attempt = begin(bill_of(stay))
    corrected(stay)
    told(attempt)
    assert again(stay) == ("due", 1200, 1200)
    assert Refund.objects.get().amount_fen == 1200
    assert not StayPayment.objects.exists()
    assert OrderItem.objects.get().state == "unneeded"
    pass_time(hours=80)
    assert Debt.objects.get().plate_text == OTHER_PLATE.text
    assert ledger_sum() == 0


def test_the_right_vehicle_pays_by_a_bill_of_its_own(
    berth: Berth, stay_of: Any, told: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    begin(bill_of(stay))
    corrected(stay)
    run_reactions()
    order = bill_of(stay)
    assert Order.objects.exclude(pk=order.pk).get().state == "closed"
    told(begin(order))
    assert again(stay) == ("settled", 1200, 0)
    assert not Refund.objects.exists()


def test_a_colour_that_becomes_known_makes_nobody_another(
    berth: Berth, stay_of: Any, told: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    ParkingSession.objects.update(plate_colour="")
    attempt = begin(bill_of(stay))
    assert OrderItem.objects.get().asked_of == PLATE.text
    services.correct_plate(
        stay_id=stay.pk, plate_text=PLATE.text, plate_colour="blue", actor=TEST, why="seen"
    )
    told(attempt)
    assert again(stay) == ("settled", 1200, 0)


def test_who_pays_at_the_berth_pays_for_whatever_stands_there(
    berth: Berth, stay_of: Any, told: Any, clock: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=59)
    attempt = begin(bill_of(stay))
    assert OrderItem.objects.get().asked_of == ""
    corrected(stay)
    told(attempt)
    assert StayPayment.objects.get().kept_fen == 600
    assert not Refund.objects.exists()


def test_who_paid_ahead_for_a_misreading_gets_it_back_however_late_we_hear(
    section: Any,
    draft: Any,  # noqa: F811
    told: Any,
    run_reactions: Any,
    clock: Any,
) -> None:
    services.submit_prepayment(draft.token, PLATE.text, "blue")
    attempt = begin(payments.open_order(items=[("parking.prepayment", draft.pk)], actor="owner"))
    assert OrderItem.objects.get().asked_of == f"{PLATE.text} blue"
    clock.advance(timedelta(minutes=60))
    stay = ParkingSession.objects.get()
    services.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by="device:S")
    corrected(stay)
    run_reactions()
    told(attempt)
    assert again(stay)[0] == "due"
    assert not StayPayment.objects.exists()
    assert Refund.objects.get().amount_fen == 1200


def test_who_pays_ahead_at_the_berth_without_a_plate_pays_for_whatever_stands_there(
    berth: Berth, stay_of: Any, run_reactions: Any, clock: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=3)
    ahead = services.more_time(stay_id=stay.pk, minutes=60)
    begin(payments.open_order(items=[("parking.prepayment", ahead.pk)], actor="owner"))
    assert OrderItem.objects.get().asked_of == ""

"""A part of a fee may be paid; it is shown what of it, and the rest stays due (L4)."""

from datetime import timedelta
from typing import Any

import pytest

from arrears.models import Debt
from core.errors import Invalid
from parking import services
from parking.models import Berth, ParkingSession
from payments import services as payments
from payments.models import Order
from tests.arrears.conftest import pass_time  # noqa: F401
from tests.parking.test_money import CASHIER, ledger_sum
from tests.street import PLATE

ENGLISH = {"accept-language": "en"}


def ask(fen: int | None, *stays: ParkingSession) -> Order:
    things = [("parking.stay", one.pk) for one in stays]
    return payments.open_order(items=things, actor=CASHIER, amount_fen=fen)


def lines_of(order: Order) -> list[tuple[int, int]]:
    """Of each bill: what is asked, and what its lines sum to."""
    return [
        (item.amount_fen, sum(line["amount_fen"] for line in item.lines)) for item in order.bills
    ]


def test_a_part_is_taken_and_the_rest_stays_due(berth: Berth, stay_of: Any, clock: Any) -> None:
    stay = stay_of(berth, minutes=90)
    order = ask(500, stay)
    assert lines_of(order) == [(500, 500)]
    payments.pay_at_counter(order.pk, CASHIER)
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("due", 700)
    payments.pay_at_counter(ask(None, stay).pk, CASHIER)
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen, ledger_sum()) == ("settled", 0, 0)


def test_an_amount_goes_to_one_bill_after_the_other(section: Any, stay_of: Any, clock: Any) -> None:
    first, second, third = (
        stay_of(Berth.objects.get(code=f"A-00{n}"), PLATE, minutes=90) for n in (1, 2, 3)
    )
    order = ask(1500, first, second, third)
    assert [(item.amount_fen, item.is_part) for item in order.bills] == [
        (1200, False),
        (300, True),
    ]
    payments.pay_at_counter(order.pk, CASHIER)
    due = [ParkingSession.objects.get(pk=one.pk).due_fen for one in (first, second, third)]
    assert due == [0, 900, 1200]


def test_a_debt_paid_in_part_is_owed_for_the_rest(
    berth: Berth,
    stay_of: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=80)
    payments.pay_at_counter(ask(500, stay).pk, CASHIER)
    assert (Debt.objects.get().state, Debt.objects.get().amount_fen) == ("open", 700)


def test_a_part_paid_while_parked_gives_no_free_minutes(
    berth: Berth, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, ago_min=170)
    order = ask(100, stay)
    assert order.bills[0].leave_by is None
    clock.advance(timedelta(minutes=5))  # the fee is the same, and a part of it still is one
    payments.pay_at_counter(order.pk, CASHIER)
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    stay.refresh_from_db()
    assert (stay.fee_fen, stay.due_fen) == (1800, 1700)


@pytest.mark.parametrize(("asked_fen", "amount_fen"), [(1200, 1200), (99_999, 1200), (1, 1)])
def test_no_more_than_is_due_is_asked(
    berth: Berth, stay_of: Any, asked_fen: int, amount_fen: int
) -> None:
    order = ask(asked_fen, stay_of(berth, minutes=90))
    assert (order.amount_fen, order.bills[0].is_part) == (amount_fen, amount_fen < 1200)


def test_nothing_is_no_amount_and_a_prepayment_is_paid_whole(
    section: Any, berth: Berth, stay_of: Any, clock: Any
) -> None:
    with pytest.raises(Invalid, match="bad_amount"):
        ask(0, stay_of(berth, PLATE, ago_min=59))
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, berth.code)
    services.submit_prepayment(draft.token)
    with pytest.raises(Invalid, match="no_parts"):
        payments.open_order(items=[("parking.prepayment", draft.pk)], actor=CASHIER, amount_fen=600)


def test_the_payer_names_the_amount_on_the_bill(berth: Berth, stay_of: Any, anonymous: Any) -> None:
    whole = ask(None, stay_of(berth, minutes=90))
    wrong = anonymous.post(f"/o/{whole.token}/", {"part": "much"}, headers=ENGLISH)
    assert "at most two decimals" in wrong.content.decode()
    answer = anonymous.post(f"/o/{whole.token}/", {"part": "5"}, headers=ENGLISH)
    page = anonymous.get(answer["Location"], headers=ENGLISH).content.decode()
    assert "Left for later" in page
    assert Order.objects.get(state="open").amount_fen == 500

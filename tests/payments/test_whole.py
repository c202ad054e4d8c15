"""What a click does to money is whole, without a transaction of the test's around it."""

from typing import Any

import pytest

from payments import services
from payments.models import Refund
from tests.payments.conftest import TEST, open_order, pay
from tests.payments.conftest import books as balances

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_cashier_hands_cash_back_with_one_click(merchant: Any, clock: Any) -> None:
    order = open_order(merchant, 600)
    services.pay_at_counter(order.pk, TEST)
    back = services.refund(
        item_id=order.items.get().pk, amount_fen=100, reason="x", actor=TEST, key="k"
    )
    assert services.hand_back(back.pk, merchant_id=merchant.pk, actor=TEST)
    assert not services.hand_back(back.pk, merchant_id=merchant.pk, actor=TEST)
    assert Refund.objects.get().state == "done"
    assert sum(balances().values()) == 0


def test_a_refund_that_failed_is_asked_for_again(order: Any) -> None:
    pay(order)
    back = services.refund(
        item_id=order.items.get().pk, amount_fen=100, reason="x", actor=TEST, key="k"
    )
    number = back.out_refund_no
    Refund.objects.update(state="failed")
    assert services.ask_again(back.pk, actor=TEST)
    assert not services.ask_again(back.pk, actor=TEST)
    back.refresh_from_db()
    assert back.state == "asked"
    assert back.out_refund_no != number

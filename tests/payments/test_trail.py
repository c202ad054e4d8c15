"""Where money went by a person's word or by itself stands in the trail."""

from typing import Any

import pytest

from core import clock as business_clock
from core.errors import Refused
from payments import services
from payments.models import Attempt, Credit, Order
from payments.services.attempts import accept_reported
from payments.services.moving import move
from tests.payments.conftest import begin, pay
from tests.trail import said

pytestmark = pytest.mark.usefixtures("writes_are_whole")


def test_a_refund_and_a_payment_that_moved_say_who_why_and_how_much(
    order: Order, merchant: Any
) -> None:
    pay(order)
    item = order.items.get()
    back = services.refund(item_id=item.pk, amount_fen=100, reason="late", actor="user:3", key="k")
    again = services.refund(item_id=item.pk, amount_fen=100, reason="late", actor="user:3", key="k")
    assert back.pk == again.pk
    assert said(back) == [("created", "user:3", "late", {"amount_fen": 100})]
    moved = move(
        item_id=item.pk,
        amount_fen=200,
        payable=item.payable,
        subject_id=2,
        title="x",
        merchant_id=merchant.pk,
        actor="user:4",
        reason="another vehicle",
    )
    assert said(moved) == [("moved", "user:4", "another vehicle", {"amount_fen": 200})]


def test_what_comes_twice_is_a_credit_that_says_so(order: Order) -> None:
    pay(order)
    second = Attempt.objects.create(
        order=order,
        provider="sandbox",
        out_trade_no="second",
        amount_fen=600,
        created_at=business_clock.real(),
        expires_at=business_clock.real(),
    )
    services.take_payment(
        second.pk, provider_no="2", paid_at=business_clock.real(), actor="provider:sandbox"
    )
    credit = Credit.objects.get()
    assert said(credit) == [
        ("created", "provider:sandbox", "", {"amount_fen": 600, "why": credit.why})
    ]


def test_who_takes_another_amount_as_it_came_is_said(order: Order) -> None:
    attempt = begin(order)
    with pytest.raises(Refused):
        accept_reported(attempt_id=attempt.pk, actor="user:5")
    assert said(attempt) == []
    Attempt.objects.filter(pk=attempt.pk).update(reported_fen=500, provider_no="1")
    assert accept_reported(attempt_id=attempt.pk, actor="user:5")
    assert said(attempt) == [("accepted", "user:5", "", {"reported_fen": 500})]

"""Who moves money of an order waits for who works on it (core/locks.py)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from accounts.models import User
from core import clock as business_clock
from payments import services
from payments.models import BillDay, BillDifference, Order
from payments.providers.base import Bill, ProviderNotice, RefundSays
from payments.rules.bills import BillSums
from payments.services import bills, notifications, refunds
from payments.services.moving import move
from tests import waiting
from tests.payments.conftest import TEST, begin, open_order, pay

pytestmark = pytest.mark.django_db(transaction=True)


def test_whoever_pays_an_order_waits_for_who_works_on_it(order: Order) -> None:
    attempt = begin(order)
    acts: dict[str, Callable[[], object]] = {
        "try *": lambda: services.begin_attempt(
            order_id=order.pk, provider="sandbox", return_url="/", actor="owner"
        ),
        "money": lambda: services.take_payment(
            attempt.pk, provider_no="1", paid_at=business_clock.real(), actor="provider:sandbox"
        ),
    }
    assert waiting.all_at(order, acts) == dict.fromkeys(acts, "waits")


def test_whoever_gives_money_back_waits_for_who_works_on_its_order(
    order: Order, merchant: Any
) -> None:
    pay(order)
    item = order.items.get()
    back = services.refund(item_id=item.pk, amount_fen=100, reason="x", actor=TEST, key="back")
    notice = notifications.Notification.objects.get()
    told = ProviderNotice(
        kind="refund",
        out_refund_no=back.out_refund_no,
        says=RefundSays(state="done", provider_no="1"),
    )
    moved: dict[str, Any] = {"item_id": item.pk, "amount_fen": 100, "payable": item.payable}
    moved |= {"subject_id": 1, "merchant_id": merchant.pk, "title": "x", "reason": "x"}
    moved |= {"actor": TEST}
    acts: dict[str, Callable[[], object]] = {
        "refund": lambda: services.refund(
            item_id=item.pk, amount_fen=100, reason="x", actor=TEST, key="another"
        ),
        "move": lambda: move(**moved),
        "the provider's answer": lambda: refunds._mark_refund(back, RefundSays(state="done")),
        "the provider's message *": lambda: notifications._act_once(notice, "", told),
    }
    assert waiting.all_at(order, acts) == dict.fromkeys(acts, "waits")


def test_a_cashier_who_hands_cash_back_waits_for_who_works_on_its_order(
    merchant: Any, clock: Any
) -> None:
    order = open_order(merchant, 600)
    services.pay_at_counter(order.pk, TEST)
    item = order.items.get()
    back = services.refund(item_id=item.pk, amount_fen=100, reason="x", actor=TEST, key="back")
    assert back.counter_id is not None
    found = waiting.at(
        order,
        lambda: services.hand_back(back.pk, merchant_id=back.counter_id or 0, actor=TEST),
        known=True,
    )
    assert found == "waits"


def test_whoever_works_on_a_provider_s_day_waits_for_who_closes_it(clock: Any) -> None:
    who = User.objects.create_user("finance", password="x" * 12)
    day = BillDay.objects.create(
        provider="wechat", billed="1", day=date(2026, 3, 2), state="matched"
    )
    awaited = BillDay.objects.create(provider="wechat", billed="1", day=date(2026, 3, 3))
    facts = {"bill_day": day, "found_at": business_clock.now()}
    taken, answered = (
        BillDifference.objects.create(gap="sums", number=number, **facts) for number in "ab"
    )
    actor = f"user:{who.pk}"
    acts: dict[str, Callable[[], object]] = {
        "match": lambda: services.match_bill(day.pk),
        "take": lambda: services.take_difference(taken.pk, actor=actor),
        "answer": lambda: services.answer_difference(answered.pk, answer="x", actor=actor),
        "close *": lambda: services.close_day(day.pk, actor=actor),
    }
    assert waiting.all_at(day, acts) == dict.fromkeys(acts, "waits")
    bill: dict[str, Callable[[], object]] = {
        "take": lambda: bills.take_bill(awaited.pk, Bill([], BillSums(), ""))
    }
    assert waiting.all_at(awaited, bill) == {"take": "waits"}

"""Alipay as published, with real RSA2 signatures on both sides."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from core import clock
from payments import providers, services
from payments.errors import ProviderAway
from payments.models import Attempt, Notification, Order
from payments.providers.base import Way
from tests.payments.conftest import TEST, books, moved
from tests.payments.servers import AlipayServer, serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def alipay(settings: Any) -> Iterator[AlipayServer]:
    server = AlipayServer()
    with serving(server) as url:
        settings.BOWEI_PAYMENTS = {"alipay": server.settings(url)}
        providers.forget()
        yield server


def begin(order: Order, **how: Any) -> Attempt:
    return services.begin_attempt(
        order_id=order.pk,
        provider="alipay",
        return_url="https://bowei.example/o/x/done/",
        actor="owner",
        **how,
    )


def tell(server: AlipayServer, attempt: Attempt, **other: Any) -> services.NotificationReply:
    message = server.notification(attempt.out_trade_no, **other)
    return services.receive_notification("alipay", *message)


def paid(order: Order, server: AlipayServer) -> Attempt:
    attempt = begin(order)
    server.open(attempt.pay_url)
    server.pay(attempt.out_trade_no)
    assert tell(server, attempt).body == "success"
    attempt.refresh_from_db()
    return attempt


def test_the_payer_goes_on_to_a_page_that_alipay_can_verify(order, alipay):
    attempt = begin(order)
    assert alipay.open(attempt.pay_url) == attempt.out_trade_no
    assert alipay.trades[attempt.out_trade_no]["total_amount"] == "6.00"


def test_beside_a_screen_a_code_is_shown(order, alipay):
    assert begin(order, way=Way.CODE).qr.startswith("https://qr.alipay.com/")


def test_a_genuine_notification_settles_and_is_answered_success(order, alipay):
    attempt = paid(order, alipay)
    assert attempt.state == "paid"
    assert attempt.provider_no == "2026" + attempt.out_trade_no
    assert books()["provider:alipay"] == 600


@pytest.mark.parametrize(
    "other",
    [{"owner": "nobody"}, {"app_id": "2021000000000002"}, {"seller_id": "2088000000000000"}],
)
def test_a_notification_that_is_not_for_us_is_refused(order, alipay, other):
    attempt = begin(order)
    alipay.open(attempt.pay_url)
    alipay.pay(attempt.out_trade_no)
    assert tell(alipay, attempt, **other).body == "failure"
    attempt.refresh_from_db()
    assert attempt.state == "pending"
    assert not Notification.objects.get().verified


@pytest.mark.parametrize("amount", ["6.01", "0.01", "6", "6.0", "NaN", "６.00"])
def test_another_amount_settles_nothing(order, alipay, amount):
    attempt = begin(order)
    alipay.open(attempt.pay_url)
    alipay.pay(attempt.out_trade_no)
    assert tell(alipay, attempt, total_amount=amount).body == "failure"
    attempt.refresh_from_db()
    assert attempt.state == "pending"


def test_the_return_to_our_page_proves_nothing(order, alipay, anonymous):
    attempt = begin(order)
    alipay.open(attempt.pay_url)
    anonymous.get(f"/o/{order.token}/done/?trade_no=1&out_trade_no={attempt.out_trade_no}")
    order.refresh_from_db()
    assert order.state == "open"


def test_asking_finds_a_payment_whose_notification_was_lost(order, alipay):
    attempt = begin(order)
    alipay.open(attempt.pay_url)
    assert services.query_attempt(attempt.pk) == "pending"
    alipay.pay(attempt.out_trade_no)
    assert services.query_attempt(attempt.pk) == "paid"


def test_a_page_that_was_not_opened_yet_may_still_be_paid(order, alipay):
    """Alipay knows a trade only from the moment on at which the payer opens its page."""
    attempt = begin(order)
    Attempt.objects.update(created_at=clock.real() - timedelta(minutes=10))
    assert services.query_attempt(attempt.pk) == "pending"
    Attempt.objects.update(expires_at=clock.real() - timedelta(minutes=3))
    assert services.query_attempt(attempt.pk) == "closed"


def test_an_answer_that_alipay_did_not_sign_proves_nothing(order, alipay):
    alipay.forge_answers = True
    with pytest.raises(ProviderAway):
        begin(order, way=Way.CODE)
    assert Attempt.objects.get().state == "unknown"


def test_a_closed_order_is_closed_at_alipay(order, alipay):
    attempt = begin(order)
    alipay.open(attempt.pay_url)
    services.close_order(order, actor=TEST, reason="over")
    assert services.query_attempt(attempt.pk) == "closed"
    assert alipay.trades[attempt.out_trade_no]["trade_status"] == "TRADE_CLOSED"


def test_a_refund_asked_for_twice_goes_back_once(order, alipay):
    paid(order, alipay)
    row = services.refund(
        item_id=order.items.get().pk, amount_fen=250, reason="unused", actor=TEST, key="k"
    )
    assert services.carry_out_refund(row.pk) == "done"
    assert alipay.refunds == {row.out_refund_no: "2.50"}
    row.__class__.objects.filter(pk=row.pk).update(state="asked")  # as if the mark had been lost
    assert services.carry_out_refund(row.pk) == "done"
    assert alipay.refunds == {row.out_refund_no: "2.50"}


def test_a_refund_that_tells_again_as_success_is_no_payment(order, alipay):
    attempt = paid(order, alipay)
    for _time in range(2):
        answer = tell(alipay, attempt, refund_fee="2.50", gmt_refund="2026-03-02 10:00:00")
        assert answer.body == "success"
    assert moved(Order, "paid") == 1
    assert books()["provider:alipay"] == 600


def test_a_full_refund_s_trade_closed_never_unpays(order, alipay):
    attempt = paid(order, alipay)
    alipay.trades[attempt.out_trade_no]["trade_status"] = "TRADE_CLOSED"
    assert tell(alipay, attempt).body == "success"
    order.refresh_from_db()
    assert order.state == "paid"


def test_a_subject_goes_out_without_what_alipay_refuses(order, alipay):
    Order.objects.filter(pk=order.pk).update(title="停车 · 长宁路/江苏路 & A=B")
    pay_url = begin(order).pay_url
    said = json.loads(dict(parse_qsl(urlsplit(pay_url).query))["biz_content"])
    assert said["subject"] == "停车 · 长宁路 江苏路   A B"

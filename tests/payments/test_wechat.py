"""WeChat Pay as published, with real signatures on both sides."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from payments import providers, services
from payments.errors import ProviderAway
from payments.models import Attempt, Notification, Order, Refund, SandboxTrade
from payments.providers.base import Way
from payments.providers.sandbox import client as sandbox
from tests.payments import kiosk
from tests.payments.conftest import TEST, books, pay
from tests.payments.servers import WeChatServer, serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def wechat(settings: Any) -> Iterator[WeChatServer]:
    server = WeChatServer()
    with serving(server) as url:
        settings.BOWEI_PAYMENTS = {"wechat": server.settings(url)}
        providers.forget()
        yield server


def begin(order: Order, **how: Any) -> Attempt:
    return services.begin_attempt(
        order_id=order.pk,
        provider="wechat",
        return_url="https://bowei.example/o/x/done/",
        actor="owner",
        client_ip="203.0.113.9",
        **how,
    )


def tell(server: WeChatServer, attempt: Attempt, **changed: Any) -> services.NotificationReply:
    resource = {**server.resource(attempt.out_trade_no), **changed}
    return services.receive_notification("wechat", *server.notification(resource))


def test_on_a_phone_the_payer_goes_on_to_wechat(order, wechat):
    attempt = begin(order)
    assert attempt.state == "pending"
    assert attempt.pay_url.startswith("https://wx.tenpay.com/checkmweb?prepay_id=1&redirect_url=")
    sent = wechat.trades[attempt.out_trade_no]
    assert sent["amount"] == {"total": 600, "currency": "CNY"}
    assert sent["notify_url"].endswith("/api/v1/payments/notify/wechat")


def test_beside_a_screen_a_code_is_shown(order, wechat):
    attempt = begin(order, way=Way.CODE)
    assert attempt.qr.startswith("weixin://wxpay/")


def test_a_genuine_notification_settles(order, wechat):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    answer = tell(wechat, attempt)
    assert (answer.status, answer.body) == (204, "")
    attempt.refresh_from_db()
    assert attempt.provider_no == "42" + attempt.out_trade_no
    assert books()["provider:wechat"] == 600


@pytest.mark.parametrize(
    ("owner", "off_s", "why"),
    [("nobody", 0, "signature"), ("wechat", -302, "5 minutes"), ("wechat", 310, "5 minutes")],
)
def test_a_forged_or_old_notification_is_refused(order, wechat, owner, off_s, why):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    resource = wechat.resource(attempt.out_trade_no)
    message = wechat.notification(resource, owner=owner, stamp=int(time.time()) + off_s)
    answer = services.receive_notification("wechat", *message)
    assert answer.status == 401
    assert json.loads(answer.body)["code"] == "FAIL"
    attempt.refresh_from_db()
    assert attempt.state == "pending"
    assert why in Notification.objects.get().problem


def test_a_probe_with_a_wrong_signature_fails(order, wechat):
    """WeChat probes us with signatures that begin WECHATPAY/SIGNTEST/ and must not be taken."""
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    headers, body = wechat.notification(wechat.resource(attempt.out_trade_no))
    headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
    assert services.receive_notification("wechat", headers, body).status == 401


@pytest.mark.parametrize("serial", ["", "PUB_KEY_ID_999", "zz", "5157F09EFDC096DE15EBE81A47057A72"])
def test_an_unknown_serial_is_refused_without_asking_anybody(order, wechat, serial):
    attempt = begin(order)
    headers, body = wechat.notification(wechat.resource(attempt.out_trade_no))
    headers["Wechatpay-Serial"] = serial
    assert services.receive_notification("wechat", headers, body).status == 401


@pytest.mark.parametrize("changed", [{"mchid": "1900000110"}, {"appid": "wx0000000000000000"}])
def test_a_notification_for_another_app_or_merchant_is_refused(order, wechat, changed):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    assert tell(wechat, attempt, **changed).status == 401
    attempt.refresh_from_db()
    assert attempt.state == "pending"


def test_another_amount_settles_nothing(order, wechat):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    assert tell(wechat, attempt, amount={"total": 1, "currency": "CNY"}).status == 500
    attempt.refresh_from_db()
    assert attempt.state == "pending"


def test_another_currency_settles_nothing(order, wechat):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    assert tell(wechat, attempt, amount={"total": 600, "currency": "JPY"}).status == 401
    attempt.refresh_from_db()
    assert attempt.state == "pending"


def test_asking_finds_a_payment_whose_notification_was_lost(order, wechat):
    attempt = begin(order)
    assert services.query_attempt(attempt.pk) == "pending"
    wechat.pay(attempt.out_trade_no)
    assert services.query_attempt(attempt.pk) == "paid"


def test_a_closed_order_is_closed_at_wechat(order, wechat):
    attempt = begin(order)
    services.close_order(order, actor=TEST, reason="over")
    assert services.query_attempt(attempt.pk) == "closed"
    assert wechat.trades[attempt.out_trade_no]["trade_state"] == "CLOSED"


def test_an_answer_that_wechat_did_not_sign_proves_nothing(order, wechat):
    wechat.forge_answers = True
    with pytest.raises(ProviderAway):
        begin(order)
    attempt = Attempt.objects.get()
    assert attempt.state == "unknown"
    wechat.forge_answers = False
    wechat.pay(attempt.out_trade_no)
    assert services.query_attempt(attempt.pk) == "paid"


def test_no_answer_leaves_the_outcome_unknown(order, settings, wechat):
    away = {**settings.BOWEI_PAYMENTS["wechat"], "gateway": "http://127.0.0.1:9"}
    settings.BOWEI_PAYMENTS = {"wechat": away}
    providers.forget()
    with pytest.raises(ProviderAway):
        begin(order)
    assert Attempt.objects.get().state == "unknown"


def test_a_refund_is_asked_for_and_followed_until_it_is_done(order, wechat):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    tell(wechat, attempt)
    row = services.refund(
        item_id=order.items.get().pk, amount_fen=250, reason="unused", actor=TEST, key="k"
    )
    wechat.refund_status = "PROCESSING"
    assert services.carry_out_refund(row.pk) == "sent"
    assert wechat.refunds[row.out_refund_no]["amount"] == {
        "refund": 250,
        "total": 600,
        "currency": "CNY",
    }
    wechat.refund_status = "ABNORMAL"  # not final
    assert services.carry_out_refund(row.pk) == "sent"
    wechat.refund_status = "SUCCESS"
    assert services.carry_out_refund(row.pk) == "done"
    assert books()["provider:wechat"] == 350


def test_a_refund_s_notification_never_fires_a_payment(order, wechat):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    tell(wechat, attempt)
    row = services.refund(
        item_id=order.items.get().pk, amount_fen=600, reason="unused", actor=TEST, key="k"
    )
    resource = {
        "mchid": WeChatServer.SETTINGS["mchid"],
        "out_trade_no": attempt.out_trade_no,
        "out_refund_no": row.out_refund_no,
        "refund_id": "5000",
        "refund_status": "SUCCESS",
        "amount": {"total": 600, "refund": 600},
    }
    for _time in range(2):
        message = wechat.notification(resource, event="REFUND.SUCCESS")
        assert services.receive_notification("wechat", *message).status == 204
    row.refresh_from_db()
    attempt.refresh_from_db()
    assert (row.state, attempt.state, books()) == ("done", "paid", {})


def test_a_trade_closed_event_never_unpays(order, wechat):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    tell(wechat, attempt)
    assert tell(wechat, attempt, trade_state="CLOSED").status == 204
    attempt.refresh_from_db()
    order.refresh_from_db()
    assert (attempt.state, order.state) == ("paid", "paid")
    assert not Refund.objects.exists()


def refund_resource(row: Refund, status: str) -> dict[str, Any]:
    return {
        "mchid": WeChatServer.SETTINGS["mchid"],
        "out_trade_no": row.attempt.out_trade_no,
        "out_refund_no": row.out_refund_no,
        "refund_id": "5000",
        "refund_status": status,
        "amount": {"total": 600, "refund": row.amount_fen},
    }


@pytest.mark.parametrize("state", ["asked", "sent", "done", "failed"])
def test_after_a_message_of_a_refund_that_is_not_back_wechat_is_asked_at_once(order, wechat, state):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    tell(wechat, attempt)
    item = order.items.get()
    other, row = (
        services.refund(item_id=item.pk, amount_fen=200, reason="unused", actor=TEST, key=key)
        for key in ("a", "b")
    )
    later = clock.real() + timedelta(hours=1)
    Refund.objects.update(next_look_at=later)
    Refund.objects.filter(pk=row.pk).update(state=state)
    message = wechat.notification(refund_resource(row, "ABNORMAL"), event="REFUND.ABNORMAL")
    assert services.receive_notification("wechat", *message).status == 204
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.state, row.next_look_at < later) == (state, state in ("asked", "sent"))
    assert other.next_look_at == later


def test_nobody_tells_of_another_provider_s_payment_or_refund(order, wechat, merchant):
    """Genuine for whom it comes from, and about a number that another one was given."""
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    trade = SandboxTrade(pk=1, out_trade_no=attempt.out_trade_no, amount_fen=600, notify_url="/")
    trade.paid_at = clock.real()
    _url, headers, body = sandbox.notification(trade)
    answer = services.receive_notification("sandbox", headers, body)
    assert (answer.status, answer.body, books()) == (500, "unknown order number", {})

    tell(wechat, attempt)
    kiosk.owe(2, 300, merchant.pk)
    theirs = services.open_order(items=[(kiosk.NAME, 2)], actor=TEST)
    pay(theirs)
    row = services.refund(
        item_id=theirs.items.get().pk, amount_fen=300, reason="unused", actor=TEST, key="k"
    )
    message = wechat.notification(refund_resource(row, "SUCCESS"), event="REFUND.SUCCESS")
    answer = services.receive_notification("wechat", *message)
    assert (answer.status, json.loads(answer.body)["message"]) == (500, "unknown refund number")
    assert (Refund.objects.get().state, books()["provider:sandbox"]) == ("asked", 300)


def test_what_wechat_tells_besides_is_kept_and_nothing_follows(order, wechat):
    attempt = begin(order)
    message = wechat.notification(
        {"out_trade_no": attempt.out_trade_no}, event="PAYSCORE.USER_OPEN"
    )
    assert services.receive_notification("wechat", *message).status == 204
    notice = Notification.objects.get()
    assert (notice.kind, notice.processed_at is not None, books()) == ("other", True, {})


def test_a_state_that_wechat_has_not_told_of_yet_is_kept_and_nothing_follows(order, wechat):
    attempt = begin(order)
    wechat.pay(attempt.out_trade_no)
    assert tell(wechat, attempt, trade_state="HELD").status == 204
    notice = Notification.objects.get()
    assert (notice.kind, notice.out_trade_no) == ("other", attempt.out_trade_no)
    attempt.refresh_from_db()
    assert (attempt.state, books()) == ("pending", {})
    assert tell(wechat, attempt).status == 204
    assert books()["provider:wechat"] == 600

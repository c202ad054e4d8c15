"""Paying inside WeChat, from the bill to its sheet, with what WeChat publishes beside it."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from django.test import Client

from core import clock, limits
from payments import providers, services
from payments.errors import NotIntroduced
from payments.models import Attempt, Introduction, Order
from tests.payments.conftest import books
from tests.payments.servers import OPENIDS, WeChatServer, serving
from tests.waiting import other_connection, until_others_wait

pytestmark = pytest.mark.django_db
INSIDE = "Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36 MicroMessenger/8.0.50 NetType/5G"
HEADERS = {"user-agent": INSIDE, "accept-language": "en"}


@pytest.fixture
def wechat(settings: Any) -> Iterator[WeChatServer]:
    server = WeChatServer()
    with serving(server) as url:
        settings.BOWEI_PAYMENTS = {"wechat": server.settings(url)}
        settings.BOWEI_SANDBOX_PAYMENTS = False
        settings.PUBLIC_URL = "https://bowei.example"
        providers.forget()
        yield server


@pytest.fixture
def phone() -> Client:
    return Client(headers=HEADERS)


def press(phone: Client, order: Order) -> Any:
    return phone.post(f"/o/{order.token}/", {"provider": "wechat"})


def come_back(sent_to: str) -> str:
    """WeChat opens where we sent the payer, and sends them back; our path with its query."""
    answer = requests.get(sent_to, timeout=5, allow_redirects=False)
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == "https://bowei.example"
    return f"{back.path}?{back.query}"


def to_the_sheet(phone: Client, order: Order) -> Any:
    answer = phone.get(come_back(press(phone, order)["Location"]))
    assert answer["Location"] == f"/o/{order.token}/paying/"
    return phone.get(answer["Location"])


def request_of(page: Any) -> dict[str, str]:
    found = re.search(r'data-request="([^"]+)"', page.content.decode())
    assert found
    told: dict[str, str] = json.loads(found[1].replace("&quot;", '"'))
    return told


def test_a_payer_inside_wechat_gets_to_a_sheet_that_wechat_can_verify(order, wechat, phone):
    page = to_the_sheet(phone, order)
    assert "weixin: wvjbscheme:" in page.headers["Content-Security-Policy"]
    number = wechat.confirm(request_of(page))
    attempt = Attempt.objects.get(out_trade_no=number)
    sent = wechat.trades[number]
    assert sent["payer"] == {"openid": OPENIDS[0]}
    assert sent["amount"] == {"total": 600, "currency": "CNY"}
    assert services.query_attempt(attempt.pk) == "paid"
    assert books()["provider:wechat"] == 600
    assert phone.get(f"/o/{order.token}/paying/")["Location"] == f"/o/{order.token}/done/"


def test_who_the_payer_is_stands_nowhere(order, wechat, phone):
    to_the_sheet(phone, order)
    rows = [*Attempt.objects.values(), *Introduction.objects.values(), *Order.objects.values()]
    assert rows
    assert OPENIDS[0] not in json.dumps(rows, default=str)


def test_what_the_bridge_says_proves_nothing(order, wechat, phone):
    to_the_sheet(phone, order)
    assert "Waiting" in phone.get(f"/o/{order.token}/done/").content.decode()
    order.refresh_from_db()
    assert order.state == "open"


def test_a_second_tap_opens_the_same_sheet_without_asking_wechat_again(order, wechat, phone):
    first = request_of(to_the_sheet(phone, order))
    answer = press(phone, order)
    assert answer["Location"] == f"/o/{order.token}/paying/"
    assert request_of(phone.get(answer["Location"]))["package"] == first["package"]
    assert (len(wechat.sent), len(wechat.trades)) == (1, 1)


def test_another_browser_is_asked_anew_and_never_sees_the_first_one_s_sheet(order, wechat, phone):
    to_the_sheet(phone, order)
    other = Client(headers=HEADERS)
    assert other.get(f"/o/{order.token}/paying/")["Location"] == f"/o/{order.token}/"
    to_the_sheet(other, order)
    assert (len(wechat.sent), len(wechat.trades)) == (2, 2)


def test_an_answer_counts_once_and_in_the_browser_that_was_sent(order, wechat, phone):
    back = come_back(press(phone, order)["Location"])
    stranger = Client(headers=HEADERS)
    assert stranger.get(back).status_code == 409
    limits.forget()
    signed = Client(headers=HEADERS)
    press(signed, order)  # has a name of its own by now
    assert signed.get(back).status_code == 409
    assert not Attempt.objects.exists()
    assert phone.get(back)["Location"].endswith("/paying/")
    assert phone.get(back)["Location"].endswith("/paying/")  # loaded again: the same sheet
    assert (Attempt.objects.count(), len(wechat.trades)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_only_one_asks_who_pays(order, wechat, phone, at_once):
    sent_to = services.introduce(order_id=order.pk, provider="wechat", browser="phone")
    asked = Introduction.objects.get()

    def answered() -> str:
        said = dict(parse_qsl(urlsplit(come_back(sent_to)).query))  # with a code of its own
        try:
            return services.introduced(provider="wechat", browser="phone", **said)[1]
        except NotIntroduced:
            return "nobody"

    def let_go_when_both_wait() -> None:
        until_others_wait(2)
        other.rollback()

    with other_connection() as other:
        other.execute("SELECT 1 FROM payments_introduction WHERE id = %s FOR UPDATE", [asked.pk])
        found = at_once(answered, answered, let_go_when_both_wait)
    assert sorted(found[:2]) == sorted([OPENIDS[0], "nobody"])


@pytest.mark.parametrize("query", ["", "?code=1", "?state=1", "?code=1&state=" + "x" * 400])
def test_an_answer_that_we_did_not_ask_for_begins_nothing(order, wechat, phone, query):
    press(phone, order)
    assert phone.get(f"/pay/wechat/{query}").status_code == 409
    assert not Attempt.objects.exists()


def test_an_answer_that_takes_nearly_ten_minutes_is_not_late(order, wechat, phone):
    back = come_back(press(phone, order)["Location"])
    Introduction.objects.update(asked_at=clock.real() - timedelta(minutes=9, seconds=45))
    assert phone.get(back)["Location"] == f"/o/{order.token}/paying/"


def test_an_answer_that_comes_late_leads_back_to_the_bill(order, wechat, phone):
    back = come_back(press(phone, order)["Location"])
    Introduction.objects.update(asked_at=clock.real() - timedelta(minutes=10))
    answer = phone.get(back, follow=True)
    assert answer.redirect_chain[-1][0] == f"/o/{order.token}/"
    assert "No money has moved" in answer.content.decode()
    assert not Attempt.objects.exists()


def test_a_code_that_wechat_does_not_take_leads_back_to_the_bill(order, wechat, phone):
    back = come_back(press(phone, order)["Location"])
    wechat.codes.clear()
    answer = phone.get(back, follow=True)
    assert "Touch the way to pay again" in answer.content.decode()
    assert not Attempt.objects.exists()


def test_where_wechat_does_not_say_who_pays_the_payer_is_told_so(order, wechat, phone, settings):
    back = come_back(press(phone, order)["Location"])
    away = {**settings.BOWEI_PAYMENTS["wechat"], "gateway": "http://127.0.0.1:9"}
    settings.BOWEI_PAYMENTS = {"wechat": away}
    providers.forget()
    answer = phone.get(back, follow=True)
    assert "does not answer" in answer.content.decode()
    assert not Attempt.objects.exists()


def test_no_answer_to_the_order_leaves_its_outcome_unknown(order, wechat, phone):
    back = come_back(press(phone, order)["Location"])
    wechat.forge_answers = True
    answer = phone.get(back, follow=True)
    assert "does not answer" in answer.content.decode()
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.sheet) == ("unknown", "")
    wechat.forge_answers = False
    wechat.pay(attempt.out_trade_no)
    assert services.query_attempt(attempt.pk) == "paid"


def test_paid_elsewhere_meanwhile_no_sheet_opens(order, wechat, phone):
    back = come_back(press(phone, order)["Location"])
    services.pay_at_counter(order.pk, "user:1")
    assert phone.get(back)["Location"] == f"/o/{order.token}/done/"
    assert not Attempt.objects.filter(provider="wechat").exists()


def test_a_sheet_that_wechat_has_forgotten_is_begun_anew(order, wechat, phone):
    to_the_sheet(phone, order)
    Attempt.objects.update(created_at=clock.real() - timedelta(minutes=109, seconds=45))
    assert press(phone, order)["Location"] == f"/o/{order.token}/paying/"
    Attempt.objects.update(created_at=clock.real() - timedelta(minutes=110))
    assert "/connect/oauth2/authorize?" in press(phone, order)["Location"]
    Attempt.objects.update(expires_at=clock.real())
    assert phone.get(f"/o/{order.token}/paying/")["Location"] == f"/o/{order.token}/"


@pytest.mark.parametrize("where", ["miniProgram/wx1", "wxwork/4.1"])
def test_where_the_bridge_pays_otherwise_no_sheet_is_offered(order, wechat, where):
    page = Client(headers={**HEADERS, "user-agent": f"{INSIDE} {where}"}).get(f"/o/{order.token}/")
    assert 'name="provider"' not in page.content.decode()
    assert "open this page in your browser" in page.content.decode()


def test_who_chooses_a_way_that_does_not_work_there_is_told(order, wechat, settings, phone):
    settings.BOWEI_PAYMENTS = {**settings.BOWEI_PAYMENTS, "alipay": {"appid": "1"}}
    text = phone.get(f"/o/{order.token}/").content.decode()
    assert re.findall(r'name="provider"\s+value="(\w+)"', text) == ["wechat"]
    assert "For Alipay touch ⋯" in text
    answer = phone.post(f"/o/{order.token}/", {"provider": "alipay"})
    assert answer.status_code == 400
    assert "not available" in answer.content.decode()


def test_beside_a_screen_a_code_is_shown_that_a_phone_scans(order, wechat):
    screen = Client(
        headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept-language": "en"}
    )
    page = screen.post(f"/o/{order.token}/", {"provider": "wechat"}, follow=True)
    text = page.content.decode()
    assert "Scan this code with WeChat Pay" in text
    assert 'class="qr"' in text
    attempt = Attempt.objects.get()
    assert attempt.qr.startswith("weixin://wxpay/")
    wechat.pay(attempt.out_trade_no)
    services.query_attempt(attempt.pk)
    assert screen.get(f"/o/{order.token}/paying/")["Location"] == f"/o/{order.token}/done/"


def test_in_alipay_wechat_is_not_offered(order, wechat):
    inside = Client(headers={**HEADERS, "user-agent": "Mozilla/5.0 Mobile AlipayClient/10.5"})
    text = inside.get(f"/o/{order.token}/").content.decode()
    assert 'name="provider"' not in text
    assert "Inside Alipay this bill" in text


def test_we_send_the_payer_with_a_state_that_tells_nothing(order, wechat, phone):
    sent_to = urlsplit(press(phone, order)["Location"])
    asked = dict(parse_qsl(sent_to.query))
    assert sent_to.fragment == "wechat_redirect"
    assert asked["redirect_uri"] == "https://bowei.example/pay/wechat/"
    assert re.fullmatch(r"[0-9a-f]{32}", asked["state"])
    assert not Introduction.objects.filter(state=asked["state"]).exists()

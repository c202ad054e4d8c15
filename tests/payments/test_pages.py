"""The pages of money, over real HTTP and in a real browser."""

import csv
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from payments import selectors, services
from payments.models import Order, SandboxTrade
from tests.payments import kiosk
from tests.payments.conftest import TEST, begin, books, moved, open_order, pay

SHOTS = os.environ.get("BOWEI_SHOTS", "")


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_owner_pays_in_three_taps_on_a_phone(live, browser, order, scripts):
    page = browser.new_page(
        locale="zh-CN",
        viewport={"width": 360, "height": 740},
        base_url=live.http,
        java_script_enabled=scripts,
    )
    page.goto(f"/o/{order.token}/")
    shoot(page, "order-zh-360")
    page.locator("button[name=provider]").first.click()
    shoot(page, "sandbox-zh-360")
    page.locator("main ~ .bar button, .bar button").first.click()
    page.wait_for_url("**/done/")
    shoot(page, "done-zh-360")
    assert "¥6.00" in page.inner_text("main")
    assert order.number in page.inner_text("main")
    order.refresh_from_db()
    assert order.state == "paid"
    assert books()["provider:sandbox"] == 600


def test_pictures_of_the_other_states(live, browser, order, merchant, merchant_user):
    for locale in ("zh-CN", "en-GB"):
        page = browser.new_page(
            locale=locale, viewport={"width": 360, "height": 740}, base_url=live.http
        )
        page.goto(f"/o/{order.token}/done/")
        assert page.locator("h1").count() == 1
        shoot(page, f"waiting-{locale}-360")
        page.goto(f"/o/{order.token}/")
        shoot(page, f"order-{locale}-360")
        page.set_viewport_size({"width": 1440, "height": 900})
        shoot(page, f"order-{locale}-1440")


def test_the_done_page_waits_for_the_provider_s_word_and_changes_by_itself(live, browser, order):
    page = browser.new_page(locale="en-GB", base_url=live.http)
    attempt = begin(order)
    page.goto(f"/o/{order.token}/done/")
    assert "Waiting" in page.inner_text("h1")
    from tests.payments.conftest import payer_pays, tell

    page.wait_for_timeout(500)
    payer_pays(attempt)
    tell(attempt)
    page.get_by_role("heading", name="Paid", exact=True).wait_for()


def test_a_second_payment_is_said_to_be_on_its_way_back(order, anonymous):
    from payments.models import Attempt
    from tests.payments.conftest import payer_pays, tell

    first = begin(order)
    Attempt.objects.filter(pk=first.pk).update(state="unknown")
    page = anonymous.get(f"/o/{order.token}/", headers={"accept-language": "en"})
    assert "no answer yet" in page.content.decode()
    second = begin(order)
    for attempt in (second, first):
        payer_pays(attempt)
        tell(attempt)
    page = anonymous.get(f"/o/{order.token}/done/", headers={"accept-language": "en"})
    assert "¥6.00 is on its way back to you" in page.content.decode()


def test_an_outdated_bill_is_shown_anew(order, anonymous, clock, merchant):
    from datetime import timedelta

    clock.advance(timedelta(minutes=16))
    kiosk.owe(1, 800, merchant.pk)
    page = anonymous.post(f"/o/{order.token}/", {"renew": "1"})
    fresh = Order.objects.get(state="open")
    assert page.headers["Location"] == f"/o/{fresh.token}/"
    assert fresh.amount_fen == 800


def test_nobody_is_sent_to_pay_another_amount_than_they_saw(order, anonymous, merchant):
    kiosk.owe(1, 800, merchant.pk)
    page = anonymous.post(f"/o/{order.token}/", {"provider": "sandbox"}, follow=True)
    assert "¥8.00" in page.content.decode()
    assert not Order.objects.get(state="open").attempts.exists()


def test_no_address_that_we_give_away_comes_from_what_a_request_says(order, anonymous, settings):
    settings.ALLOWED_HOSTS, settings.PUBLIC_URL = ["*"], "https://bowei.example"
    stranger = {"host": "evil.example"}
    anonymous.post(f"/o/{order.token}/", {"provider": "sandbox"}, headers=stranger)
    trade = SandboxTrade.objects.get()
    assert trade.return_url == f"https://bowei.example/o/{order.token}/done/"
    assert trade.notify_url == "https://bowei.example/api/v1/payments/notify/sandbox"
    real = anonymous.get("/real/", headers=stranger).content.decode()
    assert "evil.example" not in real and ">bowei.example</strong>" in real


def test_a_wrong_link_opens_nothing(db, anonymous):
    assert anonymous.get("/o/nothing/").status_code == 404
    assert anonymous.get("/o/nothing/done/").status_code == 404
    assert anonymous.get("/sandbox/nothing/").status_code == 404
    assert anonymous.get("/api/v1/payments/orders/nothing/").json()["code"] == "no_order"


def test_an_order_s_state_is_told_to_who_holds_its_link(order, anonymous):
    told = anonymous.get(f"/api/v1/payments/orders/{order.token}/").json()
    assert (told["state"], told["amount_fen"]) == ("open", 600)
    assert told["items"][0]["lines"][0]["amount_fen"] == 600
    pay(order)
    told = anonymous.get(f"/api/v1/payments/orders/{order.token}/").json()
    assert (told["state"], told["items"][0]["taken_fen"]) == ("paid", 600)


def test_a_notification_needs_no_session_and_only_a_post(order, anonymous):
    url = "/api/v1/payments/notify/sandbox"
    assert anonymous.get(url).status_code == 405
    answer = anonymous.post(url, b"{}", content_type="application/json")
    assert answer.status_code == 401
    nobody = anonymous.post("/api/v1/payments/notify/nobody", b"{}", content_type="x")
    assert nobody.json()["code"] == "provider_unknown"
    big = anonymous.post(url, b"x" * 70_000, content_type="application/json")
    assert big.status_code == 413
    assert not moved(Order, "paid")


def test_a_merchant_sees_its_own_money_alone(
    order, merchant_client, other_merchant_client, merchant, attendant
):
    from tests.people import logged_in

    pay(order)
    page = merchant_client.get("/merchant/money/").content.decode()
    assert order.number in page
    assert "¥6.00" in page
    page = other_merchant_client.get("/merchant/money/").content.decode()
    assert order.number not in page
    assert logged_in(attendant).get("/merchant/money/").status_code == 403


def test_a_merchant_sorts_the_books_as_they_are_shown(merchant, merchant_client, clock):
    for fen in (600, 2000, 600):
        pay(open_order(merchant, fen))
        clock.advance(timedelta(minutes=1))
    item_id = Order.objects.get(amount_fen=2000).items.get().pk
    services.refund(item_id=item_id, amount_fen=150, reason="r", actor=TEST, key="k")
    numbers = list(selectors.entries_of(merchant.pk).order_by("pk").values_list("pk", flat=True))

    for sort, order in {
        "date": [0, 1, 2, 3],
        "-date": [3, 2, 1, 0],
        "amount": [3, 0, 2, 1],
        "-amount": [1, 2, 0, 3],
        "": [3, 2, 1, 0],
    }.items():
        page = merchant_client.get("/merchant/money/", {"sort": sort})
        assert [row.pk for row in page.context["table"].page] == [numbers[at] for at in order], sort
    page = merchant_client.get("/merchant/money/", {"sort": "-amount"})
    _kind, dearest = page.context["table"].files()[0]
    file = merchant_client.get(f"/merchant/money/{dearest}").getvalue().decode("utf-8-sig")
    assert [row[4] for row in list(csv.reader(io.StringIO(file)))[1:]] == [
        "20.00",
        "6.00",
        "6.00",
        "-1.50",
    ]


def test_the_books_are_exported_as_they_are_shown(order, merchant_client):
    pay(order)
    services.refund(
        item_id=order.items.get().pk, amount_fen=150, reason="=1+1", actor=TEST, key="k"
    )
    answer = merchant_client.get("/merchant/money/?export=csv&since=2026-03-02&until=2026-03-02")
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert [row[4] for row in rows[1:]] == ["-1.50", "6.00"]
    assert rows[1][3] == "'=1+1"  # never a formula


def test_a_cashier_takes_cash_by_the_order_s_number(order, merchant, cashier):
    from tests.people import logged_in

    client = logged_in(cashier)
    found = client.get("/merchant/money/", {"order": order.number})
    page = client.post(found.headers["Location"], {}, follow=True)
    assert page.status_code == 200
    assert kiosk.paid_by(1) == order.number
    assert selectors.cash_fen(merchant.pk) == 600
    again = client.post(found.headers["Location"], {})
    assert again.status_code == 409


@pytest.mark.parametrize("typed", ["2026/0302/7", "P2603/", "/", "//P26", "?", "#", "P 26 %2F"])
def test_whatever_a_cashier_types_for_a_number_is_answered_on_the_page_of_money(
    merchant_client, clock, typed
):
    found = merchant_client.get(
        "/merchant/money/", {"order": typed}, follow=True, headers={"Accept-Language": "en"}
    )
    assert found.status_code == 200, found.redirect_chain
    assert "There is no order of yours with this number." in found.content.decode()


def test_a_cashier_finds_no_order_of_another_merchant(order, other_merchant):
    from tests.people import logged_in, staff

    client = logged_in(staff(other_merchant, "cashier"))
    assert client.post(f"/merchant/money/take/{order.number}/").status_code == 302
    order.refresh_from_db()
    assert order.state == "open"


def test_the_merchant_s_page_in_pictures(live, browser, merchant, clock, merchant_user):
    from django.conf import settings

    from tests.people import PASSWORD

    pay(open_order(merchant, 600, 1250, 300))
    services.pay_at_counter(
        services.open_order(items=[kiosk.owe(9, 450, merchant.pk)], actor=TEST).pk, TEST
    )
    waiting = services.open_order(items=[kiosk.owe(10, 450, merchant.pk)], actor=TEST)
    item = Order.objects.filter(items__subject_id=9).get().items.get()
    services.refund(item_id=item.pk, amount_fen=50, reason="未用时间", actor=TEST, key="x")
    page = browser.new_page(
        locale="zh-CN", viewport={"width": 1440, "height": 900}, base_url=live.http
    )
    page.goto(settings.LOGIN_URL)
    page.fill("input[name=username]", merchant_user.username)
    page.fill("input[name=password]", PASSWORD)
    page.locator("main form button.primary").first.click()
    page.wait_for_url("**/merchant/**")
    page.goto("/merchant/money/")
    assert page.locator("table tbody tr").count() >= 5
    shoot(page, "money-zh-1440")
    page.goto(f"/merchant/money/take/{waiting.number}/")
    page.locator("details.confirm summary").click()
    shoot(page, "cash-zh-1440")

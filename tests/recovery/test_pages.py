"""The pages of recovery in a real browser: before the wheel, and at the merchant's desk."""

import os
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core import clock as business_clock
from core import images
from devices.models import Device
from parking.selectors import berth_path
from recovery import services
from recovery.models import RecoveryOrder
from tests.people import logged_in, prove
from tests.recovery.conftest import look, pay, say
from tests.street import new_photograph

pytestmark = pytest.mark.django_db
LIST = "/merchant/recovery/"
SHOTS = os.environ.get("BOWEI_SHOTS", "")


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def both(browser: Any, live: Any, path: str, name: str, cookies: Any = None) -> None:
    """Pictures at 360 and 1440 px, in both languages."""
    for locale in ("zh-CN", "en-GB"):
        context = browser.new_context(locale=locale, base_url=live.http)
        if cookies:
            context.add_cookies(cookies)
        page = context.new_page()
        for width in (360, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            shoot(page, f"{name}-{locale}-{width}")
        context.close()


def session_of(live: Any, user: Any) -> list[dict[str, str]]:
    client = logged_in(user)
    value = client.cookies["sessionid"].value
    return [{"name": "sessionid", "value": value, "url": live.http}]


def other_picture(number: int) -> bytes:
    """A photograph that was not kept yet."""
    data = BytesIO()
    Image.new("RGB", (64, 48), (200, 10, number)).save(data, "PNG")
    return data.getvalue()


def test_what_stands_before_the_wheel(live, browser, raised):
    page = browser.new_page(
        locale="en-GB", viewport={"width": 360, "height": 740}, base_url=live.http
    )
    page.goto(f"/r/{raised.token}/")
    assert "¥24.00" in page.inner_text("main")
    assert "沪A·12345" not in page.inner_text("main")  # masked for who does not hold the plate
    if SHOTS:
        both(browser, live, f"/r/{raised.token}/", "recovery-owner-raised")
    pay(("recovery.order", raised.pk))
    page.get_by_role("heading", name="Paid. Waiting for the lock.").wait_for()  # by itself
    if SHOTS:
        both(browser, live, f"/r/{raised.token}/", "recovery-owner-paid")
    say(raised, "lowered")
    page.get_by_role("heading", name="The lock is down. Drive off slowly.").wait_for()
    if SHOTS:
        both(browser, live, f"/r/{raised.token}/", "recovery-owner-down")


def test_pages_about_the_stay_tell_of_the_lock_and_lead_its_owner_to_it(client, raised, owner):
    lead, told = f"/r/{raised.token}/", "车前有一把地锁"
    anybody = client.get(berth_path(raised.berth.code)).content.decode()
    assert told in anybody
    assert lead not in anybody  # what is owed is for who holds the plate, or stands before the lock

    prove(owner, raised.plate_text, raised.plate_colour)
    mine = logged_in(owner)
    for path in (berth_path(raised.berth.code), "/dues/"):
        page = mine.get(path).content.decode()
        assert told in page
        assert lead in page

    paid = pay(("recovery.order", raised.pk))
    receipt = client.get(f"/o/{paid.token}/done/").content.decode()
    assert "尚未联系上地锁" in receipt
    assert lead in receipt


def test_the_owner_objects_without_scripts(live, browser, raised):
    page = browser.new_page(
        locale="en-GB",
        viewport={"width": 360, "height": 740},
        base_url=live.http,
        java_script_enabled=False,
    )
    page.goto(f"/r/{raised.token}/")
    page.locator("details#object summary").click()
    page.locator("select[name=reason]").select_option("sold")
    shoot(page, "recovery-owner-objects")
    page.get_by_role("button", name="Object, and lower the lock").click()
    assert "Waiting for the lock" in page.inner_text("h1")
    raised.refresh_from_db()
    assert raised.ended_by == "dispute"


def test_the_merchant_binds_raises_and_fetches(
    live, browser, standing, lock, merchant_user, tmp_path
):
    context = browser.new_context(locale="en-GB", base_url=live.http)
    context.add_cookies(session_of(live, merchant_user))
    page = context.new_page()
    page.goto("/merchant/recovery/new/")
    page.fill("input[name=berth]", standing.code)
    picture = tmp_path / "vehicle.png"
    picture.write_bytes(images.load(new_photograph()))
    page.fill("input[name=typed]", "沪A12346")
    page.locator("input[type=file]").set_input_files(str(picture))
    page.locator("main form button").last.click()
    assert "second look must agree" in page.inner_text("main")
    shoot(page, "recovery-new-refused")
    page.fill("input[name=typed]", "沪A·12345")
    page.locator("input[type=file]").set_input_files(str(picture))
    page.locator("main form button").last.click()
    page.wait_for_url("**/merchant/recovery/*/")
    order = RecoveryOrder.objects.get()
    shoot(page, "recovery-detail-bound")

    picture.write_bytes(other_picture(1))
    page.locator("summary", has_text="Raise the lock").click()
    page.locator("details[open] input[type=file]").set_input_files(str(picture))
    page.locator("details[open] form button").click()
    order.refresh_from_db()
    assert (order.state, bool(order.placed_sha)) == ("raising", True)
    say(order, "raised")
    page.get_by_text("Lock up").first.wait_for()

    pay(("recovery.order", order.pk))
    say(order, "lowered")
    page.goto(f"/merchant/recovery/{order.pk}/")
    picture.write_bytes(other_picture(2))
    page.locator("summary", has_text="Lock fetched").click()
    page.locator("details[open] input[type=file]").set_input_files(str(picture))
    page.locator("details[open] form button").click()
    order.refresh_from_db()
    assert order.state == "moved"
    shoot(page, "recovery-detail-moved")


if SHOTS:  # pictures for a person to look at

    def test_pictures_of_the_merchant_s_pages(live, browser, raised, merchant_user, standing):
        cookies = session_of(live, merchant_user)
        both(browser, live, "/merchant/recovery/", "recovery-list", cookies)
        both(browser, live, f"/merchant/recovery/{raised.pk}/", "recovery-detail-raised", cookies)
        pay(("recovery.order", raised.pk))
        services.command_ended(
            order_code=raised.code, action="LowerLock", outcome="failed", details={"why": "jam"}
        )
        business_clock.advance(timedelta(hours=3))
        services.remind_of_moves()
        business_clock.advance(timedelta(hours=3))
        services.remind_of_moves()
        both(browser, live, f"/merchant/recovery/{raised.pk}/", "recovery-detail-jammed", cookies)
        both(browser, live, "/merchant/recovery/new/", "recovery-new", cookies)
        Device.objects.filter(pk=raised.device_id).update(online=False)


def test_who_holds_the_plate_sees_it(raised, owner, owner_client, anonymous):
    prove(owner, "沪A12345", "blue")
    mine = owner_client.get(f"/r/{raised.token}/").content.decode()
    others = anonymous.get(f"/r/{raised.token}/").content.decode()
    assert "12345" in mine
    assert "12345" not in others.replace(raised.token, "")


def test_only_who_may_recover_does(raised, attendant, cashier, other_merchant_client, anonymous):
    path = f"/merchant/recovery/{raised.pk}/"
    assert other_merchant_client.get(path).status_code == 404
    assert anonymous.get(path).status_code == 302
    for user in (attendant, cashier):
        client = logged_in(user)
        assert client.get(path).status_code == 200
        assert client.get("/merchant/recovery/new/").status_code == 403
        assert client.get(f"/api/v1/recovery/orders/{raised.code}/").status_code == 403
    lower = f"/api/v1/recovery/orders/{raised.code}/lower/"
    assert logged_in(cashier).post(path, {"action": "lower", "reason": "x"}).status_code == 403
    assert logged_in(cashier).post(lower, {"reason": "x"}).status_code == 403
    raised.refresh_from_db()
    assert raised.state == "raised"


def test_an_attendant_reads_the_plate_of_a_lock_until_it_is_fetched(order, attendant, cashier):
    def pages(user):
        client = logged_in(user)
        found = [client.get(path) for path in (f"/merchant/recovery/{order.pk}/", LIST)]
        return [one.content.decode() for one in found]

    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    for user in (attendant, cashier):
        one, listed = pages(user)
        assert ">12345<" in one
        assert ">12345<" in listed
        assert "/why/" in one
    services.cancel(order.pk, actor="user:1", reason="gone")
    one, listed = pages(attendant)
    assert ">1••45<" in one
    assert ">1••45<" in listed
    assert ">12345<" not in one + listed
    assert "/why/" not in one
    one, listed = pages(cashier)
    assert ">12345<" in one
    assert ">12345<" in listed
    assert "/why/" in one


def test_an_attendant_beside_the_lock_lowers_it_with_a_reason(raised, attendant):
    path = f"/merchant/recovery/{raised.pk}/"
    assert logged_in(attendant).post(path, {"action": "lower", "reason": "ill"}).status_code == 302
    raised.refresh_from_db()
    assert (raised.state, raised.ended_by) == ("lowering", "emergency")


def test_the_merchant_lowers_the_lock_with_a_reason(raised, merchant_client):
    path = f"/merchant/recovery/{raised.pk}/"
    assert merchant_client.post(path, {"action": "lower", "reason": " "}).status_code == 400
    assert merchant_client.post(path, {"action": "lower", "reason": "ill"}).status_code == 302
    raised.refresh_from_db()
    assert (raised.state, raised.ended_by) == ("lowering", "emergency")


def test_the_interface_refuses_with_a_problem_document(standing, lock, merchant_client):
    asked = {
        "plate_text": "沪A12345",
        "berth_code": standing.code,
        "device_code": lock.code,
        "second_look": look("沪A12346"),
    }
    url = "/api/v1/recovery/orders/"
    told = merchant_client.post(url, asked, content_type="application/json")
    assert (told.status_code, told["Content-Type"]) == (409, "application/problem+json")
    assert told.json()["facts"]["rules"] == ["second_look"]
    asked["second_look"] = {}
    told = merchant_client.post(url, asked, content_type="application/json")
    assert told.json()["code"] == "not_eligible"
    told = merchant_client.post(
        url, {**asked, "device_code": "no"}, content_type="application/json"
    )
    assert told.status_code == 404


def test_the_same_key_binds_once(standing, lock, merchant_client):
    asked = {
        "plate_text": "沪A12345",
        "berth_code": standing.code,
        "device_code": lock.code,
        "second_look": look("沪A12345"),
    }
    codes = {
        merchant_client.post(
            "/api/v1/recovery/orders/",
            asked,
            content_type="application/json",
            headers={"Idempotency-Key": "k-1"},
        ).json()["code"]
        for _time in range(2)
    }
    assert len(codes) == 1


def test_a_wrong_link_opens_nothing(db, anonymous):
    assert anonymous.get("/r/nothing/").status_code == 404
    assert anonymous.get("/api/v1/recovery/owner/nothing/").json()["code"] == "no_recovery"

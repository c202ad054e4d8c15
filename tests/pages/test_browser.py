"""All pages in a real browser: they fit a phone, keep the policy, and can be walked by keys."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.urls import reverse

from arrears.models import Debt
from config import pictures
from config.local.processes import wait_until
from core import live as live_pages
from core.templatetags.bowei import money
from devices.models import Device
from parking.models import Berth, ParkingSession
from parking.selectors import berth_path
from recovery.models import RecoveryOrder

OWNER_PAGE_LIMIT = 60 * 1024  # bytes with styles and scripts, uncompressed; photographs apart
WEIGHT = """() => [...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource')].filter((e) => !e.name.includes('/photographs/'))
  .reduce((sum, e) => sum + e.decodedBodySize, 0)"""

FAULTS = (Path(__file__).parent / "faults.js").read_text()


def _cookies(url: str, audience: str, language: str) -> list[dict[str, str]]:
    return [
        {
            "name": settings.SESSION_COOKIE_NAME,
            "value": pictures.session_of(audience),
            "url": url,
        },
        {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": url},
    ]


@pytest.fixture
def open_page(live: Any, browser: Any) -> Iterator[Any]:
    """Opens pages as somebody: `open_page("merchant", "/merchant/")`."""
    opened = []

    def go(audience: str, path: str, *, width: int = 360, language: str = "zh-hans") -> Any:
        context = browser.new_context(
            base_url=live.http, viewport={"width": width, "height": 740}, locale="zh-CN"
        )
        context.add_cookies(_cookies(live.http, audience, language))
        opened.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield go
    for context in opened:
        context.close()


def test_every_page_fits_a_phone_and_breaks_no_rule(morning, live, browser):
    faults: dict[str, list[str]] = {}
    for audience in (pictures.OWNER, pictures.MERCHANT):
        context = browser.new_context(
            base_url=live.http, viewport={"width": 360, "height": 740}, locale="zh-CN"
        )
        context.add_cookies(_cookies(live.http, audience, "zh-hans"))
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda m, said=said: said.append(m.text) if m.type == "error" else None)
        for one in (p for p in pictures.tour() if p.audience == audience):
            said.clear()
            answer = page.goto(one.path)
            found = page.evaluate(FAULTS)
            page.emulate_media(color_scheme="dark")
            found += [f"dark: {fault}" for fault in page.evaluate(FAULTS) if "faint" in fault]
            page.emulate_media(color_scheme="light")
            if one.name == "nothing":
                assert answer.status == 404
            else:
                found += said
                found += [f"status {answer.status}"] if answer.status != 200 else []
            weight = page.evaluate(WEIGHT)
            if audience == pictures.OWNER and not 1024 < weight < OWNER_PAGE_LIMIT:
                found.append(f"weighs {weight} bytes")
            if found:
                faults[f"{audience} {one.name}"] = found
        context.close()
    assert faults == {}


def test_the_operators_desk_runs_under_its_own_policy(morning, open_page):
    page = open_page(pictures.OPERATOR, reverse("admin:index"), width=1440)
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.reload()
    assert page.locator(".desk-queue").count() == 13
    assert page.locator(".desk-queue.some").count() >= 2
    assert said == []


def test_the_desk_fits_a_phone_and_its_amounts_stand_in_line(morning, open_page):
    lists = ["arrears_debt", "payments_order", "monthlycard_plan", "monthlycard_card"]
    page = open_page(pictures.OPERATOR, reverse(f"admin:{lists[0]}_changelist"))
    for name in lists:
        page.goto(reverse(f"admin:{name}_changelist"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
        page.goto(page.locator("#result_list a[href*=change]").first.get_attribute("href"))
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name

    page.set_viewport_size({"width": 1440, "height": 740})
    page.goto(reverse("admin:payments_order_changelist"))
    ends = page.evaluate(
        "[...document.querySelectorAll('#result_list .money')]"
        ".map((e) => e.getBoundingClientRect().right)"
    )
    assert len(ends) > 1
    assert max(ends) - min(ends) < 1


def test_the_interfaces_page_works_under_the_policy(live, browser):
    page = browser.new_page(base_url=live.http, viewport={"width": 1440, "height": 900})
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.goto(reverse("core.api_docs"))
    page.locator(".opblock-summary").first.click()
    page.locator(".opblock-body").first.wait_for()
    assert said == []


def test_a_strip_is_walked_by_keys_and_follows_the_street(morning, open_page):
    page = open_page(pictures.MERCHANT, reverse("parking.street"), width=1440)
    berths = page.locator(".strip .berth")
    berths.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == berths.nth(2).get_attribute("id")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.id") == berths.last.get_attribute("id")
    assert page.evaluate("document.querySelectorAll('.strip [tabindex=\"0\"]').length") == 1

    berth = Berth.objects.get(code="Y-012")
    assert "free" in berths.last.get_attribute("class")
    Berth.objects.filter(pk=berth.pk).update(in_service=False)
    hint = Thread(target=live_pages.send, args=[f"merchant:{berth.section.merchant_id}"])
    hint.start()
    hint.join()
    page.wait_for_selector(".strip li:last-child .berth.out")
    # The place that the reader was at is not lost, and the change is said.
    assert page.evaluate("document.activeElement.id") == berths.last.get_attribute("id")
    assert "12" in page.locator("#announce").inner_text()


def test_the_language_changes_without_scripts(morning, live, browser):
    context = browser.new_context(
        base_url=live.http, java_script_enabled=False, viewport={"width": 360, "height": 740}
    )
    page = context.new_page()
    page.goto(berth_path("Y-001"))
    page.locator("button[value=en]").click()
    assert page.url.endswith(berth_path("Y-001"))
    assert page.locator("html").get_attribute("lang") == "en"
    assert "Pay ¥" in page.locator(".bar").inner_text()
    page.locator("button[value=zh-hans]").click()
    assert "支付 ¥" in page.locator(".bar").inner_text()
    context.close()


def _stays() -> str:
    return str(reverse("parking.stays"))


def _merchant_id() -> int:
    return RecoveryOrder.objects.values_list("merchant_id", flat=True)[0]


def _rows(page: Any) -> int:
    return int(page.locator("#list tbody tr").count())


def test_a_list_is_narrowed_and_sorted_without_loading_its_page(morning, open_page):
    page = open_page(pictures.MERCHANT, _stays(), width=1440)
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.evaluate("window.same = true")
    everything = _rows(page)

    page.locator("#filters [name=state]").focus()
    page.locator("#filters [name=state]").select_option("parked")
    page.wait_for_url("**state=parked**")
    page.wait_for_selector("#list:not([aria-busy])")
    parked = ParkingSession.objects.filter(state="parked", merchant=_merchant_id()).count()
    assert 0 < parked < everything
    assert _rows(page) == parked
    assert str(parked) in page.locator("#announce").inner_text()
    assert page.evaluate("document.activeElement.name") == "state"

    page.locator("#sort-berth").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("th[aria-sort=ascending] #sort-berth")
    assert "state=parked" in page.url
    assert "sort=berth" in page.url
    assert page.evaluate("document.activeElement.id") == "sort-berth"

    # A narrower list stays sorted; its own address shows the same to whoever is sent it.
    page.locator("#filters [name=plate]").fill("沪")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**plate={quote('沪')}**")
    page.wait_for_selector("#list:not([aria-busy])")
    assert page.locator("th[aria-sort=ascending] #sort-berth").count() == 1

    for _step in range(3):
        page.go_back()
    assert wait_until(lambda: _rows(page) == everything, timeout_s=60)
    assert page.url.endswith(_stays())
    assert page.locator("#filters [name=state]").input_value() == ""
    page.go_forward()
    assert wait_until(lambda: _rows(page) == parked, timeout_s=60)
    assert page.locator("#filters [name=state]").input_value() == "parked"
    assert page.evaluate("window.same")
    assert said == []


def test_a_list_is_turned_in_place_and_keeps_the_readers_place(morning, open_page, monkeypatch):
    monkeypatch.setattr("parking.tables.StayTable.page_rows", 5)
    page = open_page(pictures.MERCHANT, _stays())
    page.evaluate("window.same = true")
    first = page.locator("#list tbody").inner_text()
    page.locator("#page-next").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#page-previous")
    assert page.locator("#list tbody").inner_text() != first
    assert page.evaluate("document.activeElement.id") == "page-next"
    assert 0 <= page.locator("#list").bounding_box()["y"] < 100  # its top, not where the link was
    while page.locator("#page-next").count():
        shown = page.locator(".pager span").first.inner_text()
        page.keyboard.press("Enter")
        page.locator(".pager", has_not_text=shown).wait_for()
    assert page.evaluate("document.activeElement.id") == "list"
    assert page.evaluate("window.same")


def test_a_list_says_that_it_is_coming_and_that_it_did_not_come(morning, open_page):
    page = open_page(pictures.MERCHANT, _stays())
    held: list[Any] = []
    page.route("**/*state=parked*", lambda route: held.append(route))
    before = page.locator("#list").inner_html()
    page.locator("#filters [name=state]").select_option("parked")
    page.wait_for_selector("#busy:not([hidden])")
    assert page.locator("#list").get_attribute("aria-busy") == "true"
    assert page.locator("#announce").inner_text() == page.locator("#busy").inner_text()
    held.pop().fulfill(status=503, body="away")
    page.wait_for_selector("#trouble:not([hidden])")
    assert page.locator("#list").inner_html() == before
    assert page.locator("#busy").is_hidden()

    page.unroute("**/*state=parked*")
    page.locator("#filters button").click()
    page.wait_for_url("**state=parked**")
    page.wait_for_selector("#trouble", state="hidden")

    # Logged out meanwhile: the whole page goes to where one logs in, and knows the way back.
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.locator("#filters [name=state]").select_option("")
    page.wait_for_url("**next=**")
    assert page.locator("[name=password]").count() == 1


def test_every_list_of_the_portal_is_narrowed_by_the_same_parts(morning, open_page):
    page = open_page(pictures.MERCHANT, reverse("arrears.debts"), width=1440)
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    wishes = {
        "arrears.debts": ("state", "", "state="),
        "devices.list": ("kind", "lock", "kind=lock"),
        "payments.money": ("since", "2026-03-01", "since=2026-03-01"),
    }
    for name, (field, value, asked) in wishes.items():
        page.goto(reverse(name))
        page.evaluate("window.same = true; document.getElementById('figures')?.replaceChildren()")
        wish = page.locator(f"#filters [name={field}]")
        wish.fill(value) if field == "since" else wish.select_option(value)
        wish.dispatch_event("change")
        page.wait_for_url(f"**{asked}*")
        page.wait_for_selector("#list:not([aria-busy])")
        assert page.evaluate("window.same"), name
        figures = page.locator("#figures")  # what is said above of the rows shown comes with them
        assert all(
            "figure" in one for one in figures.evaluate_all("(e) => e.map((f) => f.innerHTML)")
        )
    page.goto(reverse("recovery.list"))
    page.evaluate("window.same = true")
    page.locator("#tab-2").click()
    page.wait_for_selector("#tab-2[aria-current]")
    assert page.url.endswith("?state=open")
    assert page.evaluate("window.same")
    assert said == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_phone_sorts_its_cards(morning, live, browser, scripts):
    context = browser.new_context(
        base_url=live.http, viewport={"width": 360, "height": 740}, java_script_enabled=scripts
    )
    context.add_cookies(_cookies(live.http, pictures.MERCHANT, "zh-hans"))
    page = context.new_page()
    heads = {
        "arrears.debts": ["since", "amount"],
        "payments.money": ["date", "amount"],
        "parking.stays": ["arrived", "berth", "left", "fee", "due"],
        "devices.list": ["code", "kind", "heard"],
    }
    for name, keys in heads.items():
        page.goto(reverse(name))
        # in one look: a live list may be put in place anew between two
        boxes = page.evaluate(
            "[...document.querySelectorAll('#list thead a')]"
            ".map((a) => ({id: a.id, ...a.getBoundingClientRect().toJSON()}))"
        )
        assert [box["id"] for box in boxes] == [f"sort-{k}" for k in keys]
        assert all(box["height"] >= 44 and box["width"] >= 44 for box in boxes), name
        assert all(box["left"] >= 0 and box["right"] <= 360 for box in boxes), name
        shown = page.evaluate(
            "[...document.querySelectorAll('#list th')].filter((th) => th.offsetWidth > 1).length"
        )
        assert shown == len(keys), name

        page.locator(f"#sort-{keys[-1]}").click()
        page.wait_for_selector(f"th[aria-sort=ascending] #sort-{keys[-1]}")
        page.locator(f"#sort-{keys[-1]}").click()
        page.wait_for_selector(f"th[aria-sort=descending] #sort-{keys[-1]}")
        assert page.url.endswith(f"sort=-{keys[-1]}")

    page.goto(reverse("arrears.debts") + "?sort=amount")
    shown = page.locator("#list tbody .money").all_inner_texts()
    amounts = Debt.objects.filter(merchant=_merchant_id(), state__in=Debt.LIVE)
    wanted = amounts.order_by("amount_fen", "pk").values_list("amount_fen", flat=True)
    assert shown == [money(fen) for fen in wanted]
    assert len(set(shown)) > 1
    context.close()


def test_a_live_list_stays_narrowed_when_a_hint_comes(morning, open_page):
    page = open_page(pictures.MERCHANT, reverse("devices.list"), width=1440)
    page.locator("#filters [name=kind]").select_option("lock")
    page.wait_for_url("**kind=lock**")
    locks = Device.objects.filter(kind="lock", merchant=_merchant_id())
    Device.objects.filter(pk=locks[0].pk).update(name="Ahead of all")
    hint = Thread(target=live_pages.send, args=[f"merchant:{_merchant_id()}"])
    hint.start()
    hint.join()
    page.locator("#list", has_text="Ahead of all").wait_for()
    assert _rows(page) == locks.count()
    page.evaluate("window.same = true")
    page.locator("#sort-code").click()  # what the hint brought is narrowed in place too
    page.wait_for_selector("th[aria-sort=ascending] #sort-code")
    assert page.evaluate("window.same")


def test_a_list_is_narrowed_without_scripts(morning, client):
    client.cookies[settings.SESSION_COOKIE_NAME] = pictures.session_of(pictures.MERCHANT)
    parked = client.get(_stays(), {"state": "parked", "sort": "-berth"})
    codes = [stay.berth.code for stay in parked.context["table"].page]
    assert codes == sorted(codes, reverse=True)
    assert {stay.state for stay in parked.context["table"].page} == {"parked"}
    text = parked.content.decode()
    assert '<form method="get" id="filters"' in text
    assert 'form="filters" name="sort" value="-berth"' in text
    assert 'href="?state=parked&amp;sort=berth"' in text

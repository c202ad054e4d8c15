"""All pages in a real browser: they fit a phone, keep the policy, and can be walked by keys."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from config import pictures
from config.demo import day, town
from core import live as live_pages
from devices.models import Device
from parking.models import Berth

OWNER_PAGE_LIMIT = 60 * 1024  # bytes with styles and scripts, uncompressed; photographs apart
WEIGHT = """() => [...performance.getEntriesByType('navigation'),
  ...performance.getEntriesByType('resource')].filter((e) => !e.name.includes('/photographs/'))
  .reduce((sum, e) => sum + e.decodedBodySize, 0)"""

FAULTS = (Path(__file__).parent / "faults.js").read_text()


@pytest.fixture
def morning(transactional_db: None, clock: Any) -> None:
    """The demo's town on a morning, with stays, debts, a review and a raised lock."""
    built = town.build()
    town.demo_owner()
    day.build(built)
    Device.objects.update(online=True)
    silent = Device.objects.filter(code__in=["S-Y-007", "S-A-005"])
    silent.update(online=False, silent=True, last_heard_at=clock.real() - timedelta(minutes=32))


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
    assert page.locator(".desk-queue").count() == 5
    assert page.locator(".desk-queue.some").count() >= 2
    assert said == []


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
    page.goto("/b/Y-001/")
    page.locator("button[value=en]").click()
    assert page.url.endswith("/b/Y-001/")
    assert page.locator("html").get_attribute("lang") == "en"
    assert "Pay ¥" in page.locator(".bar").inner_text()
    page.locator("button[value=zh-hans]").click()
    assert "支付 ¥" in page.locator(".bar").inner_text()
    context.close()

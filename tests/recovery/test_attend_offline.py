"""The attendant's phone in a browser: a bill and its cash in seconds; and thirty acts, two hours
without network and a restart, after which all arrive once, in order."""

import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error

from accounts.models import User
from arrears.models import Demand
from config.local.processes import wait_until
from core import clock as business_clock
from core.plates import Plate
from parking.models import Berth, ParkingSession
from payments.models import Attempt
from recovery.models import RecoveryOrder
from tests.conftest import BROWSER_PATIENCE_MS, chromium
from tests.recovery.test_pages import session_of
from tests.street import OTHER_PLATE, PLATE

SHOTS = os.environ.get("BOWEI_SHOTS", "")
TWO_HOURS_MS = 2 * 3600 * 1000
EARLIER = f"""const now = Date.now;
Date.now = () => now() - (localStorage.getItem('later') ? 0 : {TWO_HOURS_MS});"""
PLACES = {"A-001": (31.22, 121.41), "A-002": (31.20, 121.41), "A-003": (31.21, 121.41)}
UNKNOWN = "沪D99999"
THREE = [PLATE, OTHER_PLATE, Plate.of("沪C33333", "blue")]

pytestmark = pytest.mark.django_db(transaction=True)


def shoot(page: Any, name: str) -> None:
    for width in (360, 1440) if SHOTS else ():
        page.set_viewport_size({"width": width, "height": 760})
        page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}.png"), full_page=True)


@pytest.fixture
def street(section: Any, stay_of: Callable[..., ParkingSession]) -> None:
    """Three vehicles have stood there for ten hours, unpaid."""
    for berth, plate in zip(Berth.objects.order_by("code"), THREE, strict=True):
        stay_of(berth, plate, ago_min=600)


class Phone:
    """One phone: what it keeps outlives its browser; the log-in does not."""

    def __init__(self, browser: Any, live: Any, folder: Path, attendant: User) -> None:
        self.type, self.live, self.folder, self.attendant = (
            browser.browser_type,
            live,
            folder,
            attendant,
        )

    def on(self, *, offline: bool, script: str = "") -> Any:
        self.context = self.type.launch_persistent_context(
            self.folder,
            executable_path=chromium(),
            args=[
                "--disable-gpu",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
            ],
            base_url=self.live.http,
            locale="en-GB",
            viewport={"width": 360, "height": 740},
        )
        self.context.set_default_timeout(BROWSER_PATIENCE_MS)
        self.context.set_offline(offline)
        if script:
            self.context.add_init_script(script)
        self.page = self.context.new_page()
        return self.page

    def log_in(self) -> None:
        self.context.add_cookies(session_of(self.live, self.attendant))

    def photograph(self, kind: str, *, waits: int) -> None:
        """Do what asks for a photograph, with the phone's camera."""
        self.page.locator(f"form[data-act]:has([value={kind}]) button").first.click()
        width = "document.querySelector('#camera video').videoWidth"
        assert wait_until(lambda: self.page.evaluate(width) > 0, timeout_s=60)
        self.page.locator("#camera [data-take]").click()
        self.page.locator(f"#count >> text='{waits}'").wait_for()

    def note(self, plate: str, amount: str, *, waits: int) -> None:
        form = self.page.locator("#note form")
        form.locator("[name=plate]").fill(plate)
        form.locator("[name=amount]").fill(amount)
        form.locator("button").click()
        self.page.locator(f"#count >> text='{waits}'").wait_for()


def test_a_bill_is_on_the_screen_and_its_cash_noted_within_twenty_seconds(
    street: None, live: Any, browser: Any, attendant: User
) -> None:
    for locale in ("zh-CN", "en-GB"):
        context = browser.new_context(base_url=live.http, locale=locale)
        context.add_cookies(session_of(live, attendant))
        page = context.new_page()
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto("/attend/")
        shoot(page, f"attend-{locale}")
        begun = time.monotonic()
        plate = THREE[0] if locale == "zh-CN" else THREE[1]
        page.locator("#look-up [name=plate]").fill(plate.text)
        page.locator("#look-up button").click()
        page.locator(".qr").wait_for()
        shoot(page, f"attend-bill-{locale}")
        page.locator("button.large").click()
        page.locator("text=/¥60\\.00/").first.wait_for()
        page.locator("a.button.wide").wait_for()
        took_s = time.monotonic() - begun
        shoot(page, f"attend-paid-{locale}")
        assert took_s < 20
        context.close()
    assert [one.amount_fen for one in Attempt.objects.order_by("pk")] == [6000, 6000]


def test_thirty_acts_without_network_and_a_restart_arrive_once_and_in_order(
    paper: Demand, order: RecoveryOrder, live: Any, browser: Any, tmp_path: Path, attendant: User
) -> None:
    """Cash at two vehicles and one that owes nothing; a lock placed and a paper notice left, both
    with photographs."""
    RecoveryOrder.objects.update(next_picture_after=None)
    phone = Phone(browser, live, tmp_path / "phone", attendant)
    page = phone.on(offline=False, script=EARLIER)
    phone.log_in()
    page.goto("/attend/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()  # it is kept by the worker now
    phone.context.set_offline(True)
    page.locator("#away").wait_for()
    page.locator("#note summary").click()
    amounts = [f"0.{number:02}" for number in range(50, 78)]
    plates = [UNKNOWN if n % 10 == 4 else (PLATE, OTHER_PLATE)[n % 2].text for n in range(28)]
    for n in range(14):
        phone.note(plates[n], amounts[n], waits=n + 1)
    phone.photograph("place", waits=15)
    phone.context.close()

    page = phone.on(offline=True, script=EARLIER)  # the phone was restarted, still without network
    page.goto("/attend/")
    page.locator("#count >> text='15'").wait_for()
    page.locator("#note summary").click()
    phone.photograph("paper", waits=16)
    for n in range(14, 28):
        phone.note(plates[n], amounts[n], waits=n + 3)
    shoot(page, "attend-offline")
    lost = []

    def lose_an_answer(route: Any) -> None:
        """The fourth act arrives and its answer does not."""
        said = (route.request.post_data_buffer or b"").decode(errors="replace")
        lost.append(re.findall(r'name="id"\s+(\S+)', said)[0])
        answer = route.fetch()
        if len(lost) == 4:
            route.abort()
        else:
            route.fulfill(response=answer)

    page.evaluate("localStorage.setItem('later', 'yes')")
    phone.context.set_offline(False)
    page.locator("#log-in").wait_for()  # nothing is lost where nobody is logged in
    assert not Attempt.objects.exists()
    phone.context.route("**/attend/acts/", lose_an_answer)
    phone.log_in()
    page.reload()
    for _look in range(200):
        if len(lost) >= 31 and not page.locator("#waiting").is_visible():
            break
        page.evaluate("dispatchEvent(new Event('online'))")
        page.wait_for_timeout(300)
    assert len(lost) == 31 and lost[3] == lost[4]

    order.refresh_from_db()
    assert order.state == "placed"
    assert Demand.objects.filter(evidence__startswith="photograph:").count() == 1
    assert len({*lost}) == 30
    noted = [int(a.replace(".", "")) for a, p in zip(amounts, plates, strict=True) if p != UNKNOWN]
    paid = list(Attempt.objects.order_by("pk"))
    assert [one.amount_fen for one in paid] == noted
    for one in paid:
        assert one.paid_at is not None
        assert 7100 < (business_clock.real() - one.paid_at).total_seconds() < 7100 + 600
    refused = page.locator("#refused li")
    page.locator("#refused li >> nth=2").wait_for()
    assert refused.count() == 3
    assert "There is nothing to pay here any more." in refused.first.inner_text()
    shoot(page, "attend-refused")
    page.reload()
    page.locator("#refused li").first.locator("button").click()
    page.locator("#refused li >> nth=2").wait_for(state="detached")
    assert page.locator("#refused li").count() == 2
    phone.context.close()


def test_the_kept_page_goes_with_the_log_in(
    street: None, live: Any, browser: Any, tmp_path: Path, attendant: User
) -> None:
    phone = Phone(browser, live, tmp_path / "shared", attendant)
    page = phone.on(offline=False)
    kept = "caches.has('persons-page')"
    phone.log_in()
    page.goto("/attend/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    assert page.evaluate(kept)
    page.locator("[data-log-out] button").click()
    page.wait_for_url(live.http + "/")
    assert not page.evaluate(kept)
    page.goto("/attend/")  # asks for the log-in, and keeps nothing of it
    page.locator("#id_username").wait_for()
    assert not page.evaluate(kept)
    phone.context.set_offline(True)
    with pytest.raises(Error, match=r"ERR_INTERNET_DISCONNECTED|ERR_FAILED"):
        page.goto("/attend/")
    phone.context.close()


def test_what_is_nearest_stands_first_once_the_phone_says_where_it_is(
    street: None, live: Any, browser: Any, attendant: User
) -> None:
    for code, (latitude, longitude) in PLACES.items():
        Berth.objects.filter(code=code).update(latitude=latitude, longitude=longitude)
    ParkingSession.objects.update(leave_by=business_clock.now() - timedelta(hours=1))
    context = browser.new_context(
        base_url=live.http,
        locale="en-GB",
        geolocation={"latitude": 31.1999, "longitude": 121.41},
        permissions=["geolocation"],
    )
    context.add_cookies(session_of(live, attendant))
    page = context.new_page()
    page.goto("/attend/")
    titles = page.locator("#tasks [data-nearness] strong")
    assert [one[-1] for one in titles.all_inner_texts()] == ["1", "2", "3"]
    page.locator("#near").click()
    assert wait_until(
        lambda: [one[-1] for one in titles.all_inner_texts()] == ["2", "3", "1"], timeout_s=30
    )
    context.close()

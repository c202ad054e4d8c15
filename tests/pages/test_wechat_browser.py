"""A stranger at a berth pays inside WeChat: the taps and the bytes from the code to paid."""

import os
from pathlib import Path
from typing import Any

import pytest

from parking.models import ParkingSession
from parking.selectors import berth_path
from payments import providers
from payments import services as payments
from payments.models import Attempt
from tests.payments.servers import WeChatServer, serving

SHOTS = os.environ.get("BOWEI_SHOTS", "")
INSIDE = (
    "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Version/4.0 Chrome/126.0 "
    "XWEB/1260183 MMWEBSDK/20240404 Mobile Safari/537.36 MicroMessenger/8.0.50 NetType/5G"
)
FLOW_LIMIT = 60 * 1024  # bytes over the network, all pages with styles and scripts, nothing cached
# What WeChat's browser brings to every page: its bridge, a moment after the page, and scripts,
# styles and a frame of its own. (Its frame has no scheme of its own: the browser here would ask
# which program opens it, and feels no touch while that question stands.)
BRIDGE = """
(() => {
  if (window.top !== window) return;
  const bridge = {
    invoke(name, request, answer) {
      window.sheet = { name, request, answer };
      document.documentElement.dataset.sheet = name;
    },
  };
  document.addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = "body { -webkit-text-size-adjust: 100% !important }";
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    const frame = document.createElement("iframe");
    frame.style.display = "none";
    frame.src = "https://weixin.example/setresult/";
    document.documentElement.append(style, script, frame);
    setTimeout(() => {
      window.WeixinJSBridge = bridge;
      document.dispatchEvent(new Event("WeixinJSBridgeReady"));
    }, 50);
  });
})();
"""


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


@pytest.fixture
def wechat(live: Any, settings: Any) -> Any:
    server = WeChatServer()
    with serving(server) as url:
        settings.BOWEI_PAYMENTS = {"wechat": server.settings(url)}
        settings.BOWEI_SANDBOX_PAYMENTS = False
        providers.forget()
        yield server
    providers.forget()


def unpaid_berth() -> str:
    """The code of a berth where a vehicle has stood unpaid for the longest."""
    parked = ParkingSession.objects.filter(state="parked", paid_until=None, reviews=None)
    free = parked.exclude(plate_text="").filter(berth__lock_up=False)
    found = free.order_by("arrived_at").first()
    assert found is not None
    return found.berth.code


class Phone:
    """WeChat's browser on a phone, which counts what is touched and what goes over the network."""

    def __init__(self, browser: Any, live: Any, locale: str) -> None:
        self.context = browser.new_context(
            base_url=live.http,
            locale=locale,
            user_agent=INSIDE,
            viewport={"width": 360, "height": 740},
            has_touch=True,
        )
        self.context.add_init_script(BRIDGE)
        self.page = self.context.new_page()
        self.taps = self.weight = 0
        self.ours: set[str] = set()  # requests to us; a frame of WeChat's own that fails is not
        self.home = live.http
        network = self.context.new_cdp_session(self.page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", self._came)
        network.on("Network.requestWillBeSent", self._asked)

    def _asked(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith(self.home):
            self.ours.add(event["requestId"])

    def _came(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.ours:
            self.weight += int(event["encodedDataLength"])

    def tap(self, where: str) -> None:
        self.taps += 1
        self.page.locator(where).first.tap()

    def sheet(self) -> dict[str, str]:
        """What the page has handed to the bridge."""
        self.page.locator("html[data-sheet]").wait_for(state="attached")
        assert self.page.evaluate("window.sheet.name") == "getBrandWCPayRequest"
        found: dict[str, str] = self.page.evaluate("window.sheet.request")
        return found

    def answer(self, said: str) -> None:
        self.page.evaluate(
            "(said) => { const { answer } = window.sheet;"
            " delete document.documentElement.dataset.sheet;"
            " answer({ err_msg: 'get_brand_wcpay_request:' + said }); }",
            said,
        )

    def confirm(self, wechat: WeChatServer) -> Attempt:
        """The payer touches WeChat's sheet; WeChat tells us, and then the page."""
        self.taps += 1
        number = wechat.confirm(self.sheet())
        told = payments.receive_notification(
            "wechat", *wechat.notification(wechat.resource(number))
        )
        assert told.status == 204
        return Attempt.objects.get(out_trade_no=number)


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_three_taps_and_sixty_kilobytes_from_the_code_to_paid(
    morning: None, live: Any, browser: Any, wechat: WeChatServer, locale: str
) -> None:
    berth = unpaid_berth()
    phone = Phone(browser, live, locale)
    phone.page.goto(berth_path(berth))
    shoot(phone.page, f"wechat-berth-{locale}-360")
    phone.tap(".bar button")
    phone.page.wait_for_url("**/o/*/")
    shoot(phone.page, f"wechat-order-{locale}-360")
    phone.tap("button[name=provider]")
    phone.sheet()
    shoot(phone.page, f"wechat-sheet-{locale}-360")
    attempt = phone.confirm(wechat)
    phone.answer("ok")
    phone.page.wait_for_url("**/done/")
    phone.page.locator("#paid").wait_for()
    shoot(phone.page, f"wechat-done-{locale}-360")
    attempt.refresh_from_db()
    assert attempt.state == "paid"
    assert phone.taps == 3
    assert 10_000 < phone.weight <= FLOW_LIMIT
    print(f"{phone.taps} taps, {phone.weight} bytes")


def test_a_closed_or_failed_sheet_is_opened_again_and_the_page_turns_by_itself(
    morning: None, live: Any, browser: Any, wechat: WeChatServer
) -> None:
    berth = unpaid_berth()
    phone = Phone(browser, live, "en-GB")
    phone.page.goto(berth_path(berth))
    phone.tap(".bar button")
    phone.tap("button[name=provider]")
    first = phone.sheet()
    phone.answer("cancel")
    assert "You closed it again" in phone.page.inner_text("#sheet")
    shoot(phone.page, "wechat-cancel-en-GB-360")
    phone.page.locator("#open").click()
    assert phone.sheet()["package"] == first["package"]
    phone.answer("fail")
    assert "could not be opened" in phone.page.inner_text("#sheet")
    phone.page.locator("#open").click()
    phone.confirm(wechat)  # and the bridge never answers
    phone.page.wait_for_url("**/done/")
    assert Attempt.objects.filter(state="paid").count() >= 1


def test_a_screen_shows_a_code_and_turns_when_a_phone_has_paid(
    morning: None, live: Any, browser: Any, wechat: WeChatServer
) -> None:
    berth = unpaid_berth()
    page = browser.new_page(
        base_url=live.http, locale="zh-CN", viewport={"width": 1440, "height": 900}
    )
    page.goto(berth_path(berth))
    page.locator(".bar button").first.click()
    page.locator("button[name=provider]").first.click()
    page.locator("svg.qr").wait_for()
    shoot(page, "screen-code-zh-1440")
    attempt = Attempt.objects.latest("pk")
    wechat.pay(attempt.out_trade_no)
    resource = wechat.resource(attempt.out_trade_no)
    payments.receive_notification("wechat", *wechat.notification(resource))
    page.wait_for_url("**/done/")

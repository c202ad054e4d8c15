"""Logging in with a real browser: a passkey of a virtual authenticator, and how the pages look."""

from pathlib import Path
from typing import Any

import pytest

from accounts import factors, services
from accounts.models import Factor, User
from accounts.proving import PROVED, RECENT_S
from accounts.visits import SessionStore
from core import clock
from tests.people import PASSWORD

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def named(live: Any, settings: Any) -> str:
    """The server by a name, for which browsers keep passkeys."""
    settings.PUBLIC_URL = f"http://localhost:{live.port}"
    return settings.PUBLIC_URL


def log_in(page: Any, name: str) -> None:
    page.goto("/login/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main form[action] button.primary")


def test_a_passkey_is_made_at_the_first_log_in_and_opens_the_next(
    browser: Any, named: str, settings: Any, merchant_user: User
) -> None:
    settings.BOWEI_SECOND_FACTOR = True
    context = browser.new_context(base_url=named, locale="zh-CN")
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    troubles: list[str] = []
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)

    log_in(page, merchant_user.username)
    page.wait_for_url("**/account/factor/")
    page.fill("#passkey_name", "收银台电脑")
    page.click("form[data-passkey] button")
    page.wait_for_selector(".codes li")
    assert page.locator(".codes li").count() == 10
    page.click("main .button.primary")
    page.wait_for_url("**/merchant/")
    [made] = Factor.objects.all()
    assert (made.kind, made.name, made.user) == ("passkey", "收银台电脑", merchant_user)

    page.click(".me form button")
    log_in(page, merchant_user.username)
    page.wait_for_url("**/login/second/")
    page.click("form[data-passkey] button")
    page.wait_for_url("**/merchant/")
    made.refresh_from_db()
    assert made.used_at is not None and made.counter > 0

    key = next(one["value"] for one in context.cookies() if one["name"] == "sessionid")
    session = SessionStore(key)
    session[PROVED] = clock.real().timestamp() - RECENT_S - 1
    session.save()
    page.goto("/merchant/stays/?export=csv&why=x")
    page.wait_for_url("**/account/again/**")
    with page.expect_download():
        page.click("form[data-passkey] button")
    page.goto("/account/")
    assert PROVED in dict(SessionStore(key).items())
    assert SessionStore(key)[PROVED] > clock.real().timestamp() - 60
    assert troubles == []


def test_a_passkey_of_another_page_is_refused(
    browser: Any, named: str, settings: Any, merchant_user: User
) -> None:
    context = browser.new_context(base_url=named)
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    log_in(page, merchant_user.username)
    page.wait_for_url("**/merchant/")
    page.goto("/account/factor/")
    settings.PUBLIC_URL = named.replace("localhost", "other.localhost")
    page.click("form[data-passkey] button")
    page.wait_for_selector(".errors")
    assert not Factor.objects.exists()


LOOKED_AT = (
    "login/",
    "login/forgot/",
    "account/",
    "account/factor/",
    "account/password/",
    "account/phone/",
    "account/again/",
)


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_pages_fit_both_widths_and_languages(
    browser: Any,
    named: str,
    merchant_user: User,
    width: int,
    language: str,
    tmp_path: Path,
) -> None:
    context = browser.new_context(
        base_url=named, locale=language, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    secret = factors.new_secret()
    services.set_work_phone(user=merchant_user, phone="13812340000", actor="system:tests")
    page.goto("/login/")
    _fits(page, tmp_path / f"login-{width}-{language}.png")
    log_in(page, merchant_user.username)
    page.wait_for_url("**/merchant/")
    for path in LOOKED_AT[1:]:
        page.goto(f"/{path}")
        _fits(page, tmp_path / f"{path.strip('/').replace('/', '-')}-{width}-{language}.png")
    code = next(iter(factors._codes(secret, clock.real()).values())).decode()
    factors.add_app(user=merchant_user, secret=secret, code=code, actor=merchant_user.actor)
    factors.new_codes(user=merchant_user, actor=merchant_user.actor)
    page.goto("/account/")
    _fits(page, tmp_path / f"account-app-{width}-{language}.png")
    page.locator("form[action$='/codes/'] button").click()
    page.wait_for_selector(".codes li")
    _fits(page, tmp_path / f"codes-{width}-{language}.png")
    page.goto("/account/")
    page.locator("form[action='/logout/'] button").click()
    log_in(page, merchant_user.username)
    page.wait_for_url("**/login/second/")
    _fits(page, tmp_path / f"second-{width}-{language}.png")
    stranger = browser.new_context(
        base_url=named, locale=language, viewport={"width": width, "height": 800}
    ).new_page()
    for _n in range(8):
        stranger.goto("/login/")
        stranger.fill("[name=username]", merchant_user.username)
        stranger.fill("[name=password]", "wrong")
        stranger.click("main form[action] button.primary")
        if stranger.locator(".note.amber").count():
            break
    _fits(stranger, tmp_path / f"waits-{width}-{language}.png")


def _fits(page: Any, picture: Path) -> None:
    page.screenshot(path=str(picture), full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, page.url

"""A log-in code: whose it is, for how long it counts, and how often it may be tried."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import services
from accounts.models import LoginCode, SmsMessage
from core import clock as business_clock
from core.errors import Invalid
from tests.people import OWNER_PHONE, STRANGER_PHONE


def asked(browser: str = "b", phone: str = OWNER_PHONE) -> str:
    """The code that was sent last."""
    services.send_login_code(phone=phone, browser=browser)
    return SmsMessage.objects.order_by("-pk")[0].text.split("验证码 ")[1][:6]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def redeemed(code: str, browser: str = "b", phone: str = OWNER_PHONE) -> bool:
    try:
        services.redeem_login_code(phone=phone, code=code, browser=browser)
    except Invalid:
        return False
    return True


@pytest.mark.parametrize(("tries", "good"), [(4, True), (5, False)])
def test_four_wrong_tries_leave_one(clock: Any, tries: int, good: bool) -> None:
    code = asked()
    for _try in range(tries):
        assert not redeemed(wrong(code))
    assert redeemed(f" {code} ") is good
    assert LoginCode.objects.get().attempts == 5


@pytest.mark.parametrize(("ago", "good"), [(timedelta(0), True), (timedelta(minutes=1), False)])
def test_a_code_counts_for_ten_minutes(clock: Any, ago: timedelta, good: bool) -> None:
    before = business_clock.real()
    code = asked()
    row = LoginCode.objects.get()
    lives = timedelta(minutes=10)
    assert before + lives <= row.expires_at <= business_clock.real() + lives
    LoginCode.objects.update(expires_at=row.expires_at - lives - ago + timedelta(seconds=30))
    assert redeemed(code) is good


def test_only_the_newest_code_of_this_browser_and_phone_counts_and_once(clock: Any) -> None:
    first, second = asked(), asked()
    others = [asked("c"), asked("b", STRANGER_PHONE)]
    if first != second:
        assert not redeemed(first)
    for code in others:
        assert code == second or not redeemed(code)
    assert redeemed(second)
    assert not redeemed(second)
    assert LoginCode.objects.exclude(used_at=None).count() == 1


def test_one_person_a_phone_without_a_password(clock: Any) -> None:
    first = services.owner_by_phone(OWNER_PHONE)
    assert first == services.owner_by_phone(f" {OWNER_PHONE[:3]} {OWNER_PHONE[3:]}")
    assert not first.has_usable_password()
    assert first.phone == OWNER_PHONE
    assert services.owner_by_phone(STRANGER_PHONE) != first

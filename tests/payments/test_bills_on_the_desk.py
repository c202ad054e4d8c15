"""Finance on the desk: the days, in what they differ, whose it is, what came of it, and closing."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core import clock as business_clock
from payments import tasks
from payments.models import BillDay, BillDifference
from payments.services.bills import NO_BILL
from tests.people import logged_in

pytestmark = pytest.mark.django_db
DAYS = reverse("admin:payments_billday_changelist")
DIFFERENCES = reverse("admin:payments_billdifference_changelist")
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_superuser("finance", password="x" * 12)


@pytest.fixture
def finance(person: User) -> Client:
    return logged_in(person)


@pytest.fixture
def day() -> BillDay:
    return BillDay.objects.create(
        provider="wechat",
        billed="1900000109",
        day=date(2026, 3, 2),
        state="matched",
        payments=2,
        payments_fen=123_400,
        ours_fen=120_000,
    )


@pytest.fixture
def difference(day: BillDay, clock: Any) -> BillDifference:
    return BillDifference.objects.create(
        bill_day=day,
        gap="missing_here",
        number="PX",
        theirs_fen=3400,
        found_at=business_clock.now(),
    )


def act(who: Client, place: str, action: str, row: Any, **more: Any) -> Any:
    asked = {"action": action, "_selected_action": [row.pk], **more}
    return who.post(place, asked, follow=True, headers=ENGLISH)


def test_the_list_shows_both_sides_and_what_is_to_look_into(finance, day, difference) -> None:
    page = finance.get(DAYS, headers=ENGLISH).content.decode()
    assert "¥1,234.00" in page
    assert "¥1,200.00" in page
    link = f"{DIFFERENCES}?bill_day__id__exact={day.pk}&amp;state__exact=open"
    assert link in page
    listed = finance.get(link.replace("&amp;", "&"), headers=ENGLISH).content.decode()
    assert "Paid there, unknown here" in listed
    assert "¥34.00" in listed


def test_a_day_without_a_bill_shows_no_sums_and_says_why(finance, clock) -> None:
    BillDay.objects.create(
        provider="wechat", billed="1900000109", day=date(2026, 3, 2), problem=NO_BILL
    )
    page = finance.get(DAYS, headers={"accept-language": "zh-hans"}).content.decode()
    assert "渠道没有当日账单" in page
    assert "¥0.00" not in page


def test_a_person_takes_a_difference_answers_it_and_closes_the_day(
    finance, person, day, difference
) -> None:
    page = act(finance, DAYS, "close_days", day).content.decode()
    assert "Differences of this day are still open." in page
    act(finance, DIFFERENCES, "take", difference)
    difference.refresh_from_db()
    assert difference.owner == person
    asked = act(finance, DIFFERENCES, "answer_these", difference).content.decode()
    assert "for good" in asked
    assert "¥34.00" in asked
    act(finance, DIFFERENCES, "answer_these", difference, answer="paid at the former kiosk")
    difference.refresh_from_db()
    assert (difference.state, difference.answer) == ("answered", "paid at the former kiosk")
    assert "1 day is closed." in act(finance, DAYS, "close_days", day).content.decode()
    day.refresh_from_db()
    assert (day.state, day.closed_by) == ("closed", person)
    own = finance.get(reverse("admin:payments_billday_change", args=[day.pk]), headers=ENGLISH)
    assert "paid at the former kiosk" in own.content.decode()


def test_another_person_s_difference_is_not_answered(finance, day, difference) -> None:
    BillDifference.objects.update(owner=User.objects.create_user("other", password="x" * 12))
    page = act(finance, DIFFERENCES, "answer_these", difference, answer="x").content.decode()
    assert "Somebody else looks at this one." in page


def test_bills_are_fetched_and_matched_when_a_person_asks(finance, day, monkeypatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(tasks.fetch_bill, "delay", lambda pk: asked.append(("fetch", pk)))
    monkeypatch.setattr(tasks.match_bill, "delay", lambda pk: asked.append(("match", pk)))
    act(finance, DAYS, "fetch_now", day)
    assert asked == []  # it is here
    act(finance, DAYS, "match_now", day)
    BillDay.objects.update(state="awaited")
    act(finance, DAYS, "match_now", day)
    act(finance, DAYS, "fetch_now", day)
    assert asked == [("match", day.pk), ("fetch", day.pk)]


def test_who_may_only_look_closes_and_answers_nothing(day, difference) -> None:
    looker = User.objects.create_user("looker", password="x" * 12, is_staff=True)
    names = ["view_billday", "view_billdifference"]
    looker.user_permissions.set(Permission.objects.filter(codename__in=names))
    who = logged_in(looker)
    assert who.get(DAYS).status_code == 200
    act(who, DAYS, "close_days", day)
    act(who, DIFFERENCES, "take", difference)
    act(who, DIFFERENCES, "answer_these", difference, answer="x")
    difference.refresh_from_db()
    day.refresh_from_db()
    assert (day.state, difference.state, difference.owner) == ("matched", "open", None)

"""What pages say about money: when to leave, sums of their lines, one figure under one name."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config.admin_day import _figures, _money_days
from core.money import format_fen
from parking import selectors, services
from parking.links import stay_token
from parking.models import Berth
from payments import selectors as payments
from payments.models import Order
from tests.parking.test_money import arrive_money, begin, pay
from tests.street import OTHER_PLATE, new_section

ENGLISH = {"accept-language": "en"}


def hour(at: Any) -> str:
    return f"{timezone.localtime(at):%H:%M}"


def test_who_has_paid_is_told_until_when_to_leave(
    berth: Berth, stay_of: Any, clock: Any, anonymous: Any
) -> None:
    stay = stay_of(berth, ago_min=59)
    attempt = begin(("parking.stay", stay.pk))
    bill = anonymous.get(f"/o/{attempt.order.token}/", headers=ENGLISH).content.decode()
    assert "you may leave until 09:15" in bill
    clock.advance(timedelta(minutes=5))
    arrive_money(attempt)
    stay.refresh_from_db()
    assert hour(stay.leave_by) == "09:20"
    done = f"/o/{attempt.order.token}/done/"
    assert "Please leave before 09:20." in anonymous.get(done, headers=ENGLISH).content.decode()
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    assert "Please leave" not in anonymous.get(done, headers=ENGLISH).content.decode()


def test_who_pays_for_a_stay_that_is_over_is_told_no_time_to_leave(
    berth: Berth, stay_of: Any, anonymous: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    pay(("parking.stay", stay.pk))
    done = anonymous.get(f"/o/{Order.objects.get().token}/done/", headers=ENGLISH)
    assert "Please leave" not in done.content.decode()


@pytest.mark.parametrize("how", ["settled", "parked and paid", "free", "void", "unread", "partly"])
def test_the_lines_of_a_stays_page_sum_to_what_it_asks(
    berth: Berth, stay_of: Any, clock: Any, anonymous: Any, how: str
) -> None:
    if how == "parked and paid":
        stay = stay_of(berth, ago_min=59)
        pay(("parking.stay", stay.pk))
    elif how == "free":
        stay = stay_of(berth, minutes=10)
    elif how == "unread":
        stay = stay_of(berth, None, minutes=90)
    elif how == "partly":
        stay = stay_of(berth, ago_min=59)
        pay(("parking.stay", stay.pk))
        clock.advance(timedelta(minutes=30))
        services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    else:
        stay = stay_of(berth, minutes=90)
        pay(("parking.stay", stay.pk))
    if how == "void":
        services.void_stay(stay_id=stay.pk, actor="user:1", reason="x")
    page = anonymous.get(f"/s/{stay_token(stay.pk, here=True)}/", headers=ENGLISH)
    assert page.status_code == 200
    assert sum(line.amount_fen for line in page.context["lines"]) == page.context["amount_fen"]
    assert page.context["amount_fen"] == (600 if how == "partly" else 0)
    if how == "settled":
        assert [line.amount_fen for line in page.context["lines"]][-1] == -1200


def test_one_figure_says_the_same_on_every_page(
    berth: Berth, city: Any, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    """What was earned today, less what goes back, by the books: street, money page, and desk."""
    stay, other = stay_of(berth, minutes=90), stay_of(Berth.objects.get(code="A-002"), minutes=70)
    new_section(city, code="R")
    theirs = stay_of(Berth.objects.get(code="R-001"), OTHER_PLATE, minutes=30)
    pay(("parking.stay", stay.pk))
    pay(("parking.stay", other.pk))
    pay(("parking.stay", theirs.pk))
    services.void_stay(stay_id=other.pk, actor="user:1", reason="x")
    run_reactions()
    mine = berth.section.merchant_id
    began = timezone.localtime(clock.now()).replace(hour=0)
    days = {"since": began, "until": began + timedelta(days=1)}
    assert selectors.figures(mine).money_fen == payments.earned_fen(mine, **days) == 1200
    assert payments.earned_fen(None, **days) == 1800
    assert _figures()[1]["value"] == format_fen(1800) == _money_days()[-1]["value"]

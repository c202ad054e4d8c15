"""From when on debts list a vehicle, as people have said it (P3.2)."""

from typing import Any

import pytest
from django.db import IntegrityError

from arrears import services
from arrears.models import BlacklistEntry, ListingRule, RecoveryNotice
from parking.models import Berth
from tests.people import logged_in, with_rights
from tests.street import TEST, new_section, new_tariff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("listing_by_default")]


@pytest.fixture
def owes(holder: Any, section: Any, stay_of: Any, pass_time: Any) -> Any:
    """The holder's vehicle owes ¥12 for each of so many stays, all asked for long ago."""

    def make(stays: int) -> BlacklistEntry:
        berths = Berth.objects.filter(section=section).order_by("pk")[:stays]
        for n, berth in enumerate(berths, start=1):
            stay_of(berth, ago_min=95 * n, minutes=90)
        pass_time(hours=73)
        pass_time(hours=73)
        return BlacklistEntry.objects.get()

    return make


def test_half_a_yuan_lists_nobody_and_the_entry_says_why(
    holder, merchant, clock, stay_of, pass_time
):
    new_tariff(merchant, {"windows": [{"steps": [{"unit_fen": 50, "unit_s": 3600}]}]})
    new_section(merchant, code="T")
    stay_of(Berth.objects.get(code="T-001"), minutes=30)
    pass_time(hours=80)
    pass_time(days=60)
    entry = BlacklistEntry.objects.get()
    assert (entry.state, entry.due_at, entry.amount_fen) == ("pending", None, 50)
    assert entry.why["rule"] == {
        "version": None,
        "amount_fen": 2000,
        "count": 3,
        "age_days": 0,
        "met": False,
    }


def test_two_stays_that_make_twenty_yuan_together_list_a_vehicle(owes):
    assert owes(2).state == "active"


def test_a_payment_that_brings_it_below_the_rule_takes_it_off(owes, pay, merchant):
    entry = owes(2)
    pay(Berth.objects.get(code="A-001").stays.get())
    entry.refresh_from_db()
    assert (entry.state, entry.amount_fen) == ("pending", 1200)
    assert not RecoveryNotice.objects.filter(state__in=RecoveryNotice.LIVE).exists()


def test_a_new_rule_judges_those_who_stand_there_already(owes, merchant, pass_time):
    entry = owes(1)
    assert entry.state == "pending"
    rule = services.set_rule(
        ListingRule(merchant=merchant, amount_fen=1000, count=9, why="agreed"), actor=TEST
    )
    pass_time(seconds=1)
    entry.refresh_from_db()
    assert (entry.state, entry.why["rule"]["version"]) == ("active", rule.pk)
    services.set_rule(
        ListingRule(merchant=merchant, amount_fen=9000, count=9, why="a mistake"), actor=TEST
    )
    pass_time(seconds=1)
    entry.refresh_from_db()
    assert entry.state == "pending"


def test_anothers_rule_changes_nothing(owes, other_merchant, pass_time):
    entry = owes(1)
    services.set_rule(
        ListingRule(merchant=other_merchant, amount_fen=1, count=1, why="theirs"), actor=TEST
    )
    pass_time(seconds=1)
    entry.refresh_from_db()
    assert entry.state == "pending"


def test_the_desk_says_a_new_version_and_changes_none(merchant, clock):
    desk = logged_in(with_rights("ruler", "arrears.view_listingrule", "arrears.add_listingrule"))
    asked = {"merchant": "", "amount_fen": "50", "count": 5, "age_days": 7, "why": "a year of it"}
    assert desk.post("/admin/arrears/listingrule/add/", asked).status_code == 302
    rule = ListingRule.objects.get()
    assert (rule.amount_fen, rule.count, rule.merchant) == (5000, 5, None)
    assert rule.said_by.startswith("user:")
    url = f"/admin/arrears/listingrule/{rule.pk}/change/"
    desk.post(url, {**asked, "amount_fen": "1"})
    rule.refresh_from_db()
    assert rule.amount_fen == 5000


def test_a_rule_that_asks_nothing_is_refused(clock):
    with pytest.raises(IntegrityError, match="listing_rule_asks_some"):
        services.set_rule(ListingRule(amount_fen=0, count=1, why="x"), actor=TEST)


def test_the_merchants_page_says_from_when_on_it_lists(owes, merchant_client):
    owes(1)
    page = merchant_client.get("/merchant/debts/", headers={"Accept-Language": "en"})
    assert "listed from ¥20.00 or 3 stays on" in page.content.decode()

"""What ends with a debt, and what goes on: windows, demands, texts, and the sum it once was."""

from typing import Any

import pytest

from accounts.models import SmsMessage
from arrears import services
from arrears.models import Debt, Demand, PayWindow
from arrears.services import demands
from core import clock as business_clock
from parking import services as parking
from parking.models import Berth, ParkingSession
from tests.street import TEST, left_after
from tests.trail import moves


@pytest.fixture
def two(holder: Any, section: Any, stay_of: Any, pass_time: Any) -> list[Debt]:
    """Two debts of one holder, asked for in one text that has not left yet."""
    first, second = Berth.objects.filter(section=section).order_by("position")[:2]
    stays = [stay_of(first, minutes=90), stay_of(second, ago_min=300, minutes=90)]
    pass_time(hours=73)
    found = [Debt.objects.get(stay=one) for one in stays]
    demand = Demand.objects.get()
    assert set(demand.debts.all()) == set(found)
    SmsMessage.objects.filter(key=f"demand:{demand.pk}").update(state="queued")
    Demand.objects.update(state="sending", delivered_at=None)
    Debt.objects.update(demanded_at=None, demanded_fen=None)
    for one in found:
        one.refresh_from_db()
    return found


def state() -> tuple[str, str]:
    """Of the one demand and of its text."""
    demand = Demand.objects.get()
    return demand.state, SmsMessage.objects.get(key=f"demand:{demand.pk}").state


def test_a_demand_is_over_with_the_last_of_its_debts(two: list[Debt], pay: Any) -> None:
    pay(two[0].stay, follow=False)
    assert state() == ("sending", "queued")  # it asks for the other still
    pay(two[1].stay, follow=False)
    assert state() == ("dropped", "recalled")


def test_a_waived_debt_ends_its_window_and_its_demand(two: list[Debt]) -> None:
    for debt in two:
        services.waive_debt(debt_id=debt.pk, actor="user:2", reason="storm")
    assert state() == ("dropped", "recalled")
    for window in PayWindow.objects.all():
        assert moves(window)[-1] == ("ended", "dropped", "user:2", "")
    assert {one.state for one in ParkingSession.objects.all()} == {"void"}


@pytest.mark.parametrize("over", [False, True])
def test_a_voided_stay_ends_its_window_whether_that_runs_or_has_ended(
    berth: Berth, stay_of: Any, pass_time: Any, run_reactions: Any, over: bool
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=73) if over else run_reactions()
    before = PayWindow.objects.get().state
    assert before == ("ended" if over else "open")
    parking.void_stay(stay_id=stay.pk, actor=TEST, reason="x")
    run_reactions()
    window = PayWindow.objects.get()
    assert moves(window)[-1][:2] == (before, "dropped")


@pytest.mark.parametrize("gone", ["settled", "void"])
def test_a_window_that_ended_of_a_stay_that_is_owed_no_more_makes_no_debt(
    berth: Berth, stay_of: Any, run_reactions: Any, pay: Any, gone: str
) -> None:
    """The event of its end comes before anybody has heard of the payment or the mistake."""
    stay = stay_of(berth, minutes=90)
    run_reactions()
    if gone == "settled":
        pay(stay, follow=False)
    else:
        parking.void_stay(stay_id=stay.pk, actor=TEST, reason="x")
    PayWindow.objects.update(state="ended")
    assert services.open_debt(stay_id=stay.pk) is None
    assert not Debt.objects.exists()


def test_a_fee_that_rises_twice_before_anybody_is_told_names_the_first_sum(debt: Debt) -> None:
    Debt.objects.update(demanded_at=business_clock.now(), demanded_fen=1200)
    for minutes, why in ((150, "the first"), (250, "")):
        left_after(debt.stay, minutes)
        services.follow_stay(stay_id=debt.stay_id, raised=True, why=why)
    debt.refresh_from_db()
    assert (debt.raised_from_fen, debt.amount_fen) == (1200, 3000)
    assert [one[3] for one in moves(debt)][-2:] == ["the first", "fee raised"]
    assert demands.raised([debt])["before"] == "¥12.00"


def test_nobody_is_asked_for_a_debt_that_a_text_names_already(two: list[Debt]) -> None:
    assert services.make_demand(debt_id=two[0].pk) is None

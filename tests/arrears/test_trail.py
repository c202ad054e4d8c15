"""What people decide about debts stands in the trail, and what follows from it in the outbox."""

from datetime import timedelta
from typing import Any

from accounts.models import SmsMessage
from arrears import services
from arrears.models import Debt, Demand, Dispute, ExemptVehicle, ListingRule, OptOut, PayWindow
from arrears.services import assistance, demands, disputes
from core import clock as business_clock
from parking import services as parking
from parking.models import Berth
from tests.street import PLATE, TEST
from tests.trail import events, said


def test_who_lets_machines_foresee_again_is_said(db: None) -> None:
    assistance.refuse_profiling("plate:x", actor="owner")
    row = OptOut.objects.get()
    assistance.allow_profiling(subject="plate:x", actor="user:3")
    assert said(row) == [("taken back", "user:3", "", {})]


def test_a_rule_of_listing_says_who_said_it_and_why(clock: Any) -> None:
    rule = services.set_rule(ListingRule(amount_fen=7, count=2, why="spring"), actor="user:4")
    assert said(rule) == [("said", "user:4", "spring", {})]


def test_an_exemption_says_who_asked_and_its_end_asks_for_debts_anew(debt: Debt) -> None:
    row = services.ask_exemption(
        ExemptVehicle(
            plate_text=PLATE.text,
            plate_colour="blue",
            until=business_clock.now() + timedelta(days=9),
            reason=ExemptVehicle._meta.get_field("reason").choices[0][0],  # type: ignore[index]
            why="fire brigade",
        ),
        actor="user:5",
    )
    assert said(row) == [("asked", "user:5", "fire brigade", {})]
    services.grant_exemption(exemption_id=row.pk, actor="user:6")
    assert events("arrears.demand_taken_back") == []
    services.end_exemption(exemption_id=row.pk, actor="user:6", reason="sold")
    assert events("arrears.demand_taken_back") == [{"debt_id": debt.pk}]


def test_a_debt_is_an_event(debt: Debt) -> None:
    assert events("arrears.debt_opened") == [{"debt_id": debt.pk}]


def test_an_objection_is_an_event_for_each_stay_and_once(
    section: Any, stay_of: Any, run_reactions: Any
) -> None:
    first, second = Berth.objects.filter(section=section).order_by("position")[:2]
    stays = [stay_of(first, minutes=90), stay_of(second, ago_min=300, minutes=90)]
    for _twice in range(2):
        services.object(stay_ids=[one.pk for one in stays], reason="other", actor="owner")
    assert events("arrears.stay_disputed") == [{"stay_id": one.pk} for one in stays]


def test_an_objection_answered_for_one_stay_says_which_it_was_part_of(
    section: Any, stay_of: Any, run_reactions: Any
) -> None:
    first, second = Berth.objects.filter(section=section).order_by("position")[:2]
    stays = [stay_of(first, minutes=90), stay_of(second, ago_min=300, minutes=90)]
    [whole] = services.object(stay_ids=[one.pk for one in stays], reason="other", actor="owner")
    parking.void_stay(stay_id=stays[0].pk, actor=TEST, reason="x")
    run_reactions()
    parted = Dispute.objects.exclude(pk=whole.pk).get()
    assert said(parted) == [("parted", disputes.SYSTEM, "stay voided", {"of": whole.pk})]


def test_what_a_demand_asked_for_beside_the_debt_that_left_it_is_asked_anew(
    holder: Any, section: Any, stay_of: Any, pass_time: Any
) -> None:
    first, second = Berth.objects.filter(section=section).order_by("position")[:2]
    stays = [stay_of(first, minutes=90), stay_of(second, ago_min=300, minutes=90)]
    pass_time(hours=73)
    gone, rest = (Debt.objects.get(stay=one) for one in stays)
    demand = Demand.objects.get(debts=gone)
    assert set(demand.debts.all()) == {gone, rest}
    Demand.objects.filter(pk=demand.pk).update(state="sending")
    SmsMessage.objects.filter(key=f"demand:{demand.pk}").update(state="queued")
    before = len(events("arrears.demand_taken_back"))
    demands.take_back([gone.pk], actor=TEST, reason="x")
    assert events("arrears.demand_taken_back")[before:] == [{"debt_id": rest.pk}]


def test_the_end_of_a_window_that_was_lost_is_said_again(
    berth: Berth, stay_of: Any, run_reactions: Any, clock: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    run_reactions()
    window = PayWindow.objects.get(stay=stay)
    PayWindow.objects.update(state="ended")
    clock.move_to(window.due_at + timedelta(hours=2))
    assert services.find_debts_of_city() == 1
    assert events("arrears.pay_window_ended") == [{"window_id": window.pk, "stay_id": stay.pk}]

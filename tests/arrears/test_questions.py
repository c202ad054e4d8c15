"""What is contested waits; once it is settled everything has its whole time again, from then."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.models import Assessment, Debt, Demand, Dispute, Look, PayWindow, Plan, Watch
from arrears.selectors import dues as due_selectors
from core import outbox
from parking import services as parking
from parking.models import Berth, ParkingSession, ReviewItem
from payments.models import Refund
from tests.arrears.conftest import look_at_all
from tests.arrears.test_assistance import LATE
from tests.arrears.test_assistance import at_risk as at_risk
from tests.payments.threads import at_once
from tests.people import prove
from tests.street import OTHER_PLATE, PLATE, TEST


def listing(plate: Any = PLATE) -> Any:
    return selectors.listing_of(plate)


def doubt(stay: ParkingSession) -> ReviewItem:
    return parking.doubt_plate(stay_id=stay.pk, actor="owner")


def correct(stay: ParkingSession, plate: Any = OTHER_PLATE) -> None:
    parking.correct_plate(
        stay_id=stay.pk,
        plate_text=plate.text,
        plate_colour=str(plate.colour),
        actor=TEST,
        why="misread",
    )


def object_to(stay: ParkingSession, reason: str = "not_mine") -> Dispute:
    [dispute] = services.object(stay_ids=[stay.pk], reason=reason, actor="owner")
    return dispute


def reject(dispute: Dispute) -> None:
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="rejected", answer="It is your car.", actor="user:1"
    )


# ── "Not my vehicle", without a photograph ───────────────────────────────────────────────────
def test_a_stay_contested_while_parked_is_no_debt_until_a_person_has_looked(
    berth: Berth, holder: Any, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    stay = stay_of(berth, ago_min=90)
    item = doubt(stay)
    parking.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    pass_time(days=10)
    assert not PayWindow.objects.exists()
    assert not Debt.objects.exists()
    assert listing() is None
    assert not SmsMessage.objects.exists()
    [due] = selectors.dues_of([(PLATE.text, "blue")])
    assert (due.state, due.amount_fen) == ("disputed", 1200)

    parking.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    pass_time(hours=71)
    assert not Debt.objects.exists()
    pass_time(hours=2)
    assert Debt.objects.get().state == "open"
    assert listing().state == "pending"
    assert SmsMessage.objects.get().template == "demand"
    pass_time(hours=71)
    assert listing().state == "pending"
    pass_time(hours=2)
    assert listing().state == "active"


def test_a_debt_contested_on_a_page_that_was_open_too_long_is_held_too(
    holder: Any, debt: Debt, pass_time: Any
) -> None:
    pass_time(hours=73)
    assert listing().state == "active"
    item = doubt(debt.stay)
    pass_time(seconds=1)
    assert (Debt.objects.get().state, listing().state) == ("disputed", "suspended")
    parking.settle_review(item_id=item.pk, verdict="unreadable", actor="user:7")
    pass_time(seconds=1)
    debt.refresh_from_db()
    assert (debt.state, listing()) == ("cancelled", None)  # nobody can tell: nobody owes
    assert ParkingSession.objects.get().due_fen == 0


def test_an_answer_within_the_window_gives_the_whole_window_again(
    berth: Berth, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    item = doubt(stay)
    pass_time(hours=70)
    parking.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    pass_time(seconds=1)
    assert PayWindow.objects.get().due_at >= clock.now() + timedelta(hours=71)
    pass_time(hours=71)
    assert not Debt.objects.exists()
    pass_time(hours=2)
    assert Debt.objects.get().state == "open"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_stay_contested_at_the_instant_its_window_ends_is_never_an_open_debt(
    transactional_db: None, berth: Berth, stay_of: Any, run_reactions: Any, clock: Any, round_: int
) -> None:
    stay = stay_of(berth, minutes=90)
    run_reactions()
    clock.move_to(PayWindow.objects.get().due_at)
    services.end_pay_windows()
    results = at_once(lambda: doubt(stay), lambda: services.open_debt(stay_id=stay.pk))
    assert not any(isinstance(one, Exception) for one in results), results
    run_reactions()
    assert not Debt.objects.filter(state="open").exists()
    assert listing() is None or listing().state == "suspended"
    parking.settle_review(
        item_id=ReviewItem.objects.get(state="open").pk, verdict="keep", actor="user:7"
    )
    run_reactions()
    if Debt.objects.exists():  # it was one by then: asked for once a person has seen the evidence
        assert Debt.objects.get().state == "open"
        assert Look.objects.filter(state="waiting").count() == 1
    else:
        assert PayWindow.objects.get().due_at == clock.now() + timedelta(hours=72)


# ── A corrected plate: the right owner begins at the start ───────────────────────────────────
def test_the_right_owner_has_the_window_the_demand_and_the_grace_of_a_fresh_debt(
    holder: Any, stranger: Any, debt: Debt, pass_time: Any
) -> None:
    prove(stranger, OTHER_PLATE.text, "blue")
    pass_time(hours=73)
    assert listing().state == "active"
    SmsMessage.objects.all().delete()

    correct(debt.stay)
    pass_time(seconds=1)
    debt.refresh_from_db()
    assert (debt.state, listing()) == ("cancelled", None)
    assert selectors.listing_of(OTHER_PLATE) is None
    [due] = selectors.dues_of([(OTHER_PLATE.text, "blue")])
    assert due.state == "window"
    pass_time(hours=71)
    assert not Debt.objects.filter(state="open").exists()  # time to pay first

    pass_time(hours=2)
    debt.refresh_from_db()
    assert (debt.state, debt.plate_text) == ("open", OTHER_PLATE.text)
    assert Demand.objects.filter(user=stranger, state="delivered").count() == 1
    assert selectors.listing_of(OTHER_PLATE).state == "pending"  # type: ignore[union-attr]
    assert SmsMessage.objects.get().template == "demand"
    pass_time(hours=71)
    assert selectors.listing_of(OTHER_PLATE).state == "pending"  # type: ignore[union-attr]
    pass_time(hours=2)
    assert selectors.listing_of(OTHER_PLATE).state == "active"  # type: ignore[union-attr]


def test_the_wrong_owners_link_shows_the_stay_no_more(
    holder: Any, debt: Debt, pass_time: Any, anonymous: Any
) -> None:
    pass_time(seconds=1)
    demand = Demand.objects.get()
    assert "12.00" in anonymous.get(f"/dues/{demand.token}/").content.decode()
    correct(debt.stay)
    pass_time(seconds=1)
    assert due_selectors.stays_of_demand(demand) == []
    assert "12.00" not in anonymous.get(f"/dues/{demand.token}/").content.decode()


def test_the_wrong_owners_objection_is_answered_and_holds_nothing_of_the_right_ones(
    debt: Debt, pass_time: Any
) -> None:
    dispute = object_to(debt.stay)
    correct(debt.stay)
    pass_time(hours=74)
    dispute.refresh_from_db()
    assert dispute.state == "upheld"
    assert "另一辆车" in dispute.answer
    debt.refresh_from_db()
    assert (debt.state, debt.plate_text) == ("open", OTHER_PLATE.text)


def test_the_wrong_owners_words_and_their_answer_are_theirs_alone_to_read(
    debt: Debt, pass_time: Any, anonymous: Any
) -> None:
    theirs = selectors.object_path([debt.stay_id])
    anonymous.post(theirs, {"reason": "amount", "text": "I was in Suzhou."})
    correct(debt.stay)
    pass_time(seconds=1)
    page = anonymous.get(theirs).content.decode()
    assert "I was in Suzhou." in page
    assert "另一辆车" in page
    assert "A-001" not in page  # whose stay it is now is not theirs to see
    anonymous.post(theirs, {"reason": "other", "text": "Again."})
    assert Dispute.objects.count() == 1

    page = anonymous.get(selectors.object_path([debt.stay_id])).content.decode()
    assert "A-001" in page
    assert "Suzhou" not in page
    assert "另一辆车" not in page


def test_an_objection_to_several_stays_stays_open_for_the_others(
    section: Any, stay_of: Any, pass_time: Any
) -> None:
    first, second = Berth.objects.filter(section=section)[:2]
    a, b = stay_of(first, minutes=90), stay_of(second, ago_min=180, minutes=30)
    pass_time(hours=73)
    [dispute] = services.object(
        stay_ids=[a.pk, b.pk], reason="not_mine", text="Not I.", actor="owner"
    )
    correct(a)
    pass_time(seconds=1)
    dispute.refresh_from_db()
    assert (dispute.state, [one.pk for one in dispute.stays.all()]) == ("open", [b.pk])
    assert Debt.objects.get(stay=b).state == "disputed"
    answered = Dispute.objects.get(stays=a)  # what was said of it stays, with its answer
    assert (answered.state, answered.text) == ("upheld", "Not I.")
    assert (answered.opened_at, answered.plate_text) == (dispute.opened_at, PLATE.text)
    assert "另一辆车" in answered.answer


def test_after_a_correction_the_right_owner_is_watched_anew_and_gets_a_plan_of_their_own(
    at_risk: Any, past: Any, stranger: Any, scored: Any, pass_time: Any, clock: Any
) -> None:
    stay = at_risk()
    clock.advance(Watch.objects.get().due_at - clock.now())
    pass_time(hours=1)
    assert Plan.objects.get().plate_text == PLATE.text

    prove(stranger, OTHER_PLATE.text, "blue")
    past(OTHER_PLATE, Berth.objects.get(code="A-003"), LATE)
    correct(stay)
    pass_time(seconds=1)
    assert not Watch.objects.exclude(state="dropped").exists()
    corrected_at = clock.now()
    assert scored(stay).at_risk
    watch = Watch.objects.get(state="watching")
    seconds = Assessment.objects.get().payment_time_s
    assert seconds is not None
    window = PayWindow.objects.get()
    assert window.due_at >= corrected_at + timedelta(hours=71, minutes=59)
    asked_at = window.due_at - timedelta(hours=72)
    assert watch.due_at == asked_at + timedelta(seconds=seconds)  # not from the departure

    clock.move_to(watch.due_at)
    pass_time(seconds=1)
    plan = Plan.objects.get(watch=watch)
    assert (plan.user, plan.plate_text) == (stranger, OTHER_PLATE.text)
    assert selectors.decision_of(stay.pk).plan is not None  # type: ignore[union-attr]
    assert Plan.objects.get(plate_text=PLATE.text).state == "stopped"


def test_a_watch_that_has_begun_for_the_right_owner_outlives_a_late_word_of_the_correction(
    at_risk: Any, past: Any, scored: Any, pass_time: Any, clock: Any
) -> None:
    stay = at_risk()
    past(OTHER_PLATE, Berth.objects.get(code="A-003"), LATE)
    correct(stay)
    services.assess(stay_id=stay.pk)  # came before the reaction that ends the other's
    assert scored(stay).at_risk
    pass_time(seconds=1)
    states = dict(Watch.objects.values_list("number", "state"))
    assert states == {1: "dropped", 2: "watching"}


@pytest.mark.parametrize("wish", ["deleted", "objected"])
def test_what_the_wrong_owner_asked_for_leaves_the_right_one_a_score_of_their_own(
    at_risk: Any, past: Any, stranger: Any, scored: Any, pass_time: Any, wish: str
) -> None:
    stay = at_risk()
    if wish == "deleted":
        services.delete_portraits(user_id=0, plates=[(PLATE.text, "blue")], actor="owner")
        assert Assessment.objects.get().state == "deleted"
    else:
        object_to(stay, "decision")
        assert Assessment.objects.get().objected
    past(OTHER_PLATE, Berth.objects.get(code="A-003"), LATE)
    correct(stay)
    pass_time(seconds=1)
    row = scored(stay)
    assert (row.state, row.plate_text, row.objected) == ("done", OTHER_PLATE.text, False)
    assert row.at_risk
    assert Watch.objects.get(state="watching").number == 2


@pytest.mark.parametrize("reason", ["amount", "paid", "decision", "other"])
def test_whatever_the_wrong_owner_objected_to_is_answered_and_holds_nothing_of_the_right_ones(
    debt: Debt, pass_time: Any, reason: str
) -> None:
    dispute = object_to(debt.stay, reason)
    correct(debt.stay)
    pass_time(hours=74)
    dispute.refresh_from_db()
    assert dispute.state == "upheld"
    assert "另一辆车" in dispute.answer
    debt.refresh_from_db()
    assert (debt.state, debt.plate_text) == ("open", OTHER_PLATE.text)


def test_what_the_wrong_owner_paid_under_protest_goes_back_with_the_answer(
    debt: Debt, pay: Any, pass_time: Any
) -> None:
    dispute = object_to(debt.stay)
    pay(debt.stay)
    correct(debt.stay)
    pass_time(seconds=1)
    dispute.refresh_from_db()
    assert dispute.state == "upheld"
    assert "另一辆车" in dispute.answer
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 1200


def test_a_cancelled_stay_answers_every_objection_to_its_fee(debt: Debt, pass_time: Any) -> None:
    fee, mine, decision = (
        object_to(debt.stay, reason) for reason in ("amount", "not_mine", "decision")
    )
    services.settle_dispute(
        dispute_id=fee.pk, verdict="upheld", answer="Too much, indeed.", actor="user:1"
    )
    pass_time(seconds=1)
    told = {one.pk: (one.state, bool(one.answer)) for one in Dispute.objects.all()}
    assert told == {
        fee.pk: ("upheld", True),
        mine.pk: ("upheld", True),
        decision.pk: ("open", False),  # a person has promised to look at it
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_correction_at_the_instant_the_window_ends_leaves_the_right_owner_their_window(
    transactional_db: None, berth: Berth, stay_of: Any, run_reactions: Any, clock: Any, round_: int
) -> None:
    stay = stay_of(berth, minutes=90)
    run_reactions()
    clock.move_to(PayWindow.objects.get().due_at)
    services.end_pay_windows()
    results = at_once(lambda: correct(stay), lambda: services.open_debt(stay_id=stay.pk))
    assert not any(isinstance(one, Exception) for one in results), results
    run_reactions()
    assert not Debt.objects.filter(state__in=Debt.LIVE).exists()
    window = PayWindow.objects.get()
    assert (window.state, window.due_at) == ("open", clock.now() + timedelta(hours=72))


# ── A question that is settled late ──────────────────────────────────────────────────────────
def test_a_rejected_objection_asks_anew_for_a_day_that_is_still_to_come(
    holder: Any, debt: Debt, pass_time: Any, clock: Any
) -> None:
    pass_time(seconds=1)
    assert "请在 3月8日" in SmsMessage.objects.get().text
    dispute = object_to(debt.stay)
    pass_time(days=9)
    assert SmsMessage.objects.count() == 1
    reject(dispute)
    pass_time(seconds=1)
    second = SmsMessage.objects.order_by("-pk")[0]
    assert SmsMessage.objects.count() == 2
    assert "请在 3月17日" in second.text  # three days from the answer
    assert listing().due_at >= clock.now() + timedelta(hours=71)
    pass_time(hours=71)
    assert listing().state == "pending"
    pass_time(hours=2)
    assert listing().state == "active"


def test_a_text_that_was_still_waiting_is_never_sent_once_the_debt_is_contested(
    holder: Any, debt: Debt, clock: Any, run_reactions: Any
) -> None:
    SmsMessage.objects.all().delete()
    Demand.objects.update(state="made", delivered_at=None, evidence="")
    Debt.objects.update(demanded_at=None)
    services.send_demands()
    assert SmsMessage.objects.get().state == "queued"  # the provider is away
    dispute = object_to(debt.stay)
    assert SmsMessage.objects.get().state == "recalled"
    clock.advance(timedelta(days=9))
    reject(dispute)
    run_reactions()
    services.send_demands()
    run_reactions()
    old, new = SmsMessage.objects.order_by("pk")
    assert (old.state, new.state) == ("recalled", "delivered")
    assert "请在 3月17日" in new.text


def test_the_other_debt_of_a_recalled_text_is_asked_for_alone(
    section: Any, holder: Any, stay_of: Any, clock: Any, pass_time: Any, run_reactions: Any
) -> None:
    first, second = Berth.objects.filter(section=section)[:2]
    a, _b = stay_of(first, minutes=90), stay_of(second, ago_min=180, minutes=30)
    run_reactions()
    clock.move_to(PayWindow.objects.order_by("-due_at")[0].due_at)
    services.end_pay_windows()
    run_reactions()
    look_at_all()
    run_reactions()
    services.send_demands()
    assert "¥18.00" in SmsMessage.objects.get().text
    object_to(a)
    pass_time(seconds=1)
    texts = {one.state: one.text for one in SmsMessage.objects.all()}
    assert "¥18.00" in texts["recalled"]
    assert "¥6.00" in texts["delivered"]


def test_an_objection_within_the_window_that_is_rejected_gives_the_whole_window_again(
    berth: Berth, holder: Any, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    dispute = object_to(stay_of(berth, minutes=90))
    pass_time(hours=71)
    reject(dispute)
    [due] = selectors.dues_of([(PLATE.text, "blue")])
    assert due.pay_by == clock.now() + timedelta(hours=72)


def test_who_is_contested_twice_waits_for_both_answers(
    holder: Any, debt: Debt, pass_time: Any
) -> None:
    dispute, item = object_to(debt.stay), doubt(debt.stay)
    pass_time(seconds=1)
    reject(dispute)
    assert Debt.objects.get().state == "disputed"
    parking.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    pass_time(seconds=1)
    assert Debt.objects.get().state == "open"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_an_objection_at_the_instant_a_text_is_written_leaves_none_to_be_sent(
    transactional_db: None, holder: Any, debt: Debt, clock: Any, round_: int
) -> None:
    SmsMessage.objects.all().delete()
    outbox.run_pending()
    Demand.objects.update(state="made", delivered_at=None, evidence="")
    Debt.objects.update(demanded_at=None)
    results = at_once(lambda: object_to(debt.stay), services.send_demands)
    assert not any(isinstance(one, Exception) for one in results), results
    assert not SmsMessage.objects.filter(state__in=["queued", "sent"]).exists()
    assert Demand.objects.get().state == "dropped"

"""While any question about a stay is open nothing is asked for it; with its answer the whole time
begins anew (docs/rules.md L1)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.models import Debt, Demand, PayWindow, Plan, RecoveryNotice, Watch
from core import outbox
from core.models import OutboxDelivery
from parking import selectors as parking_selectors
from parking import services as parking
from parking.links import stay_token
from parking.models import Berth, ParkingSession, ReviewItem, Sighting
from parking.services.reviews import drop_reviews, open_review
from tests.arrears.test_assistance import LATE
from tests.payments.threads import at_once
from tests.street import OTHER_PLATE, PLATE, TEST, photograph

Ask = Callable[[ParkingSession], ReviewItem]


@pytest.fixture(params=["doubted", "readings_differ", "too_far", "weak_plate"])
def ask(request: Any, enrolled: Any) -> Ask:
    """Opens a question about a stay: about the stay itself, or which plate is in its photograph."""
    why: str = request.param

    def go(stay: ParkingSession) -> ReviewItem:
        if why == "doubted":
            return parking.doubt_plate(stay_id=stay.pk, actor="owner")
        if why == "readings_differ":
            return another_vehicle_is_photographed(stay, enrolled("H-9", "handheld", stay.merchant))
        of_plate = why == "weak_plate"
        return open_review(
            kind="plate" if of_plate else "stay", why=why, merchant_id=stay.merchant_id, stay=stay
        )

    return go


def another_vehicle_is_photographed(stay: ParkingSession, device_id: int) -> ReviewItem:
    """In the middle of this stay, at its berth."""
    sighting_id = parking.take_sighting(
        device_id=device_id,
        kind="handheld",
        merchant_id=stay.merchant_id,
        attendant="user:1",
        image_sha=photograph(9),
        occurred_at=stay.arrived_at + timedelta(minutes=30),
        purpose="capture",
        berth_code=stay.berth.code,
    )
    parking.settle_plate(sighting_id=sighting_id, plate=OTHER_PLATE, by=TEST, why="seen")
    return ReviewItem.objects.get(stay=stay, why="readings_differ", state="open")


def answer(item: ReviewItem) -> None:
    parking.settle_review(item_id=item.pk, verdict="keep", actor="user:7")


def asked_of() -> list[str]:
    return list(SmsMessage.objects.exclude(state="recalled").values_list("template", flat=True))


def test_a_stay_that_is_asked_about_while_parked_is_no_debt_and_nobody_hears_of_it(
    berth: Berth, holder: Any, stay_of: Any, pass_time: Any, clock: Any, ask: Ask
) -> None:
    stay = stay_of(berth, ago_min=90)
    item = ask(stay)
    parking.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    pass_time(days=10)
    assert not Debt.objects.exists()
    assert not PayWindow.objects.filter(state="open").exists()
    assert selectors.listing_of(PLATE) is None
    assert asked_of() == []

    answer(item)
    pass_time(hours=71)
    assert not Debt.objects.exists()
    pass_time(hours=2)
    assert Debt.objects.get().state == "open"
    assert asked_of() == ["demand"]


def test_the_time_to_pay_stands_still_and_begins_anew_with_the_answer(
    berth: Berth, stay_of: Any, pass_time: Any, clock: Any, ask: Ask
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=70)
    item = ask(stay)
    pass_time(days=30)
    assert PayWindow.objects.get().state == "held"
    answer(item)
    pass_time(seconds=1)
    window = PayWindow.objects.get()
    assert window.state == "open"
    assert window.due_at >= clock.now() + timedelta(hours=71)


def test_a_debt_that_is_asked_about_is_held_and_its_grace_begins_anew(
    holder: Any, debt: Debt, pass_time: Any, clock: Any, ask: Ask
) -> None:
    pass_time(hours=73)
    assert selectors.listing_of(PLATE).state == "active"  # type: ignore[union-attr]
    item = ask(debt.stay)
    pass_time(seconds=1)
    assert selectors.listing_of(PLATE).state == "suspended"  # type: ignore[union-attr]
    assert selectors.open_debts_of(PLATE)[0].disputed
    answer(item)
    pass_time(seconds=1)
    assert asked_of() == ["demand", "demand"]
    pass_time(hours=71)
    assert selectors.listing_of(PLATE).state == "pending"  # type: ignore[union-attr]
    pass_time(hours=2)
    assert selectors.listing_of(PLATE).state == "active"  # type: ignore[union-attr]


def test_who_wants_to_pay_may_while_the_question_is_open(
    berth: Berth, stay_of: Any, pass_time: Any, pay: Any, ask: Ask
) -> None:
    stay = stay_of(berth, minutes=90)
    ask(stay)
    pass_time(hours=1)
    pay(stay)
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("settled", 0)


def test_a_question_that_nobody_has_to_answer_any_more_lets_the_stay_go_on(
    berth: Berth, stay_of: Any, pass_time: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    open_review(kind="stay", why="next_arrived", merchant_id=stay.merchant_id, stay=stay)
    pass_time(days=5)
    assert not Debt.objects.exists()
    drop_reviews(stay=stay, why=["next_arrived"], actor=TEST)
    pass_time(seconds=1)
    assert parking_selectors.stay(stay.pk).questions == ()
    assert PayWindow.objects.get().state == "open"


def asked_twice(stay: ParkingSession, *reasons: str) -> list[ReviewItem]:
    return [
        open_review(kind="stay", why=why, merchant_id=stay.merchant_id, stay=stay)
        for why in reasons
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_two_reasons_to_ask_are_two_questions_and_both_want_an_answer(
    berth: Berth, stay_of: Any, pass_time: Any, first: int
) -> None:
    stay = stay_of(berth, minutes=90)
    items = asked_twice(stay, "too_far", "next_arrived")
    pass_time(days=4)
    answer(items[first])
    pass_time(days=4)
    assert not Debt.objects.exists()
    assert not PayWindow.objects.filter(state="open").exists()
    [open_one] = parking_selectors.stay(stay.pk).questions
    assert open_one.code == items[1 - first].why
    answer(items[1 - first])
    pass_time(seconds=1)
    assert PayWindow.objects.get().state == "open"


@pytest.mark.parametrize("first", [0, 1])
def test_where_the_plate_was_is_answered_once_however_it_is_asked(
    berth: Berth, stay_of: Any, pass_time: Any, first: int
) -> None:
    stay = stay_of(berth, minutes=90)
    items = asked_twice(stay, "plate_twice", "seen_elsewhere")
    pass_time(days=4)
    assert not Debt.objects.exists()
    answer(items[first])
    pass_time(seconds=1)
    assert parking_selectors.stay(stay.pk).questions == ()
    assert PayWindow.objects.get().state == "open"  # its whole time begins with the answer
    assert not Debt.objects.exists()


def test_an_objection_within_the_window_stops_it_and_makes_no_debt(
    berth: Berth, stay_of: Any, pass_time: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=1)
    services.object(stay_ids=[stay.pk], reason="amount", actor="owner")
    pass_time(days=10)
    assert PayWindow.objects.get().state == "held"
    assert not Debt.objects.exists()


def test_the_nightly_look_begins_nothing_for_a_stay_in_question(
    berth: Berth, stay_of: Any, run_reactions: Any, clock: Any, ask: Ask
) -> None:
    stay = stay_of(berth, minutes=90)
    ask(stay)
    OutboxDelivery.objects.all().delete()  # what was told of it is lost
    clock.advance(timedelta(days=5))
    services.find_debts_of_city()
    services.find_debts_of(PLATE.text)
    services.end_pay_windows()
    run_reactions()
    assert not PayWindow.objects.exists()
    assert not Debt.objects.exists()


def test_a_question_that_was_over_before_we_heard_of_it_leaves_no_debt_unasked(
    holder: Any, debt: Debt, run_reactions: Any, pass_time: Any
) -> None:
    """Both were written before the debt's own reaction ran."""
    Demand.objects.all().delete()
    Debt.objects.update(demanded_at=None, demanded_fen=None)
    SmsMessage.objects.all().delete()
    item = open_review(kind="stay", why="plate_twice", merchant_id=debt.merchant_id, stay=debt.stay)
    assert services.make_demand(debt_id=debt.pk) is None
    answer(item)
    pass_time(seconds=1)
    assert Debt.objects.get().state == "open"
    assert asked_of() == ["demand"]


def test_nobody_is_accused_by_the_photograph_of_a_stay_in_question(
    holder: Any,
    debt: Debt,
    section: Any,
    stay_of: Any,
    seen: Any,
    merchant: Any,
    enrolled: Any,
    pass_time: Any,
) -> None:
    pass_time(hours=73)
    second = Berth.objects.get(code="A-002")
    stay = stay_of(second)
    open_review(kind="stay", why="plate_twice", merchant_id=stay.merchant_id, stay=stay)
    hand = enrolled("H-1", "handheld", merchant)
    sighting: Sighting = seen(hand, merchant, berth=second)
    RecoveryNotice.objects.all().delete()
    parking.settle_plate(sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test", confidence=1.0)
    pass_time(seconds=1)
    assert not RecoveryNotice.objects.exists()


@pytest.mark.parametrize("page", ["stay", "berth", "dues"])
def test_the_page_says_that_nothing_is_asked_and_still_offers_to_pay(
    berth: Berth, owner_client: Any, holder: Any, stay_of: Any, pass_time: Any, page: str
) -> None:
    stay = stay_of(berth, **({"ago_min": 90} if page == "berth" else {"minutes": 90}))
    open_review(kind="stay", why="plate_twice", merchant_id=stay.merchant_id, stay=stay)
    pass_time(seconds=1)
    path = {
        "stay": f"/s/{stay_token(stay.pk)}/",
        "berth": f"/b/{berth.code}/",
        "dues": "/dues/",
    }[page]
    shown = owner_client.get(path, headers={"Accept-Language": "en"}).content.decode()
    assert "A person still has to look at this stay" in shown
    assert "Pay ¥12.00" in shown or "Pay the chosen fees" in shown
    assert "checked" not in shown


def test_who_looks_at_a_stay_sees_what_is_asked_since_when_and_by_whom(
    berth: Berth, merchant_client: Any, operator_client: Any, stay_of: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    item = open_review(kind="stay", why="plate_twice", merchant_id=stay.merchant_id, stay=stay)
    why = "The same plate stands in two berths."
    merchants = reverse("parking.merchant_stay", args=[stay.pk])
    desks = reverse("admin:parking_parkingsession_change", args=[stay.pk])
    for client, path in ((merchant_client, merchants), (operator_client, desks)):
        page = client.get(path, headers={"Accept-Language": "en"}).content.decode()
        assert why in page
        assert str(item.pk) in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_question_at_the_instant_the_window_ends_asks_nobody_for_anything(
    transactional_db: None,
    holder: Any,
    berth: Berth,
    stay_of: Any,
    run_reactions: Any,
    clock: Any,
    round_: int,
) -> None:
    stay = stay_of(berth, minutes=90)
    run_reactions()
    clock.move_to(PayWindow.objects.get().due_at)

    def end() -> None:
        services.end_pay_windows()
        services.open_debt(stay_id=stay.pk)

    def question() -> ReviewItem:
        return open_review(kind="stay", why="plate_twice", merchant_id=stay.merchant_id, stay=stay)

    results = at_once(end, question)
    assert not any(isinstance(one, Exception) for one in results), results
    run_reactions()
    services.send_demands()
    outbox.run_pending()
    assert not Debt.objects.filter(state="open").exists()
    assert asked_of() == []
    answer(ReviewItem.objects.get(state="open"))
    run_reactions()
    window = PayWindow.objects.get()
    if Debt.objects.exists():
        assert Debt.objects.get().state == "open"
    else:
        assert (window.state, window.due_at) == ("open", clock.now() + timedelta(hours=72))


# ── P0.4: who is at risk is helped all the same, later ──────────────────────────────────────────
@pytest.mark.parametrize("parked", [True, False])
def test_who_is_at_risk_is_watched_anew_when_a_question_is_over(
    past: Any,
    section: Any,
    stay_of: Any,
    scored: Any,
    clock: Any,
    run_reactions: Any,
    pass_time: Any,
    parked: bool,
) -> None:
    past(PLATE, Berth.objects.get(code="A-003"), LATE)
    stay = stay_of(Berth.objects.get(code="A-001"))
    services.assess(stay_id=stay.pk)
    run_reactions()
    assert scored(stay).at_risk
    if parked:
        parking.doubt_plate(stay_id=stay.pk, actor="owner")
    clock.advance(timedelta(minutes=90))
    parking.close_stay(berth_id=stay.berth_id, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    if not parked:
        assert Watch.objects.get().state == "watching"
        parking.doubt_plate(stay_id=stay.pk, actor="owner")
    pass_time(hours=3)
    assert not Watch.objects.filter(state="watching").exists()

    answer(ReviewItem.objects.get(stay=stay, state="open"))
    run_reactions()
    watch = Watch.objects.get()
    assert (watch.state, watch.began_at) == ("watching", clock.now())
    pass_time(seconds=(watch.due_at - clock.now()).total_seconds() + 1)
    assert Plan.objects.get().stay_id == stay.pk

"""A person looks before anybody is asked: the queue before the first demand (P3.2, L11)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.errors import DebtMoved, DemandIsOut, NotLookedAt
from arrears.models import BlacklistEntry, Debt, Demand, Look
from core import clock as business_clock
from core.models import AuditEntry
from parking import services as parking
from parking.models import Berth, Prepayment, ReviewItem
from tests.payments.threads import at_once
from tests.people import logged_in, prove, with_rights
from tests.street import PLATE, TEST, left_after

pytestmark = pytest.mark.django_db


@pytest.fixture
def unseen(holder: Any, stay_of: Any, berth: Berth, pass_time: Any) -> Debt:
    """A debt of the proven holder's vehicle whose evidence nobody has looked at."""
    pass_time.people_look = False
    stay = stay_of(berth, minutes=90)
    pass_time(hours=73)
    return Debt.objects.get(stay=stay)


def texts() -> int:
    return SmsMessage.objects.filter(template="demand").count()


def test_nobody_is_asked_or_listed_for_what_no_person_has_seen(unseen, pass_time):
    pass_time(days=30)
    assert (texts(), Demand.objects.count()) == (0, 0)
    assert BlacklistEntry.objects.get().state == "pending"
    assert unseen.look.state == "waiting"


def test_after_a_persons_look_the_demand_goes_out_and_the_trail_names_them(unseen, pass_time):
    assert services.agree([unseen.look.pk], actor="user:7") == [unseen.look.pk]
    pass_time(minutes=3)
    assert texts() == 1
    look = Look.objects.get()
    assert (look.state, look.looked_by) == ("agreed", "user:7")
    entry = AuditEntry.objects.get(subject="arrears.look", to_state="agreed")
    assert entry.actor == "user:7"


def test_a_look_taken_back_before_the_demand_is_out_leaves_nobody_asked(
    unseen, pass_time, run_reactions
):
    services.agree([unseen.look.pk], actor="user:7")
    run_reactions()
    assert services.look_again(unseen.look.pk, actor="user:7")
    pass_time(minutes=10)
    assert texts() == 0
    assert selectors.looks_to_take(None).get() == unseen.look


def test_a_look_cannot_be_taken_back_once_the_demand_is_out_but_still_be_doubted(
    unseen, pass_time, run_reactions
):
    services.agree([unseen.look.pk], actor="user:7")
    pass_time(minutes=3)
    with pytest.raises(DemandIsOut):
        services.look_again(unseen.look.pk, actor="user:7")
    services.doubt(unseen.look.pk, actor="user:7")
    unseen.refresh_from_db()
    assert unseen.state == "disputed"
    assert BlacklistEntry.objects.get().state == "suspended"


def test_what_a_person_doubts_opens_a_question_and_is_asked_for_only_after_another_look(
    unseen, pass_time
):
    services.doubt(unseen.look.pk, actor="user:7")
    unseen.refresh_from_db()
    item = ReviewItem.objects.get(stay=unseen.stay, state="open")
    assert unseen.state == "disputed"
    pass_time(days=10)
    assert texts() == 0

    parking.settle_review(item_id=item.pk, verdict="keep", actor="user:8")
    pass_time(minutes=3)
    unseen.refresh_from_db()
    assert (unseen.state, unseen.look.state, texts()) == ("open", "waiting", 0)
    services.agree([unseen.look.pk], actor="user:8")
    pass_time(minutes=3)
    assert texts() == 1


def test_an_owner_who_declared_the_plate_has_confirmed_the_stay(holder, berth, stay_of, pass_time):
    pass_time.people_look = False
    stay = stay_of(berth, ago_min=60)
    Prepayment.objects.create(
        stay=stay,
        berth=berth,
        arrived_at=stay.arrived_at,
        minutes=60,
        plate_text=PLATE.text,
        plate_colour="blue",
        state="confirmed",
        created_at=business_clock.now(),
        submitted_at=business_clock.now(),
    )
    parking.close_stay(berth_id=berth.pk, occurred_at=business_clock.now(), said_by=TEST)
    pass_time(hours=73)
    assert Look.objects.get().state == "confirmed"
    assert texts() == 1


def test_an_owner_who_shows_the_plate_while_the_debt_waits_has_confirmed_it(
    owner, berth, stay_of, pass_time
):
    pass_time.people_look = False
    stay_of(berth, minutes=90)
    pass_time(hours=73)
    assert Look.objects.get().state == "waiting"
    prove(owner, PLATE.text, "blue")
    pass_time(minutes=1)
    assert Look.objects.get().state == "confirmed"
    assert texts() == 1


def test_a_fee_that_rises_is_looked_at_anew_before_it_is_asked_for(unseen, pass_time, clock):
    services.agree([unseen.look.pk], actor="user:7")
    pass_time(minutes=3)
    left_after(unseen.stay, 150)
    pass_time(days=1)
    assert (Look.objects.get().state, texts()) == ("waiting", 1)


def test_a_paper_notice_is_not_taken_for_a_debt_that_nobody_has_looked_at(unseen, merchant):
    with pytest.raises(NotLookedAt):
        services.deliver_on_paper(
            debt_ids=[unseen.pk],
            named_fen=unseen.amount_fen,
            photograph=b"any",
            merchant_id=merchant.pk,
            actor=TEST,
        )


def test_nobody_has_to_look_at_what_is_paid(unseen, pay):
    pay(unseen.stay)
    assert Look.objects.get().state == "dropped"
    assert services.agree([unseen.look.pk], actor="user:7") == []
    with pytest.raises(DebtMoved):
        services.doubt(unseen.look.pk, actor="user:7")


def test_what_is_objected_to_waits_for_the_answer_first(unseen):
    services.object(debt_ids=[unseen.pk], reason="amount", actor="owner")
    assert not selectors.looks_to_take(None).exists()
    assert services.agree([unseen.look.pk], actor="user:7") == []


# ── The page ─────────────────────────────────────────────────────────────────────────────────
def test_a_cashier_answers_a_batch_on_one_page_and_takes_it_back(unseen, cashier, run_reactions):
    client = logged_in(cashier)
    page = client.get("/merchant/debts/looks/", headers={"Accept-Language": "en"})
    assert "¥12.00" in page.content.decode()
    pk = unseen.look.pk
    client.post("/merchant/debts/looks/", {"look": [pk]})
    assert Look.objects.get().state == "agreed"
    run_reactions()
    client.post("/merchant/debts/looks/", {"do": "undo"})
    assert Look.objects.get().state == "waiting"
    client.post("/merchant/debts/looks/", {"look": [pk], "wrong": [pk]})
    assert Look.objects.get().state == "doubted"


def test_another_merchant_and_an_attendant_answer_nothing(unseen, attendant, other_merchant_client):
    pk = unseen.look.pk
    assert logged_in(attendant).post("/merchant/debts/looks/", {"look": [pk]}).status_code == 403
    other_merchant_client.post("/merchant/debts/looks/", {"look": [pk]})
    assert Look.objects.get().state == "waiting"


def test_the_desk_looks_with_a_right_of_its_own(unseen):
    page = "/admin/arrears/look/take/"
    only = logged_in(with_rights("viewer", "arrears.view_look"))
    assert only.get(page).status_code == 200
    assert only.post(page, {"look": [unseen.look.pk]}).status_code == 403
    judge = logged_in(with_rights("judge", "arrears.view_look", "arrears.judge_look"))
    judge.post(page, {"look": [unseen.look.pk]})
    assert Look.objects.get().state == "agreed"


# ── At one instant ───────────────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_the_one_who_doubts_is_heard(
    transactional_db, unseen, run_reactions, pass_time
):
    pk = unseen.look.pk
    results = at_once(
        lambda: services.agree([pk], actor="user:7"), lambda: services.doubt(pk, actor="user:8")
    )
    assert not any(isinstance(one, Exception) for one in results), results
    pass_time(minutes=5)
    assert Look.objects.get().state == "doubted"
    assert texts() == 0


@pytest.mark.django_db(transaction=True)
def test_a_look_at_the_instant_of_the_payment_asks_nobody(transactional_db, unseen, pass_time, pay):
    pk = unseen.look.pk
    results = at_once(
        lambda: services.agree([pk], actor="user:7"), lambda: pay(unseen.stay, follow=False)
    )
    assert not any(isinstance(one, Exception) for one in results), results
    pass_time(minutes=5)
    unseen.refresh_from_db()
    assert (unseen.state, texts()) == ("paid", 0)


def test_each_look_taken_is_asked_once(unseen, pass_time):
    services.agree([unseen.look.pk, unseen.look.pk], actor="user:7")
    services.agree([unseen.look.pk], actor="user:8")
    pass_time(minutes=3)
    pass_time(hours=1)
    assert texts() == 1
    assert Look.objects.get().looked_at < business_clock.now() - timedelta(hours=1)

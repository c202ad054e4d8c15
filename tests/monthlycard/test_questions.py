"""A question about a vehicle holds what its card is asked for, and gives back what was taken
(docs/rules.md L1, P4.12)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import ActLimit
from monthlycard import services
from monthlycard.models import Card, CardObjection, Deduction, StatementCorrection
from monthlycard.services.deductions import tell_of_dues
from parking import selectors as parking_selectors
from parking import services as parking
from parking.models import Berth, CloneCase, ParkingSession, Section, Sighting
from parking.services.reviews import open_review
from tests import trail
from tests.monthlycard import desk
from tests.monthlycard.test_cards import paid_card
from tests.people import TEST
from tests.street import OTHER_PLATE, PLATE, new_section


@pytest.fixture
def card(world: Any, owner: Any) -> Card:
    return paid_card(owner, world.plan)


@pytest.fixture
def road(city: Any, clock: Any) -> Section:
    return new_section(city, code="R", name="长宁路", ground="road")


@pytest.fixture
def stood(road: Section) -> Any:
    """A stay of the card's vehicle at the roadside: `stood(arrived_at, hours=1)`."""

    def stand(arrived_at: datetime, *, hours: float | None = None) -> ParkingSession:
        berth = Berth.objects.get(code="R-001")
        stay_id = parking.open_stay(berth_id=berth.pk, occurred_at=arrived_at, said_by=TEST)
        assert stay_id is not None
        parking.correct_plate(
            stay_id=stay_id, plate_text=PLATE.text, plate_colour="blue", actor=TEST, why="test"
        )
        if hours is not None:
            left_at = arrived_at + timedelta(hours=hours)
            parking.close_stay(berth_id=berth.pk, occurred_at=left_at, said_by=TEST)
        return ParkingSession.objects.get(pk=stay_id)

    return stand


def visited(world: Any, card: Card, at: datetime, *, hours: float = 3) -> None:
    """A visit at west, whose lot is another merchant's, of ¥10 an hour."""
    desk.signed(world.west)
    desk.report(world.west, card, 0, at, hours=hours)


def closed(clock: Any) -> Deduction:
    clock.advance(timedelta(days=7))
    services.close_due()
    return desk.deducted(desk.statement_agreed())


def left(card: Card) -> int:
    card.refresh_from_db()
    return card.quota_left


def the_question() -> CardObjection:
    return CardObjection.objects.get(state="open")


def answer(*, upheld: bool) -> None:
    services.answer_objection(
        objection_id=the_question().pk, upheld=upheld, answer="looked at", actor="user:7"
    )


def test_a_visit_while_the_vehicle_stood_elsewhere_is_not_deducted_before_an_answer(
    world: Any, card: Card, clock: Any, stood: Any, run_reactions: Any
) -> None:
    begin = clock.now()
    visited(world, card, begin)
    stood(begin + timedelta(hours=1), hours=1)
    row = closed(clock)
    assert (row.taken, row.state, row.due_fen, left(card)) == (False, "disputed", 0, 30000)
    said = the_question()
    assert (said.reason, said.visits) == ("question", ["entry-0/exit-0"])
    answer(upheld=False)
    row.refresh_from_db()
    assert (row.taken, row.state, left(card)) == (True, "covered", 27000)
    run_reactions()
    assert not CardObjection.objects.filter(state="open").exists()  # a person's word is not asked


def test_a_visit_of_another_vehicle_leaves_by_a_correcting_line(
    world: Any, card: Card, clock: Any, stood: Any
) -> None:
    begin = clock.now()
    visited(world, card, begin)
    stood(begin + timedelta(hours=1), hours=1)
    row = closed(clock)
    answer(upheld=True)
    row.refresh_from_db()
    assert (row.fee_fen, row.state, left(card)) == (0, "dropped", 30000)
    assert StatementCorrection.objects.get().fee_fen == -3000


def test_what_was_deducted_before_the_question_is_held_and_comes_back_when_upheld(
    world: Any, card: Card, clock: Any, stood: Any, run_reactions: Any
) -> None:
    begin = clock.now()
    ActLimit.objects.create(each_fen=50000, day_fen=50000, why="", said_by=TEST, valid_from=begin)
    visited(world, card, begin, hours=40)  # more than the card covers
    row = closed(clock)
    assert (row.state, row.due_fen, left(card)) == ("due", 10000, 0)
    stay = stood(begin + timedelta(hours=1), hours=1)
    parking.doubt_plate(stay_id=stay.pk, actor="owner")
    run_reactions()
    row.refresh_from_db()
    assert row.state == "disputed"
    clock.advance(timedelta(days=2))
    assert tell_of_dues() == 0  # nothing is asked for it
    answer(upheld=True)
    row.refresh_from_db()
    assert (row.fee_fen, row.due_fen, row.state, left(card)) == (0, 0, "dropped", 30000)


@pytest.mark.parametrize("how", ["corrected", "void"])
def test_a_contradiction_that_is_none_any_more_lets_the_deduction_go(
    world: Any, card: Card, clock: Any, stood: Any, run_reactions: Any, how: str
) -> None:
    begin = clock.now()
    visited(world, card, begin)
    stay = stood(begin + timedelta(hours=1), hours=1)
    row = closed(clock)
    assert not row.taken
    if how == "void":
        parking.void_stay(stay_id=stay.pk, actor=TEST, reason="nobody stood there")
    else:
        parking.correct_plate(
            stay_id=stay.pk,
            plate_text=OTHER_PLATE.text,
            plate_colour="blue",
            actor=TEST,
            why="misread",
        )
    run_reactions()
    row.refresh_from_db()
    assert (row.taken, row.state, left(card)) == (True, "covered", 27000)
    assert CardObjection.objects.get().state == "over"


def test_visits_of_a_plate_that_may_be_copied_wait_until_the_case_is_closed(
    world: Any, card: Card, clock: Any, stood: Any, run_reactions: Any
) -> None:
    begin = clock.now()
    stay = stood(begin, hours=1)
    parking.suspect_copy(stay_id=stay.pk)
    visited(world, card, begin + timedelta(days=2))
    row = closed(clock)
    run_reactions()
    case = CloneCase.objects.get()
    parking.say_copied(case_id=case.pk, actor="user:7", reason="two were seen")
    run_reactions()
    row.refresh_from_db()
    assert (row.taken, row.state, left(card)) == (False, "disputed", 30000)
    parking.close_case(case_id=case.pk, actor="user:7", reason="the copy is gone")
    run_reactions()
    row.refresh_from_db()
    assert (row.taken, row.state, left(card)) == (True, "covered", 27000)


def test_what_was_deducted_before_a_copy_was_suspected_is_held_too(
    world: Any, card: Card, clock: Any, stood: Any, run_reactions: Any
) -> None:
    begin = clock.now()
    stay = stood(begin, hours=1)
    visited(world, card, begin + timedelta(days=2))
    row = closed(clock)
    assert row.taken
    parking.suspect_copy(stay_id=stay.pk)
    run_reactions()
    row.refresh_from_db()
    assert row.state == "disputed"
    answer(upheld=True)
    assert left(card) == 30000


@pytest.mark.parametrize("hours", [-4, 6])
def test_a_stay_at_another_time_holds_nothing(
    world: Any, card: Card, clock: Any, stood: Any, hours: int
) -> None:
    begin = clock.now() + timedelta(hours=5)
    visited(world, card, begin)
    stood(begin + timedelta(hours=hours), hours=1)
    assert closed(clock).taken
    assert left(card) == 27000


@pytest.mark.parametrize(
    ("purpose", "state"), [("arrival", "disputed"), ("leaving", "covered")], ids=str
)
def test_a_photograph_near_a_visit_holds_it_where_it_holds_its_stay(
    world: Any,
    card: Card,
    clock: Any,
    stood: Any,
    enrolled: Any,
    seen: Any,
    purpose: str,
    state: str,
) -> None:
    begin = clock.now()
    visited(world, card, begin)
    stay = stood(begin - timedelta(minutes=90), hours=1)
    sighting = seen(enrolled("H-9", "handheld", stay.merchant), stay.merchant, purpose=purpose)
    Sighting.objects.filter(pk=sighting.pk).update(stay=stay)
    open_review(
        kind="plate",
        why="weak_character",
        merchant_id=stay.merchant_id,
        stay=stay,
        sighting=sighting,
    )
    assert parking_selectors.is_questioned(stay.pk) is (state == "disputed")
    assert closed(clock).state == state


def test_an_owners_own_objection_does_not_let_go_what_is_in_question(
    world: Any, card: Card, clock: Any, stood: Any
) -> None:
    begin = clock.now()
    visited(world, card, begin)
    services.object_to_use(card_id=card.pk, lot_code="west", reason="other", text="?", actor=TEST)
    stood(begin + timedelta(hours=1), hours=1)
    row = closed(clock)
    own = CardObjection.objects.exclude(reason="question").get()
    services.answer_objection(objection_id=own.pk, upheld=False, answer="no", actor="user:7")
    row.refresh_from_db()
    assert (row.taken, row.state) == (False, "disputed")
    answer(upheld=False)
    row.refresh_from_db()
    assert (row.taken, row.state, left(card)) == (True, "covered", 27000)


# ── Its holder's word ────────────────────────────────────────────────────────────────────────
@pytest.fixture
def in_question(world: Any, card: Card, clock: Any, stood: Any) -> Deduction:
    """A visit of ¥30.00 while the plate stood at the roadside."""
    begin = clock.now()
    visited(world, card, begin)
    stood(begin + timedelta(hours=1), hours=1)
    return closed(clock)


def by_page(client: Any, row: Deduction, *, mine: bool) -> int:
    said = {"mine" if mine else "not_mine": "1"}
    return int(client.post(f"/cards/deductions/{row.pk}/", said).status_code)


def by_interface(client: Any, row: Deduction, *, mine: bool) -> int:
    return int(
        client.post(
            f"/api/v1/monthlycard/deductions/{row.pk}/whose/",
            {"mine": mine},
            content_type="application/json",
        ).status_code
    )


DOORS = pytest.mark.parametrize("say", [by_page, by_interface])


@DOORS
def test_the_holder_who_says_that_it_was_theirs_lets_the_visit_go_on(
    in_question: Deduction, card: Card, owner_client: Any, run_reactions: Any, say: Any
) -> None:
    path = f"/cards/deductions/{in_question.pk}/"
    page = owner_client.get(path, headers={"Accept-Language": "en"}).content.decode()
    assert "It was my vehicle" in page
    assert say(owner_client, in_question, mine=True) in (200, 302)
    in_question.refresh_from_db()
    assert (in_question.taken, in_question.state, left(card)) == (True, "covered", 27000)
    run_reactions()
    services.look_at_vehicle(plate=PLATE, since=in_question.statement.starts_at)
    assert not CardObjection.objects.filter(state="open").exists()  # nor asked again
    assert "It was my vehicle" not in owner_client.get(path).content.decode()


@DOORS
@pytest.mark.parametrize(("upheld", "rest"), [(True, 30000), (False, 27000)])
def test_the_holder_who_says_that_it_was_not_is_answered_by_a_person(
    in_question: Deduction,
    card: Card,
    owner_client: Any,
    run_reactions: Any,
    say: Any,
    upheld: bool,
    rest: int,
) -> None:
    say(owner_client, in_question, mine=False)
    assert (the_question().reason, left(card)) == ("not_me", 30000)
    say(owner_client, in_question, mine=True)  # it is an objection now, and only a person answers
    assert the_question().reason == "not_me"
    assert trail.said(the_question()) == [
        ("opened", "system:monthlycard.questions", "", {}),
        ("not theirs", card.user.actor, "", {}),
    ]
    services.look_at_vehicle(plate=PLATE, since=in_question.statement.starts_at)
    answer(upheld=upheld)
    run_reactions()
    assert not CardObjection.objects.filter(state="open").exists()
    assert left(card) == rest


@DOORS
def test_nobody_else_says_whose_visit_it_was(
    in_question: Deduction, stranger_client: Any, say: Any
) -> None:
    assert say(stranger_client, in_question, mine=True) == 404
    assert the_question().reason == "question"


# ── An objection to a use, before any statement holds it ─────────────────────────────────────
def objected(card: Card) -> CardObjection:
    return services.object_to_use(
        card_id=card.pk, lot_code="west", reason="not_me", text="", actor="owner"
    )


@pytest.mark.parametrize("when", ["before the statement", "before it is agreed", "after it"])
def test_what_an_owner_was_right_to_object_to_leaves_the_later_statement(
    world: Any, card: Card, clock: Any, run_reactions: Any, when: str
) -> None:
    visited(world, card, clock.now())
    said = objected(card)
    clock.advance(timedelta(hours=4))
    desk.report(world.west, card, 1, clock.now(), hours=2)  # another visit, which is theirs
    if when == "before the statement":
        answer(upheld=True)
    clock.advance(timedelta(days=7))
    services.close_due()
    if when == "before it is agreed":
        answer(upheld=True)
    desk.statement_agreed()
    run_reactions()
    if when == "after it":
        assert left(card) == 30000
        answer(upheld=True)
    assert said.visits == ["entry-0/exit-0"]
    assert StatementCorrection.objects.get().fee_fen == -3000
    row = Deduction.objects.get()
    assert (row.taken, row.fee_fen, left(card)) == (True, 2000, 28000)


def test_a_visit_under_way_when_it_was_objected_to_leaves_its_statement(
    world: Any, card: Card, clock: Any, run_reactions: Any
) -> None:
    desk.signed(world.west)
    services.take_passes(
        lot=world.west, reports=[desk.pass_of(card, "entry", "entry-0", clock.now())]
    )
    objected(card)
    answer(upheld=True)
    clock.advance(timedelta(hours=3))
    services.take_passes(
        lot=world.west, reports=[desk.pass_of(card, "exit", "exit-0", clock.now())]
    )
    clock.advance(timedelta(days=7))
    services.close_due()
    desk.statement_agreed()
    run_reactions()
    assert left(card) == 30000
    assert StatementCorrection.objects.get().fee_fen < 0


def test_a_rejected_objection_to_a_use_changes_no_statement(
    world: Any, card: Card, clock: Any, run_reactions: Any
) -> None:
    visited(world, card, clock.now())
    objected(card)
    answer(upheld=False)
    clock.advance(timedelta(days=7))
    services.close_due()
    desk.statement_agreed()
    run_reactions()
    assert not StatementCorrection.objects.exists()
    assert left(card) == 27000


# ── What is said beside what is open ─────────────────────────────────────────────────────────
def test_an_objection_beside_our_question_is_the_owners_and_does_not_end_by_itself(
    world: Any, card: Card, clock: Any, stood: Any, run_reactions: Any
) -> None:
    begin = clock.now()
    visited(world, card, begin)
    stay = stood(begin + timedelta(hours=1), hours=1)
    row = closed(clock)
    said = services.object_to_deduction(
        deduction_id=row.pk, visits=[], reason="not_me", text="I was at home", actor="owner"
    )
    assert said == the_question()
    assert (said.reason, said.visits, said.text) == ("not_me", [], "I was at home")
    facts: dict[str, Any] = {"visits": []}
    assert trail.said(said)[-1] == ("said more", "owner", "not_me", facts)

    parking.void_stay(stay_id=stay.pk, actor=TEST, reason="nobody stood there")
    run_reactions()
    row.refresh_from_db()
    assert (row.taken, row.state, left(card)) == (False, "disputed", 30000)
    answer(upheld=True)
    row.refresh_from_db()
    assert (row.fee_fen, row.state, left(card)) == (0, "dropped", 30000)


def test_an_objection_to_a_second_visit_is_answered_with_the_first(
    world: Any, card: Card, clock: Any
) -> None:
    visited(world, card, clock.now())
    clock.advance(timedelta(hours=4))
    desk.report(world.west, card, 1, clock.now(), hours=2)
    clock.advance(timedelta(hours=4))
    desk.report(world.west, card, 2, clock.now(), hours=1)
    row = closed(clock)
    for visit, text in (("entry-0/exit-0", "at home"), ("entry-1/exit-1", "abroad")):
        for _twice in range(2):
            services.object_to_deduction(
                deduction_id=row.pk, visits=[visit], reason="not_me", text=text, actor="owner"
            )
    said = the_question()
    assert (said.visits, said.text) == (["entry-0/exit-0", "entry-1/exit-1"], "at home\nabroad")
    assert [one[0] for one in trail.said(said)] == ["opened", "said more"]
    answer(upheld=True)
    row.refresh_from_db()
    assert (row.fee_fen, left(card)) == (1000, 29000)


def test_an_objection_to_a_later_use_is_answered_with_the_earlier(
    world: Any, card: Card, clock: Any
) -> None:
    visited(world, card, clock.now())
    objected(card)
    clock.advance(timedelta(hours=4))
    desk.report(world.west, card, 1, clock.now(), hours=2)
    assert objected(card).visits == ["entry-0/exit-0", "entry-1/exit-1"]
    row = closed(clock)
    answer(upheld=True)
    row.refresh_from_db()
    assert (row.fee_fen, left(card)) == (0, 30000)

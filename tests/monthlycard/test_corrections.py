"""A visit that is wrong leaves its statement by a line, and comes back by one (P4.11, P4.12)."""

from datetime import timedelta

import pytest

from accounts.models import SmsMessage
from core import outages
from monthlycard import selectors, services
from monthlycard.errors import PaidByHand, StatementMissing
from monthlycard.models import Card, Deduction, Statement, StatementCorrection, StatementDifference
from monthlycard.rules import checksum
from payments.models import Refund
from tests.core.test_transition import in_threads
from tests.monthlycard import desk
from tests.monthlycard.conftest import grant_card
from tests.monthlycard.rules.test_fees import HOURLY
from tests.monthlycard.test_cards import OTHER, order_for, paid_card
from tests.payments.conftest import books, pay
from tests.people import TEST


@pytest.fixture
def card(world, owner) -> Card:
    return paid_card(owner, world.plan)


def closed(lot, card, clock, *hours: float) -> Statement:
    """A statement of visits of so many hours, each the next day's."""
    desk.signed(lot)
    for n, length in enumerate(hours):
        desk.report(lot, card, n, clock.now() + timedelta(days=n), hours=length)
    clock.advance(timedelta(days=7))
    services.close_due()
    return Statement.objects.get(lot=lot)


def checked(lot, statement: Statement, own) -> list[StatementDifference]:
    statement.refresh_from_db()
    return services.answer_statement(
        lot=lot,
        number=statement.number,
        seen_checksum=statement.checksum,
        own=own,
        actor=f"lot:{lot.code}",
    )


def sealed(statement: Statement) -> None:
    """What every reader of a statement adds up to its total, and the seal is of this file."""
    statement.refresh_from_db()
    rows = statement.csv.splitlines()[1:]
    assert sum(int(row.rsplit(",", 1)[1]) for row in rows) == statement.total_fen
    lines = selectors.all_lines(statement)
    assert sum(line.fee_fen for line, _late in lines) == statement.total_fen
    assert statement.total_fen == sum(line.fee_fen for line in selectors.lines_of(statement))
    assert checksum(statement.csv.encode()) == statement.checksum


def test_a_visit_that_the_lot_denies_leaves_by_a_line_and_is_deducted_from_nobody(
    world, card, clock, operator_client, operator, run_reactions
):
    statement = closed(world.east, card, clock, 3, 1)
    own = [one for one in selectors.lines_of(statement) if one.visit == "entry-1/exit-1"]
    assert [row.kind for row in checked(world.east, statement, own)] == ["missing_here"]

    chosen = {"action": "settle", "_selected_action": [statement.pk]}
    operator_client.post("/admin/monthlycard/statement/", chosen)
    run_reactions()

    line = StatementCorrection.objects.get()
    assert (line.visit, line.out, line.fee_fen) == ("entry-0/exit-0", True, -3000)
    assert (line.by, line.why) == (operator.actor, "settled with the lot")
    difference = StatementDifference.objects.get()
    assert (difference.settled_by, difference.settled_note) == (operator.actor, line.why)
    statement.refresh_from_db()
    assert (statement.state, statement.total_fen, statement.exits) == ("deducted", 1000, 1)
    sealed(statement)
    card.refresh_from_db()
    assert (Deduction.objects.get().fee_fen, card.quota_left) == (1000, 29000)


def test_a_statement_whose_only_visit_is_denied_takes_nothing(world, card, clock, run_reactions):
    statement = closed(world.east, card, clock, 3)
    checked(world.east, statement, [])
    assert services.settle_statement(statement_id=statement.pk, actor=TEST, why="no such visit")
    run_reactions()
    statement.refresh_from_db()
    assert (statement.state, statement.total_fen) == ("deducted", 0)
    assert not Deduction.objects.exists()
    sealed(statement)


def test_a_lot_checks_the_corrected_file_and_agrees_by_itself(world, card, clock):
    statement = closed(world.east, card, clock, 3, 1)
    own = [one for one in selectors.lines_of(statement) if one.visit == "entry-1/exit-1"]
    old = statement.checksum
    services.correct_statement(
        statement_id=statement.pk, visits=["entry-0/exit-0"], out=True, actor=TEST, why="not there"
    )
    statement.refresh_from_db()
    assert statement.checksum != old
    assert checked(world.east, statement, own) == []
    statement.refresh_from_db()
    assert statement.state == "agreed"


def test_a_visit_comes_back_by_a_line_of_its_own(world, card, clock):
    statement = closed(world.east, card, clock, 3, 1)
    own = selectors.lines_of(statement)
    visit = {"statement_id": statement.pk, "visits": ["entry-0/exit-0"], "actor": TEST}
    assert services.correct_statement(**visit, out=True, why="not there") == 1
    assert services.correct_statement(**visit, out=True, why="not there") == 0
    sealed(statement)
    assert services.correct_statement(**visit, out=False, why="found after all") == 1
    sealed(statement)
    assert statement.total_fen == 4000
    assert [line.fee_fen for line in StatementCorrection.objects.order_by("pk")] == [-3000, 3000]
    assert checked(world.east, statement, own) == []


def test_silence_begins_anew_with_a_corrected_statement(world, card, clock):
    statement = closed(world.east, card, clock, 3, 1)
    services.note_fetched(statement)
    services.correct_statement(
        statement_id=statement.pk, visits=["entry-0/exit-0"], out=True, actor=TEST, why="not there"
    )
    statement.refresh_from_db()
    assert (statement.fetched_at, statement.silence_at) == (None, None)


def test_what_was_deducted_for_a_visit_goes_back_and_the_books_agree(
    world, card, clock, run_reactions
):
    """West's merchant is another one: what moved to it moves back."""
    before = books()
    statement = closed(world.west, card, clock, 3)
    row = desk.deducted(desk.statement_agreed())
    assert books() != before
    services.correct_statement(
        statement_id=statement.pk, visits=["entry-0/exit-0"], out=True, actor=TEST, why="not there"
    )
    row.refresh_from_db()
    card.refresh_from_db()
    assert (row.state, row.fee_fen, row.covered_fen, card.quota_left) == ("dropped", 0, 0, 30000)
    moved = {name: fen for name, fen in books().items() if fen}
    assert moved == {name: fen for name, fen in before.items() if fen}
    sealed(statement)


def test_what_an_ended_card_gets_back_for_a_visit_reaches_its_owner(
    world, card, clock, run_reactions
):
    """¥290 were used when it ended on day 7 of 30: ¥10 went back; then the visit is denied."""
    statement = closed(world.east, card, clock, 290 / 10)
    assert services.end_card(card_id=card.pk, actor=TEST, reason="sold") == 1000
    services.correct_statement(
        statement_id=statement.pk, visits=["entry-0/exit-0"], out=True, actor=TEST, why="not there"
    )
    for _ in range(2):
        run_reactions()
    back = sum(row.amount_fen for row in Refund.objects.all())
    assert back == 23000  # 23 whole days of 30 were left


def test_what_was_paid_by_hand_for_a_visit_goes_back_to_who_paid_it(
    world, card, clock, run_reactions
):
    Card.objects.update(quota_left=500)
    statement = closed(world.east, card, clock, 3)
    row = desk.deducted(desk.statement_agreed())
    from payments import services as payments

    pay(payments.open_order(items=[("monthlycard.deduction", row.pk)], actor=TEST))
    visit = {"statement_id": statement.pk, "visits": ["entry-0/exit-0"], "actor": TEST}
    services.correct_statement(**visit, out=True, why="not there")
    run_reactions()
    card.refresh_from_db()
    row.refresh_from_db()
    assert (card.quota_left, row.due_fen, row.state) == (500, 0, "dropped")
    assert Refund.objects.get().amount_fen == 2500
    with pytest.raises(PaidByHand):
        services.correct_statement(**visit, out=False, why="found")


# ── What a card does not cover ──────────────────────────────────────────────────────────────────
@pytest.fixture
def due(world, card, clock) -> Deduction:
    """¥25.00 that the card did not cover, by day."""
    Card.objects.update(quota_left=500)
    closed(world.east, card, clock, 3)
    clock.advance(timedelta(hours=1))
    return desk.deducted(desk.statement_agreed())


def test_what_a_card_does_not_cover_is_told_has_its_time_and_is_asked_for(
    due, owner_client, clock, run_reactions
):
    assert (due.state, due.due_fen, due.pay_by) == ("due", 2500, clock.now() + timedelta(hours=72))
    page = owner_client.get("/dues/", headers={"Accept-Language": "en"}).content.decode()
    assert "Your card did not cover ¥25.00" in page
    assert "Nothing is open" not in page
    assert (services.tell_of_dues(), services.tell_of_dues()) == (1, 0)
    clock.advance(timedelta(hours=72))
    assert (services.tell_of_dues(), services.tell_of_dues()) == (1, 0)
    due.refresh_from_db()
    assert due.state == "overdue"
    assert SmsMessage.objects.filter(template="demand").count() == 2
    page = owner_client.get("/dues/", headers={"Accept-Language": "en"}).content.decode()
    assert "The time to pay is over" in page


def test_what_an_outage_takes_of_the_time_to_pay_is_added_and_said(due, owner_client, clock):
    since = clock.now()
    assert services.tell_of_dues() == 1
    clock.advance(timedelta(hours=60))
    written = {"what": "pages", "reason": "a proxy", "actor": TEST}
    outage = outages.write(began_at=clock.now() - timedelta(hours=20), ended_at=None, **written)
    clock.advance(timedelta(hours=12))
    assert services.tell_of_dues() == 0
    outages.end(outage_id=outage.pk, actor=TEST)
    clock.advance(timedelta(hours=1))
    assert services.tell_of_dues() == 0
    due.refresh_from_db()
    assert (due.state, due.pay_by) == ("due", since + timedelta(hours=72 + 32))
    clock.move_to(due.pay_by)
    assert services.tell_of_dues() == 1


def test_nobody_is_told_of_a_due_at_night(due, clock):
    clock.advance(timedelta(hours=13))
    assert services.tell_of_dues() == 0


def test_a_paid_due_is_asked_for_no_more(due, owner_client, clock):
    answer = owner_client.post(f"/cards/deductions/{due.pk}/pay/")
    from payments.models import Order

    pay(Order.objects.get(items__payable="monthlycard.deduction"))
    clock.advance(timedelta(days=9))
    assert services.tell_of_dues() == 0
    due.refresh_from_db()
    assert (due.state, answer.status_code) == ("paid", 302)


# ── Objecting ───────────────────────────────────────────────────────────────────────────────────
def said(client, row: Deduction, **more):
    form = {"reason": "not_me", "text": "I was at home", **more}
    return client.post(f"/cards/deductions/{row.pk}/", form)


def test_an_objection_holds_the_due_and_its_answer_is_told(
    due, owner_client, operator_client, clock
):
    assert said(owner_client, due).status_code == 302
    assert said(owner_client, due).status_code == 302  # the same is said once
    objection = due.objections.get()
    assert objection.answer_by == clock.now() + timedelta(days=7)
    clock.advance(timedelta(days=4))
    assert services.tell_of_dues() == 0
    due.refresh_from_db()
    assert due.state == "disputed"
    page = owner_client.get("/dues/", headers={"Accept-Language": "en"}).content.decode()
    assert "did not cover" not in page

    chosen = {"action": "reject", "_selected_action": [objection.pk]}
    operator_client.post("/admin/monthlycard/cardobjection/", chosen)
    due.refresh_from_db()
    assert due.state == "disputed"  # an answer has words
    objection.answer = "The lot's camera shows it."
    objection.save()
    operator_client.post("/admin/monthlycard/cardobjection/", chosen)

    due.refresh_from_db()
    assert (due.state, due.pay_by) == ("due", clock.now() + timedelta(hours=72))
    assert SmsMessage.objects.filter(template="card_answer").count() == 1
    page = owner_client.get(f"/cards/deductions/{due.pk}/").content.decode()
    assert "The lot&#x27;s camera shows it." in page


def test_an_upheld_objection_takes_its_visits_out_of_the_statement(
    world, card, owner_client, clock, run_reactions
):
    statement = closed(world.east, card, clock, 3, 1)
    row = desk.deducted(desk.statement_agreed())
    said(owner_client, row, visit=["entry-1/exit-1", "a stranger's"])
    objection = row.objections.get()
    assert objection.visits == ["entry-1/exit-1"]

    assert services.answer_objection(
        objection_id=objection.pk, upheld=True, answer="Another vehicle.", actor=TEST
    )

    row.refresh_from_db()
    card.refresh_from_db()
    assert (row.state, row.fee_fen, card.quota_left) == ("covered", 3000, 27000)
    line = StatementCorrection.objects.get()
    assert (line.visit, line.why) == ("entry-1/exit-1", "Another vehicle.")
    sealed(statement)


@pytest.mark.parametrize("upheld", [True, False])
def test_an_objection_before_the_deduction_holds_the_taking(
    world, card, owner_client, clock, upheld
):
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=2)
    address = f"/cards/{card.number}/object/"
    assert owner_client.post(address, {"lot": "west", "reason": "not_me"}).status_code == 404
    assert owner_client.post(address, {"lot": "east", "reason": "not_me"}).status_code == 302
    clock.advance(timedelta(days=7))
    services.close_due()
    row = desk.deducted(desk.statement_agreed())
    card.refresh_from_db()
    assert (row.state, row.covered_fen, card.quota_left) == ("disputed", 0, 30000)

    services.answer_objection(
        objection_id=card.objections.get().pk, upheld=upheld, answer="Looked at.", actor=TEST
    )

    row.refresh_from_db()
    card.refresh_from_db()
    found = (row.state, row.covered_fen, card.quota_left)
    assert found == (("dropped", 0, 30000) if upheld else ("covered", 2000, 28000))


def test_a_stranger_objects_to_nothing_of_another(due, stranger_client, anonymous):
    assert said(stranger_client, due).status_code == 404
    assert anonymous.get(f"/cards/deductions/{due.pk}/").status_code == 302
    assert not due.objections.exists()


def test_other_cards_of_the_statement_are_deducted_while_one_is_held(
    world, card, stranger, owner_client, clock
):
    other = grant_card(stranger, world.plan, OTHER)
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=2)
    desk.report(world.east, other, 2, clock.now(), hours=1)
    owner_client.post(f"/cards/{card.number}/object/", {"lot": "east", "reason": "not_me"})
    clock.advance(timedelta(days=7))
    services.close_due()
    services.deduct(statement_id=desk.statement_agreed().pk, actor=TEST)
    rows = dict(Deduction.objects.values_list("card__number", "covered_fen"))
    assert rows == {card.number: 0, other.number: 1000}
    assert order_for(card).amount_fen == 30000


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────
def test_a_statement_that_is_not_the_lots_is_none_to_it(world, card, clock):
    statement = closed(world.east, card, clock, 3)
    with pytest.raises(StatementMissing):
        checked(world.west, statement, [])
    with pytest.raises(StatementMissing):
        services.answer_statement(
            lot=world.east,
            number="east-20260101-9",
            seen_checksum=statement.checksum,
            own=[],
            actor=TEST,
        )


def test_two_answers_at_once_keep_each_difference_once(transactional_db, world, owner, clock):
    bought = grant_card(owner, world.plan)
    statement = closed(world.east, bought, clock, 3, 1)

    def answer(_n: int) -> None:
        checked(world.east, Statement.objects.get(pk=statement.pk), [])

    assert in_threads(4, answer) == []
    visits = sorted(StatementDifference.objects.values_list("visit", flat=True))
    assert visits == ["entry-0/exit-0", "entry-1/exit-1"]


def test_a_free_visit_has_one_line_of_nothing(world, card, clock):
    """P4.9: 0 × 0, so that an independent maker seals the same file."""
    desk.signed(world.east, terms={**HOURLY.to_json(), "free_s": 3600})
    desk.report(world.east, card, 1, clock.now(), hours=0.5)
    clock.advance(timedelta(days=7))
    services.close_due()
    line = selectors.lines_of(Statement.objects.get())[0]
    assert (line.quantity, line.unit_price_fen, line.fee_fen) == (0, 0, 0)

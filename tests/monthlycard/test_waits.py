"""Who changes a card or a statement waits for who works on it (core/locks.py)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from monthlycard import services
from monthlycard.models import Card, Deduction, RecordCursor, Statement
from monthlycard.services import cards, corrections, deductions, objections, statements
from tests import waiting
from tests.monthlycard import desk
from tests.people import TEST

pytestmark = pytest.mark.django_db(transaction=True)
Acts = dict[str, Callable[[], object]]


def test_whoever_changes_a_card_waits_for_who_works_on_it(world: Any, card: Card) -> None:
    acts: Acts = {
        "one": lambda: cards._locked(card.pk),
        "reissue": lambda: services.reissue(plan_id=world.plan.pk),
        "tell of a lot": lambda: cards.tell_of_lot(world.east.code),
    }
    assert waiting.all_at(card, acts) == dict.fromkeys(acts, "waits")


def test_a_record_waits_for_the_one_before_it(world: Any, card: Card) -> None:
    cursor = RecordCursor.objects.get()
    found = waiting.at(cursor, lambda: cards._record(card), known=True)
    assert found == "waits"


def test_one_version_of_a_plan_is_made_at_a_time(world: Any, card: Card) -> None:
    world.plan.price_fen += 100
    named = ("monthlycard.plan", world.plan.pk)
    assert waiting.at(named, lambda: cards.version_of(world.plan)) == "waits"


def test_the_passes_of_a_lot_are_counted_one_batch_at_a_time(world: Any) -> None:
    named = ("monthlycard.passes", world.east.pk)
    assert waiting.at(named, lambda: services.take_passes(lot=world.east, reports=[])) == "waits"


@pytest.fixture
def statement(transactional_db: None, world: Any, card: Card, clock: Any) -> Statement:
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=3)
    clock.advance(timedelta(weeks=1))
    services.close_due()
    return Statement.objects.get()


def test_whoever_answers_or_corrects_a_statement_waits_for_who_works_on_it(
    world: Any, statement: Statement
) -> None:
    acts: Acts = {
        "answer": lambda: services.answer_statement(
            lot=world.east,
            number=statement.number,
            seen_checksum=statement.checksum,
            own=[],
            actor=TEST,
        ),
        "correct": lambda: corrections._locked(statement.pk),
    }
    assert waiting.all_at(statement, acts) == dict.fromkeys(acts, "waits")


def test_who_looks_for_missed_statements_leaves_one_to_who_works_on_it(
    statement: Statement, clock: Any
) -> None:
    clock.advance(timedelta(days=30))
    assert waiting.at(statement, statements.notice_missed) == "goes on"
    with waiting.worked_on(statement):
        assert statements.notice_missed() == 0


def test_whoever_deducts_or_corrects_waits_for_who_works_on_the_card(
    statement: Statement, card: Card
) -> None:
    visits = {item.visit for item in statement.items.all()}
    desk.statement_agreed()
    acts: Acts = {
        "deduct +": lambda: deductions.deduct(statement_id=statement.pk, actor=TEST),
        "correct *": lambda: corrections._correct(statement, visits, out=True, actor=TEST, why="x"),
    }
    assert waiting.all_at(card, acts) == dict.fromkeys(acts, "waits")
    deduction = desk.deducted(statement)
    said = objections.object_to_deduction(
        deduction_id=deduction.pk, visits=[], reason="amount", text="x", actor="owner"
    )
    assert waiting.at(card, lambda: objections.let_go(said, actor=TEST)) == "waits"
    found = waiting.at(
        Deduction.objects.get(),
        lambda: corrections._correct(statement, visits, out=True, actor=TEST, why="x"),
    )
    assert found == "waits"


def test_a_card_that_runs_out_is_lengthened_when_nobody_works_on_it(card: Card, clock: Any) -> None:
    now = clock.now()
    Card.objects.filter(pk=card.pk).update(
        valid_until=now - timedelta(days=2), expires_at=now - timedelta(days=1)
    )
    found = waiting.at(card, lambda: cards.expire(Card.objects.filter(pk=card.pk)))
    assert found == "waits"

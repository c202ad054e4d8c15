"""A closing and a deduction take their time; gates and other lots go on meanwhile (P4.6, P4.9)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from monthlycard import services
from monthlycard.client import LotClient
from monthlycard.models import Card, LotSystem, PassRecord, Question, Statement
from monthlycard.services.statements import agree
from tests.conftest import wait_until
from tests.core.test_transition import in_threads
from tests.monthlycard import desk
from tests.monthlycard.conftest import PLATE, grant_card
from tests.people import TEST

OTHER = ("沪B77777", "blue")


@contextmanager
def under_way(work: Callable[[], Any], *, at: QuerySet[Any]) -> Iterator[None]:
    """`work` in another connection, halted before it changes these rows until the block ends."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        assert list(at.select_for_update(no_key=True))
        thread.start()
        assert wait_until(somebody_waits_for_us, timeout_s=20, every_s=0.02)
        yield
    thread.join(20)
    assert raised == []


def somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0] > 0


@pytest.fixture
def reported(live, world, owner, clock) -> Card:
    """A card with a visit in each lot, both periods over."""
    card = grant_card(owner, world.plan)
    for lot in (world.east, world.west):
        desk.signed(lot)
        desk.report(lot, card, 1, clock.now(), hours=1)
    clock.advance(timedelta(days=7))
    return card


def test_a_lots_gate_answers_while_its_statement_is_made(reported, live, world):
    """P4.6: question, list and report, each with what it writes about the lot."""
    LotSystem.objects.update(last_asked_at=None)
    gate = LotClient(live.http, "east", world.secrets["east"], timeout_s=15)
    asked = {
        "request_id": "q1",
        "direction": "entry",
        "plate": PLATE[0],
        "colour": PLATE[1],
        "at": "2026-03-09T09:00:00+08:00",
    }
    with under_way(services.close_due, at=PassRecord.objects.filter(lot=world.east)):
        assert gate.post("questions/", asked)["admit"] == "card"
        assert gate.get("records/", since=1)["cursor"] == 1
        assert gate.post("passes/", {"records": []}) == {"outcomes": []}
        assert not Statement.objects.filter(lot=world.east).exists()

    assert Statement.objects.get(lot=world.east).total_fen == 1000
    lot = LotSystem.objects.get(pk=world.east.pk)
    assert lot.last_asked_at is not None
    assert lot.list_cursor == 1


def test_two_dispatchers_close_two_lots_and_neither_waits_for_the_other(reported, world):
    """P4.9."""
    with under_way(services.close_due, at=PassRecord.objects.filter(lot=world.east)):
        assert services.close_due() == 1
        assert [row.lot for row in Statement.objects.all()] == [world.west]
    assert Statement.objects.filter(lot=world.east).count() == 1
    assert services.close_due() == 0


def test_an_exit_that_comes_while_its_lot_is_closed_is_closed_next(live, world, owner, clock):
    """P4.9: where each exit is a period."""
    card = grant_card(owner, world.plan)
    desk.signed(world.east, period="exit")
    services.close_due()
    desk.report(world.east, card, 1, clock.now(), hours=1)
    clock.advance(timedelta(hours=3))
    first = PassRecord.objects.filter(lot=world.east)
    with under_way(services.close_due, at=first):
        came = clock.now() - timedelta(minutes=90)

        def report(_n: int) -> None:
            entry = desk.pass_of(card, "entry", 2, came)
            leaving = desk.pass_of(card, "exit", 2, came + timedelta(hours=1))
            services.take_passes(lot=world.east, reports=[entry, leaving])

        assert in_threads(1, report) == []
    assert Statement.objects.count() == 1
    assert services.close_due() == 1
    assert Statement.objects.count() == 2


def test_a_gate_asks_about_a_card_that_is_being_deducted_from(
    transactional_db, world, owner, stranger, clock
):
    """P4.6, P4.12: a question that names the card does not wait for the deduction."""
    desk.signed(world.east)
    first, second = grant_card(owner, world.plan), grant_card(stranger, world.plan, OTHER)
    for number, card in enumerate((first, second)):
        desk.report(world.east, card, number, clock.now(), hours=1)
    clock.advance(timedelta(days=7))
    services.close_due()
    statement = Statement.objects.get()
    with transaction.atomic():
        agree(statement, actor=TEST)

    def deduct() -> None:
        services.deduct(statement_id=statement.pk, actor=TEST)

    with under_way(deduct, at=Card.objects.filter(pk=second.pk)):
        answers: list[str] = []

        def ask(_n: int) -> None:
            answer = services.answer_question(
                lot=world.east,
                request_id="q1",
                direction="entry",
                plate_text=PLATE[0],
                plate_colour=PLATE[1],
                at=first.valid_from,
                lots_own=None,
            )
            answers.append(answer["admit"])

        assert in_threads(1, ask) == []
        assert answers == ["card"]
        assert Question.objects.get().card == first
    assert statement.deductions.count() == 2

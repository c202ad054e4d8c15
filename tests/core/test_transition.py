"""State moves by compare-and-set: one winner, one audit entry, one event (docs/rules.md 1)."""

import threading
from collections.abc import Callable

import pytest
from django.db import close_old_connections, connection, transaction
from django.db.utils import IntegrityError

from accounts.events import HoldingProven
from accounts.models import PlateHolding, User
from accounts.states import HoldingState
from core import audit, clock
from core.errors import BadMove
from core.models import AuditEntry, OutboxEvent
from core.transition import transition


def claim(owner: User, text: str = "沪A12345") -> PlateHolding:
    return PlateHolding.objects.create(
        user=owner, plate_text=text, plate_colour="blue", claimed_at=clock.now()
    )


def in_threads(count: int, work: Callable[[int], None]) -> list[BaseException]:
    """Run `work` in threads at once, each on a connection of its own; what they raised."""
    raised: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            barrier.wait(5)
            work(number)
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    if not connection.in_atomic_block:  # it would close ours, and what it holds
        close_old_connections()
    return raised


def test_a_move_changes_the_row_and_tells_it_in_one_transaction(db, owner):
    holding = claim(owner)

    with transaction.atomic():
        moved = transition(
            holding,
            source="claimed",
            target="proven",
            actor="user:1",
            reason="licence seen",
            event=lambda pk: HoldingProven(pk, owner.pk),
            method="licence",
        )

    assert moved == [holding.pk]
    assert (holding.state, holding.method) == ("proven", "licence")
    entry = audit.trail(holding).get()
    assert (entry.from_state, entry.to_state, entry.actor) == ("claimed", "proven", "user:1")
    event = OutboxEvent.objects.get()
    assert event.topic == "accounts.holding_proven"
    assert event.data == {"holding_id": holding.pk, "user_id": owner.pk}


def test_a_second_move_finds_the_row_elsewhere_and_says_nothing(db, owner):
    holding, stale = claim(owner), PlateHolding.objects.get()
    transition(holding, source="claimed", target="ended", actor="user:1")

    assert transition(stale, source="claimed", target="proven", actor="user:2") == []

    holding.refresh_from_db()
    assert holding.state == "ended"
    assert AuditEntry.objects.count() == 1


def test_a_set_moves_at_once_and_names_only_the_rows_it_moved(db, owner):
    first, second, third = (claim(owner, text) for text in ("沪A00001", "沪A00002", "沪A00003"))
    transition(second, source="claimed", target="ended", actor="user:1")

    moved = transition(
        PlateHolding.objects.all(),
        source=[HoldingState.CLAIMED, HoldingState.PROVEN],
        target=HoldingState.ENDED,
        actor="user:1",
    )

    assert sorted(moved) == [first.pk, third.pk]


def test_a_queryset_that_joins_still_compares_the_state_on_the_row_itself(db, owner, stranger):
    mine, other = claim(owner), claim(stranger, "沪B00001")

    moved = transition(
        PlateHolding.objects.filter(user__username=owner.username),
        source="claimed",
        target="proven",
        actor="user:1",
    )

    other.refresh_from_db()
    assert moved == [mine.pk]
    assert other.state == "claimed"


def test_a_move_that_the_model_does_not_know_is_a_programming_error(db, owner):
    with pytest.raises(BadMove):
        transition(claim(owner), source="proven", target="claimed", actor="user:1")


def test_ten_writers_that_want_the_same_move_get_one_winner(transactional_db, owner):
    holding = claim(owner)
    winners: list[int] = []

    def move(number: int) -> None:
        row = PlateHolding.objects.get(pk=holding.pk)
        with transaction.atomic():
            if transition(
                row,
                source="claimed",
                target="proven",
                actor=f"user:{number}",
                event=lambda pk: HoldingProven(pk, owner.pk),
            ):
                winners.append(number)

    assert in_threads(10, move) == []
    assert len(winners) == 1
    assert AuditEntry.objects.get().actor == f"user:{winners[0]}"
    assert OutboxEvent.objects.count() == 1


def test_the_database_refuses_a_state_that_the_model_does_not_know(db, owner):
    holding = claim(owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        PlateHolding.objects.filter(pk=holding.pk).update(state="maybe")


def test_a_row_that_already_is_in_the_target_state_moves_once(db, owner):
    holding = claim(owner)
    transition(holding, source="claimed", target="proven", actor="user:1")
    again = {**PlateHolding.MOVES, "proven": {"proven", "ended"}}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlateHolding, "MOVES", again)
        moved = transition(
            PlateHolding.objects.all(), source=["claimed", "proven"], target="proven", actor="u"
        )

    assert moved == [holding.pk]
    assert audit.trail(holding).count() == 2


def test_a_move_from_several_states_is_one_statement_that_tells_each_old_state(
    db, owner, django_assert_num_queries
):
    first, second = claim(owner, "沪A00001"), claim(owner, "沪A00002")
    transition(second, source="claimed", target="proven", actor="user:1")

    with django_assert_num_queries(2):  # the move, the audit entries
        moved = transition(
            PlateHolding.objects.all(),
            source=[HoldingState.CLAIMED, HoldingState.PROVEN],
            target=HoldingState.ENDED,
            actor="user:1",
        )

    assert sorted(moved) == [first.pk, second.pk]
    ended = AuditEntry.objects.filter(to_state="ended").order_by("subject_id")
    assert [entry.from_state for entry in ended] == ["claimed", "proven"]


def test_a_moved_instance_is_as_the_database_has_it_and_was_not_asked_again(
    db, owner, django_assert_num_queries
):
    holding = claim(owner)
    assert holding.user == owner
    PlateHolding.objects.filter(pk=holding.pk).update(method="seen meanwhile")
    clock.now()

    with django_assert_num_queries(1):  # the move with its audit entry
        transition(
            holding,
            source=[HoldingState.CLAIMED, HoldingState.PROVEN],
            target=HoldingState.ENDED,
            actor="user:1",
        )

    assert (holding.state, holding.method) == ("ended", "seen meanwhile")
    entry = audit.trail(holding).get()
    assert (entry.from_state, entry.to_state, entry.facts) == ("claimed", "ended", {})
    fresh = PlateHolding.objects.get()
    for field in PlateHolding._meta.concrete_fields:
        assert getattr(holding, field.attname) == getattr(fresh, field.attname)


def test_a_writer_that_waited_for_another_moves_the_row_from_where_that_left_it(
    transactional_db, owner
):
    holding = claim(owner)
    first_has_moved, second_may_wait = threading.Event(), threading.Event()

    def move(number: int) -> None:
        if number == 0:
            with transaction.atomic():
                transition(holding, source="claimed", target="proven", actor="user:0")
                first_has_moved.set()
                second_may_wait.wait(0.3)
        else:
            first_has_moved.wait(5)
            with transaction.atomic():
                rows = PlateHolding.objects.filter(pk=holding.pk)
                transition(
                    rows,
                    source=[HoldingState.CLAIMED, HoldingState.PROVEN],
                    target=HoldingState.ENDED,
                    actor="user:1",
                )

    assert in_threads(2, move) == []
    ended = AuditEntry.objects.get(to_state="ended")
    assert (ended.from_state, ended.actor) == ("proven", "user:1")

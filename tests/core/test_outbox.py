"""Events are rows, reactions happen once (docs/rules.md 2)."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction

from accounts.models import SmsMessage
from accounts.services import send_sms
from config import wiring
from core import clock, outbox
from core.events import Event
from core.models import OutboxDelivery, OutboxEvent
from core.wiring import concerned
from tests.core.test_transition import in_threads

RAN: list[int] = []


@dataclass(frozen=True)
class Happened(Event):
    n: int = 1


def note(event: Happened) -> None:
    RAN.append(event.n)


def note_in_database(event: Happened) -> None:
    """A reaction with an effect that a rollback takes back."""
    SmsMessage.objects.create(
        key=f"note-{event.n}-{time.monotonic_ns()}",
        phone_sealed="",
        phone_masked="",
        template="login_code",
        params_sealed="",
        created_at=clock.now(),
    )


def fail(event: Happened) -> None:
    note_in_database(event)
    raise RuntimeError("the reaction broke after its effect")


def point_to_nobody(event: Happened) -> None:
    """Its foreign key is looked at when the transaction ends."""
    OutboxDelivery.objects.create(event_id=0, reaction="nobody", next_try_at=clock.real())


@pytest.fixture
def reactions(monkeypatch):
    """Wire `Happened` to functions of this module."""

    def wire(*following: Callable[[Happened], None]) -> None:
        monkeypatch.setattr(wiring, "REACTIONS", {**wiring.REACTIONS, Happened: following})

    RAN.clear()
    return wire


def happened(n: int = 1) -> None:
    with transaction.atomic():
        outbox.add(Happened(n))


def test_an_event_outside_a_transaction_is_refused(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        outbox.add(Happened())


def test_an_event_of_a_change_that_was_rolled_back_never_happened(db, reactions, run_reactions):
    reactions(note)
    with transaction.atomic():
        outbox.add(Happened())
        transaction.set_rollback(True)

    assert run_reactions() == 0
    assert RAN == []


def test_each_reaction_runs_once_however_often_the_dispatcher_looks(db, reactions, run_reactions):
    reactions(note, note_in_database)
    happened(7)

    assert run_reactions() == 2
    assert run_reactions() == 0
    assert RAN == [7]
    assert SmsMessage.objects.count() == 1


def test_a_failing_reaction_leaves_no_effect_and_stops_no_other(db, reactions):
    reactions(fail, note)
    happened(7)

    outbox.run_pending()

    assert RAN == [7]
    assert SmsMessage.objects.count() == 0
    waiting = OutboxDelivery.objects.get(reaction__endswith=".fail")
    assert (waiting.state, waiting.attempts) == ("pending", 1)
    assert "the reaction broke after its effect" in waiting.error


def test_a_reaction_that_keeps_failing_is_parked_and_can_be_replayed(db, reactions, monkeypatch):
    reactions(fail)
    happened()
    monkeypatch.setattr(outbox, "WAIT_S", (0,) * 7)
    outbox.run_pending()
    parked = OutboxDelivery.objects.get()
    assert (parked.state, parked.attempts) == ("parked", outbox.MOST_ATTEMPTS)

    assert outbox.replay([parked.pk]) == 1

    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == ("pending", 0)


def test_a_reaction_that_fails_with_its_commit_is_put_off(transactional_db, reactions):
    reactions(point_to_nobody)
    with transaction.atomic():
        outbox.add(Happened())
    outbox.run_pending(limit=3)
    delivery = OutboxDelivery.objects.get()
    assert (delivery.state, delivery.attempts) == (OutboxDelivery.State.PENDING, 1)
    assert "foreign key" in delivery.error
    assert not OutboxDelivery.objects.filter(reaction="nobody").exists()


def test_what_another_dispatcher_has_done_is_not_put_off(db, reactions):
    reactions(note)
    outbox.add(Happened())
    (failed,) = outbox._waiting(1)
    outbox.run_pending()
    outbox._put_off(failed, RuntimeError("of the first one"))
    assert not OutboxDelivery.objects.exists()
    assert outbox.run_pending() == 0 and RAN == [1]


def test_four_dispatchers_at_once_run_each_reaction_once(transactional_db, reactions):
    reactions(note_in_database)
    for n in range(40):
        happened(n)

    assert in_threads(4, lambda _n: outbox.run_pending()) == []

    assert SmsMessage.objects.count() == 40
    assert not OutboxDelivery.objects.exists()


def test_a_dispatcher_killed_between_effect_and_done_row_repeats_neither(
    transactional_db, process_env
):
    """The effect and the mark commit together, so a kill takes both or leaves both."""
    with transaction.atomic():
        message = send_sms(
            phone="13912345678", template="login_code", params={"code": "1"}, key="k"
        )
    code = (
        "import django; django.setup()\n"
        "import os, signal\n"
        "from accounts import services\n"
        "from core import outbox\n"
        "real = services.sms_sent\n"
        "def then_die(*args, **kwargs):\n"
        "    real(*args, **kwargs)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "services.sms_sent = then_die\n"
        "outbox.run_pending()\n"
    )
    env = {**process_env, "DJANGO_SETTINGS_MODULE": "config.settings"}
    died = subprocess.run([sys.executable, "-c", code], env=env, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    message.refresh_from_db()
    assert message.state == "queued"

    dispatcher = subprocess.Popen([sys.executable, "manage.py", "dispatch"], env=env)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and SmsMessage.objects.get().state == "queued":
            time.sleep(0.1)
    finally:
        dispatcher.terminate()
        assert dispatcher.wait(60) == 0

    message.refresh_from_db()
    assert message.state == "delivered"
    assert OutboxEvent.objects.filter(topic="accounts.sms_delivered").count() == 1


def test_what_an_earlier_version_wrote_is_still_reacted_to(db, reactions, run_reactions):
    """A field that is gone is left out, and a reaction is found by the name it waited under."""
    reactions()
    row = OutboxEvent.objects.create(
        topic="tests.happened", data={"n": 3, "gone": "x"}, occurred_at=clock.now()
    )
    OutboxDelivery.objects.create(
        event=row, reaction="tests.core.test_outbox.note", next_try_at=clock.real()
    )

    assert run_reactions() == 1
    assert RAN == [3]


def test_old_events_go_unless_they_still_wait(db, reactions, run_reactions, settings):
    reactions(note)
    for n in (0, 2):
        happened(n)
    run_reactions()
    for n in (1, 3):
        happened(n)
    long_ago = clock.real() - timedelta(days=settings.BOWEI_KEEP_EVENTS_DAYS + 1)
    _old, young, parked, _waiting = OutboxEvent.objects.order_by("pk")
    OutboxEvent.objects.exclude(pk=young.pk).update(created_at=long_ago)
    OutboxDelivery.objects.filter(event=parked).update(state="parked")

    assert outbox.forget_old() == 1

    left = set(OutboxEvent.objects.values_list("data__n", flat=True))
    assert left == {1, 2, 3}
    assert OutboxDelivery.objects.count() == 2


def test_events_told_together_are_reacted_to_in_their_order(db, reactions, run_reactions):
    reactions(note, note_in_database)
    with transaction.atomic():
        outbox.add(*map(Happened, (3, 1, 2)))

    assert [row.data["n"] for row in OutboxEvent.objects.order_by("pk")] == [3, 1, 2]
    assert run_reactions() == 6
    assert RAN == [3, 1, 2]


def test_events_and_what_follows_are_one_statement(db, reactions, django_assert_num_queries):
    reactions(note, note_in_database)
    clock.now()
    with django_assert_num_queries(1):
        outbox.add(Happened(1), Happened(2))
    assert OutboxDelivery.objects.count() == 4


@concerned(lambda event: event.n > 5)
def note_high(event: Happened) -> None:
    RAN.append(event.n)


def test_a_reaction_that_an_event_does_not_concern_is_not_even_written(
    db, reactions, run_reactions
):
    reactions(note_high)
    for n in (5, 6):
        happened(n)
    assert OutboxDelivery.objects.get().event.data == {"n": 6}

    before = OutboxEvent.objects.get(data__n=5)
    OutboxDelivery.objects.create(
        event=before, reaction="tests.core.test_outbox.note_high", next_try_at=clock.real()
    )
    assert run_reactions() == 2
    assert RAN == [6]


def test_a_reaction_that_fails_at_the_first_of_many_keeps_its_row_and_holds_up_none(
    db, reactions, monkeypatch
):
    monkeypatch.setattr(outbox, "AT_ONCE", 2)
    reactions(fail, note)
    for n in range(5):
        happened(n)

    assert outbox.run_pending() == 10

    assert RAN == [0, 1, 2, 3, 4]
    assert {row.reaction.rpartition(".")[2] for row in OutboxDelivery.objects.all()} == {"fail"}

"""Events are rows, reactions happen once (DESIGN 4.2)."""

import signal
import subprocess
import sys
import time

import pytest
from django.db import transaction

from accounts.models import SmsMessage
from accounts.services import send_sms
from config import wiring
from core import outbox
from core.models import OutboxDelivery, OutboxEvent
from tests.core.test_transition import in_threads

RAN: list[int] = []


def note(event: outbox.Event) -> None:
    RAN.append(event.id)


def note_in_database(event: outbox.Event) -> None:
    """A reaction with an effect that a rollback takes back."""
    SmsMessage.objects.create(
        key=f"note-{event.data['n']}-{time.monotonic_ns()}",
        phone_sealed="",
        phone_masked="",
        template="login_code",
        params_sealed="",
        created_at=event.occurred_at,
    )


def fail(event: outbox.Event) -> None:
    note_in_database(event)
    raise RuntimeError("the reaction broke after its effect")


@pytest.fixture
def reactions(monkeypatch):
    """Wire topic `tests.happened` to functions of this module."""

    def wire(*names: str) -> None:
        table = {"tests.happened": [f"tests.core.test_outbox.{name}" for name in names]}
        monkeypatch.setattr(wiring, "REACTIONS", {**wiring.REACTIONS, **table})

    RAN.clear()
    return wire


def happened(n: int = 1) -> outbox.Event:
    with transaction.atomic():
        return outbox.add("tests.happened", n=n)


def test_an_event_outside_a_transaction_is_refused(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        outbox.add("tests.happened")


def test_an_event_of_a_change_that_was_rolled_back_never_happened(db, reactions, run_reactions):
    reactions("note")
    with transaction.atomic():
        outbox.add("tests.happened")
        transaction.set_rollback(True)

    assert run_reactions() == 0
    assert RAN == []


def test_each_reaction_runs_once_however_often_the_dispatcher_looks(db, reactions, run_reactions):
    reactions("note", "note_in_database")
    event = happened()

    assert run_reactions() == 2
    assert run_reactions() == 0
    assert [event.id] == RAN
    assert SmsMessage.objects.count() == 1


def test_a_failing_reaction_leaves_no_effect_and_stops_no_other(db, reactions):
    reactions("fail", "note")
    event = happened()

    outbox.run_pending()

    assert [event.id] == RAN
    assert SmsMessage.objects.count() == 0
    waiting = OutboxDelivery.objects.get(reaction__endswith=".fail")
    assert (waiting.state, waiting.attempts) == ("pending", 1)
    assert "the reaction broke after its effect" in waiting.error


def test_a_reaction_that_keeps_failing_is_parked_and_can_be_replayed(db, reactions, monkeypatch):
    reactions("fail")
    happened()
    monkeypatch.setattr(outbox, "WAIT_S", (0,) * 7)
    outbox.run_pending()
    parked = OutboxDelivery.objects.get()
    assert (parked.state, parked.attempts) == ("parked", outbox.MOST_ATTEMPTS)

    assert outbox.replay([parked.pk]) == 1

    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == ("pending", 0)


def test_four_dispatchers_at_once_run_each_reaction_once(transactional_db, reactions):
    reactions("note_in_database")
    for n in range(40):
        happened(n)

    assert in_threads(4, lambda _n: outbox.run_pending()) == []

    assert SmsMessage.objects.count() == 40
    assert not OutboxDelivery.objects.exclude(state="done").exists()


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
    assert message.state == "sent"
    assert OutboxEvent.objects.filter(topic="accounts.sms_sent").count() == 1

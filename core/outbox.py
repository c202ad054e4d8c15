"""Events as rows, and the reactions to them, each once (docs/rules.md 2).

A service writes the event in the transaction of its change. Each reaction that config/wiring.py
lists for the event gets a delivery row; a dispatcher runs it in a transaction of its own that takes
the row away. A process may die at any line: the row of what was not done is still there.
"""

import json
import logging
import traceback
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from core import after_commit, clock, events, retention, wake, wiring
from core.models import OutboxDelivery, OutboxEvent

log = logging.getLogger("bowei.outbox")
AT_ONCE = 20  # waiting reactions that are read at a time
MOST_ATTEMPTS = 8
# 21 minutes in all: longer than an update or a restart takes. What fails then needs a person.
WAIT_S = (1, 2, 5, 15, 60, 300, 900)


def add(*happened: events.Event) -> None:
    """Write events in the open transaction, with what follows from each after the commit, in one
    statement; a reaction that does nothing upon its event is left out (core.wiring.concerned)."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an event needs the transaction of its change")
    if not happened:
        return
    following = [
        (number, wiring.name_of(reaction))
        for number, one in enumerate(happened, start=1)
        for reaction in wiring.reactions_to(one)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD_ALL if following else _ADD,
            {
                "topics": [one.topic for one in happened],
                "data": [json.dumps(one.data()) for one in happened],
                "occurred_at": clock.now(),
                "at": clock.real(),  # a held business clock must hold no reaction back
                "numbers": [number for number, _name in following],
                "reactions": [name for _number, name in following],
            },
        )
    if following:
        after_commit.once(wake.dispatcher)


_ADD = """
INSERT INTO "core_outboxevent" (topic, data, occurred_at, created_at)
SELECT topic, data::jsonb, %(occurred_at)s, %(at)s
FROM unnest(%(topics)s::text[], %(data)s::text[]) WITH ORDINALITY AS told (topic, data, number)
ORDER BY number
"""
_ADD_ALL = f"""
WITH told AS ({_ADD} RETURNING id),
numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS number FROM told)
INSERT INTO "core_outboxdelivery" (event_id, reaction, state, attempts, next_try_at, error)
SELECT numbered.id, follows.reaction, 'pending', 0, %(at)s, ''
FROM unnest(%(numbers)s::bigint[], %(reactions)s::text[])
    WITH ORDINALITY AS follows (number, reaction, place)
JOIN numbered USING (number)
ORDER BY follows.place
"""


def run_pending(limit: int = 10_000, *, raise_errors: bool = False) -> int:
    """Run waiting reactions, oldest first, until none is left; how many were run.

    They are read some at a time, and each is claimed when its turn comes, with its own transaction.
    """
    done = 0
    while done < limit:
        waiting = _waiting(min(AT_ONCE, limit - done))
        ran = sum(_run(one, raise_errors=raise_errors) for one in waiting)
        if not ran:  # none is there, or another dispatcher has all
            break
        done += ran
    return done


class Waiting(NamedTuple):
    """A reaction that is due, and its event."""

    id: int
    event_id: int
    reaction: str
    attempts: int
    topic: str
    data: str


def _waiting(limit: int) -> list[Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.id, d.event_id, d.reaction, d.attempts, e.topic, e.data"
            ' FROM "core_outboxdelivery" d JOIN "core_outboxevent" e ON e.id = d.event_id'
            " WHERE d.state = 'pending' AND d.next_try_at <= %s ORDER BY d.id LIMIT %s",
            [clock.real(), limit],
        )
        return [Waiting(*row) for row in cursor.fetchall()]


def _run(waiting: Waiting, *, raise_errors: bool) -> bool:
    """Claim it and run it in one transaction: its row goes with its effect, or both stay. False
    where another dispatcher has it or has had it."""
    try:
        with transaction.atomic():
            if not _claim(waiting.id):
                return False
            event = events.of_topic(waiting.topic, json.loads(waiting.data))
            wiring.named(waiting.reaction)(event)
    except Exception as error:
        if raise_errors:
            raise
        _put_off(waiting, error)
    return True


def _claim(delivery_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            'DELETE FROM "core_outboxdelivery" WHERE id = ('
            " SELECT id FROM core_outboxdelivery"
            " WHERE id = %s AND state = 'pending' AND next_try_at <= %s"
            " FOR UPDATE SKIP LOCKED)",
            [delivery_id, clock.real()],
        )
        return bool(cursor.rowcount)


def _put_off(waiting: Waiting, error: Exception) -> None:
    """Try again later, or park it where the operator sees it and can replay it.

    The reaction's transaction is undone, and its lock with it: another dispatcher may have had it
    since, and what that one has noted stands.
    """
    attempts = waiting.attempts + 1
    noted: dict[str, Any] = {
        "attempts": attempts,
        "error": "".join(traceback.format_exception(error))[-4000:],
    }
    if attempts >= MOST_ATTEMPTS:
        noted["state"] = OutboxDelivery.State.PARKED
        log.error("outbox.parked reaction=%s event=%s", waiting.reaction, waiting.event_id)
    else:
        wait = timedelta(seconds=WAIT_S[attempts - 1])
        noted["next_try_at"] = clock.real() + wait
        log.warning("outbox.retry reaction=%s event=%s", waiting.reaction, waiting.event_id)
    seen = OutboxDelivery.objects.filter(
        pk=waiting.id, state=OutboxDelivery.State.PENDING, attempts=waiting.attempts
    )
    seen.update(**noted)


@transaction.atomic
def replay(delivery_ids: Iterable[int]) -> int:
    """Put parked reactions back into the line; how many."""
    rows = OutboxDelivery.objects.filter(
        pk__in=list(delivery_ids), state=OutboxDelivery.State.PARKED
    )
    count = rows.update(state=OutboxDelivery.State.PENDING, attempts=0, next_try_at=clock.real())
    after_commit.once(wake.dispatcher)
    return count


def sweep_once() -> int:
    """Run each sweep of the wiring once; how many rows they moved. A failing one stops no other."""
    moved = 0
    for sweep in wiring.sweeps():
        try:
            moved += sweep()
        except Exception:
            log.exception("sweep.failed name=%s", wiring.name_of(sweep))
    return moved


def forget_old() -> int:
    """A sweep: events that were reacted to long ago go; how many.

    What still waits or was put aside stays, however old it is.
    """
    waiting = OutboxDelivery.objects.filter(event=OuterRef("pk"))
    return retention.forget(
        OutboxEvent.objects.filter(~Exists(waiting)),
        moment="created_at",
        keep_days=settings.BOWEI_KEEP_EVENTS_DAYS,
    )

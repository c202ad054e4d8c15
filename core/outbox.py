"""Events as rows, and the reactions to them, each once (docs/rules.md 2).

A service writes the event in the transaction of its change. Each reaction that config/wiring.py
lists for the event gets a delivery row; a dispatcher runs it in a transaction of its own together
with the mark that it was done. A process may die at any line: what was not marked is done again.
"""

import logging
import traceback
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from core import after_commit, clock, events, retention, wake, wiring
from core.models import OutboxDelivery, OutboxEvent

log = logging.getLogger("bowei.outbox")
MOST_ATTEMPTS = 8
# 21 minutes in all: longer than an update or a restart takes. What fails then needs a person.
WAIT_S = (1, 2, 5, 15, 60, 300, 900)


def add(*happened: events.Event) -> None:
    """Write events in the open transaction, in bulk; their reactions run after the commit."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an event needs the transaction of its change")
    at, due_at = clock.now(), clock.real()  # a held business clock must hold no reaction back
    rows = OutboxEvent.objects.bulk_create(
        OutboxEvent(topic=one.topic, data=one.data(), occurred_at=at) for one in happened
    )
    deliveries = [
        OutboxDelivery(event=row, reaction=wiring.name_of(reaction), next_try_at=due_at)
        for one, row in zip(happened, rows, strict=True)
        for reaction in wiring.reactions_to(type(one))
    ]
    if deliveries:
        OutboxDelivery.objects.bulk_create(deliveries)
        after_commit.once(wake.dispatcher)


def run_pending(limit: int = 10_000, *, raise_errors: bool = False) -> int:
    """Run waiting reactions, oldest first, until none is left; how many were run."""
    done = 0
    while done < limit and _run_one(raise_errors=raise_errors):
        done += 1
    return done


def _run_one(*, raise_errors: bool) -> bool:
    delivery: OutboxDelivery | None = None
    try:
        with transaction.atomic():
            delivery = (
                OutboxDelivery.objects.select_for_update(
                    no_key=True, skip_locked=True, of=("self",)
                )
                .filter(state=OutboxDelivery.State.PENDING, next_try_at__lte=clock.real())
                .select_related("event")
                .order_by("id")
                .first()
            )
            if delivery is None:
                return False
            row = delivery.event
            wiring.named(delivery.reaction)(events.of_topic(row.topic, row.data))
            delivery.state = OutboxDelivery.State.DONE
            delivery.done_at = clock.real()
            delivery.save(update_fields=["state", "done_at"])
    except Exception as error:
        if raise_errors or delivery is None:
            raise
        _put_off(delivery, error)
    return True


def _put_off(delivery: OutboxDelivery, error: Exception) -> None:
    """Try again later, or park it where the operator sees it and can replay it.

    The reaction's transaction is undone, and its lock with it: another dispatcher may have had it
    since, and what that one has noted stands.
    """
    seen = OutboxDelivery.objects.filter(
        pk=delivery.pk, state=OutboxDelivery.State.PENDING, attempts=delivery.attempts
    )
    delivery.attempts += 1
    delivery.error = "".join(traceback.format_exception(error))[-4000:]
    if delivery.attempts >= MOST_ATTEMPTS:
        delivery.state = OutboxDelivery.State.PARKED
        log.error("outbox.parked reaction=%s event=%s", delivery.reaction, delivery.event_id)
    else:
        delivery.state = OutboxDelivery.State.PENDING
        wait_s = WAIT_S[delivery.attempts - 1]
        delivery.next_try_at = clock.real() + timedelta(seconds=wait_s)
        log.warning("outbox.retry reaction=%s event=%s", delivery.reaction, delivery.event_id)
    seen.update(
        attempts=delivery.attempts,
        error=delivery.error,
        state=delivery.state,
        next_try_at=delivery.next_try_at,
    )


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
    """A sweep: events that were reacted to long ago go, with their deliveries; how many.

    What still waits or was put aside stays, however old it is.
    """
    unfinished = OutboxDelivery.objects.filter(event=OuterRef("pk")).exclude(
        state=OutboxDelivery.State.DONE
    )
    return retention.forget(
        OutboxEvent.objects.filter(~Exists(unfinished)),
        moment="created_at",
        keep_days=settings.BOWEI_KEEP_EVENTS_DAYS,
    )

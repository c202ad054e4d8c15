"""A reaction that fails is tried again ever later, and put aside after the eighth time."""

from core import clock, outbox
from core.models import OutboxDelivery, OutboxEvent


def test_a_failing_reaction_waits_longer_each_time_and_then_for_a_person(db: None) -> None:
    event = OutboxEvent.objects.create(topic="x", data={}, occurred_at=clock.now())
    OutboxDelivery.objects.create(event=event, reaction="x", next_try_at=clock.real())
    waits = []
    for attempts in range(7):
        before = clock.real()
        row = put_off(attempts)
        assert row.state == "pending"
        waits.append(round((row.next_try_at - before).total_seconds()))
    assert waits == [1, 2, 5, 15, 60, 300, 900]
    row = put_off(7)
    assert (row.state, row.attempts) == ("parked", 8)


def put_off(attempts: int) -> OutboxDelivery:
    row = OutboxDelivery.objects.get(attempts=attempts)
    waiting = outbox.Waiting(row.pk, row.event_id, row.reaction, attempts, "x", "{}")
    outbox._put_off(waiting, ValueError("x"))
    return OutboxDelivery.objects.get()

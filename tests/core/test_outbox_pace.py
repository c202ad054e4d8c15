"""A reaction that fails is tried again, each time later, seven times; then a person looks."""

from datetime import timedelta

import pytest

from core import clock, outbox
from core.models import OutboxDelivery, OutboxEvent

WAITS_S = (1, 2, 5, 15, 60, 300, 900)


@pytest.fixture
def delivery(db: None) -> OutboxDelivery:
    event = OutboxEvent.objects.create(
        topic="core.outage_changed", data={}, occurred_at=clock.now()
    )
    return OutboxDelivery.objects.create(event=event, reaction="x", next_try_at=clock.real())


def test_each_try_waits_longer_and_the_eighth_is_for_a_person(delivery: OutboxDelivery) -> None:
    for number, wait_s in enumerate(WAITS_S, start=1):
        before = clock.real()
        outbox._put_off(OutboxDelivery.objects.get(), RuntimeError("x" * 5000))
        row = OutboxDelivery.objects.get()
        assert (row.state, row.attempts, len(row.error)) == ("pending", number, 4000)
        waits = timedelta(seconds=wait_s)
        assert before + waits <= row.next_try_at <= clock.real() + waits
    outbox._put_off(OutboxDelivery.objects.get(), RuntimeError("the last"))
    row = OutboxDelivery.objects.get()
    assert (row.state, row.attempts) == ("parked", 8)
    assert "the last" in row.error


def test_only_what_is_parked_is_put_back_and_at_once(delivery: OutboxDelivery) -> None:
    assert outbox.replay([delivery.pk]) == 0
    OutboxDelivery.objects.update(state="parked", attempts=8)
    other = OutboxDelivery.objects.create(
        event=delivery.event, reaction="y", state="parked", next_try_at=clock.real()
    )
    before = clock.real()
    assert outbox.replay([delivery.pk]) == 1
    delivery.refresh_from_db()
    other.refresh_from_db()
    assert (delivery.state, delivery.attempts, other.state) == ("pending", 0, "parked")
    assert before <= delivery.next_try_at <= clock.real()

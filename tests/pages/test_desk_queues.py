"""What the operator's front page counts is what its link shows."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from accounts.models import User
from config.desk_queues import QUEUES, Queue, QueuePart
from core import clock as business_clock
from core.models import OutboxDelivery, OutboxEvent
from devices import services
from devices.models import Command, Device
from tests.people import logged_in

PARTS = [part for queue in QUEUES for part in queue.parts]
LISTED = [part for part in PARTS if part.model in admin.site._registry]
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def operator(db: None) -> Client:
    return logged_in(User.objects.create_superuser("operator", password="x" * 12))


def listed(operator: Client, part: QueuePart) -> set[int]:
    """The rows that the part's list in the desk shows."""
    page = operator.get(part.url)
    assert page.status_code == 200, part.url  # a condition that the list refuses leads elsewhere
    return set(page.context["cl"].queryset.values_list("pk", flat=True))


@pytest.mark.parametrize("part", LISTED, ids=lambda part: part.model.__name__)
def test_every_list_takes_the_conditions_of_its_queue(operator, part):
    assert listed(operator, part) == set(part.rows().values_list("pk", flat=True)) == set()


def test_every_queue_leads_to_a_list(db):
    assert all(bool(part.url) == (part in LISTED) for part in PARTS)
    assert all(queue.now().url for queue in QUEUES)


def part_of(model: Any) -> tuple[Queue, QueuePart]:
    return next((q, p) for q in QUEUES for p in q.parts if p.model is model)


def test_a_silent_device_and_a_lock_that_did_not_obey_today_wait(operator, merchant, clock):
    locks = [
        services.enroll(code=code, kind="lock", merchant_id=merchant.pk, actor="system:tests")[0]
        for code in ("L-1", "L-2", "L-3")
    ]
    Device.objects.filter(pk__in=[locks[0].pk, locks[1].pk]).update(state="active")
    Device.objects.filter(pk=locks[1].pk).update(silent=False)
    commands = [
        services.order(
            device_id=locks[0].pk,
            action="LowerLock",
            payload={"order_code": f"R-{n}", "reason": "paid"},
            actor="system:tests",
        )
        for n in range(3)
    ]
    Command.objects.filter(pk__in=commands[:2]).update(state="failed")
    long_ago = business_clock.real() - timedelta(days=2)
    Command.objects.filter(pk=commands[1]).update(created_at=long_ago)

    alarms, silent = part_of(Device)
    assert listed(operator, silent) == {locks[0].pk}  # not L-3, which was never seen
    _queue, disobeyed = part_of(Command)
    assert listed(operator, disobeyed) == {commands[0]}
    waiting = alarms.now()
    assert waiting.count == 2
    assert waiting.oldest_at == Command.objects.get(pk=commands[0]).created_at
    front = operator.get("/admin/", headers=ENGLISH).content.decode()
    assert waiting.url.split("?")[0] in front
    assert "silent devices, cameras that misread, locks that did not obey" in front


def test_a_queue_leads_to_the_first_of_its_parts_that_has_rows(operator, clock):
    queue, parked = part_of(OutboxDelivery)
    assert queue.now().count == 0
    event = OutboxEvent.objects.create(topic="x", data={}, occurred_at=business_clock.now())
    row = OutboxDelivery.objects.create(
        event=event, reaction="x.y", state="parked", next_try_at=business_clock.real()
    )
    waiting = queue.now()
    assert (waiting.count, waiting.oldest_at, waiting.url) == (1, event.occurred_at, parked.url)
    assert listed(operator, parked) == {row.pk}

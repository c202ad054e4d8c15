"""Who decides about a lock's order waits for who works on it (docs/rules.md L6, core/locks.py)."""

from collections.abc import Callable

import pytest

from core import clock as business_clock
from payments.rules import Receipt
from recovery import services
from recovery.models import RecoveryOrder
from recovery.services import ending, moving, standing, timing
from tests import waiting
from tests.recovery.conftest import look
from tests.street import TEST, new_photograph

pytestmark = pytest.mark.django_db(transaction=True)


def test_whoever_acts_on_an_order_waits_for_who_works_on_it(order: RecoveryOrder) -> None:
    sha256, now, code = new_photograph(), business_clock.now(), order.code
    report = {"position": "raised", "cause": "command", "battery_pct": 80, "occurred_at": now}
    receipt = Receipt(
        order_number="1",
        item_id=1,
        payable="parking.stay",
        paid_at=now,
        actor=TEST,
        subject_id=order.bound.values_list("stay_id", flat=True)[0],
        provider="counter",
        is_part=False,
    )
    acts: dict[str, Callable[[], object]] = {
        "place": lambda: services.place(order.pk, sha256=sha256, actor=TEST),
        "look again": lambda: services.look_again(order.pk, second_look=look(), actor=TEST),
        "raise": lambda: services.raise_lock(order.pk, actor=TEST),
        "report": lambda: services.take_lock_report(
            device_id=order.device_id, order_code=code, actor=TEST, **report
        ),
        "report without a code": lambda: services.take_lock_report(
            device_id=order.device_id, order_code=None, actor=TEST, **report
        ),
        "release code": lambda: services.take_release_code_used(
            device_id=order.device_id, order_code=code, actor=TEST
        ),
        "command ended": lambda: services.command_ended(
            order_code=code, action="RaiseLock", outcome="failed", details={}
        ),
        "payment": lambda: ending.release_cleared(receipt, 0),
        "emergency": lambda: services.emergency_lower(order.pk, actor=TEST, reason="seen"),
        "cancel": lambda: services.cancel(order.pk, actor=TEST),
        "moved": lambda: services.confirm_move(order.pk, actor=TEST, sha256=sha256),
        "by hand": lambda: services.lowered_by_hand(order.pk, sha256=sha256, actor=TEST),
        "remind": lambda: moving._remind(order.pk),
        "alarm": lambda: timing._alarm(order.pk, late=True, another=False),
        "asked": lambda: standing.ask(RecoveryOrder.objects.filter(pk=order.pk), actor=TEST),
    }
    assert waiting.all_at(order, acts) == dict.fromkeys(acts, "waits")

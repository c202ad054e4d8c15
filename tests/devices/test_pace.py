"""How often a device is told again: what is urgent at once, the rest with patience."""

from typing import Any

import pytest

from core import clock
from devices import services
from devices.models import Command
from devices.services import commands


@pytest.mark.parametrize(
    ("kind", "action", "waits"),
    [
        ("lock", "LowerLock", [1, 2, 4, 8, 15, 15]),
        ("camera", "TakeImage", [3, 6, 12, 24, 30, 30]),
    ],
)
def test_an_unanswered_command_is_sent_again_ever_later(
    merchant: Any, kind: str, action: str, waits: list[int]
) -> None:
    device, _key = services.enroll(
        code="C-1", kind=kind, merchant_id=merchant.pk, actor="system:tests"
    )
    payload = {"order_code": "R-1", "reason": "paid"} if kind == "lock" else {"berth_code": "A"}
    pk = services.order(device_id=device.pk, action=action, payload=payload, actor="system:tests")
    found = []
    now = clock.real()
    for _attempt in waits:
        commands._mark_sent(Command.objects.get(pk=pk), 1, now)
        found.append((Command.objects.get(pk=pk).next_try_at - now).total_seconds())
    assert found == waits

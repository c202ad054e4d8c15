"""Who enrols a device, turns its key or shows its code stands in the trail; silence is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from devices import services
from devices.models import Device, ReleaseCode
from devices.services import commands, connections, liveness
from tests.trail import events, said

TEST = "system:tests"


@pytest.fixture
def keyed(merchant: Any) -> tuple[Device, str]:
    return services.enroll(code="L-1", kind="lock", merchant_id=merchant.pk, actor="user:2")


def test_keys_say_who_made_them(keyed: tuple[Device, str]) -> None:
    device, _key = keyed
    services.rotate_key(device_id=device.pk, actor="user:3")
    services.rotate_key(device_id=device.pk, actor="user:4", revoke_others=True)
    assert said(device) == [
        ("enrolled", "user:2", "", {"kind": "lock"}),
        ("key_rotated", "user:3", "", {"others_revoked": False}),
        ("key_rotated", "user:4", "", {"others_revoked": True}),
    ]


def test_each_showing_of_a_release_code_is_said(keyed: tuple[Device, str]) -> None:
    device, key = keyed
    link = connections.log_in(device.code, key)
    services.order(
        device_id=device.pk,
        action="RaiseLock",
        actor=TEST,
        payload={"order_code": "R-1", "lease_s": 1800},
    )
    commands.take_due(link)
    codes = [
        services.release_code(device_id=device.pk, order_code="R-1", actor=f"user:{n}")
        for n in (1, 2)
    ]
    assert codes[0] == codes[1]
    assert said(ReleaseCode.objects.get()) == [
        ("shown", "user:1", "", {}),
        ("shown", "user:2", "", {}),
    ]


def test_silence_and_its_end_are_events_once(keyed: tuple[Device, str], clock: Any) -> None:
    device, key = keyed
    link = connections.log_in(device.code, key)
    first = [{"device_id": device.pk}]  # nothing had been heard of it before
    assert events("devices.device_back") == first
    long_ago = clock.real() - timedelta(hours=1)
    Device.objects.update(last_heard_at=long_ago)
    assert [liveness.notice_silence() for _twice in range(2)] == [1, 0]
    [silent] = events("devices.device_silent")
    ahead = clock.now() - clock.real()
    heard_ms = int((long_ago + ahead).timestamp() * 1000)
    assert silent["device_id"] == device.pk
    assert abs(silent["since_ms"] - heard_ms) < 60_000
    for _twice in range(2):
        with transaction.atomic():
            assert connections.heard(link)
    assert events("devices.device_back") == first * 2
    Device.objects.update(silent=True)
    connections.log_in(device.code, key)
    connections.log_in(device.code, key)
    assert events("devices.device_back") == first * 3

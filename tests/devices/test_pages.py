"""Devices for people: the merchant's page, the operator's desk, the command, the interface."""

import io
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant
from core import clock
from core.models import AuditEntry
from devices import services
from devices.models import Command, Device, DeviceMessage
from devices.rules import frames
from devices.services import connections, reception

NOBODY = "system:tests"


@pytest.fixture
def lock(merchant: Merchant) -> Device:
    device, key = services.enroll(
        code="L-7", kind="lock", merchant_id=merchant.pk, name="东门", actor=NOBODY
    )
    link = connections.log_in("L-7", key)
    payload = {
        "position": "raised",
        "cause": "command",
        "battery_pct": 14,
        "occurred_at_ms": int(clock.now().timestamp() * 1000),
    }
    call = frames.Call("1", "LockStatus", payload)
    reception.receive(link, call.encode(), call)
    return device


def test_a_merchant_sees_own_devices_and_nobody_elses(
    lock: Device, merchant_client: Client, other_merchant_client: Client, anonymous: Client
) -> None:
    page = merchant_client.get(reverse("devices.list")).content.decode()
    assert "L-7" in page
    assert "东门" in page
    assert "14%" in page
    assert "L-7" not in other_merchant_client.get(reverse("devices.list")).content.decode()
    assert anonymous.get(reverse("devices.list")).status_code == 302
    assert "L-7" not in merchant_client.get("/merchant/devices/?kind=camera").content.decode()


def test_the_interface_lists_own_devices_and_their_commands(
    lock: Device, merchant_client: Client, other_merchant_client: Client, anonymous: Client
) -> None:
    services.order(
        device_id=lock.pk,
        action="LowerLock",
        payload={"order_code": "R-1", "reason": "paid"},
        reference="r",
        actor=NOBODY,
    )
    (row,) = merchant_client.get("/api/v1/devices/").json()["results"]
    assert (row["code"], row["battery_pct"], row["position"]) == ("L-7", 14, "raised")
    (command,) = merchant_client.get("/api/v1/devices/L-7/commands/").json()["results"]
    assert (command["action"], command["state"]) == ("LowerLock", "queued")
    assert other_merchant_client.get("/api/v1/devices/").json()["results"] == []
    assert other_merchant_client.get("/api/v1/devices/L-7/commands/").status_code == 404
    answer = anonymous.get("/api/v1/devices/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Session realm="Bowei"'


def test_the_operator_enrols_a_device_and_is_shown_its_key_once(
    merchant: Merchant, operator_client: Client
) -> None:
    form = {"code": "S-9", "kind": "sensor", "merchant": merchant.pk, "name": "x"}
    answer = operator_client.post("/admin/devices/device/add/", form, follow=True)
    (key,) = re.findall(r"S-9[^<]*?([\w-]{43})", answer.content.decode())
    assert connections.who(key).device.code == "S-9"
    again = operator_client.get("/admin/devices/device/").content.decode()
    assert key not in again
    assert AuditEntry.objects.filter(subject="devices.device", action="enrolled").exists()


def test_the_operator_gives_new_keys_and_takes_devices_out_of_service(
    lock: Device, operator_client: Client
) -> None:
    def act(action: str) -> Any:
        data = {"action": action, "_selected_action": [lock.pk]}
        return operator_client.post("/admin/devices/device/", data, follow=True)

    (key,) = re.findall(r"L-7[^<]*?([\w-]{43})", act("lost_key").content.decode())
    assert connections.log_in("L-7", key)
    act("revoke")
    lock.refresh_from_db()
    assert lock.state == "revoked"
    assert not re.findall(r"L-7[^<]*?([\w-]{43})", act("new_key").content.decode())
    assert not lock.credentials.filter(revoked_at=None).exists()


def test_the_operators_lists_open(lock: Device, operator_client: Client) -> None:
    Command.objects.create(
        device=lock,
        merchant_id=lock.merchant_id,
        action="TakeImage",
        payload={},
        created_at=lock.created_at,
        expires_at=lock.created_at,
        next_try_at=lock.created_at,
    )
    message = DeviceMessage.objects.first()
    assert message is not None
    for place in (
        "device/",
        f"device/{lock.pk}/change/",
        "command/",
        "devicemessage/?refused=yes",
        f"devicemessage/{message.pk}/change/",
    ):
        assert operator_client.get(f"/admin/devices/{place}").status_code == 200, place


def test_a_command_enrols_a_device_and_prints_its_key(merchant: Merchant) -> None:
    out = io.StringIO()
    call_command("enroll_device", "S-1", "sensor", merchant=merchant.code, stdout=out)
    assert connections.who(out.getvalue().strip()).device.code == "S-1"
    new = io.StringIO()
    call_command("enroll_device", "S-1", "sensor", "--new-key", merchant=merchant.code, stdout=new)
    assert connections.who(new.getvalue().strip()).device.code == "S-1"
    for wrong in (
        ["S-1", "sensor", f"--merchant={merchant.code}"],
        ["S-2", "sensor", "--merchant=nobody"],
        ["S/2", "sensor", f"--merchant={merchant.code}"],
        ["S-2", "sensor", f"--merchant={merchant.code}", "--new-key"],
    ):
        with pytest.raises(CommandError):
            call_command("enroll_device", *wrong)
    assert Device.objects.count() == 1

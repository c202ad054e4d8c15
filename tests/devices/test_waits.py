"""Who tells a device, or hears of it, waits for who works on its rows, or leaves them (locks)."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock
from devices import services
from devices.models import Command, Device, DeviceMessage
from devices.services import commands, connections, liveness, reception
from tests import waiting

pytestmark = pytest.mark.django_db(transaction=True)
TEST = "system:tests"


@pytest.fixture
def camera(transactional_db: None, merchant: Any) -> Device:
    device, _key = services.enroll(code="C-1", kind="camera", merchant_id=merchant.pk, actor=TEST)
    return device


def link_of(device: Device) -> connections.Link:
    return connections.Link(
        device_id=device.pk,
        device_code=device.code,
        kind=device.kind,
        epoch=device.epoch,
        merchant_id=device.merchant_id,
        connection_id=0,
        credential_id=0,
    )


def told(device: Device) -> Command:
    pk = services.order(
        device_id=device.pk, action="TakeImage", payload={"berth_code": "A-017"}, actor=TEST
    )
    return Command.objects.get(pk=pk)


def test_a_command_that_somebody_works_on_is_left_for_the_next_look(camera: Device) -> None:
    row = told(camera)
    link = link_of(camera)
    assert waiting.at(row, lambda: commands.take_due(link)) == "goes on"
    with waiting.worked_on(row):
        assert commands.take_due(link) == []
    Command.objects.update(expires_at=clock.real() - timedelta(seconds=1))
    assert waiting.at(row, commands.expire_commands) == "goes on"
    with waiting.worked_on(row):
        assert commands.expire_commands() == 0


def test_an_acknowledgement_waits_for_who_works_on_the_command(camera: Device) -> None:
    row = told(camera)
    Command.objects.update(state="sent", open_message="m-1")
    found = waiting.at(row, lambda: commands.acknowledge(link_of(camera), "m-1"))
    assert found == "waits"


def test_two_keys_of_one_device_wait_for_each_other(camera: Device) -> None:
    found = waiting.at(camera, lambda: services.rotate_key(device_id=camera.pk, actor=TEST))
    assert found == "waits"


def test_a_device_that_somebody_works_on_is_not_noticed_silent(camera: Device) -> None:
    long_ago = clock.real() - timedelta(hours=1)
    Device.objects.update(silent=False, last_heard_at=long_ago)
    assert waiting.at(camera, liveness.notice_silence) == "goes on"
    with waiting.worked_on(camera):
        assert liveness.notice_silence() == 0


def test_two_do_not_admit_one_message(camera: Device) -> None:
    kept = DeviceMessage.objects.create(
        device=camera,
        merchant_id=camera.merchant_id,
        raw="{}",
        refused="x",
        epoch=1,
        received_at=clock.now(),
        received_real_at=clock.real(),
    )
    assert waiting.at(kept, lambda: reception.admit(kept.pk, actor=TEST)) == "waits"

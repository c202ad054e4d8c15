"""Over real sockets: a sensor speaks, the camera is told, the photograph becomes a question."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from core import outbox
from devices.client import CallRefused, Camera, Sensor
from parking import services, tasks
from parking.models import Berth, BerthEvent, ParkingSession, ReviewItem, Sighting
from tests.devices.conftest import Street, jpeg, until
from tests.street import TEST, new_section


@pytest.fixture
def street(live: Any, clock: Any, merchant: Any) -> Street:
    """A-001 with its sensor and its camera, and a sensor that lies nowhere."""
    new_section(merchant, code="A", name="愚园路停车场", ground="own")
    street = Street(live, merchant)
    berth = Berth.objects.get(code="A-001")
    services.place_sensor(
        berth_id=berth.pk, device_id=street.enroll("S-001", "sensor").pk, actor=TEST
    )
    services.cover(berth_id=berth.pk, device_id=street.enroll("C-001", "camera").pk, actor=TEST)
    street.enroll("S-999", "sensor")
    return street


async def test_a_sensor_speaks_the_camera_is_told_and_the_photograph_is_read(
    street: Street,
) -> None:
    """P2.1, P2.2, P2.3, P0.1: a picture without a plate goes to a person."""
    async with street.client("C-001") as camera_client, street.client("S-001") as client:
        Camera(camera_client, lambda _berth, _purpose: jpeg())
        sensor = Sensor(client)
        sensor.repeats = 1
        answer = await sensor.arrive("A-001")
        await sync_to_async(outbox.run_pending)()
        await until(Sighting.objects.exists)
    stay = await sync_to_async(ParkingSession.objects.get)()
    sighting = await sync_to_async(Sighting.objects.get)()
    assert answer["stay_id"] == stay.pk == sighting.stay_id
    assert (await sync_to_async(BerthEvent.objects.get)()).times == 2

    await sync_to_async(tasks.read_plate)(sighting.pk)
    await sync_to_async(tasks.read_plate)(sighting.pk)  # delivered twice
    item = await sync_to_async(ReviewItem.objects.get)()
    assert (item.why, item.sighting_id) == ("no_plate", sighting.pk)


async def test_a_sensor_speaks_only_of_its_own_berth(street: Street) -> None:
    """P2.1"""
    async with street.client("S-999") as client:
        with pytest.raises(CallRefused) as refused:
            await Sensor(client).arrive("A-001")
    assert refused.value.code == "not_this_berth"
    assert not await sync_to_async(ParkingSession.objects.exists)()

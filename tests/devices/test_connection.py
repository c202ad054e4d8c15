"""A connection has an epoch, the newest socket wins, and the server decides who is offline."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest
import websockets
from django.db import OperationalError, transaction
from websockets.asyncio.client import connect

from core import clock, deeds
from core.deeds import Rate
from core.models import OutboxEvent
from devices import selectors, services
from devices.models import Connection, Credential, Device, DeviceMessage
from devices.rules import frames
from devices.services import connections, reception
from tests.devices.conftest import Street, in_thread, until


def line(street: Street, code: str, key: str | None = None):
    headers = {"Authorization": f"Bearer {key or street.keys[code]}"}
    return connect(
        f"{street.live.ws}/devices/{code}",
        additional_headers=headers,
        subprotocols=[websockets.Subprotocol(frames.SUBPROTOCOL)],
        compression=None,
        proxy=None,
    )


async def ask(socket, frame: frames.Call):
    await socket.send(frame.encode())
    return frames.decode(await asyncio.wait_for(socket.recv(), 10))


def test_only_the_hash_of_a_key_is_kept(street: Street) -> None:
    street.enroll("S-1", "sensor")
    stored = [str(value) for row in Credential.objects.values() for value in row.values()]
    assert street.keys["S-1"] not in "".join(stored)
    assert connections.who(street.keys["S-1"]).device.code == "S-1"


async def test_a_wrong_key_another_devices_key_and_a_revoked_one_are_refused(
    street: Street,
) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    await in_thread(street.enroll, "S-2", "sensor")
    for key in ("nonsense", street.keys["S-2"]):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await line(street, "S-1", key)
        assert refused.value.response.status_code == 403
    await in_thread(services.revoke, device_id=street.devices["S-1"].pk, actor="user:1")
    with pytest.raises(websockets.InvalidStatus):
        await line(street, "S-1")


async def test_a_first_log_in_activates_the_device_and_tells_that_it_is_there(
    street: Street,
) -> None:
    device = await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1") as client:
        answer = await client.heartbeat()
        assert answer["interval_s"] > 0
        await in_thread(device.refresh_from_db)
        assert (device.state, device.online, device.silent, device.epoch) == (
            "active",
            True,
            False,
            1,
        )
    assert await until(lambda: not selectors.online_ids([device.pk]))


async def test_the_newest_socket_wins_and_the_older_one_is_closed(street: Street) -> None:
    device = await in_thread(street.enroll, "S-1", "sensor")
    async with line(street, "S-1") as old, line(street, "S-1") as new:
        await asyncio.wait_for(old.wait_closed(), 10)
        assert old.close_code == frames.CLOSE_STALE
        assert isinstance(await ask(new, frames.Call("1", "Heartbeat", {})), frames.Result)
        # The end of the old socket did not mark the new one offline.
        assert await until(lambda: Connection.objects.filter(epoch=1, closed_at=None).count() == 0)
        assert await in_thread(selectors.online_ids, [device.pk]) == {device.pk}


def test_a_message_of_an_older_epoch_is_refused_and_kept(street: Street) -> None:
    """Even where the older socket has not heard yet that it is over."""
    street.enroll("S-1", "sensor")
    old = connections.log_in("S-1", street.keys["S-1"])
    connections.log_in("S-1", street.keys["S-1"])
    arrived = {"berth_code": "A-1", "occurred_at_ms": int(clock.now().timestamp() * 1000)}
    call = frames.Call("m1", "VehicleArrived", arrived)
    answer = reception.receive(old, call.encode(), call)
    assert answer.stale
    assert '"stale_epoch"' in answer.frame
    kept = DeviceMessage.objects.get()
    assert (kept.refused, kept.epoch, kept.action) == ("stale_epoch", 1, "VehicleArrived")
    assert not OutboxEvent.objects.filter(topic="tests.heard").exists()


async def test_two_log_ins_at_once_get_two_epochs_and_one_of_them_stays(street: Street) -> None:
    device = await in_thread(street.enroll, "S-1", "sensor")
    sockets = await asyncio.gather(*[line(street, "S-1").__aenter__() for _each in range(6)])
    try:
        async with asyncio.timeout(10):
            while sum(socket.close_code is None for socket in sockets) > 1:
                await asyncio.sleep(0.02)
        (left,) = [socket for socket in sockets if socket.close_code is None]
        assert isinstance(await ask(left, frames.Call("1", "Heartbeat", {})), frames.Result)
        epochs = await in_thread(lambda: sorted(Connection.objects.values_list("epoch", flat=True)))
        assert epochs == [1, 2, 3, 4, 5, 6]
        assert await in_thread(selectors.online_ids, [device.pk]) == {device.pk}
    finally:
        await asyncio.gather(*[socket.close() for socket in sockets])


async def test_the_end_of_an_old_socket_does_not_mark_the_new_one_offline(street: Street) -> None:
    device = await in_thread(street.enroll, "S-1", "sensor")
    old = await in_thread(connections.log_in, "S-1", street.keys["S-1"])
    await in_thread(connections.log_in, "S-1", street.keys["S-1"])
    await in_thread(connections.log_out, old, "closed")
    assert await in_thread(selectors.online_ids, [device.pk]) == {device.pk}


def test_a_device_not_heard_of_is_silent_until_it_speaks_again(street: Street) -> None:
    """The sweep decides by real time; business time, however moved, says nothing."""
    device = street.enroll("S-1", "sensor")
    link = connections.log_in("S-1", street.keys["S-1"])
    assert services.notice_silence() == 0
    long_ago = clock.real() - timedelta(minutes=5)
    Device.objects.filter(pk=device.pk).update(last_heard_at=long_ago)
    assert services.notice_silence() == 1
    assert services.notice_silence() == 0
    device.refresh_from_db()
    assert (device.online, device.silent) == (False, True)
    with transaction.atomic():
        assert connections.heard(link)
    device.refresh_from_db()
    assert (device.online, device.silent) == (True, False)


async def test_revoking_a_device_closes_its_socket(street: Street) -> None:
    device = await in_thread(street.enroll, "S-1", "sensor")
    async with line(street, "S-1") as socket:
        assert await in_thread(services.revoke, device_id=device.pk, actor="user:1")
        await asyncio.wait_for(socket.wait_closed(), 10)
    assert not await in_thread(selectors.online_ids, [device.pk])
    assert not await in_thread(services.revoke, device_id=device.pk, actor="user:1")


async def test_a_new_key_ends_the_old_one_when_it_is_first_used(street: Street) -> None:
    device = await in_thread(street.enroll, "S-1", "sensor")
    old = street.keys["S-1"]
    new = await in_thread(services.rotate_key, device_id=device.pk, actor="user:1")
    async with line(street, "S-1", old):
        pass
    async with line(street, "S-1", new):
        pass
    with pytest.raises(websockets.InvalidStatus):
        await line(street, "S-1", old)


async def test_a_lost_key_is_ended_at_once(street: Street) -> None:
    device = await in_thread(street.enroll, "S-1", "sensor")
    async with line(street, "S-1") as socket:
        await in_thread(
            services.rotate_key, device_id=device.pk, actor="user:1", revoke_others=True
        )
        await asyncio.wait_for(socket.wait_closed(), 10)
        assert socket.close_code == frames.CLOSE_STALE
    with pytest.raises(websockets.InvalidStatus):
        await line(street, "S-1")


async def test_trouble_of_ours_is_not_told_as_a_refused_key(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(code: str, key: str) -> None:
        raise OperationalError("the database is away")

    await in_thread(street.enroll, "S-1", "sensor")
    monkeypatch.setattr(connections, "log_in", broken)
    with pytest.raises(websockets.InvalidStatus) as refused:
        await line(street, "S-1")
    assert refused.value.response.status_code == 503


async def test_what_a_device_says_too_fast_is_read_later_and_not_lost(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    monkeypatch.setattr(deeds, "FRAME", replace(deeds.FRAME, thing=(Rate(2, 1),)))
    began = time.monotonic()
    async with line(street, "S-1") as socket:
        for number in range(5):
            await socket.send(frames.Call(f"m-{number}", "Heartbeat", {}).encode())
        answers = [frames.decode(await asyncio.wait_for(socket.recv(), 10)) for _ in range(5)]
    assert [one.id for one in answers] == [f"m-{number}" for number in range(5)]
    assert time.monotonic() - began >= 2  # two a second

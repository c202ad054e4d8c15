"""What a device is told: rows that outlive sockets, in order, and lowering before everything."""

import asyncio
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from core import clock
from core.errors import Invalid
from core.models import AuditEntry, OutboxEvent
from devices import services
from devices.client import DeviceClient, Handheld
from devices.errors import DeviceRevoked, NoDevice, NotForKind, OrderReleased
from devices.models import Command
from devices.services import commands, connections
from tests.devices.conftest import Street, in_thread, until

NOBODY = "system:tests"


def take(device_id: int, berth_code: str = "A-017", **more) -> int:
    payload = {"berth_code": berth_code}
    return services.order(
        device_id=device_id, action="TakeImage", payload=payload, actor=NOBODY, **more
    )


def raise_lock(device_id: int, order_code: str = "R-1") -> int:
    payload = {"order_code": order_code, "lease_s": 1800}
    return services.order(
        device_id=device_id, action="RaiseLock", payload=payload, reference="r", actor=NOBODY
    )


def lower_lock(device_id: int, order_code: str = "R-1") -> int:
    payload = {"order_code": order_code, "reason": "paid"}
    return services.order(
        device_id=device_id, action="LowerLock", payload=payload, reference="r", actor=NOBODY
    )


def state(command_id: int) -> str:
    return Command.objects.values_list("state", flat=True).get(pk=command_id)


def is_state(command_id: int, wanted: str):
    return lambda: state(command_id) == wanted


def told(topic: str) -> list[dict]:
    rows = OutboxEvent.objects.filter(topic=f"devices.{topic}").order_by("pk")
    return list(rows.values_list("data", flat=True))


def obedient(client: DeviceClient, *actions: str) -> list[dict]:
    """The commands that were done, in order."""
    done: list[dict] = []

    async def do(command: dict) -> dict:
        done.append(command)
        return {"did": len(done)}

    for action in actions:
        client.on(action, do)
    return done


async def test_a_command_reaches_the_device_and_its_result_whoever_asked(street: Street) -> None:
    """P2.2"""
    device = await in_thread(street.enroll, "C-1", "camera")
    async with street.client("C-1") as client:
        done = obedient(client, "TakeImage")
        command_id = await in_thread(take, device.pk, reference="stay:7")
        assert await until(is_state(command_id, "done"))
    assert done == [{"command_id": command_id, "berth_code": "A-017", "purpose": "arrival"}]
    (event,) = await in_thread(told, "command_done")
    assert event == {
        "command_id": command_id,
        "device_id": device.pk,
        "action": "TakeImage",
        "reference": "stay:7",
        "details": {"did": 1},
    }
    moves = await in_thread(
        lambda: list(
            AuditEntry.objects.filter(subject="devices.command")
            .order_by("pk")
            .values_list("to_state", flat=True)
        )
    )
    assert moves == ["sent", "acknowledged", "done"]


async def test_a_result_without_details_ends_the_command(street: Street) -> None:
    device = await in_thread(street.enroll, "L-1", "lock")
    async with street.client("L-1") as client:
        client.deaf = True  # this device says nothing by itself
        command_id = await in_thread(lower_lock, device.pk)
        async with asyncio.timeout(10):
            while not client.received:
                await asyncio.sleep(0.02)
        await client.call("CommandResult", {"command_id": command_id, "outcome": "done"})
    assert await in_thread(state, command_id) == "done"
    (event,) = await in_thread(told, "command_done")
    assert event["details"] == {}


async def test_a_command_waits_for_a_device_that_is_away(street: Street) -> None:
    device = await in_thread(street.enroll, "C-1", "camera")
    first = await in_thread(take, device.pk, "A-1")
    second = await in_thread(take, device.pk, "A-2")
    urgent = await in_thread(take, device.pk, "A-3", priority=2)
    client = street.client("C-1")
    done = obedient(client, "TakeImage")
    async with client:
        assert await until(is_state(second, "done"))
        assert [command["command_id"] for command in done] == [urgent, first, second]


async def test_a_lost_hint_costs_a_second_not_the_command(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.wake.group", lambda name, **message: None)
    device = await in_thread(street.enroll, "C-1", "camera")
    async with street.client("C-1") as client:
        obedient(client, "TakeImage")
        await client.heartbeat()
        command_id = await in_thread(take, device.pk)
        assert await until(is_state(command_id, "done"))


async def test_an_unanswered_command_is_sent_again_with_a_new_id_and_done_once(
    street: Street,
) -> None:
    device = await in_thread(street.enroll, "C-1", "camera")
    async with street.client("C-1", deaf=True) as client:
        done = obedient(client, "TakeImage")
        command_id = await in_thread(take, device.pk)
        async with asyncio.timeout(20):
            while len(client.received) < 2:
                await asyncio.sleep(0.05)
                client.deaf = not client.received  # hears the first, answers from the second on
        assert await until(is_state(command_id, "done"))
        ids = [frame.id for frame in client.received]
        assert len(set(ids)) == len(ids)
        assert {frame.payload["command_id"] for frame in client.received} == {command_id}
        assert len(done) == 1


async def test_after_a_reconnection_the_rows_say_what_is_still_to_do(street: Street) -> None:
    device = await in_thread(street.enroll, "C-1", "camera")
    async with street.client("C-1") as client:
        again = asyncio.Event()
        done: list[int] = []

        async def slow(command: dict) -> dict:
            done.append(command["command_id"])
            await again.wait()
            return {}

        client.on("TakeImage", slow)
        command_id = await in_thread(take, device.pk)
        assert await until(is_state(command_id, "acknowledged"))
        client.cut()
        await until(lambda: not client.connected.is_set())
        client.restore()
        async with asyncio.timeout(60):  # it comes again, and is not done again; a busy platform
            # may have said when to come back
            while len(client.received) < 2:
                await asyncio.sleep(0.02)
        again.set()
        assert await until(is_state(command_id, "done"))
        assert done == [command_id]


async def test_a_device_that_forgot_everything_does_it_after_its_restart(street: Street) -> None:
    device = await in_thread(street.enroll, "C-1", "camera")
    async with street.client("C-1", deaf=True) as client:
        command_id = await in_thread(take, device.pk)
        assert await until(is_state(command_id, "sent"))
    async with street.client("C-1") as client:
        done = obedient(client, "TakeImage")
        assert await until(is_state(command_id, "done"))
        assert len(done) == 1


async def test_a_device_that_can_not_says_so(street: Street) -> None:
    device = await in_thread(street.enroll, "H-1", "handheld")
    async with street.client("H-1") as client:
        Handheld(client)  # without a camera's picture
        command_id = await in_thread(take, device.pk, reference="x")
        assert await until(is_state(command_id, "failed"))
        unknown = await in_thread(take, device.pk)
        client.handlers.clear()
        assert await until(is_state(unknown, "failed"))
    first, second = await in_thread(told, "command_failed")
    assert (first["reference"], first["details"]) == ("x", {"why": "no_picture"})
    assert second["details"]["code"] == "unknown_action" or second["details"]["why"]


def test_a_command_whose_time_has_run_out_expires_once(street: Street) -> None:
    device = street.enroll("C-1", "camera")
    command_id = take(device.pk, ttl_s=30)
    late = take(device.pk)
    assert services.expire_commands() == 0
    Command.objects.filter(pk=command_id).update(expires_at=clock.real() - timedelta(seconds=1))
    assert services.expire_commands() == 1
    assert services.expire_commands() == 0
    assert (state(command_id), state(late)) == ("expired", "queued")
    assert [event["command_id"] for event in told("command_expired")] == [command_id]
    # What the device did after all is the truth.
    commands.finish(device.pk, command_id, "done", {}, actor="device:C-1")
    assert state(command_id) == "done"


def test_a_command_is_checked_before_it_is_written(street: Street) -> None:
    camera, lock = street.enroll("C-1", "camera"), street.enroll("L-1", "lock")
    with pytest.raises(Invalid) as wrong:
        services.order(device_id=camera.pk, action="TakeImage", payload={}, actor=NOBODY)
    assert wrong.value.fields
    with pytest.raises(NotForKind):
        take(lock.pk)
    with pytest.raises(NoDevice):
        take(10**9)
    services.revoke(device_id=lock.pk, actor=NOBODY)
    with pytest.raises(DeviceRevoked):
        lower_lock(lock.pk)
    assert not Command.objects.exists()


def test_a_withdrawn_command_is_never_sent(street: Street) -> None:
    device = street.enroll("C-1", "camera")
    command_id = take(device.pk)
    assert services.withdraw(command_id)
    assert not services.withdraw(command_id)
    link = connections.log_in("C-1", street.keys["C-1"])
    assert commands.take_due(link) == []


def test_lowering_supersedes_a_waiting_raise_and_goes_first(street: Street) -> None:
    """P1.4, docs/rules.md 4"""
    lock = street.enroll("L-1", "lock")
    raising = raise_lock(lock.pk)
    lowering = lower_lock(lock.pk)
    assert state(raising) == "superseded"
    link = connections.log_in("L-1", street.keys["L-1"])
    (sent,) = commands.take_due(link) or []
    assert f'"command_id":{lowering}' in sent.frame
    with pytest.raises(OrderReleased):
        raise_lock(lock.pk)
    assert raise_lock(lock.pk, "R-2")  # another order may


def test_lowering_overtakes_a_call_that_the_device_has_not_answered(street: Street) -> None:
    lock = street.enroll("L-1", "lock")
    link = connections.log_in("L-1", street.keys["L-1"])
    raising = raise_lock(lock.pk)
    assert len(commands.take_due(link) or []) == 1
    raise_lock(lock.pk, "R-2")
    assert commands.take_due(link) == []  # one open call at a time
    lower_lock(lock.pk)
    (sent,) = commands.take_due(link) or []
    assert "LowerLock" in sent.frame
    assert state(raising) == "superseded"


def test_a_raise_and_a_lowering_at_once_never_leave_as_lower_then_raise(street: Street) -> None:
    """Whoever commits first: after a lowering of the order its raise is not delivered."""
    for number in range(8):
        lock = street.enroll(f"L-{number}", "lock")
        link = connections.log_in(lock.code, street.keys[lock.code])
        together, frames = Barrier(3), []

        def raising(device_id: int = lock.pk, together: Barrier = together) -> None:
            together.wait()
            try:
                raise_lock(device_id)
            except OrderReleased:
                pass
            finally:
                connection.close()

        def lowering(device_id: int = lock.pk, together: Barrier = together) -> None:
            together.wait()
            lower_lock(device_id)
            connection.close()

        threads = [Thread(target=raising), Thread(target=lowering)]
        for thread in threads:
            thread.start()
        together.wait()
        for _look in range(20):
            frames += [sent.frame for sent in commands.take_due(link) or []]
        for thread in threads:
            thread.join()
        frames += [sent.frame for sent in commands.take_due(link) or []]
        actions = ["LowerLock" if "LowerLock" in frame else "RaiseLock" for frame in frames]
        assert actions in (["LowerLock"], ["RaiseLock", "LowerLock"])


def test_only_the_newest_socket_is_given_commands(street: Street) -> None:
    device = street.enroll("C-1", "camera")
    old = connections.log_in("C-1", street.keys["C-1"])
    take(device.pk)
    new = connections.log_in("C-1", street.keys["C-1"])
    assert commands.take_due(old) is None
    assert len(commands.take_due(new) or []) == 1


async def test_a_notice_appears_on_the_handheld_and_is_withdrawn(street: Street) -> None:
    """P3.4"""
    device = await in_thread(street.enroll, "H-1", "handheld")
    async with street.client("H-1") as client:
        handheld = Handheld(client)
        await client.heartbeat()
        notice = {
            "notice_id": 5,
            "plate": "沪A12345",
            "lines": ["长宁路 ¥12.00"],
            "amount_fen": 1200,
            "berth_code": None,
            "expires_at_ms": client.now_ms() + 60_000,
        }
        command_id = await in_thread(
            services.order, device_id=device.pk, action="ShowNotice", payload=notice, actor=NOBODY
        )
        shown = await handheld.notice()
        assert shown == {**notice, "command_id": command_id}
        assert await until(
            lambda: OutboxEvent.objects.filter(data__action="NoticeOutcome").count() == 1
        )
        await in_thread(
            services.order,
            device_id=device.pk,
            action="WithdrawNotice",
            payload={"notice_id": 5},
            actor=NOBODY,
        )
        async with asyncio.timeout(10):
            while handheld.notices:
                await asyncio.sleep(0.02)


def test_a_result_of_another_devices_command_is_refused(street: Street) -> None:
    from devices.errors import NoCommand

    first, second = street.enroll("C-1", "camera"), street.enroll("C-2", "camera")
    command_id = take(first.pk)
    with pytest.raises(NoCommand):
        commands.finish(second.pk, command_id, "done", {}, actor="device:C-2")
    assert state(command_id) == "queued"

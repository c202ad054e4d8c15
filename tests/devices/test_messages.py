"""What a device says is checked at the door, done once, and answered the same way again."""

import asyncio
import json
import signal
import socket as sockets
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import OperationalError

from config.local.processes import wait_until
from core import clock, images, sizes
from core.models import OutboxEvent, StoredImage
from devices import services
from devices.client import CallRefused, DeviceClient, Handheld, Sensor
from devices.models import Connection, DeviceMessage, MessageReceipt
from devices.rules import frames
from devices.services import connections, reception
from tests.devices.conftest import Street, during, in_thread, jpeg, until
from tests.people import PASSWORD


def now_ms() -> int:
    return int(clock.now().timestamp() * 1000)


def arrived(berth_code: str = "A-017", at_ms: int | None = None) -> dict[str, object]:
    return {"berth_code": berth_code, "occurred_at_ms": at_ms or now_ms()}


def effects() -> int:
    return OutboxEvent.objects.filter(topic="tests.heard").count()


async def test_a_sensor_reports_an_arrival_and_the_listener_knows_who_said_it(
    street: Street, listeners
) -> None:
    """P2.1"""
    device = await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1") as client:
        answer = await Sensor(client).arrive("A-017")
    assert answer["event_id"] > 0
    ((message, sender),) = listeners
    assert (message.berth_code, sender.device_id, sender.kind) == ("A-017", device.pk, "sensor")
    assert (sender.merchant_id, sender.epoch) == (street.merchant.pk, 1)
    kept = await in_thread(DeviceMessage.objects.get)
    assert (kept.action, kept.refused) == ("VehicleArrived", "")
    assert json.loads(kept.raw)[3]["berth_code"] == "A-017"


async def test_a_repeated_message_has_one_effect_and_gets_the_same_answer(street: Street) -> None:
    """P2.1, docs/rules.md 11"""
    await in_thread(street.enroll, "S-1", "sensor")
    payload = await in_thread(arrived)
    async with street.client("S-1") as client:
        first = await client.call("VehicleArrived", payload, id="m-1")
        again = await client.call("VehicleArrived", payload, id="m-1")
    async with street.client("S-1") as client:
        later = await client.call("VehicleArrived", payload, id="m-1")
    assert first == again == later
    assert await in_thread(effects) == 1


async def test_the_same_id_with_other_content_is_refused_and_changes_nothing(
    street: Street,
) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    payload = await in_thread(arrived)
    async with street.client("S-1") as client:
        await client.call("VehicleArrived", payload, id="m-1")
        with pytest.raises(CallRefused) as refused:
            await client.call("VehicleArrived", {**payload, "berth_code": "B-2"}, id="m-1")
        assert refused.value.code == "message_id_reused"
        with pytest.raises(CallRefused):
            await client.call("VehicleLeft", payload, id="m-1")
    assert await in_thread(effects) == 1


def test_a_message_that_comes_on_two_connections_at_once_is_done_once(street: Street) -> None:
    """Two threads, two database connections, one device, one message id."""
    from threading import Barrier, Thread

    from django.db import connection

    street.enroll("S-1", "sensor")
    link = connections.log_in("S-1", street.keys["S-1"])
    call = frames.Call("m-1", "VehicleArrived", arrived())
    together, answers = Barrier(6), []

    def say() -> None:
        together.wait()
        answers.append(reception.receive(link, call.encode(), call).frame)
        connection.close()

    threads = [Thread(target=say) for _each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len(set(answers)) == 1
    assert effects() == 1
    assert MessageReceipt.objects.count() == 1


async def test_an_answer_lost_with_the_server_is_given_again_by_the_next_one(
    street: Street, process_env, tmp_path
) -> None:
    """The server dies between effect and answer; the device repeats after a reconnection."""
    await in_thread(street.enroll, "S-1", "sensor")
    payload = await in_thread(arrived)
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "tests.devices.dying_server:application"]
    command += ["--port", str(port), "--lifespan", "off", "--log-level", "warning"]
    command += ["--ws", "websockets-sansio"]
    marker = tmp_path / "done"

    def serve(die: bool) -> subprocess.Popen[bytes]:
        environment = {**process_env, "DIE_AFTER_EFFECT": str(marker) if die else ""}
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        assert wait_until(lambda: _listens(port), timeout_s=30, every_s=0.05)
        return process

    process = await asyncio.to_thread(serve, True)
    client = DeviceClient(f"ws://127.0.0.1:{port}", "S-1", street.keys["S-1"], retry_s=(0.05, 0.2))
    try:
        await client.start()
        answer = asyncio.ensure_future(client.call("VehicleArrived", payload, id="m-1"))
        await asyncio.to_thread(process.wait, 30)
        assert process.returncode == -signal.SIGKILL
        assert await in_thread(effects) == 1  # the effect stands, the answer never left
        assert not answer.done()
        process = await asyncio.to_thread(serve, False)
        first = await asyncio.wait_for(answer, 20)
        receipt = await in_thread(MessageReceipt.objects.get)
        assert receipt.answer == [3, "m-1", first]
        assert await in_thread(effects) == 1
        assert client.connections == 2
    finally:
        await client.stop()
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with sockets.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


BAD_FRAMES: list[tuple[str | bytes, str]] = [
    ("{", "malformed"),
    ("[]", "malformed"),
    ("[2]", "malformed"),
    ('[2,"1","VehicleArrived"]', "malformed"),
    ('[2,"1","VehicleArrived",[]]', "malformed"),
    ('[7,"1",{}]', "unknown_type"),
    ('[2,"1","Dance",{}]', "unknown_action"),
    ('[2,"1","VehicleArrived",{}]', "bad_payload"),
    ('[2,"1","VehicleArrived",{"berth_code":7,"occurred_at_ms":1}]', "bad_payload"),
    ('[2,"1","VehicleArrived",{"berth_code":"A\\u0000","occurred_at_ms":1}]', "malformed"),
    ('[2,"1","VehicleArrived",{"berth_code":"\\ud83d","occurred_at_ms":1}]', "malformed"),
    ('[2,"1","VehicleArrived",{"berth_code":"A","occurred_at_ms":NaN}]', "malformed"),
    ("[" * 30_000, "malformed"),
    (f'[2,"{"x" * 40}","Heartbeat",{{}}]', "malformed"),
    (b"\x00\xff", "malformed"),
    ("x" * (frames.MAX_FRAME_BYTES + 1), "oversize"),
    ('[2,"1","LockStatus",{"position":"raised","cause":"x","occurred_at_ms":1}]', "not_for_kind"),
]


async def test_bad_frames_get_a_typed_error_are_kept_and_never_end_the_connection(
    street: Street,
) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1", mute=True) as client:
        told: asyncio.Queue[frames.Frame] = asyncio.Queue()

        async def note(frame: frames.Result | frames.Error) -> None:
            told.put_nowait(frame)

        await client.heartbeat()
        client._take_answer = note  # type: ignore[method-assign]
        for raw, code in BAD_FRAMES:
            await client.send_raw(raw)
            answer = await asyncio.wait_for(told.get(), 10)
            assert isinstance(answer, frames.Error), raw
            assert answer.code == code, raw
        assert client.connections == 1
        assert client.connected.is_set()
    kept = await in_thread(
        lambda: list(DeviceMessage.objects.order_by("pk").values_list("refused", flat=True))
    )
    assert kept == [code for _raw, code in BAD_FRAMES]


async def test_what_a_wrong_clock_tells_of_has_happened_when_we_heard_it(street: Street) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    at = await in_thread(now_ms)
    day_ms = 24 * 3600 * 1000
    async with street.client("S-1") as client:
        for at_ms in (1, 1_000_000, at + day_ms, 2**53 - 1, at - 31 * day_ms):
            await client.call("VehicleArrived", arrived(at_ms=at_ms))
        assert await in_thread(effects) == 5
        # Late ones, and ones out of order, pass: the listener decides.
        await client.call("VehicleLeft", arrived(at_ms=at - 3 * day_ms))
        await client.call("VehicleArrived", arrived(at_ms=at - 4 * day_ms))
    assert await in_thread(effects) == 7
    assert await in_thread(DeviceMessage.objects.exclude(corrected_at=None).count) == 5


async def test_heartbeats_tell_business_time(street: Street, clock) -> None:
    """docs/rules.md 3: a device's events carry business time, moved or not."""
    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1") as client:
        await client.heartbeat()
        before = client.now_ms()
        await in_thread(clock.advance, timedelta(hours=5))
        await asyncio.sleep(0.3)  # the clock's cache in this process
        answer = await client.heartbeat()
        assert abs(client.now_ms() - before - 5 * 3600_000) < 30_000
        assert abs(answer["now_ms"] - await in_thread(now_ms)) < 5_000
        assert answer["real_ms"] != answer["now_ms"]

        client._offset_ms += 3000  # a slowly answered one
        ahead = client.now_ms()
        await client.heartbeat()
        assert ahead <= client.now_ms() < ahead + 1000  # it waits, it does not go back
        client._offset_ms += 3600_000  # its own clock was wrong
        client.now_ms()
        await client.heartbeat()
        assert abs(client.now_ms() - ahead) < 30_000
    assert not await in_thread(DeviceMessage.objects.exists)  # heartbeats are not stored


async def test_a_listeners_refusal_undoes_its_effect_and_is_answered_the_same_way_again(
    street: Street,
) -> None:
    from core.errors import Refused

    def refuse() -> None:
        OutboxEvent.objects.create(topic="tests.heard", data={}, occurred_at=clock.now())
        raise Refused("no_such_berth", "There is no berth %(berth)s.", berth="A-017")

    during.append(refuse)
    await in_thread(street.enroll, "S-1", "sensor")
    payload = await in_thread(arrived)
    async with street.client("S-1") as client:
        for _twice in range(2):
            with pytest.raises(CallRefused) as refused:
                await client.call("VehicleArrived", payload, id="m-1")
            assert refused.value.code == "no_such_berth"
            during.clear()  # the second time nobody is asked
    assert await in_thread(effects) == 0
    kept = await in_thread(DeviceMessage.objects.get)
    assert kept.refused == "no_such_berth"


async def test_our_own_failure_keeps_the_message_with_the_device_but_not_for_ever(
    street: Street,
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1") as client:
        during.append(fail)
        waiting = client.post("VehicleArrived", await in_thread(arrived))
        await until(lambda: DeviceMessage.objects.filter(refused="internal").count() >= 2)
        during.clear()
        assert (await asyncio.wait_for(waiting, 10))["event_id"]
        assert await in_thread(effects) == 1

        during.append(fail)
        with pytest.raises(CallRefused) as refused:
            await asyncio.wait_for(client.call("VehicleLeft", await in_thread(arrived)), 20)
        assert refused.value.code == "parked"
        during.clear()
        await client.call("VehicleLeft", await in_thread(arrived, "B-2"))  # the line goes on


async def test_while_the_database_is_away_the_device_keeps_its_message_and_its_line(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("the database is away")

    await in_thread(street.enroll, "S-1", "sensor")
    payload = await in_thread(arrived)
    async with street.client("S-1", mute=True) as client:
        with monkeypatch.context() as trouble:
            for name in ("_at_the_door", "_take", "_write"):
                trouble.setattr(reception, name, away)
            waiting = client.post("VehicleArrived", payload)
            await asyncio.sleep(0.3)
            assert not waiting.done()
        assert (await asyncio.wait_for(waiting, 10))["event_id"]
        assert client.connections == 1
    assert await in_thread(effects) == 1


async def test_what_was_said_offline_is_heard_after_the_reconnection_in_order(
    street: Street, listeners
) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1") as client:
        await client.heartbeat()
        client.cut()
        await until(lambda: not client.connected.is_set())
        said = [client.post("VehicleArrived", await in_thread(arrived, f"A-{n}")) for n in range(5)]
        client.restore()
        await asyncio.wait_for(asyncio.gather(*said), 10)
    assert [message.berth_code for message, _sender in listeners] == [f"A-{n}" for n in range(5)]
    assert client.connections == 2


# ── Photographs ──────────────────────────────────────────────────────────────────────────────


async def test_a_photograph_is_kept_by_its_hash_and_known_the_second_time(street: Street) -> None:
    """P0.1, P2.2"""
    await in_thread(street.enroll, "C-1", "camera")
    async with street.client("C-1") as client:
        sha256 = await client.upload(jpeg())
        assert await asyncio.to_thread(client._put, sha256, jpeg()) == (200, {"sha256": sha256})
        assert await in_thread(images.load, sha256) == jpeg()
        answer = await client.call(
            "ImageTaken",
            {"sha256": sha256, "occurred_at_ms": client.now_ms(), "purpose": "arrival"},
        )
        assert answer["event_id"]


async def test_photographs_that_lie_about_themselves_are_refused(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "PHOTOGRAPH_BYTES", 20_000)
    await in_thread(street.enroll, "C-1", "camera")
    async with street.client("C-1") as client:
        put = client._put
        assert (await asyncio.to_thread(put, "0" * 64, jpeg()))[0] == 400
        for bad in (b"", b"GIF89a not a picture"):
            with pytest.raises(CallRefused):
                await client.upload(bad)
        with pytest.raises(CallRefused) as refused:
            await client.upload(b"x" * 20_001)
        assert refused.value.code == "too_large"
        client.key = "nonsense"
        status, body = await asyncio.to_thread(put, "0" * 64, jpeg())
        assert (status, body["code"]) == (401, "key_refused")
        with pytest.raises(CallRefused) as refused:
            await client.call(
                "ImageTaken",
                {"sha256": "0" * 64, "occurred_at_ms": client.now_ms(), "purpose": "arrival"},
            )
        assert refused.value.code == "no_image"


async def test_a_kind_that_takes_no_photographs_may_not_upload_any(street: Street) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1") as client:
        with pytest.raises(CallRefused) as refused:
            await client.upload(jpeg())
    assert refused.value.code == "not_for_kind"
    assert not await in_thread(StoredImage.objects.exists)


async def test_a_device_may_fill_so_much_in_a_day_and_no_more(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_thread(street.enroll, "C-1", "camera")
    await in_thread(street.enroll, "C-2", "camera")
    monkeypatch.setattr("core.sizes.KEPT_OF_DEVICE", 1)
    async with street.client("C-1") as client, street.client("C-2") as other:
        kept = await client.upload(jpeg())
        with pytest.raises(CallRefused, match="too_many"):
            await client.upload(jpeg("red"))
        assert await other.upload(jpeg("blue"))
        assert await in_thread(StoredImage.objects.count) == 2
        assert await in_thread(images.exists, kept)


def test_a_body_without_a_length_is_cut_off_at_the_limit(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    import http.client

    monkeypatch.setattr(sizes, "PHOTOGRAPH_BYTES", 20_000)
    street.enroll("C-1", "camera")
    line = http.client.HTTPConnection("127.0.0.1", street.live.port, timeout=10)
    headers = {"Authorization": f"Bearer {street.keys['C-1']}"}
    chunks = (b"x" * 5_000 for _n in range(8))
    path = f"/api/v1/devices/images/{'0' * 64}"
    try:
        line.request("PUT", path, chunks, headers, encode_chunked=True)
        status = line.getresponse().status
    except (ConnectionResetError, BrokenPipeError):  # cut off before all of it was sent
        status = 413
    assert status == 413
    assert not StoredImage.objects.exists()


# ── Attendants ───────────────────────────────────────────────────────────────────────────────


async def test_a_handheld_captures_only_in_the_hands_of_an_attendant(
    street: Street, listeners, attendant
) -> None:
    """P3.3"""
    await in_thread(street.enroll, "H-1", "handheld")
    async with street.client("H-1") as client:
        handheld = Handheld(client)
        with pytest.raises(CallRefused) as refused:
            await handheld.capture(jpeg())
        assert refused.value.code == "attendant_needed"

        assert await handheld.log_in(attendant.username, PASSWORD) == attendant.username
        assert await handheld.capture(jpeg())
        assert listeners[-1][1].attendant == f"user:{attendant.pk}"
        row = await in_thread(Connection.objects.get)
        assert row.attendant_id == attendant.pk

        client.cut()
        await until(lambda: not client.connected.is_set())
        client.restore()  # the terminal logs its person in again by itself
        await until(lambda: Connection.objects.filter(epoch=2, attendant=attendant).exists())

        client.cut()
        await until(lambda: not client.connected.is_set())
        kept = asyncio.create_task(
            handheld.capture(jpeg("white"))
        )  # waits for the line, not for them
        await until(lambda: client._outbox)
        client.restore()
        assert await kept

        await handheld.log_out()
        with pytest.raises(CallRefused):
            await handheld.capture(jpeg())


async def test_wrong_passwords_and_strangers_are_refused_alike_and_not_for_ever(
    street: Street, attendant, other_merchant_user
) -> None:
    await in_thread(street.enroll, "H-1", "handheld")
    tries = [(attendant.username, "wrong"), (other_merchant_user.username, PASSWORD)]
    tries += [("nobody", "x"), (attendant.username, "guess"), (attendant.username, "again")]
    async with street.client("H-1") as client:
        handheld = Handheld(client)
        for username, password in tries:
            with pytest.raises(CallRefused) as refused:
                await handheld.log_in(username, password)
            assert refused.value.code == "login_refused"
        with pytest.raises(CallRefused) as refused:
            await handheld.log_in(attendant.username, PASSWORD)
        assert refused.value.code == "login_too_often"
    kept = await in_thread(lambda: [row.raw for row in DeviceMessage.objects.all()])
    assert not any("guess" in raw or PASSWORD in raw for raw in kept)
    assert any("•••" in raw for raw in kept)


def test_receipts_are_forgotten_when_nothing_could_repeat_them(street: Street) -> None:
    device = street.enroll("S-1", "sensor")
    for number, days in enumerate((0, 30, 32, 400)):
        MessageReceipt.objects.create(
            device=device,
            merchant=street.merchant,
            message_id=str(number),
            content="",
            answer=[],
            at=clock.real() - timedelta(days=days),
        )
    assert services.forget_old() == 2
    assert services.forget_old() == 0

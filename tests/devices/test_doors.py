"""Who gets no socket is told why, and what a stranger sends costs little."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import websockets
from websockets.asyncio.client import connect

from devices import admission
from devices.client import CallRefused
from devices.models import DeviceMessage
from devices.rules import frames
from devices.services import connections
from tests.devices.conftest import Street, in_thread


@pytest.fixture(autouse=True)
def _no_wrong_keys_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.gateway.wrong_keys", admission.WrongKeys())


async def refused(street: Street, code: str, key: str | None, *subprotocols: str):
    """The status, the problem's code and the headers of a refusal."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with pytest.raises(websockets.InvalidStatus) as no:
        await connect(
            f"{street.live.ws}/devices/{code}",
            additional_headers=headers,
            subprotocols=[websockets.Subprotocol(one) for one in subprotocols] or None,
            compression=None,
            proxy=None,
        )
    response = no.value.response
    return response.status_code, json.loads(response.body)["code"], response.headers


async def test_a_missing_subprotocol_a_missing_key_and_a_wrong_one_are_told_apart(
    street: Street,
) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    key = street.keys["S-1"]
    for given, subprotocols, status, code in (
        (key, [], 400, "no_subprotocol"),
        (key, ["bowei.2"], 400, "no_subprotocol"),
        (None, ["bowei.1"], 401, "no_key"),
        ("nonsense", ["bowei.1"], 403, "wrong_key"),
    ):
        assert (await refused(street, "S-1", given, *subprotocols))[:2] == (status, code)


async def test_wrong_keys_stop_costing_the_database_and_known_devices_still_come_in(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MOST_WRONG", 3)
    monkeypatch.setattr(admission, "LOG_INS_THEN_S", 0)
    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1"):
        pass
    looked: list[str] = []
    log_in = connections.log_in

    def counted(code: str, key: str) -> connections.Link:
        looked.append(key)
        return log_in(code, key)

    monkeypatch.setattr(connections, "log_in", counted)
    for guess in range(3):
        assert (await refused(street, "S-1", f"guess {guess}", "bowei.1"))[0] == 403
    status, code, headers = await refused(street, "S-1", "guess 4", "bowei.1")
    assert (status, code) == (429, "too_many")
    assert 2 <= int(headers["Retry-After"]) <= 10
    assert len(looked) == 3
    async with street.client("S-1") as client:  # from the same address, with a key known as good
        assert await client.heartbeat()


async def test_a_network_with_wrong_keys_is_slowed_down_but_not_shut_out(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many devices share one address of their carrier; dead ones among them keep trying."""
    monkeypatch.setattr(admission, "MOST_WRONG", 1)
    await in_thread(street.enroll, "S-1", "sensor")
    assert (await refused(street, "S-9", "nonsense", "bowei.1"))[0] == 403
    async with street.client("S-1") as client:
        assert await client.heartbeat()


async def test_a_frame_that_is_too_long_ends_the_line_before_it_is_collected(
    street: Street,
) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1", mute=True) as client:
        line = client._line
        assert line is not None
        with pytest.raises(websockets.ConnectionClosed):
            await line.send(unfinished())
        assert line.close_code == 1009
    assert not await in_thread(DeviceMessage.objects.exists)


async def unfinished() -> AsyncIterator[str]:
    """A frame that never ends; what is sent after the limit would hide the close code."""
    for _part in range(4):
        yield "x" * 16_000
    while True:
        await asyncio.sleep(0.2)
        yield "x" * 3_000


async def test_our_client_sends_no_frame_that_would_end_its_line(street: Street) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    async with street.client("S-1") as client:
        with pytest.raises(CallRefused, match="oversize"):
            await client.call("DeviceState", {"firmware": "é" * (frames.MAX_FRAME_BYTES // 2)})
        assert await client.heartbeat()
        assert client.connections == 1

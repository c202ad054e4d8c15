"""A device's key is a bearer's: under another word it opens neither socket nor interface."""

import json

import pytest
import websockets
from django.test import Client
from websockets.asyncio.client import connect

from devices.rules import frames
from tests.devices.conftest import Street, in_thread

SCHEMES = [("Bearer", True), ("bearer", True), ("Basic", False), ("Token", False)]


@pytest.mark.parametrize(("scheme", "opens"), SCHEMES)
async def test_the_socket_asks_for_a_bearers_key(street: Street, scheme: str, opens: bool) -> None:
    await in_thread(street.enroll, "S-1", "sensor")
    line = connect(
        f"{street.live.ws}/devices/S-1",
        additional_headers={"Authorization": f"{scheme} {street.keys['S-1']}"},
        subprotocols=[websockets.Subprotocol(frames.SUBPROTOCOL)],
        compression=None,
        proxy=None,
    )
    if opens:
        async with line as socket:
            assert socket.subprotocol == frames.SUBPROTOCOL
        return
    with pytest.raises(websockets.InvalidStatus) as refused:
        await line
    response = refused.value.response
    assert (response.status_code, json.loads(response.body)["code"]) == (401, "no_key")


@pytest.mark.parametrize(("scheme", "opens"), SCHEMES)
def test_the_interface_asks_for_a_bearers_key(street: Street, scheme: str, opens: bool) -> None:
    street.enroll("C-1", "camera")
    answer = Client().put(
        f"/api/v1/devices/images/{'0' * 64}",
        headers={"Authorization": f"{scheme} {street.keys['C-1']}"},
    )
    assert (answer.status_code == 401) is not opens

"""Whose address counts is what our own proxies wrote."""

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from core.addresses import behind_proxies, network


async def seen(*forwarded: str, peer: str = "192.0.2.1") -> tuple[str, list[bytes]]:
    """The client and the headers that an application behind the door is told."""
    told: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        told.append(scope)

    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"type": "http", "client": (peer, 5), "headers": [*headers, (b"host", b"x")]}
    await ApplicationCommunicator(behind_proxies(application), scope).wait()
    return told[0]["client"][0], [name for name, _value in told[0]["headers"]]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, ["10.1.1.1"], "192.0.2.1"),
        (1, [], "192.0.2.1"),
        (1, ["203.0.113.9"], "203.0.113.9"),
        (1, ["10.1.1.1, 203.0.113.9"], "203.0.113.9"),  # the first was the stranger's own
        (1, ["10.1.1.1", "203.0.113.9"], "203.0.113.9"),
        (2, ["10.1.1.1, 203.0.113.9, 192.0.2.7"], "203.0.113.9"),
        (2, ["203.0.113.9"], "192.0.2.1"),
        (1, ["nonsense"], "192.0.2.1"),
        (1, ["2001:db8::7"], "2001:db8::7"),
    ],
)
async def test_the_client_is_who_our_outermost_proxy_saw(
    settings: Any, proxies: int, forwarded: list[str], client: str
) -> None:
    settings.BOWEI_PROXIES = proxies
    assert await seen(*forwarded) == (client, [b"host"])


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_user_of_many_ipv6_addresses_is_one(address: str, counted: str) -> None:
    assert network(address) == counted

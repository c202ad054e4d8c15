"""So many requests are worked on at a time; the others wait in line, and no network fills it."""

import asyncio
from typing import Any

import pytest
from django.urls import resolve

from core import lanes
from core.lanes import Full, Line


async def settled() -> None:
    for _turn in range(5):
        await asyncio.sleep(0)


async def test_places_are_given_in_order_and_a_network_has_only_its_share() -> None:
    line, let_in = Line(3, of_network=2), []

    async def come(network: str, name: str) -> None:
        await line.enter(network)
        let_in.append(name)

    waiting = [
        asyncio.create_task(come(network, name))
        for network, name in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1")]
    ]
    await settled()
    assert let_in == ["a1", "a2", "b1"]  # a3 came before b1, but its network has its share
    line.leave("b")
    await settled()
    assert let_in == ["a1", "a2", "b1", "c1"]
    line.leave("a")
    await asyncio.gather(*waiting)
    assert let_in[-1] == "a3"
    for network in ("a", "a", "c"):
        line.leave(network)
    assert not line._inside
    assert not line._waiting


async def test_a_line_has_an_end_and_a_wait_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_WAITING_OF_NETWORK", 1)
    monkeypatch.setattr(lanes, "MOST_WAIT_S", 0.05)
    line = Line(2, of_network=1)
    await line.enter("a")
    second = asyncio.create_task(line.enter("a"))
    await settled()
    with pytest.raises(Full):
        await line.enter("a")
    await line.enter("b")  # another network is not concerned
    with pytest.raises(Full):
        await second
    assert not line._waiting


async def test_who_gives_up_leaves_the_place_to_the_next() -> None:
    line = Line(1, of_network=1)
    await line.enter("a")
    gives_up = asyncio.create_task(line.enter("a"))
    stays = asyncio.create_task(line.enter("b"))
    await settled()
    gives_up.cancel()
    line.leave("a")
    await stays
    line.leave("b")
    assert not line._inside


async def test_a_place_that_was_given_as_its_owner_left_is_not_lost() -> None:
    line = Line(1, of_network=1)
    await line.enter("a")
    late = asyncio.create_task(line.enter("b"))
    await settled()
    line.leave("a")  # b has the place now, and has not noticed
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert not line._inside


def test_the_pool_has_a_connection_for_every_place(settings: Any) -> None:
    """Who has a place never waits for a connection that another kind of work holds."""
    from devices import gateway

    places = settings.BOWEI_PLACES
    threads = (gateway._messages, gateway._commands, gateway._log_ins, gateway._log_outs)
    of_requests = sum(places[lane] for lane in ("pages", *lanes.LANES))
    assert sum(pool._max_workers for pool in threads) == sum(places.values()) - of_requests


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("POST", "/api/v1/payments/notify/wechat", "money"),
        ("PUT", f"/api/v1/devices/images/{'0' * 64}", "machines"),
        ("GET", "/health/ready/", "machines"),
        ("POST", "/login/", "log_ins"),
        ("POST", "/me/login/", "log_ins"),
        ("POST", "/admin/login/", "log_ins"),
        ("GET", "/login/", "pages"),
        ("POST", "/cards/", "pages"),
    ],
)
def test_money_stands_behind_nothing_and_pages_not_behind_log_ins(
    method: str, path: str, lane: str
) -> None:
    assert lanes._lane_of({"method": method, "path": path}) == lane
    assert resolve(path)  # it is an address of ours

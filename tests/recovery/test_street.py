"""The whole way over real sockets and HTTP: a simulated lock, a merchant, an owner (P1)."""

import asyncio
from typing import Any

import pytest
import requests
from asgiref.sync import sync_to_async

from core import outbox
from devices.client import DeviceClient
from devices.client.lock import Lock
from parking.models import Berth
from recovery.models import RecoveryOrder
from tests.people import PASSWORD
from tests.recovery.conftest import look
from tests.street import new_photograph

pytestmark = pytest.mark.django_db(transaction=True)


class Portal:
    """A browser's session without the browser: logged in, CSRF and all."""

    def __init__(self, base: str, username: str = "") -> None:
        self.base, self.session = base, requests.Session()
        if username:
            page = self.session.get(f"{base}/login/")
            answer = self.session.post(
                f"{base}/login/",
                {
                    "username": username,
                    "password": PASSWORD,
                    "csrfmiddlewaretoken": self.session.cookies["csrftoken"],
                },
                allow_redirects=False,
            )
            assert (page.status_code, answer.status_code) == (200, 302)

    def get(self, path: str) -> Any:
        return self.session.get(self.base + path)

    def post(self, path: str, data: dict[str, Any] | None = None, **how: Any) -> Any:
        if "csrftoken" not in self.session.cookies:
            self.session.get(f"{self.base}/login/")
        token = self.session.cookies["csrftoken"]
        if "json" not in how and "files" not in how:
            data = {**(data or {}), "csrfmiddlewaretoken": token}
        headers = {"X-CSRFToken": token, "Referer": self.base}
        return self.session.post(self.base + path, data, headers=headers, **how)


def in_thread(function: Any, *args: Any, **keywords: Any) -> Any:
    return sync_to_async(function, thread_sensitive=True)(*args, **keywords)


async def until(what: Any, timeout_s: float = 60.0) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (answer := await in_thread(what)):
            await asyncio.sleep(0.02)
    return answer


async def street_lock(live: Any, key: str) -> Lock:
    client = DeviceClient(live.ws, "L-7", key, retry_s=(0.02, 0.2))
    lock = Lock(client, travel_s=0.05)
    await client.start()
    return lock


def state_of(code: str) -> str:
    outbox.run_pending(raise_errors=True)
    return RecoveryOrder.objects.get(code=code).state


def bound(portal: Portal, berth: Berth) -> dict[str, Any]:
    asked = {
        "plate_text": "沪A12345",
        "plate_colour": "blue",
        "berth_code": berth.code,
        "device_code": "L-7",
        "second_look": look("沪A 12345"),
    }
    answer = portal.post("/api/v1/recovery/orders/", json=asked)
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    assert order["state"] == "bound"
    return order


def raise_it(portal: Portal, code: str) -> None:
    path = f"/api/v1/recovery/orders/{code}"
    sha256 = new_photograph()
    assert portal.post(f"{path}/place/", json={"sha256": sha256}).json()["state"] == "placed"
    assert portal.post(f"{path}/raise/", json={}).json()["state"] == "raising"


async def test_a_payment_on_the_owner_s_page_lowers_the_lock_on_its_socket(
    live, merchant_user, standing, key
):  # P1.1 to P1.6
    lock = await street_lock(live, key)
    await until(lambda: lock.client.last_answer)
    merchant = await in_thread(Portal, live.http, merchant_user.username)
    owner = await in_thread(Portal, live.http)

    await until(lambda: _position("L-7") == "lowered")
    order = await in_thread(bound, merchant, standing)
    code, page = order["code"], f"/r/{order['token']}/"
    await in_thread(raise_it, merchant, code)
    await lock.wait_for("raised", 60)
    await until(lambda: state_of(code) == "raised")

    seen = await in_thread(owner.get, page)
    assert "¥24.00" in seen.text
    assert "沪A12345" not in seen.text.replace("·", "").replace("</span>", "")
    cashier = await in_thread(owner.post, page, {"pay": "1"})
    assert "/o/" in cashier.url
    sandbox = await in_thread(owner.post, cashier.url[len(live.http) :], {"provider": "sandbox"})
    paid = await in_thread(owner.post, sandbox.url[len(live.http) :])
    assert paid.url.endswith("/done/")

    await lock.wait_for("lowered", 60)
    assert [position for position, _cause in lock.history][-2:] == ["lowering", "lowered"]
    await until(lambda: state_of(code) == "lowered")
    told = (await in_thread(owner.get, f"/api/v1/recovery/owner/{order['token']}/")).json()
    assert told["settlement"]["amount_fen"] == 2400
    assert told["settlement"]["seen_at"] is not None
    assert (told["due_fen"], told["move"]["state"]) == (0, "open")

    path = f"/api/v1/recovery/orders/{code}/moved/"
    picture = await in_thread(new_photograph)
    moved = await in_thread(merchant.post, path, json={"sha256": picture})
    assert (moved.json()["state"], moved.json()["move"]["state"]) == ("moved", "confirmed")
    await lock.stop()


def _position(code: str) -> str | None:
    from devices.models import Device

    position: str | None = Device.objects.get(code=code).facts.get("position")
    return position


async def test_the_owner_s_objection_lowers_the_lock_on_its_socket(
    live, merchant_user, standing, key
):  # docs/rules.md 8
    lock = await street_lock(live, key)
    merchant = await in_thread(Portal, live.http, merchant_user.username)
    await until(lambda: _position("L-7") == "lowered")
    order = await in_thread(bound, merchant, standing)
    await in_thread(raise_it, merchant, order["code"])
    await lock.wait_for("raised", 60)
    await until(lambda: state_of(order["code"]) == "raised")

    owner = await in_thread(Portal, live.http)
    page = f"/r/{order['token']}/"
    objected = await in_thread(owner.post, page, {"object": "1", "reason": "not_mine"})
    assert objected.status_code == 200
    await lock.wait_for("lowered", 60)
    await until(lambda: state_of(order["code"]) == "lowered")
    told = (await in_thread(owner.get, f"/api/v1/recovery/owner/{order['token']}/")).json()
    assert (told["ended_by"], told["settlement"]) == ("dispute", None)
    await lock.stop()


async def test_a_lock_without_network_is_lowered_by_the_code_on_the_owner_s_page(
    live, merchant_user, standing, key
):  # P1.5
    lock = await street_lock(live, key)
    merchant = await in_thread(Portal, live.http, merchant_user.username)
    await until(lambda: _position("L-7") == "lowered")
    order = await in_thread(bound, merchant, standing)
    await in_thread(raise_it, merchant, order["code"])
    await lock.wait_for("raised", 60)
    await until(lambda: state_of(order["code"]) == "raised")
    lock.client.cut()
    await until(lambda: not _online("L-7"))

    owner = await in_thread(Portal, live.http)
    link = f"/api/v1/recovery/owner/{order['token']}/"
    assert not (await in_thread(owner.get, link)).json()["release_code_ready"]
    cashier = await in_thread(owner.post, f"/r/{order['token']}/", {"pay": "1"})
    sandbox = await in_thread(owner.post, cashier.url[len(live.http) :], {"provider": "sandbox"})
    await in_thread(owner.post, sandbox.url[len(live.http) :])
    assert (await in_thread(owner.get, link)).json()["release_code_ready"]
    code = (await in_thread(owner.post, f"{link}code/")).json()["release_code"]
    assert len(code) == 8
    assert await lock.type_code(code)
    await lock.wait_for("lowered", 60)
    lock.client.restore()
    await until(lambda: state_of(order["code"]) == "lowered")
    await lock.stop()


def _online(code: str) -> bool:
    from devices.models import Device

    return Device.objects.get(code=code).online


async def test_the_operator_s_emergency_lowers_the_lock_on_its_socket(
    live, merchant_user, standing, key, operator
):  # P1.5
    lock = await street_lock(live, key)
    merchant = await in_thread(Portal, live.http, merchant_user.username)
    await until(lambda: _position("L-7") == "lowered")
    order = await in_thread(bound, merchant, standing)
    await in_thread(raise_it, merchant, order["code"])
    await lock.wait_for("raised", 60)
    await until(lambda: state_of(order["code"]) == "raised")

    desk = await in_thread(Portal, live.http, operator.username)
    page = "/admin/recovery/recoveryorder/"
    told = {"action": "lower_now", "_selected_action": str(order["id"])}
    asked = await in_thread(desk.post, page, told)
    assert "reason" in asked.text
    done = await in_thread(desk.post, page, {**told, "reason": "a child in the car"})
    assert done.status_code == 200
    await lock.wait_for("lowered", 60)
    await until(lambda: state_of(order["code"]) == "lowered")
    await lock.stop()


async def test_a_silent_lock_lowers_itself_and_the_order_follows(
    live, merchant_user, standing, key, settings
):  # docs/rules.md 8
    settings.BOWEI_LOCK_LEASE_S = 5  # a busy machine answers late too
    lock = await street_lock(live, key)
    merchant = await in_thread(Portal, live.http, merchant_user.username)
    await until(lambda: _position("L-7") == "lowered")
    order = await in_thread(bound, merchant, standing)
    await in_thread(raise_it, merchant, order["code"])
    await lock.wait_for("raised", 60)
    await until(lambda: state_of(order["code"]) == "raised")
    lock.client.cut()
    await lock.wait_for("lowered", 60)
    assert lock.history[-1] == ("lowered", "lease")
    lock.client.restore()
    await until(lambda: state_of(order["code"]) == "lowered")
    told = (await in_thread(merchant.get, f"/api/v1/recovery/orders/{order['code']}/")).json()
    assert told["ended_by"] == "lease"
    await lock.stop()

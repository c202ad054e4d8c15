"""Third act: the listed vehicle is seen, a lock is set, the debt paid, the lock gone (P1, P3)."""

import re
import time
from typing import Any

from config.persons.paying import pay_order
from config.story.arriving import READING_S, arrive, question, settle
from config.story.owing import listed
from config.story.teller import must
from config.story.world import PATIENCE_S, World
from devices.client import Lock
from parking.selectors import berth_path

BERTH, CAMERA, HANDHELD, LOCK = "Y-005", "C-Y1", "H-Y", "L-Y1"
ORDERS = "/api/v1/recovery/orders/"


def notice(world: World) -> None:
    """An attendant photographs the vehicle elsewhere; their own terminal is told."""
    with world.teller.step("P3.3", "P3.4", title="Seen again: the terminal is told") as step:
        handheld = world.handheld(HANDHELD, "yuyuan-guard")
        answer = world.wire.do(handheld.capture(world.photo))
        _read_capture(world, answer["sighting_id"])
        shown = world.wire.do(handheld.notice(PATIENCE_S))
        world.wire.do(handheld.answer(shown["notice_id"], "acknowledged"))
        row = world.wait(
            "the reported outcome",
            lambda: next(
                (
                    row
                    for row in world.yuyuan.api("GET", "/api/v1/arrears/notices/")["results"]
                    if row["id"] == shown["notice_id"] and row["state"] == "acknowledged"
                ),
                None,
            ),
        )
        must(row["device"] == HANDHELD, "another terminal was told")
        step.saw(notice=row["id"], device=row["device"], amount_fen=shown["amount_fen"])


def _read_capture(world: World, sighting_id: int) -> None:
    """What the attendant's photograph was read as: a wrong reading they doubt, and a reviewer
    settles what is in doubt."""
    seen = world.wait(
        "the reading",
        lambda: (s := world.sighting(sighting_id, world.yuyuan))["state"] != "received" and s,
        READING_S,
    )
    if world.typed is None:
        return
    if seen["state"] == "settled":
        if seen["plate_text"] == world.typed.text:
            return
        world.misread = True
        guard = world.staff("yuyuan-guard")
        guard.api("POST", "/api/v1/parking/reviews/", {"sighting": sighting_id})
    settle(
        world,
        world.wait(
            "the question about the photograph",
            lambda: question(world, lambda row: row["sighting_id"] == sighting_id),
        ),
    )


def recover(world: World) -> None:
    """On a lot of their own the merchant binds a lock; an objection lowers it. Once a person has
    looked it is set again; the owner pays; the lock goes down."""
    stay = arrive(world, BERTH, CAMERA, world.yuyuan)
    lock = world.lock(LOCK)
    order = _bind(world)
    _raise(world, order, lock)
    _object(world, stay, order, lock)
    _fetch(world, order)
    order = _bind(world)
    _raise(world, order, lock)
    _pay(world, order, lock)
    _fetch(world, order)
    with world.teller.step("P3.2", title="The entry is gone from the list") as step:
        world.wait("the vehicle off the list", lambda: not listed(world))
        must(
            not world.owner.api("GET", "/api/v1/arrears/dues/")["results"], "something is still due"
        )
        step.saw(listing="gone")
    with world.teller.step("P2.1", title="The vehicle drives off") as step:
        world.pass_time(minutes=10)
        world.wire.do(world.sensor(BERTH).leave(BERTH))
        left = world.wait(
            "the end of the stay",
            lambda: (s := world.stay(stay["id"], world.yuyuan))["left_at"] and s,
        )
        step.saw(left_at=left["left_at"], fee_fen=left["fee_fen"])


def _order(world: World, code: str) -> dict[str, Any]:
    found: dict[str, Any] = world.yuyuan.api("GET", f"{ORDERS}{code}/")
    return found


def _bind(world: World) -> dict[str, Any]:
    plate = world.plate
    assert plate is not None
    handheld = world.handheld(HANDHELD, "yuyuan-guard")
    sha256 = world.wire.do(handheld.client.upload(world.another_photo()))
    asked = {
        "plate_text": plate.text,
        "plate_colour": plate.colour_text,
        "berth_code": BERTH,
        "device_code": LOCK,
        "second_look": {"typed": plate.text, "sha256": sha256},
    }
    with world.teller.step("P1.1", "P1.2", title="The merchant binds the debts to a lock") as step:
        order: dict[str, Any] = world.yuyuan.api("POST", ORDERS, asked)
        again = world.yuyuan.api("POST", ORDERS, asked)
        must(again["code"] == order["code"], "a second order for the same vehicle")
        must(order["debt_ids"], "no debt is bound")
        step.saw(order=order["code"], debts=order["debt_ids"], state=order["state"])
    return order


def _raise(world: World, order: dict[str, Any], lock: Lock) -> None:
    with world.teller.step("P1.3", title="The lock is placed and reports raised") as step:
        handheld = world.handheld(HANDHELD, "yuyuan-guard")
        world.wire.do(handheld.place_lock(order["code"], world.another_photo()))
        world.wait("the placed lock", lambda: _order(world, order["code"])["state"] == "placed")
        world.yuyuan.api("POST", f"{ORDERS}{order['code']}/raise/")
        world.wait("the raised lock", lambda: _order(world, order["code"])["state"] == "raised")
        must(lock.position == "raised", f"the lock itself is {lock.position}")
        step.saw(lock=lock.position, battery_pct=lock.battery_pct)


def _object(world: World, stay: dict[str, Any], order: dict[str, Any], lock: Lock) -> None:
    tell, phone = world.teller, world.driver
    with tell.step("P0.1", "P1.5", title="Objected on the berth's page: the lock is down") as step:
        page = phone.get(world.at_hand(lambda: berth_path(BERTH)))
        began = time.monotonic()
        phone.submit(page, page.form(having="not_mine"))
        world.wait("the lowered lock", lambda: lock.position == "lowered")
        took_ms = round((time.monotonic() - began) * 1000)
        done = world.wait(
            "the lock's report",
            lambda: (o := _order(world, order["code"]))["state"] == "lowered" and o,
        )
        must(done["ended_by"] == "question", f"ended by {done['ended_by']}")
        must(not done["settlement"], "settled without a payment")
        must(listed(world), "the debt is another stay's: the vehicle must still be listed")
        step.saw(lock=lock.position, ended_by=done["ended_by"], after_ms=took_ms)
    with tell.step("P0.1", title="A reviewer looks: it is this vehicle") as step:
        item = world.wait(
            "the objection in the review queue",
            lambda: question(world, lambda row: row["stay_id"] == stay["id"]),
        )
        settle(world, item)
        world.wait(
            "the answer",
            lambda: not question(world, lambda row: row["stay_id"] == stay["id"]),
        )
        step.saw(why=item["why"], answer="the plate stands")


def _pay(world: World, order: dict[str, Any], lock: Lock) -> None:
    tell, phone = world.teller, world.driver
    with tell.step("P1.4", title="The owner pays; settlement order; the lock goes down") as step:
        page = phone.get(f"/r/{order['token']}/")
        told = len(lock.client.received)
        page = phone.submit(page, page.form(f"/r/{order['token']}/", having="pay"), pay="1")
        pay_order(phone, page)
        world.wait("the lowered lock", lambda: lock.position == "lowered" or None)
        lowering = {
            command.payload["command_id"]  # a command may come twice, but there is only one
            for command in lock.client.received[told:]
            if command.action == "LowerLock"
        }
        must(lowering, "no lowering command on the lock's socket")
        must(len(lowering) == 1, "lowered more than once")
        done = world.wait(
            "the lock's report",
            lambda: (o := _order(world, order["code"]))["state"] in ("lowered", "moved") and o,
        )
        must(done["settlement"], "no settlement order")
        step.saw(paid_fen=done["settlement"]["amount_fen"], lock=lock.position, state=done["state"])
    with tell.step("P1.5", title="The settlement order is seen on the owner's page") as step:
        page = phone.get(f"/r/{order['token']}/")
        number = done["settlement"]["payment_number"]
        must(number in page.text or re.search(r"已降下|lowered", page.text), "not on the page")
        seen = world.wait(
            "that it was seen", lambda: _order(world, order["code"])["settlement"]["seen_at"]
        )
        step.saw(settlement=number, seen_at=seen)


def _fetch(world: World, order: dict[str, Any]) -> None:
    with world.teller.step("P1.6", title="Move instruction; the merchant takes the lock") as step:
        move = _order(world, order["code"])["move"]
        must(move and move["state"] == "open", "no move instruction")
        handheld = world.handheld(HANDHELD, "yuyuan-guard")
        world.wire.do(handheld.fetch_lock(order["code"], world.another_photo()))
        moved = world.wait(
            "the confirmed move",
            lambda: (o := _order(world, order["code"]))["move"]["state"] == "confirmed" and o,
        )
        step.saw(state=moved["state"], confirmed_at=moved["move"]["confirmed_at"])

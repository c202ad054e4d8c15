"""First act: a vehicle arrives, is seen and read, pays ahead, and leaves (P2, P0.1)."""

import random
import time
from collections.abc import Callable
from typing import Any

from config.persons.browser import Browser
from config.persons.paying import pay_order
from config.story.teller import Stopped, must
from config.story.world import World
from core.plates import BadPlate, Plate, check, masked, parse
from parking.selectors import berth_path

READING_S = 150  # a reading whose process died is asked for again after a minute
ROUND_S = 2.5  # sweeps look each second
UNREAD = 3  # exit status: the photograph could not be read and nobody said what it shows


def arrive(world: World, berth: str, camera: str, staff: Browser, **titles: str) -> dict[str, Any]:
    """A vehicle stands in a berth, its picture is taken and read; its stay, plate settled.

    Raises Stopped where the reading is in doubt and nobody can say what the picture shows.
    """
    tell = world.teller
    with tell.step("P2.1", title=f"A sensor reports a vehicle at berth {berth}") as step:
        eye = world.camera(camera)
        sensor = world.sensor(berth)
        sensor.repeats = 1  # a network repeats itself
        world.wire.do(sensor.arrive(berth))
        stay = world.wait("the stay", lambda: _parked(world, berth, staff))
        step.saw(stay=stay["id"], state=stay["state"], arrived_at=stay["arrived_at"])
    with tell.step("P2.2", title=f"Camera {camera} is told to take the picture") as step:
        asked = world.wait(
            "the command on the camera's socket",
            lambda: [c for c in eye.client.received if c.payload.get("berth_code") == berth],
        )
        step.saw(command=asked[-1].action, berth=berth)
    with tell.step("P2.3", "P0.1", title="The picture is uploaded and its plate is read") as step:
        stay = world.wait("a reading", lambda: _read(world, stay["id"], staff), READING_S)
        step.saw(state=stay["plate_state"], plate=_shown(stay))
    if stay["plate_state"] != "settled":
        stay = _review(world, stay, staff)
    elif world.typed and stay["plate_text"] != world.typed.text:
        stay = _misread(world, stay, staff)
    if world.plate is None:
        world.plate = parse(stay["plate_text"], stay["plate_colour"] or None)
    return stay


def _parked(world: World, berth: str, staff: Browser) -> dict[str, Any] | None:
    stay = world.stay_at(berth, staff)
    return stay if stay and stay["state"] == "parked" else None


def _read(world: World, stay_id: int, staff: Browser) -> dict[str, Any] | None:
    stay = world.stay(stay_id, staff)
    return stay if stay["plate_state"] in ("settled", "review", "unreadable") else None


def _shown(stay: dict[str, Any]) -> str:
    if not stay["plate_text"]:
        return "in review"
    return f"{masked(stay['plate_text'])} {stay['plate_colour']}"


def _review(world: World, stay: dict[str, Any], staff: Browser) -> dict[str, Any]:
    """A doubtful reading waits for a person, who types what they see."""
    with world.teller.step("P0.1", title="The reading is in doubt: a reviewer looks") as step:
        item = world.wait(
            "the question in the review queue",
            lambda: question(world, lambda row: row["stay_id"] == stay["id"]),
        )
        step.saw(why=item["why"], candidates=len(item["candidates"]))
        if world.typed is None:
            raise Stopped(UNREAD, "nobody says what the picture shows (--plate)")
        settle(world, item)
        stay = world.wait("the settled plate", lambda: _settled(world, stay["id"], staff))
        step.saw(plate=_shown(stay))
    return stay


def _misread(world: World, stay: dict[str, Any], staff: Browser) -> dict[str, Any]:
    """A confident reading was wrong: the owner objects, a reviewer settles it, both are kept."""
    assert world.typed is not None
    world.misread = True
    with world.teller.step("P0.1", title="Misread: the owner objects, a reviewer settles") as step:
        page = world.driver.get(world.at_hand(lambda: berth_path(stay["berth"])))
        page = world.driver.submit(page, page.form(having="not_mine"))
        item = world.wait(
            "the objection in the review queue",
            lambda: question(world, lambda row: row["stay_id"] == stay["id"]),
        )
        settle(world, item)
        typed = world.typed.text
        stay = world.wait(
            "the corrected plate",
            lambda: (found := world.stay(stay["id"], staff))["plate_text"] == typed and found,
        )
        step.saw(plate=_shown(stay))
    return stay


def question(world: World, about: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    """The question about a plate in the operator's queue, where there is one."""
    rows = world.operator.api("GET", "/api/v1/parking/reviews/")["results"]
    return next((row for row in rows if row["kind"] == "plate" and about(row)), None)


def keep_what_is_asked(world: World) -> None:
    """The operator looks at what is asked about stays, and leaves each as it stands."""
    for row in world.operator.api("GET", "/api/v1/parking/reviews/")["results"]:
        if row["kind"] == "stay":
            address = f"/api/v1/parking/reviews/{row['id']}/settle/"
            world.operator.api("POST", address, {"verdict": "keep"})


def settle(world: World, item: dict[str, Any]) -> None:
    """The reviewer types the plate they see, in the colour that they see."""
    plate = world.typed or world.plate
    assert plate is not None
    colours = [str(colour) for colour in check(plate.text).colours]
    seen = item["read_colour"] if item["read_colour"] in colours else colours[0]
    world.operator.api(
        "POST",
        f"/api/v1/parking/reviews/{item['id']}/settle/",
        {
            "verdict": "plate",
            "plate": plate.text,
            "colour": str(plate.colour or seen),
        },
    )


def _settled(world: World, stay_id: int, staff: Browser) -> dict[str, Any] | None:
    stay = world.stay(stay_id, staff)
    return stay if stay["plate_state"] == "settled" else None


def pay_ahead(world: World, stay: dict[str, Any]) -> dict[str, Any]:
    """The owner pays ahead for their berth, with a slip in the plate first; the order's state."""
    tell, phone, plate = world.teller, world.driver, world.plate
    assert plate is not None
    with tell.step("P2.4", title="The owner drafts a pre-payment and asks for berths") as step:
        wrong = three_wrong(plate)
        draft = phone.api(
            "POST",
            "/api/v1/parking/prepayments/",
            {
                "plate": wrong,
                "colour": plate.colour_text,
                "minutes": 120,
                "section": "changning-e",
            },
        )
        place = f"/api/v1/parking/prepayments/{draft['token']}/"
        offered = phone.api("GET", f"{place}candidates/")
        codes = [row["berth_code"] for row in offered]
        must(len(codes) > 1, "several candidates must be offered")
        must(stay["berth"] in codes, "the vehicle's berth must be among the candidates")
        phone.api("POST", f"{place}berth/", {"berth": stay["berth"]})
        step.saw(candidates=", ".join(codes), chosen=stay["berth"])
    with tell.step("P2.5", "P2.6", title="Three characters differ: it must be modified") as step:
        verdict = phone.api("POST", f"{place}submit/", {"plate": wrong})
        must(verdict["outcome"] == "modify", f"{verdict['outcome']} instead of modify")
        must("serial" in verdict["parts"], "the serial differs")
        step.saw(**verdict)
    with tell.step("P2.5", "P2.6", title="The plate is corrected and confirmed") as step:
        verdict = phone.api(
            "POST", f"{place}submit/", {"plate": plate.text, "colour": plate.colour_text}
        )
        must(verdict["outcome"] == "confirmed", f"{verdict['outcome']} instead of confirmed")
        order = phone.api("POST", f"{place}pay/")
        receipt = pay_order(phone, phone.get(order["url"]))
        world.wait("the paid pre-payment", lambda: phone.api("GET", place)["state"] == "paid")
        step.saw(paid_fen=order["amount_fen"], receipt=receipt.url.split("/o/")[0])
    order["token"] = order["url"].rstrip("/").split("/")[-1]
    return dict(order)


def flap(world: World, stay: dict[str, Any], order: dict[str, Any], camera: str) -> None:
    """The sensor loses the vehicle for 20 seconds: one stay, whose paid time goes on."""
    tell, berth = world.teller, stay["berth"]
    with tell.step("P2.1", title="The sensor loses it for 20 s; that costs nothing") as step:
        world.pass_time(minutes=5)
        # Something stands between: no picture tells that it is the same vehicle.
        world.camera(camera).broken = True
        before = world.stay(stay["id"], world.city)
        world.wire.do(world.sensor(berth).leave(berth))
        world.wait(
            "the departure, as far as anybody knows",
            lambda: world.stay(stay["id"], world.city)["state"] == "settled",
        )
        world.pass_time(seconds=20)
        world.wire.do(world.sensor(berth).arrive(berth))
        back = world.wait(
            "the vehicle in its berth again", lambda: _parked(world, berth, world.city)
        )
        must(back["id"] == stay["id"], f"another stay, {back['id']}, has begun")
        for name in ("arrived_at", "paid_until", "prepaid_fen"):
            must(back[name] == before[name], f"{name}: {before[name]} has become {back[name]}")
        world.pass_time(minutes=3)
        time.sleep(ROUND_S)  # what must not come would have come by then
        refunds = world.driver.api("GET", f"/api/v1/payments/orders/{order['token']}/")["refunds"]
        must(not refunds, "money went back while the vehicle stood there")
        debts = world.city.api("GET", "/api/v1/arrears/debts/")["results"]
        must(not any(debt["stay_id"] == stay["id"] for debt in debts), "a debt came of it")
        step.saw(stay=back["id"], paid_until=back["paid_until"], refunds=0, debts=0)


def leave_early(world: World, stay: dict[str, Any], order: dict[str, Any]) -> None:
    """The vehicle leaves before its time is used up; the unused part comes back."""
    with world.teller.step("P2.1", title="It leaves early; the unused part comes back") as step:
        world.pass_time(minutes=40)
        world.wire.do(world.sensor(stay["berth"]).leave(stay["berth"]))
        left = world.wait(
            "the settled stay",
            lambda: (s := world.stay(stay["id"], world.city))["state"] == "settled" and s,
        )
        world.pass_time(minutes=3)  # a flap would be over: money goes back once it is for good
        back = world.wait(
            "the refund",
            lambda: [
                refund
                for refund in world.driver.api("GET", f"/api/v1/payments/orders/{order['token']}/")[
                    "refunds"
                ]
                if refund["state"] == "done"
            ],
        )
        returned_fen = sum(refund["amount_fen"] for refund in back)
        must(
            left["fee_fen"] + returned_fen == order["amount_fen"],
            f"{left['fee_fen']} + {returned_fen} is not {order['amount_fen']}",
        )
        step.saw(paid_fen=order["amount_fen"], fee_fen=left["fee_fen"], returned_fen=returned_fen)


def three_wrong(plate: Plate) -> str:
    """A possible plate of the same form that differs in three characters of the serial."""
    rng = random.Random(plate.text)
    places = [at for at, sign in enumerate(plate.text) if at > 1 and sign.isascii()]
    for _try in range(2000):
        signs = list(plate.text)
        for at in rng.sample(places, 3):
            pool = "0123456789" if signs[at].isdigit() else "ABCDEFGHJK"
            signs[at] = rng.choice([sign for sign in pool if sign != signs[at]])
        text = "".join(signs)
        found = check(text, plate.colour)
        if found.valid and found.kind == plate.kind:
            return text
    raise BadPlate("no_other", plate.text)

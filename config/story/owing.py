"""Second act: a stay at risk goes unpaid; help, debt, demand, listing (P0, P3.1, P3.2)."""

import csv
import re
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from config.demo.town import OWNER_PHONE
from config.persons.browser import NotThere
from config.story.arriving import ROUND_S, arrive
from config.story.teller import Stopped, must
from config.story.world import World
from core import clock
from core.money import format_fen
from core.plates import exempt

BERTH, CAMERA = "Y-003", "C-Y1"
AWAY = timedelta(hours=2)
NEVER_LISTED = 4  # exit status: police, emergency, military


def prove_plate(world: World) -> None:
    """The owner says which plate is theirs; the operator has seen the vehicle licence."""
    plate = world.plate
    assert plate is not None
    with world.teller.step("P0.2", title="The owner logs in and shows the plate is theirs") as step:
        world.log_in_owner()
        page = world.owner.get("/me/plates/")
        world.owner.submit(
            page, page.form(having="colour"), plate=plate.text, colour=plate.colour or "blue"
        )
        page = world.operator.get("/admin/accounts/plateholding/")
        chosen = re.search(r'name="_selected_action" value="(\d+)"', page.html)
        must(chosen, "the claim is not on the operator's desk")
        assert chosen is not None
        form = page.form(having="_selected_action")
        world.operator.submit(page, form, action="prove", _selected_action=chosen[1])
        rows = world.owner.api("GET", "/api/v1/arrears/dues/")["results"]
        step.saw(phone=f"{OWNER_PHONE[:3]}••••{OWNER_PHONE[-4:]}", dues=len(rows))


def owe(world: World) -> dict[str, Any]:
    """From a stay at risk to an active listing; the stay."""
    _import_history(world)
    stay = arrive(world, BERTH, CAMERA, world.yuyuan)
    _score(world, stay)
    _leave_unpaid(world, stay)
    _help(world, stay)
    _be_away(world, stay)
    _become_debt(world, stay)
    return stay


def _import_history(world: World) -> None:
    """Marked simulated stays of the past months, paid late or not at all."""
    plate = world.plate
    assert plate is not None
    with world.teller.step("P0.2", title="A simulated history of late payments comes in") as step:
        now = world.at_hand(clock.now)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.csv"
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["plate", "colour", "berth", "arrived_at", "left_at", "paid_at"])
                for n in range(14):
                    arrived = now - timedelta(days=120 - 8 * n, hours=n % 5)
                    left = arrived + timedelta(hours=2 + n % 3)
                    late = left + timedelta(days=9 + 3 * (n % 6))
                    paid = late.isoformat() if late < now and n % 3 else ""
                    berth = f"B-{n % 6 + 1:03d}"
                    writer.writerow(
                        [
                            plate.text,
                            plate.colour_text,
                            berth,
                            arrived.isoformat(),
                            left.isoformat(),
                            paid,
                        ]
                    )
            world.at_hand(
                lambda: call_command("import_history", str(path), "--simulated", verbosity=0)
            )
        rows = world.city.api("GET", "/api/v1/parking/stays/?page_size=100")["results"]
        simulated = [row for row in rows if row["simulated"]]
        must(len(simulated) == 14, f"{len(simulated)} of 14 simulated stays are there")
        step.saw(stays=len(simulated), marked="simulated")


def _decision(world: World, stay: dict[str, Any]) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = world.owner.api("GET", f"/api/v1/arrears/decisions/{stay['id']}/")
    except NotThere:
        return None
    return found


def _score(world: World, stay: dict[str, Any]) -> None:
    with world.teller.step("P0.2", "P0.3", title="Portrait and risk at entry") as step:
        decision = world.wait(
            "the decision, as its subject sees it",
            lambda: (d := _decision(world, stay)) and d["percent"] is not None and d,
        )
        must(decision["at_risk"], f"scored {decision['percent']} %, not at risk")
        must(not decision["late"], "scored after departure")
        step.saw(
            risk_percent=decision["percent"],
            threshold_percent=decision["threshold_percent"],
            why="; ".join(_words(reason) for reason in decision["reasons"][:3]),
            model=decision["model"],
        )


def _words(reason: Any) -> str:
    if isinstance(reason, dict):
        return str(reason.get("zh") or reason.get("text") or reason)
    return str(reason)


def _leave_unpaid(world: World, stay: dict[str, Any]) -> None:
    with world.teller.step("P0.4", title="It leaves unpaid") as step:
        world.pass_time(hours=11)
        if world.misread:  # a picture of its leaving would be misread too: a question, and no watch
            world.camera(CAMERA).broken = True
        world.wire.do(world.sensor(BERTH).leave(BERTH))
        left = world.wait(
            "the stay to pay",
            lambda: (s := world.stay(stay["id"], world.yuyuan))["state"] == "due" and s,
        )
        stay |= left
        step.saw(due_fen=left["due_fen"], left_at=left["left_at"])
    with world.teller.step("P0.4", title="The time to pay runs, and is watched") as step:
        decision = world.wait(
            "the predicted payment time",
            lambda: (d := _decision(world, stay)) and d["payment_time_s"] and d,
        )
        due = world.wait("the running pay window, as the owner sees it", lambda: _due(world, stay))
        stay["pay_by"] = due["pay_by"]
        step.saw(
            pay_by=due["pay_by"],
            payment_time_h=decision["payment_time_s"] // 3600,
        )
        stay["payment_time_s"] = decision["payment_time_s"]


def _help(world: World, stay: dict[str, Any]) -> None:
    with world.teller.step("P0.5", title="Not paid in time: a scheme, a personal plan") as step:
        world.pass_time(seconds=stay["payment_time_s"] + 60)
        decision = world.wait(
            "the personal plan", lambda: (d := _decision(world, stay)) and d["plan"] and d
        )
        step.saw(plan=decision["plan"])
    with world.teller.step("P0.6", title="The first contact is carried out, by day") as step:
        world.until_hour(10)
        text = world.wait("the text message on the phone", lambda: world.newest_sms("http"))
        address = re.search(r"https?://\S+", text)
        must(address, "no link in the message")
        assert address is not None
        page = world.driver.get(address[0])
        must(format_fen(stay["due_fen"]) in page.text, "the link does not show what is due")
        step.saw(message=text, opens=page.url.split("/")[3])


def _be_away(world: World, stay: dict[str, Any]) -> None:
    """The operator writes that all was away for two hours: the time to pay is longer by that."""
    with world.teller.step("P3.1", title="An outage of ours: the time to pay is longer") as step:
        ended = timezone.localtime(world.at_hand(clock.now)) - timedelta(hours=1)
        began = ended - AWAY
        page = world.operator.get("/admin/core/outage/add/")
        world.operator.submit(
            page,
            page.form(having="began_at_0"),
            what="platform",
            began_at_0=f"{began:%Y-%m-%d}",
            began_at_1=f"{began:%H:%M:%S}",
            ended_at_0=f"{ended:%Y-%m-%d}",
            ended_at_1=f"{ended:%H:%M:%S}",
            reason="the line to the machines was cut",
        )
        was = datetime.fromisoformat(stay["pay_by"])
        due = world.wait(
            "the longer time, as the owner sees it",
            lambda: (d := _due(world, stay)) and d["pay_by"] != stay["pay_by"] and d,
        )
        longer = datetime.fromisoformat(due["pay_by"]) - was
        must(longer == AWAY, f"longer by {longer} instead of {AWAY}")
        rest_s = (was - world.at_hand(clock.now)).total_seconds()
        world.pass_time(seconds=max(rest_s, 0) + 60)
        time.sleep(ROUND_S)  # what must not come would have come by then
        must(not _debt(world, stay), "a debt when the time would have been over without the outage")
        step.saw(pay_by_was=stay["pay_by"], pay_by=due["pay_by"], debts=0)
        stay["pay_by"] = due["pay_by"]


def _become_debt(world: World, stay: dict[str, Any]) -> None:
    tell, plate = world.teller, world.plate
    assert plate is not None
    with tell.step("P3.1", title="The pay window ends: a debt") as step:
        now = world.at_hand(clock.now)
        rest_s = (datetime.fromisoformat(stay["pay_by"]) - now).total_seconds()
        world.pass_time(seconds=max(rest_s, 0) + 60)
        debt = world.wait("the debt", lambda: _debt(world, stay))
        must(not debt["demanded_at"], "asked for before a person has looked")
        step.saw(debt=debt["id"], amount_fen=debt["amount_fen"])
    with tell.step(
        "P3.2", title="A person looks at picture and times; the demand goes out"
    ) as step:
        page = world.yuyuan.get("/merchant/debts/looks/")
        amount = format_fen(debt["amount_fen"])
        must(amount in page.text, "the debt is not among those to look at")
        world.yuyuan.submit(page, page.form(having="look"))
        world.until_hour(10)
        debt = world.wait(
            "the delivered demand", lambda: (d := _debt(world, stay)) and (d["demanded_at"] and d)
        )
        stay["debt_id"] = debt["id"]
        step.saw(debt=debt["id"], amount_fen=debt["amount_fen"], demanded_at=debt["demanded_at"])
    with tell.step("P3.2", title="Grace ends: the vehicle is listed") as step:
        world.pass_time(hours=73)
        if exempt(plate):
            page = world.yuyuan.get("/merchant/debts/")
            must("listing" not in page.html, "an exempt vehicle was listed")
            raise Stopped(NEVER_LISTED, "this vehicle may never be listed")
        shown = world.wait("the active listing", lambda: listed(world))
        step.saw(listing=shown)


def _due(world: World, stay: dict[str, Any]) -> dict[str, Any] | None:
    rows = world.owner.api("GET", "/api/v1/arrears/dues/")["results"]
    return next((r for r in rows if r["stay_id"] == stay["id"] and r["pay_by"]), None)


def _debt(world: World, stay: dict[str, Any]) -> dict[str, Any] | None:
    rows = world.yuyuan.api("GET", "/api/v1/arrears/debts/")["results"]
    return next((row for row in rows if row["stay_id"] == stay["id"]), None)


def listed(world: World) -> str:
    """How the merchant's debts page shows the vehicle: its listing's word, or nothing."""
    html = world.yuyuan.get("/merchant/debts/?state=").html
    found = re.search(r'data-listing="(\w+)"', html)
    return found[1] if found and found[1] == "active" else ""

"""Six days in the demo's town and the morning after them: what a demo begins with.

Made through the rows' own services and the devices' own messages, up to the moment that the clock
is held at. Always the same: for a demo's start, for pictures, for tests.
"""

import io
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from PIL import Image, ImageFilter

from accounts import services as accounts
from accounts.models import User
from arrears import selectors as arrears_selectors
from arrears import services as arrears
from arrears.models import Debt
from arrears.states import DebtState
from config.demo.town import OWNER_PHONE, OWNER_PLATE, Town
from core import clock, images, outbox, plates
from devices.models import Device
from devices.rules import frames, kinds
from devices.services import commands, connections, reception
from devices.services.connections import Link
from monthlycard import services as monthlycard
from parking import services as parking
from parking.models import Berth, CameraCoverage, ParkingSession
from parking.vision.training.drawing import draw_scene
from parking.vision.types import Candidate, Reading
from payments import services as payments
from recovery import services as recovery

ACTOR = "system:config.day"
BATTERY_PCT = 86


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle: where, when it came and went (minutes ago), and whether it has paid.

    `sure`: whether its photograph could be read.
    """

    berth: str
    came_min: int
    plate: tuple[str, str]
    left_min: int | None = None
    paid: bool = False
    sure: bool = True


# By how many days ago it was, at the same time of day; the last day is the morning itself.
DAYS: dict[int, list[Visit]] = {
    6: [
        Visit("Y-004", 620, OWNER_PLATE, left_min=0),
        Visit("Y-002", 190, ("沪AD12345", "green"), left_min=60, paid=True),
        Visit("Y-012", 310, ("沪E30817", "yellow"), left_min=10),
        Visit("A-004", 100, ("沪C88Q61", "blue"), left_min=25, paid=True),
    ],
    5: [
        Visit("Y-005", 220, ("苏B86K20", "blue"), left_min=40, paid=True),
        Visit("B-003", 80, ("浙C2M719", "blue"), left_min=15, paid=True),
    ],
    4: [
        Visit("A-002", 75, OWNER_PLATE, left_min=0),
        Visit("Y-006", 260, ("沪A00923D", "yellow_green"), left_min=75, paid=True),
        Visit("Y-001", 130, ("沪GD08816", "green"), left_min=20, paid=True),
    ],
    3: [
        Visit("Y-008", 180, ("沪C88Q61", "blue"), left_min=30, paid=True),
        Visit("B-007", 95, ("沪E30817", "yellow"), left_min=5),
    ],
    2: [
        Visit("Y-003", 150, ("浙C2M719", "blue"), left_min=50, paid=True),
        Visit("Y-010", 240, ("沪B1234挂", "yellow"), left_min=60, paid=True),
        Visit("A-006", 60, ("沪AF20196", "green"), left_min=10, paid=True),
    ],
    1: [
        Visit("Y-007", 170, ("皖N5K201", "blue"), left_min=20),
        Visit("Y-009", 210, ("苏B86K20", "blue"), left_min=30, paid=True),
        Visit("A-001", 85, ("沪A77812", "blue"), left_min=25, paid=True),
    ],
    0: [
        Visit("Y-001", 94, OWNER_PLATE),
        Visit("Y-002", 61, ("沪AD12345", "green"), paid=True),
        Visit("Y-003", 40, ("沪E30817", "yellow")),
        Visit("Y-005", 82, ("苏B86K20", "blue"), paid=True),
        Visit("Y-006", 70, ("沪A00923D", "yellow_green"), paid=True),
        Visit("Y-008", 200, ("皖N5K201", "blue"), left_min=30),
        Visit("Y-009", 240, ("沪B1234挂", "yellow"), left_min=95),
        Visit("Y-010", 75, ("沪D8B613", "blue"), sure=False),
        Visit("Y-011", 5, ("沪C88Q61", "blue")),
        Visit("A-001", 94, ("沪A77812", "blue")),
        Visit("A-003", 33, ("沪AF20196", "green"), paid=True),
        Visit("A-005", 150, ("浙C2M719", "blue"), left_min=45, paid=True),
        Visit("B-004", 52, ("沪GD08816", "green")),
    ],
}
NOTICE_DAYS_AGO = 3  # people look, ask on paper and on the page: that grace has just ended


def build(town: Town) -> None:
    """Let it all happen, up to now. `town` must stand already, and its demo owner."""
    links = {device.code: connections.log_in(device.code, device.key) for device in town.devices}
    for link in links.values():
        if link.kind == kinds.LOCK.name:
            _say(link, "LockStatus", position="lowered", cause="report", **_how())
        elif link.kind == kinds.SENSOR.name:
            _say(link, "DeviceState", **_how())
    now = clock.now()
    for days, visits in DAYS.items():
        clock.move_to(now - timedelta(days=days))
        settle_down()
        if days == NOTICE_DAYS_AGO:
            _look_at_evidence()
            _leave_a_notice("沪E30817")
            _open_the_dues()
        for visit in visits:
            _visit(visit)
        settle_down()
    _buy_a_card()
    _raise_a_lock(links)
    settle_down()
    for link in links.values():
        connections.log_out(link, "the day is told")


def settle_down() -> None:
    """What follows from all this: reactions and sweeps, until nothing moves any more."""
    for _round in range(6):
        moved = outbox.run_pending()
        if not outbox.sweep_once() + moved:
            return


def photograph(plate: tuple[str, str], *, seed: int, blurred: bool = False) -> bytes:
    """What the camera sees; a blurred one can't be read for sure."""
    drawn = draw_scene(*plate, seed=seed)
    if not blurred:
        return drawn
    out = io.BytesIO()
    Image.open(io.BytesIO(drawn)).filter(ImageFilter.GaussianBlur(2.5)).save(out, "JPEG")
    return out.getvalue()


def _how() -> dict[str, Any]:
    return {"battery_pct": BATTERY_PCT, "occurred_at_ms": round(clock.now().timestamp() * 1000)}


def _say(link: Link, action: str, **payload: Any) -> None:
    """A message of a device, taken in as its socket would."""
    call = frames.Call(uuid.uuid4().hex, action, payload)
    answer = reception.receive(link, call.encode(), call)
    assert isinstance(frames.decode(answer.frame), frames.Result), answer.frame


def _visit(visit: Visit) -> None:
    now = clock.now()
    berth = Berth.objects.select_related("section").get(code=visit.berth)
    came = now - timedelta(minutes=visit.came_min)
    stay_id = parking.open_stay(berth_id=berth.pk, occurred_at=came, said_by=f"S-{berth.code}")
    assert stay_id is not None
    _photograph(berth, stay_id, visit)
    if visit.left_min is not None:
        parking.close_stay(
            berth_id=berth.pk,
            occurred_at=now - timedelta(minutes=visit.left_min),
            said_by=f"S-{berth.code}",
        )
    if visit.paid:
        _pay_at_counter("parking.stay", stay_id, merchant_id=berth.section.merchant_id)


def _pay_at_counter(payable: str, subject_id: int, *, merchant_id: int) -> None:
    cashier = User.objects.filter(memberships__merchant=merchant_id).order_by("pk")[0]
    order = payments.open_order(items=[(payable, subject_id)], actor=ACTOR)
    payments.pay_at_counter(order.pk, f"user:{cashier.pk}", merchant_id=merchant_id)


def _photograph(berth: Berth, stay_id: int, visit: Visit) -> None:
    """The camera's picture of the arrival, and what the reader made of it."""
    device = CameraCoverage.objects.filter(berth=berth).select_related("device")[0].device
    at = ParkingSession.objects.get(pk=stay_id).arrived_at
    sha = images.keep(
        photograph(visit.plate, seed=stay_id, blurred=not visit.sure), by=device.actor
    )
    sighting_id = parking.take_sighting(
        device_id=device.pk,
        kind=kinds.CAMERA.name,
        merchant_id=berth.section.merchant_id,
        attendant=None,
        image_sha=sha,
        occurred_at=at + timedelta(seconds=20),
        purpose="arrival",
        berth_code=berth.code,
    )
    parking.take_reading(sighting_id=sighting_id, reading=_reading(visit))


def _reading(visit: Visit) -> Reading:
    text, colour = visit.plate
    other = text.replace("B", "8") if "B" in text else text[:-1] + "8"
    doubts = tuple(0.99 if visit.sure or a == b else 0.61 for a, b in zip(text, other, strict=True))
    return Reading(
        candidates=(
            Candidate(text=text, probability=0.98 if visit.sure else 0.61, characters=doubts),
            Candidate(text=other, probability=0.01 if visit.sure else 0.37, characters=doubts),
        ),
        colour=colour if plates.check(text, colour).valid else None,
        colour_confidence=0.99,
        corners=None,
        sharpness=180.0 if visit.sure else 21.0,
        confident=visit.sure,
        why="confident" if visit.sure else "weak_character",
        model="drawn for the day",
    )


def _look_at_evidence() -> None:
    """Who answers for each merchant's street looks at what its debts rest on."""
    for look in arrears_selectors.looks_to_take(None):
        boss = User.objects.filter(
            memberships__merchant=look.merchant_id, memberships__role__in=["owner", "manager"]
        ).order_by("pk")[0]
        arrears.agree([look.pk], actor=f"user:{boss.pk}")
    settle_down()


def _open_the_dues() -> None:
    """The demo's owner opens their page of dues: what is asked of them is delivered by that."""
    owner = accounts.owner_by_phone(OWNER_PHONE)
    arrears.deliver_on_page(plates=[OWNER_PLATE], actor=f"user:{owner.pk}")
    settle_down()


def _leave_a_notice(plate_text: str) -> None:
    """An inspector has left a paper notice at this vehicle, for all that it owes one merchant."""
    debts = Debt.objects.filter(plate_text=plate_text, state=DebtState.OPEN)
    for merchant_id in set(debts.values_list("merchant_id", flat=True)):
        owed = list(debts.filter(merchant_id=merchant_id))
        inspector = User.objects.filter(
            memberships__merchant=merchant_id, memberships__role="attendant"
        ).order_by("pk")[0]
        arrears.deliver_on_paper(
            debt_ids=[debt.pk for debt in owed],
            named_fen=sum(debt.amount_fen for debt in owed),
            photograph=photograph((plate_text, owed[0].plate_colour), seed=owed[0].pk),
            merchant_id=merchant_id,
            actor=f"user:{inspector.pk}",
        )


def _buy_a_card() -> None:
    """The demo's owner has the card that is on sale, since today."""
    owner = accounts.owner_by_phone(OWNER_PHONE)
    card = monthlycard.apply(
        user_id=owner.pk,
        plan_code="two-lots",
        plate_text=OWNER_PLATE[0],
        plate_colour=OWNER_PLATE[1],
        evidence_sha="",
        actor=f"user:{owner.pk}",
    )
    _pay_at_counter("monthlycard.card", card.pk, merchant_id=card.plan.merchant_id)


def _raise_a_lock(links: dict[str, Link]) -> None:
    """A lock before the wheel of the demo owner's vehicle, up since a moment."""
    berth = Berth.objects.select_related("section").get(code="Y-001")
    locks = Device.objects.filter(kind=kinds.LOCK.name, merchant=berth.section.merchant)
    device = locks.order_by("pk")[0]
    link = links[device.code]
    guard = User.objects.get(username="yuyuan-guard")
    text, colour = OWNER_PLATE
    order = recovery.bind(
        merchant_id=berth.section.merchant_id,
        plate_text=text,
        plate_colour=colour,
        berth_id=berth.pk,
        device_id=device.pk,
        second_look={
            "typed": text,
            "sha256": images.keep(photograph(OWNER_PLATE, seed=900_001), by=f"user:{guard.pk}"),
        },
        actor=f"user:{guard.pk}",
    )
    sha = images.keep(photograph(OWNER_PLATE, seed=900_002), by=f"user:{guard.pk}")
    recovery.place(order.pk, sha256=sha, actor=f"user:{guard.pk}")
    recovery.raise_lock(order.pk, actor=f"user:{guard.pk}")
    for outgoing in commands.take_due(link) or []:
        call = frames.decode(outgoing.frame)
        assert isinstance(call, frames.Call)
        commands.acknowledge(link, outgoing.message_id)
        _say(
            link, "LockStatus", position="raised", cause="command", order_code=order.code, **_how()
        )
        _say(
            link,
            "CommandResult",
            command_id=call.payload["command_id"],
            outcome="done",
            details={"position": "raised", "battery_pct": BATTERY_PCT},
        )

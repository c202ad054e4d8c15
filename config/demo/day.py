"""A morning in the demo's town, made through the rows' own services: for pictures and for tests.

The street's simulator makes such mornings too, but never the same one twice.
"""

import io
from dataclasses import dataclass
from datetime import timedelta

from PIL import Image, ImageDraw

from accounts.models import User
from core import clock, images, outbox, plates
from devices.models import Device
from parking import services as parking
from parking.models import Berth, CameraCoverage, ParkingSession
from parking.vision.types import Candidate, Reading
from payments import services as payments
from recovery import services as recovery

ACTOR = "system:config.day"


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle: where, when it came and went (minutes ago), and whether it has paid."""

    berth: str
    came_min: int
    plate: tuple[str, str] | None
    left_min: int | None = None
    paid: bool = False


VISITS = [
    Visit("Y-001", 94, ("沪A12345", "blue")),
    Visit("Y-002", 61, ("沪AD12345", "green"), paid=True),
    Visit("Y-003", 40, ("沪E30817", "yellow")),
    Visit("Y-005", 82, ("苏B86K20", "blue"), paid=True),
    Visit("Y-006", 70, ("沪A00923D", "yellow_green"), paid=True),
    Visit("Y-008", 200, ("皖N5K201", "blue"), left_min=30),
    Visit("Y-009", 240, ("沪B1234挂", "yellow"), left_min=95),
    Visit("Y-010", 75, None),
    Visit("Y-011", 5, ("沪C88Q61", "blue")),
    Visit("A-001", 94, ("沪A77812", "blue")),
    Visit("A-003", 33, ("沪AF20196", "green"), paid=True),
]
DAY_MIN = 24 * 60
EARLIER = [  # six days before that day, and left unpaid: debts came of them
    Visit("Y-004", 6 * DAY_MIN + 140, ("沪A12345", "blue"), left_min=6 * DAY_MIN),
    Visit("Y-012", 5 * DAY_MIN + 310, ("沪E30817", "yellow"), left_min=5 * DAY_MIN),
    Visit("A-002", 4 * DAY_MIN + 75, ("沪A12345", "blue"), left_min=4 * DAY_MIN),
]


def photograph(text: str, at: str) -> bytes:
    """A drawn photograph: a vehicle's back and its plate."""
    picture = Image.new("RGB", (960, 600), "#8fa0ac")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 380, 960, 600), fill="#5c6770")
    draw.rounded_rectangle((210, 120, 750, 470), 60, fill="#34414d")
    draw.rounded_rectangle((270, 150, 690, 270), 24, fill="#a9b8c4")
    draw.rectangle((390, 370, 570, 425), fill="#1556c5", outline="#ffffff", width=3)
    draw.text((420, 390), text.encode("ascii", "replace").decode(), fill="#ffffff")
    draw.text((20, 570), at, fill="#ffffff")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def build() -> None:
    """Let the morning happen, up to now. The town must stand already (config.demo.town)."""
    Device.objects.update(
        state=Device.State.ACTIVE, online=True, silent=False, last_heard_at=clock.real()
    )
    locks = Device.objects.filter(kind=Device.Kind.LOCK)
    locks.update(facts={"battery_pct": 86, "position": "lowered"})
    silent = Device.objects.filter(code__in=["S-Y-007", "S-A-005"])
    silent.update(online=False, silent=True, last_heard_at=clock.real() - timedelta(minutes=32))
    now = clock.now()
    clock.move_to(now - timedelta(days=6))
    for visit in EARLIER:
        _visit(visit)
    settle_down()
    clock.move_to(now)
    settle_down()
    for visit in VISITS:
        _visit(visit)
    settle_down()
    _recover()
    settle_down()


def settle_down() -> None:
    """What follows from all this: reactions and sweeps, until nothing moves any more."""
    for _round in range(6):
        outbox.run_pending()
        outbox.sweep_once()


def _recover() -> None:
    """A lock before the first vehicle's wheel, up since a few minutes."""
    berth = Berth.objects.select_related("section").get(code="Y-001")
    device = Device.objects.filter(kind=Device.Kind.LOCK, merchant=berth.section.merchant)[0]
    text, colour = "沪A12345", "blue"
    order = recovery.bind(
        merchant_id=berth.section.merchant_id,
        plate_text=text,
        plate_colour=colour,
        berth_id=berth.pk,
        device_id=device.pk,
        second_look={"typed": text},
        actor=ACTOR,
    )
    sha = images.keep(photograph(text, "lock placed"), by=ACTOR)
    recovery.place(order.pk, sha256=sha, actor=ACTOR)
    recovery.raise_lock(order.pk, actor=ACTOR)
    Device.objects.filter(pk=device.pk).update(facts={"battery_pct": 86, "position": "raised"})
    recovery.take_lock_report(
        device_id=device.pk,
        order_code=order.code,
        position="raised",
        cause="command",
        battery_pct=86,
        occurred_at=clock.now(),
        actor=f"device:{device.code}",
    )


def _visit(visit: Visit) -> None:
    now = clock.now()
    berth = Berth.objects.get(code=visit.berth)
    came = now - timedelta(minutes=visit.came_min)
    stay_id = parking.open_session(berth_id=berth.pk, occurred_at=came, said_by=f"S-{berth.code}")
    assert stay_id is not None
    _photograph(berth, stay_id, visit)
    if visit.left_min is not None:
        parking.close_session(
            berth_id=berth.pk,
            occurred_at=now - timedelta(minutes=visit.left_min),
            said_by=f"S-{berth.code}",
        )
    if visit.paid:
        order = payments.open_order(items=[("parking.stay", stay_id)], actor=ACTOR)
        cashier = User.objects.filter(memberships__merchant=berth.section.merchant).first()
        payments.pay_at_counter(order.pk, f"user:{cashier.pk if cashier else 0}")


def _photograph(berth: Berth, stay_id: int, visit: Visit) -> None:
    """The camera's picture of the arrival, and what the reader made of it."""
    coverage = CameraCoverage.objects.filter(berth=berth).select_related("device").first()
    device = coverage.device if coverage else None
    if device is None:
        return
    at = ParkingSession.objects.get(pk=stay_id).arrived_at
    text, colour = visit.plate or ("沪D8B613", "blue")
    sha = images.keep(photograph(text, f"{visit.berth} {at:%H:%M:%S}"), by=device.code)
    sighting_id = parking.take_sighting(
        device_id=device.pk,
        kind="camera",
        merchant_id=berth.section.merchant_id,
        attendant=None,
        image_sha=sha,
        occurred_at=at + timedelta(seconds=20),
        purpose="arrival",
        berth_code=berth.code,
    )
    sure = visit.plate is not None
    other = text.replace("B", "8") if "B" in text else text[:-1] + "8"
    doubts = tuple(0.99 if sure or a == b else 0.61 for a, b in zip(text, other, strict=True))
    parking.take_reading(
        sighting_id=sighting_id,
        reading=Reading(
            candidates=(
                Candidate(text=text, probability=0.98 if sure else 0.61, characters=doubts),
                Candidate(text=other, probability=0.01 if sure else 0.37, characters=doubts),
            ),
            colour=colour if plates.check(text, colour).valid else None,
            colour_confidence=0.99,
            corners=None,
            sharpness=180.0,
            confident=sure,
            why="confident" if sure else "weak_character",
            model="drawn for the day",
        ),
    )

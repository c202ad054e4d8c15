"""The city as it begins: merchants, people, streets, devices, vehicles. All by the services."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts import services as accounts
from accounts.models import Merchant, User
from config.city.witness import Witness
from core.plates import Colour, Plate
from devices import services as devices
from devices.rules import frames, kinds
from devices.services import connections, reception
from devices.services.connections import Link
from parking import services as parking
from parking.models import Berth, Section

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Monday
ACTOR = "system:city"
PASSWORD = "correct horse battery"
WINDOW_S = GRACE_S = 24 * 3600
FREE_S = 900
LEAVE_BY_S = 900
FLAP_S = 120


@dataclass(frozen=True)
class Street:
    """A section: code, whose, on which ground, fen for each hour begun, berths, locks."""

    code: str
    merchant: str
    ground: str
    unit_fen: int
    berths: int
    locks: int = 0


STREETS = (
    Street("R", "city", "road", 600, 6),
    Street("A", "yuyuan", "own", 1500, 4, locks=2),
    Street("J", "jiangsu", "own", 1000, 3, locks=1),
)
MERCHANTS = {"city": "泊位市", "yuyuan": "愚园停车", "jiangsu": "江苏路停车"}
PLATES = tuple(
    Plate(text, Colour.green if len(text) == 8 else Colour.blue)
    for text in (
        *("沪A12345", "沪B67890", "沪AD12345", "苏E5K218", "浙A88888", "沪C24680"),
        *("皖B13579", "沪D0A123", "沪AF45678", "京N7B456", "沪E31415", "苏A27182"),
        *("沪F11223", "沪AD54321", "浙B9K001", "沪G77777", "皖AF00815", "沪H60221"),
    )
)


@dataclass
class Built:
    """What the other ends must know: keys, links, where things stand, whose they are."""

    links: dict[str, Link] = field(default_factory=dict)  # device's code → its connection
    keys: dict[str, str] = field(default_factory=dict)
    device_ids: dict[str, int] = field(default_factory=dict)
    berths: dict[str, int] = field(default_factory=dict)  # code → id
    section_of: dict[str, str] = field(default_factory=dict)  # berth → section's code
    cameras: dict[str, list[str]] = field(default_factory=dict)  # berth → cameras
    merchants: dict[str, int] = field(default_factory=dict)
    sections: dict[str, int] = field(default_factory=dict)
    tariffs: dict[str, int] = field(default_factory=dict)
    staff: dict[str, int] = field(default_factory=dict)  # merchant → its manager
    lots: dict[str, int] = field(default_factory=dict)
    operator: int = 0


def build(witness: Witness) -> Built:
    """The whole city, on an empty database, at the beginning of time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    built = Built()
    built.operator = User.objects.create_superuser(username="operator", password=PASSWORD).pk
    merchants = {}
    for code, name in MERCHANTS.items():
        merchants[code] = accounts.create_merchant(
            name=name, code=code, is_city=code == "city", actor=ACTOR
        )
        built.merchants[code] = merchants[code].pk
        for role in ("manager", "attendant"):
            user = accounts.create_staff(
                username=f"{code}-{role}",
                password=PASSWORD,
                merchant=merchants[code],
                role=role,
                actor=ACTOR,
            )
            if role == "manager":
                built.staff[code] = user.pk
    for number, street in enumerate(STREETS):
        _street(built, witness, street, merchants[street.merchant], number)
    return built


def terms(unit_fen: int) -> dict[str, Any]:
    return {
        "windows": [{"steps": [{"unit_fen": unit_fen, "unit_s": 3600}]}],
        "free_s": FREE_S,
    }


def _street(built: Built, witness: Witness, street: Street, merchant: Merchant, far: int) -> None:
    begins = BEGIN - timedelta(days=400)
    version = parking.publish_tariff(
        merchant_id=merchant.pk,
        name=street.code,
        terms=terms(street.unit_fen),
        valid_from=begins,
        actor=ACTOR,
    )
    witness.price(street.code, begins, street.unit_fen)
    section = parking.add_section(
        merchant_id=merchant.pk,
        name=f"{street.code}路",
        code=street.code,
        ground=street.ground,
        tariff_id=version.tariff_id,
        actor=ACTOR,
        pay_window_s=WINDOW_S,
        leave_by_s=LEAVE_BY_S,
    )
    built.sections[street.code], built.tariffs[street.code] = section.pk, version.tariff_id
    for number in range(1, street.berths + 1):
        _berth(built, street, section, number, far)
    _device(built, f"H-{street.code}", kinds.HANDHELD.name, merchant)
    parking.post_handheld(
        section_id=section.pk, device_id=built.device_ids[f"H-{street.code}"], actor=ACTOR
    )
    _take_in_hand(built.links[f"H-{street.code}"], f"{street.merchant}-attendant")
    for number in range(1, street.locks + 1):
        _device(built, f"L-{street.code}{number}", kinds.LOCK.name, merchant)


def _berth(built: Built, street: Street, section: Section, number: int, far: int) -> None:
    code, merchant = f"{street.code}-{number:03d}", section.merchant
    berth: Berth = parking.add_berth(
        section_id=section.pk,
        code=code,
        number=str(number),
        actor=ACTOR,
        at=(31.2 + far * 0.05, 121.4 + number * 0.0001),
    )
    built.berths[code], built.section_of[code] = berth.pk, street.code
    _device(built, f"S-{code}", kinds.SENSOR.name, merchant)
    parking.place_sensor(berth_id=berth.pk, device_id=built.device_ids[f"S-{code}"], actor=ACTOR)
    built.cameras[code] = []
    for priority in (1, 2):
        camera = f"C-{street.code}{priority}"
        if priority == 2 and number > 3:
            continue
        if camera not in built.device_ids:
            _device(built, camera, kinds.CAMERA.name, merchant)
        parking.cover(
            berth_id=berth.pk, device_id=built.device_ids[camera], actor=ACTOR, priority=priority
        )
        built.cameras[code].append(camera)


def _device(built: Built, code: str, kind: str, merchant: Merchant) -> None:
    device, key = devices.enroll(code=code, kind=kind, merchant_id=merchant.pk, actor=ACTOR)
    built.device_ids[code], built.keys[code] = device.pk, key
    link = built.links[code] = connections.log_in(code, key)
    if kind == kinds.LOCK.name:
        payload = {"position": "lowered", "cause": "report", "battery_pct": 90}
        _say(link, "LockStatus", {**payload, "occurred_at_ms": int(BEGIN.timestamp() * 1000)})


def _take_in_hand(link: Link, username: str) -> None:
    _say(link, "AttendantLogin", {"username": username, "password": PASSWORD})


def _say(link: Link, action: str, payload: dict[str, Any]) -> None:
    call = frames.Call(f"begin-{link.device_id}", action, payload)
    reception.receive(link, call.encode(), call)

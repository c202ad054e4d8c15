"""Builds the city of demo and story: merchants, people, streets, devices, lots, a card on sale.

Everything is made through the services that a real installation uses; the keys that these show
once are returned, for the simulated other ends.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from accounts import services as accounts
from accounts.models import Merchant, User
from config.local import private
from core import clock
from devices import services as devices
from devices.rules import kinds
from monthlycard import services as monthlycard
from monthlycard.models import LotSystem, Plan
from monthlycard.rules import PriceWindow, Terms
from parking import services as parking
from parking.models import Berth, Permit, Section
from recovery.models import LockTerms

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Monday
ACTOR = "system:town"
OWNER_PHONE = "13912345678"
OWNER_PLATE = ("沪A12345", "blue")
HELP_PHONE = "021-12345"
LOCKS_FROM_FEN = 1000  # the merchant of own ground asks for little, so that one stay is enough

STREET = {
    "windows": [
        {
            "label": "day",
            "start": "08:00",
            "end": "20:00",
            "steps": [
                {"unit_fen": 100, "unit_s": 900, "upto_s": 3600},
                {"unit_fen": 150, "unit_s": 900},
            ],
        },
        {"label": "night", "start": "20:00", "end": "08:00", "visit_fen": 500},
    ],
    "free_s": 900,
    "caps": [{"per": "day", "fen": 4000}],
}
LOT = {
    "windows": [{"label": "all_day", "steps": [{"unit_fen": 500, "unit_s": 3600}]}],
    "free_s": 900,
    "exempt": {"resident": None, "disabled": 7200},
    "caps": [{"per": "day", "fen": 5000}],
}


@dataclass(frozen=True)
class Device:
    """One enrolled device, as its other end needs it; berths are codes."""

    code: str
    kind: str
    key: str
    berths: tuple[str, ...] = ()
    section: str = ""


@dataclass
class Town:
    """What the simulated other ends must know: keys, log-ins, where things stand."""

    password: str
    devices: list[Device] = field(default_factory=list)
    lots: dict[str, str] = field(default_factory=dict)  # code → secret
    sections: dict[str, list[str]] = field(default_factory=dict)  # code → berths

    def save(self, path: Path) -> None:
        """Write it where only this user reads it."""
        private.write(path, json.dumps(asdict(self), ensure_ascii=False, indent=1))

    @classmethod
    def load(cls, path: Path) -> "Town":
        data = json.loads(path.read_text())
        data["devices"] = [
            Device(**{**device, "berths": tuple(device["berths"])}) for device in data["devices"]
        ]
        return cls(**data)

    def logins(self) -> list[dict[str, str]]:
        """Who may log in to the demo, as its first screen shows it."""
        return [
            {"who": "operator", "name": "operator", "password": self.password, "page": "/admin/"},
            {"who": "merchant", "name": "yuyuan", "password": self.password, "page": "/merchant/"},
            {
                "who": "owner",
                "name": OWNER_PHONE,
                "password": "the code that the log-in page shows",
                "page": "/dues/",
            },
        ]


def exists() -> bool:
    return Merchant.objects.filter(code="city").exists()


def build(*, berths: int = 12, password: str = "") -> Town:
    """The whole town, on an empty database, at 09:00 on Monday 2 March 2026.

    `berths` is how many each street has.
    """
    clock.hold(BEGIN)
    town = Town(password=password or f"demo-{secrets.token_hex(8)}")
    city, yuyuan, jiangsu = _people(town)
    _street(town, city, "changning-e", "长宁路 东段", "A", berths)
    _street(town, city, "changning-w", "长宁路 西段", "B", berths)
    _street(town, yuyuan, "yuyuan", "愚园路停车场", "Y", berths, ground="own", locks=2)
    _lots(town, yuyuan, jiangsu)
    _permits(yuyuan)
    return town


def _permits(merchant: Merchant) -> None:
    """A resident's nights, granted; a disabled person's badge that waits for a second person."""
    for plate, kind, why, hours, granted in (
        ("沪AR8051", "resident", "愚园路 27 号居住证", (time(19), time(7)), True),
        ("沪BK3372", "disabled", "残疾人证 4711", (time(), time()), False),
    ):
        row = Permit(
            merchant=merchant,
            plate_text=plate,
            kind=kind,
            why=why,
            since=BEGIN,
            until=BEGIN + timedelta(days=300),
            starts=hours[0],
            ends=hours[1],
        )
        parking.ask_permit(row, sections=[], actor=ACTOR)
        if granted:
            parking.grant_permit(permit_id=row.pk, actor=f"{ACTOR}.second")


def _people(town: Town) -> tuple[Merchant, Merchant, Merchant]:
    User.objects.create_superuser(username="operator", password=town.password)
    city = accounts.create_merchant(name="泊位市停车中心", code="city", is_city=True, actor=ACTOR)
    yuyuan = accounts.create_merchant(name="愚园停车", code="yuyuan", actor=ACTOR)
    jiangsu = accounts.create_merchant(name="江苏路停车", code="jiangsu", actor=ACTOR)
    LockTerms.objects.create(merchant=yuyuan, floor_fen=LOCKS_FROM_FEN)
    for merchant, name, role in (
        (city, "city", "owner"),
        (city, "inspector", "attendant"),
        (yuyuan, "yuyuan", "owner"),
        (yuyuan, "yuyuan-guard", "attendant"),
        (jiangsu, "jiangsu", "owner"),
    ):
        accounts.create_staff(
            username=name, password=town.password, merchant=merchant, role=role, actor=ACTOR
        )
    Merchant.objects.update(help_phone=HELP_PHONE)
    return city, yuyuan, jiangsu


def _street(
    town: Town,
    merchant: Merchant,
    code: str,
    name: str,
    letter: str,
    berths: int,
    *,
    ground: str = "road",
    locks: int = 0,
) -> Section:
    """A section with a sensor in each berth, a camera for six, a handheld, and its locks."""
    version = parking.publish_tariff(
        merchant_id=merchant.pk,
        name=name,
        terms=STREET if ground == "road" else LOT,
        valid_from=BEGIN - timedelta(days=400),
        actor=ACTOR,
    )
    section = parking.add_section(
        merchant_id=merchant.pk,
        name=name,
        code=code,
        ground=ground,
        tariff_id=version.tariff_id,
        actor=ACTOR,
    )
    places = [
        parking.add_berth(
            section_id=section.pk, code=f"{letter}-{n:03d}", number=str(n), actor=ACTOR
        )
        for n in range(1, berths + 1)
    ]
    town.sections[code] = [berth.code for berth in places]
    for berth in places:
        sensor = _enroll(town, f"S-{berth.code}", kinds.SENSOR.name, merchant, code, (berth,))
        parking.place_sensor(berth_id=berth.pk, device_id=sensor, actor=ACTOR)
    for number, start in enumerate(range(0, berths, 6), start=1):
        seen = tuple(places[start : start + 6])
        camera = _enroll(town, f"C-{letter}{number}", kinds.CAMERA.name, merchant, code, seen)
        for berth in seen:
            parking.cover(berth_id=berth.pk, device_id=camera, actor=ACTOR)
    handheld = _enroll(town, f"H-{letter}", kinds.HANDHELD.name, merchant, code)
    parking.post_handheld(section_id=section.pk, device_id=handheld, actor=ACTOR)
    for number in range(1, locks + 1):
        _enroll(town, f"L-{letter}{number}", kinds.LOCK.name, merchant, code)
    return section


def _enroll(
    town: Town,
    code: str,
    kind: str,
    merchant: Merchant,
    section: str,
    berths: tuple[Berth, ...] = (),
) -> int:
    device, key = devices.enroll(code=code, kind=kind, merchant_id=merchant.pk, actor=ACTOR)
    names = tuple(berth.code for berth in berths)
    town.devices.append(Device(code, kind, key, names, section))
    return device.pk


def _lots(town: Town, yuyuan: Merchant, jiangsu: Merchant) -> None:
    """Two lots of different makers, their agreements signed by the platform, a card for both."""
    hourly = Terms(
        basis="duration", windows=(PriceWindow(starts="00:00", ends="00:00", unit_fen=1000),)
    )
    day_night = Terms(
        basis="window",
        windows=(
            PriceWindow(starts="08:00", ends="20:00", unit_fen=1500),
            PriceWindow(starts="20:00", ends="08:00", unit_fen=1000),
        ),
    )
    lots: list[LotSystem] = []
    for merchant, code, name, maker, terms in (
        (yuyuan, "lot-east", "定西路停车场", "Alpha", hourly),
        (jiangsu, "lot-west", "江苏路停车场", "Beta", day_night),
    ):
        version = parking.publish_tariff(
            merchant_id=merchant.pk,
            name=name,
            terms=LOT,
            valid_from=BEGIN - timedelta(days=400),
            actor=ACTOR,
        )
        section = parking.add_section(
            merchant_id=merchant.pk,
            name=name,
            code=code,
            ground="own",
            tariff_id=version.tariff_id,
            actor=ACTOR,
        )
        lot, secret = monthlycard.add_lot_system(
            code=code, maker=maker, section_id=section.pk, merchant_id=merchant.pk, actor=ACTOR
        )
        agreement = monthlycard.draft_agreement(
            lot=lot,
            actor=ACTOR,
            terms=terms.to_json(),
            period="week",
            period_day=1,
            valid_from=BEGIN - timedelta(days=1),
        )
        monthlycard.sign_by_platform(agreement=agreement, actor=ACTOR)
        town.lots[code] = secret
        lots.append(lot)
    plan = Plan.objects.create(
        merchant=yuyuan,
        code="two-lots",
        name="双场月卡",
        price_fen=30000,
        days=30,
        quota_kind=Plan.Quota.MONEY,
        quota=30000,
    )
    plan.lots.set(lots)


def demo_owner() -> User:
    """The vehicle owner of the demo, who has shown that the plate is theirs."""
    owner = accounts.owner_by_phone(OWNER_PHONE)
    accounts.prove_holding(
        user=owner,
        plate_text=OWNER_PLATE[0],
        plate_colour=OWNER_PLATE[1],
        method="licence seen",
        actor=ACTOR,
    )
    return owner

"""A street for the tests: sections on own ground and on the road, their stays and devices."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import transaction
from PIL import Image

from accounts.models import Merchant
from core import clock as business_clock
from core import images, locks, plates
from devices import services as devices
from parking import services
from parking.models import (
    Berth,
    BerthEvent,
    ParkingSession,
    Section,
    Sighting,
    TariffVersion,
)
from parking.services import money

TEST = "system:tests"
TERMS: dict[str, Any] = {
    "windows": [{"steps": [{"unit_fen": 600, "unit_s": 3600}]}],
    "free_s": 900,
}
PLATE = plates.Plate("沪A12345", plates.Colour.blue)
OTHER_PLATE = plates.Plate("沪B67890", plates.Colour.blue)


def new_tariff(merchant: Merchant, terms: dict[str, Any] | None = None) -> TariffVersion:
    """A tariff that has been valid for three years."""
    return services.publish_tariff(
        merchant_id=merchant.pk,
        name="白天",
        terms=terms or TERMS,
        valid_from=datetime.fromisoformat("2023-01-01T00:00:00+08:00"),
        actor=TEST,
    )


def new_section(
    merchant: Merchant, *, code: str, name: str = "长宁路", ground: str = "road", berths: int = 3
) -> Section:
    """A section with berths CODE-001, CODE-002, …"""
    tariff = merchant_tariff(merchant)
    section = services.add_section(
        merchant_id=merchant.pk, name=name, code=code, ground=ground, tariff_id=tariff, actor=TEST
    )
    for number in range(1, berths + 1):
        services.add_berth(
            section_id=section.pk, code=f"{code}-{number:03d}", number=str(number), actor=TEST
        )
    return section


def merchant_tariff(merchant: Merchant) -> int:
    known = TariffVersion.objects.filter(tariff__merchant=merchant).first()
    return (known or new_tariff(merchant)).tariff_id


def photograph(seed: int = 0) -> str:
    """The hash of a small stored photograph, another one for another seed."""
    data = BytesIO()
    Image.new("RGB", (64, 48), (seed % 256, seed // 256 % 256, 90)).save(data, "JPEG")
    return images.keep(data.getvalue(), by=TEST)


_taken = itertools.count(1)


def new_photograph() -> str:
    """The hash of a stored photograph that nobody has kept before."""
    data = BytesIO()
    number = next(_taken)
    picture = Image.new("RGB", (64, 48), (40, 80, 120))
    picture.putpixel((0, 0), (number % 256, number // 256 % 256, number // 65536))
    picture.save(data, "PNG")
    return images.keep(data.getvalue(), by=TEST)


@transaction.atomic
def left_after(stay: ParkingSession, minutes: int) -> None:
    """The departure of a stay turns out to have been another one."""
    row = locks.lock(ParkingSession.objects.filter(pk=stay.pk))[0]
    left_at = row.arrived_at + timedelta(minutes=minutes)
    BerthEvent.objects.filter(stay=row, kind=BerthEvent.Kind.LEFT).update(occurred_at=left_at)
    money.amend(
        row,
        left_at=left_at,
        doubt="",
        actor=TEST,
        reason="the departure came late",
    )


@pytest.fixture
def section(clock: Any, merchant: Merchant) -> Section:
    """Three berths on ground of the merchant's own: A-001 to A-003."""
    return new_section(merchant, code="A", name="愚园路停车场", ground="own")


@pytest.fixture
def road(clock: Any, city: Merchant) -> Section:
    """Three berths of the city on a public road: R-001 to R-003."""
    return new_section(city, code="R", name="长宁路", ground="road")


@pytest.fixture
def berth(section: Section) -> Berth:
    return Berth.objects.get(code="A-001")


@pytest.fixture
def stay_of() -> Callable[..., ParkingSession]:
    """Makes stays: `stay_of(berth, plate, minutes=90)` has left, without `minutes` it stands there.

    The plate is settled by a person's word, which is what `plate=None` leaves out.
    """

    def make(
        berth: Berth,
        plate: plates.Plate | None = PLATE,
        *,
        minutes: int | None = None,
        ago_min: int | None = None,
    ) -> ParkingSession:
        now = business_clock.now()
        arrived_at = now - timedelta(minutes=ago_min if ago_min is not None else minutes or 0)
        stay_id = services.open_stay(berth_id=berth.pk, occurred_at=arrived_at, said_by=TEST)
        assert stay_id is not None
        if plate is not None:
            services.correct_plate(
                stay_id=stay_id,
                plate_text=plate.text,
                plate_colour=plate.colour_text,
                actor=TEST,
                why="test",
            )
        if minutes is not None:
            services.close_stay(
                berth_id=berth.pk,
                occurred_at=arrived_at + timedelta(minutes=minutes),
                said_by=TEST,
            )
        return ParkingSession.objects.get(pk=stay_id)

    return make


@pytest.fixture
def enrolled() -> Callable[..., int]:
    """Enrols devices: `enrolled("C-001", "camera", merchant)` gives its id."""

    def enrol(code: str, kind: str, merchant: Merchant) -> int:
        device, _key = devices.enroll(
            code=code, kind=kind, merchant_id=merchant.pk, name=code, actor=TEST
        )
        return device.pk

    return enrol


@pytest.fixture
def seen() -> Callable[..., Sighting]:
    """Makes sightings: `seen(device_id, merchant, berth=berth, purpose="arrival")`."""

    def see(
        device_id: int,
        merchant: Merchant,
        *,
        berth: Berth | None = None,
        kind: str = "handheld",
        purpose: str = "capture",
        seed: int = 0,
    ) -> Sighting:
        sighting_id = services.take_sighting(
            device_id=device_id,
            kind=kind,
            merchant_id=merchant.pk,
            attendant="user:1" if kind == "handheld" else None,
            image_sha=photograph(seed),
            occurred_at=business_clock.now(),
            purpose=purpose,
            berth_code=berth.code if berth else None,
        )
        return Sighting.objects.get(pk=sighting_id)

    return see

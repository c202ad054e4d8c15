"""A town where everything that an interface tells of has happened, and who asks there."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import Resolver404, resolve

from accounts.models import Merchant, User
from arrears.models import Debt
from core import clock as business_clock
from core.plates import Colour, Plate
from devices import services as devices
from devices.models import Device
from monthlycard.models import Card, Statement
from monthlycard.rules import signing
from parking import services as parking
from parking.models import Berth, ParkingSession, ReviewItem, Section, Sighting
from recovery.models import RecoveryOrder
from tests.arrears.conftest import holder, pass_time  # noqa: F401
from tests.interfaces.document import Document, document
from tests.monthlycard import desk
from tests.monthlycard.conftest import World, agreed, card, world  # noqa: F401
from tests.parking.test_plates import reading
from tests.recovery.conftest import bind, debts, lock, make_debt, make_lock, order, raised, standing  # noqa: F401  # noqa: F401
from tests.street import OTHER_PLATE, PLATE, TEST, new_section

JSON = "application/json"
THIRD_PLATE = Plate("沪C33333", Colour.blue)


@dataclass(frozen=True)
class Lot:
    """A lot's system, which signs what it asks (docs/lot-protocol.md)."""

    code: str
    secret: str

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        now, nonce = str(time.time_ns() // 10**6), uuid4().hex
        signature = signing.sign_request(
            self.secret, method=method, path=path, time=now, nonce=nonce, body=body
        )
        return {
            signing.LOT: self.code,
            signing.TIME: now,
            signing.NONCE: nonce,
            signing.SIGNATURE: signature,
        }


@dataclass(frozen=True)
class Camera:
    """A device, which shows its key."""

    key: str

    def headers(self, method: str, path: str, body: bytes) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


@dataclass(frozen=True)
class Ask:
    """One request: who asks, where, what."""

    by: Client | Lot | Camera
    method: str
    path: str  # as the document writes it: `/api/v1/arrears/debts/{id}/`
    values: dict[str, Any] = field(default_factory=dict)
    body: Any = None  # sent as JSON, unless it is bytes
    query: dict[str, Any] = field(default_factory=dict)
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def view(self) -> str | None:
        """Where Django leads it to; None for nowhere."""
        try:
            return resolve(self.path.format(**self.values)).route
        except Resolver404:
            return None

    def send(self) -> Any:
        values = {name: quote(str(value), safe="") for name, value in self.values.items()}
        path = self.path.format(**values)
        if self.query:
            path += f"?{urlencode(self.query)}"
        body = self.body
        if not isinstance(body, bytes):
            body = b"" if body is None else json.dumps(body).encode()
        client, headers = self.by, self.headers
        if not isinstance(client, Client):
            headers = {**client.headers(self.method.upper(), path, body), **headers}
            client = Client()
        return client.generic(self.method.upper(), path, body, self.kind, headers=headers)


@dataclass
class Town:
    clerk: Client  # of the merchant's
    driver: Client  # the owner's
    anyone: Client
    operator: Client
    merchant: Merchant
    owner: User
    debt: Debt
    raised: RecoveryOrder
    berth: Berth  # where the raised lock's vehicle stands
    corner: Berth  # where another vehicle that owes stands, without a lock yet
    free_lock: Device
    parked_again: ParkingSession  # the stay before the raised lock
    left: ParkingSession
    parked: ParkingSession
    sighting: Sighting
    review: ReviewItem
    camera: Camera
    lots: World
    east: Lot
    card: Card
    statement: Statement


@pytest.fixture
def town(
    request: pytest.FixtureRequest,
    merchant: Merchant,
    holder: User,  # noqa: F811
    section: Section,
    stay_of: Callable[..., ParkingSession],
    pass_time: Callable[..., None],  # noqa: F811
    seen: Callable[..., Sighting],
    enrolled: Callable[..., int],
    run_reactions: Callable[[], int],
) -> Town:
    own = Berth.objects.filter(section=section).order_by("position")

    # A vehicle that owes is listed and seen; then a lock goes up before it.
    found: list[Debt] = request.getfixturevalue("debts")
    pass_time(hours=73)
    handheld = enrolled("H-1", "handheld", merchant)
    parking.settle_plate(
        sighting_id=seen(handheld, merchant).pk, plate=PLATE, by=TEST, why="test", confidence=1.0
    )
    run_reactions()
    order: RecoveryOrder = request.getfixturevalue("raised")  # noqa: F811

    # Other stays, and a reading that a person must look at.
    lane = new_section(merchant, code="B", name="后街", ground="own", berths=4)
    places = list(Berth.objects.filter(section=lane).order_by("position"))
    left = stay_of(places[0], OTHER_PLATE, minutes=100)
    parked = stay_of(places[1], OTHER_PLATE, ago_min=50)
    stay_of(places[2], None)
    device, key = devices.enroll(
        code="C-1", kind="camera", merchant_id=merchant.pk, name="C-1", actor=TEST
    )
    Device.objects.filter(pk=device.pk).update(state="active")
    parking.cover(berth_id=places[2].pk, device_id=device.pk, actor=TEST)
    sighting = seen(device.pk, merchant, berth=places[2], kind="camera", purpose="arrival", seed=9)
    parking.take_reading(
        sighting_id=sighting.pk, reading=reading(confident=False, why="weak_character")
    )
    review = ReviewItem.objects.get(sighting=sighting)
    corner = places[3]
    for _time in range(2):
        make_debt(stay_of(corner, THIRD_PLATE, minutes=110))
    stay_of(corner, THIRD_PLATE)
    run_reactions()

    # Lots, a card, a visit with it, and the statement about that.
    lots: World = request.getfixturevalue("world")
    owned: Card = request.getfixturevalue("card")
    desk.signed(lots.east)
    desk.report(lots.east, owned, 1, business_clock.now(), hours=3)
    business_clock.advance(timedelta(days=7))
    from monthlycard import services as cards

    cards.close_due()
    return Town(
        clerk=request.getfixturevalue("merchant_client"),
        driver=request.getfixturevalue("owner_client"),
        anyone=request.getfixturevalue("anonymous"),
        operator=request.getfixturevalue("operator_client"),
        merchant=merchant,
        owner=holder,
        debt=found[0],
        raised=order,
        berth=own[0],
        corner=corner,
        free_lock=make_lock(merchant, "L-2"),
        parked_again=ParkingSession.objects.get(berth=own[0], state="parked"),
        left=left,
        parked=parked,
        sighting=sighting,
        review=review,
        camera=Camera(key),
        lots=lots,
        east=Lot("east", lots.secrets["east"]),
        card=owned,
        statement=Statement.objects.get(lot=lots.east),
    )


@pytest.fixture
def told() -> Document:
    """The document of the interfaces."""
    return document()

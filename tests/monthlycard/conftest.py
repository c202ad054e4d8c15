"""Two lots of different makers, a plan that opens both, an owner with a card."""

from dataclasses import dataclass
from typing import Any

import pytest

from accounts.models import User
from core import clock as business_clock
from monthlycard import services
from monthlycard.client import AskLot, ListLot, LotClient
from monthlycard.models import Agreement, Card, LotSystem, Plan
from parking.models import Section, Tariff
from tests.monthlycard.rules.test_fees import HOURLY
from tests.people import TEST, prove

PLATE = ("沪A12345", "blue")


@pytest.fixture(autouse=True)
def _whole(writes_are_whole: None) -> None:
    """No service of a test here writes or locks in pieces."""


@dataclass
class World:
    """The platform's side: both lots with their secrets, and the plan that opens them."""

    east: LotSystem
    west: LotSystem
    secrets: dict[str, str]
    plan: Plan


def lot(merchant: Any, code: str, maker: str) -> tuple[LotSystem, str]:
    tariff, _created = Tariff.objects.get_or_create(merchant=merchant, name="lots")
    section = Section.objects.create(
        merchant=merchant, name=f"{code} 停车场", code=code, ground="own", tariff=tariff
    )
    return services.add_lot_system(
        code=code, maker=maker, section_id=section.pk, merchant_id=merchant.pk, actor=TEST
    )


def agreed(lot: LotSystem, **terms: Any) -> Agreement:
    """An agreement that the platform has signed and the lot is to sign."""
    facts = {
        "terms": HOURLY.to_json(),
        "period": "week",
        "period_day": 1,
        "valid_from": business_clock.now(),
        **terms,
    }
    agreement = services.draft_agreement(lot=lot, actor=TEST, **facts)
    services.sign_by_platform(agreement=agreement, actor=TEST)
    return agreement


@pytest.fixture
def world(clock, merchant, other_merchant) -> World:
    east, east_secret = lot(merchant, "east", "Alpha")
    west, west_secret = lot(other_merchant, "west", "Beta")
    plan = Plan.objects.create(
        merchant=merchant,
        code="month",
        name="通停月卡",
        price_fen=30000,
        days=30,
        quota_kind="money",
        quota=30000,
    )
    plan.lots.set([east, west])
    return World(east, west, {"east": east_secret, "west": west_secret}, plan)


def grant_card(owner: User, plan: Plan, plate: tuple[str, str] = PLATE) -> Card:
    """A paid card of this person for this plate."""
    prove(owner, *plate)
    card = services.apply(
        user_id=owner.pk,
        plan_code=plan.code,
        plate_text=plate[0],
        plate_colour=plate[1],
        evidence_sha="",
        actor=TEST,
    )
    services.grant(card=card, actor=TEST)
    return card


@pytest.fixture
def card(world: World, owner: User) -> Card:
    return grant_card(owner, world.plan)


@pytest.fixture
def live_world(live, world: World) -> World:
    """The same, served on real sockets."""
    for system in (world.east, world.west):
        agreed(system)
    return world


@pytest.fixture
def list_lot(live, live_world: World) -> ListLot:
    found = ListLot(LotClient(live.http, "east", live_world.secrets["east"]))
    found.agree()
    return found


@pytest.fixture
def ask_lot(live, live_world: World) -> AskLot:
    found = AskLot(LotClient(live.http, "west", live_world.secrets["west"]))
    found.agree()
    return found

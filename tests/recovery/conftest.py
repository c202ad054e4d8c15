"""Hands for the tests of recovery: a vehicle with debts on own ground, a lock, and its order."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from accounts.models import Merchant
from arrears import services as arrears
from arrears.models import Debt, Demand, ListingRule
from core import clock as business_clock
from devices import services as devices
from devices.models import Command, Device
from parking.models import Berth, ParkingSession
from payments import services as payments
from recovery import services
from recovery.models import LockTerms, RecoveryOrder
from tests.street import OTHER_PLATE, PLATE, TEST, new_photograph


@pytest.fixture(autouse=True)
def _whole(writes_are_whole: None) -> None:
    """No service of a test here writes or locks in pieces."""


@pytest.fixture(autouse=True)
def _any_debt_lists(request: pytest.FixtureRequest) -> None:
    """Here any debt lists, however small: the listing rule is tested with the debts."""
    if {"merchant", "city"} & set(request.fixturenames):
        request.getfixturevalue("clock")
        arrears.set_rule(ListingRule(amount_fen=1, count=1, why="tests"), actor=TEST)


def make_debt(stay: ParkingSession, *, demanded: bool = True) -> Debt:
    """The window of an unpaid stay has ended; its debt, demanded, and the grace for it over."""
    arrears.start_pay_window(stay_id=stay.pk)
    business_clock.advance(timedelta(hours=80))
    arrears.end_pay_windows()
    debt = arrears.open_debt(stay_id=stay.pk)
    assert debt is not None
    arrears.agree([debt.look.pk], actor="user:1")
    if demanded:
        demand = arrears.make_demand(debt_id=debt.pk)
        assert demand is not None
        arrears.deliver_demand(demand_id=demand.pk, evidence="paper", actor=TEST)
        assert Demand.objects.get(pk=demand.pk).state == "delivered"
        business_clock.advance(timedelta(hours=settings.BOWEI_GRACE_H, seconds=1))
        arrears.end_graces()
    debt.refresh_from_db()
    return debt


def make_lock(merchant: Merchant, code: str = "L-1", **facts: Any) -> Device:
    """A lock of this merchant's: connected, down, charged."""
    device, _key = devices.enroll(code=code, kind="lock", merchant_id=merchant.pk, actor=TEST)
    told = {"position": "lowered", "battery_pct": 90, **facts}
    Device.objects.filter(pk=device.pk).update(online=True, state="active", facts=told)
    device.refresh_from_db()
    return device


@pytest.fixture
def debts(section: Any, stay_of: Callable[..., ParkingSession]) -> list[Debt]:
    """Two debts of PLATE over 1200 fen each, on the merchant's own ground, demanded; the merchant
    uses locks from ¥10 on."""
    LockTerms.objects.create(merchant=section.merchant, floor_fen=1000)
    berths = Berth.objects.filter(section=section).order_by("position")
    return [make_debt(stay_of(berths[n], minutes=110)) for n in (0, 1)]


@pytest.fixture
def standing(debts: list[Debt], berth: Berth, stay_of: Callable[..., ParkingSession]) -> Berth:
    """The debtor's vehicle stands in A-001 again."""
    stay_of(berth)
    return berth


@pytest.fixture
def lock(merchant: Merchant) -> Device:
    return make_lock(merchant)


@pytest.fixture
def key(merchant: Merchant) -> str:
    """The key of L-7, a lock that a test brings to life on a socket."""
    _device, key = devices.enroll(code="L-7", kind="lock", merchant_id=merchant.pk, actor=TEST)
    return key


def bind(merchant: Merchant, berth: Berth, lock: Device, **changed: Any) -> RecoveryOrder:
    asked: dict[str, Any] = {
        "merchant_id": merchant.pk,
        "plate_text": PLATE.text,
        "plate_colour": str(PLATE.colour),
        "berth_id": berth.pk,
        "device_id": lock.pk,
        "second_look": look(),
        "actor": "user:1",
    }
    return services.bind(**{**asked, **changed})


def look(typed: str = "沪A·12345") -> dict[str, str]:
    """A person has read the plate and photographed the vehicle."""
    return {"typed": typed, "sha256": new_photograph()}


@pytest.fixture
def order(standing: Berth, merchant: Merchant, lock: Device) -> RecoveryOrder:
    """Bound: the vehicle's two debts and the lock."""
    return bind(merchant, standing, lock)


@pytest.fixture
def paper(section: Any, stay_of: Any) -> Demand:
    """A debt of OTHER_PLATE, whose holder nobody knows, waits to be asked for on paper."""
    debt = make_debt(
        stay_of(Berth.objects.get(code="A-003"), OTHER_PLATE, minutes=90), demanded=False
    )
    demand = arrears.make_demand(debt_id=debt.pk)
    assert demand is not None and demand.channel == "paper"
    return demand


@pytest.fixture
def raised(order: RecoveryOrder) -> RecoveryOrder:
    """The lock stands up before the vehicle."""
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    services.raise_lock(order.pk, actor="user:1")
    say(order, "raised")
    order.refresh_from_db()
    assert order.state == "raised"
    return order


def say(order: RecoveryOrder, position: str, cause: str = "command", **more: Any) -> None:
    """The lock reports where it is."""
    services.take_lock_report(
        **{
            "device_id": order.device_id,
            "order_code": order.code,
            "position": position,
            "cause": cause,
            "battery_pct": 88,
            "occurred_at": business_clock.now(),
            "actor": "device:L-1",
            **more,
        }
    )
    facts = Device.objects.get(pk=order.device_id).facts
    Device.objects.filter(pk=order.device_id).update(facts={**facts, "position": position})


def pay(*things: tuple[str, int]) -> Any:
    """Somebody pays for these things at a counter."""
    payment = payments.open_order(items=list(things), actor=TEST)
    payments.pay_at_counter(payment.pk, TEST)
    return payment


def told(order: RecoveryOrder) -> list[str]:
    """The commands that the lock of an order was given, oldest first."""
    rows = Command.objects.filter(device_id=order.device_id).order_by("pk")
    return list(rows.values_list("action", flat=True))

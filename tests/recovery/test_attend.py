"""The attendant's page: a vehicle looked up, its bill, cash and code at the car, and what was noted
without network."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, User
from core import clock as business_clock
from parking.models import Berth, ParkingSession
from payments.models import Attempt, CashShift, Order
from tests.people import logged_in
from tests.street import OTHER_PLATE, PLATE
from tests.trail import said

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}
PAGE, ACTS = "/attend/", "/attend/acts/"


@pytest.fixture
def phone(attendant: User) -> Client:
    return logged_in(attendant)


@pytest.fixture
def parked(berth: Berth, stay_of: Callable[..., ParkingSession]) -> ParkingSession:
    """It has stood there for 90 minutes: ¥12.00."""
    return stay_of(berth, PLATE, ago_min=90)


def looked_up(phone: Client, plate: str = "沪a·12345") -> str:
    answer = phone.post(PAGE, {"plate": plate})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def act(amount: str = "12", plate: str = PLATE.text, *, ago_min: int = 0) -> dict[str, Any]:
    at = business_clock.real() - timedelta(minutes=ago_min)
    at_ms = int(at.timestamp() * 1000)
    return {"kind": "cash", "id": str(uuid4()), "plate": plate, "amount": amount, "at_ms": at_ms}


def tell(phone: Client, said: dict[str, Any]) -> Any:
    return phone.post(ACTS, said, headers={**ENGLISH, "Accept": "application/json"})


def test_a_plate_leads_to_the_bill_with_its_code_and_cash_is_one_touch(
    phone: Client, parked: ParkingSession, attendant: User
) -> None:
    bill = looked_up(phone)
    shown = phone.get(bill, headers=ENGLISH).content.decode()
    assert "I have ¥12.00 in cash" in shown and "<svg" in shown and "12345" in shown
    phone.post(bill)
    [attempt] = Attempt.objects.all()
    assert (attempt.state, attempt.amount_fen) == ("paid", 1200)
    assert attempt.shift is not None and attempt.shift.person == attendant.actor
    shown = phone.get(bill, headers=ENGLISH).content.decode()
    assert "Print the receipt" in shown and "in cash" not in shown
    phone.post(bill)  # touched twice
    assert Attempt.objects.count() == 1
    assert "plate looked for" in [one[0] for one in said(attendant)]


def test_the_bill_is_of_all_that_the_vehicle_owes_here(
    phone: Client, section: Any, berth: Berth, stay_of: Callable[..., ParkingSession]
) -> None:
    stay_of(berth, PLATE, ago_min=600, minutes=60)
    stay_of(Berth.objects.get(code="A-002"), PLATE, ago_min=90)
    stay_of(Berth.objects.get(code="A-003"), OTHER_PLATE, ago_min=90)
    looked_up(phone)
    assert Order.objects.get().amount_fen == 600 + 1200


def test_what_is_paid_or_stands_elsewhere_has_no_bill(
    phone: Client, road: Any, stay_of: Callable[..., ParkingSession]
) -> None:
    stay_of(Berth.objects.get(code="R-001"), PLATE, ago_min=90)  # the city's
    answer = phone.post(PAGE, {"plate": PLATE.text}, headers=ENGLISH)
    assert answer.status_code == 409
    assert "There is nothing to pay here any more." in answer.content.decode()
    assert not Order.objects.exists()


def test_an_odd_plate_is_said_in_its_field(phone: Client, section: Any) -> None:
    assert phone.post(PAGE, {"plate": "12"}).status_code == 400


def test_nobody_sees_or_takes_for_the_bill_of_another_merchant(
    phone: Client, parked: ParkingSession, other_merchant_client: Client
) -> None:
    bill = looked_up(phone)
    assert other_merchant_client.get(bill).status_code == 404
    assert other_merchant_client.post(bill).status_code == 404


# ── Without network ──────────────────────────────────────────────────────────────────────────
def test_cash_that_waited_in_the_phone_is_noted_once_and_as_of_when_it_was_taken(
    phone: Client, parked: ParkingSession
) -> None:
    noted = act("12", ago_min=20)
    first, second = tell(phone, noted), tell(phone, noted)
    assert (first.status_code, first.json()) == (200, second.json())
    assert first.json()["text"] == "Noted: ¥12.00."
    [attempt] = Attempt.objects.all()
    assert attempt.paid_at is not None
    ago = business_clock.real() - attempt.paid_at
    assert timedelta(minutes=20) <= ago < timedelta(minutes=21)


def test_cash_from_a_wrong_clock_counts_from_when_we_hear_of_it(
    phone: Client, parked: ParkingSession
) -> None:
    for minutes in (-60, 13 * 60):
        assert tell(phone, act("1", ago_min=minutes)).status_code == 200
    for attempt in Attempt.objects.all():
        assert attempt.paid_at is not None
        assert abs(business_clock.real() - attempt.paid_at) < timedelta(minutes=1)


def test_too_much_is_said_to_who_took_it(phone: Client, parked: ParkingSession) -> None:
    told = tell(phone, act("20")).json()
    assert told["rest"] is True
    assert told["text"] == "Noted: ¥12.00. ¥8.00 was too much: give it back."


def test_a_refusal_says_why_and_notes_nothing(
    phone: Client, parked: ParkingSession, berth: Berth
) -> None:
    told = tell(phone, act("6", plate=OTHER_PLATE.text))
    assert (told.status_code, told.json()["code"]) == (409, "nothing_due")
    for odd in ("0", "-1", "x", ""):
        assert tell(phone, act(odd)).status_code == 400
    for name in ("kind", "id", "plate", "amount", "at_ms"):
        assert tell(phone, {**act(), name: "?"}).status_code == 400
    assert not CashShift.objects.exists()


def test_the_same_key_of_another_person_is_another_act(
    phone: Client, parked: ParkingSession, cashier: User
) -> None:
    noted = act("5")
    assert tell(phone, noted).status_code == 200
    assert tell(logged_in(cashier), noted).status_code == 200
    assert Attempt.objects.count() == 2


def test_the_phone_is_given_what_keeps_the_page(
    anonymous: Client, phone: Client, merchant: Merchant, clock: Any
) -> None:
    worker = anonymous.get(reverse("recovery.attend_worker")).content.decode()
    assert 'const PAGE = "/attend/";' in worker and "attend.js" in worker
    manifest = anonymous.get(reverse("recovery.attend_manifest")).json()
    assert (manifest["scope"], manifest["display"]) == ("/attend/", "standalone")
    assert anonymous.get(PAGE).status_code == 302  # to log in
    shown = phone.get(PAGE, headers=ENGLISH).content.decode()
    assert "Show the bill" in shown and "Nothing waits" in shown


def test_the_portal_leads_only_where_one_may_go(
    phone: Client, merchant_client: Client, section: Any
) -> None:
    def leads(client: Client) -> list[str]:
        page = client.get("/merchant/", headers=ENGLISH).content.decode()
        return re.findall(r'<a href="/merchant/([^"]*)"', page.split("<main")[0])

    assert leads(phone) == ["", "stays/", "debts/", "recovery/", "devices/", "cash/"]
    assert [*leads(merchant_client)[5:]] == ["cards/", "money/", "payouts/", "cash/"]

"""A plate is understood alike at every door, and refused with the same sentence."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Merchant, PlateHolding, User
from arrears import services as arrears
from arrears.models import ListingRule
from core import clock as business_clock
from core.errors import Invalid
from core.plates import Colour, Plate
from core.typed import typed_plate
from monthlycard import services as monthlycard
from monthlycard.models import Card, Plan
from parking import services as parking
from parking.models import Berth, ParkingSession, Prepayment, ReviewItem
from recovery.models import LockTerms, RecoveryOrder
from tests.people import TEST, logged_in, prove
from tests.recovery.conftest import bind, look, make_debt, make_lock

WRITTEN = [
    "沪A12345",
    "沪a12345",
    "沪A·12345",
    " 沪 A 12345 ",
    "沪Ａ１２３４５",
    "沪ａ・12345",
    "沪A-123.45",
]
"""One plate as people, keyboards and other systems write it."""


class Street:
    """A merchant's berth with a vehicle in it, an owner and a plan of cards."""

    def __init__(self, merchant: Merchant, owner: User, stay_of: Any) -> None:
        self.merchant, self.owner, self.stay_of = merchant, owner, stay_of
        self.client: Client = logged_in(owner)

    def stands(self, plate: Plate | None = None) -> ParkingSession:
        stay: ParkingSession = self.stay_of(Berth.objects.get(code="A-001"), plate)
        return stay

    def plan(self) -> Plan:
        return Plan.objects.create(
            merchant=self.merchant,
            code="month",
            name="月卡",
            price_fen=30000,
            days=30,
            quota_kind="money",
            quota=30000,
        )


@pytest.fixture
def street(merchant: Merchant, section: Any, owner: User, stay_of: Any) -> Street:
    return Street(merchant, owner, stay_of)


def the_answer_to_a_review(street: Street, text: str) -> Any:
    stay = street.stands()
    item = ReviewItem.objects.create(
        kind="plate",
        why="no_plate",
        merchant=street.merchant,
        stay=stay,
        opened_at=business_clock.now(),
    )
    return parking.settle_review(
        item_id=item.pk, verdict="plate", plate_text=text, plate_colour="blue", actor=TEST
    )


def a_correction(street: Street, text: str) -> Any:
    return parking.correct_plate(
        stay_id=street.stands().pk, plate_text=text, plate_colour="blue", actor=TEST, why="seen"
    )


def a_past_stay_in_a_file(street: Street, text: str) -> Any:
    at = street.stands().arrived_at.isoformat()
    row = {"plate": text, "colour": "blue", "berth": "A-002", "arrived_at": at, "left_at": at}
    parking.import_history([row], actor=TEST)
    return ParkingSession.objects.get(berth__code="A-002")


def a_draft_on_the_page(street: Street, text: str) -> Any:
    section = Berth.objects.get(code="A-001").section_id
    asked = {"section": section, "plate": text, "colour": "blue", "minutes": 60}
    return _kept(street.client.post("/prepay/", asked), Prepayment)


def a_draft_over_the_interface(street: Street, text: str) -> Any:
    asked = {"section": "A", "plate": text, "colour": "blue", "minutes": 60}
    answer = Client().post(
        "/api/v1/parking/prepayments/", asked, content_type="application/json", headers=CHINESE
    )
    return _kept(answer, Prepayment)


def the_second_plate_of_a_draft(street: Street, text: str) -> Any:
    section = street.stands().section_id
    draft = parking.draft_prepayment(plate_text="沪B67890", minutes=60, section_id=section)
    parking.candidate_berths(draft.token)
    parking.choose_berth(draft.token, "A-001")
    parking.submit_prepayment(draft.token, text, "blue")
    return Prepayment.objects.get()


def a_plate_of_ones_own(street: Street, text: str) -> Any:
    answer = street.client.post("/me/plates/", {"plate": text, "colour": "blue"})
    return _kept(answer, PlateHolding)


def a_card_on_the_page(street: Street, text: str) -> Any:
    street.plan()
    asked = {"plan": "month", "plate": text, "colour": "blue"}
    return _kept(street.client.post("/cards/", asked), Card)


def a_card_over_the_interface(street: Street, text: str) -> Any:
    street.plan()
    asked = {"plan": "month", "plate": text, "colour": "blue"}
    answer = street.client.post(
        "/api/v1/monthlycard/cards/", asked, content_type="application/json", headers=CHINESE
    )
    return _kept(answer, Card)


def another_vehicle_on_a_card(street: Street, text: str) -> Any:
    plan = street.plan()
    for plate in ("沪B67890", "沪A12345"):
        prove(street.owner, plate, "blue")
    card = monthlycard.apply(
        user_id=street.owner.pk,
        plan_code=plan.code,
        plate_text="沪B67890",
        plate_colour="blue",
        evidence_sha="",
        actor=TEST,
    )
    monthlycard.grant(card=card, actor=TEST)
    monthlycard.change_plate(card_id=card.pk, plate_text=text, plate_colour="blue", actor=TEST)
    return Card.objects.get()


def a_recovery_order(street: Street, text: str) -> Any:
    plate = Plate("沪A12345", Colour.blue)
    LockTerms.objects.create(merchant=street.merchant, floor_fen=1000)
    arrears.set_rule(ListingRule(amount_fen=1, count=1, why="tests"), actor=TEST)
    make_debt(street.stay_of(Berth.objects.get(code="A-002"), plate, minutes=110))
    street.stands(plate)
    lock = make_lock(street.merchant)
    bind(
        street.merchant,
        Berth.objects.get(code="A-001"),
        lock,
        plate_text=text,
        second_look=look(text),
    )
    return RecoveryOrder.objects.get()


CHINESE = {"Accept-Language": "zh-hans"}
DOORS: list[Callable[[Street, str], Any]] = [
    the_answer_to_a_review,
    a_correction,
    a_past_stay_in_a_file,
    a_draft_on_the_page,
    a_draft_over_the_interface,
    the_second_plate_of_a_draft,
    a_plate_of_ones_own,
    a_card_on_the_page,
    a_card_over_the_interface,
    another_vehicle_on_a_card,
    a_recovery_order,
]


def _kept(answer: Any, rows: Any) -> Any:
    """The row that a door made; Invalid with the words of its answer where it made none."""
    row = rows.objects.first()
    if row is None:
        told = (
            answer.json()["title"] if "json" in answer["Content-Type"] else answer.content.decode()
        )
        raise Invalid("refused", told)
    return row


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_plate_is_the_same_however_it_is_written(
    door: Callable[[Street, str], Any], text: str, street: Street
) -> None:
    row = door(street, text)
    assert (row.plate_text, row.plate_colour) == ("沪A12345", "blue")


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_what_is_no_plate_is_refused_with_its_reason_and_near_plates_in_chinese(
    door: Callable[[Street, str], Any], street: Street
) -> None:
    with translation.override("zh-hans"), pytest.raises(Invalid) as refused:
        door(street, "沪AI2345")
    assert "序号中不用字母 I 和 O，只用数字 1 和 0。" in refused.value.message
    assert "沪A12345" in refused.value.message


@pytest.mark.parametrize(
    ("language", "text", "colour", "said"),
    [
        ("en", "", "", "There is no plate here."),
        ("zh-hans", "", "", "这里没有车牌。"),
        ("en", "沪A1234", "", "The plate is too short; it has 7 characters, or 8 for new energy."),
        ("zh-hans", "沪A12345", "green", "这个车牌不会是这种颜色。它的颜色是蓝或黄。"),
        (
            "en",
            "沪A12345",
            "purple",
            "This plate can't have that colour. This one is blue or yellow.",
        ),
        (
            "en",
            "滬A12345",
            "blue",
            "A character is not one of a plate: a letter of another alphabet, or a traditional "
            "character. Perhaps it is one of these: 沪A12345",
        ),
    ],
)
def test_the_reason_is_said_in_the_readers_language(
    language: str, text: str, colour: str, said: str
) -> None:
    with translation.override(language), pytest.raises(Invalid) as refused:
        typed_plate(text, colour)
    assert (refused.value.code, refused.value.message) == ("bad_plate", said)
    assert refused.value.fields == {"plate": said}


def test_a_large_new_energy_vehicle_that_is_called_green_keeps_its_card(street: Street) -> None:
    """A camera knows one green; the plate of this kind is yellow and green."""
    plan = street.plan()
    prove(street.owner, "沪A12345D", "green")
    card = monthlycard.apply(
        user_id=street.owner.pk,
        plan_code=plan.code,
        plate_text="沪A12345D",
        plate_colour="green",
        evidence_sha="",
        actor=TEST,
    )
    card.refresh_from_db()
    assert (card.plate_colour, card.state) == ("yellow_green", "verified")

"""What was said of a stay holds the one that it is a part of (docs/rules.md L1, L3)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SmsMessage
from arrears import services
from arrears.models import Debt, Dispute
from arrears.services import disputes
from parking import services as parking
from parking.models import Berth, ParkingSession, ReviewItem
from tests.parking.test_stays import arrive, leave
from tests.street import PLATE
from tests.trail import said

pytestmark = pytest.mark.django_db
PHONE = "13800001111"


@pytest.fixture
def parts(berth: Berth, clock: Any, pass_time: Any) -> tuple[int, int]:
    """Two stays of one vehicle, until it is told late that the sensor flapped between them."""
    clock.advance(timedelta(minutes=130))
    found = []
    for came, left in ((0, 60), (65, 120)):
        stay_id = arrive(berth, came)
        assert stay_id is not None
        parking.correct_plate(
            stay_id=stay_id, plate_text=PLATE.text, plate_colour="blue", actor="user:7", why="seen"
        )
        leave(berth, left)
        found.append(stay_id)
    pass_time(minutes=5)
    return found[0], found[1]


def told_late(berth: Berth, pass_time: Any) -> ParkingSession:
    arrive(berth, 61)
    leave(berth, 64)
    pass_time(minutes=1)
    return ParkingSession.objects.exclude(state="void").get()


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("hours", [0, 80])
def test_an_objection_to_a_part_holds_the_whole_until_it_is_answered(
    berth: Berth, parts: tuple[int, int], pass_time: Any, part: int, hours: int
) -> None:
    pass_time(hours=hours)
    [dispute] = services.object(
        stay_ids=[parts[part]], reason="amount", text="too much", reply_to=PHONE, actor="owner"
    )
    pass_time(minutes=1)
    stay = told_late(berth, pass_time)
    pass_time(hours=150)
    dispute.refresh_from_db()
    assert (dispute.state, [one.pk for one in dispute.stays.all()]) == ("open", [stay.pk])
    followed = [("followed", disputes.SYSTEM, "stay joined", {"stay_id": stay.pk})]
    assert said(dispute) == (followed if part else [])
    assert not Debt.objects.filter(state="open").exists()
    assert not SmsMessage.objects.filter(template__startswith="answer").exists()

    services.settle_dispute(
        dispute_id=dispute.pk, verdict="rejected", answer="It stood there.", actor="user:1"
    )
    pass_time(hours=80)
    assert Debt.objects.get(state="open").amount_fen == 1200


def test_an_objection_to_both_parts_names_the_whole_once(
    berth: Berth, parts: tuple[int, int], pass_time: Any
) -> None:
    services.object(stay_ids=parts, reason="amount", text="too much", actor="owner")
    stay = told_late(berth, pass_time)
    assert [one.pk for one in Dispute.objects.get(state="open").stays.all()] == [stay.pk]


def test_another_vehicles_objection_to_a_part_is_answered(
    berth: Berth, parts: tuple[int, int], pass_time: Any
) -> None:
    [dispute] = services.object(
        stay_ids=[parts[1]], reason="not_mine", reply_to=PHONE, actor="owner"
    )
    Dispute.objects.update(plate_text="沪B67890")
    told_late(berth, pass_time)
    dispute.refresh_from_db()
    assert dispute.state == "upheld"


def test_who_cancels_the_whole_answers_what_was_said_of_a_part(
    berth: Berth, parts: tuple[int, int], pass_time: Any
) -> None:
    [dispute] = services.object(stay_ids=[parts[1]], reason="amount", actor="owner")
    stay = told_late(berth, pass_time)
    parking.void_stay(stay_id=stay.pk, actor="user:1", reason="never was")
    pass_time(minutes=1)
    dispute.refresh_from_db()
    assert dispute.state == "upheld"


@pytest.mark.parametrize("doubted", [(0,), (1,), (0, 1)])
def test_a_doubt_about_a_part_is_one_about_the_whole(
    berth: Berth, parts: tuple[int, int], pass_time: Any, doubted: tuple[int, ...]
) -> None:
    for part in doubted:
        parking.doubt_plate(stay_id=parts[part], actor="owner")
    pass_time(minutes=1)
    stay = told_late(berth, pass_time)
    pass_time(hours=150)
    item = ReviewItem.objects.get(state="open")
    assert (item.stay_id, item.why) == (stay.pk, "doubted")
    assert not Debt.objects.exists()

    parking.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    pass_time(hours=80)
    assert Debt.objects.get(state="open").amount_fen == 1200


def test_a_doubt_about_a_photograph_of_a_part_is_one_about_the_whole(
    berth: Berth,
    parts: tuple[int, int],
    pass_time: Any,
    clock: Any,
    merchant: Any,
    enrolled: Any,
    seen: Any,
) -> None:
    hand = enrolled("H-1", "handheld", merchant)
    now = clock.now()
    clock.hold(ParkingSession.objects.get(pk=parts[1]).arrived_at + timedelta(minutes=5))
    sighting = seen(hand, merchant, berth=berth)
    clock.hold(now)
    assert sighting.stay_id == parts[1]
    parking.settle_plate(sighting_id=sighting.pk, plate=PLATE, by="user:7", why="test")
    parking.doubt_plate(sighting_id=sighting.pk, actor="owner")
    pass_time(minutes=1)
    stay = told_late(berth, pass_time)
    pass_time(hours=80)
    assert ReviewItem.objects.get(state="open").stay_id == stay.pk
    assert not Debt.objects.exists()

"""What people and devices said of a stay stands in its trail, and what follows in the outbox."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock as business_clock
from devices.models import Device
from parking import services
from parking.models import (
    Berth,
    BerthSensor,
    ParkingSession,
    ReviewItem,
    StayPayment,
)
from parking.services import gaps, moving, retelling
from parking.services.reviews import open_review
from tests.parking.test_money import CASHIER, pay
from tests.parking.test_stays import SAID, arrive, leave
from tests.street import OTHER_PLATE, PLATE, TERMS, TEST, left_after
from tests.trail import events, moves, said

pytestmark = pytest.mark.usefixtures("writes_are_whole")


# ── Places ───────────────────────────────────────────────────────────────────────────────────
def test_places_say_who_made_them(merchant: Any, clock: Any, enrolled: Any) -> None:
    version = services.publish_tariff(
        merchant_id=merchant.pk, name="x", terms=TERMS, actor="user:1"
    )
    section = services.add_section(
        merchant_id=merchant.pk,
        name="x",
        code="X",
        ground="own",
        actor="user:2",
        tariff_id=version.tariff_id,
    )
    berth = services.add_berth(section_id=section.pk, code="X-1", number="1", actor="user:3")
    sensor = services.place_sensor(
        berth_id=berth.pk, device_id=enrolled("S-1", "sensor", merchant), actor="user:4"
    )
    coverage = services.cover(
        berth_id=berth.pk, device_id=enrolled("C-1", "camera", merchant), actor="user:5"
    )
    post = services.post_handheld(
        section_id=section.pk, device_id=enrolled("H-1", "handheld", merchant), actor="user:6"
    )
    assert said(version) == [("published", "user:1", "", {})]
    assert said(section) == [("created", "user:2", "", {})]
    assert said(berth) == [("created", "user:3", "", {})]
    assert said(sensor) == [("placed", "user:4", "", {"berth_id": berth.pk})]
    assert said(coverage) == [("set", "user:5", "", {"berth_id": berth.pk})]
    assert said(post) == [("posted", "user:6", "", {"section_id": section.pk})]


def test_an_import_says_how_many_stays_it_added(berth: Berth, clock: Any) -> None:
    row = {
        "plate": PLATE.text,
        "colour": "blue",
        "berth": berth.code,
        "paid_at": "",
        "arrived_at": "2026-01-05T09:00:00+08:00",
        "left_at": "2026-01-05T10:00:00+08:00",
    }
    services.import_history([row], actor="user:1")
    services.import_history([row], actor="user:2")
    assert said(berth.section)[1:] == [
        ("history imported", "user:1", "", {"added": 1, "known": 0, "simulated": True}),
        ("history imported", "user:2", "", {"added": 0, "known": 1, "simulated": True}),
    ]


# ── Coming and going ─────────────────────────────────────────────────────────────────────────
def test_a_stay_says_that_it_came_and_went(berth: Berth, clock: Any) -> None:
    clock.advance(timedelta(hours=2))
    arrive(berth, 0)
    leave(berth, 60)
    stay = ParkingSession.objects.get()
    assert said(stay) == [("arrived", SAID, "", {})]
    assert moves(stay) == [("parked", "due", SAID, "")]
    assert events("parking.vehicle_arrived") == [{"stay_id": stay.pk}]
    assert events("parking.vehicle_left") == [{"stay_id": stay.pk}]
    assert events("parking.left_unpaid") == []  # its plate is not known


def test_a_stay_of_which_the_departure_was_heard_first_says_so(berth: Berth, clock: Any) -> None:
    clock.advance(timedelta(hours=2))
    leave(berth, 60)
    arrive(berth, 0)
    stay = ParkingSession.objects.get()
    assert said(stay) == [("arrived and left", SAID, "", {})]
    assert events("parking.vehicle_arrived") == [{"stay_id": stay.pk}]


def test_who_began_and_ended_a_stay_by_hand_says_why(berth: Berth, clock: Any) -> None:
    clock.advance(timedelta(hours=2))
    now = business_clock.now()
    stay_id = services.open_by_hand(
        berth_id=berth.pk, arrived_at=now - timedelta(hours=1), actor="user:1", reason="no sensor"
    )
    services.close_by_hand(stay_id=stay_id, left_at=now, actor="user:2", reason="seen off")
    stay = ParkingSession.objects.get(pk=stay_id)
    assert said(stay) == [
        ("arrived", "user:1", "", {}),
        ("opened by hand", "user:1", "no sensor", {}),
        ("closed by hand", "user:2", "seen off", {}),
    ]
    services.void_stay(stay_id=stay_id, actor="user:3", reason="a mistake")
    assert moves(stay)[-1] == ("due", "void", "user:3", "a mistake")
    assert events("parking.stay_voided") == [{"stay_id": stay_id}]


def test_a_stay_that_nobody_saw_leave_is_flagged_once(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth)
    business_clock.move_to(stay.check_departure_at + timedelta(seconds=1))
    assert [services.flag_long_stays() for _twice in range(2)] == [1, 0]
    who = "system:parking.flag_long_stays"
    assert said(stay)[-1] == ("flagged", who, "no departure", {})
    item = ReviewItem.objects.get(stay=stay, kind="stay")
    assert events("parking.stay_questioned") == [{"stay_id": stay.pk}]
    services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    assert said(stay)[-1] == ("kept", "user:7", "no_departure", {})
    assert events("parking.question_over") == [{"stay_id": stay.pk}]


def test_a_question_that_is_not_about_time_is_kept_with_its_reason(
    berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth)
    item = open_review(kind="stay", why="readings_differ", merchant_id=stay.merchant_id, stay=stay)
    services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    assert said(stay)[-1] == ("kept", "user:7", "readings_differ", {})


def test_the_gap_of_a_silent_sensor_is_said(
    berth: Berth, stay_of: Any, merchant: Any, enrolled: Any
) -> None:
    sensor = enrolled("S-1", "sensor", merchant)
    services.place_sensor(berth_id=berth.pk, device_id=sensor, actor=TEST)
    stay = stay_of(berth)
    Device.objects.update(silent=True)
    now = business_clock.now()
    for _twice in range(2):
        services.open_gaps(device_id=sensor, since=now)
    assert [one for one in said(stay) if one[0] == "gap began"] == [
        ("gap began", gaps.SYSTEM, "", {})
    ]
    assert BerthSensor.objects.count() == 1


# ── Plates ───────────────────────────────────────────────────────────────────────────────────
def test_a_plate_that_is_settled_doubted_and_corrected_says_by_whom(
    berth: Berth, stay_of: Any, merchant: Any, enrolled: Any, seen: Any
) -> None:
    stay = stay_of(berth, None)
    sighting = seen(enrolled("H-1", "handheld", merchant), merchant, berth=berth)
    services.settle_plate(sighting_id=sighting.pk, plate=PLATE, by="user:1", why="x")
    assert said(stay)[1:] == [("plate settled", "user:1", "", {"confidence": 1.0})]
    [settled] = events("parking.plate_settled")
    assert settled["stay_id"] == stay.pk
    assert settled["sighting_id"] == sighting.pk
    assert (settled["plate_text"], settled["plate_colour"]) == (PLATE.text, "blue")
    services.doubt_plate(stay_id=stay.pk, actor="owner")
    assert said(sighting)[-1] == ("plate doubted", "owner", "", {})
    services.correct_plate(
        stay_id=stay.pk,
        plate_text=OTHER_PLATE.text,
        plate_colour="blue",
        actor="user:2",
        why="misread",
    )
    assert ("plate corrected", "user:2", "misread", {}) in said(stay)
    assert events("parking.plate_corrected") == [
        {"stay_id": stay.pk, "old_text": PLATE.text, "old_colour": "blue"}
    ]


def corrected() -> list[dict[str, Any]]:
    """Plates that stays had and have no more, as it was told."""
    return [one for one in events("parking.plate_corrected") if one["old_text"]]


def test_a_plate_that_nobody_can_read_says_who_said_so_and_who_took_it_back(
    berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth)
    item = services.doubt_plate(stay_id=stay.pk, actor="owner")
    services.settle_review(item_id=item.pk, verdict="unreadable", actor="user:7")
    assert said(stay)[-1] == ("plate unreadable", "user:7", "", {})
    gone = {"stay_id": stay.pk, "old_text": PLATE.text, "old_colour": "blue"}
    assert corrected() == [gone]
    services.undo_review(item_id=item.pk, actor="user:7")
    assert said(stay)[-1] == ("plate verdict undone", "user:7", "", {})
    assert corrected() == [gone]  # it had none any more
    services.settle_review(
        item_id=item.pk,
        verdict="plate",
        plate_text=PLATE.text,
        plate_colour="blue",
        actor="user:7",
    )
    services.undo_review(item_id=item.pk, actor="user:7")
    assert corrected() == [gone] * 2


def test_two_photographs_that_show_two_vehicles_are_told(
    berth: Berth, stay_of: Any, merchant: Any, enrolled: Any, seen: Any
) -> None:
    hand = enrolled("H-1", "handheld", merchant)
    stay_of(berth)
    first, second = (seen(hand, merchant, berth=berth, seed=n) for n in (1, 2))
    assert [one["sighting_id"] for one in events("parking.image_taken")] == [first.pk, second.pk]
    services.settle_plate(sighting_id=first.pk, plate=PLATE, by=TEST, why="x")
    assert events("parking.seen_otherwise") == []
    services.settle_plate(sighting_id=second.pk, plate=OTHER_PLATE, by=TEST, why="x")
    assert events("parking.seen_otherwise") == [{"sighting_id": second.pk}]


# ── Money ────────────────────────────────────────────────────────────────────────────────────
def test_a_stay_left_unpaid_and_settled_is_told(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, minutes=90)
    assert events("parking.left_unpaid") == [{"stay_id": stay.pk}]
    business_clock.advance(timedelta(minutes=1))
    pay(("parking.stay", stay.pk))
    assert moves(stay)[-1] == ("due", "settled", CASHIER, "")


def test_a_departure_that_was_corrected_says_what_was_due_before(
    berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    was = stay.left_at.isoformat()
    left_after(stay, 200)
    facts = {"due_before_fen": 1200, "due_fen": 2400, "left_before": was}
    why = "the departure came late"
    assert said(stay)[-1] == ("amended", TEST, why, facts)
    assert events("parking.stay_repriced") == [
        {"stay_id": stay.pk, "was_fen": 1200, "due_fen": 2400, "why": why}
    ]
    left_after(stay, 10)
    assert events("parking.stay_settled") == [{"stay_id": stay.pk}]


def test_what_was_paid_too_much_is_told_with_its_key(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, minutes=90)
    pay(("parking.stay", stay.pk))
    services.void_stay(stay_id=stay.pk, actor=TEST, reason="x")
    payment = StayPayment.objects.get()
    [back] = events("parking.money_to_return")
    assert back == {
        "stay_id": stay.pk,
        "item_id": payment.order_item_id,
        "amount_fen": 1200,
        "reason": back["reason"],
        "key": f"stay:{stay.pk}:{payment.pk}:1200",
    }
    assert back["reason"]


def test_a_payment_that_moves_says_where_it_went(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, minutes=90)
    other = stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, minutes=90)
    pay(("parking.stay", stay.pk))
    payment = StayPayment.objects.get()
    moving.move_payment(payment_id=payment.pk, to_stay_id=other.pk, actor="user:3", reason="mixed")
    [moved] = [one for one in said(stay) if one[0] == "payment moved"]
    assert moved == (
        "payment moved",
        "user:3",
        "mixed",
        {
            "order": payment.order_number,
            "to_stay": other.pk,
            "moved_fen": 1200,
            "returned_fen": 0,
        },
    )


def test_a_stay_that_is_split_and_joined_again_says_of_which(
    berth: Berth, clock: Any, merchant: Any, enrolled: Any, seen: Any
) -> None:
    hand = enrolled("H-1", "handheld", merchant)
    first = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    mine = seen(hand, merchant, berth=berth, seed=1)
    services.settle_plate(sighting_id=mine.pk, plate=PLATE, by=TEST, why="x")
    clock.advance(timedelta(minutes=20))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    clock.advance(timedelta(seconds=20))
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    again = [{"stay_id": first}]
    assert events("parking.arrived_again") == again
    clock.advance(timedelta(seconds=5))
    other = seen(hand, merchant, berth=berth, seed=2)
    services.settle_plate(sighting_id=other.pk, plate=OTHER_PLATE, by=TEST, why="x")
    services.tell_anew(sighting_id=other.pk)
    kept = ParkingSession.objects.get(pk=first)
    extra = ParkingSession.objects.get(state="parked")
    assert extra != kept
    assert ("split", retelling.SYSTEM, "", {"stay_id": extra.pk}) in said(kept)
    assert ("arrived", retelling.SYSTEM, "", {}) in said(extra)
    services.correct_plate(
        stay_id=extra.pk, plate_text=PLATE.text, plate_colour="blue", actor=TEST, why="x"
    )
    services.tell_anew(stay_id=extra.pk)
    assert ("joined", retelling.SYSTEM, "", {"stay_id": extra.pk}) in said(kept)
    assert events("parking.stay_voided") == [{"stay_id": extra.pk}]
    assert moves(extra)[-1] == ("parked", "void", retelling.SYSTEM, f"joined with {first}")

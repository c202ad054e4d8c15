"""What a lot's gate sees is matched with stays at the roadside, whichever comes first, by more than
clocks differ (docs/rules.md L1)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from core.plates import Colour, Plate
from monthlycard import selectors, services
from monthlycard.models import PassRecord
from monthlycard.services.lots import Report
from parking import selectors as parking_selectors
from parking import services as parking
from parking.models import Berth, ParkingSession, Section
from tests.people import TEST
from tests.street import PLATE, new_section

SECOND = timedelta(seconds=1)
LATE = timedelta(minutes=2)


@pytest.fixture
def road(city: Any, clock: Any) -> Section:
    """Where three days are no question of their own."""
    section = new_section(city, code="R", name="长宁路", ground="road")
    section.longest_stay_s = 72 * 3600
    section.save()
    return section


def passed(lot: Any, at: datetime, *, text: str = PLATE.text, colour: str = "blue") -> str:
    """A vehicle without a card is let in; what is odd about the record."""
    report = Report(
        record_id=f"r-{at.timestamp()}-{text}",
        direction="entry",
        flow="temporary",
        reason="no_card",
        plate_text=text,
        plate_colour=colour,
        etc_plate_text="",
        card_number="",
        passed_at=at,
        count_today=None,
    )
    [outcome] = services.take_passes(lot=lot, reports=[report])
    return outcome["oddity"]


def stands(berth_code: str, arrived_at: datetime) -> ParkingSession:
    berth = Berth.objects.get(code=berth_code)
    stay_id = parking.open_stay(berth_id=berth.pk, occurred_at=arrived_at, said_by=TEST)
    assert stay_id is not None
    parking.correct_plate(
        stay_id=stay_id, plate_text=PLATE.text, plate_colour="blue", actor=TEST, why="test"
    )
    return ParkingSession.objects.get(pk=stay_id)


def leaves(stay: ParkingSession, at: datetime) -> None:
    parking.close_stay(berth_id=stay.berth_id, occurred_at=at, said_by=TEST)


def codes(stay: ParkingSession) -> list[str]:
    return [one.code for one in parking_selectors.questions_about(stay.pk)]


INSIDE = [
    (LATE, False),
    (LATE + SECOND, True),
    (timedelta(hours=40), True),
    (timedelta(hours=48) - LATE - SECOND, True),
    (timedelta(hours=48) - LATE, False),
    (timedelta(hours=49), False),
    (-SECOND, False),
]


@pytest.mark.parametrize(("after", "asked"), INSIDE)
def test_a_pass_that_was_reported_before_the_departure_is_found_when_the_stay_ends(
    world: Any, road: Any, clock: Any, after: timedelta, asked: bool
) -> None:
    arrived = clock.now() - timedelta(hours=50)
    passed(world.east, arrived + after)
    stay = stands("R-001", arrived)
    leaves(stay, arrived + timedelta(hours=48))
    assert codes(stay) == (["seen_elsewhere"] if asked else [])


@pytest.mark.parametrize(("after", "asked"), INSIDE)
def test_a_pass_that_is_reported_after_the_departure_asks_about_the_stay(
    world: Any, road: Any, clock: Any, after: timedelta, asked: bool
) -> None:
    arrived = clock.now() - timedelta(hours=50)
    stay = stands("R-001", arrived)
    leaves(stay, arrived + timedelta(hours=48))
    passed(world.east, arrived + after)
    assert codes(stay) == (["seen_elsewhere"] if asked else [])


def test_a_pass_asks_about_a_long_stay_that_goes_on(world: Any, road: Any, clock: Any) -> None:
    stay = stands("R-001", clock.now() - timedelta(hours=23))
    passed(world.east, clock.now() - timedelta(hours=1))
    assert codes(stay) == ["seen_elsewhere"]


def test_the_gate_of_the_lot_in_which_the_vehicle_stands_is_no_contradiction(
    world: Any, clock: Any
) -> None:
    parking.add_berth(section_id=world.east.section_id, code="E-001", number="1", actor=TEST)
    stay = stands("E-001", clock.now() - timedelta(hours=20))
    passed(world.east, clock.now() - timedelta(hours=10))
    leaves(stay, clock.now())
    assert codes(stay) == []


@pytest.mark.parametrize(
    ("text", "colour", "same"),
    [
        (PLATE.text, "blue", True),
        (PLATE.text, "", True),  # a gate that reads no colour
        (PLATE.text, "yellow", False),
        ("沪A12346", "blue", False),
        ("", "", False),
    ],
)
def test_only_this_vehicle_at_a_gate_asks(
    world: Any, road: Any, clock: Any, text: str, colour: str, same: bool
) -> None:
    stay = stands("R-001", clock.now() - timedelta(hours=20))
    at = clock.now() - timedelta(hours=10)
    passed(world.east, at, text=text, colour=colour)
    assert codes(stay) == (["seen_elsewhere"] if same else [])
    found = selectors.passed_a_gate(PLATE, at - SECOND, at + SECOND, road.pk)
    assert found is same


def test_passed_a_gate_says_whether_strictly_within_a_time(
    world: Any, road: Any, clock: Any
) -> None:
    at = clock.now() - timedelta(hours=10)
    passed(world.east, at)
    ask = selectors.passed_a_gate
    assert ask(PLATE, at - SECOND, at + SECOND, road.pk)
    assert not ask(PLATE, at, at + SECOND, road.pk)
    assert not ask(PLATE, at - SECOND, at, road.pk)
    assert not ask(PLATE, at - SECOND, at + SECOND, world.east.section_id)
    assert ask(PLATE, at - SECOND, at + SECOND, world.west.section_id)
    assert not ask(Plate(PLATE.text, Colour.yellow), at - SECOND, at + SECOND, road.pk)


def test_a_pass_in_the_future_is_a_wrong_clock_and_asks_nothing(
    world: Any, road: Any, clock: Any
) -> None:
    stay = stands("R-001", clock.now() - timedelta(hours=1))
    assert passed(world.east, clock.now() + timedelta(hours=3)) == "future"
    assert codes(stay) == []
    clock.advance(timedelta(hours=5))
    leaves(stay, clock.now())
    assert codes(stay) == []


def test_the_same_record_again_asks_no_second_time(world: Any, road: Any, clock: Any) -> None:
    stay = stands("R-001", clock.now() - timedelta(hours=20))
    at = clock.now() - timedelta(hours=10)
    passed(world.east, at)
    [item] = parking_selectors.questions_about(stay.pk)
    parking.settle_review(item_id=item.item, verdict="keep", actor="user:7")
    passed(world.east, at)
    passed(world.east, at + timedelta(minutes=5))
    assert codes(stay) == []  # a person has said that the stay is right
    assert PassRecord.objects.count() == 2

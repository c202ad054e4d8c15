"""Whatever order things are told in, late or twice, the stays are the same (docs/rules.md L3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction

from core import clock as business_clock
from core import outbox
from core.plates import Colour, Plate
from parking import services
from parking.models import Berth, BerthSensor, ReviewItem, Section, Sighting
from parking.services import retelling
from tests.parking.test_stays import arrive, at, leave
from tests.street import OTHER_PLATE, PLATE, TEST

A, B = PLATE, OTHER_PLATE
C = Plate("沪C13579", Colour.blue)
POLICE = Plate("沪A1234警", Colour.white)
A_AT_NIGHT = Plate(A.text)  # an infrared picture shows no colour


@dataclass(frozen=True)
class Fact:
    """Something that the street tells, at minutes since 09:00."""

    kind: str
    minute: float
    plate: Plate | None = None
    until: float = 0


def arrived(minute: float) -> Fact:
    return Fact("arrived", minute)


def left(minute: float) -> Fact:
    return Fact("left", minute)


def left_by_a_wrong_clock(heard: float) -> Fact:
    return Fact("wrong clock", heard)


def seen_leave(minute: float) -> Fact:
    """A person saw it go."""
    return Fact("by hand", minute)


def photo(minute: float, plate: Plate | None = None) -> Fact:
    """Taken then; without a plate nobody has read it yet."""
    return Fact("photo", minute, plate)


def unclear(minute: float) -> Fact:
    """A photograph that a person has to read."""
    return Fact("unclear", minute)


def silent(minute: float, until: float) -> Fact:
    """The sensor is not heard from here to there."""
    return Fact("silent", minute, until=until)


@pytest.fixture
def tell(
    berth: Berth, merchant: Any, enrolled: Any, seen: Any, clock: Any
) -> Callable[[Fact], None]:
    """Tells the platform one fact; it is 12:00."""
    clock.advance(timedelta(hours=3))
    hand = enrolled("H-1", "handheld", merchant)
    sensor = enrolled("S-1", "sensor", merchant)
    BerthSensor.objects.create(berth=berth, device_id=sensor)

    def take(fact: Fact) -> Sighting:
        before = business_clock.now()
        business_clock.hold(at(fact.minute))
        sighting: Sighting = seen(hand, merchant, berth=berth, seed=int(fact.minute * 10) + 1)
        business_clock.hold(before)
        return sighting

    def do(fact: Fact) -> None:
        if fact.kind == "arrived":
            arrive(berth, fact.minute)
        elif fact.kind == "left":
            leave(berth, fact.minute)
        elif fact.kind == "wrong clock":
            services.close_stay(
                berth_id=berth.pk,
                occurred_at=at(fact.minute),
                device_at=at(-100_000),
                said_by=TEST,
            )
        elif fact.kind == "by hand":
            with transaction.atomic():
                retelling.hear(berth.pk, "left", at(fact.minute), said_by="user:7", by_hand=True)
        elif fact.kind == "silent":
            services.open_gaps(device_id=sensor, since=at(fact.minute))
            services.end_gaps(device_id=sensor, at=at(fact.until))
        elif fact.kind == "unclear":
            services.open_plate_review(sighting_id=take(fact).pk, why="not_confident")
        elif fact.plate is None:
            take(fact)
        else:
            services.settle_plate(sighting_id=take(fact).pk, plate=fact.plate, by=TEST, why="test")

    return do


def stays_at(berth: Berth) -> list[Any]:
    """The stays of a berth as a person sees them: times, plates, states, prices, doubt, and what
    is asked about each."""

    def minute(moment: Any) -> Any:
        return None if moment is None else round((moment - at(0)).total_seconds() / 60, 2)

    return [
        (
            minute(row.arrived_at),
            minute(row.left_at),
            row.plate_text,
            row.plate_colour,
            row.plate_state,
            row.state,
            row.fee_fen,
            row.due_fen,
            row.doubt,
            sum(line["amount_fen"] for line in row.lines),
            sorted(row.sightings.values_list("occurred_at", flat=True)),
            sorted(ReviewItem.objects.filter(stay=row, state="open").values_list("kind", "why")),
        )
        for row in berth.stays.exclude(state="void").order_by("arrived_at", "pk")
    ]


def follows() -> None:
    assert outbox.run_pending(limit=300, raise_errors=True) < 300, "reactions go round"


CASES: dict[str, list[Fact]] = {
    "an exchange within seconds": [
        *(arrived(0), photo(1, A), left(60), arrived(60.5), photo(61, B)),
    ],
    "an exchange that no sensor saw leave": [
        *(arrived(0), photo(1, A), arrived(60), photo(61, B), left(90)),
    ],
    "an exchange, and the former seen late": [
        *(arrived(0), photo(1, A), photo(30, A), arrived(60), photo(61, B)),
    ],
    "an exchange after a stranger in the picture": [
        *(arrived(0), photo(1, A), photo(30, C), arrived(60), photo(61, B)),
    ],
    "an exchange with a photograph that nobody has read": [
        *(arrived(0), photo(1, A), photo(30), arrived(60), photo(61, B)),
    ],
    "an exchange with a photograph that nobody can read": [
        *(arrived(0), photo(1, A), unclear(30), arrived(60), photo(61, B)),
    ],
    "two pictures of one stay that differ": [arrived(0), photo(1, A), photo(30, B), left(60)],
    "a picture before the sensor": [photo(-0.5, A), arrived(0), left(60), photo(61.5, B)],
    "the next one seen before its sensor, a departure between": [
        *(arrived(0), photo(1, A), left(60), photo(60.2, B), arrived(60.5)),
    ],
    "the departure told between a picture and its arrival": [
        *(photo(59.7, B), arrived(0), left(59.8), arrived(60), photo(1, A)),
    ],
    "an exempt vehicle makes room": [
        *(arrived(0), photo(1, POLICE), left(60), arrived(60.5), photo(61, B)),
    ],
    "one vehicle by day and by night": [
        *(arrived(0), photo(1, A_AT_NIGHT), arrived(60), photo(61, A), left(90)),
    ],
    "a flap that was seen to be one": [
        *(arrived(0), photo(1, A), left(60), arrived(60.5), photo(70, A)),
    ],
    "a restart that nobody saw": [arrived(0), photo(1, A), arrived(60), left(120)],
    "a silent sensor": [arrived(0), photo(1, A), silent(60, 120), left(170)],
    "a silent sensor, and seen afterwards": [
        *(arrived(0), photo(1, A), silent(60, 120), photo(130, A), left(170)),
    ],
    "a sensor that is silent at the departure": [
        *(arrived(0), photo(1, A), silent(60, 120), left(90), arrived(125)),
    ],
    "a sensor that is silent between two": [
        *(arrived(0), left(50), silent(20, 100), arrived(90), photo(95, B)),
    ],
    "a departure by a wrong clock": [
        *(arrived(0), photo(1, A), left_by_a_wrong_clock(100), arrived(101), photo(102, B)),
    ],
    "a person saw it go": [arrived(0), photo(1, A), seen_leave(60), arrived(60.5), left(100)],
    "three within seconds": [
        *(arrived(0), photo(0.5, A), arrived(2), photo(2.5, B), arrived(4), photo(4.5, C)),
    ],
}


@pytest.mark.parametrize("flap_s", [10, 120])
@pytest.mark.parametrize("name", CASES)
def test_whatever_the_order_the_stays_are_the_same(
    name: str, flap_s: int, section: Section, berth: Berth, tell: Callable[[Fact], None]
) -> None:
    Section.objects.filter(pk=section.pk).update(flap_s=flap_s)
    facts = CASES[name]
    orders = list(permutations(facts))
    found: dict[str, list[Any]] = {}
    for order in orders[:: max(1, len(orders) // 8)]:
        undo = transaction.savepoint()
        for fact in order:
            tell(fact)
            follows()
        found.setdefault(repr(stays_at(berth)), []).append(
            [f"{fact.kind}@{fact.minute:g}" for fact in order]
        )
        transaction.savepoint_rollback(undo)
    assert len(found) == 1, "\n".join(f"{said}\n    {told[0]}" for said, told in found.items())


@pytest.mark.parametrize("name", CASES)
def test_told_twice_and_late_the_stays_are_the_same(
    name: str, berth: Berth, tell: Callable[[Fact], None]
) -> None:
    for fact in CASES[name]:
        tell(fact)
        follows()
    once = stays_at(berth)
    for fact in reversed(CASES[name]):
        tell(fact)
        follows()
    assert stays_at(berth) == once

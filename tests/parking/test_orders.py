"""Whatever order things are told in, late or twice, the stays are the same (docs/rules.md L3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, Sum

from core import clock as business_clock
from core import outbox
from core.errors import Refused
from core.plates import Colour, Plate
from devices.models import Device
from parking import services
from parking.models import Berth, BerthSensor, ReviewItem, Section, Sighting, StayPayment
from parking.services import retelling
from payments import services as payments
from payments.models import Order, Refund
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

    def pay(fact: Fact) -> None:
        stay = berth.stays.filter(arrived_at__lte=at(fact.minute)).exclude(state="void").last()
        if stay is None:
            raise Refused("nobody", "nobody stands there")
        before = business_clock.now()
        business_clock.hold(at(fact.minute))
        order = payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
        attempt = payments.begin_attempt(
            order_id=order.pk, provider="sandbox", return_url="/", actor=TEST
        )
        paid_at = business_clock.now()
        business_clock.hold(before)

        def hear_of() -> None:
            late = business_clock.now() - paid_at
            payments.take_payment(
                attempt.pk,
                provider_no=str(attempt.pk),
                paid_at=business_clock.real() - late,
                actor="provider:sandbox",
            )

        if do.late:  # type: ignore[attr-defined]
            do.unheard.append(hear_of)  # type: ignore[attr-defined]
        else:
            hear_of()

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
        elif fact.kind == "pays":
            pay(fact)
        elif fact.kind == "unclear":
            services.open_plate_review(sighting_id=take(fact).pk, why="not_confident")
        elif fact.plate is None:
            take(fact)
        else:
            services.settle_plate(sighting_id=take(fact).pk, plate=fact.plate, by=TEST, why="test")

    do.late, do.unheard = False, []  # type: ignore[attr-defined]
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


# ── With payments between the messages ───────────────────────────────────────────────────────
def pays(minute: float) -> Fact:
    """Who stands there, or stood there, pays then what they are asked for then."""
    return Fact("pays", minute)


def money_of(berth: Berth) -> list[tuple[int, int, int]]:
    """Of each order that was paid: what came, what stays kept of it, and what goes back."""

    def of(order: Order) -> tuple[int, int, int]:
        kept = StayPayment.objects.filter(stay__berth=berth, order_item__order=order).aggregate(
            fen=Sum(F("amount_fen") - F("refunded_fen") - F("moved_fen"))
        )
        back = Refund.objects.filter(attempt__order=order).aggregate(fen=Sum("amount_fen"))
        return order.amount_fen, kept["fen"] or 0, back["fen"] or 0

    return [of(order) for order in Order.objects.filter(state="paid").order_by("pk")]


PAID: dict[str, list[Fact]] = {
    "while it stands": [arrived(0), photo(1, A), pays(30), left(60)],
    "in the minutes to leave": [arrived(0), photo(1, A), pays(58), left(61)],
    "after leaving": [arrived(0), photo(1, A), left(60), pays(100)],
    "after a flap": [arrived(0), photo(1, A), left(60), arrived(60.5), left(118), pays(130)],
    "within a flap": [arrived(0), photo(1, A), left(60), pays(61), arrived(60.5), left(118)],
    "before another one stood there": [
        *(arrived(0), photo(1, A), pays(30), arrived(60), photo(61, B), left(118)),
    ],
    "a sensor that was silent": [arrived(0), photo(1, A), silent(20, 50), left(70), pays(100)],
    "twice": [arrived(0), photo(1, A), pays(30), left(118), pays(130)],
}


def is_story(order: tuple[Fact, ...]) -> bool:
    """Nothing is told before it was, neither to us nor to who pays."""
    for n, fact in enumerate(order):
        if fact.kind == "pays" and any(
            max(one.minute, one.until) > fact.minute for one in order[:n]
        ):
            return False
    return True


@pytest.mark.parametrize("heard_late", [False, True])
@pytest.mark.parametrize("name", PAID)
def test_with_payments_between_the_messages_stays_and_money_are_the_same(
    name: str, heard_late: bool, berth: Berth, tell: Callable[[Fact], None]
) -> None:
    """What was asked for depends on what we knew; the same payments of the same stays give the same
    fees, and who paid owes the same. `heard_late`: of what was paid we hear after all else."""
    found: dict[str, dict[str, list[Any]]] = {}
    orders = [one for one in permutations(PAID[name]) if is_story(one)]
    tell.late = heard_late  # type: ignore[attr-defined]
    for order in orders[:: max(1, len(orders) // 8)]:
        undo = transaction.savepoint()
        tell.unheard.clear()  # type: ignore[attr-defined]
        try:
            for fact in order:
                tell(fact)
                follows()
            for hear_of in tell.unheard:  # type: ignore[attr-defined]
                hear_of()
                follows()
        except Refused:  # nothing was to pay then: another story
            continue
        else:
            told, money = stays_at(berth), money_of(berth)
        finally:
            transaction.savepoint_rollback(undo)
        assert all(paid == kept + back for paid, kept, back in money), (order, told, money)
        asked = repr([paid for paid, _kept, _back in money])
        owed = sum(row[7] for row in told) + sum(kept for _paid, kept, _back in money)
        said = repr(([(*row[:5], *row[6:7], *row[8:]) for row in told], owed))
        here = found.setdefault(asked, {}).setdefault(said, [])
        here.append([f"{fact.kind}@{fact.minute:g}" for fact in order])
    assert found
    for asked, ways in found.items():
        told_ways = "\n".join(f"{said}\n    {one[0]}" for said, one in ways.items())
        assert len(ways) == 1, f"{asked}\n{told_ways}"


# ── A stay that nobody saw leave in its time ─────────────────────────────────────────────────
LONG: dict[str, list[Fact]] = {
    "told as it is": [arrived(0), photo(1, A), left(150)],
    "seen in the middle": [arrived(0), photo(1, A), photo(30, A), left(150)],
    "a sensor that was silent before its time": [
        *(arrived(0), photo(1, A), silent(20, 100), left(150)),
    ],
    "another one seen within its time": [arrived(0), photo(1, A), photo(40, B), left(150)],
    "left in its time after all": [arrived(0), photo(1, A), left(59), arrived(70), left(80)],
}


@pytest.mark.parametrize("has_sensor", [True, False])
@pytest.mark.parametrize("name", LONG)
def test_a_long_stay_told_late_is_the_one_that_the_sweep_finds(
    name: str, has_sensor: bool, section: Section, berth: Berth, tell: Callable[[Fact], None]
) -> None:
    """The sweep comes after any of the messages, or never (docs/rules.md L2)."""
    Section.objects.filter(pk=section.pk).update(longest_stay_s=3600)
    Device.objects.filter(kind="sensor").update(silent=not has_sensor)
    facts = LONG[name]
    found: dict[str, list[Any]] = {}
    orders = list(permutations(facts))
    for order in orders[:: max(1, len(orders) // 4)]:
        for swept_after in (0, 1, None):
            undo = transaction.savepoint()
            for n, fact in enumerate(order):
                tell(fact)
                if n == swept_after:
                    services.flag_long_stays()
                follows()
            said = repr((stays_at(berth), [row.capped_at for row in berth.stays.order_by("pk")]))
            found.setdefault(said, []).append(
                [swept_after, *(f"{fact.kind}@{fact.minute:g}" for fact in order)]
            )
            transaction.savepoint_rollback(undo)
    assert len(found) == 1, "\n".join(f"{said}\n    {told[0]}" for said, told in found.items())

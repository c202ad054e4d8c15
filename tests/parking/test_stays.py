"""Stays begin and end as sensors say, in whatever order they say it (P2.1)."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core import audit
from core.errors import Refused
from core.models import OutboxEvent
from core.plates import Colour, Plate
from parking import services
from parking.errors import BerthTaken, ReasonNeeded, StayNotDue
from parking.models import Berth, BerthEvent, ParkingSession, ReviewItem, StayPayment
from tests.conftest import BEGIN
from tests.street import PLATE, new_section, new_tariff

SAID = "device:S-001"


def at(minute: float) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def arrive(berth: Berth, minute: float) -> int | None:
    return services.open_stay(berth_id=berth.pk, occurred_at=at(minute), said_by=SAID)


def leave(berth: Berth, minute: float) -> int | None:
    return services.close_stay(berth_id=berth.pk, occurred_at=at(minute), said_by=SAID)


def told(berth: Berth) -> list[tuple[int, int | None, str]]:
    """(arrived, left, state) in minutes since 09:00."""

    def minute(moment: datetime | None) -> int | None:
        return None if moment is None else int((moment - BEGIN).total_seconds() // 60)

    rows = berth.stays.exclude(state="void").order_by("arrived_at")
    return [(minute(r.arrived_at) or 0, minute(r.left_at), r.state) for r in rows]


def topics() -> list[str]:
    return list(OutboxEvent.objects.order_by("pk").values_list("topic", flat=True))


def test_a_vehicle_arrives_and_leaves_and_owes_its_fee(berth: Berth, clock: Any) -> None:
    stay_id = arrive(berth, 0)
    clock.advance(timedelta(minutes=90))
    assert leave(berth, 90) == stay_id

    stay = ParkingSession.objects.get(pk=stay_id)
    assert (stay.state, stay.fee_fen, stay.due_fen) == ("due", 1200, 1200)
    assert sum(line["amount_fen"] for line in stay.lines) == 1200
    assert stay.plate_state == "unread"
    assert "parking.left_unpaid" not in topics()  # nobody to ask yet


def test_the_same_arrival_said_twice_is_one_stay(berth: Berth) -> None:
    assert arrive(berth, 0) == arrive(berth, 0)  # P2.1
    assert berth.stays.count() == 1
    assert BerthEvent.objects.get().times == 2


def test_a_departure_before_its_arrival_is_kept_and_matched(berth: Berth, clock: Any) -> None:
    clock.advance(timedelta(hours=2))
    assert leave(berth, 90) is None  # P2.1: kept
    assert BerthEvent.objects.get().stay is None
    stay_id = arrive(berth, 0)

    assert told(berth) == [(0, 90, "due")]
    assert BerthEvent.objects.filter(stay_id=stay_id).count() == 2


def test_an_arrival_on_top_of_an_arrival_is_one_stay_until_another_vehicle_is_seen(
    berth: Berth, clock: Any
) -> None:
    """docs/rules.md L3: a sensor that starts anew says "arrived" over the same vehicle."""
    first = arrive(berth, 0)
    clock.advance(timedelta(minutes=60))
    assert arrive(berth, 60) == first
    assert told(berth) == [(0, None, "parked")]
    clock.advance(timedelta(minutes=60))
    leave(berth, 120)
    stay = ParkingSession.objects.get()
    assert (stay.fee_fen, stay.doubt) == (1200, "split")  # nobody has seen whose it was
    assert ReviewItem.objects.get(kind="stay", stay=stay).why == "split"


def test_a_departure_that_comes_late_between_two_arrivals_makes_two_stays(
    berth: Berth, clock: Any
) -> None:
    clock.advance(timedelta(hours=3))
    first = arrive(berth, 0)
    arrive(berth, 120)
    leave(berth, 90)  # it was only late

    former = ParkingSession.objects.get(pk=first)
    assert (former.state, former.due_fen, former.doubtful) == ("due", 1200, False)
    assert told(berth) == [(0, 90, "due"), (120, None, "parked")]
    assert not ReviewItem.objects.filter(state="open").exists()


WAYS = list(permutations([("a", 0), ("l", 70), ("a", 80), ("l", 200)]))


@pytest.mark.parametrize("order", WAYS)
def test_whatever_the_order_the_stays_are_the_same(
    order: tuple[tuple[str, int], ...], berth: Berth, clock: Any
) -> None:
    """P2.1: duplicates, late and swapped events end in the same stay."""
    clock.advance(timedelta(hours=5))
    for what, minute in [*order, order[0], order[2]]:
        (arrive if what == "a" else leave)(berth, minute)

    assert told(berth) == [(0, 70, "due"), (80, 200, "due")]
    dues = list(berth.stays.order_by("arrived_at").values_list("due_fen", "doubtful"))
    assert dues == [(1200, False), (1200, False)]


def test_an_arrival_told_late_in_the_middle_is_a_question_and_no_second_stay(
    berth: Berth, clock: Any
) -> None:
    clock.advance(timedelta(hours=5))
    arrive(berth, 0)
    leave(berth, 200)
    arrive(berth, 150)

    assert told(berth) == [(0, 200, "due")]
    assert berth.stays.get().doubt == "split"
    assert ReviewItem.objects.get(state="open").why == "split"


def test_within_the_free_minutes_nothing_is_due(berth: Berth, clock: Any) -> None:
    stay_id = arrive(berth, 0)
    clock.advance(timedelta(minutes=15))
    leave(berth, 15)
    assert ParkingSession.objects.get(pk=stay_id).state == "settled"
    with pytest.raises(StayNotDue):
        services.quote_stay(stay_id or 0)


def test_the_database_holds_one_open_stay_a_berth(berth: Berth) -> None:
    stay = ParkingSession.objects.get(pk=arrive(berth, 0))
    stay.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        stay.save(force_insert=True)


def test_a_known_plate_that_leaves_unpaid_is_told(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    event = OutboxEvent.objects.get(topic="parking.left_unpaid")
    assert event.data == {"stay_id": stay.pk}


def test_a_plate_settled_after_leaving_is_told_then(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, None, minutes=90)
    assert not OutboxEvent.objects.filter(topic="parking.left_unpaid").exists()
    services.correct_plate(
        stay_id=stay.pk, plate_text="沪A12345", plate_colour="blue", actor="user:1", why="seen"
    )
    assert OutboxEvent.objects.filter(topic="parking.left_unpaid").count() == 1


def test_the_tariff_version_of_the_arrival_counts(
    berth: Berth, stay_of: Any, clock: Any, merchant: Any
) -> None:
    stay_id = arrive(berth, 0)
    services.publish_tariff(
        merchant_id=merchant.pk,
        name="白天",
        terms={"windows": [{"steps": [{"unit_fen": 9900, "unit_s": 3600}]}]},
        valid_from=at(30),
        actor="system:tests",
    )
    clock.advance(timedelta(minutes=60))
    leave(berth, 60)
    assert ParkingSession.objects.get(pk=stay_id).fee_fen == 600


def test_a_tariff_version_that_was_used_cannot_change(berth: Berth) -> None:
    arrive(berth, 0)
    version = ParkingSession.objects.get().tariff_version
    version.refresh_from_db()
    version.terms = {}
    with pytest.raises(IntegrityError, match="cannot change"), transaction.atomic():
        version.save()


# ── People step in ───────────────────────────────────────────────────────────────────────────
def test_a_stay_opened_by_hand_ends_by_its_sensor(berth: Berth, clock: Any) -> None:
    stay_id = services.open_by_hand(
        berth_id=berth.pk,
        arrived_at=at(0),
        plate_text="沪a·12345",
        plate_colour="blue",
        actor="user:7",
        reason="sensor broken",
    )
    stay = ParkingSession.objects.get(pk=stay_id)
    assert (stay.plate_text, stay.plate_state) == ("沪A12345", "settled")
    assert "opened by hand" in [entry.action for entry in audit.trail(stay)]
    with pytest.raises(BerthTaken):
        services.open_by_hand(berth_id=berth.pk, arrived_at=at(0), actor="user:7", reason="again")
    clock.advance(timedelta(minutes=61))
    assert leave(berth, 61) == stay_id


def test_a_stay_ended_by_hand_says_why(berth: Berth, clock: Any) -> None:
    stay_id = arrive(berth, 0) or 0
    clock.advance(timedelta(minutes=61))
    with pytest.raises(ReasonNeeded):
        services.close_by_hand(stay_id=stay_id, left_at=at(60), actor="user:7", reason=" ")
    services.close_by_hand(stay_id=stay_id, left_at=at(60), actor="user:7", reason="seen")
    assert told(berth) == [(0, 60, "due")]
    trail = audit.trail(ParkingSession.objects.get())
    assert [(e.actor, e.reason) for e in trail if e.action == "closed by hand"] == [
        ("user:7", "seen")
    ]


def test_a_voided_stay_owes_nothing_and_is_not_told_again(berth: Berth, clock: Any) -> None:
    stay_id = arrive(berth, 0) or 0
    clock.advance(timedelta(minutes=90))
    leave(berth, 90)
    services.void_stay(stay_id=stay_id, actor="user:7", reason="a lorry's shadow")
    assert ParkingSession.objects.get().due_fen == 0
    assert "parking.stay_voided" in topics()
    leave(berth, 90)  # the sensor repeats itself
    assert told(berth) == []
    with pytest.raises(Refused):
        services.void_stay(stay_id=stay_id, actor="user:7", reason="twice")


# ── No departure ─────────────────────────────────────────────────────────────────────────────
def test_a_stay_without_departure_is_flagged_and_its_fee_stops(berth: Berth, clock: Any) -> None:
    stay_id = arrive(berth, 0) or 0
    clock.advance(timedelta(hours=30))
    assert services.flag_long_stays() == 1
    assert services.flag_long_stays() == 0

    stay = ParkingSession.objects.get(pk=stay_id)
    assert (stay.doubt, stay.capped_at) == ("no_departure", at(0))  # no sensor, no photograph
    with pytest.raises(StayNotDue):
        services.quote_stay(stay_id)
    leave(berth, 29 * 60)
    stay.refresh_from_db()
    assert (stay.fee_fen, stay.doubtful) == (0, True)


def test_a_person_who_has_checked_a_long_stay_lets_it_be_billed_whole(
    berth: Berth, clock: Any
) -> None:
    arrive(berth, 0)
    clock.advance(timedelta(hours=30))
    services.flag_long_stays()
    leave(berth, 29 * 60)
    item = ReviewItem.objects.get(kind="stay", state="open")
    services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    stay = ParkingSession.objects.get()
    assert (stay.fee_fen, stay.due_fen, stay.doubtful) == (29 * 600, 29 * 600, False)
    assert StayPayment.objects.count() == 0


def test_two_stops_shortly_after_one_another_run_on(
    clock: Any, merchant: Any, stay_of: Any
) -> None:
    """The switch merge_gap_s: the second stop begins no new first hour and no new free minutes."""
    new_tariff(
        merchant,
        {
            "windows": [
                {
                    "steps": [
                        {"unit_fen": 1000, "unit_s": 3600, "upto_s": 3600},
                        {"unit_fen": 200, "unit_s": 3600},
                    ]
                }
            ],
            "free_s": 900,
            "merge_gap_s": 1800,
        },
    )
    new_section(merchant, code="M")
    one, other = Berth.objects.get(code="M-001"), Berth.objects.get(code="M-002")
    first = stay_of(one, PLATE, ago_min=120, minutes=60)
    second = stay_of(other, PLATE, ago_min=50, minutes=30)
    assert (first.fee_fen, second.fee_fen) == (1000, 200)


def test_a_new_energy_vehicle_has_its_free_time_once_a_day(
    clock: Any, merchant: Any, stay_of: Any
) -> None:
    new_tariff(
        merchant,
        {
            "windows": [{"steps": [{"unit_fen": 600, "unit_s": 3600}]}],
            "new_energy": {"free_s": 7200},
        },
    )
    new_section(merchant, code="M")
    green = Plate("沪AD12345", Colour.green)
    clock.advance(timedelta(hours=8))
    first = stay_of(Berth.objects.get(code="M-001"), green, ago_min=400, minutes=120)
    second = stay_of(Berth.objects.get(code="M-002"), green, ago_min=200, minutes=120)
    assert (first.fee_fen, second.fee_fen) == (0, 1200)
    first.refresh_from_db()
    assert first.state == "settled"

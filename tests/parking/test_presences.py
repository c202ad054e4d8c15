"""One presence of one vehicle is one stay; two presences are never one (docs/rules.md L3)."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction

from arrears.models import Debt, PayWindow
from core import clock as business_clock
from core import outbox
from core.models import OutboxEvent
from core.plates import Colour, Plate
from devices.models import Command
from parking import services
from parking.links import read_stay_token, stay_token
from parking.models import (
    Berth,
    BerthEvent,
    ParkingSession,
    ReviewItem,
    Section,
    Sighting,
    StayPayment,
)
from parking.selectors.doubts import is_questioned
from payments.models import Refund
from tests.parking.test_money import pay
from tests.parking.test_stays import arrive, at, leave
from tests.street import OTHER_PLATE, PLATE, TEST


@pytest.fixture
def pass_time(clock: Any, run_reactions: Any) -> Callable[..., None]:
    """Time passes and everything follows."""

    def go(**span: float) -> None:
        run_reactions()
        clock.advance(timedelta(**span))
        for _round in range(4):
            outbox.sweep_once()
            run_reactions()

    return go


@pytest.fixture
def photographed(berth: Berth, merchant: Any, enrolled: Any, seen: Any) -> Callable[..., Any]:
    """A handheld's photograph of the berth that shows `plate`, taken at a minute since 09:00."""
    hand = enrolled("H-1", "handheld", merchant)
    seeds = iter(range(1, 1000))

    def take(minute: float, plate: Any = PLATE) -> None:
        before = business_clock.now()
        business_clock.hold(at(0) + timedelta(minutes=minute))
        sighting = seen(hand, merchant, berth=berth, seed=next(seeds))
        business_clock.hold(before)
        services.settle_plate(sighting_id=sighting.pk, plate=plate, by=TEST, why="test")

    return take


def flap(berth: Berth, clock: Any, seconds: int = 20) -> int | None:
    """The sensor says left and, seconds later, arrived; the stay that it then names."""
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    clock.advance(timedelta(seconds=seconds))
    return services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)


def test_a_sensor_that_flaps_under_a_prepaid_vehicle_changes_nothing_for_its_owner(
    section: Section, berth: Berth, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=3)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, berth.code)
    assert services.submit_prepayment(draft.token).outcome == "confirmed"
    pay(("parking.prepayment", draft.pk))
    clock.advance(timedelta(minutes=30))

    assert flap(berth, clock) == stay.pk
    services.finish_departures()
    run_reactions()
    stay.refresh_from_db()
    draft.refresh_from_db()
    assert (stay.state, draft.state) == ("parked", "paid")
    assert not Refund.objects.exists()

    clock.advance(timedelta(minutes=70))  # 103 minutes in all
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen, stay.doubt) == ("settled", 0, "")
    assert ParkingSession.objects.count() == 1


@pytest.mark.parametrize(("seconds", "stays"), [(119, 1), (120, 2)])
def test_closer_than_the_sections_seconds_is_one_stay(
    berth: Berth, stay_of: Any, clock: Any, seconds: int, stays: int
) -> None:
    stay_of(berth, PLATE, ago_min=60)
    flap(berth, clock, seconds)
    assert ParkingSession.objects.exclude(state="void").count() == stays


def test_a_section_sets_how_close_is_one(
    section: Section, berth: Berth, stay_of: Any, clock: Any
) -> None:
    Section.objects.filter(pk=section.pk).update(flap_s=10)
    first = stay_of(berth, PLATE, ago_min=60)
    assert flap(berth, clock, 10) != first.pk


def test_another_vehicle_within_the_seconds_is_another_stay(
    berth: Berth, stay_of: Any, clock: Any, photographed: Any, run_reactions: Any
) -> None:
    clock.advance(timedelta(hours=2))
    first = stay_of(berth, PLATE, ago_min=60)
    assert flap(berth, clock) == first.pk  # nobody has seen it yet
    clock.advance(timedelta(minutes=1))
    minute = (clock.now() - at(0)).total_seconds() / 60
    photographed(minute, OTHER_PLATE)
    run_reactions()

    first.refresh_from_db()
    second = ParkingSession.objects.get(state="parked")
    assert (first.state, first.plate_text, first.fee_fen) == ("due", PLATE.text, 600)
    assert (second.plate_text, second.arrived_at - first.left_at) == (
        OTHER_PLATE.text,
        timedelta(seconds=20),
    )
    assert not ReviewItem.objects.filter(state="open").exists()


def test_a_person_who_saw_it_leave_is_proof_enough(berth: Berth, stay_of: Any, clock: Any) -> None:
    first = stay_of(berth, PLATE, ago_min=60)
    services.close_by_hand(stay_id=first.pk, left_at=clock.now(), actor="user:7", reason="saw it")
    clock.advance(timedelta(seconds=20))
    again = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    assert again != first.pk


def test_a_paid_stay_whose_sensor_starts_anew_stays_paid(
    section: Section, berth: Berth, stay_of: Any, clock: Any, run_reactions: Any, pass_time: Any
) -> None:
    stay = stay_of(berth, PLATE)
    clock.advance(timedelta(hours=1))
    pay(("parking.stay", stay.pk))
    clock.advance(timedelta(minutes=2))
    assert services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST) == stay.pk
    run_reactions()
    clock.advance(timedelta(minutes=10))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    pass_time(hours=80)

    stay.refresh_from_db()
    assert (stay.state, stay.due_fen, stay.fee_fen) == ("settled", 0, 600)
    assert not Debt.objects.exists()
    assert not Refund.objects.exists()


def test_the_camera_looks_again_when_an_arrival_is_reported_in_the_middle(
    berth: Berth, merchant: Any, enrolled: Any, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    camera = enrolled("C-1", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    stay_of(berth, PLATE, ago_min=60)
    run_reactions()
    before = Command.objects.filter(action="TakeImage").count()
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    assert Command.objects.filter(action="TakeImage").count() == before + 1


def test_seen_before_and_after_a_second_arrival_is_no_question(
    berth: Berth, clock: Any, photographed: Any, run_reactions: Any
) -> None:
    clock.advance(timedelta(hours=3))
    arrive(berth, 0)
    photographed(1)
    arrive(berth, 60)
    photographed(61)
    leave(berth, 120)
    run_reactions()
    stay = ParkingSession.objects.get()
    assert (stay.fee_fen, stay.doubt, stay.state) == (1200, "", "due")


def test_a_photograph_read_after_the_departure_ends_the_question(
    berth: Berth, clock: Any, photographed: Any, run_reactions: Any
) -> None:
    clock.advance(timedelta(hours=3))
    arrive(berth, 0)
    photographed(1)
    arrive(berth, 60)
    leave(berth, 120)
    run_reactions()
    assert ReviewItem.objects.get(state="open").why == "split"
    photographed(61)
    run_reactions()
    assert ParkingSession.objects.get().doubt == ""
    assert not ReviewItem.objects.filter(state="open").exists()


SWAP = [("a", 0, None), ("p", 1, PLATE), ("l", 60, None), ("a", 60.5, None), ("p", 61, OTHER_PLATE)]


@pytest.mark.parametrize("order", list(permutations(SWAP))[::7])
def test_whatever_the_order_two_vehicles_within_seconds_are_two_stays(
    order: Any, berth: Berth, clock: Any, photographed: Any, run_reactions: Any
) -> None:
    clock.advance(timedelta(hours=3))
    for what, minute, plate in order:
        if what == "p":
            photographed(minute, plate)
        else:
            (arrive if what == "a" else leave)(berth, minute)
        run_reactions()
    rows = berth.stays.exclude(state="void").order_by("arrived_at")
    assert [(row.plate_text, row.state, row.fee_fen) for row in rows] == [
        (PLATE.text, "due", 600),
        (OTHER_PLATE.text, "parked", 0),
    ]


FLAP = [("a", 0, None), ("p", 1, PLATE), ("l", 60, None), ("a", 60.5, None), ("l", 90, None)]


@pytest.mark.parametrize("order", list(permutations(FLAP))[::7])
def test_whatever_the_order_a_flap_is_one_stay(
    order: Any, berth: Berth, clock: Any, photographed: Any, run_reactions: Any
) -> None:
    clock.advance(timedelta(hours=3))
    for what, minute, plate in order:
        if what == "p":
            photographed(minute, plate)
        else:
            (arrive if what == "a" else leave)(berth, minute)
        run_reactions()
    rows = berth.stays.exclude(state="void")
    assert [(row.plate_text, row.state, row.fee_fen) for row in rows] == [(PLATE.text, "due", 1200)]


AT_THE_ARRIVAL = [  # the camera takes the next vehicle in the instant of its arrival
    ("a", 0, None),
    ("p", 1, PLATE),
    ("a", 60, None),
    ("p", 60, OTHER_PLATE),
    ("l", 90, None),
]
AT_THE_DEPARTURE = [  # the former is seen last in the minute in which the next one arrives
    ("a", 0, None),
    ("p", 59.9, PLATE),
    ("l", 60, None),
    ("a", 60.5, None),
    ("p", 60.6, OTHER_PLATE),
]
SEEN_LATE = [  # nobody saw it leave, and a photograph shows how long it stood
    ("a", 0, None),
    ("p", 1, PLATE),
    ("p", 30, PLATE),
    ("a", 60, None),
    ("p", 61, OTHER_PLATE),
]


def rows_and_events() -> list[Any]:
    """All that telling a stay may change or write."""
    models = (ParkingSession, BerthEvent, Sighting, ReviewItem, StayPayment, OutboxEvent)
    return [list(model.objects.order_by("pk").values()) for model in models]


def at_rest() -> None:
    """Everything follows, and comes to an end; told once more nothing changes."""
    tell_all()
    before = rows_and_events()
    tell_all()
    assert rows_and_events() == before


def tell_all() -> None:
    assert outbox.run_pending(limit=200, raise_errors=True) < 200, "reactions go round"
    for pk in Sighting.objects.order_by("pk").values_list("pk", flat=True):
        services.tell_anew(sighting_id=pk)
    for pk in ParkingSession.objects.order_by("pk").values_list("pk", flat=True):
        services.tell_anew(stay_id=pk)
    assert outbox.run_pending(limit=200, raise_errors=True) < 200, "reactions go round"


@pytest.mark.parametrize("flap_s", [10, 120])
@pytest.mark.parametrize("told", [SWAP, FLAP, AT_THE_ARRIVAL, AT_THE_DEPARTURE, SEEN_LATE])
def test_whatever_the_order_telling_again_changes_nothing_and_says_nothing(
    told: Any, flap_s: int, section: Section, berth: Berth, clock: Any, photographed: Any
) -> None:
    Section.objects.filter(pk=section.pk).update(flap_s=flap_s)
    clock.advance(timedelta(hours=3))
    for order in list(permutations(told))[::17]:
        undo = transaction.savepoint()
        for what, minute, plate in order:
            if what == "p":
                photographed(minute, plate)
            else:
                (arrive if what == "a" else leave)(berth, minute)
            at_rest()
        transaction.savepoint_rollback(undo)


def test_a_photograph_in_the_instant_of_an_arrival_is_of_the_vehicle_that_arrives(
    berth: Berth, clock: Any, photographed: Any
) -> None:
    clock.advance(timedelta(hours=3))
    arrive(berth, 0)
    photographed(1)
    arrive(berth, 60)
    photographed(60, OTHER_PLATE)
    at_rest()
    former, later = berth.stays.order_by("arrived_at")
    assert [one.plate_text for one in former.sightings.all()] == [PLATE.text]
    assert [one.plate_text for one in later.sightings.all()] == [OTHER_PLATE.text]


def test_what_shows_another_vehicle_or_nothing_is_no_proof_of_who_stood_there(
    berth: Berth, clock: Any, photographed: Any
) -> None:
    clock.advance(timedelta(hours=3))
    arrive(berth, 0)
    for minute in (1, 20):
        photographed(minute)
    photographed(40, Plate("沪C13579", Colour.blue))
    arrive(berth, 60)
    photographed(61, OTHER_PLATE)
    at_rest()
    former, later = berth.stays.order_by("arrived_at")
    assert (former.left_at, former.fee_fen, former.doubt) == (at(20), 600, "next_arrived")
    assert (later.plate_text, later.state) == (OTHER_PLATE.text, "parked")


def test_a_photograph_read_late_proves_how_long_the_former_stood(
    berth: Berth, clock: Any, photographed: Any
) -> None:
    clock.advance(timedelta(hours=3))
    arrive(berth, 0)
    photographed(1)
    arrive(berth, 90)
    photographed(91, OTHER_PLATE)
    at_rest()
    former = berth.stays.order_by("arrived_at").first()
    assert former is not None and (former.left_at, former.fee_fen) == (at(1), 0)
    photographed(70)
    at_rest()
    former.refresh_from_db()
    assert (former.left_at, former.fee_fen, former.state) == (at(70), 1200, "due")


def test_a_photograph_that_comes_before_its_arrival_and_shows_another_vehicle_is_asked_about(
    berth: Berth, clock: Any, photographed: Any
) -> None:
    clock.advance(timedelta(hours=3))
    photographed(1)
    photographed(2, OTHER_PLATE)
    stay_id = arrive(berth, 0)
    at_rest()
    question = ReviewItem.objects.get(kind="stay", state="open")
    assert (question.stay_id, question.why) == (stay_id, "readings_differ")


def test_two_stays_that_turn_out_to_be_one_take_their_money_along(
    berth: Berth,
    clock: Any,
    photographed: Any,
    run_reactions: Any,
    pass_time: Any,
    anonymous: Any,
) -> None:
    """A misreading made two of one; both were paid; a person corrects it."""
    clock.advance(timedelta(minutes=61))
    first = arrive(berth, 0)
    photographed(1)
    leave(berth, 60)
    arrive(berth, 60.5)
    photographed(60.7, OTHER_PLATE)
    run_reactions()
    second = ParkingSession.objects.get(state="parked")
    assert second.pk != first
    pay(("parking.stay", first))
    clock.advance(timedelta(minutes=30))
    pay(("parking.stay", second.pk))
    run_reactions()
    services.correct_plate(
        stay_id=second.pk, plate_text=PLATE.text, plate_colour="blue", actor="user:7", why="misread"
    )
    run_reactions()

    stay = ParkingSession.objects.exclude(state="void").get()
    second.refresh_from_db()
    assert (stay.pk, stay.state, second.merged_into_id) == (first, "parked", stay.pk)
    told = anonymous.get(f"/api/v1/parking/stays/{stay_token(second.pk)}/").json()
    assert (read_stay_token(told["token"]).stay_id, told["state"]) == (stay.pk, "parked")
    page = anonymous.get(f"/s/{stay_token(second.pk, here=True)}/", follow=True)
    assert read_stay_token(page.request["PATH_INFO"].split("/")[2]).stay_id == stay.pk
    assert sorted(stay.payments.values_list("amount_fen", flat=True)) == [600, 600]
    assert not PayWindow.objects.filter(state="open").exists()
    clock.advance(timedelta(minutes=5))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    pass_time(hours=1)
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen, stay.fee_fen) == ("settled", 0, 1200)
    assert not Refund.objects.exists()


def test_money_goes_back_once_no_arrival_can_join_the_departure(
    section: Section, berth: Berth, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, berth.code)
    services.submit_prepayment(draft.token)
    pay(("parking.prepayment", draft.pk))
    clock.advance(timedelta(minutes=30))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)

    clock.advance(timedelta(seconds=119))
    assert services.finish_departures() == 0
    clock.advance(timedelta(seconds=1))
    assert services.finish_departures() == 1
    assert services.finish_departures() == 0
    run_reactions()
    assert Refund.objects.get().amount_fen == 600
    draft.refresh_from_db()
    assert draft.state == "used"
    assert StayPayment.objects.get(stay=stay).kept_fen == 600


def test_what_a_person_says_of_a_stay_is_no_word_about_who_came_after_a_break(
    berth: Berth, clock: Any, photographed: Any, enrolled: Any, merchant: Any, seen: Any
) -> None:  # L2
    clock.advance(timedelta(hours=2))
    stay_id = arrive(berth, 0)
    photographed(1)
    leave(berth, 60)
    arrive(berth, 60.5)  # nobody has seen yet that it is another vehicle
    clock.hold(at(62))
    later = seen(enrolled("H-2", "handheld", merchant), merchant, berth=berth, seed=999)
    services.open_plate_review(sighting_id=later.pk, why="no_plate")
    clock.hold(at(90))
    services.correct_plate(
        stay_id=stay_id,
        plate_text="沪C13579",
        plate_colour="blue",
        actor=TEST,
        why="misread",
    )
    later.refresh_from_db()
    asked = ReviewItem.objects.get(state="open", sighting=later)
    assert (later.state, asked.stay_id) == ("review", stay_id)

    services.settle_plate(sighting_id=later.pk, plate=OTHER_PLATE, by=TEST, why="seen")
    at_rest()
    former, second = berth.stays.order_by("arrived_at")
    assert (former.plate_text, former.left_at) == ("沪C13579", at(60))
    assert (second.plate_text, second.arrived_at) == (OTHER_PLATE.text, at(60.5))


@pytest.mark.parametrize("by", ["system:parking.reader", "user:9"])
def test_a_word_about_a_stay_overwrites_no_other_vehicle_seen_after_a_break(
    berth: Berth, clock: Any, photographed: Any, by: str
) -> None:  # L2
    clock.advance(timedelta(hours=2))
    stay_id = arrive(berth, 0)
    photographed(1)
    leave(berth, 60)
    arrive(berth, 60.5)
    photographed(62, OTHER_PLATE)
    Sighting.objects.filter(plate_text=OTHER_PLATE.text).update(settled_by=by)
    services.correct_plate(  # before anything has followed from the second photograph
        stay_id=stay_id, plate_text="沪C13579", plate_colour="blue", actor=TEST, why="misread"
    )
    at_rest()
    former, second = berth.stays.exclude(state="void").order_by("arrived_at")
    assert (former.plate_text, former.left_at) == ("沪C13579", at(60))
    assert (second.plate_text, second.arrived_at) == (OTHER_PLATE.text, at(60.5))


def test_the_same_reading_after_a_break_is_asked_about_and_accuses_nobody(
    berth: Berth, clock: Any, photographed: Any
) -> None:  # L1, L2
    clock.advance(timedelta(hours=2))
    stay_id = arrive(berth, 0)
    photographed(1)
    leave(berth, 60)
    arrive(berth, 60.5)
    photographed(62)
    Sighting.objects.update(settled_by="system:parking.reader")
    at_rest()
    services.correct_plate(
        stay_id=stay_id, plate_text="沪C13579", plate_colour="blue", actor=TEST, why="misread"
    )
    at_rest()
    former, second = berth.stays.exclude(state="void").order_by("arrived_at")
    assert (former.plate_text, second.plate_text) == ("沪C13579", PLATE.text)
    asked = ReviewItem.objects.get(state="open", kind="plate")
    assert (asked.stay_id, asked.why) == (second.pk, "doubted")
    assert is_questioned(second.pk)

    services.settle_review(
        item_id=asked.pk,
        verdict="plate",
        plate_text="沪C13579",
        plate_colour="blue",
        actor="user:8",
    )
    at_rest()
    (whole,) = berth.stays.exclude(state="void")
    assert (whole.plate_text, whole.arrived_at, whole.left_at) == ("沪C13579", at(0), None)
    assert not ReviewItem.objects.filter(state="open").exists()

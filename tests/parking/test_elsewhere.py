"""One plate in two places: each contradiction is a question before anything is asked
(docs/rules.md L1)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import services as accounts
from arrears import services as arrears
from arrears.models import BlacklistEntry, Debt
from core import audit, outbox
from parking import selectors, services
from parking.links import stay_token
from parking.models import Berth, CloneCase, ParkingSession, ReviewItem
from parking.services import elsewhere
from tests.parking.test_plates import reading
from tests.street import OTHER_PLATE, PLATE, TEST, photograph


def codes(stay: ParkingSession) -> list[str]:
    return [one.code for one in selectors.questions_about(stay.pk)]


def berth(code: str) -> Berth:
    return Berth.objects.get(code=code)


def leave(stay: ParkingSession, at: Any) -> None:
    services.close_stay(berth_id=stay.berth_id, occurred_at=at, said_by=TEST)


@pytest.fixture
def days(clock: Any, run_reactions: Any) -> Any:
    """Days pass, with all that follows."""

    def go(number: int) -> None:
        for _day in range(number):
            run_reactions()
            clock.advance(timedelta(days=1))
            outbox.sweep_once()
            run_reactions()

    return go


def test_one_plate_in_two_berths_holds_both_stays_until_a_person_has_answered(
    section: Any, road: Any, stay_of: Any, clock: Any, days: Any
) -> None:
    a, b = stay_of(berth("A-001"), ago_min=90), stay_of(berth("R-001"), ago_min=80)
    assert codes(a) == codes(b) == ["plate_twice"]
    for one in (a, b):
        leave(one, clock.now())
    days(8)
    assert not Debt.objects.exists()
    for item in ReviewItem.objects.filter(state="open"):
        services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    days(5)
    assert Debt.objects.filter(state="open").count() == 2


def test_a_departure_that_is_told_late_answers_the_question_by_itself(
    section: Any, road: Any, stay_of: Any, clock: Any
) -> None:
    a = stay_of(berth("A-001"), ago_min=90)
    b = stay_of(berth("R-001"), ago_min=20)
    assert codes(a) == ["plate_twice"]
    leave(a, clock.now() - timedelta(minutes=60))
    assert codes(a) == codes(b) == []


def test_a_vehicle_that_was_parked_elsewhere_meanwhile_is_not_billed_before_an_answer(
    section: Any, road: Any, stay_of: Any, clock: Any, days: Any
) -> None:
    one = stay_of(berth("A-001"), ago_min=480)
    stay_of(berth("R-001"), ago_min=360, minutes=60)
    leave(one, clock.now())
    assert codes(one) == ["plate_twice"]
    days(8)
    assert not Debt.objects.filter(stay=one).exists()


@pytest.mark.parametrize("when", ["before it left", "after it left"])
def test_a_photograph_of_the_plate_elsewhere_during_a_stay_is_a_question(
    section: Any,
    road: Any,
    stay_of: Any,
    clock: Any,
    enrolled: Any,
    city: Any,
    seen: Any,
    days: Any,
    when: str,
) -> None:
    stay = stay_of(berth("A-001"), ago_min=300)
    hand = enrolled("H-9", "handheld", city)
    services.post_handheld(section_id=road.pk, device_id=hand, actor=TEST)
    sighting = seen(hand, city)

    def read() -> None:
        services.settle_plate(
            sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test", confidence=1.0
        )

    if when == "before it left":
        read()
    leave(stay, clock.now() + timedelta(minutes=40))
    if when == "after it left":
        read()
    assert codes(stay) == ["seen_elsewhere"]
    days(8)
    assert not Debt.objects.exists()


def test_what_the_streets_own_attendant_sees_at_the_berth_is_no_question(
    section: Any, stay_of: Any, clock: Any, enrolled: Any, merchant: Any, seen: Any
) -> None:
    stay = stay_of(berth("A-001"), ago_min=300)
    hand = enrolled("H-9", "handheld", merchant)
    services.post_handheld(section_id=section.pk, device_id=hand, actor=TEST)
    for sighting in (seen(hand, merchant), seen(hand, merchant, berth=berth("A-001"))):
        services.settle_plate(
            sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test", confidence=1.0
        )
    leave(stay, clock.now() + timedelta(minutes=40))
    assert codes(stay) == []


def test_a_corrected_plate_asks_about_the_right_vehicle_and_no_more_about_the_other(
    section: Any, road: Any, stay_of: Any
) -> None:
    a, b = stay_of(berth("A-001"), ago_min=90), stay_of(berth("R-001"), ago_min=80)
    services.correct_plate(
        stay_id=b.pk,
        plate_text=OTHER_PLATE.text,
        plate_colour="blue",
        actor=TEST,
        why="misread",
    )
    assert codes(a) == codes(b) == []


@pytest.fixture
def watched(section: Any, road: Any, enrolled: Any, city: Any) -> Any:
    """A read of the city's camera at R-001, `watched(text)`, by the reader's whole way."""
    camera = enrolled("C-9", "camera", city)
    services.cover(berth_id=berth("R-001").pk, device_id=camera, priority=1, actor=TEST)
    seeds = iter(range(100))

    def read(text: str, at: Any, *, purpose: str = "arrival") -> None:
        sighting_id = services.take_sighting(
            device_id=camera,
            kind="camera",
            merchant_id=city.pk,
            attendant=None,
            image_sha=photograph(next(seeds)),
            occurred_at=at,
            purpose=purpose,
            berth_code="R-001",
        )
        services.take_reading(sighting_id=sighting_id, reading=reading(text))

    return read


@pytest.mark.parametrize("where", ["a free berth", "its own stay", "another vehicle's stay"])
@pytest.mark.parametrize("still_there", [True, False])
def test_whatever_a_camera_reads_at_a_berth_is_matched_with_long_stays_elsewhere(
    stay_of: Any, clock: Any, watched: Any, where: str, still_there: bool
) -> None:
    long = stay_of(berth("A-001"), ago_min=22 * 60)
    at = clock.now() - timedelta(hours=10)
    if where != "a free berth":
        services.open_stay(berth_id=berth("R-001").pk, occurred_at=at, said_by=TEST)
    if where == "another vehicle's stay":
        watched(OTHER_PLATE.text, at + timedelta(minutes=1))
    if not still_there:
        leave(long, clock.now() - timedelta(hours=1))
    watched(PLATE.text, at + timedelta(minutes=5))
    assert codes(long) == ["plate_twice" if where == "its own stay" else "seen_elsewhere"]


def test_a_read_at_the_edge_of_a_stay_is_a_vehicle_that_has_just_come_or_gone(
    stay_of: Any, clock: Any, watched: Any
) -> None:
    long = stay_of(berth("A-001"), ago_min=600, minutes=590)
    for at in (long.arrived_at + timedelta(minutes=2), long.left_at - timedelta(minutes=2)):
        watched(PLATE.text, at)
    assert codes(long) == []
    watched(PLATE.text, long.left_at - timedelta(minutes=2, seconds=1))
    assert codes(long) == ["seen_elsewhere"]


# ── Copied plates ────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def far(section: Any, road: Any) -> None:
    """The road lies 40 km from the merchant's own ground."""
    Berth.objects.filter(section=section).update(latitude=31.20, longitude=121.40)
    Berth.objects.filter(section=road).update(latitude=31.20, longitude=121.82)


@pytest.fixture
def copied(far: None, stay_of: Any) -> list[ParkingSession]:
    """Ten minutes after leaving one place the plate stands 40 km away."""
    first = stay_of(berth("A-001"), ago_min=100, minutes=90)
    return [first, stay_of(berth("R-001"), ago_min=0)]


def test_a_plate_that_nobody_can_have_driven_there_opens_a_case_that_holds_both(
    copied: list[ParkingSession],
) -> None:
    case = CloneCase.objects.get()
    assert (case.state, case.plate_text) == ("open", PLATE.text)
    assert [codes(one) for one in copied] == [["too_far"], ["too_far"]]


@pytest.mark.parametrize(("minutes", "copied"), [(16, True), (19, False)])
def test_forty_kilometres_take_eighteen_minutes(
    far: None, stay_of: Any, minutes: int, copied: bool
) -> None:
    stay_of(berth("A-001"), ago_min=90 + minutes, minutes=90)
    stay_of(berth("R-001"), ago_min=0)
    assert CloneCase.objects.exists() is copied


def test_who_has_the_time_to_drive_is_no_copy(far: None, stay_of: Any) -> None:
    stay_of(berth("A-001"), ago_min=140, minutes=90)
    stay_of(berth("R-001"), ago_min=0)
    assert not CloneCase.objects.exists()


def test_while_a_plate_counts_as_copied_every_later_stay_waits_until_the_case_is_closed(
    copied: list[ParkingSession], stay_of: Any, clock: Any, days: Any
) -> None:
    case = CloneCase.objects.get()
    assert services.say_copied(case_id=case.pk, actor="user:1", reason="two vehicles seen")
    for item in ReviewItem.objects.filter(state="open"):
        services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    clock.advance(timedelta(minutes=5))
    leave(copied[1], clock.now())
    clock.advance(timedelta(days=1))
    later = stay_of(berth("A-002"), minutes=90)
    assert codes(later) == ["plate_copied"]
    days(8)
    assert not Debt.objects.filter(stay=later).exists()
    services.close_case(case_id=case.pk, actor="user:1", reason="the copy was seized")
    days(5)
    assert Debt.objects.get(stay=later).state == "open"
    assert codes(stay_of(berth("A-003"), minutes=90)) == []


# ── One question a stay about where its plate was ────────────────────────────────────────────
@pytest.fixture
def at_once(far: None, stay_of: Any, clock: Any) -> list[ParkingSession]:
    """At the same time in two places, 40 km apart: twice there, and too far."""
    both = [stay_of(berth("A-001"), ago_min=90), stay_of(berth("R-001"), ago_min=80)]
    for one in both:
        leave(one, clock.now())
    return both


def asked(stays: list[ParkingSession]) -> list[list[str]]:
    rows = ReviewItem.objects.filter(state="open")
    return [list(rows.filter(stay=one).values_list("why", flat=True)) for one in stays]


def test_twice_there_and_too_far_are_one_question(at_once: list[ParkingSession]) -> None:
    assert asked(at_once) == [["too_far"], ["too_far"]]


def test_a_question_that_was_asked_before_is_taken_over_by_the_copied_plates(
    section: Any, road: Any, stay_of: Any
) -> None:
    both = [stay_of(berth("A-001"), ago_min=90), stay_of(berth("R-001"), ago_min=80)]
    assert asked(both) == [["plate_twice"], ["plate_twice"]]
    elsewhere.open_case(plate=PLATE, why=CloneCase.Why.TOO_FAR, stays=both)
    assert asked(both) == [["too_far"], ["too_far"]]


@pytest.mark.parametrize("answer", ["the case is closed", "each is kept"])
def test_they_end_together_and_are_not_asked_again(
    at_once: list[ParkingSession], days: Any, answer: str, clock: Any
) -> None:
    if answer == "the case is closed":
        case = CloneCase.objects.get()
        services.close_case(case_id=case.pk, actor="user:1", reason="one was misread")
    else:
        for item in ReviewItem.objects.filter(state="open"):
            services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    leave(at_once[0], clock.now() - timedelta(minutes=1))  # told again, a little earlier
    assert asked(at_once) == [[], []]
    days(5)
    assert Debt.objects.filter(state="open").count() == 2


def test_times_that_fit_after_all_close_the_case_by_themselves(
    far: None, stay_of: Any, clock: Any, days: Any
) -> None:
    a, b = stay_of(berth("A-001"), ago_min=90), stay_of(berth("R-001"), ago_min=20)
    assert asked([a, b]) == [["too_far"], ["too_far"]]
    leave(a, clock.now() - timedelta(minutes=60))
    assert asked([a, b]) == [[], []]
    case = CloneCase.objects.get()
    assert (case.state, list(audit.trail(case))[-1].reason) == ("closed", "its times fit after all")


def test_the_owner_who_says_that_it_was_theirs_lets_the_stay_go_on(
    copied: list[ParkingSession], stay_of: Any, clock: Any, owner: Any, owner_client: Any
) -> None:
    accounts.prove_holding(
        user=owner,
        plate_text=PLATE.text,
        plate_colour="blue",
        method="licence seen",
        actor=TEST,
    )
    clock.advance(timedelta(minutes=5))
    leave(copied[1], clock.now())
    clock.advance(timedelta(days=1))
    later = stay_of(berth("A-002"), minutes=90)
    path = f"/s/{stay_token(later.pk, here=True)}/"
    page = owner_client.get(path, headers={"Accept-Language": "en"}).content.decode()
    assert "It was my vehicle" in page
    owner_client.post(path, {"mine": "1"})
    assert codes(later) == []


def test_whose_not_mine_was_right_is_not_billed_for_the_next_stay_of_that_plate(
    section: Any, stay_of: Any, days: Any
) -> None:
    first = stay_of(berth("A-001"), minutes=90)
    days(4)
    [dispute] = arrears.object(stay_ids=[first.pk], reason="not_mine", text="copied", actor="owner")
    arrears.settle_dispute(
        dispute_id=dispute.pk, verdict="upheld", answer="Copied plate.", actor="user:1"
    )
    second = stay_of(berth("A-001"), minutes=90)
    days(10)
    assert codes(second) == ["plate_copied"]
    assert not Debt.objects.filter(stay=second).exists()
    assert not BlacklistEntry.objects.exclude(state="gone").exists()

"""Photographs are ordered, read, settled by reader or person, and never lost (P2.2, P2.3, P0.1)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.errors import Denied, Invalid, Refused
from core.models import OutboxEvent
from devices.models import Command
from parking import services, tasks
from parking.errors import NotReadYet, NotThisBerth, ReviewDone, TooLateToUndo
from parking.models import (
    Berth,
    ImageOrder,
    InspectionTask,
    ParkingSession,
    PlateReading,
    ReviewItem,
    Section,
    Sighting,
)
from parking.tasks import MOST_READS
from parking.vision import Candidate, Reading
from tests.street import PLATE, TEST, photograph


def reading(text: str = "沪A12345", *, confident: bool = True, why: str = "confident") -> Reading:
    """What the plate reader might say."""
    return Reading(
        candidates=(
            Candidate(text=text, probability=0.98, characters=(0.99,) * len(text)),
            Candidate(text="沪A12346", probability=0.01, characters=(0.99,) * 6 + (0.4,)),
        ),
        colour="blue",
        colour_confidence=0.99,
        corners=None,
        sharpness=200.0,
        confident=confident,
        why=why,
        model="test",
    )


def events(topic: str) -> list[dict[str, Any]]:
    return list(OutboxEvent.objects.filter(topic=topic).values_list("data", flat=True))


@pytest.fixture
def cameras(berth: Berth, enrolled: Any, merchant: Any) -> tuple[int, int]:
    """Two cameras over A-001; C-001 is the better one."""
    first, second = (enrolled(code, "camera", merchant) for code in ("C-001", "C-002"))
    corners = [(0.1, 0.1), (0.5, 0.1), (0.5, 0.9), (0.1, 0.9)]
    services.cover(berth_id=berth.pk, device_id=second, priority=2, actor=TEST)
    services.cover(berth_id=berth.pk, device_id=first, priority=1, region=corners, actor=TEST)
    return first, second


@pytest.fixture
def parked(berth: Berth, clock: Any) -> ParkingSession:
    pk = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    return ParkingSession.objects.get(pk=pk)


def taken(
    berth: Berth, device_id: int, clock: Any, *, command_id: int | None = None, seed: int = 0
) -> Sighting:
    pk = services.take_sighting(
        device_id=device_id,
        kind="camera",
        merchant_id=berth.section.merchant_id,
        attendant=None,
        image_sha=photograph(seed),
        occurred_at=clock.now(),
        purpose="arrival",
        berth_code=berth.code,
        command_id=command_id,
    )
    return Sighting.objects.get(pk=pk)


# ── P2.2 ─────────────────────────────────────────────────────────────────────────────────────
def test_the_best_camera_is_told_to_take_the_image(
    cameras: tuple[int, int], parked: ParkingSession, run_reactions: Any
) -> None:
    run_reactions()  # P2.2
    command = Command.objects.get()
    assert (command.device_id, command.action) == (cameras[0], "TakeImage")
    assert command.payload["berth_code"] == "A-001"


def test_a_silent_camera_is_followed_by_the_next_and_then_by_the_attendant(
    cameras: tuple[int, int],
    parked: ParkingSession,
    run_reactions: Any,
    enrolled: Any,
    section: Section,
    merchant: Any,
) -> None:
    handheld = enrolled("H-001", "handheld", merchant)
    services.post_handheld(section_id=section.pk, device_id=handheld, actor=TEST)
    run_reactions()
    first = ImageOrder.objects.get()
    services.image_failed(command_id=first.command_id, reason="expired")  # P2.2
    second = ImageOrder.objects.get(state="asked")
    assert second.device_id == cameras[1]
    assert not InspectionTask.objects.exists()
    services.image_failed(command_id=second.command_id, reason="failed")
    assert InspectionTask.objects.get().stay_id == parked.pk
    assert Command.objects.filter(device_id=handheld, action="TakeImage").count() == 1


def test_a_picture_that_never_comes_is_chased_by_the_sweep(
    cameras: tuple[int, int], parked: ParkingSession, run_reactions: Any, clock: Any
) -> None:
    run_reactions()
    assert services.chase_images() == 0
    ImageOrder.objects.update(give_up_at=clock.real() - timedelta(seconds=1))
    assert services.chase_images() == 1
    assert ImageOrder.objects.get(state="asked").device_id == cameras[1]


# ── P2.3, P0.1 ───────────────────────────────────────────────────────────────────────────────
def test_a_confident_reading_settles_the_plate_of_the_stay(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    run_reactions()
    order = ImageOrder.objects.get()
    sighting = taken(berth, cameras[0], clock, command_id=order.command_id)
    assert sighting.stay_id == parked.pk
    assert services.take_reading(sighting_id=sighting.pk, reading=reading())
    assert not services.take_reading(sighting_id=sighting.pk, reading=reading("沪B99999"))

    parked.refresh_from_db()
    order.refresh_from_db()
    assert (parked.plate_text, parked.plate_colour, parked.plate_state) == (
        "沪A12345",
        "blue",
        "settled",
    )
    assert order.state == "taken"
    [event] = events("parking.plate_settled")
    assert (event["stay_id"], event["device_id"]) == (parked.pk, cameras[0])
    assert event["plate_text"] == "沪A12345"


def test_the_same_photograph_told_again_is_one_sighting(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    assert taken(berth, cameras[0], clock).pk == taken(berth, cameras[0], clock).pk  # P0.1
    assert len(events("parking.image_taken")) == 1


@pytest.mark.parametrize(("probability", "billed"), [(0.91, "settled"), (0.89, "review")])
def test_nobody_is_billed_on_a_reading_on_which_nobody_is_accused(
    cameras: tuple[int, int],
    berth: Berth,
    parked: ParkingSession,
    clock: Any,
    probability: float,
    billed: str,
) -> None:
    sure = reading()
    weak = replace(sure, candidates=(replace(sure.candidates[0], probability=probability),))
    services.take_reading(sighting_id=taken(berth, cameras[0], clock).pk, reading=weak)
    parked.refresh_from_db()
    assert parked.plate_state == billed


def test_a_doubtful_reading_goes_to_a_person_whose_word_settles_it(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    sighting = taken(berth, cameras[0], clock)
    services.take_reading(
        sighting_id=sighting.pk, reading=reading(confident=False, why="weak_character")
    )
    parked.refresh_from_db()
    assert parked.plate_state == "review"
    assert not events("parking.plate_settled")  # a low-confidence reading never accuses

    item = ReviewItem.objects.get(state="open")
    services.settle_review(
        item_id=item.pk,
        verdict="plate",
        plate_text="沪A·12346",
        plate_colour="blue",
        actor="user:7",
    )
    parked.refresh_from_db()
    assert (parked.plate_text, parked.plate_by) == ("沪A12346", "user:7")
    kept = PlateReading.objects.get()
    assert (kept.state, kept.text) == ("corrected", "沪A12345")  # the original stays
    assert events("parking.plate_settled")[0]["confidence"] == 1.0
    services.settle_review(  # said twice: once
        item_id=item.pk, verdict="plate", plate_text="沪A12346", plate_colour="blue", actor="user:7"
    )
    assert len(events("parking.plate_settled")) == 1
    with pytest.raises(ReviewDone):
        services.settle_review(item_id=item.pk, verdict="unreadable", actor="user:8")


def test_a_person_cannot_settle_what_is_no_plate(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    services.open_plate_review(sighting_id=taken(berth, cameras[0], clock).pk, why="no_plate")
    item = ReviewItem.objects.get()
    with pytest.raises(Invalid) as refused:
        services.settle_review(
            item_id=item.pk, verdict="plate", plate_text="沪I12345", actor="user:7"
        )
    assert refused.value.fields
    assert ReviewItem.objects.get().state == "open"


def test_an_unreadable_plate_is_billed_to_nobody(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    services.open_plate_review(sighting_id=taken(berth, cameras[0], clock).pk, why="no_plate")
    clock.advance(timedelta(hours=2))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    parked.refresh_from_db()
    assert (parked.state, parked.due_fen) == ("due", 1200)
    services.settle_review(
        item_id=ReviewItem.objects.get(kind="plate").pk, verdict="unreadable", actor="user:7"
    )
    parked.refresh_from_db()
    assert (parked.state, parked.due_fen, parked.plate_text) == ("settled", 0, "")
    assert not events("parking.left_unpaid")


def test_a_verdict_can_be_undone_while_nothing_followed(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    services.open_plate_review(sighting_id=taken(berth, cameras[0], clock).pk, why="no_plate")
    item = ReviewItem.objects.get()
    services.settle_review(
        item_id=item.pk, verdict="plate", plate_text="沪A12345", plate_colour="blue", actor="user:7"
    )
    services.undo_review(item_id=item.pk, actor="user:7")
    parked.refresh_from_db()
    assert (parked.plate_state, parked.plate_text) == ("review", "")
    services.settle_review(
        item_id=item.pk, verdict="plate", plate_text="沪A12346", plate_colour="blue", actor="user:7"
    )
    clock.advance(timedelta(minutes=11))
    with pytest.raises(TooLateToUndo):
        services.undo_review(item_id=item.pk, actor="user:7")


def test_two_photographs_that_differ_are_a_question_never_an_overwriting(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    one = taken(berth, cameras[0], clock, seed=1)
    two = taken(berth, cameras[1], clock, seed=2)
    services.take_reading(sighting_id=one.pk, reading=reading())
    services.take_reading(sighting_id=two.pk, reading=reading("沪B67890"))
    parked.refresh_from_db()
    assert parked.plate_text == "沪A12345"
    assert ReviewItem.objects.get(kind="stay").why == "readings_differ"
    assert [event["stay_id"] for event in events("parking.plate_settled")] == [parked.pk, None]

    services.correct_plate(
        stay_id=parked.pk, plate_text="沪C67890", plate_colour="blue", actor="user:7", why="seen"
    )
    assert not ReviewItem.objects.filter(state="open").exists()  # that was the answer


def test_a_correction_settles_the_photograph_that_nobody_could_read(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    unsure = taken(berth, cameras[0], clock, seed=1)
    sure = taken(berth, cameras[1], clock, seed=2)
    services.take_reading(sighting_id=unsure.pk, reading=reading(confident=False, why="weak_plate"))
    services.take_reading(sighting_id=sure.pk, reading=reading())
    services.correct_plate(
        stay_id=parked.pk, plate_text="沪B67890", plate_colour="blue", actor="user:7", why="seen"
    )
    assert set(Sighting.objects.values_list("state", "plate_text")) == {("settled", "沪B67890")}
    assert not ReviewItem.objects.filter(state="open").exists()
    parked.refresh_from_db()
    assert parked.plate_text == "沪B67890"


def test_a_corrected_plate_moves_the_stay_and_tells_it(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    sighting = taken(berth, cameras[0], clock)
    services.take_reading(sighting_id=sighting.pk, reading=reading())
    services.correct_plate(
        stay_id=parked.pk,
        plate_text="沪B67890",
        plate_colour="blue",
        actor="user:7",
        why="saw it",
    )
    [event] = events("parking.plate_corrected")
    assert event == {"stay_id": parked.pk, "old_text": "沪A12345", "old_colour": "blue"}
    assert PlateReading.objects.get().text == "沪A12345"
    assert Sighting.objects.get().plate_text == "沪B67890"


def test_a_task_that_got_lost_is_sent_again_and_ends_with_a_person(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    sighting = taken(berth, cameras[0], clock)
    for _again in range(MOST_READS):
        Sighting.objects.update(read_again_at=clock.real() - timedelta(seconds=1))
        assert tasks.read_again() == 1
        assert tasks.read_again() == 0
    sighting.refresh_from_db()
    assert sighting.state == "review"
    assert ReviewItem.objects.get().why == "reader_silent"


# ── Handhelds ────────────────────────────────────────────────────────────────────────────────
def test_a_handheld_capture_elsewhere_is_told_with_its_terminal(
    section: Section, merchant: Any, enrolled: Any, seen: Any
) -> None:
    handheld = enrolled("H-001", "handheld", merchant)
    services.post_handheld(section_id=section.pk, device_id=handheld, actor=TEST)
    sighting = seen(handheld, merchant)
    services.take_reading(sighting_id=sighting.pk, reading=reading())
    [event] = events("parking.plate_settled")  # P3.1, P3.3
    assert (event["device_id"], event["stay_id"]) == (handheld, None)
    assert event["section_id"] == section.pk


def test_a_handheld_at_the_berth_answers_the_inspection(
    berth: Berth, parked: ParkingSession, merchant: Any, enrolled: Any, seen: Any
) -> None:
    services.order_image(stay_id=parked.pk)  # no camera at all
    assert InspectionTask.objects.get().state == "open"
    handheld = enrolled("H-001", "handheld", merchant)
    sighting = seen(handheld, merchant, berth=berth)
    services.take_reading(sighting_id=sighting.pk, reading=reading())
    parked.refresh_from_db()
    assert (parked.plate_text, InspectionTask.objects.get().state) == ("沪A12345", "done")


def test_a_handheld_that_nobody_took_in_hand_is_refused(
    berth: Berth, merchant: Any, enrolled: Any, clock: Any
) -> None:
    with pytest.raises(Denied):
        services.take_sighting(
            device_id=enrolled("H-001", "handheld", merchant),
            kind="handheld",
            merchant_id=merchant.pk,
            attendant=None,
            image_sha=photograph(),
            occurred_at=clock.now(),
            purpose="capture",
        )


def test_a_camera_speaks_only_of_berths_that_it_sees(
    berth: Berth, merchant: Any, enrolled: Any, clock: Any
) -> None:
    camera = enrolled("C-009", "camera", merchant)
    with pytest.raises(NotThisBerth):
        taken(berth, camera, clock)


def test_a_photograph_must_have_been_uploaded(
    cameras: tuple[int, int], berth: Berth, clock: Any
) -> None:
    with pytest.raises(Refused) as refused:
        services.take_sighting(
            device_id=cameras[0],
            kind="camera",
            merchant_id=berth.section.merchant_id,
            attendant=None,
            image_sha="0" * 64,
            occurred_at=clock.now(),
            purpose="arrival",
            berth_code=berth.code,
        )
    assert refused.value.code == "image_missing"


def test_one_plate_in_two_berths_is_a_question(
    berth: Berth, section: Section, stay_of: Any
) -> None:
    both = [stay_of(berth, PLATE), stay_of(Berth.objects.get(code="A-002"), PLATE)]
    asked = ReviewItem.objects.filter(kind="stay", state="open", why="plate_twice")
    assert set(asked.values_list("stay_id", flat=True)) == {one.pk for one in both}


def test_a_plate_typed_on_the_stays_page_is_told_like_any_settled_one(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    services.open_plate_review(sighting_id=taken(berth, cameras[0], clock).pk, why="no_plate")
    services.correct_plate(
        stay_id=parked.pk, plate_text="沪A12345", plate_colour="blue", actor="user:7", why="seen"
    )
    [event] = events("parking.plate_settled")
    assert (event["stay_id"], event["plate_text"]) == (parked.pk, "沪A12345")
    assert ReviewItem.objects.filter(state="open").count() == 0
    assert Sighting.objects.get().state == "settled"


def test_a_picture_of_the_departure_belongs_to_the_stay_that_left(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    clock.advance(timedelta(hours=1))
    left_at = clock.now()
    services.close_stay(berth_id=berth.pk, occurred_at=left_at, said_by=TEST)
    clock.advance(timedelta(seconds=20))
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    pk = services.take_sighting(
        device_id=cameras[0],
        kind="camera",
        merchant_id=berth.section.merchant_id,
        attendant=None,
        image_sha=photograph(),
        occurred_at=clock.now(),
        purpose="leaving",
        berth_code=berth.code,
    )
    assert Sighting.objects.get(pk=pk).stay_id == parked.pk


def test_whoever_says_that_a_plate_was_read_wrongly_is_heard_by_a_person(
    cameras: tuple[int, int], berth: Berth, parked: ParkingSession, clock: Any
) -> None:
    sighting = taken(berth, cameras[0], clock)
    with pytest.raises(NotReadYet):
        services.doubt_plate(stay_id=parked.pk, actor="owner")
    services.take_reading(sighting_id=sighting.pk, reading=reading())
    item = services.doubt_plate(stay_id=parked.pk, actor="owner")
    assert services.doubt_plate(stay_id=parked.pk, actor="owner").pk == item.pk
    parked.refresh_from_db()
    assert parked.plate_text == "沪A12345"  # what was read stays until then
    services.settle_review(
        item_id=item.pk, verdict="plate", plate_text="沪B67890", plate_colour="blue", actor="user:7"
    )
    parked.refresh_from_db()
    assert parked.plate_text == "沪B67890"
    assert PlateReading.objects.get().state == "corrected"
    assert [event["old_text"] for event in events("parking.plate_corrected")] == ["沪A12345"]

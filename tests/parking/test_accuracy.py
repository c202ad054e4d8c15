"""A camera that misreads too often stops billing by itself, and begins again when it reads well
(docs/parking.md "Accuracy")."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from parking import selectors, services
from parking.models import (
    Berth,
    CameraTrust,
    ParkingSession,
    ReadingJudgement,
    ReviewItem,
    Section,
    Sighting,
)
from tests.parking.test_pages import body
from tests.parking.test_plates import reading
from tests.street import TEST, photograph


@pytest.fixture
def camera(section: Section, enrolled: Any, merchant: Any) -> int:
    device_id: int = enrolled("C-001", "camera", merchant)
    for code in ("A-001", "A-002", "A-003"):
        berth = Berth.objects.get(code=code)
        services.cover(berth_id=berth.pk, device_id=device_id, priority=1, actor=TEST)
    return device_id


@pytest.fixture
def sees(camera: int, section: Section, merchant: Any, clock: Any) -> Callable[..., ParkingSession]:
    """A vehicle comes, is read and is gone: `sees("沪A12345")`, a minute after the former one."""
    seeds = iter(range(1000))

    def see(text: str, *, sure: float = 0.98) -> ParkingSession:
        clock.advance(timedelta(minutes=10))
        berth = Berth.objects.get(code="A-001")
        stay_id = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
        sighting_id = services.take_sighting(
            device_id=camera,
            kind="camera",
            merchant_id=merchant.pk,
            attendant=None,
            image_sha=photograph(next(seeds)),
            occurred_at=clock.now(),
            purpose="arrival",
            berth_code="A-001",
        )
        services.take_reading(sighting_id=sighting_id, reading=reading(text))
        clock.advance(timedelta(minutes=5))
        services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
        clock.advance(timedelta(minutes=5))
        services.finish_departures()
        return ParkingSession.objects.get(pk=stay_id)

    return see


def plate(number: int) -> str:
    return f"沪A{20000 + number}"


def was_wrong(stay: ParkingSession, number: int) -> None:
    services.correct_plate(
        stay_id=stay.pk,
        plate_text=plate(50000 + number),
        plate_colour="blue",
        actor="user:7",
        why="misread",
    )


def trust() -> CameraTrust:
    return CameraTrust.objects.get()


@pytest.fixture
def stopped(sees: Any) -> CameraTrust:
    """Three readings were wrong, of three."""
    for number in range(3):
        was_wrong(sees(plate(number)), number)
    return trust()


def test_a_camera_stops_once_persons_found_it_wrong_too_often(
    sees: Any, clock: Any, merchant: Any, section: Section
) -> None:
    stays = [sees(plate(number)) for number in range(4)]
    for number in (0, 1):
        was_wrong(stays[number], number)
    assert trust().state == "bills"
    was_wrong(stays[2], 2)
    assert (trust().state, trust().changed_at) == ("stopped", clock.now())

    stay = sees(plate(9))
    assert (stay.plate_state, stay.plate_text) == ("review", "")  # it asks instead
    assert [one.code for one in selectors.questions_about(stay.pk)] == ["camera_stopped"]
    assert "C-001" in [item["title"] for item in selectors.needs(merchant.pk)]


def test_a_few_wrong_ones_among_many_stop_nothing(sees: Any) -> None:
    stays = [sees(plate(number)) for number in range(20)]
    was_wrong(stays[0], 0)
    CameraTrust.objects.update(bar=0.8)
    for number in (1, 2):
        was_wrong(stays[number], number)
    assert trust().state == "bills"


def test_doubtful_readings_say_nothing_of_what_bills(sees: Any, camera: int) -> None:
    from dataclasses import replace

    for number in range(4):
        stay = sees(plate(number))
        assert stay
    sighting = Sighting.objects.order_by("pk").last()
    assert sighting is not None
    weak = replace(reading(plate(7)), confident=False, why="weak_character")
    Sighting.objects.filter(pk=sighting.pk).update(state="received", settled_by="")
    sighting.reading.delete()
    services.take_reading(sighting_id=sighting.pk, reading=weak)
    item = ReviewItem.objects.get(kind="plate", state="open")
    services.settle_review(
        item_id=item.pk, verdict="plate", plate_text=plate(8), plate_colour="blue", actor="user:7"
    )
    assert not ReadingJudgement.objects.exists()


def test_it_begins_again_by_itself_once_persons_found_it_right(
    stopped: CameraTrust, sees: Any
) -> None:
    CameraTrust.objects.update(bar=0.8)  # 52 would be needed for 0.95
    for number in range(11):
        assert trust().state == "stopped"
        sees(plate(100 + number))
        item = ReviewItem.objects.get(state="open", why="camera_stopped")
        services.settle_review(
            item_id=item.pk,
            verdict="plate",
            plate_text=plate(100 + number),
            plate_colour="blue",
            actor="user:7",
        )
    assert trust().state == "bills"
    assert sees(plate(99)).plate_text == plate(99)


def test_the_desk_lets_it_bill_again_with_a_reason(
    stopped: CameraTrust, sees: Any, operator_client: Client
) -> None:
    page = body(operator_client.get(reverse("admin:parking_cameratrust_changelist")))
    assert "C-001" in page
    url = reverse("admin:parking_cameratrust_let_bill", args=[stopped.pk])
    operator_client.post(url, {"reason": "镜头已清洁"})
    assert trust().state == "bills"
    assert sees(plate(99)).plate_text == plate(99)
    assert "C-001" not in body(
        operator_client.get(reverse("admin:parking_cameratrust_changelist") + "?state=stopped")
    )
    front = body(operator_client.get(reverse("admin:index")))
    assert "读错" in front  # what its alarms are about


def test_two_voices_that_contradict_a_reading_count_against_it(
    section: Section, camera: int, merchant: Any, clock: Any
) -> None:
    from dataclasses import replace

    from parking.vision import Candidate

    berth = Berth.objects.get(code="A-001")
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    draft = services.draft_prepayment(plate_text="沪A12345", minutes=60, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, "A-001")

    def see(text: str, seed: int, probability: float, *, sure: bool) -> None:
        sighting_id = services.take_sighting(
            device_id=camera,
            kind="camera",
            merchant_id=merchant.pk,
            attendant=None,
            image_sha=photograph(seed),
            occurred_at=clock.now(),
            purpose="arrival",
            berth_code="A-001",
        )
        one = Candidate(text=text, probability=probability, characters=(probability,) * 7)
        said = replace(reading(text, confident=sure), candidates=(one,))
        services.take_reading(sighting_id=sighting_id, reading=said)

    see("沪A1234S", 1, 0.95, sure=True)
    services.submit_prepayment(draft.token, "沪A12345", "blue")
    see("沪A12345", 2, 0.8, sure=False)
    assert berth.stays.get().plate_text == "沪A12345"
    judged = ReadingJudgement.objects.get()
    assert (judged.right, judged.drawn, judged.judged_by) == (False, False, "system:parking.vote")


# ── Samples ──────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def sample(sees: Any, clock: Any) -> ReviewItem:
    for number in range(3):
        sees(plate(number))
    assert services.draw_samples() == 1
    return ReviewItem.objects.get(kind="sample")


def test_a_night_draws_one_reading_of_each_camera_and_holds_nothing_for_it(
    sample: ReviewItem, clock: Any
) -> None:
    assert sample.sighting is not None
    assert sample.sighting.plate_text in {plate(n) for n in range(3)}
    assert not selectors.is_questioned(sample.sighting.stay_id)
    clock.advance(timedelta(days=2))
    assert services.draw_samples() == 0  # nothing was read since


def test_who_reads_a_sample_again_is_not_shown_what_was_read(
    sample: ReviewItem, merchant_client: Client
) -> None:
    page = body(merchant_client.get(reverse("parking.review", args=[sample.pk])))
    assert sample.sighting is not None
    assert sample.sighting.plate_text[2:] not in page
    assert "随机" in page
    assert "<img" in page


def test_a_sample_that_a_person_reads_alike_counts_for_the_camera(
    sample: ReviewItem, merchant_client: Client
) -> None:
    assert sample.sighting is not None
    merchant_client.post(
        reverse("parking.review", args=[sample.pk]),
        {"do": "type", "plate": sample.sighting.plate_text, "colour": "blue"},
    )
    judged = ReadingJudgement.objects.get()
    assert (judged.right, judged.drawn) == (True, True)
    assert not ReviewItem.objects.filter(state="open").exists()


@pytest.mark.parametrize(("then", "right"), [("plate", False), ("keep", True)])
def test_a_sample_that_differs_is_a_question_whose_answer_counts(
    sample: ReviewItem, then: str, right: bool
) -> None:
    assert sample.sighting is not None
    services.settle_review(
        item_id=sample.pk,
        verdict="plate",
        plate_text=plate(777),
        plate_colour="blue",
        actor="user:7",
    )
    assert not ReadingJudgement.objects.exists()  # it may have been mistyped
    item = ReviewItem.objects.get(state="open")
    assert selectors.is_questioned(item.stay_id)
    services.settle_review(
        item_id=item.pk,
        verdict=then,
        plate_text=plate(777) if then == "plate" else "",
        plate_colour="blue" if then == "plate" else "",
        actor="user:8",
    )
    judged = ReadingJudgement.objects.get()
    assert (judged.right, judged.drawn, judged.judged_by) == (right, True, "user:8")


def test_a_sample_that_nobody_can_read_says_nothing(sample: ReviewItem) -> None:
    services.settle_review(item_id=sample.pk, verdict="unreadable", actor="user:7")
    assert not ReadingJudgement.objects.exists()
    assert not ReviewItem.objects.filter(state="open").exists()

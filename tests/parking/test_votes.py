"""Reader, second photograph and owner settle a plate together, and never against a person
(P2.3, P2.5, docs/rules.md L1)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from core import audit
from parking import selectors, services
from parking.models import (
    Berth,
    ParkingSession,
    PlateReading,
    Prepayment,
    ReviewItem,
    Section,
    Sighting,
)
from parking.vision import Candidate, Reading
from tests.parking.test_pages import body
from tests.parking.test_plates import taken
from tests.people import prove
from tests.street import OTHER_PLATE, PLATE, TEST

NEAR = "沪A1234S"  # a reader takes one for the other
FAR = "京N88K01"


def said(
    *candidates: tuple[str, float], sure: bool = False, colour: str | None = "blue"
) -> Reading:
    """A reading with these candidates, confident or not."""
    return Reading(
        candidates=tuple(
            Candidate(text=text, probability=p, characters=(p,) * len(text))
            for text, p in candidates
        ),
        colour=colour,
        colour_confidence=0.9,
        corners=None,
        sharpness=100.0,
        confident=sure,
        why="confident" if sure else "weak_character",
        model="test",
    )


@pytest.fixture
def parked(berth: Berth, clock: Any) -> ParkingSession:
    pk = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    return ParkingSession.objects.get(pk=pk)


@pytest.fixture
def see(
    berth: Berth, parked: ParkingSession, enrolled: Any, merchant: Any, clock: Any
) -> Callable[[Reading], Sighting]:
    """A photograph of the parked vehicle is read: `see(reading)`, another one each time."""
    camera = enrolled("C-001", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, priority=1, actor=TEST)
    seeds = iter(range(100))

    def take(reading: Reading) -> Sighting:
        sighting = taken(berth, camera, clock, seed=next(seeds))
        services.take_reading(sighting_id=sighting.pk, reading=reading)
        sighting.refresh_from_db()
        return sighting

    return take


def declare(section: Section, text: str = PLATE.text, *, user_id: int | None = None) -> Prepayment:
    draft = services.draft_prepayment(
        plate_text=text, plate_colour="blue", minutes=60, section_id=section.pk, user_id=user_id
    )
    services.candidate_berths(draft.token)
    return services.choose_berth(draft.token, "A-001")


def open_reasons() -> list[str]:
    rows = ReviewItem.objects.filter(state="open")
    return sorted(rows.values_list("why", flat=True))


def now_is(stay: ParkingSession) -> tuple[str, str, str]:
    stay.refresh_from_db()
    return stay.plate_text, stay.plate_state, stay.plate_by


VOTE = "system:parking.vote"


def test_a_doubtful_reading_that_equals_what_the_owner_declares_settles_the_plate(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    """The reader's second candidate is what the owner declares: nobody has to wait."""
    photograph = see(said((NEAR, 0.985), (PLATE.text, 0.98)))
    assert now_is(parked)[1] == "review"
    told = services.submit_prepayment(declare(section).token)
    assert told.outcome == "confirmed"
    assert now_is(parked) == (PLATE.text, "settled", VOTE)
    assert parked.plate_colour == "blue"
    assert parked.plate_confidence == pytest.approx(0.996, abs=0.001)
    photograph.refresh_from_db()
    assert (photograph.state, photograph.settled_by) == ("settled", VOTE)
    assert open_reasons() == []
    assert selectors.questions_about(parked.pk) == ()


def test_a_declaration_that_came_first_is_answered_by_a_doubtful_reading(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    draft = declare(section)
    assert services.submit_prepayment(draft.token).outcome == "waiting"
    see(said((PLATE.text, 0.6)))
    draft.refresh_from_db()
    assert (draft.state, now_is(parked)) == ("confirmed", (PLATE.text, "settled", VOTE))
    assert open_reasons() == []


def test_a_second_photograph_settles_what_the_first_left_open(
    see: Any,
    parked: ParkingSession,
) -> None:
    first = see(said((PLATE.text, 0.79)))
    assert open_reasons() == ["weak_character"]
    see(said((PLATE.text, 0.79)))  # by the same camera: half a voice
    assert now_is(parked) == (PLATE.text, "settled", VOTE)
    first.refresh_from_db()
    assert (first.state, open_reasons()) == ("settled", [])


def test_two_weak_photographs_stay_a_question_for_a_person(
    see: Any,
    parked: ParkingSession,
) -> None:
    for _again in range(2):
        see(said((PLATE.text, 0.6)))
    assert now_is(parked)[1] == "review"
    assert open_reasons() == ["weak_character", "weak_character"]


def test_a_declaration_alone_accuses_nobody(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    see(said((OTHER_PLATE.text, 0.7), (PLATE.text, 0.2)))
    assert services.submit_prepayment(declare(section).token).outcome == "waiting"
    assert now_is(parked) == ("", "review", "")
    assert open_reasons() == ["not_read", "weak_character"]


def test_who_declares_one_plate_after_another_has_no_voice(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    see(said((PLATE.text, 0.8)))
    draft = declare(section, NEAR)
    services.submit_prepayment(draft.token)
    assert services.submit_prepayment(draft.token, PLATE.text, "blue").outcome == "waiting"
    assert services.submit_prepayment(declare(section).token).outcome == "waiting"
    assert now_is(parked)[1] == "review"


def test_a_plate_of_another_proven_holder_needs_a_surer_photograph(
    see: Any,
    section: Section,
    parked: ParkingSession,
    owner: User,
) -> None:
    prove(owner, PLATE.text, "blue")
    see(said((PLATE.text, 0.7)))
    assert services.submit_prepayment(declare(section).token).outcome == "waiting"
    assert now_is(parked)[1] == "review"
    Prepayment.objects.update(user=owner)
    assert services.submit_prepayment(Prepayment.objects.get().token).outcome == "confirmed"


def test_two_outvote_a_sure_reading_that_may_be_a_misreading(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    first = see(said((NEAR, 0.95), sure=True))
    assert now_is(parked)[0] == NEAR
    draft = declare(section)
    assert services.submit_prepayment(draft.token).outcome == "modify"
    see(said((PLATE.text, 0.8)))
    assert now_is(parked) == (PLATE.text, "settled", VOTE)
    first.refresh_from_db()
    draft.refresh_from_db()
    assert (first.plate_text, draft.state, open_reasons()) == (PLATE.text, "confirmed", [])
    assert PlateReading.objects.get(sighting=first).state == "corrected"
    assert PlateReading.objects.get(sighting=first).text == NEAR  # as it was read


def test_nobody_outvotes_a_sure_photograph_of_quite_another_vehicle(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    see(said((FAR, 0.95), sure=True))
    services.submit_prepayment(declare(section).token)
    see(said((PLATE.text, 0.85)))
    assert now_is(parked)[0] == FAR
    assert selectors.is_questioned(parked.pk)


def test_a_photograph_of_nothing_holds_no_stay_whose_plate_two_others_show(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    dark = see(said())
    for _again in range(2):
        see(said((PLATE.text, 0.8)))
    dark.refresh_from_db()
    assert now_is(parked) == (PLATE.text, "settled", VOTE)
    assert (dark.state, open_reasons()) == ("unreadable", [])


def test_voices_from_before_say_nothing_of_who_was_told_later(
    see: Any, parked: ParkingSession, clock: Any
) -> None:
    """A departure was lost, and the next vehicle's photograph shows no plate (L1, L2)."""
    for _again in range(2):
        see(said((PLATE.text, 0.8)))
    assert now_is(parked) == (PLATE.text, "settled", VOTE)
    clock.advance(timedelta(hours=26))
    services.open_stay(berth_id=parked.berth_id, occurred_at=clock.now(), said_by=TEST)
    clock.advance(timedelta(seconds=20))
    dark = see(said())
    assert (dark.state, open_reasons()) == ("review", ["weak_character"])


@pytest.mark.parametrize("word", ["plate", "unreadable"])
def test_a_persons_word_is_not_outvoted(
    see: Any,
    section: Section,
    parked: ParkingSession,
    word: str,
) -> None:
    see(said((PLATE.text, 0.7)))
    services.settle_review(
        item_id=ReviewItem.objects.get(state="open").pk,
        verdict=word,
        plate_text=FAR if word == "plate" else "",
        plate_colour="blue" if word == "plate" else "",
        actor="user:7",
    )
    was = now_is(parked)
    see(said((PLATE.text, 0.8)))
    services.submit_prepayment(declare(section).token)
    assert now_is(parked) == was


def test_a_photograph_that_moves_to_another_stay_brings_its_voice_along(
    berth: Berth, parked: ParkingSession, see: Any, clock: Any
) -> None:
    began_at = clock.now()

    def at(minute: float) -> Any:
        return began_at + timedelta(minutes=minute)

    see(said((PLATE.text, 0.79)))
    services.close_stay(berth_id=berth.pk, occurred_at=at(60), said_by=TEST)
    clock.advance(timedelta(minutes=65))
    services.open_stay(berth_id=berth.pk, occurred_at=at(63), said_by=TEST)
    see(said((PLATE.text, 0.79)))
    assert open_reasons() == ["weak_character", "weak_character"]
    # Told late: it had come back at once, so both photographs are of one stay.
    services.open_stay(berth_id=berth.pk, occurred_at=at(60.5), said_by=TEST)
    assert now_is(parked) == (PLATE.text, "settled", VOTE)
    assert open_reasons() == []


def test_what_somebody_doubts_waits_for_a_person(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    see(said((NEAR, 0.95), sure=True))
    services.doubt_plate(stay_id=parked.pk, actor="owner")
    services.submit_prepayment(declare(section).token)
    see(said((PLATE.text, 0.8)))
    assert now_is(parked)[0] == NEAR


def test_the_trail_says_whose_voices_agreed(
    see: Any,
    section: Section,
    parked: ParkingSession,
) -> None:
    photograph = see(said((PLATE.text, 0.7)))
    draft = declare(section)
    services.submit_prepayment(draft.token)
    entry = audit.trail(parked).get(action="plate agreed on")
    assert entry.facts == {
        "certainty": 0.94,
        "voters": [f"photograph:{photograph.image_sha}", f"prepayment:{draft.pk}"],
    }
    assert "相互印证" in [str(one["text"]) for one in selectors.trail_of(parked)][-1]


def test_who_looks_sees_who_says_which_plate(
    see: Any, section: Section, parked: ParkingSession, merchant_client: Client
) -> None:
    see(said((OTHER_PLATE.text, 0.7)))
    services.submit_prepayment(declare(section).token)
    item = ReviewItem.objects.get(kind="plate", state="open")
    page = body(merchant_client.get(reverse("parking.review", args=[item.pk])))
    voices = page[page.index("各方所说的车牌") :]
    for text in ("C-001", "70 %", "付款人申报", "67890", "12345"):
        assert text in voices

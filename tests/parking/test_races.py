"""Two connections at the same moment: one stay, one answer, no fen lost (P2.1, P2.5)."""

from datetime import timedelta
from typing import Any

import pytest

from parking import services
from parking.models import Berth, BerthEvent, ParkingSession, PlateReading, ReviewItem, StayPayment
from payments import services as payments
from payments.models import LedgerEntry, Refund
from tests.parking.test_money import arrive_money, begin
from tests.parking.test_plates import reading, taken
from tests.parking.test_votes import said
from tests.payments.threads import at_once
from tests.street import OTHER_PLATE, PLATE, TEST, new_section, photograph

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def berth(transactional_db: None, clock: Any, merchant: Any) -> Berth:
    new_section(merchant, code="A", name="愚园路停车场", ground="own")
    return Berth.objects.get(code="A-001")


def test_two_sensors_say_the_same_arrival_at_once(berth: Berth, clock: Any) -> None:
    at = clock.now()

    def arrive() -> int | None:
        return services.open_stay(berth_id=berth.pk, occurred_at=at, said_by=TEST)

    ids = at_once(arrive, arrive, arrive)
    assert len(set(ids)) == 1
    assert ParkingSession.objects.count() == 1
    assert BerthEvent.objects.get().times == 3


def test_two_different_arrivals_at_once_are_one_open_stay(berth: Berth, clock: Any) -> None:
    at = clock.now()
    moments = (at - timedelta(minutes=5), at)
    results = at_once(
        *(
            lambda moment=moment: services.open_stay(
                berth_id=berth.pk, occurred_at=moment, said_by=TEST
            )
            for moment in moments
        )
    )
    assert all(isinstance(one, int) for one in results), results
    assert ParkingSession.objects.get().arrived_at == moments[0]  # nobody saw another vehicle


def test_arrival_and_departure_at_once_are_one_stay(berth: Berth, clock: Any) -> None:
    at = clock.now()
    at_once(
        lambda: services.open_stay(
            berth_id=berth.pk, occurred_at=at - timedelta(hours=2), said_by=TEST
        ),
        lambda: services.close_stay(berth_id=berth.pk, occurred_at=at, said_by=TEST),
    )
    stay = ParkingSession.objects.get()
    assert (stay.state, stay.left_at) == ("due", at)


def test_paying_and_leaving_at_once_loses_no_fen(berth: Berth, clock: Any, stay_of: Any) -> None:
    stay = stay_of(berth, PLATE, ago_min=50)
    attempt = begin(("parking.stay", stay.pk))
    results = at_once(
        lambda: arrive_money(attempt),
        lambda: services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST),
    )
    assert not [one for one in results if isinstance(one, Exception)], results
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("settled", 0)
    assert StayPayment.objects.get().amount_fen == 600
    assert sum(LedgerEntry.objects.values_list("amount_fen", flat=True)) == 0


def test_a_flap_and_a_payment_at_once_lose_no_fen_and_make_no_second_stay(
    berth: Berth, clock: Any, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=50)
    attempt = begin(("parking.stay", stay.pk))

    def flap() -> int | None:
        at = clock.now()
        services.close_stay(berth_id=berth.pk, occurred_at=at, said_by=TEST)
        again = at + timedelta(seconds=20)
        return services.open_stay(berth_id=berth.pk, occurred_at=again, said_by=TEST)

    results = at_once(lambda: arrive_money(attempt), flap)
    assert not [one for one in results if isinstance(one, Exception)], results
    clock.advance(timedelta(minutes=5))
    services.finish_departures()
    stay = ParkingSession.objects.get()
    assert (stay.state, stay.final_at) == ("parked", None)
    payment = StayPayment.objects.get()
    assert (payment.kept_fen, payment.kind) == (600, "parked")
    assert not Refund.objects.exists()


def test_a_payment_for_a_stay_that_is_just_joined_follows_it(
    berth: Berth, clock: Any, merchant: Any, enrolled: Any, seen: Any
) -> None:
    """A misread photograph made two of one; the second is being paid while a person corrects it."""
    hand = enrolled("H-1", "handheld", merchant)
    first = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    mine = seen(hand, merchant, berth=berth, seed=1)
    services.settle_plate(sighting_id=mine.pk, plate=PLATE, by=TEST, why="test")
    clock.advance(timedelta(minutes=20))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    clock.advance(timedelta(seconds=20))
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    clock.advance(timedelta(seconds=5))
    other = seen(hand, merchant, berth=berth, seed=2)
    services.settle_plate(sighting_id=other.pk, plate=OTHER_PLATE, by=TEST, why="test")
    services.tell_anew(sighting_id=other.pk)
    second = ParkingSession.objects.get(state="parked")
    assert second.pk != first
    clock.advance(timedelta(minutes=30))
    attempt = begin(("parking.stay", second.pk))

    def correct() -> None:
        services.correct_plate(
            stay_id=second.pk, plate_text=PLATE.text, plate_colour="blue", actor=TEST, why="test"
        )
        services.tell_anew(stay_id=second.pk)

    results = at_once(lambda: arrive_money(attempt), correct)
    assert not [one for one in results if isinstance(one, Exception)], results
    stay = ParkingSession.objects.exclude(state="void").get()
    assert (stay.pk, stay.state) == (first, "parked")
    assert sum(row.kept_fen for row in stay.payments.all()) == 600
    assert not Refund.objects.exists()


def test_a_photograph_and_the_departure_at_once_end_in_one_stay_with_its_plate(
    berth: Berth, clock: Any, merchant: Any, enrolled: Any, seen: Any
) -> None:
    hand = enrolled("H-1", "handheld", merchant)
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    clock.advance(timedelta(minutes=50))
    sighting = seen(hand, merchant, berth=berth)
    results = at_once(
        lambda: services.settle_plate(sighting_id=sighting.pk, plate=PLATE, by=TEST, why="test"),
        lambda: services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST),
    )
    assert not [one for one in results if isinstance(one, Exception)], results
    stay = ParkingSession.objects.get()
    assert (stay.plate_text, stay.state, stay.fee_fen) == (PLATE.text, "due", 600)


def test_two_payments_of_one_stay_at_once_take_it_once(
    berth: Berth, clock: Any, stay_of: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=50)
    other = stay_of(Berth.objects.get(code="A-002"), PLATE, minutes=50)
    first = begin(("parking.stay", stay.pk))
    second = begin(("parking.stay", stay.pk), ("parking.stay", other.pk))
    results = at_once(lambda: arrive_money(first), lambda: arrive_money(second))
    assert not [one for one in results if isinstance(one, Exception)], results
    assert sum(StayPayment.objects.values_list("amount_fen", flat=True)) == 1200
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 600
    assert set(ParkingSession.objects.values_list("state", flat=True)) == {"settled"}


def test_a_reading_delivered_twice_at_once_is_one(
    berth: Berth, clock: Any, merchant: Any, enrolled: Any
) -> None:
    camera = enrolled("C-001", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    sighting_id = services.take_sighting(
        device_id=camera,
        kind="camera",
        merchant_id=merchant.pk,
        attendant=None,
        image_sha=photograph(),
        occurred_at=clock.now(),
        purpose="arrival",
        berth_code=berth.code,
    )
    results = at_once(
        lambda: services.take_reading(sighting_id=sighting_id, reading=reading()),
        lambda: services.take_reading(sighting_id=sighting_id, reading=reading("沪B67890")),
    )
    assert sorted(results) == [False, True]
    assert ParkingSession.objects.get().plate_text == PlateReading.objects.get().text


def test_two_people_settle_one_question_at_once(
    berth: Berth, clock: Any, merchant: Any, enrolled: Any
) -> None:
    camera = enrolled("C-001", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, actor=TEST)
    sighting_id = services.take_sighting(
        device_id=camera,
        kind="camera",
        merchant_id=merchant.pk,
        attendant=None,
        image_sha=photograph(),
        occurred_at=clock.now(),
        purpose="arrival",
        berth_code=berth.code,
    )
    services.open_plate_review(sighting_id=sighting_id, why="no_plate")
    item = ReviewItem.objects.get()

    def settle(text: str, by: str) -> ReviewItem:
        return services.settle_review(
            item_id=item.pk, verdict="plate", plate_text=text, plate_colour="blue", actor=by
        )

    results = at_once(lambda: settle("沪A12345", "user:1"), lambda: settle("沪A12346", "user:2"))
    assert [isinstance(one, Exception) for one in results].count(True) == 1
    item.refresh_from_db()
    item.sighting.refresh_from_db()
    assert item.sighting.plate_text == item.plate_text


def test_one_order_for_one_stay_whoever_asks(berth: Berth, clock: Any, stay_of: Any) -> None:
    stay = stay_of(berth, PLATE, minutes=50)
    orders = at_once(
        *[lambda: payments.open_order(items=[("parking.stay", stay.pk)], actor="owner")] * 3
    )
    assert len({order.pk for order in orders}) == 1


# ── A vote, and a person's decision ──────────────────────────────────────────────────────────
@pytest.mark.parametrize("says", [PLATE, OTHER_PLATE])
@pytest.mark.parametrize("first", ["at once", "person", "vote"])
def test_a_vote_and_a_person_at_once_give_one_answer(
    berth: Berth, clock: Any, enrolled: Any, merchant: Any, first: str, says: Any
) -> None:
    """The owner's declaration would settle what a person is deciding: whoever comes second finds
    it settled, and nothing is half."""
    pk = services.open_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    camera = enrolled("C-001", "camera", merchant)
    services.cover(berth_id=berth.pk, device_id=camera, priority=1, actor=TEST)
    sighting = taken(berth, camera, clock, seed=1)
    services.take_reading(sighting_id=sighting.pk, reading=said((PLATE.text, 0.7)))
    draft = services.draft_prepayment(
        plate_text=PLATE.text, plate_colour="blue", minutes=60, section_id=berth.section_id
    )
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, berth.code)
    item = ReviewItem.objects.get(state="open")

    def vote() -> Any:
        return services.submit_prepayment(draft.token).outcome

    def decide() -> Any:
        return services.settle_review(
            item_id=item.pk,
            verdict="plate",
            plate_text=says.text,
            plate_colour="blue",
            actor="user:7",
        )

    acts = {"person": (decide, vote), "vote": (vote, decide)}
    if first == "at once":
        answers = at_once(vote, decide)
    else:
        answers = [result for act in acts[first] for result in at_once(act)]
    refused = [one for one in answers if isinstance(one, Exception)]
    stay = ParkingSession.objects.get(pk=pk)
    sighting.refresh_from_db()
    by_person = not refused
    assert [one.code for one in refused] in ([], ["review_done"])
    assert by_person or first != "person"
    assert stay.plate_text == (says if by_person else PLATE).text
    assert stay.plate_by == ("user:7" if by_person else "system:parking.vote")
    assert (sighting.plate_text, sighting.state) == (stay.plate_text, "settled")
    about_the_plate = ReviewItem.objects.filter(kind="plate", state="open")
    assert not about_the_plate.exists()
    draft.refresh_from_db()
    assert (draft.state == "confirmed") is (stay.plate_text == PLATE.text)

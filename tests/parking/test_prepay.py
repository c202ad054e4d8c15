"""Paying ahead: candidates, comparison, instruction, payment, the rest comes back (P2.4-P2.6)."""

from datetime import timedelta
from typing import Any

import pytest

from core import deeds, limits, plates
from core.errors import Invalid, Refused, TooMany
from parking import services
from parking.errors import NoBerth, WrongStep
from parking.models import Berth, Prepayment, ReviewItem, Section
from parking.rules import candidates
from payments.models import Refund
from tests.parking.test_money import arrive_money, begin, pay
from tests.street import OTHER_PLATE, PLATE, new_section

WRONG = "沪B98765"


@pytest.fixture
def draft(section: Section, berth: Berth, stay_of: Any) -> Prepayment:
    """A draft for the vehicle with PLATE, which stands in A-001; its berth is chosen."""
    stay_of(berth, PLATE, ago_min=3)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    services.candidate_berths(draft.token)
    return services.choose_berth(draft.token, "A-001")


def test_several_candidates_belong_to_a_draft_newly_taken_first(
    section: Section, stay_of: Any
) -> None:
    for code, ago in (("A-001", 90), ("A-003", 2)):  # P2.4
        stay_of(Berth.objects.get(code=code), None, ago_min=ago)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=60, section_id=section.pk)
    found = services.candidate_berths(draft.token)
    assert [one.berth_code for one in found] == ["A-003", "A-001", "A-002"]


def test_the_plate_does_not_reveal_where_a_car_stands(section: Section, stay_of: Any) -> None:
    """P2.4: the list is the same for the plate that stands there and for any other."""
    stay_of(Berth.objects.get(code="A-002"), PLATE, ago_min=5)
    stay_of(Berth.objects.get(code="A-003"), OTHER_PLATE, ago_min=1)
    lists = [
        services.candidate_berths(
            services.draft_prepayment(plate_text=text, minutes=60, section_id=section.pk).token
        )
        for text in (PLATE.text, OTHER_PLATE.text, "京A00001")
    ]
    assert lists[0] == lists[1] == lists[2]


def test_berths_near_a_point_are_ranked_by_time_and_distance(section: Section, clock: Any) -> None:
    now = clock.now()
    places = [
        candidates.BerthSeen(berth_id=1, taken_at=now - timedelta(minutes=20), distance_m=10),
        candidates.BerthSeen(berth_id=2, taken_at=now - timedelta(minutes=1), distance_m=200),
        candidates.BerthSeen(berth_id=3, taken_at=None, distance_m=5),
    ]
    assert candidates.rank(places, arrived_at=now) == [2, 1, 3]
    assert 110 < candidates.distance_m((31.2, 121.4), (31.201, 121.4)) < 112


def test_only_a_candidate_can_be_chosen(draft: Prepayment, road: Section) -> None:
    with pytest.raises(NoBerth):
        services.choose_berth(draft.token, "R-001")


def test_an_equal_plate_is_confirmed(draft: Prepayment) -> None:
    verdict = services.submit_prepayment(draft.token, "沪a 12345", "blue")  # P2.5, P2.6
    assert verdict.outcome == "confirmed"
    draft.refresh_from_db()
    assert draft.state == "confirmed"


def test_a_wrong_plate_gets_the_instruction_which_part_differs(draft: Prepayment) -> None:
    verdict = services.submit_prepayment(draft.token, "沪B98765", "blue")  # P2.6
    assert (verdict.outcome, verdict.parts) == ("modify", ("office", "serial"))
    assert verdict.attempts_left == 2
    with pytest.raises(WrongStep):
        services.quote_prepayment(draft.pk)
    assert services.submit_prepayment(draft.token, PLATE.text, "blue").outcome == "confirmed"


def test_three_wrong_plates_end_the_attempts(draft: Prepayment) -> None:
    for _again in range(3):
        services.submit_prepayment(draft.token, WRONG, "blue")
    with pytest.raises(TooMany):
        services.submit_prepayment(draft.token, PLATE.text, "blue")


def test_asking_around_for_a_plate_is_stopped_over_all_drafts(
    section: Section, berth: Berth, stay_of: Any
) -> None:
    stay_of(berth, PLATE)

    def ask(network: str, plate_text: str = WRONG) -> str:
        draft = services.draft_prepayment(plate_text=plate_text, minutes=60, section_id=section.pk)
        services.candidate_berths(draft.token)
        services.choose_berth(draft.token, "A-001")
        with limits.asked_by(limits.Asker(network)):
            told = services.submit_prepayment(draft.token)
        services.cancel_prepayment(draft.token)  # what was wrong stays counted
        return told.outcome

    free = int(deeds.PLATE.wrong["berth"].free)
    outcomes = [ask(f"192.0.2.{n}", f"沪B{n}0000") for n in range(free + 1)]
    assert outcomes == ["modify"] * (free + 1)
    with pytest.raises(TooMany) as refused:
        ask("192.0.2.99", PLATE.text)
    assert refused.value.facts["retry_after_s"] == 10
    assert "10" in refused.value.message


def test_a_near_miss_also_goes_to_a_person_who_may_decide_for_the_payer(
    section: Section,
    berth: Berth,
    stay_of: Any,
    draft: Prepayment,
    seen: Any,
    merchant: Any,
    enrolled: Any,
) -> None:
    """P2.5: weighed with the reader's own confusions (8 and B)."""
    stay = draft.berth and draft.berth.stays.get()
    assert stay is not None
    services.correct_plate(
        stay_id=stay.pk, plate_text="沪AB2345", plate_colour="blue", actor="user:7", why="x"
    )
    verdict = services.submit_prepayment(draft.token, "沪A82345", "blue")
    assert verdict.outcome == "modify"
    item = ReviewItem.objects.get(kind="prepayment", state="open")
    services.correct_plate(
        stay_id=stay.pk, plate_text="沪A82345", plate_colour="blue", actor="user:7", why="8"
    )
    services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    draft.refresh_from_db()
    assert draft.state == "confirmed"


def test_a_submission_before_the_reading_is_answered_when_it_comes(
    section: Section, berth: Berth, stay_of: Any
) -> None:
    stay = stay_of(berth, None)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=60, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, "A-001")
    assert services.submit_prepayment(draft.token).outcome == "waiting"
    services.correct_plate(
        stay_id=stay.pk, plate_text=PLATE.text, plate_colour="blue", actor="user:7", why="seen"
    )
    draft.refresh_from_db()
    assert draft.state == "confirmed"


def test_a_paid_pre_payment_settles_the_stay_and_the_unused_part_comes_back(
    draft: Prepayment, berth: Berth, clock: Any, run_reactions: Any
) -> None:
    services.submit_prepayment(draft.token, PLATE.text, "blue")
    assert services.quote_prepayment(draft.pk).amount_fen == 1200  # P2.6
    pay(("parking.prepayment", draft.pk))
    draft.refresh_from_db()
    stay = berth.stays.get()
    assert (draft.state, stay.prepaid_fen, stay.state) == ("paid", 1200, "parked")
    assert stay.paid_until == stay.arrived_at + timedelta(minutes=120)

    clock.advance(timedelta(minutes=30))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    clock.advance(timedelta(minutes=2))  # until then its sensor may only have flapped
    services.finish_departures()
    run_reactions()
    stay.refresh_from_db()
    draft.refresh_from_db()
    assert (stay.state, stay.fee_fen, draft.state) == ("settled", 600, "used")
    assert [refund.amount_fen for refund in Refund.objects.all()] == [600]


def test_a_pre_payment_that_ends_late_still_has_its_grace(
    draft: Prepayment, berth: Berth, clock: Any
) -> None:
    services.submit_prepayment(draft.token, PLATE.text, "blue")
    pay(("parking.prepayment", draft.pk))
    clock.advance(timedelta(minutes=130))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    assert berth.stays.get().state == "settled"


def test_money_for_a_stay_that_left_meanwhile_pays_what_is_due(
    draft: Prepayment, berth: Berth, clock: Any, run_reactions: Any
) -> None:
    services.submit_prepayment(draft.token, PLATE.text, "blue")
    attempt = begin(("parking.prepayment", draft.pk))
    clock.advance(timedelta(minutes=30))
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    arrive_money(attempt)
    clock.advance(timedelta(minutes=2))
    services.finish_departures()
    run_reactions()
    draft.refresh_from_db()
    assert draft.state == "used"
    assert (berth.stays.get().state, Refund.objects.get().amount_fen) == ("settled", 600)


def test_who_pays_at_a_berth_said_to_be_free_waits_for_its_stay(
    section: Section, clock: Any, stay_of: Any, anonymous: Any
) -> None:
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=60, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, "A-002")
    assert services.submit_prepayment(draft.token).outcome == "waiting"
    page = anonymous.get(f"/prepay/{draft.token}/", headers={"accept-language": "en"})
    assert "No vehicle has been reported at this berth yet." in page.content.decode()
    assert "is being read" not in page.content.decode()
    item = ReviewItem.objects.get(state="open")
    assert (item.kind, item.why, item.berth.code) == ("berth", "payer_at_free_berth", "A-002")
    with pytest.raises(Refused):
        services.quote_prepayment(draft.pk)  # nothing is taken before the stay is found

    stay = stay_of(Berth.objects.get(code="A-002"), PLATE)
    draft.refresh_from_db()
    item.refresh_from_db()
    assert (draft.state, draft.stay_id, item.state) == ("confirmed", stay.pk, "dropped")


def test_where_a_person_sees_no_vehicle_nobody_waits_to_pay(section: Section, clock: Any) -> None:
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=60, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, "A-002")
    services.submit_prepayment(draft.token)
    item = ReviewItem.objects.get(state="open")
    services.settle_review(item_id=item.pk, verdict="keep", actor="user:7")
    draft.refresh_from_db()
    assert draft.state == "cancelled"


def test_a_draft_needs_a_plate_that_can_be_one(section: Section) -> None:
    with pytest.raises(Invalid):
        services.draft_prepayment(plate_text="ABC", minutes=60, section_id=section.pk)
    assert plates.check("ABC").valid is False


# ── The own berth ───────────────────────────────────────────────────────────────────────────────
def test_who_came_long_ago_to_a_busy_road_finds_their_berth(
    merchant: Any, clock: Any, stay_of: Any, anonymous: Any
) -> None:
    busy = new_section(merchant, code="B", berths=12)
    stay_of(Berth.objects.get(code="B-001"), PLATE, ago_min=120)
    for n in range(2, 11):
        stay_of(Berth.objects.get(code=f"B-{n:03d}"), None, ago_min=n)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=240, section_id=busy.pk)
    found = [one.berth_code for one in services.candidate_berths(draft.token)]
    assert found[0] == "B-002"
    assert "B-001" in found
    page = anonymous.get(
        f"/prepay/{draft.token}/", headers={"accept-language": "en"}
    ).content.decode()
    assert page.count('name="berth" value=') == 6
    said = {"do": "choose", "berth": "B-001"}
    assert anonymous.post(f"/prepay/{draft.token}/", said).status_code == 302
    assert services.submit_prepayment(draft.token).outcome == "confirmed"


def test_a_free_berth_that_was_not_offered_may_be_named(
    merchant: Any, clock: Any, stay_of: Any
) -> None:
    busy = new_section(merchant, code="B", berths=12)
    for n in range(1, 8):
        stay_of(Berth.objects.get(code=f"B-{n:03d}"), None, ago_min=n)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=60, section_id=busy.pk)
    assert "B-012" not in [one.berth_code for one in services.candidate_berths(draft.token)]
    assert services.choose_berth(draft.token, "B-012").berth.code == "B-012"

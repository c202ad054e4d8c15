"""Objecting: everything stops until a person has looked (docs/rules.md 9, P3.2)."""

from datetime import timedelta
from typing import Any

import pytest

from arrears import selectors, services
from arrears.errors import DisputeDecided, NothingToObject
from arrears.models import Assessment, Debt, Dispute, RecoveryNotice
from core.errors import Invalid
from core.models import OutboxEvent
from parking.models import ParkingSession
from payments.models import Refund
from tests.payments.threads import at_once
from tests.street import OTHER_PLATE, PLATE


def object_to(debt: Debt, reason: str = "not_mine") -> Dispute:
    [dispute] = services.object(debt_ids=[debt.pk], reason=reason, text="Not me.", actor="owner")
    return dispute


def stays_of(dispute: Dispute) -> list[int]:
    return sorted(dispute.stays.values_list("pk", flat=True))


@pytest.fixture
def listed(holder: Any, debt: Debt, pass_time: Any) -> Debt:
    """The debt of a vehicle that is listed actively."""
    pass_time(hours=73)
    debt.refresh_from_db()
    return debt


def test_an_objection_holds_the_debt_and_suspends_the_listing(listed: Debt) -> None:
    object_to(listed)
    listed.refresh_from_db()
    assert listed.state == "disputed"
    assert selectors.listing_of(PLATE).state == "suspended"  # type: ignore[union-attr]
    event = OutboxEvent.objects.get(topic="arrears.debt_disputed")
    assert event.data["debt_id"] == listed.pk  # recovery lowers the lock by this


def test_the_same_objection_twice_is_one(listed: Debt) -> None:
    assert object_to(listed).pk == object_to(listed).pk
    assert Dispute.objects.count() == 1


def test_an_objection_needs_a_reason_and_something_to_object_to(listed: Debt) -> None:
    with pytest.raises(Invalid):
        object_to(listed, reason="because")
    with pytest.raises(NothingToObject):
        services.object(stay_ids=[0], reason="other", actor="owner")


def test_upheld_the_debt_is_dropped_and_the_vehicle_off_the_list(
    listed: Debt, pass_time: Any
) -> None:
    dispute = object_to(listed)
    with pytest.raises(Invalid):
        services.settle_dispute(dispute_id=dispute.pk, verdict="upheld", answer=" ", actor="user:1")
    services.settle_dispute(
        dispute_id=dispute.pk,
        verdict="upheld",
        answer="The photograph shows another car.",
        actor="user:1",
    )
    listed.refresh_from_db()
    assert listed.state == "cancelled"
    assert ParkingSession.objects.get(pk=listed.stay_id).state == "void"
    assert selectors.listing_of(PLATE) is None
    dropped = OutboxEvent.objects.get(topic="arrears.debt_dropped")
    assert dropped.data == {"debt_id": listed.pk, "reason": "upheld"}
    with pytest.raises(DisputeDecided):
        services.settle_dispute(
            dispute_id=dispute.pk, verdict="rejected", answer="No.", actor="user:1"
        )
    pass_time(seconds=1)


def test_rejected_the_debt_stands_after_a_new_grace(listed: Debt, pass_time: Any) -> None:
    dispute = object_to(listed)
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="rejected", answer="It is your car.", actor="user:1"
    )
    listed.refresh_from_db()
    assert listed.state == "open"
    assert selectors.listing_of(PLATE).state == "pending"  # type: ignore[union-attr]
    pass_time(seconds=1)  # asked anew
    pass_time(hours=73)
    assert selectors.listing_of(PLATE).state == "active"  # type: ignore[union-attr]


def test_a_withdrawn_objection_lets_the_debt_stand(listed: Debt) -> None:
    services.withdraw_dispute(dispute_id=object_to(listed).pk, actor="owner")
    listed.refresh_from_db()
    assert listed.state == "open"


def test_what_was_paid_under_protest_comes_back_when_upheld(
    listed: Debt, pay: Any, pass_time: Any
) -> None:
    dispute = object_to(listed)
    pay(listed.stay)  # to have peace; the objection stays open
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="upheld", answer="You were right.", actor="user:1"
    )
    pass_time(seconds=1)
    assert sum(Refund.objects.values_list("amount_fen", flat=True)) == 1200


def test_a_stay_objected_to_before_its_window_ends_becomes_no_debt(
    berth: Any, stay_of: Any, holder: Any, pass_time: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    services.object(stay_ids=[stay.pk], reason="paid", actor="owner")
    pass_time(hours=160)
    assert not Debt.objects.exists()
    assert selectors.listing_of(PLATE) is None


def test_an_objection_to_the_decision_leaves_the_fee_and_ends_the_watching(
    berth: Any, stay_of: Any, scored: Any, pass_time: Any
) -> None:
    stay = stay_of(berth)
    services.assess(stay_id=stay.pk)
    scored(stay)
    [dispute] = services.object(stay_ids=[stay.pk], reason="decision", actor="owner")
    assert Assessment.objects.get().objected
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="upheld", answer="Looked at by a person.", actor="user:1"
    )
    assert ParkingSession.objects.get(pk=stay.pk).state == "parked"


def test_notices_about_it_are_withdrawn(
    listed: Debt, merchant: Any, enrolled: Any, seen: Any
) -> None:
    device_id = enrolled("H-1", "handheld", merchant)
    services.issue_notices(
        sighting_id=seen(device_id, merchant).pk,
        device_id=device_id,
        section_id=None,
        merchant_id=merchant.pk,
        plate=PLATE,
        confidence=1.0,
    )
    object_to(listed)
    assert RecoveryNotice.objects.get().state == "withdrawn"


# ── Several stays at once ────────────────────────────────────────────────────────────────────
@pytest.fixture
def three(section: Any, stay_of: Any) -> list[ParkingSession]:
    """Three stays of PLATE within their window, none of them a debt."""
    berths = section.berths.order_by("pk")
    return [stay_of(one, ago_min=90 * n, minutes=80) for n, one in enumerate(berths, start=1)]


def test_every_stay_that_an_objection_names_is_held_and_answered(
    three: list[ParkingSession], pass_time: Any
) -> None:
    ids = [one.pk for one in three]
    [dispute] = services.object(stay_ids=ids, reason="not_mine", actor="owner")
    assert stays_of(dispute) == ids
    assert [one.state for one in selectors.dues_of([(PLATE.text, "blue")])] == ["disputed"] * 3
    pass_time(hours=80)
    assert not Debt.objects.exists()
    assert selectors.listing_of(PLATE) is None
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="upheld", answer="Another car.", actor="user:1"
    )
    assert set(ParkingSession.objects.values_list("state", flat=True)) == {"void"}
    assert selectors.dues_of([(PLATE.text, "blue")]) == []


def test_rejected_every_stay_without_a_debt_has_its_whole_window_again(
    three: list[ParkingSession], pass_time: Any, clock: Any
) -> None:
    ids = [one.pk for one in three]
    [dispute] = services.object(stay_ids=ids, reason="not_mine", actor="owner")
    pass_time(hours=70)
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="rejected", answer="It is your car.", actor="user:1"
    )
    dues = selectors.dues_of([(PLATE.text, "blue")])
    assert {one.pay_by for one in dues} == {clock.now() + timedelta(hours=72)}
    assert {one.state for one in dues} == {"window"}


def test_each_merchant_and_each_vehicle_has_an_objection_of_its_own(
    section: Any, road: Any, stay_of: Any, merchant: Any, city: Any
) -> None:
    first, second, third = section.berths.order_by("pk")
    stays = [
        stay_of(first, minutes=90),
        stay_of(second, minutes=90),
        stay_of(third, OTHER_PLATE, minutes=90),
        stay_of(road.berths.order_by("pk")[0], minutes=90),
    ]
    ids = [one.pk for one in stays]
    opened = services.object(stay_ids=ids, reason="sold", text="In May.", actor="owner")
    assert [(one.merchant_id, one.plate_text, stays_of(one)) for one in opened] == [
        (merchant.pk, PLATE.text, ids[:2]),
        (merchant.pk, OTHER_PLATE.text, ids[2:3]),
        (city.pk, PLATE.text, ids[3:]),
    ]
    assert {one.text for one in opened} == {"In May."}
    services.settle_dispute(
        dispute_id=opened[0].pk, verdict="upheld", answer="Right.", actor="user:1"
    )
    states = dict(ParkingSession.objects.values_list("pk", "state"))
    assert [states[pk] for pk in ids] == ["void", "void", "due", "due"]


def test_what_is_said_of_more_stays_or_in_other_words_is_kept_beside_what_was_said(
    three: list[ParkingSession],
) -> None:
    a, b, c = (one.pk for one in three)
    [first] = services.object(stay_ids=[a], reason="amount", text="Too much.", actor="owner")
    both = services.object(stay_ids=[a, b], reason="amount", text="Too much.", actor="owner")
    assert both[0].pk == first.pk
    assert stays_of(both[1]) == [b]
    [other] = services.object(stay_ids=[a], reason="not_mine", text="", actor="owner")
    [third] = services.object(stay_ids=[a], reason="amount", text="Two hours.", actor="owner")
    assert len({first.pk, both[1].pk, other.pk, third.pk}) == 4
    assert Dispute.objects.count() == 4
    assert not Dispute.objects.filter(stays=c).exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_objection_sent_twice_at_one_instant_is_one(
    transactional_db: None, three: list[ParkingSession]
) -> None:
    ids = [one.pk for one in three]
    results = at_once(
        *[lambda: services.object(stay_ids=ids, reason="not_mine", actor="owner")] * 3
    )
    assert not any(isinstance(one, Exception) for one in results), results
    assert stays_of(Dispute.objects.get()) == ids


def test_an_objection_to_the_decision_is_heard_beside_one_to_the_fee(
    berth: Any, stay_of: Any, scored: Any
) -> None:
    stay = stay_of(berth)
    services.assess(stay_id=stay.pk)
    scored(stay)
    services.object(stay_ids=[stay.pk], reason="amount", actor="owner")
    services.object(stay_ids=[stay.pk], reason="decision", actor="owner")
    assert Assessment.objects.get().objected


def test_the_merchant_reads_every_stay_that_an_objection_names(
    three: list[ParkingSession], merchant_client: Any
) -> None:
    services.object(stay_ids=[one.pk for one in three], reason="not_mine", actor="owner")
    page = merchant_client.get("/merchant/debts/").content.decode()
    disputes = page.split('id="disputes"')[1].split("</section>")[0]
    for one in three:
        assert one.berth.code in disputes
    assert disputes.count("¥12.00") == 3

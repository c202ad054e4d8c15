"""Objecting: everything stops until a person has looked (DESIGN 4.9, P3.2)."""

from typing import Any

import pytest

from arrears import selectors, services
from arrears.errors import DisputeDecided, NothingToObject
from arrears.models import Assessment, Debt, Dispute, RecoveryNotice
from core.errors import Invalid
from core.models import OutboxEvent
from parking.models import ParkingSession
from payments.models import Refund
from tests.street import PLATE


def object_to(debt: Debt, reason: str = "not_mine") -> Dispute:
    return services.object(debt_ids=[debt.pk], reason=reason, text="Not me.", actor="owner")


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
        services.object(session_ids=[0], reason="other", actor="owner")


def test_upheld_the_debt_is_dropped_and_the_vehicle_off_the_list(
    listed: Debt, pass_time: Any
) -> None:
    dispute = object_to(listed)
    with pytest.raises(Invalid):
        services.settle_dispute(dispute_id=dispute.pk, verdict="upheld", answer=" ", actor="user:1")
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="upheld", answer="The photograph shows another car.",
        actor="user:1",
    )  # fmt: skip
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


def test_a_stay_objected_to_before_its_window_ends_becomes_a_held_debt(
    berth: Any, stay_of: Any, holder: Any, pass_time: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    services.object(session_ids=[stay.pk], reason="paid", actor="owner")
    pass_time(hours=80)
    assert Debt.objects.get().state == "disputed"
    assert selectors.listing_of(PLATE).state == "suspended"  # type: ignore[union-attr]
    pass_time(hours=80)
    assert selectors.listing_of(PLATE).state == "suspended"  # type: ignore[union-attr]


def test_an_objection_to_the_decision_leaves_the_fee_and_ends_the_watching(
    berth: Any, stay_of: Any, scored: Any, pass_time: Any
) -> None:
    stay = stay_of(berth)
    services.assess(session_id=stay.pk)
    scored(stay)
    dispute = services.object(session_ids=[stay.pk], reason="decision", actor="owner")
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
        sighting_id=seen(device_id, merchant).pk, device_id=device_id, section_id=None,
        merchant_id=merchant.pk, plate=PLATE, confidence=1.0,
    )  # fmt: skip
    object_to(listed)
    assert RecoveryNotice.objects.get().state == "withdrawn"

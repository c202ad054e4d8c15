"""Who changes a stay, its berth or what hangs on it waits for who works on it (core/locks.py)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts import services as accounts
from core import clock as business_clock
from devices.models import Device
from parking import services
from parking.models import (
    Berth,
    ParkingSession,
    Permit,
    ReviewItem,
    Sighting,
    StayPayment,
    TariffVersion,
)
from parking.services import (
    money,
    moving,
    plates,
    prepay,
    readings,
    reminders,
    stays,
    verdicts,
)
from payments.models import Order
from payments.rules import Receipt
from tests import waiting
from tests.parking.test_money import pay
from tests.parking.test_reminders import ahead
from tests.street import OTHER_PLATE, PLATE, TERMS, TEST

pytestmark = pytest.mark.django_db(transaction=True)
Acts = dict[str, Callable[[], object]]


@pytest.fixture
def parked(transactional_db: None, berth: Berth, stay_of: Any) -> ParkingSession:
    return stay_of(berth, PLATE, ago_min=60)  # type: ignore[no-any-return]


def receipt(subject_id: int, payable: str = "parking.stay") -> Receipt:
    return Receipt(
        order_number="1",
        item_id=1,
        payable=payable,
        subject_id=subject_id,
        actor=TEST,
        paid_at=business_clock.now(),
        provider="counter",
        is_part=False,
    )


def test_whoever_tells_of_a_berth_waits_for_who_works_on_it(
    parked: ParkingSession, berth: Berth
) -> None:
    now = business_clock.now()
    acts: Acts = {
        "arrival": lambda: services.open_stay(berth_id=berth.pk, occurred_at=now, said_by=TEST),
        "departure": lambda: services.close_stay(berth_id=berth.pk, occurred_at=now, said_by=TEST),
        "begun by hand": lambda: services.open_by_hand(
            berth_id=berth.pk, arrived_at=now, actor=TEST, reason="x"
        ),
        "ended by hand": lambda: services.close_by_hand(
            stay_id=parked.pk, left_at=now, actor=TEST, reason="x"
        ),
        "cancelled": lambda: services.void_stay(stay_id=parked.pk, actor=TEST, reason="x"),
        "told anew": lambda: stays.tell_anew(stay_id=parked.pk),
    }
    assert waiting.all_at(berth, acts) == dict.fromkeys(acts, "waits")


def test_whoever_changes_a_stay_waits_for_who_works_on_it(
    parked: ParkingSession, berth: Berth, seen: Any, merchant: Any, enrolled: Any
) -> None:
    now, other = business_clock.now(), OTHER_PLATE
    sighting = seen(enrolled("H-1", "handheld", merchant), merchant, berth=berth)
    Sighting.objects.filter(pk=sighting.pk).update(stay=parked)
    sighting.refresh_from_db()
    kept = ReviewItem(stay=parked, why="no_departure", verdict="keep")
    nobody = ReviewItem(stay=parked, why=ReviewItem.DOUBTED, verdict="unreadable")
    acts: Acts = {
        "departure +": lambda: services.close_stay(
            berth_id=berth.pk, occurred_at=now, said_by=TEST
        ),
        "cancelled *": lambda: services.void_stay(stay_id=parked.pk, actor=TEST, reason="x"),
        "money": lambda: money.settle_stay(receipt(parked.pk), 100),
        "several": lambda: services.lock_stays([parked.pk]),
        "another plate": lambda: services.correct_plate(
            stay_id=parked.pk, plate_text=other.text, plate_colour="blue", actor=TEST, why="x"
        ),
        "a reading": lambda: plates.settle_plate(
            sighting_id=sighting.pk, plate=other, by=TEST, why="x"
        ),
        "kept": lambda: verdicts._judge_stay(kept, actor=TEST),
        "unreadable": lambda: verdicts._declare_unreadable(nobody, actor=TEST),
        "undone": lambda: verdicts._back_to_review(nobody, actor=TEST),
    }
    assert waiting.all_at(parked, acts) == dict.fromkeys(acts, "waits")


def test_whoever_grants_or_ends_a_permit_waits_for_who_works_on_a_stay_of_its_vehicle(
    parked: ParkingSession, merchant: Any
) -> None:
    asked, granted = (
        services.ask_permit(
            Permit(
                merchant=merchant,
                plate_text=PLATE.text,
                kind=kind,
                why="x",
                since=business_clock.now(),
                until=business_clock.now() + timedelta(days=1),
            ),
            sections=[],
            actor="user:1",
        )
        for kind in ("resident", "staff")
    )
    services.grant_permit(permit_id=granted.pk, actor="user:2")
    acts: Acts = {
        "granted": lambda: services.grant_permit(permit_id=asked.pk, actor="user:2"),
        "ended": lambda: services.end_permit(permit_id=granted.pk, actor="user:2", reason="x"),
    }
    assert waiting.all_at(parked, acts) == dict.fromkeys(acts, "waits")


def test_a_gap_of_a_silent_sensor_waits_for_who_works_on_the_stay(
    parked: ParkingSession, berth: Berth, merchant: Any, enrolled: Any
) -> None:
    sensor = enrolled("S-1", "sensor", merchant)
    services.place_sensor(berth_id=berth.pk, device_id=sensor, actor=TEST)
    Device.objects.update(silent=True)
    now = business_clock.now()
    acts: Acts = {"gap +": lambda: services.open_gaps(device_id=sensor, since=now)}
    assert waiting.all_at(parked, acts) == {"gap +": "waits"}
    assert waiting.all_at(berth, {"berth": acts["gap +"]}) == {"berth": "waits"}


def test_what_looks_for_due_stays_leaves_one_to_who_works_on_it(parked: ParkingSession) -> None:
    past = business_clock.now() - timedelta(minutes=1)
    ParkingSession.objects.update(check_departure_at=past, final_at=past)
    acts: Acts = {"too long": services.flag_long_stays, "final": services.finish_departures}
    assert waiting.all_at(parked, acts) == dict.fromkeys(acts, "goes on")
    for act in acts.values():
        with waiting.worked_on(parked):
            assert act() == 0


def test_a_reminder_waits_for_who_works_on_the_stay(parked: ParkingSession, clock: Any) -> None:
    ahead(parked, 120)
    assert parked.paid_until is not None
    clock.move_to(parked.paid_until - timedelta(minutes=5))
    assert waiting.at(parked, lambda: reminders.remind(parked.pk)) == "waits"


def test_a_payment_that_moves_waits_for_who_works_on_its_order_and_its_stays(
    parked: ParkingSession, stay_of: Any
) -> None:
    other = stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, ago_min=30)
    pay(("parking.stay", parked.pk))
    payment, order = StayPayment.objects.get(), Order.objects.get()

    def move() -> object:
        return moving.move_payment(
            payment_id=payment.pk, to_stay_id=other.pk, actor=TEST, reason="x"
        )

    assert waiting.at(order, move) == "waits"
    assert waiting.at(parked, move) == "waits"
    assert waiting.at(other, move) == "waits"


def test_whoever_acts_on_a_draft_waits_for_who_works_on_it(
    parked: ParkingSession, section: Any
) -> None:
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    services.candidate_berths(draft.token)
    acts: Acts = {
        "berth *": lambda: services.choose_berth(draft.token, "A-001"),
        "submit *": lambda: services.submit_prepayment(draft.token),
    }
    assert waiting.all_at(draft, acts) == dict.fromkeys(acts, "waits")
    services.choose_berth(draft.token, "A-001")
    type(draft).objects.filter(pk=draft.pk).update(state="submitted", stay=parked)
    paid = receipt(draft.pk, "parking.prepayment")
    acts = {
        "waiting": lambda: prepay.judge_waiting(parked, actor=TEST),
        "again": lambda: prepay.judge_again(draft.pk, actor=TEST),
        "money *": lambda: prepay.settle_prepayment(paid, 100),
    }
    assert waiting.all_at(draft, acts) == dict.fromkeys(acts, "waits")
    assert waiting.at(parked, lambda: prepay.settle_prepayment(paid, 100)) == "waits"


def test_two_versions_of_a_tariff_wait_for_each_other(section: Any, merchant: Any) -> None:
    version = TariffVersion.objects.get()
    facts = {"merchant_id": merchant.pk, "name": version.tariff.name, "terms": TERMS}
    found = waiting.at(version, lambda: services.publish_tariff(**facts, actor=TEST))
    assert found == "waits"


def test_two_readings_of_one_photograph_wait_for_each_other(
    parked: ParkingSession, seen: Any, merchant: Any, enrolled: Any
) -> None:
    sighting = seen(enrolled("H-1", "handheld", merchant), merchant)
    read: Any = None
    found = waiting.at(
        sighting, lambda: readings.take_reading(sighting_id=sighting.pk, reading=read)
    )
    assert found == "waits"


def test_two_shares_of_one_plate_wait_for_each_other(transactional_db: None, owner: Any) -> None:
    holding = accounts.prove_holding(
        user=owner, plate_text=PLATE.text, plate_colour="blue", method="x", actor=TEST
    )

    def share() -> object:
        return accounts.share_plate(
            user=owner, holding_id=holding.pk, phone="13700000009", actor=TEST
        )

    assert waiting.at(holding, share) == "waits"

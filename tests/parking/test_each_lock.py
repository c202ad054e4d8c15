"""Each lock of a stay, its berth or its draft by itself: who comes to it first in an act would hide
that another was not taken (core/locks.py)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import clock as business_clock
from parking import services
from parking.models import Berth, ParkingSession, Prepayment, ReviewItem, Sighting, StayPayment
from parking.services import money, moving, prepay, stay_rows, votes, weights
from parking.services.reviews import open_review
from tests import waiting
from tests.parking.test_money import pay
from tests.parking.test_waits import Acts, parked, receipt  # noqa: F401
from tests.street import OTHER_PLATE, PLATE, TEST
from tests.transactions import LOCKS

pytestmark = pytest.mark.django_db(transaction=True)


def test_whoever_weighs_gives_or_asks_about_a_stay_locks_it_before_all_else(
    parked: ParkingSession,  # noqa: F811
    berth: Berth,
    seen: Any,
    merchant: Any,
    enrolled: Any,
) -> None:
    pay(("parking.stay", parked.pk))
    payment = StayPayment.objects.get()
    shown = seen(enrolled("H-1", "handheld", merchant), merchant, berth=berth)
    Sighting.objects.filter(pk=shown.pk).update(stay=parked)
    asked = open_review(kind="stay", why="x", merchant_id=merchant.pk, stay=parked)
    acts: Acts = {
        "weighed": lambda: weights.void_weight([parked.pk]),
        "voted on": lambda: votes.settle_by_votes(parked.pk),
        "given back": lambda: money.forgo(item_id=payment.order_item_id, amount_fen=1),
        "more time": lambda: services.more_time(stay_id=parked.pk, minutes=60),
        "its money weighed *": lambda: weights.of_move(
            actor=TEST, payment_id=payment.pk, to_stay_id=None, reason="x"
        ),
        "shown *": lambda: services.settle_plate(
            sighting_id=shown.pk, plate=OTHER_PLATE, by=TEST, why="x"
        ),
        "answered *": lambda: services.settle_review(
            item_id=asked.pk, verdict="keep", actor="user:7"
        ),
        "with its berth *": lambda: stay_rows.locked_with_berth(parked.pk),
    }
    assert waiting.all_at(parked, acts) == dict.fromkeys(acts, "waits")


def test_whoever_works_on_a_berth_locks_it(
    parked: ParkingSession,  # noqa: F811
    berth: Berth,
) -> None:
    acts: Acts = {
        "a new address": lambda: services.readdress(berth_ids=[berth.pk], actor=TEST),
        "with its stay": lambda: stay_rows.locked_with_berth(parked.pk),
    }
    assert waiting.all_at(berth, acts) == dict.fromkeys(acts, "waits")


def test_who_declares_a_plate_locks_the_stay_before_the_draft(
    parked: ParkingSession,  # noqa: F811
    section: Any,
) -> None:
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, "A-001")
    declared: Acts = {"declared *": lambda: votes._submit(draft.token, PLATE)}
    assert waiting.all_at(parked, declared) == {"declared *": "waits"}
    with CaptureQueriesContext(connection) as asked:
        votes._submit(draft.token, PLATE)
    locked = [one["sql"] for one in asked if LOCKS.search(one["sql"])]
    assert 'FROM "parking_parkingsession"' in locked[0]
    assert any('FROM "parking_prepayment"' in sql for sql in locked[1:])


def test_money_for_a_stay_that_was_joined_with_another_waits_for_that_one(
    parked: ParkingSession,  # noqa: F811
    stay_of: Any,
    section: Any,
) -> None:
    whole = stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, ago_min=90)
    ParkingSession.objects.filter(pk=parked.pk).update(state="void", merged_into=whole)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    Prepayment.objects.filter(pk=draft.pk).update(state="confirmed", stay=parked)
    ahead = receipt(draft.pk, "parking.prepayment")
    acts: Acts = {
        "ahead +": lambda: prepay.settle_prepayment(ahead, 100),
        "now +": lambda: money.settle_stay(receipt(parked.pk), 100),
    }
    assert waiting.all_at(whole, acts) == dict.fromkeys(acts, "waits")


def test_each_stay_of_a_payment_that_moves_is_locked_before_it_is_read(
    parked: ParkingSession,  # noqa: F811
    stay_of: Any,
) -> None:
    other = stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, ago_min=30)
    pay(("parking.stay", parked.pk))
    payment = StayPayment.objects.get()
    acts: Acts = {
        "moved": lambda: moving._move(payment, other.pk, actor=TEST, reason="x", by_payer=False)
    }
    for stay in (parked, other):
        assert waiting.all_at(stay, acts) == {"moved": "waits"}


def test_a_question_of_two_people_is_answered_for_a_stay_that_nobody_works_on(
    parked: ParkingSession,  # noqa: F811
) -> None:
    business_clock.advance(timedelta(minutes=1))
    item = services.doubt_plate(stay_id=parked.pk, actor="owner")
    answers: Acts = {
        "a plate *": lambda: services.settle_review(
            item_id=item.pk,
            verdict=ReviewItem.Verdict.PLATE,
            plate_text=OTHER_PLATE.text,
            plate_colour="blue",
            actor="user:7",
        )
    }
    assert waiting.all_at(parked, answers) == {"a plate *": "waits"}

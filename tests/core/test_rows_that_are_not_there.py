"""Whoever names a row that is not there, or gives no reason, is told so in a sentence: no row is
changed, and nobody reads of an error of ours."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import services as accounts
from arrears.models import Debt
from core import parse
from core.errors import BoweiError, Missing
from core.models import AuditEntry, OutboxEvent
from devices.services import reception
from monthlycard import services as monthlycard
from monthlycard.errors import AnswerMissing, CardMissing
from parking import selectors, services
from parking.errors import ReasonNeeded
from parking.services import accuracy, money, moving, prepay, stay_rows
from payments import services as payments
from tests.street import PLATE, TEST

NOBODY = 2**31 - 1
A_PLATE: dict[str, Any] = {"plate_text": PLATE.text, "plate_colour": "blue"}
A_PERSON: dict[str, Any] = {"actor": TEST}
WITH_REASON: dict[str, Any] = {**A_PERSON, "reason": "x"}

MISSING: dict[str, Callable[[], object]] = {
    "a message": lambda: reception.admit(NOBODY, **A_PERSON),
    "a refund": lambda: payments.hand_back(NOBODY, merchant_id=1, **A_PERSON),
    "a question": lambda: services.settle_review(item_id=NOBODY, verdict="keep", **A_PERSON),
    "a verdict": lambda: services.undo_review(item_id=NOBODY, **A_PERSON),
    "a draft": lambda: prepay.by_token("no-such-token"),
    "a draft to pay": lambda: prepay.quote_prepayment(NOBODY),
    "a camera": lambda: accuracy.set_billing(trust_id=NOBODY, bill=True, **WITH_REASON),
    "a stay to pay": lambda: money.quote_stay(NOBODY),
    "a stay to lock": lambda: stay_rows.locked_with_berth(NOBODY),
    "a stay to cancel": lambda: services.void_stay(stay_id=NOBODY, **WITH_REASON),
    "a stay told anew": lambda: services.tell_anew(stay_id=NOBODY),
    "a photograph told anew": lambda: services.tell_anew(sighting_id=NOBODY),
    "a doubted stay": lambda: services.doubt_plate(stay_id=NOBODY, **A_PERSON),
    "a doubted photograph": lambda: services.doubt_plate(sighting_id=NOBODY, **A_PERSON),
    "a corrected stay": lambda: services.correct_plate(
        stay_id=NOBODY, **A_PLATE, **A_PERSON, why="x"
    ),
    "the payer's payment": lambda: moving.correct_payment(
        payment_id=NOBODY, order_number="1", to_stay_id=None, **A_PERSON
    ),
    "a payment": lambda: moving.move_payment(payment_id=NOBODY, to_stay_id=None, **WITH_REASON),
    "a case": lambda: services.say_copied(case_id=NOBODY, **WITH_REASON),
    "a case to close": lambda: services.close_case(case_id=NOBODY, **WITH_REASON),
    "a stay": lambda: selectors.stay(NOBODY),
    "a section": lambda: selectors.section(NOBODY),
    "a berth's address": lambda: selectors.berth_path("no-such-berth"),
    "a number that is none": lambda: parse.row_id("7b"),
}


def written() -> tuple[int, int]:
    return AuditEntry.objects.count(), OutboxEvent.objects.count()


@pytest.mark.parametrize("what", MISSING)
def test_a_row_that_is_not_there_is_missing(db: None, what: str) -> None:
    before = written()
    with pytest.raises(Missing) as refusal:
        MISSING[what]()
    assert refusal.value.status == 404
    assert written() == before


@pytest.mark.parametrize("act", [accounts.approve_proposal, accounts.withdraw_proposal])
def test_a_proposal_that_is_not_there_is_missing(operator: Any, act: Any) -> None:
    with pytest.raises(Missing):
        act(proposal_id=NOBODY, person=operator)


CARDS: dict[str, Callable[[], object]] = {
    "a card that ends": lambda: monthlycard.end_card(card_id=NOBODY, **WITH_REASON),
    "its licence": lambda: monthlycard.send_licence(card_id=NOBODY, evidence_sha="x", **A_PERSON),
    "its plate": lambda: monthlycard.change_plate(card_id=NOBODY, **A_PLATE, **A_PERSON),
}


@pytest.mark.parametrize("what", CARDS)
def test_a_card_that_is_not_there_is_missing(db: None, what: str) -> None:
    with pytest.raises(CardMissing) as refusal:
        CARDS[what]()
    assert refusal.value.status == 404


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_who_moves_money_or_answers_says_why(db: None, blank: str) -> None:
    acts: dict[type[BoweiError], Callable[[], object]] = {
        ReasonNeeded: lambda: moving.move_payment(
            payment_id=NOBODY, to_stay_id=None, reason=blank, **A_PERSON
        ),
        AnswerMissing: lambda: monthlycard.answer_objection(
            objection_id=NOBODY, upheld=True, answer=blank, **A_PERSON
        ),
    }
    for refusal, act in acts.items():
        with pytest.raises(refusal):
            act()
    assert not Debt.objects.exists()

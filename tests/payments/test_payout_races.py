"""Two clerks, a refund and a payout at the same moment: each line is paid out once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Merchant
from payments import services
from payments.errors import PayoutMoved, PayoutWaits
from payments.models import LedgerTransfer, Payout, PayoutLine
from tests import waiting
from tests.payments.conftest import TEST, moved
from tests.payments.test_payouts import (
    agree,
    back,
    draw,
    everything_is_somewhere,
    paid,
    payee,
)
from tests.payments.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def earned(merchant: Merchant, clock: Any) -> Merchant:
    """A merchant with ¥10.00 to be paid out."""
    agree(merchant)
    payee(merchant)
    paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    return merchant


def test_two_who_draw_up_the_same_days_draw_them_up_once(earned: Merchant) -> None:
    answers = at_once(*[lambda: draw(earned)] * 4)
    assert sum(isinstance(one, Payout) for one in answers) == 1
    assert sum(isinstance(one, PayoutWaits) for one in answers) == 3
    assert PayoutLine.objects.count() == 1


def test_two_who_approve_at_once_book_once(earned: Merchant) -> None:
    row = draw(earned)
    answers = at_once(
        *[
            lambda actor=actor: services.approve_payout(payout_id=row.pk, actor=actor)
            for actor in ("system:a", "system:b")
        ]
    )
    assert sum(isinstance(one, PayoutMoved) for one in answers) == 1
    assert moved(Payout, "approved") == 1
    assert LedgerTransfer.objects.filter(key=f"payout:{row.pk}").count() == 1


def test_approved_or_dropped_but_never_both(earned: Merchant) -> None:
    row = draw(earned)
    at_once(
        lambda: services.approve_payout(payout_id=row.pk, actor="system:a"),
        lambda: services.drop_payout(payout_id=row.pk, why="x", actor="system:b"),
    )
    row.refresh_from_db()
    booked = LedgerTransfer.objects.filter(key=f"payout:{row.pk}").exists()
    assert (row.state, booked, row.lines.count()) in [
        ("approved", True, 1),
        ("dropped", False, 0),
    ]
    everything_is_somewhere(earned)


def test_a_refund_that_comes_while_a_payout_is_drawn_up_is_in_it_or_in_the_next(
    earned: Merchant, clock: Any
) -> None:
    order = paid(earned, 2_000)
    clock.advance(timedelta(days=1))
    drawn, _none = at_once(lambda: draw(earned), lambda: back(order, 500))
    assert drawn.earned_fen == 3_000  # refunded today, and today is not over
    services.approve_payout(payout_id=drawn.pk, actor="system:a")
    paid(earned, 800)
    clock.advance(timedelta(days=1))
    assert draw(earned).earned_fen == 300
    everything_is_somewhere(earned)


def test_two_who_send_put_a_payout_into_one_file(earned: Merchant) -> None:
    row = draw(earned)
    services.approve_payout(payout_id=row.pk, actor="system:a")
    answers = at_once(*[lambda: services.send_payouts(payout_ids=[row.pk], actor=TEST)] * 2)
    row.refresh_from_db()
    assert sorted(isinstance(one, str) for one in answers) == [False, True]
    assert row.batch in answers and moved(Payout, "sent") == 1


def test_who_decides_about_a_payout_waits_for_who_works_on_it(earned: Merchant) -> None:
    row = draw(earned)
    facts: dict[str, Any] = {"payout_id": row.pk, "actor": TEST}
    acts: dict[str, Callable[[], object]] = {
        "approve *": lambda: services.approve_payout(**facts | {"actor": "system:a"}),
        "drop *": lambda: services.drop_payout(**facts, why="x"),
        "again": lambda: services.send_payout_again(**facts),
        "confirm": lambda: services.confirm_payout(**facts, bank_no="1"),
        "fail": lambda: services.fail_payout(**facts, why="x"),
    }
    assert waiting.all_at(row, acts) == dict.fromkeys(acts, "waits")
    named = ("payments.payouts", earned.pk)
    assert waiting.at(named, lambda: draw(earned)) == "waits"


def test_who_sends_waits_for_who_works_on_a_payout(earned: Merchant) -> None:
    row = draw(earned)
    services.approve_payout(payout_id=row.pk, actor="system:a")
    assert (
        waiting.at(row, lambda: services.send_payouts(payout_ids=[row.pk], actor=TEST)) == "waits"
    )

"""No lock stands while a question about a stay is open (docs/rules.md L1, L6)."""

from typing import Any

import pytest

from parking import services as parking
from parking.models import ParkingSession
from parking.services.reviews import open_review
from recovery import services
from recovery.errors import NotEligible
from recovery.models import RecoveryOrder
from tests.payments.threads import at_once
from tests.recovery.conftest import told
from tests.street import photograph


def ask(stay_id: int, why: str = "plate_twice") -> None:
    stay = ParkingSession.objects.get(pk=stay_id)
    open_review(kind="stay", why=why, merchant_id=stay.merchant_id, stay=stay)


def refused(order: RecoveryOrder) -> set[str]:
    with pytest.raises(NotEligible) as refusal:
        services.raise_lock(order.pk, actor="user:1")
    return {one["code"] for one in refusal.value.rules if not one["ok"]}


def test_no_lock_goes_up_before_a_vehicle_whose_plate_somebody_doubts(
    order: RecoveryOrder,
) -> None:
    services.place(order.pk, sha256=photograph(), actor="user:1")
    parking.doubt_plate(stay_id=order.stay_id, actor="owner")
    assert refused(order) == {"no_question"}
    assert told(order) == []


def test_no_lock_goes_up_for_a_debt_whose_stay_is_in_question(order: RecoveryOrder) -> None:
    services.place(order.pk, sha256=photograph(), actor="user:1")
    ask(order.bound.order_by("pk")[0].stay_id)
    assert "undisputed" in refused(order)


def test_a_question_about_the_vehicle_before_the_lock_lowers_it_at_once(
    raised: RecoveryOrder, run_reactions: Any
) -> None:
    parking.doubt_plate(stay_id=raised.stay_id, actor="owner")
    run_reactions()
    raised.refresh_from_db()
    assert (raised.state, raised.ended_by) == ("lowering", "question")
    assert told(raised)[-1] == "LowerLock"


def test_a_question_about_a_stay_that_the_lock_is_for_lowers_it_at_once(
    raised: RecoveryOrder, run_reactions: Any
) -> None:
    ask(raised.bound.order_by("pk")[0].stay_id)
    run_reactions()
    raised.refresh_from_db()
    assert raised.state == "lowering"
    assert told(raised)[-1] == "LowerLock"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_question_at_the_instant_of_raising_leaves_no_lock_up(
    transactional_db: None, order: RecoveryOrder, run_reactions: Any, round_: int
) -> None:
    services.place(order.pk, sha256=photograph(), actor="user:1")
    results = at_once(
        lambda: services.raise_lock(order.pk, actor="user:1"),
        lambda: parking.doubt_plate(stay_id=order.stay_id, actor="owner"),
    )
    assert not any(
        isinstance(one, Exception) and not isinstance(one, NotEligible) for one in results
    ), results
    run_reactions()
    order.refresh_from_db()
    assert order.state == "lowering"
    assert told(order)[-1] == "LowerLock"

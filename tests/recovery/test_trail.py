"""Who binds and lowers stands in the trail; what becomes of a lock is said to whoever must know."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from core import clock as business_clock
from parking import services as parking
from recovery import services
from recovery.models import LockTerms, MoveInstruction, RecoveryOrder
from recovery.rules.lock_reports import BY_ITSELF
from recovery.services import timing
from tests.recovery.conftest import pay, say
from tests.street import TEST, new_photograph
from tests.trail import events, said


def released() -> list[dict[str, Any]]:
    return events("recovery.lock_released")


def alarms() -> list[tuple[int, str]]:
    return [(one["order_id"], one["problem"]) for one in events("recovery.lock_alarm")]


def test_who_bound_and_who_lowered_at_once_is_said(order: RecoveryOrder) -> None:
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    services.emergency_lower(order.pk, actor="user:9", reason="a child")
    services.emergency_lower(order.pk, actor="user:8", reason="again")
    assert said(order) == [
        ("bound", "user:1", "", {"device_id": order.device_id, "stay_id": order.stay_id}),
        ("emergency_lower", "user:9", "a child", {}),
        ("emergency_lower", "user:8", "again", {}),
    ]
    assert released() == [{"order_id": order.pk}]


def test_a_lock_that_was_placed_and_is_given_up_is_released(order: RecoveryOrder) -> None:
    services.place(order.pk, sha256=new_photograph(), actor="user:1")
    assert services.cancel(order.pk, actor="user:1")
    assert released() == [{"order_id": order.pk}]


def test_a_lock_that_never_stood_is_given_up_in_silence(order: RecoveryOrder) -> None:
    assert services.cancel(order.pk, actor="user:1")
    assert released() == []


@pytest.mark.parametrize("cause", sorted(BY_ITSELF))
def test_a_lock_that_lowers_itself_is_released_once(raised: RecoveryOrder, cause: str) -> None:
    for _twice in range(2):
        say(raised, "lowered", cause)
    assert released() == [{"order_id": raised.pk}]
    assert alarms() == [(raised.pk, cause)]


def test_the_release_code_releases(raised: RecoveryOrder) -> None:
    services.take_release_code_used(
        device_id=raised.device_id, order_code=raised.code, actor="device:L-1"
    )
    assert released() == [{"order_id": raised.pk}]


def test_a_lowering_that_failed_is_an_alarm(raised: RecoveryOrder) -> None:
    pay(("recovery.order", raised.pk))
    before = alarms()
    services.command_ended(
        order_code=raised.code, action="LowerLock", outcome="failed", details={"why": "jam"}
    )
    services.command_ended(
        order_code=raised.code, action="LowerLock", outcome="expired", details={}
    )
    assert alarms()[len(before) :] == [(raised.pk, "jammed"), (raised.pk, "not_lowered")]


def test_a_lock_whose_vehicle_left_is_released_with_an_alarm(raised: RecoveryOrder) -> None:
    business_clock.advance(timedelta(minutes=10))
    parking.close_stay(berth_id=raised.berth_id, occurred_at=business_clock.now(), said_by=TEST)
    services.ask_all()
    assert (raised.pk, "left") in alarms()
    assert released() == [{"order_id": raised.pk}]


def test_a_lock_that_is_late_or_before_another_vehicle_is_an_alarm_once(
    raised: RecoveryOrder,
) -> None:
    pay(("recovery.order", raised.pk))
    before = alarms()
    for _twice in range(2):
        timing._alarm(raised.pk, late=True, another=False)
    assert events("recovery.lock_late") == [{"order_id": raised.pk}]
    assert alarms()[len(before) :] == [(raised.pk, "late")]
    for _twice in range(2):
        timing._alarm(raised.pk, late=False, another=True)
    assert alarms()[len(before) :] == [(raised.pk, "late"), (raised.pk, "another_vehicle")]
    assert len(events("recovery.lock_late")) == 1


def test_an_instruction_that_nobody_follows_is_said_each_time(raised: RecoveryOrder) -> None:
    pay(("recovery.order", raised.pk))
    for number in (1, 2):
        row = MoveInstruction.objects.get()
        business_clock.move_to(row.due_at + timedelta(seconds=1))
        assert services.remind_of_moves() == 1
        assert services.remind_of_moves() == 0
        assert events("recovery.move_overdue")[-1] == {"order_id": raised.pk, "reminders": number}
    assert len(events("recovery.move_overdue")) == 2


def test_who_changed_from_which_debt_on_a_lock_goes_up_is_said(merchant: Any) -> None:
    floors = (LockTerms.FLOOR_FEN, 2000, 3000)
    for before_fen, after_fen in itertools.pairwise(floors):
        terms = services.set_terms(merchant_id=merchant.pk, floor_fen=after_fen, actor=TEST)
        assert terms.floor_fen == LockTerms.objects.get().floor_fen == after_fen
        facts = {"before_fen": before_fen, "after_fen": after_fen}
        assert said(terms)[-1] == ("said", TEST, "", facts)

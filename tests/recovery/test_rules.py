"""The rules that guard a lock, case by case (P1.1)."""

from dataclasses import replace

import pytest

from recovery.rules import (
    DebtSeen,
    LockSeen,
    Situation,
    VehicleSeen,
    effect_of,
    holds,
    judge,
    order_code,
    reminder_after_s,
)

DEBT = DebtSeen(id=1, merchant_id=7, amount_fen=1200, demanded=True, disputed=False)
LOCK = LockSeen(merchant_id=7, online=True, position="lowered", battery_pct=80, busy=False)
GOOD = Situation(
    merchant_id=7,
    section_merchant_id=7,
    ground="own",
    exempt=False,
    vehicle=VehicleSeen(same=True, plate_settled=True),
    second_look_agrees=True,
    debts=(DEBT,),
    open_order=False,
    questioned=False,
    lock=LOCK,
)


def refused(now: Situation) -> set[str]:
    return {rule.code for rule in judge(now) if not rule.ok}


def test_all_rules_hold_for_a_demanded_debt_on_own_ground():
    assert holds(judge(GOOD))


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"ground": "road"}, {"own_ground"}),
        ({"section_merchant_id": 8}, {"own_ground"}),
        ({"exempt": True}, {"not_exempt"}),
        ({"vehicle": None}, {"vehicle_present"}),
        ({"vehicle": VehicleSeen(same=False, plate_settled=True)}, {"vehicle_present"}),
        ({"vehicle": VehicleSeen(same=True, plate_settled=False)}, {"vehicle_present"}),
        ({"second_look_agrees": None}, {"second_look"}),
        ({"second_look_agrees": False}, {"second_look"}),
        ({"open_order": True}, {"no_open_order"}),
        ({"lock": None}, {"lock_ready", "lock_battery"}),
        ({"lock": replace(LOCK, merchant_id=8)}, {"lock_ready"}),
        ({"lock": replace(LOCK, online=False)}, {"lock_ready"}),
        ({"lock": replace(LOCK, position="raised")}, {"lock_ready"}),
        ({"lock": replace(LOCK, position=None)}, {"lock_ready"}),
        ({"lock": replace(LOCK, busy=True)}, {"lock_ready"}),
        ({"lock": replace(LOCK, battery_pct=19)}, {"lock_battery"}),
        ({"lock": replace(LOCK, battery_pct=None)}, {"lock_battery"}),
        ({"debts": ()}, {"own_debts", "demand_delivered"}),
        ({"debts": (replace(DEBT, merchant_id=8),)}, {"own_debts", "demand_delivered"}),
        ({"debts": (replace(DEBT, demanded=False),)}, {"demand_delivered"}),
        ({"debts": (replace(DEBT, disputed=True),)}, {"demand_delivered", "undisputed"}),
        ({"debts": (DEBT, replace(DEBT, id=2, disputed=True))}, {"undisputed"}),
    ],
)
def test_each_rule_refuses_for_its_own_reason(changed, codes):
    assert refused(replace(GOOD, **changed)) == codes


def test_a_battery_of_twenty_percent_is_enough():
    assert holds(judge(replace(GOOD, lock=replace(LOCK, battery_pct=20))))


def test_another_debt_without_demand_does_not_stand_against_a_demanded_one():
    assert holds(judge(replace(GOOD, debts=(DEBT, replace(DEBT, id=2, demanded=False)))))


@pytest.mark.parametrize(
    ("state", "position", "cause", "target", "ended_by", "lower"),
    [
        ("raising", "raising", "command", None, "", False),
        ("raising", "raised", "command", "raised", "", False),
        ("raising", "lowered", "report", None, "", False),  # said before it began to rise
        ("raising", "lowering", "obstruction", None, "", False),
        ("raising", "lowered", "obstruction", "placed", "", False),
        ("raised", "raised", "report", None, "", False),
        ("raised", "lowering", "lease", "lowering", "lease", False),
        ("raised", "lowered", "power_loss", "lowered", "lease", False),
        ("raised", "lowered", "report", "lowered", "lease", False),
        ("raised", "lowered", "release_code", "lowered", "release_code", False),
        ("paid", "lowering", "command", "lowering", "", False),
        ("paid", "lowered", "command", "lowered", "", False),
        ("lowering", "lowering", "command", None, "", False),
        ("lowering", "lowered", "command", "lowered", "", False),
        ("lowered", "lowered", "report", None, "", False),
        ("paid", "raising", "command", None, "", True),
        ("lowered", "raised", "tamper", None, "", True),
        ("placed", "raised", "tamper", None, "", True),
        ("raised", "jammed", "jam", None, "", False),
        ("moved", "lowered", "report", None, "", False),
    ],
)
def test_what_a_lock_says_moves_its_order(state, position, cause, target, ended_by, lower):
    effect = effect_of(state, position, cause)
    assert (effect.target, effect.ended_by, effect.lower) == (target, ended_by, lower)


def test_a_code_is_short_enough_for_a_sticker():
    from datetime import date

    assert order_code(date(2026, 3, 2), 0) == "R260302000000"
    assert len(order_code(date(2026, 12, 31), 2**40)) == 13


def test_reminders_come_after_half_an_hour_an_hour_and_then_every_four():
    assert [reminder_after_s(n) for n in range(4)] == [1800, 3600, 14400, 14400]

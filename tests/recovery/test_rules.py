"""The rules that guard a lock, case by case (P1.1)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recovery.rules import (
    LOOK_LASTS,
    Away,
    DebtSeen,
    Grounds,
    LockSeen,
    LookSeen,
    Paying,
    Situation,
    VehicleSeen,
    Why,
    effect_of,
    ended,
    holds,
    judge,
    order_code,
    reminder_after_s,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DEBT = DebtSeen(
    id=1, merchant_id=7, amount_fen=6000, demanded=True, disputed=False, grace_until=NOW
)
LATER = DebtSeen(
    id=2,
    merchant_id=7,
    amount_fen=6000,
    demanded=True,
    disputed=False,
    grace_until=NOW + timedelta(days=1),
)
LOCK = LockSeen(merchant_id=7, online=True, position="lowered", battery_pct=80, busy=False)
LOOK = LookSeen(taken_at=NOW - LOOK_LASTS, agrees=True)
TOO_OLD = NOW - LOOK_LASTS - timedelta(seconds=1)
GROUNDS = Grounds(
    now=NOW,
    merchant_id=7,
    section_merchant_id=7,
    ground="own",
    exempt=False,
    vehicle=VehicleSeen(same=True, plate_settled=True),
    question=False,
    objection=False,
    debts=(DEBT,),
    bound=None,
    listed=True,
    floor_fen=5000,
    paying=Paying.NONE,
    away=Away.NOTHING,
)
GOOD = Situation(grounds=GROUNDS, look=LOOK, open_order=False, lock=LOCK)


def refused(now: Situation) -> set[str]:
    return {rule.code for rule in judge(now) if not rule.ok}


def but(**changed: object) -> Situation:
    return replace(GOOD, grounds=replace(GROUNDS, **changed))


def test_all_rules_hold_for_a_listed_vehicle_on_own_ground():
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
        ({"question": True}, {"no_question"}),
        ({"objection": True}, {"undisputed"}),
        ({"listed": False}, {"listed"}),
        ({"floor_fen": 6001}, {"debt_enough"}),
        ({"paying": Paying.UNDER_WAY}, {"no_payment"}),
        ({"paying": Paying.UNKNOWN}, {"no_payment"}),
        ({"away": Away.OTHERS}, {"no_outage"}),
        ({"away": Away.OURS}, {"no_outage"}),
        ({"debts": ()}, {"own_debts", "demand_delivered"}),
        ({"debts": (replace(DEBT, merchant_id=8),)}, {"own_debts", "demand_delivered"}),
        ({"debts": (replace(DEBT, demanded=False),)}, {"demand_delivered"}),
        ({"debts": (replace(DEBT, disputed=True),)}, {"demand_delivered", "undisputed"}),
        ({"debts": (DEBT, replace(DEBT, id=2, disputed=True))}, {"undisputed"}),
        ({"debts": (LATER,)}, {"grace_over"}),
        ({"debts": (replace(DEBT, amount_fen=1), LATER)}, {"debt_enough"}),  # the ripe ones count
    ],
)
def test_each_rule_refuses_for_its_own_reason(changed, codes):
    assert refused(but(**changed)) == codes


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"look": None}, {"second_look"}),
        ({"look": replace(LOOK, agrees=False)}, {"second_look"}),
        (
            {"look": replace(LOOK, taken_at=NOW - LOOK_LASTS - timedelta(seconds=1))},
            {"second_look"},
        ),
        ({"look": replace(LOOK, taken_at=NOW + timedelta(minutes=2))}, {"second_look"}),
        ({"open_order": True}, {"no_open_order"}),
        ({"lock": None}, {"lock_ready", "lock_battery"}),
        ({"lock": replace(LOCK, merchant_id=8)}, {"lock_ready"}),
        ({"lock": replace(LOCK, online=False)}, {"lock_ready"}),
        ({"lock": replace(LOCK, position="raised")}, {"lock_ready"}),
        ({"lock": replace(LOCK, position=None)}, {"lock_ready"}),
        ({"lock": replace(LOCK, busy=True)}, {"lock_ready"}),
        ({"lock": replace(LOCK, battery_pct=19)}, {"lock_battery"}),
        ({"lock": replace(LOCK, battery_pct=None)}, {"lock_battery"}),
    ],
)
def test_what_is_asked_at_the_place_refuses_for_its_own_reason(changed, codes):
    assert refused(replace(GOOD, **changed)) == codes


def test_a_battery_of_twenty_percent_is_enough():
    assert holds(judge(replace(GOOD, lock=replace(LOCK, battery_pct=20))))


def test_another_debt_that_is_not_asked_for_yet_does_not_stand_against_one_that_is():
    assert holds(judge(but(debts=(DEBT, replace(DEBT, id=2, demanded=False)))))
    assert holds(judge(but(debts=(DEBT, LATER))))


def test_the_refusal_within_the_grace_names_the_day_until_which_the_text_gave_time():
    [rule] = [one for one in judge(but(debts=(LATER,))) if one.code == "grace_over"]
    assert rule.says["until"] == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"paying": Paying.UNDER_WAY}, None),  # the payment itself lowers
        ({"paying": Paying.UNKNOWN}, Why.UNCLEAR),
        ({"away": Away.OTHERS}, None),
        ({"away": Away.OURS}, Why.OUTAGE),
        ({"vehicle": None}, Why.LEFT),
        ({"vehicle": VehicleSeen(same=False, plate_settled=True)}, Why.MISREAD),
        ({"vehicle": VehicleSeen(same=True, plate_settled=False)}, Why.QUESTION),
        ({"question": True}, Why.QUESTION),
        ({"objection": True}, Why.OBJECTION),
        ({"debts": (replace(DEBT, disputed=True),)}, Why.OBJECTION),
        ({"debts": ()}, Why.DROPPED),
        ({"debts": (LATER,)}, Why.DROPPED),  # another debt than the bound one
        ({"debts": (replace(DEBT, demanded=False),)}, Why.REPRICED),
        ({"debts": (replace(DEBT, grace_until=NOW + timedelta(days=1)),)}, Why.REPRICED),
        ({"debts": (replace(DEBT, amount_fen=4999),)}, Why.TOO_LITTLE),
        ({"listed": False}, Why.DELISTED),
        ({"exempt": True}, Why.EXEMPT),
        ({"ground": "road"}, Why.GROUND),
        ({"section_merchant_id": 8}, Why.GROUND),
    ],
)
def test_a_lock_goes_down_for_what_it_stands_on_no_more(changed, why):  # docs/rules.md L6
    assert ended(replace(GROUNDS, bound=frozenset({1}), **changed)) == why


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

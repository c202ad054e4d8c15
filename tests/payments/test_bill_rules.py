"""A provider's bill against our books: each fault is told once, as what it is."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from core.calendar import CITY
from payments.rules.bills import (
    BillRow,
    BillSums,
    BillTerms,
    Difference,
    Gap,
    OurPayment,
    OurRefund,
    differences,
    fee_mils,
    sums,
)
from payments.states import AttemptState, RefundState

DAY = date(2026, 3, 2)
TERMS = BillTerms(day=DAY, channel="wechat:1", merchant="1", rate=6000)


def at(hour: int, minute: int = 0, second: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=CITY)


PAID = BillRow(
    kind="payment",
    number="P1",
    provider_no="42",
    amount_fen=600,
    fee_mils=fee_mils(600, 6000),
    at=at(10),
    merchant="1",
)
OURS = OurPayment(
    number="P1",
    channel="wechat:1",
    state=AttemptState.PAID,
    amount_fen=600,
    provider_no="42",
    paid_at=at(10),
    booked_fen=600,
    shared_fen=600,
)
BACK = BillRow(
    kind="refund", number="P1", refund_number="R1", amount_fen=200, at=at(11), merchant="1"
)
OUR_BACK = OurRefund(
    refund_number="R1",
    number="P1",
    channel="wechat:1",
    state=RefundState.DONE,
    amount_fen=200,
    asked_at=at(11),
    done_at=at(11),
    booked_fen=200,
)


def told(
    rows: list[BillRow],
    payments: list[OurPayment],
    refunds: list[OurRefund] | None = None,
    **more: Any,
) -> list[Difference]:
    return differences(TERMS, rows, payments, refunds or [], **more)


def gaps(*args: Any, **more: Any) -> list[str]:
    return [one.gap for one in told(*args, **more)]


def test_where_all_three_say_the_same_nothing_is_told() -> None:
    said = BillSums(1, 600, 1, 200)
    assert told([PAID, BACK], [OURS], [OUR_BACK], said=said) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "gap"),
    [
        ({"amount_fen": 599, "fee_mils": fee_mils(599, 6000)}, {}, Gap.AMOUNT),
        ({"fee_mils": fee_mils(600, 6000) + 1000}, {}, Gap.FEE),
        ({"fee_mils": fee_mils(600, 6000) + 999}, {}, None),
        ({"merchant": "2"}, {}, Gap.OTHER_MERCHANT),
        ({"merchant": ""}, {}, None),
        ({"currency": "JPY"}, {}, Gap.OTHER_CURRENCY),
        ({"provider_no": "43"}, {}, Gap.OTHER_NUMBER),
        ({}, {"provider_no": ""}, None),
        ({"provider_no": ""}, {}, None),
        ({"told": "void"}, {}, Gap.REVERSED_THERE),
        ({"told": "void"}, {"state": AttemptState.CLOSED, "booked_fen": None}, None),
        ({"at": at(23, 59, 59)}, {}, None),
        ({"at": at(0, day=3)}, {}, Gap.OUTSIDE_DAY),
        ({"at": at(23, 59, 59, day=1)}, {}, Gap.OUTSIDE_DAY),
        ({}, {"paid_at": at(0, day=3)}, Gap.OTHER_DAY),
        ({}, {"paid_at": at(0)}, None),
        ({}, {"channel": "alipay:1"}, Gap.OTHER_CHANNEL),
        ({}, {"state": AttemptState.UNKNOWN, "booked_fen": None}, Gap.NOT_PAID_HERE),
        ({}, {"state": AttemptState.CLOSED, "booked_fen": None}, Gap.ENDED_HERE),
        ({}, {"booked_fen": None}, Gap.UNBOOKED),
        ({}, {"booked_fen": 500}, Gap.BOOKED_OTHERWISE),
        ({}, {"shared_fen": 500}, Gap.UNSHARED),
        ({}, {"shared_fen": None}, Gap.UNSHARED),
        ({}, {"order_paid": False}, Gap.ORDER_UNPAID),
    ],
)
def test_a_payment_that_differs_is_told_as_what_it_is(
    theirs: dict[str, Any], ours: dict[str, Any], gap: Gap | None
) -> None:
    found = gaps([replace(PAID, **theirs)], [replace(OURS, **ours)])
    assert found == ([gap] if gap else [])


@pytest.mark.parametrize(
    ("theirs", "ours", "gap"),
    [
        ({"amount_fen": 199}, {}, Gap.REFUND_AMOUNT),
        ({"number": "P2"}, {}, Gap.REFUND_OF_OTHER),
        ({"merchant": "2"}, {}, Gap.OTHER_MERCHANT),
        ({"told": "void"}, {}, Gap.REFUND_REVERSED_THERE),
        ({"told": "void"}, {"state": RefundState.FAILED, "booked_fen": None}, None),
        (
            {},
            {"state": RefundState.SENT, "done_at": None, "booked_fen": None},
            Gap.REFUND_OPEN_HERE,
        ),
        (
            {},
            {"state": RefundState.FAILED, "done_at": None, "booked_fen": None},
            Gap.REFUND_FAILED_HERE,
        ),
        ({"told": "sent"}, {"state": RefundState.SENT, "done_at": None, "booked_fen": None}, None),
        (
            {"told": "sent"},
            {"state": RefundState.FAILED, "done_at": None, "booked_fen": None},
            None,
        ),
        ({"told": "sent"}, {}, None),  # as it stood when it was asked for
        ({}, {"booked_fen": None}, Gap.REFUND_UNBOOKED),
        ({}, {"booked_fen": 199}, Gap.REFUND_UNBOOKED),
        ({"at": at(0, day=3)}, {}, Gap.OUTSIDE_DAY),
        ({}, {"asked_at": at(0, 59, 59, day=3), "done_at": at(2, day=3)}, None),
        ({}, {"asked_at": at(1, day=3), "done_at": at(2, day=3)}, Gap.REFUND_OTHER_DAY),
        ({}, {"asked_at": at(9, day=1), "done_at": at(9, day=3)}, None),
        ({}, {"asked_at": at(9, day=1), "done_at": at(22, 59, 59, day=1)}, Gap.REFUND_OTHER_DAY),
        ({}, {"asked_at": at(9, day=1), "done_at": at(23, day=1)}, None),
        ({}, {"channel": "alipay:1"}, Gap.OTHER_CHANNEL),
    ],
)
def test_a_refund_that_differs_is_told_as_what_it_is(
    theirs: dict[str, Any], ours: dict[str, Any], gap: Gap | None
) -> None:
    found = gaps([replace(BACK, **theirs)], [], [replace(OUR_BACK, **ours)])
    assert found == ([gap] if gap else [])


def test_what_only_one_side_knows_is_told_with_its_amount() -> None:
    assert told([PAID, BACK], []) == [
        Difference(Gap.MISSING_HERE, "P1", theirs_fen=600),
        Difference(Gap.REFUND_MISSING_HERE, "P1", "R1", theirs_fen=200),
    ]
    assert told([], [OURS], [OUR_BACK]) == [
        Difference(Gap.MISSING_THERE, "P1", ours_fen=600),
        Difference(Gap.REFUND_MISSING_THERE, "P1", "R1", ours_fen=200),
    ]


def test_what_stands_in_another_day_s_bill_is_not_missing() -> None:
    assert told([], [OURS], [OUR_BACK], elsewhere={"P1", "R1"}) == []


@pytest.mark.parametrize("day", [1, 3])
def test_what_was_paid_on_another_day_is_not_missing_on_this_one(day: int) -> None:
    paid = replace(OURS, paid_at=at(10, day=day))
    back = replace(OUR_BACK, asked_at=at(10, day=day), done_at=at(10, day=day))
    assert told([], [paid], [back]) == []


def test_what_is_not_of_this_channel_is_not_missing_in_its_bill() -> None:
    paid, back = replace(OURS, channel="alipay:1"), replace(OUR_BACK, channel="alipay:1")
    assert told([], [paid], [back]) == []


def test_a_number_that_stands_there_twice_is_told_once_with_all_of_it() -> None:
    assert told([PAID, PAID], [OURS]) == [
        Difference(Gap.DOUBLED, "P1", ours_fen=600, theirs_fen=1200)
    ]
    assert told([BACK, BACK], [], [OUR_BACK]) == [
        Difference(Gap.REFUND_DOUBLED, "P1", "R1", ours_fen=200, theirs_fen=400)
    ]


def test_money_in_the_books_of_a_try_that_was_not_paid_is_told() -> None:
    live = replace(OURS, state=AttemptState.PENDING)
    assert gaps([], [live]) == [Gap.BOOKED_UNPAID]


def test_a_bill_that_names_nobody_s_account_is_held_against_none() -> None:
    nameless = replace(TERMS, merchant="")
    assert differences(nameless, [replace(PAID, merchant="2")], [OURS], []) == []


def test_a_bill_that_says_only_how_many_there_are_is_told_in_words() -> None:
    [found] = told([PAID], [OURS], said=BillSums(payments=2))
    assert (found.gap, found.ours, found.theirs) == (Gap.SUMS, "1 × 6.00", "2 × 0.00")


@pytest.mark.parametrize("part", ["payments", "payments_fen", "refunds", "refunds_fen"])
def test_a_bill_that_does_not_agree_with_itself_is_told(part: str) -> None:
    right = BillSums(1, 600, 1, 200)
    wrong = replace(right, **{part: 7})
    assert gaps([PAID, BACK], [OURS], [OUR_BACK], said=wrong) == [Gap.SUMS]
    silent = replace(wrong, **{part: None})
    assert gaps([PAID, BACK], [OURS], [OUR_BACK], said=silent) == []


def test_rows_that_moved_no_money_are_not_counted() -> None:
    void = [replace(PAID, told="void"), replace(BACK, told="void")]
    assert sums([PAID, BACK, *void]) == BillSums(1, 600, 1, 200)


def test_without_a_rate_no_fee_is_compared() -> None:
    terms = replace(TERMS, rate=None)
    assert differences(terms, [replace(PAID, fee_mils=99_000)], [OURS], []) == []


def test_a_fee_that_differs_is_told_in_yuan_with_five_decimals() -> None:
    found = told([replace(PAID, fee_mils=123_456)], [OURS])
    assert found == [Difference(Gap.FEE, "P1", ours="0.03600", theirs="1.23456")]

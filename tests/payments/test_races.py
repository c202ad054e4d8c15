"""Two hands at once, on real connections: money is booked once, whoever is first."""

from datetime import date, datetime, timedelta
from unittest import mock

import pytest

from accounts.models import User
from core import clock as business_clock
from core.calendar import CITY
from core.models import AuditEntry
from payments import services, tasks
from payments.models import (
    Attempt,
    BillDay,
    BillDifference,
    BillEntry,
    Credit,
    LedgerTransfer,
    Notification,
    Order,
    Refund,
)
from payments.providers.base import Bill
from payments.providers.sandbox import client as sandbox
from payments.rules import REFUNDS, merchant_account
from payments.rules.bills import BillRow, BillSums
from payments.services import bills
from tests.payments import kiosk
from tests.payments.conftest import TEST, begin, books, events, moved, open_order, payer_pays, tell
from tests.payments.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_ten_messages_at_once_settle_once(order, merchant):
    """The provider repeats itself; each message is genuine, each is heard, one has an effect."""
    attempt = begin(order)
    payer_pays(attempt)

    answers = at_once(*[lambda: tell(attempt)] * 10)

    assert {answer.status for answer in answers} == {204}
    assert moved(Order, "paid") == 1
    assert len(events("tests.paid")) == 1
    assert books() == {"provider:sandbox": 600, merchant_account(merchant.pk): -600}
    assert Notification.objects.filter(processed_at=None).count() == 0


def test_the_very_same_message_ten_times_at_once_is_one_row(order):
    attempt = begin(order)
    _url, headers, body = sandbox.notification(payer_pays(attempt))

    answers = at_once(*[lambda: services.receive_notification("sandbox", headers, body)] * 10)

    assert {answer.status for answer in answers} == {204}
    assert Notification.objects.get().times == 10
    assert len(events("tests.paid")) == 1


def test_a_message_and_our_own_question_settle_once(order):
    attempt = begin(order)
    payer_pays(attempt)
    at_once(lambda: tell(attempt), lambda: services.query_attempt(attempt.pk))
    assert len(events("tests.paid")) == 1
    assert LedgerTransfer.objects.count() == 1


def test_two_payments_of_one_order_at_once_keep_one_and_return_one(order, merchant):
    first = begin(order)
    Attempt.objects.filter(pk=first.pk).update(state="unknown")
    second = begin(order)
    for attempt in (first, second):
        payer_pays(attempt)

    answers = at_once(lambda: tell(first), lambda: tell(second))

    assert [answer.status for answer in answers] == [204, 204]
    assert Order.objects.get(pk=order.pk).state == "paid"
    assert Attempt.objects.filter(state="paid").count() == 2
    assert (Credit.objects.get().why, Refund.objects.get().amount_fen) == ("second", 600)
    assert books() == {
        "provider:sandbox": 1200,
        merchant_account(merchant.pk): -600,
        REFUNDS: -600,
    }


def test_a_payment_and_the_close_at_once_end_paid(merchant, clock):
    for round_number in range(5):
        kiosk.owe(round_number, 600, merchant.pk)
        order = services.open_order(items=[(kiosk.NAME, round_number)], actor=TEST)
        attempt = begin(order)
        payer_pays(attempt)
        at_once(
            lambda a=attempt: tell(a),
            lambda o=order: services.close_order(o, actor=TEST, reason="too late"),
        )
        order.refresh_from_db()
        assert order.state == "paid"
        assert kiosk.paid_by(round_number) == order.number
    assert books() == {"provider:sandbox": 3000, merchant_account(merchant.pk): -3000}


def test_orders_that_share_a_bill_both_paid_at_once_settle_it_once(merchant, clock):
    both = open_order(merchant, 600, 400)
    alone = services.open_order(items=[(kiosk.NAME, 2)], actor=TEST)
    attempts = [begin(both), begin(alone)]
    for attempt in attempts:
        payer_pays(attempt)

    at_once(*[lambda a=attempt: tell(a) for attempt in attempts])

    assert sorted(event["subject_id"] for event in events("tests.paid")) == [1, 2]
    assert Refund.objects.get().amount_fen == 400
    assert books() == {
        "provider:sandbox": 1400,
        merchant_account(merchant.pk): -1000,
        REFUNDS: -400,
    }


def test_two_askers_at_once_get_one_order(merchant, clock):
    thing = kiosk.owe(1, 600, merchant.pk)
    orders = at_once(*[lambda: services.open_order(items=[thing], actor=TEST)] * 6)
    assert len({order.pk for order in orders}) == 1


def test_two_cashiers_at_once_take_the_cash_once(order, merchant):
    results = at_once(
        *[lambda: services.pay_at_counter(order.pk, TEST, merchant_id=merchant.pk)] * 2
    )
    assert sorted(type(result).__name__ for result in results) == ["Attempt", "OrderNotOpen"]
    assert books() == {f"counter:{merchant.pk}": 600, merchant_account(merchant.pk): -600}


def test_two_refunds_at_once_never_exceed_what_was_paid(order):
    services.pay_at_counter(order.pk, TEST)
    item = order.items.get()
    results = at_once(
        *[
            lambda key=key: services.refund(
                item_id=item.pk, amount_fen=400, reason="r", actor=TEST, key=key
            )
            for key in ("a", "b")
        ]
    )
    assert sorted(type(result).__name__ for result in results) == ["Refund", "RefundTooLarge"]


def test_one_refund_asked_for_by_two_workers_goes_back_once(order):
    attempt = begin(order)
    payer_pays(attempt)
    tell(attempt)
    row = services.refund(
        item_id=order.items.get().pk, amount_fen=400, reason="r", actor=TEST, key="k"
    )
    at_once(*[lambda: services.carry_out_refund(row.pk)] * 2)
    assert books()["provider:sandbox"] == 200
    assert moved(Refund, "done") == 1


class Died(BaseException):
    """The process is gone at this line."""


def test_death_before_the_provider_was_called_leaves_a_number_to_ask_about(order, clock):
    with mock.patch.object(sandbox.SandboxClient, "begin", side_effect=Died), pytest.raises(Died):
        begin(order)
    attempt = Attempt.objects.get()
    assert attempt.state == "created"
    Attempt.objects.update(created_at=business_clock.real() - timedelta(minutes=3))
    assert services.query_attempt(attempt.pk) == "closed"  # the provider never heard of it


def test_death_after_the_provider_was_called_loses_no_payment(order, clock):
    begin_for_real = sandbox.SandboxClient.begin

    def begin_and_die(self, asked):
        begin_for_real(self, asked)
        raise Died

    with mock.patch.object(sandbox.SandboxClient, "begin", begin_and_die), pytest.raises(Died):
        begin(order)
    attempt = Attempt.objects.get()
    payer_pays(attempt)
    Attempt.objects.update(next_look_at=business_clock.real())
    assert tasks.look_at_attempts() == 1  # the row says what is to do
    assert services.query_attempt(attempt.pk) == "paid"
    assert kiosk.paid_by(1) == order.number


def test_death_between_keeping_a_message_and_acting_on_it_loses_no_payment(order):
    attempt = begin(order)
    payer_pays(attempt)
    notifications = "payments.services.notifications"
    with mock.patch(f"{notifications}._act", side_effect=Died), pytest.raises(Died):
        tell(attempt)
    Notification.objects.update(next_try_at=business_clock.real())
    assert tasks.look_at_notifications() == 1
    assert services.process_notification(Notification.objects.get().pk) == ""
    assert kiosk.paid_by(1) == order.number


def test_death_between_the_provider_s_refund_and_our_mark_refunds_once(order):
    attempt = begin(order)
    trade = payer_pays(attempt)
    tell(attempt)
    row = services.refund(
        item_id=order.items.get().pk, amount_fen=400, reason="r", actor=TEST, key="k"
    )
    mark = "payments.services.refunds._mark_refund"
    with mock.patch(mark, side_effect=Died), pytest.raises(Died):
        services.carry_out_refund(row.pk)
    assert tasks.look_at_refunds() == 1
    assert services.carry_out_refund(row.pk) == "done"
    trade.refresh_from_db()
    assert trade.refunds == {row.out_refund_no: 400}
    assert AuditEntry.objects.filter(subject="payments.refund", to_state="done").count() == 1


def bill_day(wechat_row: str = "PX") -> tuple[BillDay, Bill]:
    """A day at a provider that makes bills, and its bill with one payment that nobody knows."""
    day = BillDay.objects.create(provider="wechat", billed="1900000109", day=date(2026, 3, 2))
    at = datetime(2026, 3, 2, 10, tzinfo=CITY)
    rows = [BillRow(kind="payment", number=wechat_row, amount_fen=600, at=at)]
    return day, Bill(rows, BillSums(), "digest")


def test_a_bill_that_two_workers_fetch_is_kept_once(db):
    day, bill = bill_day()
    taken = at_once(*[lambda: bills.take_bill(day.pk, bill)] * 4)
    assert sorted(taken) == [False, False, False, True]
    assert (BillEntry.objects.count(), BillDifference.objects.count()) == (1, 1)
    assert moved(BillDay, "matched") == 1


def test_two_who_close_a_day_at_once_close_it_once(db):
    day, bill = bill_day()
    bills.take_bill(day.pk, bill)
    people = [User.objects.create_user(name, password="x" * 12) for name in ("one", "two")]
    services.answer_difference(
        BillDifference.objects.get().pk, answer="x", actor=f"user:{people[0].pk}"
    )
    ended = at_once(
        *[lambda who=who: services.close_day(day.pk, actor=f"user:{who.pk}") for who in people]
    )
    assert [str(type(one).__name__) for one in ended].count("Refused") == 1
    day.refresh_from_db()
    assert (day.state, moved(BillDay, "closed")) == ("closed", 1)
    assert day.closed_by in people


def test_what_is_found_while_a_day_is_being_closed_is_open_in_it_or_late(db):
    """Never lost, never a change of what was closed."""
    day, bill = bill_day()
    bills.take_bill(day.pk, bill)
    who = User.objects.create_user("one", password="x" * 12)
    services.answer_difference(BillDifference.objects.get().pk, answer="x", actor=f"user:{who.pk}")
    BillDay.objects.update(sums={"payments": 7})
    at_once(
        lambda: services.close_day(day.pk, actor=f"user:{who.pk}"),
        lambda: services.match_bill(day.pk),
    )
    day.refresh_from_db()
    late = BillDifference.objects.get(gap="sums").late
    assert late == (day.state == "closed")

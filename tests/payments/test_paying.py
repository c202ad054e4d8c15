"""An order is opened, paid once, and every fen of it is accounted for."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from core import clock as business_clock
from core import outages
from core.errors import Refused
from core.models import Pulse
from payments import selectors, services, tasks
from payments.errors import AmountChanged, NothingDue, OrderNotOpen, ProviderUnknown, RefundTooLarge
from payments.models import Attempt, Credit, LedgerEntry, Notification, Order, Refund
from payments.providers.base import ProviderUnclear, Way
from payments.providers.sandbox import client as sandbox
from payments.rules import CREDIT, REFUNDS, merchant_account
from tests.payments import kiosk
from tests.payments.conftest import (
    TEST,
    begin,
    books,
    events,
    moved,
    open_order,
    pay,
    payer_pays,
    tell,
    transfers,
)

pytestmark = pytest.mark.django_db


def test_a_paid_order_settles_what_it_was_paid_for(order, merchant):
    attempt = pay(order)

    order.refresh_from_db()
    assert (order.state, order.paid_at) == ("paid", business_clock.now())
    assert attempt.state == "paid"
    assert attempt.provider_no.startswith("SANDBOX")
    assert kiosk.paid_by(1) == order.number
    assert selectors.paid_fen("kiosk.bill", 1) == 600
    assert books() == {"provider:sandbox": 600, merchant_account(merchant.pk): -600}
    assert moved(Order, "paid") == 1
    assert events("tests.cleared") == [{"subject_id": 1, "left_fen": 0}]


def test_the_same_set_is_one_order_whoever_asks(merchant, clock):
    things = [kiosk.owe(1, 600, merchant.pk), kiosk.owe(2, 400, merchant.pk)]
    first = services.open_order(items=things, actor=TEST)
    again = services.open_order(items=things[::-1], actor="owner")
    assert first.pk == again.pk
    assert first.amount_fen == 1000


def test_a_changed_bill_closes_the_order_and_opens_another(order, merchant):
    kiosk.owe(1, 800, merchant.pk)
    fresh = services.open_order(items=[(kiosk.NAME, 1)], actor=TEST)
    order.refresh_from_db()
    assert order.state == "closed"
    assert (fresh.state, fresh.amount_fen) == ("open", 800)


def test_nobody_pays_another_amount_than_they_saw(order, merchant):
    kiosk.owe(1, 800, merchant.pk)
    with pytest.raises(AmountChanged) as refusal:
        begin(order)
    assert selectors.order_by_token(refusal.value.token).amount_fen == 800
    assert not Attempt.objects.exists()


def test_an_order_with_nothing_due_can_not_be_opened(merchant, clock):
    with pytest.raises(Refused, match="paid"):
        services.open_order(items=[(kiosk.NAME, 99)], actor=TEST)
    with pytest.raises(NothingDue):
        services.open_order(items=[(kiosk.NAME, 98), (kiosk.NAME, 99)], actor=TEST)


def test_what_was_paid_meanwhile_is_left_out_of_the_next_order(merchant, clock):
    pay(open_order(merchant, 600))
    kiosk.owe(2, 400, merchant.pk)
    both = services.open_order(items=[(kiosk.NAME, 1), (kiosk.NAME, 2)], actor=TEST)
    assert both.amount_fen == 400


def test_an_attempt_that_waits_is_used_again(order):
    assert begin(order).pk == begin(order).pk
    assert Attempt.objects.count() == 1


def test_a_paid_order_can_not_be_paid_again(order):
    pay(order)
    with pytest.raises(OrderNotOpen):
        begin(order)


def test_a_notification_that_comes_again_changes_nothing(order, merchant):
    attempt = pay(order)
    for _time in range(3):
        assert tell(attempt).status == 204  # signed anew each time
    assert moved(Order, "paid") == 1
    assert books() == {"provider:sandbox": 600, merchant_account(merchant.pk): -600}
    assert Notification.objects.filter(processed_at=None).count() == 0


def test_the_very_same_message_is_kept_once_and_counted(order):
    attempt = begin(order)
    _url, headers, body = sandbox.notification(payer_pays(attempt))
    for _time in range(3):
        assert services.receive_notification("sandbox", headers, body).status == 204
    assert Notification.objects.get().times == 3


def test_a_forged_notification_is_kept_and_settles_nothing(order):
    attempt = begin(order)
    _url, headers, body = sandbox.notification(payer_pays(attempt))
    headers["X-Sandbox-Signature"] = "0" * 64
    assert services.receive_notification("sandbox", headers, body).status == 401
    order.refresh_from_db()
    assert order.state == "open"
    notice = Notification.objects.get()
    assert (notice.verified, notice.problem, bytes(notice.raw)) == (False, "signature", body)


def test_an_old_notification_is_refused(order):
    attempt = begin(order)
    _url, headers, body = sandbox.notification(payer_pays(attempt))
    stamp = str(int(headers["X-Sandbox-Timestamp"]) - 301)
    headers["X-Sandbox-Timestamp"] = stamp
    headers["X-Sandbox-Signature"] = sandbox._signature(stamp, headers["X-Sandbox-Nonce"], body)
    assert services.receive_notification("sandbox", headers, body).status == 401
    order.refresh_from_db()
    assert order.state == "open"
    assert "5 minutes" in Notification.objects.get().problem


def test_another_amount_than_asked_is_a_problem_for_a_person(order):
    attempt = begin(order)
    trade = payer_pays(attempt)
    trade.amount_fen = 1
    _url, headers, body = sandbox.notification(trade)
    assert services.receive_notification("sandbox", headers, body).status == 500
    order.refresh_from_db()
    attempt.refresh_from_db()
    assert (order.state, attempt.state) == ("open", "pending")
    assert "amount differs" in attempt.problem
    assert Notification.objects.get().problem == "amount differs"


def test_a_notification_for_a_number_we_never_gave_stays_open(order):
    trade = payer_pays(begin(order))
    trade.out_trade_no = "P000000NOBODY"
    _url, headers, body = sandbox.notification(trade)
    assert services.receive_notification("sandbox", headers, body).status == 500
    assert Notification.objects.get().problem == "unknown order number"


def test_a_lost_notification_is_made_good_by_asking(order):
    attempt = begin(order)
    payer_pays(attempt)
    assert services.query_attempt(attempt.pk) == "paid"
    order.refresh_from_db()
    assert order.state == "paid"


def test_an_outdated_order_is_closed_and_its_trade_too(order, clock):
    attempt = begin(order)
    clock.advance(timedelta(minutes=16))
    assert tasks.close_outdated_orders() == 1
    order.refresh_from_db()
    assert order.state == "closed"
    assert services.query_attempt(attempt.pk) == "closed"
    assert sandbox.SandboxClient().query(attempt.out_trade_no).state == "closed"


def test_money_after_the_close_still_pays_what_is_due(order, merchant, clock):
    attempt = begin(order)
    payer_pays(attempt)
    clock.advance(timedelta(minutes=16))
    tasks.close_outdated_orders()

    tell(attempt)

    order.refresh_from_db()
    assert order.state == "paid"
    assert kiosk.paid_by(1) == order.number
    assert books() == {"provider:sandbox": 600, merchant_account(merchant.pk): -600}


def test_money_after_the_close_goes_back_when_nothing_is_due_any_more(order, merchant, clock):
    late = begin(order)
    clock.advance(timedelta(minutes=16))
    tasks.close_outdated_orders()
    kiosk.owe(1, 800, merchant.pk)  # the bill grew
    payer_pays(late)
    pay(services.open_order(items=[(kiosk.NAME, 1)], actor=TEST))

    tell(late)

    order.refresh_from_db()
    assert (order.state, order.items.get().state) == ("paid", "unneeded")
    credit = Credit.objects.get()
    assert (credit.attempt_id, credit.amount_fen, credit.why) == (late.pk, 600, "not_due")
    assert books()[REFUNDS] == -600
    assert services.carry_out_refund(credit.refund.pk) == "done"
    credit.refresh_from_db()
    assert credit.state == "refunded"
    assert books() == {"provider:sandbox": 800, merchant_account(merchant.pk): -800}


def test_a_second_payment_of_the_same_order_goes_back_whole(order, merchant):
    first = begin(order)
    first_trade = payer_pays(first)
    Attempt.objects.filter(pk=first.pk).update(state="unknown")
    second = begin(order)
    assert second.pk != first.pk
    payer_pays(second)

    assert tell(second).status == 204
    assert tell(first).status == 204

    credit = Credit.objects.get()
    assert (credit.attempt_id, credit.why, credit.amount_fen) == (first.pk, "second", 600)
    assert kiosk.paid_by(1) == order.number
    services.carry_out_refund(credit.refund.pk)
    first_trade.refresh_from_db()
    assert list(first_trade.refunds.values()) == [600]
    assert books() == {"provider:sandbox": 600, merchant_account(merchant.pk): -600}


def test_a_bug_in_settling_loses_nothing(order, settings, merchant):
    order.items.update(payable="kiosk.broken")
    attempt = begin_anyway(order)
    payer_pays(attempt)
    assert tell(attempt).status == 500
    order.refresh_from_db()
    assert order.state == "open"
    assert kiosk.paid_by(1) is None
    assert not LedgerEntry.objects.exists()
    notice = Notification.objects.get()
    assert "a bug in a settling function" in notice.problem

    order.items.update(payable=kiosk.NAME)  # mended
    assert services.process_notification(notice.pk) == ""
    order.refresh_from_db()
    assert order.state == "paid"


def begin_anyway(order: Order) -> Attempt:
    return services.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="/", actor="owner"
    )


def test_part_of_an_item_goes_back_once_under_one_key(order, merchant):
    pay(order)
    item = order.items.get()
    asked = {"item_id": item.pk, "reason": "unused time", "actor": TEST}
    one = services.refund(amount_fen=250, key="unused:1", **asked)
    same = services.refund(amount_fen=250, key="unused:1", **asked)
    assert one.pk == same.pk
    assert selectors.paid_fen("kiosk.bill", 1) == 350
    with pytest.raises(RefundTooLarge):
        services.refund(amount_fen=351, key="unused:2", **asked)
    with pytest.raises(Refused, match="refund_key_taken"):
        services.refund(amount_fen=100, key="unused:1", **asked)

    for _time in range(3):
        assert services.carry_out_refund(one.pk) == "done"

    assert books() == {"provider:sandbox": 350, merchant_account(merchant.pk): -350}
    assert moved(Refund, "done") == 1


def test_a_refund_that_failed_is_asked_for_again_under_a_new_number(order):
    attempt = pay(order)
    row = services.refund(
        item_id=order.items.get().pk, amount_fen=600, reason="gift", actor=TEST, key="gift"
    )
    number = row.out_refund_no
    trades = sandbox.SandboxTrade.objects.filter(out_trade_no=attempt.out_trade_no)
    trades.update(state="waiting")
    assert services.carry_out_refund(row.pk) == "failed"
    trades.update(state="paid")
    assert services.ask_again(row.pk, actor="user:1")
    row.refresh_from_db()
    assert (row.state, row.out_refund_no != number) == ("asked", True)
    assert services.carry_out_refund(row.pk) == "done"


def test_cash_at_the_counter_settles_and_cash_goes_back_by_hand(order, merchant, cashier):
    attempt = services.pay_at_counter(order.pk, cashier.actor, merchant_id=merchant.pk)
    assert (attempt.state, kiosk.paid_by(1)) == ("paid", order.number)
    assert books() == {f"counter:{merchant.pk}": 600, merchant_account(merchant.pk): -600}

    row = services.refund(
        item_id=order.items.get().pk, amount_fen=200, reason="unused", actor=TEST, key="u"
    )
    assert services.carry_out_refund(row.pk) == "asked"  # only a hand can give cash back
    assert list(selectors.cash_to_hand_back(merchant.pk)) == [row]
    assert services.hand_back(row.pk, merchant_id=merchant.pk, actor=cashier.actor)
    assert not services.hand_back(row.pk, merchant_id=merchant.pk, actor=cashier.actor)
    assert books() == {f"counter:{merchant.pk}": 400, merchant_account(merchant.pk): -400}


def test_a_counter_takes_no_money_for_another_merchant(order, other_merchant):
    with pytest.raises(Refused, match="other_merchants"):
        services.pay_at_counter(order.pk, "user:1", merchant_id=other_merchant.pk)
    assert not LedgerEntry.objects.exists()


def test_the_books_can_not_be_changed(order):
    pay(order)
    for statement in (
        "UPDATE payments_ledgerentry SET amount_fen = amount_fen * 2",
        "DELETE FROM payments_ledgerentry",
        "UPDATE payments_ledgertransfer SET note = ''",
        "DELETE FROM payments_ledgertransfer",
        "UPDATE payments_order SET state = 'open', paid_at = NULL",
        "UPDATE payments_attempt SET state = 'closed'",
    ):
        with (
            pytest.raises((IntegrityError, InternalError)),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert len(transfers()) == 1


def test_the_database_refuses_a_transfer_that_does_not_balance(merchant, clock):
    def cheat() -> None:
        with transaction.atomic():
            services.post(key="x", entries=[("a", 5), ("b", -5)], note="right")
            row = LedgerEntry.objects.first()
            LedgerEntry.objects.create(
                transfer=row.transfer, account="c", amount_fen=1, posted_at=row.posted_at
            )
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="does not balance"):
        cheat()
    assert not LedgerEntry.objects.exists()


def test_a_transfer_is_posted_once_under_its_key(clock, db):
    for _time in range(2):
        services.post(key="x", entries=[("a", 5), ("b", -5)], note="n")
    assert books() == {"a": 5, "b": -5}
    with pytest.raises(Refused, match="ledger_key_taken"):
        services.post(key="x", entries=[("a", 6), ("b", -6)], note="n")
    with pytest.raises(ValueError, match="y"):
        services.post(key="y", entries=[("a", 6), ("b", -5)], note="n")


def test_production_knows_no_sandbox(order, settings):
    settings.PRODUCTION = True
    with pytest.raises(ProviderUnknown):
        begin(order)


def test_a_payment_of_several_bills_reaches_each(merchant, clock):
    order = open_order(merchant, 600, 400, 50)
    pay(order)
    assert [kiosk.paid_by(n) for n in (1, 2, 3)] == [order.number] * 3
    entries = selectors.entries_of(merchant.pk)
    assert sorted(entry.amount_fen for entry in entries) == [-600, -400, -50]


def test_one_bill_of_several_was_paid_meanwhile_and_its_part_goes_back(merchant, clock):
    order = open_order(merchant, 600, 400)
    attempt = begin(order)
    pay(services.open_order(items=[(kiosk.NAME, 2)], actor=TEST))
    payer_pays(attempt)
    tell(attempt)
    assert [item.state for item in order.items.order_by("subject_id")] == ["settled", "unneeded"]
    assert Refund.objects.get().amount_fen == 400
    assert CREDIT not in books()  # already promised back
    assert books()[REFUNDS] == -400


def test_a_great_payment_that_comes_twice_goes_back_whole(merchant, clock):
    order = open_order(merchant, 3_000_000_000, 4_000_000_000)
    first, second = (
        begin(order),
        services.begin_attempt(
            order_id=order.pk, provider="sandbox", return_url="/", actor="owner", way=Way.CODE
        ),
    )
    for attempt in (first, second):
        payer_pays(attempt)
        assert tell(attempt).status == 204
    for refund in Refund.objects.all():
        services.carry_out_refund(refund.pk)

    assert [refund.amount_fen for refund in Refund.objects.all()] == [7_000_000_000]
    assert books() == {
        "provider:sandbox": 7_000_000_000,
        merchant_account(merchant.pk): -7_000_000_000,
    }


def test_more_than_one_payment_may_be_opens_no_order_and_charges_nobody(merchant, clock):
    with pytest.raises(Refused, match="too_much_at_once"):
        open_order(merchant, 9_000_000_000, 1_000_000_001)
    assert not Order.objects.exists()
    assert open_order(merchant, 9_000_000_000, 1_000_000_000).amount_fen == 10**10


def test_a_bill_that_grew_beyond_one_payment_is_refused_at_the_cashiers_page(
    order, merchant, anonymous
):
    kiosk.owe(1, 10**10 + 1, merchant.pk)
    page = anonymous.post(
        f"/o/{order.token}/", {"provider": "sandbox"}, headers={"accept-language": "en"}
    )
    assert page.status_code == 409
    assert "Nothing was charged" in page.content.decode()
    assert not Attempt.objects.exists()


def test_an_amount_of_hundreds_of_digits_in_a_notification_is_a_problem_for_a_person(order):
    attempt = begin(order)
    trade = payer_pays(attempt)
    trade.amount_fen = 10**400
    _url, headers, body = sandbox.notification(trade)

    assert services.receive_notification("sandbox", headers, body).status == 500
    attempt.refresh_from_db()
    assert attempt.state == "pending"
    assert attempt.problem.startswith("amount differs: 1000")
    assert bytes(Notification.objects.get().raw) == body


def test_a_payment_is_under_way_until_its_outcome_is_known(order, merchant):
    kiosk.owe(2, 400, merchant.pk)
    things = [(kiosk.NAME, 1), (kiosk.NAME, 2)]
    assert selectors.under_way(things) == set()  # an order alone is no payment
    attempt = begin(order)
    for state in ("created", "pending", "unknown"):
        Attempt.objects.filter(pk=attempt.pk).update(state=state)
        assert selectors.under_way(things) == {(kiosk.NAME, 1)}
    for state in ("failed", "closed"):
        Attempt.objects.filter(pk=attempt.pk).update(state=state)
        assert selectors.under_way(things) == set()
    assert selectors.under_way([]) == set()


def test_a_provider_that_does_not_answer_for_long_is_an_outage_until_it_does(order, monkeypatch):
    attempt = begin(order)
    services.query_attempt(attempt.pk)
    query = sandbox.SandboxClient.query

    def away(*_args):
        raise ProviderUnclear("timed out")

    monkeypatch.setattr(sandbox.SandboxClient, "query", away)
    services.query_attempt(attempt.pk)
    Pulse.objects.update(failing_real_since=business_clock.real() - outages.FAILS_FOR)
    Pulse.objects.update(failing_since=business_clock.now() - outages.FAILS_FOR)
    services.query_attempt(attempt.pk)
    assert [one.what for one in outages.running()] == ["provider:sandbox"]
    monkeypatch.setattr(sandbox.SandboxClient, "query", query)
    services.query_attempt(attempt.pk)
    assert outages.running() == []

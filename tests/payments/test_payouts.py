"""Payouts: every fen of the books is in exactly one, or still waits."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from accounts.models import Merchant, User
from core import clock as business_clock
from core.calendar import city_date
from core.errors import Invalid, Missing
from payments import selectors, services
from payments.errors import (
    AnotherApproves,
    NoPayee,
    NoPayoutTerms,
    PayoutMoved,
    PayoutTooSmall,
    PayoutWaits,
)
from payments.models import (
    Attempt,
    BillDay,
    BillDifference,
    BillEntry,
    LedgerEntry,
    Order,
    Payee,
    Payout,
    PayoutLine,
    PayoutTerms,
)
from payments.rules import merchant_account, payout_accounts
from tests.payments.conftest import TEST, books, open_order, pay
from tests.trail import said

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=400)


def agree(merchant: Merchant, **said: Any) -> PayoutTerms:
    facts = {"least_fen": 1, "why": "x", "said_by": TEST} | said
    facts.setdefault("valid_from", business_clock.now() - LONG_AGO)
    return PayoutTerms.objects.create(merchant=merchant, **facts)


def payee(merchant: Merchant) -> Payee:
    return services.say_payee(
        merchant_id=merchant.pk,
        holder="津门停车",
        number="6222 0202 0001 2345",
        bank="ICBC",
        bank_code="102100099996",
        why="x",
        actor=TEST,
    )


def paid(merchant: Merchant, *fen: int) -> Order:
    order = open_order(merchant, *fen)
    pay(order)
    return order


def draw(merchant: Merchant, actor: str = TEST) -> Payout:
    return services.draw_payout(merchant_id=merchant.pk, actor=actor)


def approved(merchant: Merchant, actor: str = "system:another") -> Payout:
    return services.approve_payout(payout_id=draw(merchant).pk, actor=actor)


def back(order: Order, fen: int) -> None:
    item = order.items.get()
    services.refund(item_id=item.pk, amount_fen=fen, reason="x", actor=TEST, key=f"b{item.pk}")


def everything_is_somewhere(merchant: Merchant) -> None:
    """Every entry of the merchant's accounts is in one payout or waits; the sums are the books'."""
    rows = LedgerEntry.objects.filter(account__in=payout_accounts(merchant.pk))
    in_one = rows.exclude(payout_line=None)
    kept = Payout.objects.filter(merchant=merchant)
    assert -sum(in_one.values_list("amount_fen", flat=True)) == sum(
        one.earned_fen - one.cash_fen for one in kept
    )
    settled = kept.exclude(state__in=["drawn", "dropped"])
    owed = -sum(rows.values_list("amount_fen", flat=True))
    assert selectors.owed_fen(merchant.pk) == owed - sum(
        one.earned_fen - one.cash_fen for one in settled
    )
    books()


def test_a_payout_settles_what_was_earned_and_stands_in_the_books(
    merchant: Merchant, clock: Any
) -> None:
    agree(merchant, share_bp=500, hold_bp=1000, hold_days=7)
    payee(merchant)
    paid(merchant, 10_000, 2_000)
    with pytest.raises(PayoutTooSmall):  # today is not over
        draw(merchant)
    clock.advance(timedelta(days=1))
    row = draw(merchant)
    assert (row.earned_fen, row.share_fen, row.held_fen, row.net_fen) == (
        12_000,
        600,
        1_200,
        10_200,
    )
    assert row.lines_count == 2
    assert row.held_until == city_date(business_clock.now()) + timedelta(days=7)
    assert said(row) == [("drawn", TEST, "", {"net_fen": 10_200, "lines": 2})]
    assert books() == {"provider:sandbox": 12_000, merchant_account(merchant.pk): -12_000}
    services.approve_payout(payout_id=row.pk, actor="system:another")
    assert books() == {
        "provider:sandbox": 12_000,
        merchant_account(merchant.pk): -12_000,
        f"settled:{merchant.pk}": 12_000,
        "share": -600,
        f"holdback:{merchant.pk}": -1_200,
        "payouts:pending": -10_200,
    }
    assert (selectors.owed_fen(merchant.pk), selectors.held_fen(merchant.pk)) == (0, 1_200)
    everything_is_somewhere(merchant)


def test_a_refund_after_a_payout_comes_out_of_the_next(merchant: Merchant, clock: Any) -> None:
    agree(merchant, share_bp=500)
    payee(merchant)
    first = paid(merchant, 10_000)
    clock.advance(timedelta(days=1))
    assert approved(merchant).net_fen == 9_500
    back(first, 4_000)
    paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    with pytest.raises(PayoutTooSmall) as less:  # the merchant owes; it is carried on
        draw(merchant)
    assert less.value.facts["net_fen"] == -2_850
    assert PayoutLine.objects.count() == 1
    paid(merchant, 20_000)
    clock.advance(timedelta(days=1))
    row = approved(merchant)
    assert (row.earned_fen, row.share_fen, row.net_fen) == (17_000, 850, 16_150)
    everything_is_somewhere(merchant)


def test_what_was_held_back_goes_on_when_its_days_are_over(merchant: Merchant, clock: Any) -> None:
    agree(merchant, hold_fen=1_000, hold_days=2)
    payee(merchant)
    paid(merchant, 5_000)
    clock.advance(timedelta(days=1))
    first = approved(merchant)
    assert first.net_fen == 4_000
    paid(merchant, 5_000)
    clock.advance(timedelta(days=1))
    assert (draw(merchant).released_fen, PayoutLine.objects.count()) == (0, 2)
    drawn = Payout.objects.get(state="drawn")
    services.drop_payout(payout_id=drawn.pk, why="not yet", actor=TEST)
    clock.advance(timedelta(days=1))
    second = approved(merchant)
    assert (second.released_fen, second.held_fen, second.net_fen) == (1_000, 1_000, 5_000)
    first.refresh_from_db()
    assert first.released_in == second
    assert selectors.held_fen(merchant.pk) == 1_000
    clock.advance(timedelta(days=2))
    last = approved(merchant)  # of the holdback alone
    assert (last.lines_count, last.net_fen, selectors.held_fen(merchant.pk)) == (0, 1_000, 0)


def test_cash_in_the_merchants_drawers_is_settled_with_its_share(
    merchant: Merchant, clock: Any, cashier: User
) -> None:
    agree(merchant, share_bp=1000)
    payee(merchant)
    order = open_order(merchant, 1_000)
    services.pay_at_counter(order.pk, cashier.actor, merchant_id=merchant.pk)
    paid(merchant, 3_000)
    clock.advance(timedelta(days=1))
    row = approved(merchant)
    assert (row.earned_fen, row.cash_fen, row.share_fen, row.net_fen) == (4_000, 1_000, 400, 2_600)
    assert selectors.cash_fen(merchant.pk) == 1_000  # it still lies there
    everything_is_somewhere(merchant)


def test_each_payment_is_shared_by_the_agreement_of_its_day(merchant: Merchant, clock: Any) -> None:
    agree(merchant, share_bp=1000)
    payee(merchant)
    first = paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    agree(merchant, share_bp=2000, valid_from=business_clock.now())
    paid(merchant, 3_000)
    back(first, 500)  # its share goes back as it was taken
    clock.advance(timedelta(days=1))
    row = draw(merchant)
    assert row.share_fen == 100 + 600 - 50


@pytest.fixture
def billed(monkeypatch: Any) -> None:
    """The sandbox makes bills, too."""
    pairs = [("sandbox", "1")]
    monkeypatch.setattr("payments.providers.with_bills", lambda: pairs)


def day_of(order: Order, **facts: Any) -> BillDay:
    attempt = Attempt.objects.get(order=order, state="paid")
    assert attempt.paid_at
    made, _new = BillDay.objects.get_or_create(
        provider="sandbox",
        billed="1",
        day=city_date(attempt.paid_at),
        defaults={"state": "matched"},
    )
    return made


def close(day: BillDay, person: User) -> None:
    BillDay.objects.filter(pk=day.pk).update(
        state="closed", closed_at=business_clock.now(), closed_by=person
    )


def test_only_closed_days_are_paid_out_with_the_fee_of_the_bill(
    merchant: Merchant, clock: Any, merchant_user: User, billed: None
) -> None:
    agree(merchant)
    payee(merchant)
    order = paid(merchant, 10_000)
    attempt = Attempt.objects.get(order=order)
    clock.advance(timedelta(days=2))
    with pytest.raises(PayoutTooSmall):  # nobody has its bill
        draw(merchant)
    day = day_of(order)
    BillEntry.objects.create(
        bill_day=day,
        kind="payment",
        number=attempt.out_trade_no,
        amount_fen=10_000,
        fee_mils=60_000,
        at=attempt.paid_at,
        told="",
    )
    with pytest.raises(PayoutTooSmall):  # matched, but not closed
        draw(merchant)
    close(day, merchant_user)
    back(order, 5_000)
    clock.advance(timedelta(days=1))
    row = draw(merchant)
    assert (row.earned_fen, row.fees_fen, row.net_fen) == (5_000, 30, 4_970)


def test_what_somebody_has_to_look_into_waits(
    merchant: Merchant, clock: Any, merchant_user: User, billed: None
) -> None:
    agree(merchant)
    order = paid(merchant, 10_000)
    day = day_of(order)
    close(day, merchant_user)
    clock.advance(timedelta(days=1))
    gap = BillDifference.objects.create(
        bill_day=day,
        gap="amount",
        number="x",
        late=True,
        attempt=Attempt.objects.get(order=order),
        found_at=business_clock.now(),
    )
    assert selectors.payable_fen(merchant.pk) == 0
    BillDifference.objects.filter(pk=gap.pk).update(
        state="answered", owner=merchant_user, answer="x", answered_at=business_clock.now()
    )
    assert selectors.payable_fen(merchant.pk) == 10_000


def test_a_payout_is_drawn_up_once_and_approved_by_another(
    merchant: Merchant, clock: Any, merchant_user: User, cashier: User
) -> None:
    with pytest.raises(NoPayoutTerms):
        draw(merchant)
    agree(merchant)
    paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    with pytest.raises(Invalid):
        services.draw_payout(merchant_id=merchant.pk, until=date(2099, 1, 1), actor=TEST)
    row = draw(merchant, merchant_user.actor)
    with pytest.raises(PayoutWaits):
        draw(merchant, merchant_user.actor)
    with pytest.raises(AnotherApproves):
        services.approve_payout(payout_id=row.pk, actor=merchant_user.actor)
    with pytest.raises(NoPayee):
        services.approve_payout(payout_id=row.pk, actor=cashier.actor)
    payee(merchant)
    services.approve_payout(payout_id=row.pk, actor=cashier.actor)
    services.approve_payout(payout_id=row.pk, actor=cashier.actor)  # said twice
    with pytest.raises(PayoutMoved):
        services.drop_payout(payout_id=row.pk, why="x", actor=TEST)
    with pytest.raises(Missing):
        services.approve_payout(payout_id=0, actor=TEST)
    for change in (
        lambda: PayoutLine.objects.all().delete(),
        lambda: Payout.objects.update(net_fen=1, earned_fen=1),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_a_dropped_payout_leaves_its_lines_to_the_next(merchant: Merchant, clock: Any) -> None:
    agree(merchant)
    paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    row = draw(merchant)
    with pytest.raises(Invalid):
        services.drop_payout(payout_id=row.pk, why=" ", actor=TEST)
    services.drop_payout(payout_id=row.pk, why="wrong day", actor=TEST)
    assert draw(merchant).net_fen == 1_000


def test_what_failed_or_came_back_is_sent_under_another_number(
    merchant: Merchant, clock: Any
) -> None:
    agree(merchant)
    payee(merchant)
    paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    row = approved(merchant)
    number = row.out_no
    services.send_payouts(payout_ids=[row.pk], actor=TEST)
    with pytest.raises(Invalid):  # in one file at a time
        services.send_payouts(payout_ids=[row.pk], actor=TEST)
    with pytest.raises(Invalid):
        services.fail_payout(payout_id=row.pk, why="", actor=TEST)
    services.fail_payout(payout_id=row.pk, why="no such account", actor=TEST)
    services.fail_payout(payout_id=row.pk, why="no such account", actor=TEST)  # said twice
    with pytest.raises(PayoutMoved):
        services.confirm_payout(payout_id=row.pk, bank_no="1", actor=TEST)
    assert books()["payouts:pending"] == -1_000
    row = services.send_payout_again(payout_id=row.pk, actor=TEST)
    assert row.out_no != number
    with pytest.raises(PayoutMoved):
        services.send_payout_again(payout_id=row.pk, actor=TEST)
    services.send_payouts(payout_ids=[row.pk], actor=TEST)
    for _twice in range(2):
        services.confirm_payout(payout_id=row.pk, bank_no="42", actor=TEST)
    assert books()["bank"] == -1_000 and "payouts:pending" not in books()
    services.fail_payout(payout_id=row.pk, why="account closed", actor=TEST)
    assert books()["payouts:pending"] == -1_000 and "bank" not in books()
    services.send_payout_again(payout_id=row.pk, actor=TEST)
    services.send_payouts(payout_ids=[row.pk], actor=TEST)
    services.confirm_payout(payout_id=row.pk, bank_no="43", actor=TEST)
    assert books()["bank"] == -1_000


def test_the_nightly_job_draws_up_on_the_agreed_weekday(merchant: Merchant, clock: Any) -> None:
    paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    today = city_date(business_clock.now()).weekday()
    terms = agree(merchant, weekday=(today + 1) % 7)
    assert services.draw_due() == 0
    PayoutTerms.objects.filter(pk=terms.pk).update(weekday=today)
    assert services.draw_due() == 1
    assert services.draw_due() == 0
    assert Payout.objects.get().drawn_by == "system:payments.payouts"


def test_an_account_is_sealed_and_read_for_a_reason(merchant: Merchant) -> None:
    row = payee(merchant)
    assert "6222" not in f"{row.number_sealed}{row.holder_sealed}{row}" and row.tail == "2345"
    with pytest.raises(Invalid):
        services.reveal_payee(payee_id=row.pk, why=" ", actor=TEST)
    found = services.reveal_payee(payee_id=row.pk, why="the bank asks", actor=TEST)
    assert found == ("津门停车", "6222020200012345")
    assert said(row)[-1] == ("read whole", TEST, "the bank asks", {})
    for wrong in ({"number": "12"}, {"bank_code": "1"}):
        facts = {"holder": "x", "number": "62220202000123", "bank": "x", "bank_code": ""} | wrong
        with pytest.raises(Invalid):
            services.say_payee(merchant_id=merchant.pk, why="x", actor=TEST, **facts)
    with pytest.raises(Missing):
        services.reveal_payee(payee_id=0, why="x", actor=TEST)

"""Money on its way back: which provider is asked for it, when again, and who is to look."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock as business_clock
from core.errors import Missing
from payments import selectors, services, tasks
from payments.errors import OtherMerchants
from payments.models import LedgerEntry, Order, Refund
from payments.providers.base import RefundSays, Way
from payments.providers.sandbox import client as sandbox
from payments.services.refunds import _mark_refund
from tests.payments.conftest import TEST, books, moved, open_order, pay, payer_pays, tell

pytestmark = pytest.mark.django_db


def back(order: Order, fen: int = 200, *, reason: str = "unused", key: str = "k") -> Refund:
    item = order.items.get()
    return services.refund(item_id=item.pk, amount_fen=fen, reason=reason, actor=TEST, key=key)


@pytest.fixture
def refund(order: Order) -> Refund:
    pay(order)
    return back(order)


# ── Promised ────────────────────────────────────────────────────────────────────────────────────
def test_what_goes_back_is_explained_by_the_bill_it_was_paid_for(refund: Refund) -> None:
    sides = LedgerEntry.objects.filter(transfer__key=f"refund:{refund.pk}")
    assert sorted(sides.values_list("amount_fen", "order_item_id")) == [
        (-200, None),
        (200, refund.order_item_id),
    ]


def test_a_long_reason_is_cut_where_it_is_kept(order: Order) -> None:
    pay(order)
    assert back(order, reason="x" * 201).reason == "x" * 200


def test_what_was_paid_twice_goes_back_of_the_payment_that_counted(order: Order) -> None:
    code = services.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="/", actor="owner", way=Way.CODE
    )
    first = pay(order)
    payer_pays(code)
    tell(code)
    assert back(order).attempt == first


def test_a_provider_is_asked_at_once_and_cash_is_not_asked_of_anybody(
    merchant: Any, clock: Any
) -> None:
    order = open_order(merchant, 600)
    services.pay_at_counter(order.pk, TEST)
    cash = back(order)
    assert (cash.next_look_at, cash.person_since, cash.counter_id) == (
        None,
        clock.now(),
        merchant.pk,
    )
    assert tasks.look_at_refunds() == 0
    another = open_order(merchant, 500)
    pay(another)
    row = back(another, key="another")
    assert (row.person_since, row.counter_id) == (None, None)
    assert tasks.look_at_refunds() == 1


# ── Asked ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("state", "asked"), [("asked", "refund"), ("sent", "query"), ("done", ""), ("failed", "")]
)
def test_a_provider_is_asked_for_what_is_promised_and_how_stands_what_was_sent(
    refund: Refund, monkeypatch: Any, state: str, asked: str
) -> None:
    said: list[str] = []

    def hear(word: str) -> Any:
        def answer(_client: Any, _asked: Any) -> RefundSays:
            said.append(word)
            return RefundSays(state="sent")

        return answer

    monkeypatch.setattr(sandbox.SandboxClient, "refund", hear("refund"))
    monkeypatch.setattr(sandbox.SandboxClient, "query_refund", hear("query"))
    Refund.objects.update(state=state)
    assert services.carry_out_refund(refund.pk) == (state if not asked else "sent")
    assert said == ([asked] if asked else [])


@pytest.mark.parametrize(
    ("says", "looks", "wait_s"),
    [
        ("unclear", 0, 5),
        ("sent", 0, 60),
        ("unclear", 5, 60),
        ("sent", 6, 120),
        ("sent", 10, 3600),
        ("unclear", 10, 3600),
    ],
)
def test_what_was_sent_is_asked_about_each_minute_at_most(
    refund: Refund, says: Any, looks: int, wait_s: int
) -> None:
    Refund.objects.update(looks=looks)
    refund.refresh_from_db()
    began = business_clock.real()
    _mark_refund(refund, RefundSays(state=says, problem="x" * 301))
    assert (refund.looks, refund.problem) == (looks + 1, "x" * 300)
    assert refund.next_look_at is not None
    wait = timedelta(seconds=wait_s)
    assert began + wait <= refund.next_look_at <= business_clock.real() + wait


@pytest.mark.parametrize(("old", "waits"), [(timedelta(0), False), (timedelta(seconds=1), True)])
@pytest.mark.parametrize("says", ["sent", "unclear"])
def test_what_is_not_back_after_three_days_waits_for_a_person(
    refund: Refund, clock: Any, says: Any, old: timedelta, waits: bool
) -> None:
    clock.advance(timedelta(days=3) + old)
    since = clock.now()
    for _time in range(2):
        _mark_refund(refund, RefundSays(state=says))
        if not waits:
            break
        clock.advance(timedelta(hours=1))
    assert [one.since for one in selectors.waiting()] == [since] * waits


def test_no_clear_answer_is_no_reason_for_a_person_yet(refund: Refund) -> None:
    _mark_refund(refund, RefundSays(state="unclear", problem="no answer"))
    assert (refund.state, selectors.waiting()) == ("asked", [])
    for _time in range(2):
        _mark_refund(refund, RefundSays(state="sent"))
    assert (refund.state, moved(Refund, "sent"), refund.looks) == ("sent", 1, 3)


@pytest.mark.parametrize("says", ["sent", "unclear", "failed"])
def test_what_is_back_stays_so_whatever_an_older_question_hears(refund: Refund, says: Any) -> None:
    other = back(refund.attempt.order, 100, key="other")
    later = business_clock.real() + timedelta(hours=1)
    Refund.objects.filter(pk=other.pk).update(next_look_at=later)
    older = Refund.objects.get(pk=refund.pk)
    services.carry_out_refund(refund.pk)
    assert _mark_refund(older, RefundSays(state=says, problem="late")) == "done"
    refund.refresh_from_db()
    other.refresh_from_db()
    assert (refund.problem, refund.next_look_at, refund.looks) == ("", None, 0)
    assert (other.problem, other.next_look_at, other.looks) == ("", later, 0)


@pytest.mark.parametrize("state", ["asked", "sent"])
def test_a_refund_may_be_back_or_refused_from_wherever_it_stood(order: Order, state: str) -> None:
    pay(order)
    rows = [back(order, 100, key=key) for key in ("a", "b")]
    Refund.objects.update(state=state)
    for row, says in zip(rows, ("done", "failed"), strict=True):
        row.refresh_from_db()
        _mark_refund(row, RefundSays(state=says, provider_no="4" * 65, problem="x" * 301))  # type: ignore[arg-type]
    done, failed = rows
    assert (done.state, done.provider_no, done.problem) == ("done", "4" * 64, "")
    assert (failed.state, failed.problem) == ("failed", "x" * 300)
    assert (done.next_look_at, failed.next_look_at) == (None, None)
    assert [one.number for one in selectors.waiting()] == [failed.out_refund_no]
    assert books()["refunds:pending"] == -100


def test_a_refund_that_is_asked_for_again_is_asked_for_as_quickly_as_at_first(
    refund: Refund,
) -> None:
    Refund.objects.update(state="failed", looks=9, next_look_at=None, problem="no")
    assert tasks.look_at_refunds() == 0
    services.ask_again(refund.pk, actor="user:1")
    refund.refresh_from_db()
    assert (refund.looks, refund.problem) == (0, "")
    assert tasks.look_at_refunds() == 1


# ── By hand ─────────────────────────────────────────────────────────────────────────────────────
def test_cash_is_handed_back_at_the_counter_that_took_it(
    merchant: Any, other_merchant: Any, clock: Any
) -> None:
    order = open_order(merchant, 600)
    services.pay_at_counter(order.pk, TEST)
    cash = back(order)
    with pytest.raises(OtherMerchants):
        services.hand_back(cash.pk, merchant_id=other_merchant.pk, actor=TEST)
    with pytest.raises(Missing):
        services.hand_back(cash.pk + 1, merchant_id=merchant.pk, actor=TEST)
    assert books()[f"counter:{merchant.pk}"] == 600
    assert services.hand_back(cash.pk, merchant_id=merchant.pk, actor=TEST)
    assert books()[f"counter:{merchant.pk}"] == 400

"""One try to pay: when it is used again, how long it may be unclear, and what may come of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from core import clock as business_clock
from core.errors import Refused
from payments import selectors, services
from payments.errors import OtherMerchants, ProviderAway, ProviderUnknown
from payments.models import Attempt, Order
from payments.providers.base import Outcome, ProviderRefused, ProviderUnclear, Way
from payments.providers.sandbox import client as sandbox
from payments.services.attempts import look_at_attempt
from tests.payments import kiosk
from tests.payments.conftest import TEST, begin, books, open_order, payer_pays, tell

pytestmark = pytest.mark.django_db


def ago(**how_long: float) -> datetime:
    return business_clock.real() - timedelta(**how_long)


# ── Begun ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("facts", "same"),
    [
        ({}, True),
        ({"state": "created"}, False),
        ({"state": "unknown"}, False),
        ({"provider": "alipay"}, False),
        ({"account": "another"}, False),
        ({"pay_url": "", "qr": "a code"}, False),
    ],
)
def test_an_attempt_is_used_again_while_it_waits_the_same_way(
    order: Order, facts: dict[str, str], same: bool
) -> None:
    attempt = begin(order)
    Attempt.objects.update(**facts)
    assert (begin(order).pk == attempt.pk) == same


@pytest.mark.parametrize(("left_s", "same"), [(75, True), (60, False)])
def test_an_attempt_is_used_again_while_a_minute_is_left_to_pay_it(
    order: Order, left_s: int, same: bool
) -> None:
    attempt = begin(order)
    Attempt.objects.update(expires_at=ago(seconds=-left_s))
    assert (begin(order).pk == attempt.pk) == same


def test_a_way_that_a_provider_has_not_is_refused_before_anything_is_written(order: Order) -> None:
    with pytest.raises(ProviderUnknown):
        services.begin_attempt(
            order_id=order.pk, provider="sandbox", return_url="/", actor="owner", way=Way.SHEET
        )
    assert not Attempt.objects.exists()


@pytest.mark.parametrize(
    ("error", "state"), [(ProviderRefused, "failed"), (ProviderUnclear, "unknown")]
)
def test_why_a_provider_did_not_begin_is_kept_as_far_as_there_is_room(
    order: Order, monkeypatch: Any, error: type[Exception], state: str
) -> None:
    def away(*_args: Any) -> Any:
        raise error("x" * 301)

    monkeypatch.setattr(sandbox.SandboxClient, "begin", away)
    with pytest.raises(ProviderAway):
        begin(order)
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.problem) == (state, "x" * 300)
    assert (attempt.next_look_at is None) == (state == "failed")


def test_who_has_paid_before_we_noted_where_to_is_led_to_the_receipt(
    order: Order, anonymous: Any, monkeypatch: Any
) -> None:
    begin_for_real = sandbox.SandboxClient.begin

    @transaction.atomic  # as the provider's own
    def begin_and_be_paid(self: Any, asked: Any) -> Any:
        begun = begin_for_real(self, asked)
        attempt = Attempt.objects.get()
        payer_pays(attempt)
        assert tell(attempt).status == 204
        return begun

    monkeypatch.setattr(sandbox.SandboxClient, "begin", begin_and_be_paid)
    answer = anonymous.post(f"/o/{order.token}/", {"provider": "sandbox"}, follow=True)
    assert answer.redirect_chain[-1] == (f"/o/{order.token}/done/", 302)
    assert (Attempt.objects.get().state, Attempt.objects.get().pay_url) == ("paid", "")


def test_a_provider_is_asked_half_a_minute_after_the_payer_went_there(order: Order) -> None:
    attempt = begin(order)
    assert attempt.next_look_at is not None
    assert attempt.next_look_at - attempt.created_at == timedelta(seconds=30)
    assert attempt.expires_at - attempt.created_at == timedelta(minutes=15)
    assert attempt.browser == ""


# ── Asked about ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("left_s", "state"), [(5, "pending"), (0, "closed")])
def test_a_payer_has_until_the_attempt_is_over(order: Order, left_s: int, state: str) -> None:
    attempt = begin(order)
    Attempt.objects.update(expires_at=ago(seconds=-left_s))
    assert services.query_attempt(attempt.pk) == state
    trade = sandbox.SandboxClient().query(attempt.out_trade_no)
    assert trade.state == state


def test_while_an_order_is_open_nobody_s_trade_is_closed(order: Order) -> None:
    attempt = begin(order)
    assert services.query_attempt(attempt.pk) == "pending"
    payer_pays(attempt)
    assert services.query_attempt(attempt.pk) == "paid"


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"state": "created", "created_at": 115}, "created"),
        ({"state": "created", "created_at": 120}, "closed"),
        ({"state": "unknown", "created_at": 115}, "unknown"),
        ({"state": "unknown", "created_at": 120}, "closed"),
        ({"state": "pending", "created_at": 9999, "expires_at": 115}, "pending"),
        ({"state": "pending", "created_at": 9999, "expires_at": 120}, "closed"),
    ],
)
def test_a_number_that_nobody_heard_of_is_given_two_minutes_to_arrive(
    order: Order, facts: dict[str, Any], state: str
) -> None:
    """Counted from when it was begun, and of one that may be opened later from its end."""
    attempt = begin(order)
    moments = {name: ago(seconds=value) for name, value in facts.items() if name != "state"}
    Attempt.objects.update(**{**facts, **moments})
    attempt.refresh_from_db()
    look_at_attempt(attempt, Outcome(state="absent"))
    attempt.refresh_from_db()
    assert attempt.state == state


@pytest.mark.parametrize(("old_s", "waits"), [(1795, False), (1800, True)])
@pytest.mark.parametrize("error", [ProviderRefused, ProviderUnclear])
def test_what_nobody_knows_for_half_an_hour_waits_for_a_person(
    order: Order, monkeypatch: Any, clock: Any, error: type[Exception], old_s: int, waits: bool
) -> None:
    def away(*_args: Any) -> Any:
        raise error("x" * 301)

    attempt = begin(order)
    other = services.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="/", actor="owner", way=Way.CODE
    )
    monkeypatch.setattr(sandbox.SandboxClient, "query", away)
    Attempt.objects.update(created_at=ago(seconds=old_s))
    since = clock.now()
    for _time in range(2):
        assert services.query_attempt(attempt.pk) == "pending"
        clock.advance(timedelta(minutes=1))
    attempt.refresh_from_db()
    other.refresh_from_db()
    assert (attempt.problem, other.problem) == ("x" * 300, "")
    assert [one.since for one in selectors.waiting()] == [since] * waits


def test_what_is_over_waits_for_nobody_when_its_provider_is_away(
    order: Order, monkeypatch: Any
) -> None:
    def away(*_args: Any) -> Any:
        raise ProviderUnclear("no answer")

    attempt = begin(order)
    Attempt.objects.update(created_at=ago(hours=1), state="closed", next_look_at=None)
    monkeypatch.setattr(sandbox.SandboxClient, "query", away)
    assert services.query_attempt(attempt.pk) == "closed"
    attempt.refresh_from_db()
    assert (attempt.problem, selectors.waiting()) == ("", [])


@pytest.mark.parametrize("state", ["created", "pending", "unknown"])
@pytest.mark.parametrize("said", ["failed", "closed"])
def test_what_a_provider_ended_is_over_from_wherever_it_stood(
    order: Order, state: str, said: Any
) -> None:
    attempt = begin(order)
    since = business_clock.now()
    Attempt.objects.update(state=state, person_since=since)
    attempt.refresh_from_db()
    assert look_at_attempt(attempt, Outcome(state=said))
    attempt.refresh_from_db()
    assert (attempt.state, attempt.next_look_at, attempt.person_since) == (said, None, None)
    assert not look_at_attempt(attempt, Outcome(state=said))
    assert not look_at_attempt(attempt, Outcome(state="pending"))


# ── Paid ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", ["created", "pending", "unknown", "failed", "closed"])
def test_money_counts_whatever_we_thought_of_the_try(
    order: Order, merchant: Any, state: str
) -> None:
    attempt = begin(order)
    payer_pays(attempt)
    Attempt.objects.update(state=state, person_since=business_clock.now(), problem="no answer")
    assert tell(attempt).status == 204
    attempt.refresh_from_db()
    assert (attempt.state, attempt.next_look_at, attempt.problem) == ("paid", None, "")
    assert (kiosk.paid_by(1), selectors.waiting()) == (order.number, [])
    assert books() == {"provider:sandbox": 600, f"merchant:{merchant.pk}": -600}


@pytest.mark.parametrize(
    ("fen", "kept_fen"),
    [(None, None), (0, None), (-1, None), (1, 1), (10**10, 10**10), (10**10 + 1, None)],
)
def test_what_no_payment_can_be_is_not_taken_by_hand(
    order: Order, fen: int | None, kept_fen: int | None
) -> None:
    attempt = begin(order)
    assert not look_at_attempt(attempt, Outcome(state="paid", amount_fen=fen, provider_no="4" * 65))
    attempt.refresh_from_db()
    assert (attempt.reported_fen, attempt.provider_no) == (kept_fen, "4" * 64)
    assert len(selectors.waiting()) == 1
    if kept_fen is None:
        with pytest.raises(Refused):
            services.accept_reported(attempt_id=attempt.pk, actor=TEST)
        assert books() == {}
    else:
        assert services.accept_reported(attempt_id=attempt.pk, actor=TEST)
        with pytest.raises(Refused):
            services.accept_reported(attempt_id=attempt.pk, actor=TEST)
        assert books()["provider:sandbox"] == kept_fen


def test_another_amount_was_paid_when_its_provider_says(order: Order, clock: Any) -> None:
    attempt = begin(order)
    paid_at = ago(minutes=10)
    look_at_attempt(attempt, Outcome(state="paid", amount_fen=700, paid_at=paid_at))
    clock.advance(timedelta(hours=2))
    services.accept_reported(attempt_id=attempt.pk, actor="user:1")
    attempt.refresh_from_db()
    order.refresh_from_db()
    assert attempt.paid_at == paid_at
    assert clock.now() - order.paid_at >= timedelta(minutes=10)


def test_where_a_provider_says_no_time_it_was_paid_when_we_heard(order: Order, clock: Any) -> None:
    began = business_clock.real()
    look_at_attempt(begin(order), Outcome(state="paid", amount_fen=600))
    attempt = Attempt.objects.get()
    assert attempt.paid_at is not None
    assert began <= attempt.paid_at <= business_clock.real()
    order.refresh_from_db()
    assert order.paid_at == clock.now()


# ── At a counter ────────────────────────────────────────────────────────────────────────────────
def test_cash_is_paid_when_it_is_taken(order: Order, clock: Any) -> None:
    began = business_clock.real()
    attempt = services.pay_at_counter(order.pk, TEST)
    assert (attempt.state, attempt.provider_no) == ("paid", "")
    assert attempt.paid_at is not None
    assert began <= attempt.paid_at <= business_clock.real()
    order.refresh_from_db()
    assert (order.state, order.paid_at) == ("paid", clock.now())


@pytest.mark.parametrize("whose", ["nobody's", "the first's", "the second's"])
def test_no_counter_takes_what_two_merchants_ask(
    merchant: Any, other_merchant: Any, clock: Any, whose: str
) -> None:
    cashier_of = {"nobody's": None, "the first's": merchant.pk, "the second's": other_merchant.pk}
    bills = [kiosk.owe(1, 600, merchant.pk), kiosk.owe(2, 400, other_merchant.pk)]
    order = services.open_order(items=bills, actor=TEST)
    with pytest.raises(OtherMerchants):
        services.pay_at_counter(order.pk, TEST, merchant_id=cashier_of[whose])
    assert books() == {}


def test_two_bills_of_one_merchant_are_paid_at_its_counter(merchant: Any, clock: Any) -> None:
    order = open_order(merchant, 600, 400)
    services.pay_at_counter(order.pk, TEST, merchant_id=merchant.pk)
    assert books() == {f"counter:{merchant.pk}": 1000, f"merchant:{merchant.pk}": -1000}

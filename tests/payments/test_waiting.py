"""Money that needs a person stands in one list with its age, until somebody has moved it on."""

from datetime import timedelta
from typing import Any

import pytest

from accounts import services as accounts
from accounts.errors import AwaitsSecondPerson, OwnProposal
from accounts.models import Proposal, User
from config.desk_queues import QUEUES
from core import clock as business_clock
from core.errors import Refused
from payments import selectors, services
from payments.models import Attempt, Order, Refund
from payments.providers.base import Outcome, RefundSays
from payments.services.attempts import look_at_attempt
from payments.services.refunds import _mark_refund
from tests.payments import kiosk
from tests.payments.conftest import TEST, begin, books, open_order, pay
from tests.people import PASSWORD

ENGLISH = {"accept-language": "en"}


def stuck() -> Any:
    """The operator's queue of stuck money as the front page shows it."""
    return next(one for one in QUEUES if str(one.title) in ("Stuck money", "卡住的资金")).now()


@pytest.fixture
def refund(order: Order) -> Refund:
    pay(order)
    item = order.items.get()
    return services.refund(item_id=item.pk, amount_fen=200, reason="unused", actor=TEST, key="u")


def test_a_refund_that_the_provider_calls_abnormal_waits_for_a_person(
    refund: Refund, clock: Any
) -> None:
    began = clock.now()
    for _time in range(3):
        _mark_refund(refund, RefundSays(state="sent", problem="ABNORMAL"))
        clock.advance(timedelta(hours=1))
        refund.refresh_from_db()
    assert refund.state == "sent"
    assert [(one.number, one.since) for one in selectors.waiting()] == [
        (refund.out_refund_no, began)
    ]
    assert (stuck().count, stuck().oldest_at) == (1, began)
    _mark_refund(refund, RefundSays(state="done"))
    assert (selectors.waiting(), stuck().count) == ([], 0)


def test_a_refund_that_is_only_slow_waits_for_a_person_after_three_days(
    refund: Refund, clock: Any
) -> None:
    _mark_refund(refund, RefundSays(state="sent"))
    assert selectors.waiting() == []
    clock.advance(timedelta(days=3, seconds=1))
    refund.refresh_from_db()
    _mark_refund(refund, RefundSays(state="sent"))
    assert len(selectors.waiting()) == 1


def test_a_refused_refund_waits_until_it_is_asked_anew(refund: Refund) -> None:
    _mark_refund(refund, RefundSays(state="failed", problem="closed account"))
    assert [one.problem for one in selectors.waiting()] == ["closed account"]
    services.ask_again(refund.pk, actor="user:1")
    assert selectors.waiting() == []


def report(attempt: Attempt, fen: int) -> None:
    look_at_attempt(attempt, Outcome(state="paid", amount_fen=fen, provider_no="42"))


@pytest.mark.parametrize(("reported_fen", "kept_fen"), [(1, 0), (599, 0), (601, 600)])
def test_another_amount_waits_and_a_person_takes_it_as_it_came(
    order: Order, merchant: Any, reported_fen: int, kept_fen: int
) -> None:
    attempt = begin(order)
    report(attempt, reported_fen)
    report(attempt, reported_fen)
    (waits,) = selectors.waiting()
    assert (waits.number, waits.amount_fen) == (attempt.out_trade_no, reported_fen)
    assert stuck().count == 1
    assert services.accept_reported(attempt_id=attempt.pk, actor="user:1")
    assert selectors.waiting() == []
    assert books() == {
        "provider:sandbox": reported_fen,
        **({f"merchant:{merchant.pk}": -kept_fen} if kept_fen else {}),
        "refunds:pending": kept_fen - reported_fen,
    }


def test_another_amount_above_the_limit_is_taken_when_a_second_person_agrees(
    order: Order, operator: Any
) -> None:
    second = User.objects.create_superuser(username="second", password=PASSWORD)
    attempt = begin(order)
    report(attempt, 10_001)  # of ¥6.00: what is too much would go out by one person's word
    with pytest.raises(AwaitsSecondPerson):
        services.accept_reported(attempt_id=attempt.pk, actor=operator.actor)
    proposal = Proposal.objects.get()
    assert (proposal.amount_fen, proposal.about) == (10_001, attempt.out_trade_no)
    assert books() == {}
    with pytest.raises(OwnProposal):
        accounts.approve_proposal(proposal_id=proposal.pk, person=operator)
    accounts.approve_proposal(proposal_id=proposal.pk, person=second)
    assert books()["provider:sandbox"] == 10_001


def test_another_amount_still_waits_when_its_trade_is_closed(order: Order) -> None:
    attempt = begin(order)
    report(attempt, 1)
    attempt.refresh_from_db()
    look_at_attempt(attempt, Outcome(state="closed"))
    assert [one.amount_fen for one in selectors.waiting()] == [1]


def test_what_came_as_asked_is_not_taken_by_hand(order: Order) -> None:
    attempt = begin(order)
    with pytest.raises(Refused):
        services.accept_reported(attempt_id=attempt.pk, actor="user:1")


def test_an_outcome_that_nobody_knows_waits_after_half_an_hour(
    order: Order, settings: Any, monkeypatch: Any
) -> None:
    from payments.providers import base
    from payments.providers.sandbox.client import SandboxClient

    def away(*_args: Any) -> Any:
        raise base.ProviderUnclear("no answer")

    attempt = begin(order)
    monkeypatch.setattr(SandboxClient, "query", away)
    services.query_attempt(attempt.pk)
    assert selectors.waiting() == []
    Attempt.objects.update(created_at=business_clock.real() - timedelta(minutes=31))
    services.query_attempt(attempt.pk)
    assert [one.problem for one in selectors.waiting()] == ["no answer"]


def test_cash_to_hand_back_is_its_merchants_and_waits_for_no_operator(
    merchant: Any, other_merchant: Any, clock: Any
) -> None:
    order = open_order(merchant, 600)
    services.pay_at_counter(order.pk, "user:1")
    services.refund(item_id=order.items.get().pk, amount_fen=200, reason="x", actor=TEST, key="x")
    assert [one.owner_id for one in selectors.waiting(merchant.pk)] == [merchant.pk]
    assert selectors.waiting(other_merchant.pk) == []
    assert stuck().count == 0


def test_a_merchant_sees_what_waits_of_the_own_bills_alone(
    order: Order, merchant_client: Any, other_merchant: Any, clock: Any
) -> None:
    attempt = begin(order)
    report(attempt, 1)
    thing = kiosk.owe(9, 700, other_merchant.pk)
    theirs = begin(services.open_order(items=[thing], actor=TEST))
    report(theirs, 1)
    page = merchant_client.get("/merchant/money/", headers=ENGLISH).content.decode()
    assert attempt.out_trade_no in page
    assert theirs.out_trade_no not in page


# ── Pages that lead nowhere ─────────────────────────────────────────────────────────────────────
INSIDE = "Mozilla/5.0 (Linux; Android 14) Mobile Safari/537.36 MicroMessenger/8.0.50 NetType/5G"


def test_inside_wechat_the_page_says_where_it_can_be_paid(
    order: Order, settings: Any, anonymous: Any
) -> None:
    settings.BOWEI_PAYMENTS = {"wechat": {"mchid": "1"}, "alipay": {"appid": "1"}}
    settings.BOWEI_SANDBOX_PAYMENTS = False
    address = f"/o/{order.token}/"
    inside = anonymous.get(address, headers={**ENGLISH, "user-agent": INSIDE}).content.decode()
    assert 'name="provider"' not in inside
    assert "open this page in your browser" in inside
    assert selectors.order_public_url(order) in inside
    outside = anonymous.get(address, headers=ENGLISH).content.decode()
    assert outside.count('name="provider"') == 2
    assert "browser" not in outside


def test_a_counter_shows_no_bills_of_other_merchants(
    merchant: Any, other_merchant: Any, merchant_client: Any, clock: Any
) -> None:
    things = [kiosk.owe(1, 600, merchant.pk), kiosk.owe(2, 700, other_merchant.pk)]
    order = services.open_order(items=things, actor=TEST)
    page = merchant_client.get(f"/merchant/money/take/{order.number}/", headers=ENGLISH)
    text = page.content.decode()
    assert "Kiosk 1" in text
    assert "Kiosk 2" not in text

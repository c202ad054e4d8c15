"""What an order asks for, how long it does, and what of it may be moved or given back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import clock as business_clock
from core.errors import Invalid
from payments import selectors, services, tasks
from payments.errors import AmountChanged, NothingDue, OrderNotOpen, RefundTooLarge
from payments.models import Attempt, Order, Refund
from payments.providers.base import Outcome, Way
from payments.providers.sandbox import client as sandbox
from payments.services.attempts import look_at_attempt
from payments.services.moving import move
from tests.payments import kiosk
from tests.payments.conftest import TEST, begin, books, events, open_order, pay

pytestmark = pytest.mark.django_db


# ── Parts ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("asked_fen", "came_fen"), [(None, None), (700, None), (None, 700)], ids=["all", "part", "less"]
)
def test_what_is_paid_off_hears_whether_it_is_a_part(
    merchant: Any, clock: Any, asked_fen: int | None, came_fen: int | None
) -> None:
    """The payer asked to pay less, or another amount came and was taken as it is."""
    tabs = [kiosk.owe(n, fen, merchant.pk, name=kiosk.TAB) for n, fen in ((1, 600), (2, 400))]
    attempt = begin(services.open_order(items=tabs, actor=TEST, amount_fen=asked_fen))
    if came_fen:
        look_at_attempt(attempt, Outcome(state="paid", amount_fen=came_fen, provider_no="42"))
        services.accept_reported(attempt_id=attempt.pk, actor="user:1")
    else:
        look_at_attempt(attempt, Outcome(state="paid", amount_fen=attempt.amount_fen))
    of_second_fen = 400 if asked_fen is came_fen is None else 100
    assert events("tests.paid_off") == [
        {"subject_id": 1, "amount_fen": 600, "is_part": False},
        {"subject_id": 2, "amount_fen": of_second_fen, "is_part": of_second_fen < 400},
    ]


@pytest.mark.parametrize(("due_fen", "asks_fen"), [(900, 400), (401, 400), (400, 400), (399, 399)])
def test_a_part_is_asked_while_so_much_is_due(
    merchant: Any, clock: Any, due_fen: int, asks_fen: int
) -> None:
    tab = kiosk.owe(1, 600, merchant.pk, name=kiosk.TAB)
    order = services.open_order(items=[tab], actor=TEST, amount_fen=400)
    kiosk.owe(1, due_fen, merchant.pk, name=kiosk.TAB)
    if asks_fen == 400:
        assert begin(order).amount_fen == 400
        assert begin(order).order_id == order.pk
    else:
        with pytest.raises(AmountChanged) as changed:
            begin(order)
        assert selectors.order_by_token(changed.value.token).amount_fen == asks_fen


@pytest.mark.parametrize("amount_fen", [0, -1])
def test_nothing_is_no_amount(merchant: Any, clock: Any, amount_fen: int) -> None:
    order = open_order(merchant, 600)
    pay(order)
    item = order.items.get()
    tab = kiosk.owe(2, 600, merchant.pk, name=kiosk.TAB)
    for act in (_part_of(tab), _refund_of(item), _move_of(item, merchant)):
        with pytest.raises(Invalid, match="bad_amount"):
            act(amount_fen)
    assert (Refund.objects.count(), order.items.count()) == (0, 1)


def test_one_fen_is_an_amount(merchant: Any, clock: Any) -> None:
    order = open_order(merchant, 600)
    pay(order)
    item = order.items.get()
    tab = kiosk.owe(2, 600, merchant.pk, name=kiosk.TAB)
    acts = (_part_of(tab), _refund_of(item), _move_of(item, merchant))
    assert [act(1).amount_fen for act in acts] == [1, 1, 1]


def test_no_more_is_moved_than_is_left(merchant: Any, other_merchant: Any, clock: Any) -> None:
    order = open_order(merchant, 600)
    pay(order)
    item = order.items.get()
    _refund_of(item)(100)
    _move_of(item, other_merchant)(200)
    for act in (_move_of(item, other_merchant), _refund_of(item)):
        with pytest.raises(RefundTooLarge):
            act(301)
    assert _move_of(item, other_merchant)(300).taken_fen == 300
    with pytest.raises(RefundTooLarge):
        _move_of(item, other_merchant)(1)
    assert books() == {
        "provider:sandbox": 600,
        f"merchant:{other_merchant.pk}": -500,
        "refunds:pending": -100,
    }


def _part_of(tab: tuple[str, int]) -> Callable[[int], Any]:
    return lambda fen: services.open_order(items=[tab], actor=TEST, amount_fen=fen)


def _refund_of(item: Any) -> Callable[[int], Any]:
    return lambda fen: services.refund(
        item_id=item.pk, amount_fen=fen, reason="x", actor=TEST, key=f"key {fen}"
    )


def _move_of(item: Any, merchant: Any) -> Callable[[int], Any]:
    return lambda fen: move(
        item_id=item.pk,
        amount_fen=fen,
        payable=item.payable,
        subject_id=100 + fen,
        merchant_id=merchant.pk,
        title="x",
        actor=TEST,
        reason="x",
    )


# ── What it says ────────────────────────────────────────────────────────────────────────────────
def test_a_long_title_is_cut_where_it_is_kept(merchant: Any, clock: Any) -> None:
    title = "停" * 121
    order = services.open_order(items=[kiosk.owe(1, 600, merchant.pk, title=title)], actor=TEST)
    assert {order.title, order.items.get().title} == {title[:120]}
    pay(order)
    assert kiosk.paid_by(1) == order.number


def test_of_one_fen_an_order_is_opened_and_of_none_none(merchant: Any, clock: Any) -> None:
    with pytest.raises(NothingDue):
        open_order(merchant, 0)
    assert open_order(merchant, 1).amount_fen == 1
    order = open_order(merchant, 0, 600)
    assert [(item.subject_id, item.amount_fen) for item in order.items.all()] == [(2, 600)]


# ── How long ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("seconds", "same"), [(899, True), (900, False)])
def test_an_order_is_asked_for_a_quarter_of_an_hour(
    order: Order, clock: Any, seconds: int, same: bool
) -> None:
    clock.advance(timedelta(seconds=seconds))
    asked_anew = services.open_order(items=[(kiosk.NAME, 1)], actor=TEST)
    assert (asked_anew.pk == order.pk) == same
    order.refresh_from_db()
    assert order.state == ("open" if same else "closed")


@pytest.mark.parametrize(("seconds", "same"), [(899, True), (900, False)])
def test_who_pays_the_same_amount_too_late_pays_the_next_order(
    order: Order, clock: Any, seconds: int, same: bool
) -> None:
    clock.advance(timedelta(seconds=seconds))
    assert (begin(order).order_id == order.pk) == same
    order.refresh_from_db()
    assert order.state == ("open" if same else "closed")


def test_who_pays_a_closed_order_pays_the_next_one(order: Order) -> None:
    assert services.close_order(order, actor=TEST, reason="x")
    assert not services.close_order(order, actor=TEST, reason="x")
    again = begin(order)
    assert (again.order_id == order.pk, again.order.state) == (False, "open")


# ── What becomes of its attempts ────────────────────────────────────────────────────────────────
def _two_ways(order: Order) -> tuple[Attempt, Attempt]:
    code = services.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="/", actor="owner", way=Way.CODE
    )
    return begin(order), code


def _later() -> None:
    later = business_clock.real() + timedelta(hours=1)
    Attempt.objects.update(next_look_at=later, looks=7)


def test_what_else_was_begun_for_a_paid_order_is_closed_at_its_provider_at_once(
    merchant: Any, clock: Any
) -> None:
    order, another = open_order(merchant, 600), open_order(merchant, 600, 400)
    _first, code = _two_ways(order)
    begin(another)
    _later()
    pay(order)
    assert tasks.look_at_attempts() == 1
    assert services.query_attempt(code.pk) == "closed"
    assert sandbox.SandboxClient().query(code.out_trade_no).state == "closed"


def test_what_was_begun_for_a_closed_order_is_asked_about_at_once(
    merchant: Any, clock: Any
) -> None:
    order, another = open_order(merchant, 600), open_order(merchant, 600, 400)
    attempts = _two_ways(order)
    begin(another)
    _later()
    Attempt.objects.filter(pk=attempts[0].pk).update(state="unknown")
    services.close_order(order, actor=TEST, reason="x")
    assert set(order.attempts.values_list("looks", flat=True)) == {0}
    assert tasks.look_at_attempts() == 2


def test_a_payer_who_is_back_has_the_provider_asked_once(merchant: Any, clock: Any) -> None:
    order, another = open_order(merchant, 600), open_order(merchant, 600, 400)
    attempt, code = _two_ways(order)
    begin(another)
    later = business_clock.real() + timedelta(hours=1)
    Attempt.objects.update(next_look_at=later)
    Attempt.objects.filter(pk=code.pk).update(looks=1)
    services.look_now(order)
    assert _due() == [attempt]
    for state, asked in (("created", [attempt]), ("unknown", [])):
        Attempt.objects.filter(pk=attempt.pk).update(next_look_at=later, state=state)
        services.look_now(order)
        assert _due() == asked


def _due() -> list[Attempt]:
    return list(Attempt.objects.filter(next_look_at__lte=business_clock.real()))


def test_a_paid_order_takes_no_cash(order: Order) -> None:
    pay(order)
    with pytest.raises(OrderNotOpen):
        services.pay_at_counter(order.pk, TEST)

"""Whose pages turn by themselves when money moves: the payer's of the order, the merchants'."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import connect

from core import live as pages
from payments import services
from payments.models import Order
from payments.services.moving import move
from tests.payments.conftest import TEST, begin, open_order, pay, payer_pays, tell

pytestmark = pytest.mark.django_db(transaction=True)
Told = Callable[..., list[str]]


@pytest.fixture
def told(live: Any, order: Order, merchant: Any, other_merchant: Any) -> Told:
    """Which of three pages hear of it when this is done: the order's, its merchant's, another's."""
    topics = {
        "payer": f"order:{order.number}",
        "merchant": f"merchant:{merchant.pk}",
        "other merchant": f"merchant:{other_merchant.pk}",
    }

    def hear(act: Callable[[], object]) -> list[str]:
        with ExitStack() as stack:
            sockets = {}
            for who, topic in topics.items():
                address = f"{live.ws}/live/{pages.token(topic)}"
                sockets[who] = stack.enter_context(connect(address, proxy=None))
            act()
            for topic in topics.values():  # after it comes what all of them hear
                pages.send(topic, last=True)
            return [who for who, socket in sockets.items() if "last" not in socket.recv(timeout=10)]

    return hear


def test_a_payment_is_told_to_its_payer_and_its_merchant(told: Told, order: Order) -> None:
    attempt = begin(order)
    payer_pays(attempt)
    assert told(lambda: tell(attempt)) == ["payer", "merchant"]
    assert told(lambda: tell(attempt)) == []


def test_the_end_of_an_order_is_told_to_its_payer(told: Told, order: Order) -> None:
    def close() -> bool:
        return services.close_order(order, actor=TEST, reason="x")

    assert told(close) == ["payer"]
    assert told(close) == []


def test_money_that_is_back_is_told_to_its_payer(told: Told, order: Order) -> None:
    pay(order)
    row = services.refund(
        item_id=order.items.get().pk, amount_fen=200, reason="x", actor=TEST, key="x"
    )
    assert told(lambda: services.carry_out_refund(row.pk)) == ["payer"]
    assert told(lambda: services.carry_out_refund(row.pk)) == []


def test_money_that_moves_is_told_to_both_merchants(
    told: Told, order: Order, other_merchant: Any
) -> None:
    pay(order)
    item = order.items.get()

    def away() -> object:
        return move(
            item_id=item.pk,
            amount_fen=200,
            payable=item.payable,
            subject_id=2,
            merchant_id=other_merchant.pk,
            title="x" * 121,
            actor=TEST,
            reason="x" * 201,
        )

    assert told(away) == ["payer", "merchant", "other merchant"]
    moved = order.items.get(moved_from=item)
    assert moved.title == "x" * 120
    assert {one.transfer.note for one in moved.entries.all()} == {"x" * 200}


def test_a_merchant_hears_nothing_of_money_that_went_to_another(
    told: Told, order: Order, other_merchant: Any
) -> None:
    assert told(lambda: pay(open_order(other_merchant, 500, 400))) == ["other merchant"]

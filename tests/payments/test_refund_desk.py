"""A person gives money back from an order's page: part or whole, for a reason, in limits."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.errors import AwaitsSecondPerson
from accounts.models import ActLimit, Merchant, Proposal, User
from core import clock as business_clock
from core.errors import Invalid, Missing, Refused
from payments import services
from payments.errors import RefundTooLarge
from payments.models import Order, Refund
from tests.payments import kiosk
from tests.payments.conftest import TEST, books, pay
from tests.people import logged_in

pytestmark = pytest.mark.django_db
ENGLISH = {"accept-language": "en"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kiosk, "forgone", [])
    monkeypatch.setattr(kiosk, "keeps_fen", 10_000)


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create_superuser("finance", password="x" * 12)


@pytest.fixture
def finance(person: User) -> Client:
    return logged_in(person)


def by_hand(order: Order, fen: int, *, key: str = "k", reason: str = "late lock") -> Refund:
    item = order.items.get()
    return services.refund_by_hand(
        item_id=item.pk, amount_fen=fen, reason=reason, key=key, actor=TEST
    )


def place(order: Order) -> str:
    return reverse("admin:payments_order_give_back", args=[order.pk])


def send(who: Client, order: Order, **said: Any) -> Any:
    asked = {"item": order.items.get().pk, "amount": "2.50", "reason": "late lock"}
    asked |= {"key": "a" * 32, **said}
    return who.post(place(order), asked, follow=True, headers=ENGLISH)


def test_a_part_goes_back_for_a_reason_and_its_subject_notes_it(order: Order) -> None:
    pay(order)
    row = by_hand(order, 250)
    assert (row.amount_fen, row.reason, row.state) == (250, "late lock", "asked")
    assert kiosk.forgone == [(order.items.get().pk, 250)]
    assert books()["refunds:pending"] == -250


def test_the_same_key_gives_back_and_is_noted_once(order: Order) -> None:
    pay(order)
    assert by_hand(order, 250) == by_hand(order, 250)
    assert len(kiosk.forgone) == 1


def test_no_more_goes_back_than_is_left(order: Order) -> None:
    pay(order)
    by_hand(order, 250)
    with pytest.raises(RefundTooLarge):
        by_hand(order, 351, key="other")
    assert by_hand(order, 350, key="other").amount_fen == 350


def test_what_its_subject_gives_back_already_does_not_go_back_twice(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(order)
    monkeypatch.setattr(kiosk, "keeps_fen", 249)
    with pytest.raises(Refused, match="on_its_way"):
        by_hand(order, 250)
    assert not Refund.objects.exists()


def test_a_refund_without_a_reason_or_of_nothing_is_refused(order: Order) -> None:
    pay(order)
    with pytest.raises(Invalid, match="reason_needed"):
        by_hand(order, 250, reason=" ")
    with pytest.raises(Missing):
        services.refund_by_hand(item_id=0, amount_fen=1, reason="x", key="k", actor=TEST)


def test_what_only_its_subject_gives_back_is_refused(order: Order) -> None:
    pay(order)
    order.items.update(payable="kiosk.tab")
    with pytest.raises(Refused, match="not_by_hand"):
        by_hand(order, 250)


def test_above_the_limit_another_person_agrees_first(order: Order, person: User) -> None:
    pay(order)
    ActLimit.objects.create(
        each_fen=100, day_fen=100, said_by=TEST, why="x", valid_from=business_clock.now()
    )
    page = send(logged_in(person), order)
    assert not Refund.objects.exists()
    proposal = Proposal.objects.get()
    assert (proposal.act, proposal.amount_fen) == ("payments.refund_by_hand", 250)
    assert page.status_code == 200


def test_who_took_the_cash_does_not_hand_it_back_alone_above_the_limit(
    order: Order, merchant: Merchant, cashier: User, merchant_user: User
) -> None:
    ActLimit.objects.create(
        each_fen=100, day_fen=100, said_by=TEST, why="x", valid_from=business_clock.now()
    )
    services.pay_at_counter(order.pk, cashier.actor, merchant_id=merchant.pk)
    cash = by_hand(order, 250)
    with pytest.raises(AwaitsSecondPerson):
        services.hand_back(cash.pk, merchant_id=merchant.pk, actor=cashier.actor)
    proposal = Proposal.objects.get()
    assert (proposal.act, proposal.amount_fen, proposal.about) == (
        "payments.hand_back",
        250,
        order.number,
    )
    assert books()[f"counter:{merchant.pk}"] == 600
    assert services.hand_back(cash.pk, merchant_id=merchant.pk, actor=merchant_user.actor)
    assert books()[f"counter:{merchant.pk}"] == 350
    assert not services.hand_back(cash.pk, merchant_id=merchant.pk, actor=cashier.actor)


def test_the_desk_shows_what_is_left_and_gives_back_once(order: Order, finance: Client) -> None:
    pay(order)
    assert "¥6.00" in finance.get(place(order), headers=ENGLISH).content.decode()
    for _click in range(2):
        page = send(finance, order)
        assert "on its way to its payer" in page.content.decode()
    assert Refund.objects.get().amount_fen == 250
    page = finance.get(place(order), headers=ENGLISH).content.decode()
    assert "¥3.50" in page
    assert "late lock" in page
    assert "Only part" in send(finance, order, amount="3.51", key="b" * 32).content.decode()
    send(finance, order, amount="3.50", key="c" * 32)
    page = finance.get(place(order), headers=ENGLISH).content.decode()
    assert "Nothing of this order is left" in page


def test_who_lacks_the_right_gives_nothing_back(order: Order) -> None:
    pay(order)
    looker = User.objects.create_user("looker", password="x" * 12, is_staff=True)
    assert send(logged_in(looker), order).status_code == 403
    assert not Refund.objects.exists()

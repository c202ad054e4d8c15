"""Cash stands in the shift of who took it, is counted, and goes into another person's hands."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from accounts.models import Merchant, User
from core.errors import Invalid, Missing
from payments import selectors, services
from payments.errors import AnotherReceives, CountDiffers, ShiftBegun, ShiftOver
from payments.models import Attempt, CashShift
from tests import waiting
from tests.payments import kiosk
from tests.payments.conftest import books, open_order
from tests.people import logged_in, staff
from tests.trail import said

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}


def begun(merchant: Merchant, person: User, opening_fen: int = 20_000) -> CashShift:
    return services.begin_shift(
        merchant_id=merchant.pk, opening_fen=opening_fen, actor=person.actor
    )


def take(merchant: Merchant, person: User, fen: int = 600) -> Attempt:
    order = open_order(merchant, fen)
    return services.pay_at_counter(order.pk, person.actor, merchant_id=merchant.pk)


def count(shift: CashShift, person: User, fen: int, why: str = "") -> CashShift:
    return services.count_shift(
        shift_id=shift.pk,
        merchant_id=shift.merchant_id,
        counted_fen=fen,
        why=why,
        actor=person.actor,
    )


def receive(shift: CashShift, person: User, fen: int, why: str = "") -> CashShift:
    return services.receive_shift(
        shift_id=shift.pk,
        merchant_id=shift.merchant_id,
        received_fen=fen,
        why=why,
        actor=person.actor,
    )


def handed_back(merchant: Merchant, attempt: Attempt, person: User) -> None:
    item = attempt.order.items.get()
    back = services.refund(
        item_id=item.pk, amount_fen=item.taken_fen, reason="x", actor="user:0", key=f"b{item.pk}"
    )
    services.hand_back(back.pk, merchant_id=merchant.pk, actor=person.actor)


def test_a_drawer_should_hold_its_change_and_what_was_taken_less_what_went_back(
    merchant: Merchant, clock: Any, cashier: User, merchant_user: User
) -> None:
    shift = begun(merchant, cashier)
    take(merchant, cashier, 600)
    handed_back(merchant, take(merchant, cashier, 900), merchant_user)
    assert selectors.expected_fen(shift) == 20_000 + 600 + 900
    handed_back(merchant, take(merchant, cashier, 300), cashier)
    assert selectors.expected_fen(shift) == 20_000 + 600 + 900
    # the manager who handed ¥9.00 back did it out of a drawer of their own
    other = selectors.shift_under_way(merchant.pk, merchant_user.actor)
    assert other is not None and selectors.expected_fen(other) == -900
    counted = count(shift, cashier, 21_500)
    assert (counted.state, counted.difference_fen, counted.why) == ("counted", 0, "")
    assert count(shift, cashier, 21_500).pk == shift.pk  # said twice


def test_cash_of_a_person_without_a_shift_begins_one(
    merchant: Merchant, clock: Any, cashier: User
) -> None:
    attempt = take(merchant, cashier)
    assert attempt.shift is not None
    assert (attempt.shift.person, attempt.shift.opening_fen) == (cashier.actor, 0)
    assert said(attempt.shift) == [("begun", cashier.actor, "", {"opening_fen": 0})]
    assert take(merchant, cashier).shift == attempt.shift


def test_what_no_person_took_is_in_no_shift(merchant: Merchant, clock: Any) -> None:
    order = open_order(merchant, 600)
    assert services.pay_at_counter(order.pk, "system:tests").shift is None


def test_a_shift_begins_once_however_often_it_is_said(
    merchant: Merchant, clock: Any, cashier: User
) -> None:
    assert begun(merchant, cashier) == begun(merchant, cashier)
    with pytest.raises(ShiftBegun):
        begun(merchant, cashier, 100)


def test_a_count_that_differs_needs_a_reason_and_then_stands_in_the_books(
    merchant: Merchant, clock: Any, cashier: User
) -> None:
    shift = begun(merchant, cashier)
    take(merchant, cashier, 600)
    with pytest.raises(CountDiffers) as differs:
        count(shift, cashier, 20_500)
    assert differs.value.facts["difference_fen"] == -100
    shift.refresh_from_db()
    assert (shift.state, books()) == (
        "open",
        {f"counter:{merchant.pk}": 600, f"merchant:{merchant.pk}": -600},
    )
    counted = count(shift, cashier, 20_500, why="gave too much change")
    assert (counted.state, counted.difference_fen) == ("counted", -100)
    assert books() == {
        f"counter:{merchant.pk}": 500,
        f"differences:{merchant.pk}": 100,
        f"merchant:{merchant.pk}": -600,
    }
    assert said(shift)[1] == ("counted otherwise", cashier.actor, "", {"difference_fen": -100})
    with pytest.raises(ShiftOver):
        count(shift, cashier, 20_600)
    take(merchant, cashier)  # the next one goes into a new shift
    assert CashShift.objects.filter(person=cashier.actor, state="open").count() == 1


def test_counted_cash_goes_into_the_drawer_of_who_receives_it_or_into_the_safe(
    merchant: Merchant, clock: Any, cashier: User, attendant: User, merchant_user: User
) -> None:
    bag = begun(merchant, attendant, 5_000)
    take(merchant, attendant, 600)
    count(bag, attendant, 5_600)
    with pytest.raises(AnotherReceives):
        receive(bag, attendant, 5_600)
    drawer = begun(merchant, cashier, 10_000)
    with pytest.raises(Invalid):
        receive(bag, cashier, 5_500)
    got = receive(bag, cashier, 5_500, why="a note was torn")
    assert (got.state, got.received_into, got.received_fen) == ("received", drawer, 5_500)
    assert selectors.expected_fen(drawer) == 15_500
    assert books()[f"differences:{merchant.pk}"] == 100
    assert receive(bag, cashier, 5_500).pk == bag.pk  # said twice
    with pytest.raises(ShiftOver):
        receive(bag, merchant_user, 5_500)
    count(drawer, cashier, 15_500)
    assert receive(drawer, merchant_user, 15_500).received_into is None  # the safe


def test_a_merchant_of_one_person_receives_what_they_counted(
    merchant: Merchant, clock: Any, merchant_user: User
) -> None:
    shift = begun(merchant, merchant_user, 0)
    count(shift, merchant_user, 0)
    assert receive(shift, merchant_user, 0).state == "received"


def test_nobody_reaches_a_shift_of_another_merchant(
    merchant: Merchant, other_merchant: Merchant, clock: Any, cashier: User
) -> None:
    shift = begun(merchant, cashier)
    shift.merchant_id = other_merchant.pk
    for act in (count, receive):
        with pytest.raises(Missing):
            act(shift, cashier, 20_000)


@pytest.mark.django_db(transaction=True)
def test_taking_counting_and_receiving_wait_for_who_works_on_the_shift(
    merchant: Merchant, clock: Any, cashier: User, merchant_user: User
) -> None:
    shift = begun(merchant, cashier)
    order = open_order(merchant, 600)
    acts: dict[str, Callable[[], object]] = {
        "take +": lambda: services.pay_at_counter(order.pk, cashier.actor),
        "count": lambda: count(shift, cashier, 20_000),
    }
    assert waiting.all_at(shift, acts) == dict.fromkeys(acts, "waits")
    paid = take(merchant, merchant_user, 900)
    item = paid.order.items.get()
    back = services.refund(item_id=item.pk, amount_fen=900, reason="x", actor="user:0", key="k")
    acts = {
        "hand back +": lambda: services.hand_back(
            back.pk, merchant_id=merchant.pk, actor=cashier.actor
        )
    }
    assert waiting.all_at(shift, acts) == dict.fromkeys(acts, "waits")
    count(shift, cashier, 20_000)
    assert waiting.at(shift, lambda: receive(shift, merchant_user, 20_000), known=True) == "waits"


@pytest.mark.django_db(transaction=True)
def test_a_drawer_goes_into_other_hands_while_a_third_person_s_is_worked_on(
    merchant: Merchant, clock: Any, cashier: User, merchant_user: User
) -> None:
    shift = begun(merchant, cashier)
    count(shift, cashier, 20_000)
    theirs = begun(merchant, staff(merchant, "manager"))
    assert waiting.at(theirs, lambda: receive(shift, merchant_user, 20_000)) == "goes on"


@pytest.mark.django_db(transaction=True)
def test_two_payments_at_once_of_a_person_without_a_shift_begin_one(
    merchant: Merchant, clock: Any, cashier: User, at_once: Callable[..., list[Any]]
) -> None:
    things = [kiosk.owe(1, 600, merchant.pk), kiosk.owe(2, 700, merchant.pk)]
    orders = [services.open_order(items=[one], actor="owner") for one in things]
    found = at_once(
        *[lambda o=o: services.pay_at_counter(o.pk, cashier.actor).shift_id for o in orders]
    )
    assert len({*found}) == 1 and CashShift.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_payment_at_the_moment_of_the_count_is_in_it_or_in_the_next_shift(
    merchant: Merchant, clock: Any, cashier: User, at_once: Callable[..., list[Any]]
) -> None:
    for opening_fen in range(3):
        shift = begun(merchant, cashier, opening_fen)
        order = open_order(merchant, 600 + opening_fen)
        at_once(
            lambda o=order: services.pay_at_counter(o.pk, cashier.actor),
            lambda s=shift: count(s, cashier, 0, why="counted too early"),
        )
        shift.refresh_from_db()
        assert shift.difference_fen == -selectors.expected_fen(shift)
        paid = Attempt.objects.get(order=order)
        for left in CashShift.objects.filter(state="open"):
            assert paid.shift == left
            count(left, cashier, selectors.expected_fen(left))


# ── The pages ────────────────────────────────────────────────────────────────────────────────
def page(client: Client, name: str, *args: Any) -> str:
    return client.get(reverse(name, args=args), headers=ENGLISH).content.decode()


def test_a_cashier_begins_counts_and_a_manager_receives_on_the_pages(
    merchant: Merchant, clock: Any, cashier: User, merchant_user: User
) -> None:
    hers, his = logged_in(cashier), logged_in(merchant_user)
    hers.post(reverse("payments.begin_shift"), {"opening": "200"})
    shift = CashShift.objects.get()
    order = open_order(merchant, 600)
    hers.post(reverse("payments.take_cash", args=[order.number]))
    address = reverse("payments.shift", args=[shift.pk])
    assert "¥206.00" not in page(hers, "payments.shift", shift.pk)  # before the count
    answer = hers.post(address, {"counted": "205", "why": ""}, headers=ENGLISH)
    assert answer.status_code == 409 and "¥1.00 less" in answer.content.decode()
    hers.post(address, {"counted": "205", "why": "gave too much change"})
    shown = page(hers, "payments.shift", shift.pk)
    assert "¥206.00" in shown and "gave too much change" in shown
    assert "differs by −¥1.00" in page(his, "payments.cash")
    with override("en"):
        [need] = selectors.needs(merchant.pk)
    assert need["text"] == "¥205.00, differs by −¥1.00"
    his.post(address, {"act": "receive", "counted": "205"})
    shift.refresh_from_db()
    assert (shift.state, shift.received_by) == ("received", merchant_user.actor)
    assert selectors.needs(merchant.pk) == []


def test_an_attendant_sees_their_own_shifts_alone_and_ends_no_other(
    merchant: Merchant, clock: Any, cashier: User, attendant: User
) -> None:
    theirs, mine = begun(merchant, cashier), begun(merchant, attendant)
    client = logged_in(attendant)
    assert client.get(reverse("payments.shift", args=[theirs.pk])).status_code == 404
    assert client.get(reverse("payments.shift", args=[mine.pk])).status_code == 200
    shown = page(client, "payments.cash")
    assert reverse("payments.shift", args=[mine.pk]) in shown
    assert reverse("payments.shift", args=[theirs.pk]) not in shown


def test_a_manager_counts_the_shift_of_who_went_home(
    merchant: Merchant, clock: Any, attendant: User, cashier: User
) -> None:
    shift = begun(merchant, attendant)
    address = reverse("payments.shift", args=[shift.pk])
    assert logged_in(cashier).post(address, {"counted": "200"}).status_code == 404
    manager = staff(merchant, "manager")
    logged_in(manager).post(address, {"counted": "200"})
    shift.refresh_from_db()
    assert (shift.state, shift.counted_by) == ("counted", manager.actor)


def test_a_slip_is_a_bill_with_its_code_and_then_the_receipt(
    merchant: Merchant, clock: Any, cashier: User, other_merchant_client: Client
) -> None:
    order = open_order(merchant, 600)
    client = logged_in(cashier)
    assert "Bill" in page(client, "payments.slip", order.number)
    services.pay_at_counter(order.pk, cashier.actor)
    paid = page(client, "payments.slip", order.number)
    assert "Receipt" in paid and "Cash at the counter" in paid and "<svg" in paid
    assert "2026-03-02 09:00" in paid  # on paper no day is today
    address = reverse("payments.slip", args=[order.number])
    assert other_merchant_client.get(address).status_code == 404


def test_a_shift_that_nobody_counts_is_asked_about(
    merchant: Merchant, clock: Any, cashier: User
) -> None:
    begun(merchant, cashier)
    assert selectors.needs(merchant.pk) == []
    clock.advance(selectors.shifts.LONG)
    clock.advance(selectors.shifts.LONG)
    with override("en"):
        [need] = selectors.needs(merchant.pk)
    assert need["text"] == "under way for long: count it"

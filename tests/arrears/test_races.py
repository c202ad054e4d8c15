"""Two things at one instant: real threads, real connections, one right end."""

from typing import Any

import pytest

from arrears import selectors, services
from arrears.models import BlacklistEntry, Contact, Debt, Demand, PayWindow, RecoveryNotice, Watch
from core import outbox
from devices.models import Command
from parking.models import Berth, ParkingSession
from payments import services as payments
from tests.payments.threads import at_once
from tests.street import PLATE, TEST

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


def counter(stay: ParkingSession) -> Any:
    """Paying this stay in cash, ready to go."""
    order = payments.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    return lambda: payments.pay_at_counter(order.pk, TEST)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_payment_at_the_instant_the_window_ends_leaves_no_debt(
    transactional_db: None, berth: Berth, stay_of: Any, run_reactions: Any, clock: Any, round_: int
) -> None:
    stay = stay_of(berth, minutes=90)
    run_reactions()
    pay = counter(stay)
    clock.move_to(PayWindow.objects.get().due_at)
    services.end_pay_windows()

    results = at_once(pay, lambda: services.open_debt(stay_id=stay.pk))
    assert not any(isinstance(one, Exception) for one in results), results
    assert ParkingSession.objects.get().state == "settled"
    assert not Debt.objects.filter(state__in=["open", "disputed"]).exists()  # P3.1
    assert selectors.listing_of(PLATE) is None


def test_two_payments_at_once_of_two_debts_leave_the_list(
    transactional_db: None, section: Any, stay_of: Any, pass_time: Any
) -> None:
    first, second = Berth.objects.filter(section=section)[:2]
    stays = [stay_of(first, minutes=90), stay_of(second, ago_min=180, minutes=30)]
    pass_time(hours=73)
    assert BlacklistEntry.objects.get().amount_fen == 1800
    results = at_once(*[counter(stay) for stay in stays])
    assert not any(isinstance(one, Exception) for one in results), results
    assert selectors.listing_of(PLATE) is None  # neither saw the other's debt as still open
    assert BlacklistEntry.objects.get().state == "gone"


def test_two_debts_at_once_make_one_entry(
    transactional_db: None, section: Any, stay_of: Any, run_reactions: Any, clock: Any
) -> None:
    first, second = Berth.objects.filter(section=section)[:2]
    stays = [stay_of(first, minutes=90), stay_of(second, ago_min=180, minutes=30)]
    run_reactions()
    clock.move_to(PayWindow.objects.order_by("-due_at")[0].due_at)
    services.end_pay_windows()
    at_once(*[lambda pk=stay.pk: services.open_debt(stay_id=pk) for stay in stays])
    assert BlacklistEntry.objects.get().amount_fen == 1800


def test_the_same_window_opened_twice_is_one_debt(
    transactional_db: None, berth: Berth, stay_of: Any, run_reactions: Any, clock: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    run_reactions()
    clock.move_to(PayWindow.objects.get().due_at)
    at_once(*[services.end_pay_windows] * 3)
    at_once(*[lambda: services.open_debt(stay_id=stay.pk)] * 3)
    assert Debt.objects.count() == 1


@pytest.fixture
def listed(transactional_db: None, holder: Any, debt: Debt, pass_time: Any) -> Debt:
    pass_time(hours=73)
    return debt


def notice(sighting_id: int, device_id: int, merchant_id: int) -> Any:
    return lambda: services.issue_notices(
        sighting_id=sighting_id,
        device_id=device_id,
        section_id=None,
        merchant_id=merchant_id,
        plate=PLATE,
        confidence=1.0,
    )


def test_two_sightings_at_once_get_a_notice_each_and_each_only_one(
    listed: Debt, merchant: Any, enrolled: Any, seen: Any
) -> None:
    devices = [enrolled("H-1", "handheld", merchant), enrolled("H-2", "handheld", merchant)]
    sightings = [seen(pk, merchant, seed=at).pk for at, pk in enumerate(devices)]
    pairs = list(zip(sightings, devices, strict=True)) * 2
    results = at_once(*[notice(s, d, merchant.pk) for s, d in pairs])
    assert not any(isinstance(one, Exception) for one in results), results
    assert RecoveryNotice.objects.count() == 2
    assert Command.objects.filter(action="ShowNotice").count() == 2


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_payment_while_a_notice_is_made_leaves_none_standing(
    listed: Debt, merchant: Any, enrolled: Any, seen: Any, round_: int
) -> None:
    device = enrolled("H-1", "handheld", merchant)
    sighting = seen(device, merchant).pk
    results = at_once(counter(listed.stay), notice(sighting, device, merchant.pk))
    assert not any(isinstance(one, Exception) for one in results), results
    assert not RecoveryNotice.objects.exclude(state="withdrawn").exists()


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_an_objection_while_a_notice_is_made_leaves_none_standing(
    listed: Debt, merchant: Any, enrolled: Any, seen: Any, round_: int
) -> None:
    device = enrolled("H-1", "handheld", merchant)
    sighting = seen(device, merchant).pk
    results = at_once(
        lambda: services.object(debt_ids=[listed.pk], reason="not_mine", actor="owner"),
        notice(sighting, device, merchant.pk),
    )
    assert not any(isinstance(one, Exception) for one in results), results
    assert not RecoveryNotice.objects.exclude(state="withdrawn").exists()
    assert selectors.listing_of(PLATE).state == "suspended"  # type: ignore[union-attr]


def test_a_payment_and_a_delivery_at_once_do_not_wait_for_each_other(
    transactional_db: None, holder: Any, debt: Debt, pass_time: Any
) -> None:
    demand = Demand.objects.get()
    Demand.objects.filter(pk=demand.pk).update(state="sending", delivered_at=None)
    Debt.objects.update(demanded_at=None)
    results = at_once(
        counter(debt.stay),
        lambda: services.deliver_demand(demand_id=demand.pk, evidence="x", actor=TEST),
    )
    assert not any(isinstance(one, Exception) for one in results), results
    assert selectors.listing_of(PLATE) is None


def test_an_answer_and_a_withdrawal_of_an_objection_have_one_winner(listed: Debt) -> None:
    [dispute] = services.object(debt_ids=[listed.pk], reason="other", actor="owner")
    results = at_once(
        lambda: services.settle_dispute(
            dispute_id=dispute.pk, verdict="upheld", answer="Right.", actor="user:1"
        ),
        lambda: services.withdraw_dispute(dispute_id=dispute.pk, actor="owner"),
    )
    assert sum(isinstance(one, Exception) for one in results) == 1
    dispute.refresh_from_db()
    listed.refresh_from_db()
    assert (dispute.state, listed.state) in [("upheld", "cancelled"), ("withdrawn", "open")]


def test_one_sweep_of_many_ends_a_watch(
    transactional_db: None,
    berth: Berth,
    stay_of: Any,
    past: Any,
    scored: Any,
    clock: Any,
    run_reactions: Any,
    holder: Any,
) -> None:
    from datetime import timedelta

    from parking import services as parking

    past(PLATE, Berth.objects.get(code="A-003"), [None, 300.0, 200.0, None])
    stay = stay_of(berth)
    services.assess(stay_id=stay.pk)
    scored(stay)
    clock.advance(timedelta(minutes=90))
    parking.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by=TEST)
    run_reactions()
    watch = Watch.objects.get()
    clock.move_to(watch.due_at)
    assert sum(at_once(*[services.end_watches] * 3)) == 1  # P0.4
    at_once(*[lambda: services.assist(watch_id=watch.pk)] * 2)
    contact = Contact.objects.get()
    clock.move_to(max(contact.due_at, clock.now()) + timedelta(hours=12))
    at_once(*[lambda: services.carry_out(contact.pk)] * 3)
    outbox.run_pending(raise_errors=True)
    from accounts.models import SmsMessage

    assert SmsMessage.objects.filter(key=f"contact:{contact.pk}").count() <= 1  # P0.6

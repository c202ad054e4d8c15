"""A fee that rises after it was asked for: told with its reason, and every time begins anew."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.errors import DebtMoved
from arrears.models import Debt, Demand, PayWindow, RecoveryNotice
from core import images
from core.models import OutboxEvent
from tests.arrears.conftest import look_at_all
from tests.payments.threads import at_once
from tests.street import PLATE, TEST, left_after, photograph


def listing() -> Any:
    return selectors.listing_of(PLATE)


@pytest.fixture
def listed(holder: Any, debt: Debt, pass_time: Any) -> Debt:
    """A debt of ¥12.00 whose demand was delivered and whose grace is over."""
    pass_time(hours=73)
    debt.refresh_from_db()
    assert (debt.demanded_fen, listing().state) == (1200, "active")
    return debt


def test_a_raised_debt_is_asked_for_anew_with_the_reason_and_all_its_time(
    listed: Debt, pass_time: Any, clock: Any, anonymous: Any
) -> None:
    left_after(listed.stay, 150)
    pass_time(seconds=1)
    listed.refresh_from_db()
    assert (listed.state, listed.amount_fen, listed.demanded_fen) == ("open", 1800, 1800)
    assert (listed.raised_from_fen, listing().state) == (1200, "pending")
    text = SmsMessage.objects.order_by("-pk")[0]
    assert text.template == "demand_raised"
    assert "由 ¥12.00 更正为 ¥18.00（" in text.text
    first, second = Demand.objects.order_by("pk")
    assert (first.state, second.state) == ("delivered", "delivered")
    for token in (first.token, second.token):  # whichever link the owner opens
        page = anonymous.get(f"/dues/{token}/", headers={"accept-language": "en"}).content.decode()
        assert "This fee was ¥12.00 before and is ¥18.00 now" in page
    assert listing().due_at >= clock.now() + timedelta(hours=71)
    pass_time(hours=71)
    assert listing().state == "pending"
    pass_time(hours=2)
    assert listing().state == "active"


def test_a_lowered_debt_keeps_its_demand_and_is_raised_again_only_by_asking_anew(
    listed: Debt, pass_time: Any
) -> None:
    demanded_at = listed.demanded_at
    left_after(listed.stay, 50)
    pass_time(seconds=1)
    listed.refresh_from_db()
    assert (listed.amount_fen, listed.demanded_at) == (600, demanded_at)
    assert (listing().state, SmsMessage.objects.count()) == ("active", 1)
    left_after(listed.stay, 110)
    pass_time(seconds=1)
    listed.refresh_from_db()
    assert (listed.amount_fen, listed.raised_from_fen) == (1200, 600)
    assert listed.demanded_at != demanded_at
    assert listing().state == "pending"


def test_a_text_that_names_less_is_taken_back_and_never_counts(
    holder: Any, debt: Debt, run_reactions: Any
) -> None:
    SmsMessage.objects.all().delete()
    Demand.objects.update(state="made", delivered_at=None, evidence="")
    Debt.objects.update(demanded_at=None, demanded_fen=None)
    services.send_demands()
    demand = Demand.objects.get()
    left_after(debt.stay, 150)
    services.follow_stay(stay_id=debt.stay_id, raised=True)
    assert SmsMessage.objects.get().state == "recalled"
    assert not services.deliver_demand(demand_id=demand.pk, evidence="late", actor=TEST)
    run_reactions()
    look_at_all()
    run_reactions()
    services.send_demands()
    run_reactions()
    debt.refresh_from_db()
    assert debt.demanded_fen == 1800
    assert "¥18.00" in SmsMessage.objects.get(state="delivered").text


def test_a_held_debt_that_is_raised_stays_held(listed: Debt, pass_time: Any) -> None:
    [dispute] = services.object(debt_ids=[listed.pk], reason="amount", actor="owner")
    left_after(listed.stay, 150)
    pass_time(seconds=1)
    listed.refresh_from_db()
    assert (listed.state, listed.amount_fen, listed.demanded_at) == ("disputed", 1800, None)
    services.settle_dispute(
        dispute_id=dispute.pk, verdict="rejected", answer="Two and a half hours.", actor="user:1"
    )
    pass_time(seconds=1)
    listed.refresh_from_db()
    assert (listed.state, listed.demanded_fen) == ("open", 1800)


def test_money_that_comes_before_the_word_of_a_higher_fee_is_never_refused(listed: Debt) -> None:
    left_after(listed.stay, 150)
    services.clear_debts_of_stays([listed.stay_id], actor=TEST)  # of a part payment
    listed.refresh_from_db()
    assert (listed.amount_fen, listed.demanded_at) == (1800, None)


def test_a_terminal_forgets_a_notice_that_names_less(
    listed: Debt, merchant: Any, enrolled: Any, seen: Any, pass_time: Any
) -> None:
    device_id = enrolled("H-1", "handheld", merchant)
    services.issue_notices(
        sighting_id=seen(device_id, merchant).pk,
        device_id=device_id,
        section_id=None,
        merchant_id=merchant.pk,
        plate=PLATE,
        confidence=1.0,
    )
    left_after(listed.stay, 150)
    pass_time(seconds=1)
    assert RecoveryNotice.objects.get().state == "withdrawn"


def test_a_paper_that_names_less_than_is_owed_delivers_nothing(debt: Debt, merchant: Any) -> None:
    paper: dict[str, Any] = {
        "debt_ids": [debt.pk],
        "photograph": images.load(photograph(5)),
        "merchant_id": merchant.pk,
        "actor": "user:1",
    }
    with pytest.raises(DebtMoved):
        services.deliver_on_paper(named_fen=1199, **paper)
    services.deliver_on_paper(named_fen=1200, **paper)
    debt.refresh_from_db()
    assert debt.demanded_fen == 1200


def test_a_fee_that_rises_within_the_window_gives_the_whole_window_again(
    berth: Any, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=70)
    left_after(stay, 150)
    pass_time(seconds=1)
    assert PayWindow.objects.get().due_at >= clock.now() + timedelta(hours=71)


def test_the_database_knows_no_demand_for_less_than_is_owed(listed: Debt) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Debt.objects.filter(pk=listed.pk).update(amount_fen=1201)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(2))
def test_a_rise_at_the_instant_of_delivery_leaves_no_demand_for_less(
    transactional_db: None, holder: Any, debt: Debt, run_reactions: Any, round_: int
) -> None:
    run_reactions()
    SmsMessage.objects.all().delete()
    Demand.objects.update(state="sending", delivered_at=None, evidence="")
    Debt.objects.update(demanded_at=None, demanded_fen=None)
    demand = Demand.objects.get()
    left_after(debt.stay, 150)
    results = at_once(
        lambda: services.follow_stay(stay_id=debt.stay_id, raised=True),
        lambda: services.deliver_demand(demand_id=demand.pk, evidence="x", actor=TEST),
    )
    assert not any(isinstance(one, Exception) for one in results), results
    debt.refresh_from_db()
    assert (debt.amount_fen, debt.demanded_at) == (1800, None)
    assert OutboxEvent.objects.filter(topic="arrears.debt_raised").count() == 1

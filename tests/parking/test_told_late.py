"""What was paid in time is over, however late the provider tells us (docs/rules.md L5)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SmsMessage
from arrears.models import BlacklistEntry, Debt, Demand, PayWindow
from core import clock as business_clock
from parking import services
from parking.models import Berth, ParkingSession, Prepayment
from payments import services as payments
from payments.models import Attempt, Refund
from tests.arrears.conftest import holder, pass_time  # noqa: F401
from tests.parking.test_money import begin, ledger_sum, pay
from tests.street import PLATE


def hear(attempt: Attempt, *, late: timedelta) -> None:
    """The provider tells us now of a payment that was made so long ago."""
    payments.take_payment(
        attempt.pk,
        provider_no="1",
        paid_at=business_clock.real() - late,
        actor="provider:sandbox",
    )


def close(attempt: Attempt) -> None:
    """The provider said that nobody would pay any more, before it told us of the payment."""
    Attempt.objects.filter(pk=attempt.pk).update(state="closed", next_look_at=None)


def leave(stay: ParkingSession) -> ParkingSession:
    services.close_stay(
        berth_id=stay.berth_id, occurred_at=business_clock.now(), said_by="device:S"
    )
    return again(stay)


def again(stay: ParkingSession) -> ParkingSession:
    return ParkingSession.objects.get(pk=stay.pk)


@pytest.mark.parametrize(
    ("left_after_min", "due_fen"), [(0, 0), (4, 0), (15, 0), (16, 600)], ids=str
)
def test_leaving_within_the_minutes_after_a_payment_is_free_though_told_later(
    berth: Berth, stay_of: Any, clock: Any, left_after_min: int, due_fen: int
) -> None:
    stay = stay_of(berth, ago_min=60)
    attempt = begin(("parking.stay", stay.pk))
    clock.advance(timedelta(minutes=left_after_min))
    leave(stay)
    clock.advance(timedelta(minutes=2))
    hear(attempt, late=timedelta(minutes=left_after_min + 2))
    stay = again(stay)
    assert (stay.due_fen, stay.fee_fen) == (due_fen, 600 + due_fen)
    assert stay.state == ("due" if due_fen else "settled")
    assert ledger_sum() == 0


def test_a_debt_that_was_opened_before_we_heard_of_the_payment_never_was(
    berth: Berth,
    stay_of: Any,
    clock: Any,
    holder: Any,  # noqa: F811
    pass_time: Any,  # noqa: F811
) -> None:
    stay = stay_of(berth, ago_min=60)
    attempt = begin(("parking.stay", stay.pk))
    clock.advance(timedelta(minutes=4))
    leave(stay)
    close(attempt)
    pass_time(hours=80)
    assert Debt.objects.get().state == "open"
    hear(attempt, late=timedelta(hours=80, minutes=4))
    pass_time(hours=200)
    assert (again(stay).state, again(stay).due_fen) == ("settled", 0)
    assert Debt.objects.get().state == "cancelled"
    assert PayWindow.objects.get().state == "paid"
    assert [one.state for one in BlacklistEntry.objects.all()] == ["gone"]
    assert not Demand.objects.filter(state__in=["made", "sending"]).exists()
    assert not SmsMessage.objects.filter(state="queued").exists()


def test_paid_within_the_window_and_told_after_it_is_no_debt_either(
    berth: Berth,
    stay_of: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    stay = stay_of(berth, minutes=90)
    attempt = begin(("parking.stay", stay.pk))
    close(attempt)
    pass_time(hours=80)
    hear(attempt, late=timedelta(hours=40))
    assert again(stay).state == "settled"
    assert Debt.objects.get().state == "cancelled"


def test_a_debt_that_was_there_when_it_was_paid_is_paid(
    berth: Berth,
    stay_of: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=80)
    attempt = begin(("parking.stay", stay.pk))
    hear(attempt, late=timedelta(0))
    assert Debt.objects.get().state == "paid"


def test_who_was_asked_again_meanwhile_gets_the_second_payment_back(
    berth: Berth, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, ago_min=60)
    first = begin(("parking.stay", stay.pk))
    clock.advance(timedelta(minutes=4))
    leave(stay)
    assert pay(("parking.stay", stay.pk)) == 1200
    hear(first, late=timedelta(minutes=4))
    clock.advance(timedelta(minutes=2))  # until then its sensor may only have flapped
    services.finish_departures()
    run_reactions()
    stay = again(stay)
    assert (stay.state, stay.fee_fen, stay.due_fen) == ("settled", 600, 0)
    back = Refund.objects.get()
    assert (back.amount_fen, back.attempt.provider) == (1200, "counter")
    assert ledger_sum() == 0


def test_paid_ahead_and_told_after_leaving_pays_the_time_and_gives_the_rest_back(
    section: Any, berth: Berth, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=3)
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=180, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, berth.code)
    services.submit_prepayment(draft.token)
    attempt = begin(("parking.prepayment", draft.pk))
    clock.advance(timedelta(minutes=80))
    leave(stay)
    hear(attempt, late=timedelta(minutes=79))
    clock.advance(timedelta(minutes=2))
    services.finish_departures()
    run_reactions()
    stay = again(stay)
    assert (stay.state, stay.fee_fen, stay.due_fen) == ("settled", 1200, 0)
    assert Refund.objects.get().amount_fen == 600
    assert Prepayment.objects.get().state == "used"

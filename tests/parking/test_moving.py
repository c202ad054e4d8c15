"""Money goes with its payer: to the stay that was meant, or back, and never twice (L4)."""

from datetime import timedelta
from typing import Any

import pytest

from arrears.models import Debt, PayWindow
from core.errors import Missing, Refused
from parking import services
from parking.errors import ReasonNeeded, WrongStep
from parking.links import stay_token
from parking.models import Berth, ParkingSession, Prepayment, StayPayment
from payments import selectors as payments
from payments import services as payment_services
from payments.errors import RefundTooLarge
from payments.models import LedgerEntry, Order, OrderItem, Refund
from tests.arrears.conftest import pass_time  # noqa: F401
from tests.parking.test_money import CASHIER, arrive_money, begin, ledger_sum, pay
from tests.payments.threads import at_once
from tests.street import OTHER_PLATE, PLATE, TEST, new_section

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def mine(section: Any, stay_of: Any) -> ParkingSession:
    return stay_of(Berth.objects.get(code="A-001"), PLATE, ago_min=59)


@pytest.fixture
def other(section: Any, stay_of: Any) -> ParkingSession:
    """The neighbour, whose sign was scanned."""
    return stay_of(Berth.objects.get(code="A-002"), OTHER_PLATE, ago_min=59)


def leave(*stays: ParkingSession) -> None:
    from core import clock

    for one in stays:
        services.close_stay(berth_id=one.berth_id, occurred_at=clock.now(), said_by="device:S")


def again(stay: ParkingSession) -> tuple[str, int, int]:
    row = ParkingSession.objects.get(pk=stay.pk)
    return row.state, row.fee_fen, row.due_fen


def correct(payment: StayPayment, target: ParkingSession | None) -> Any:
    return services.correct_payment(
        payment_id=payment.pk,
        order_number=payment.order_number,
        to_stay_id=target.pk if target else None,
        actor="owner",
    )


def test_a_payer_who_scanned_the_neighbours_sign_puts_it_right(
    mine: ParkingSession, other: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    pay(("parking.stay", other.pk))
    clock.advance(timedelta(minutes=10))
    moved = correct(StayPayment.objects.get(), mine)
    assert (moved.moved_fen, moved.returned_fen) == (600, 0)
    leave(mine, other)
    run_reactions()
    assert again(mine) == ("settled", 600, 0)  # paid at minute 59, left within its 15 minutes
    assert again(other) == ("due", 1200, 1200)
    assert payments.paid_fen("parking.stay", mine.pk) == 600
    assert payments.paid_fen("parking.stay", other.pk) == 0
    assert (ledger_sum(), Refund.objects.count()) == (0, 0)


def test_after_leaving_staff_move_it_and_the_other_has_its_whole_time(
    mine: ParkingSession,
    other: ParkingSession,
    clock: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    pay(("parking.stay", other.pk))
    leave(mine, other)
    pass_time(hours=80)
    assert Debt.objects.get().stay_id == mine.pk
    paid = StayPayment.objects.get()
    with pytest.raises(Refused, match="has_left"):
        correct(paid, mine)
    with pytest.raises(ReasonNeeded):
        services.move_payment(payment_id=paid.pk, to_stay_id=mine.pk, actor="user:1", reason=" ")
    services.move_payment(payment_id=paid.pk, to_stay_id=mine.pk, actor="user:1", reason="sign")
    pass_time.follow()
    assert again(mine) == ("settled", 600, 0)
    assert again(other) == ("due", 600, 600)
    window = PayWindow.objects.get(stay=other)
    assert (window.state, window.due_at - clock.now()) == ("open", timedelta(hours=72))
    assert not Debt.objects.filter(state__in=Debt.LIVE).exists()


def test_what_the_right_stay_does_not_need_goes_back(
    mine: ParkingSession, section: Any, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    long = stay_of(Berth.objects.get(code="A-003"), OTHER_PLATE, ago_min=170)
    pay(("parking.stay", long.pk))
    moved = correct(StayPayment.objects.get(), mine)
    run_reactions()
    assert (moved.moved_fen, moved.returned_fen) == (600, 1200)
    assert Refund.objects.get().amount_fen == 1200
    leave(mine)
    assert again(mine) == ("settled", 600, 0)


def test_money_that_does_not_cover_the_right_stay_gives_no_free_minutes(
    mine: ParkingSession, stay_of: Any, clock: Any
) -> None:
    long = stay_of(Berth.objects.get(code="A-003"), OTHER_PLATE, ago_min=170)
    pay(("parking.stay", mine.pk))
    correct(StayPayment.objects.get(), long)
    leave(long)
    assert again(long) == ("due", 1800, 1200)


def test_a_payment_for_no_vehicle_here_goes_back(
    other: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    pay(("parking.stay", other.pk))
    assert correct(StayPayment.objects.get(), None).returned_fen == 600
    run_reactions()
    assert Refund.objects.get().amount_fen == 600
    other.refresh_from_db()
    assert (other.paid_until, other.leave_by, other.prepaid_fen) == (None, None, 0)
    with pytest.raises(Refused, match="nothing_kept"):
        correct(StayPayment.objects.get(), None)


def test_it_moves_from_one_merchants_books_to_the_others(
    mine: ParkingSession, city: Any, stay_of: Any, clock: Any
) -> None:
    new_section(city, code="R")
    theirs = stay_of(Berth.objects.get(code="R-001"), OTHER_PLATE, ago_min=59)
    pay(("parking.stay", mine.pk))
    correct(StayPayment.objects.get(), theirs)
    assert payments.balance_fen(f"merchant:{mine.merchant_id}") == 0
    assert payments.balance_fen(f"merchant:{city.pk}") == -600
    child = OrderItem.objects.get(merchant=city)
    assert child.entries.count() == 1
    with pytest.raises(RefundTooLarge):
        payment_services.refund(
            item_id=child.moved_from_id, amount_fen=1, reason="x", actor=TEST, key="x"
        )


def test_it_may_move_there_and_back_again(
    mine: ParkingSession, other: ParkingSession, clock: Any
) -> None:
    pay(("parking.stay", other.pk))
    correct(StayPayment.objects.get(), mine)
    correct(StayPayment.objects.get(stay=mine), other)
    leave(mine, other)
    assert again(other) == ("settled", 600, 0)
    assert again(mine) == ("due", 600, 600)
    assert ledger_sum() == 0


def test_only_the_order_of_the_payment_opens_its_correction(
    mine: ParkingSession, other: ParkingSession, clock: Any
) -> None:
    pay(("parking.stay", other.pk))
    with pytest.raises(Missing):
        services.correct_payment(
            payment_id=StayPayment.objects.get().pk,
            order_number="P1",
            to_stay_id=mine.pk,
            actor="owner",
        )


# ── Paid ahead ──────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def ahead(section: Any, mine: ParkingSession, other: ParkingSession, clock: Any) -> Prepayment:
    """Two hours paid ahead for PLATE at A-001."""
    draft = services.draft_prepayment(plate_text=PLATE.text, minutes=120, section_id=section.pk)
    services.candidate_berths(draft.token)
    services.choose_berth(draft.token, "A-001")
    services.submit_prepayment(draft.token)
    pay(("parking.prepayment", draft.pk))
    draft.refresh_from_db()
    return draft


def test_berth_and_plate_of_a_paid_order_are_corrected_until_the_vehicle_leaves(
    ahead: Prepayment, mine: ParkingSession, other: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    services.choose_berth(ahead.token, "A-002")
    wrong = services.submit_prepayment(ahead.token, "沪C99999", "blue")
    assert (wrong.outcome, wrong.attempts_left) == ("modify", 2)
    right = services.submit_prepayment(ahead.token, OTHER_PLATE.text, "blue")
    assert right.outcome == "confirmed"
    ahead.refresh_from_db()
    assert (ahead.stay_id, ahead.plate_text, ahead.state) == (other.pk, OTHER_PLATE.text, "paid")
    clock.advance(timedelta(minutes=61))  # the second hour is over
    leave(mine, other)
    assert again(other) == ("settled", 1200, 0)
    assert again(mine) == ("due", 1200, 1200)
    clock.advance(timedelta(minutes=3))
    services.finish_departures()
    ahead.refresh_from_db()
    assert ahead.state == "used"
    with pytest.raises(WrongStep):
        services.choose_berth(ahead.token, "A-001")


def test_paid_ahead_for_the_wrong_vehicle_comes_back_when_its_plate_is_corrected(
    ahead: Prepayment, mine: ParkingSession, run_reactions: Any
) -> None:
    services.correct_plate(
        stay_id=mine.pk, plate_text="沪C99999", plate_colour="blue", actor=TEST, why="x"
    )
    run_reactions()
    assert Refund.objects.get().amount_fen == 1200
    mine.refresh_from_db()
    assert (mine.state, mine.paid_until) == ("parked", None)


# ── A misread payer ─────────────────────────────────────────────────────────────────────────────
def corrected(stay: ParkingSession) -> None:
    services.correct_plate(
        stay_id=stay.pk,
        plate_text=OTHER_PLATE.text,
        plate_colour="blue",
        actor=TEST,
        why="misread",
    )


def test_who_paid_for_a_misreading_gets_it_back_and_the_right_vehicle_is_asked(
    berth: Berth,
    stay_of: Any,
    clock: Any,
    pass_time: Any,  # noqa: F811
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    pass_time(hours=1)
    pay(("parking.stay", stay.pk))
    pass_time(hours=1)
    corrected(stay)
    pass_time.follow()
    assert again(stay) == ("due", 1200, 1200)
    assert Refund.objects.get().amount_fen == 1200
    window = PayWindow.objects.get(stay=stay)
    assert (window.state, window.plate_text) == ("open", OTHER_PLATE.text)
    assert window.due_at == clock.now() + timedelta(hours=72)
    pass_time(hours=73)
    assert Debt.objects.get().plate_text == OTHER_PLATE.text
    assert ledger_sum() == 0


def test_who_stood_there_and_paid_at_the_berth_keeps_it_paid(
    berth: Berth, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE, ago_min=59)
    pay(("parking.stay", stay.pk))
    leave(stay)
    corrected(stay)
    run_reactions()
    assert again(stay) == ("settled", 600, 0)
    assert Refund.objects.count() == 0


def test_a_letter_put_right_before_anybody_paid_moves_nothing(
    berth: Berth, stay_of: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, PLATE, minutes=90)
    corrected(stay)
    pay(("parking.stay", stay.pk))
    run_reactions()
    assert again(stay)[0] == "settled"
    assert Refund.objects.count() == 0


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────
def test_the_page_after_paying_leads_to_the_correction(
    mine: ParkingSession, other: ParkingSession, clock: Any, anonymous: Any
) -> None:
    attempt = begin(("parking.stay", other.pk))
    arrive_money(attempt)
    token = attempt.order.token
    done = anonymous.get(f"/o/{token}/done/", headers=ENGLISH).content.decode()
    assert f'href="/paid/{token}/"' in done
    payment = StayPayment.objects.get()
    said = {"do": "move", "payment": payment.pk, "berth": "A-001", "plate": OTHER_PLATE.text}
    wrong = anonymous.post(f"/paid/{token}/", said, headers=ENGLISH)
    assert "No vehicle with this plate" in wrong.content.decode()
    said["plate"] = PLATE.text
    assert anonymous.post(f"/paid/{token}/", said).status_code == 302
    done = anonymous.get(f"/o/{token}/done/", headers=ENGLISH).content.decode()
    assert "Of this moved to" in done
    leave(mine, other)
    assert again(mine) == ("settled", 600, 0)
    late = anonymous.get(f"/paid/{token}/", headers=ENGLISH).content.decode()
    assert attempt.order.number in late
    assert "<form" not in late.split("<main")[1].split("</main")[0]


def test_staff_move_a_payment_on_the_page_of_its_stay(
    mine: ParkingSession, other: ParkingSession, clock: Any, merchant_client: Any, cashier: Any
) -> None:
    from tests.people import logged_in

    pay(("parking.stay", other.pk))
    leave(mine, other)
    said = {
        "do": "move",
        "move-payment": StayPayment.objects.get().pk,
        "move-berth": "A-001",
        "move-plate": PLATE.text,
        "move-reason": "scanned the neighbour's sign",
    }
    address = f"/merchant/stays/{other.pk}/"
    logged_in(cashier).post(address, said)
    assert again(mine)[0] == "due"  # who takes cash gives none away
    assert merchant_client.post(address, said).status_code == 302
    assert again(mine) == ("settled", 600, 0)
    page = merchant_client.get(address, headers=ENGLISH).content.decode()
    assert "¥6.00 moved to another stay" in page


def test_staff_give_a_part_back_on_the_page_of_its_stay_and_it_stays_paid(
    mine: ParkingSession, clock: Any, merchant_client: Any, cashier: Any
) -> None:
    from tests.people import logged_in

    pay(("parking.stay", mine.pk))
    leave(mine)
    payment = StayPayment.objects.get()
    said = {
        "do": "return",
        "return-payment": payment.pk,
        "return-amount": "2.50",
        "return-reason": "the lock came late",
        "return-key": "a" * 32,
    }
    address = f"/merchant/stays/{mine.pk}/"
    logged_in(cashier).post(address, said)
    assert not Refund.objects.exists()  # who takes cash gives none away
    for _click in range(2):
        assert merchant_client.post(address, said).status_code == 302
    refund = Refund.objects.get()
    assert (refund.amount_fen, refund.order_item_id) == (250, payment.order_item_id)
    assert again(mine) == ("settled", 600, 0)
    page = merchant_client.get(address, headers=ENGLISH).content.decode()
    assert "¥2.50 given back, the stay stays paid" in page
    assert "At most ¥3.50" in page
    more = said | {"return-key": "b" * 32, "return-amount": "3.51"}
    assert merchant_client.post(address, more).status_code == 409
    assert Refund.objects.count() == 1


def test_another_stays_payment_is_not_given_back_from_this_page(
    mine: ParkingSession, other: ParkingSession, clock: Any, merchant_client: Any
) -> None:
    pay(("parking.stay", other.pk))
    said = {
        "do": "return",
        "return-payment": StayPayment.objects.get().pk,
        "return-amount": "1",
        "return-reason": "x",
        "return-key": "a" * 32,
    }
    assert merchant_client.post(f"/merchant/stays/{mine.pk}/", said).status_code == 404
    assert not Refund.objects.exists()


def test_the_stays_own_page_asks_nothing_after_the_money_has_come(
    mine: ParkingSession, other: ParkingSession, clock: Any, anonymous: Any
) -> None:
    pay(("parking.stay", other.pk))
    correct(StayPayment.objects.get(), mine)
    page = anonymous.get(f"/s/{stay_token(mine.pk, here=True)}/")
    assert page.context["amount_fen"] == 0


# ── At the same moment ──────────────────────────────────────────────────────────────────────────
@pytest.mark.django_db(transaction=True)
def test_a_correction_and_a_departure_at_once_lose_no_fen(
    mine: ParkingSession, other: ParkingSession, clock: Any
) -> None:
    pay(("parking.stay", other.pk))
    payment = StayPayment.objects.get()
    results = at_once(lambda: correct(payment, mine), lambda: leave(other))
    errors = [one for one in results if isinstance(one, Exception)]
    assert all(isinstance(one, Refused) for one in errors), results
    leave(mine)
    paid = again(other)[2] == 0
    assert again(mine)[2] == (600 if paid else 0)
    assert again(other)[2] == (0 if paid else 600)
    assert ledger_sum() == 0


@pytest.mark.django_db(transaction=True)
def test_two_corrections_at_once_move_it_once(
    mine: ParkingSession, other: ParkingSession, stay_of: Any, clock: Any
) -> None:
    third = stay_of(Berth.objects.get(code="A-003"), None, ago_min=59)
    pay(("parking.stay", other.pk))
    payment = StayPayment.objects.get()
    at_once(lambda: correct(payment, mine), lambda: correct(payment, third))
    assert OrderItem.objects.filter(moved_from__isnull=False).count() == 1
    assert sum(one.kept_fen for one in StayPayment.objects.all()) == 600
    assert ledger_sum() == 0


@pytest.mark.django_db(transaction=True)
def test_a_refund_and_a_move_at_once_take_it_once(
    mine: ParkingSession, other: ParkingSession, clock: Any, run_reactions: Any
) -> None:
    pay(("parking.stay", other.pk))
    leave(other)
    payment = StayPayment.objects.get()
    results = at_once(
        lambda: services.move_payment(
            payment_id=payment.pk, to_stay_id=mine.pk, actor=CASHIER, reason="x"
        ),
        lambda: services.void_stay(stay_id=other.pk, actor=CASHIER, reason="x"),
    )
    errors = [one for one in results if isinstance(one, Exception)]
    assert all(isinstance(one, Refused) for one in errors), results
    run_reactions()
    kept = sum(one.kept_fen for one in StayPayment.objects.all())
    back = sum(Refund.objects.values_list("amount_fen", flat=True))
    assert kept + back == 600
    assert sum(LedgerEntry.objects.values_list("amount_fen", flat=True)) == 0
    assert Order.objects.get().state == "paid"

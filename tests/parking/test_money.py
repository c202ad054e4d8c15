"""A stay is paid while it stands, ahead, or afterwards; the ledger sums to zero (P2.6)."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core import clock, outbox
from core.errors import BoweiError
from parking import services, words
from parking.errors import PlateUnread, StayNotDue
from parking.links import stay_token
from parking.models import Berth, ParkingSession, Section, StayPayment
from parking.rules import pricing
from payments import services as payments
from payments.models import Attempt, LedgerEntry, OrderItem, Refund
from tests.street import new_section, new_tariff

CASHIER = "user:1"


def pay(*things: tuple[str, int]) -> int:
    """Pay these at the counter; the fen that were asked."""
    order = payments.open_order(items=list(things), actor=CASHIER)
    payments.pay_at_counter(order_id=order.pk, actor=CASHIER)
    return order.amount_fen


def begin(*things: tuple[str, int]) -> Attempt:
    """A payer has the bill before them at a provider."""
    order = payments.open_order(items=list(things), actor="owner")
    return payments.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="/o/x/done/", actor="owner"
    )


def arrive_money(attempt: Attempt) -> None:
    """The provider has the money of this attempt."""
    payments.take_payment(
        attempt.pk, provider_no="1", paid_at=clock.real(), actor="provider:sandbox"
    )


def ledger_sum() -> int:
    return sum(LedgerEntry.objects.values_list("amount_fen", flat=True))


def test_an_ordinary_stay_is_paid_after_leaving(
    berth: Berth, stay_of: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    assert pay(("parking.stay", stay.pk)) == 1200
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("settled", 0)
    with pytest.raises(BoweiError, match="nothing"):
        pay(("parking.stay", stay.pk))
    assert ledger_sum() == 0


def test_paying_while_parked_gives_minutes_to_leave(
    berth: Berth, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, ago_min=59)
    assert pay(("parking.stay", stay.pk)) == 600
    stay.refresh_from_db()
    assert stay.state == "parked"
    assert stay.paid_until == stay.arrived_at + timedelta(minutes=60)
    assert stay.leave_by == clock.now() + timedelta(minutes=15)
    clock.advance(timedelta(minutes=10))  # 69 minutes: a second hour has begun
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    stay.refresh_from_db()
    assert (stay.state, stay.fee_fen) == ("settled", 600)


def test_staying_longer_than_paid_is_due_for_the_rest(
    berth: Berth, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, ago_min=59)
    pay(("parking.stay", stay.pk))
    clock.advance(timedelta(minutes=30))
    assert services.quote_stay(stay.pk).amount_fen == 600
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    stay.refresh_from_db()
    assert (stay.state, stay.fee_fen, stay.due_fen) == ("due", 1200, 600)


def test_a_unit_that_begins_while_a_person_types_costs_nothing(
    berth: Berth, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, ago_min=60)
    attempt = begin(("parking.stay", stay.pk))
    clock.advance(timedelta(minutes=1))
    arrive_money(attempt)
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    stay.refresh_from_db()
    assert (stay.state, stay.fee_fen) == ("settled", 600)


def test_money_for_a_stay_that_is_settled_goes_back(berth: Berth, stay_of: Any, clock: Any) -> None:
    stay = stay_of(berth, minutes=90)
    attempt = begin(("parking.stay", stay.pk))
    services.void_stay(stay_id=stay.pk, actor=CASHIER, reason="not their car")
    arrive_money(attempt)
    assert OrderItem.objects.get().taken_fen == 0
    assert Refund.objects.get().amount_fen == 1200
    assert ledger_sum() == 0


def test_a_voided_stay_gives_all_its_money_back(
    berth: Berth, stay_of: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    pay(("parking.stay", stay.pk))
    services.void_stay(stay_id=stay.pk, actor=CASHIER, reason="not their car")
    run_reactions()
    assert [refund.amount_fen for refund in Refund.objects.all()] == [1200]
    assert StayPayment.objects.get().refunded_fen == 1200
    run_reactions()
    assert Refund.objects.count() == 1


def test_an_unread_plate_is_billed_to_nobody(berth: Berth, stay_of: Any) -> None:
    stay = stay_of(berth, None, minutes=90)
    with pytest.raises(PlateUnread):
        services.quote_stay(stay.pk)


def test_whoever_stands_there_may_pay_before_the_plate_is_read(
    berth: Berth, stay_of: Any, clock: Any
) -> None:
    stay = stay_of(berth, None, ago_min=50)
    assert pay(("parking.stay", stay.pk)) == 600
    services.close_stay(berth_id=berth.pk, occurred_at=clock.now(), said_by="device:S")
    assert ParkingSession.objects.get().state == "settled"


def test_the_lines_of_a_bill_sum_to_it(berth: Berth, stay_of: Any, clock: Any) -> None:
    stay = stay_of(berth, ago_min=59)
    pay(("parking.stay", stay.pk))
    clock.advance(timedelta(minutes=30))
    quote = services.quote_stay(stay.pk)
    assert sum(line.amount_fen for line in quote.lines) == quote.amount_fen == 600


def test_simulated_stays_are_never_billed(berth: Berth, clock: Any) -> None:
    rows = [
        {
            "plate": "沪A12345",
            "colour": "blue",
            "berth": berth.code,
            "arrived_at": "2026-01-05T09:00:00+08:00",
            "left_at": "2026-01-05T11:00:00+08:00",
            "paid_at": paid,
        }
        for paid in ("2026-01-12T09:00:00+08:00",)
    ] + [
        {
            "plate": "沪A12345",
            "colour": "blue",
            "berth": berth.code,
            "arrived_at": "2026-01-06T09:00:00+08:00",
            "left_at": "2026-01-06T11:00:00+08:00",
            "paid_at": "",
        }
    ]
    assert services.import_history(rows, actor="user:1").added == 2
    assert services.import_history(rows, actor="user:1").known == 2
    unpaid = ParkingSession.objects.get(state="due")
    assert unpaid.simulated
    with pytest.raises(StayNotDue):
        services.quote_stay(unpaid.pk)


def test_history_comes_from_a_file_by_command(
    berth: Berth, clock: Any, tmp_path: Any, capsys: Any
) -> None:
    file = tmp_path / "history.csv"
    head = "plate,colour,berth,arrived_at,left_at,paid_at\n"
    line = "沪A12345,blue,A-001,2026-01-05T09:00:00+08:00,2026-01-05T11:00:00+08:00,\n"
    file.write_text(head + line, encoding="utf-8")
    call_command("import_history", str(file), "--simulated")
    assert "1 stays added" in capsys.readouterr().out
    assert ParkingSession.objects.get().simulated
    file.write_text(head + line.replace("A-001", "A-999"), encoding="utf-8")
    with pytest.raises(CommandError, match="2"):
        call_command("import_history", str(file), "--simulated")


def test_every_line_of_a_bill_has_its_words() -> None:
    assert set(words.LINE_WORDS) == set(pricing.LINE_TEXTS)
    assert all(str(words.LINE_WORDS[code]) for code in pricing.LINE_TEXTS)


# ── Great amounts ───────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def dear_berth(clock: Any, merchant: Any) -> Berth:
    """A berth at ¥9,000.00 a minute, without a cap."""
    new_tariff(merchant, {"windows": [{"steps": [{"unit_fen": 900_000, "unit_s": 60}]}]})
    section = new_section(merchant, code="D")
    Section.objects.update(longest_stay_s=30 * 24 * 3600)
    return section.berths.get(number="1")


def test_a_stay_of_millions_is_paid_settled_and_booked_to_the_fen(
    dear_berth: Berth, stay_of: Any, merchant_client: Any, run_reactions: Any
) -> None:
    stay = stay_of(dear_berth, minutes=3 * 24 * 60)
    arrive_money(begin(("parking.stay", stay.pk)))
    run_reactions()

    stay.refresh_from_db()
    assert (stay.state, stay.fee_fen, stay.due_fen) == ("settled", 3_888_000_000, 0)
    entries = dict(LedgerEntry.objects.values_list("account", "amount_fen"))
    assert entries == {
        "provider:sandbox": 3_888_000_000,
        f"merchant:{stay.merchant_id}": -3_888_000_000,
    }
    assert "¥38,880,000.00" in merchant_client.get("/merchant/money/").content.decode()


def test_a_bill_above_one_payment_is_refused_in_a_sentence_and_stays_due(
    dear_berth: Berth, stay_of: Any, anonymous: Any, run_reactions: Any
) -> None:
    stay = stay_of(dear_berth, minutes=10 * 24 * 60)
    run_reactions()

    told = anonymous.post(f"/api/v1/parking/stays/{stay_token(stay.pk)}/pay/")
    page = anonymous.post(f"/s/{stay_token(stay.pk)}/", headers={"accept-language": "en"})

    assert (told.status_code, told.json()["type"]) == (409, "urn:bowei:problem:too_much_at_once")
    assert told.json()["facts"] == {"amount": "¥129,600,000.00", "most": "¥100,000,000.00"}
    assert "one payment is at most ¥100,000,000.00. Nothing was charged." in page.content.decode()
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("due", 12_960_000_000)
    assert not OrderItem.objects.exists()


def test_the_debts_of_two_great_stays_add_up_on_the_merchants_page(
    merchant: Any,
    dear_berth: Berth,
    stay_of: Any,
    merchant_client: Any,
    run_reactions: Any,
    clock: Any,
) -> None:
    for minutes in (3 * 24 * 60, 2 * 24 * 60):
        stay_of(dear_berth, minutes=minutes)
        clock.advance(timedelta(days=10))
    run_reactions()
    clock.advance(timedelta(hours=73))
    for _round in range(4):
        outbox.sweep_once()
        run_reactions()

    page = merchant_client.get("/merchant/debts/").content.decode()
    assert "¥38,880,000.00" in page
    assert "¥25,920,000.00" in page
    assert "¥64,800,000.00" in page

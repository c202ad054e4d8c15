"""What a person has paid: their list, the receipt as page, PDF and text."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import SmsMessage, User
from parking.models import Berth, ParkingSession
from payments import selectors, services
from payments.models import Order, Refund
from tests.parking.test_money import arrive_money
from tests.people import prove
from tests.street import PLATE, TEST

ENGLISH = {"accept-language": "en"}


@pytest.fixture
def stay(berth: Berth, stay_of: Any) -> ParkingSession:
    found: ParkingSession = stay_of(berth, minutes=90)
    return found


def paid(stay: ParkingSession, payer: User | None = None) -> Order:
    order = services.open_order(
        items=[("parking.stay", stay.pk)],
        payer_user_id=payer.pk if payer else None,
        actor=TEST,
    )
    attempt = services.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="http://x/", actor=TEST
    )
    arrive_money(attempt)
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    return order


def mine(client: Client) -> str:
    return str(client.get("/me/receipts/", headers=ENGLISH).content.decode())


def test_who_pays_finds_the_receipt_among_their_payments(
    stay: ParkingSession, owner: User, owner_client: Client, stranger_client: Client
) -> None:
    order = paid(stay, owner)
    page = mine(owner_client)
    assert "¥12.00" in page
    assert f"/o/{order.token}/receipt.pdf" in page
    assert order.token not in mine(stranger_client)


def test_what_somebody_else_paid_for_my_vehicle_stands_there_without_their_receipt(
    stay_of: Any, berth: Berth, clock: Any, owner: User, owner_client: Client
) -> None:
    prove(owner, PLATE.text, "blue")
    clock.advance(timedelta(hours=3))
    order = paid(stay_of(berth, minutes=90))
    page = mine(owner_client)
    assert "¥12.00" in page
    assert "Somebody else paid this" in page
    assert order.token not in page


def test_what_was_paid_before_a_vehicle_was_mine_is_its_former_holders(
    stay: ParkingSession, clock: Any, owner: User, owner_client: Client
) -> None:
    paid(stay)
    clock.advance(timedelta(hours=3))
    prove(owner, PLATE.text, "blue")
    assert "¥12.00" not in mine(owner_client)


def test_nobody_sees_payments_without_a_log_in(anonymous: Client, db: None) -> None:
    assert anonymous.get("/me/receipts/").headers["Location"].startswith("/me/login/")


def test_a_receipt_on_paper_says_what_was_paid_and_what_went_back(
    stay: ParkingSession, anonymous: Client
) -> None:
    order = paid(stay)
    answer = anonymous.get(f"/o/{order.token}/receipt.pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    [item] = order.bills
    services.refund(item_id=item.pk, amount_fen=500, reason="x", actor=TEST, key="k")
    [row] = selectors.kept(order)
    assert (row.item.taken_fen, row.back_fen, row.moved_fen, row.fen) == (1200, 500, 0, 700)
    assert anonymous.get(f"/o/{order.token}/receipt.pdf").content != answer.content


def test_an_order_that_is_not_paid_has_no_receipt(stay: ParkingSession, anonymous: Client) -> None:
    order = services.open_order(items=[("parking.stay", stay.pk)], actor=TEST)
    assert anonymous.get(f"/o/{order.token}/receipt.pdf").status_code == 302


def test_the_link_of_a_receipt_ends_but_not_for_its_payer(
    stay: ParkingSession, clock: Any, owner: User, owner_client: Client, anonymous: Client
) -> None:
    order = paid(stay, owner)
    clock.advance(timedelta(days=91))
    assert anonymous.get(f"/o/{order.token}/receipt.pdf").status_code == 410
    for path in ("receipt.pdf", "done/"):
        assert owner_client.get(f"/o/{order.token}/{path}").status_code == 200


def test_a_receipt_is_sent_to_its_payers_phone_once_and_to_nobody_else(
    stay: ParkingSession,
    owner: User,
    owner_client: Client,
    stranger_client: Client,
    anonymous: Client,
) -> None:
    order = paid(stay, owner)
    assert "139••••5678" in owner_client.get(f"/o/{order.token}/done/").content.decode()
    assert "139••••5678" not in anonymous.get(f"/o/{order.token}/done/").content.decode()
    for other in (stranger_client, anonymous):
        assert other.post(f"/o/{order.token}/text/").status_code == 403
    for _twice in range(2):
        assert owner_client.post(f"/o/{order.token}/text/").status_code == 302
    [text] = SmsMessage.objects.filter(template="receipt")
    assert (text.phone_masked, "¥12.00" in text.text) == ("139••••5678", True)
    assert f"/o/{order.token}/done/" in text.text


def test_what_went_back_is_not_counted_as_paid(
    stay: ParkingSession, owner: User, owner_client: Client
) -> None:
    order = paid(stay, owner)
    [item] = order.bills
    services.refund(item_id=item.pk, amount_fen=500, reason="x", actor=TEST, key="k")
    assert Refund.objects.count() == 1
    page = mine(owner_client)
    assert "¥7.00" in page
    assert "¥5.00 given back" in page

"""A merchant sees what it is owed, and each payout from its sums down to each payment."""

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from accounts.models import Merchant
from payments.models import Payout
from tests.payments.test_payouts import agree, approved, draw, paid, payee

pytestmark = pytest.mark.django_db
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def sent(merchant: Merchant, clock: Any) -> Payout:
    """A payout of two payments, approved."""
    agree(merchant, share_bp=500, hold_bp=1000, hold_days=7, weekday=2)
    payee(merchant)
    paid(merchant, 10_000)
    paid(merchant, 2_000)
    clock.advance(timedelta(days=1))
    return approved(merchant)


def test_the_page_says_what_is_owed_and_by_which_agreement(
    merchant_client: Client, merchant: Merchant, sent: Payout
) -> None:
    paid(merchant, 700)
    page = merchant_client.get(reverse("payments.payouts"), headers=ENGLISH).content.decode()
    assert "¥7.00" in page and "¥12.00" in page  # owed, and held back
    assert "keeps 5% of what was earned" in page and "Drawn up on Wednesday" in page
    assert sent.number in page and "¥102.00" in page and "ICBC ••••2345" in page
    money = merchant_client.get(reverse("payments.money"), headers=ENGLISH).content.decode()
    assert "Owed to you" in money and reverse("payments.payouts") in money


def test_a_merchant_with_whom_nothing_is_agreed_is_told_so(merchant_client: Client) -> None:
    page = merchant_client.get(reverse("payments.payouts"), headers=ENGLISH).content.decode()
    assert "Nothing is agreed about payouts yet" in page
    assert "does not know your account yet" in page


def test_a_payout_opens_to_its_payments_and_its_files_have_its_sums(
    merchant_client: Client, sent: Payout
) -> None:
    where = reverse("payments.payout", args=[sent.number])
    page = merchant_client.get(where, headers=ENGLISH).content.decode()
    for sum_of in ("¥120.00", "−¥6.00", "−¥12.00", "¥102.00"):
        assert sum_of in page
    orders = [line.entry.order_item.order.number for line in sent.lines.all()]
    for number in orders:
        assert reverse("payments.take_cash", args=[number]) in page
    answer = merchant_client.get(f"{where}?export=xlsx", headers=ENGLISH)
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    head, *rows = book.active.iter_rows(values_only=True)  # type: ignore[union-attr]
    place = head.index("Amount (yuan)")
    assert sum(Decimal(str(row[place])) for row in rows) == Decimal("120.00")
    assert f"payout-{sent.number}.xlsx" in answer["Content-Disposition"]
    paper = merchant_client.get(reverse("payments.statement", args=[sent.number]))
    assert paper.content.startswith(b"%PDF") and sent.number in paper["Content-Disposition"]


def test_what_is_only_drawn_up_or_another_merchants_is_not_shown(
    merchant_client: Client, other_merchant: Merchant, merchant: Merchant, clock: Any
) -> None:
    for one in (merchant, other_merchant):
        agree(one)
        payee(one)
        paid(one, 1_000)
    clock.advance(timedelta(days=1))
    drawn, foreign = draw(merchant), approved(other_merchant)
    for row in (drawn, foreign):
        for name in ("payments.payout", "payments.statement"):
            assert merchant_client.get(reverse(name, args=[row.number])).status_code == 404
    page = merchant_client.get(reverse("payments.payouts")).content.decode()
    assert drawn.number not in page and foreign.number not in page

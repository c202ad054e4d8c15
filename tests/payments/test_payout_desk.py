"""The operator's finance office: agree, say where money goes, draw up, approve, send, confirm."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Proposal
from core.models import AuditEntry
from payments.models import Payee, Payout, PayoutTerms
from tests.payments.test_payouts import agree, draw, paid, payee
from tests.people import logged_in, with_rights

pytestmark = pytest.mark.django_db
LIST = "admin:payments_payout_changelist"


def clerk(name: str, *rights: str) -> Client:
    return logged_in(with_rights(name, "payments.view_payout", *rights))


def act(client: Client, name: str, *rows: Payout, **said: Any) -> Any:
    data = {"action": name, "_selected_action": [row.pk for row in rows], **said}
    return client.post(reverse(LIST), data, headers={"Accept-Language": "en"})


@pytest.fixture
def earned(merchant: Merchant, clock: Any) -> Merchant:
    agree(merchant)
    payee(merchant)
    paid(merchant, 1_000)
    clock.advance(timedelta(days=1))
    return merchant


def test_a_payout_goes_from_drawn_up_to_paid_out(earned: Merchant) -> None:
    drawing = clerk("drawer", "payments.draw_payout", "payments.approve_payout")
    page = reverse("admin:payments_payout_draw")
    assert drawing.get(page).status_code == 200
    answer = drawing.post(page, {"merchant": earned.pk, "until": ""})
    row = Payout.objects.get()
    assert answer.status_code == 302 and row.net_fen == 1_000
    again = drawing.post(
        page, {"merchant": earned.pk, "until": ""}, headers={"Accept-Language": "en"}
    )
    assert "drawn up already" in again.content.decode()
    detail = drawing.get(reverse("admin:payments_payout_change", args=[row.pk])).content.decode()
    item = row.lines.get().entry.order_item
    assert item is not None
    assert reverse("admin:payments_order_change", args=[item.order_id]) in detail

    act(drawing, "approve", row)
    row.refresh_from_db()
    assert row.state == "drawn"  # who drew it up
    act(clerk("approver", "payments.approve_payout"), "approve", row)
    row.refresh_from_db()
    assert row.state == "approved"

    sending = clerk("sender", "payments.send_payout")
    file = act(sending, "send", row).content.decode("gb18030")
    head, line = file.splitlines()
    assert head == "序号,收款账号,收款户名,收款开户行,联行号,金额(元),用途,业务编号"
    assert line == (
        f"1,\t6222020200012345,津门停车,ICBC,\t102100099996,10.00,停车费 {row.number},{row.out_no}"
    )
    assert act(sending, "send", row).status_code == 302
    assert act(sending, "file_again", row).content.decode("gb18030") == file
    row.refresh_from_db()
    taken = AuditEntry.objects.filter(action="bank file taken", subject_id=str(row.pk))
    assert [one.facts["batch"] for one in taken] == [row.batch, row.batch]  # each time
    asked = act(sending, "fail", row)
    assert asked.status_code == 200 and row.number in asked.content.decode()
    act(sending, "fail", row, why="no such account")
    row.refresh_from_db()
    assert (row.state, row.problem) == ("failed", "no such account")
    act(clerk("again", "payments.approve_payout"), "send_again", row)
    act(sending, "send", row)
    act(sending, "confirm", row)
    row.refresh_from_db()
    assert row.state == "confirmed"


def test_a_payout_may_be_given_up_for_a_reason(earned: Merchant) -> None:
    row = draw(earned)
    act(clerk("drawer", "payments.draw_payout"), "drop", row, why="wrong days")
    row.refresh_from_db()
    assert row.state == "dropped"


def test_agreements_and_accounts_are_said_by_two_and_read_for_a_reason(
    merchant: Merchant, clock: Any
) -> None:
    said = with_rights("one", "payments.view_payee", "payments.add_payee", "payments.reveal_payee")
    with_rights("two", "accounts.approve_proposal", "payments.add_payee")
    one = logged_in(said)
    facts = {"merchant": merchant.pk, "holder": "津门", "number": "6222020200012345"}
    facts |= {"bank": "ICBC", "bank_code": "", "why": "new"}
    assert one.post(reverse("admin:payments_payee_add"), facts).status_code == 302
    assert not Payee.objects.exists()
    kept = Proposal.objects.get(act="payments.say_payee")
    assert "6222" not in str(kept.args)
    row = payee(merchant)
    page = reverse("admin:payments_payee_change", args=[row.pk])
    shown = one.get(page).content.decode()
    assert "••••2345" in shown and "6222020200012345" not in shown
    reveal = reverse("admin:payments_payee_reveal", args=[row.pk])
    assert "6222020200012345" not in one.get(reveal).content.decode()
    assert "6222020200012345" in one.post(reveal, {"why": "the bank asks"}).content.decode()

    agreeing = logged_in(
        with_rights("three", "payments.view_payoutterms", "payments.add_payoutterms")
    )
    facts = {"merchant": merchant.pk, "valid_from_0": "2026-03-01", "valid_from_1": "00:00"}
    facts |= {"share_bp": 250, "hold_bp": 0, "hold_fen": "0", "hold_days": 0, "least_fen": "1"}
    facts |= {"fees_borne": "on", "weekday": "2", "why": "x"}
    answer = agreeing.post(reverse("admin:payments_payoutterms_add"), facts)
    assert answer.status_code == 302
    assert PayoutTerms.objects.get().share_text == "2.5%"  # nobody else could agree

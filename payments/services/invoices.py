"""Tax invoices: asked for once, never of more than was kept, taken back when money goes back."""

import re
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import clock, live, locks
from core.errors import Invalid, Missing, Refused
from core.transition import transition
from payments.invoices import issuer_for
from payments.invoices.base import InvoiceAsked, InvoiceSays, IssuerUnclear
from payments.models import Invoice, Order
from payments.rules import next_look_s
from payments.rules.numbers import ALPHABET
from payments.selectors.receipts import kept_of_merchant
from payments.states import InvoiceState, OrderState

SYSTEM = "system:payments.invoices"
WENT_BACK = gettext_noop("Money went back meanwhile; ask anew for the rest.")
TAX_NO = re.compile(r"[0-9A-HJ-NPQRTUWXY]{15,20}")


@transaction.atomic
def ask_invoice(
    *, order_id: int, merchant_id: int, buyer_name: str, buyer_tax_no: str = "", actor: str
) -> Invoice:
    """Ask for the invoice of what this merchant has kept of a paid order; the one that was asked
    for before, where it stands or is on its way.

    Raises Invalid for a buyer that is none, Missing where this merchant issues none, Refused where
    nothing is paid or kept.
    """
    name, tax_no = buyer_name.strip()[:100], re.sub(r"\s", "", buyer_tax_no).upper()
    if not name:
        raise Invalid("no_buyer", _("Say whom the invoice is for."))
    if tax_no and not TAX_NO.fullmatch(tax_no):
        raise Invalid("bad_tax_no", _("This is no tax number: it has 15 to 20 letters and digits."))
    order = locks.lock(Order.objects.filter(pk=order_id))[0]
    item = order.items.select_related("merchant").filter(merchant=merchant_id).first()
    issuer = issuer_for(item.merchant) if item is not None else None
    if issuer is None:
        raise Missing("no_issuer")
    standing = Invoice.objects.filter(order=order, merchant=merchant_id, state__in=Invoice.LIVE)
    if (found := standing.first()) is not None:
        return found
    kept_fen = kept_of_merchant(order, merchant_id)
    if order.state != OrderState.PAID or kept_fen <= 0:
        raise Refused("nothing_kept", _("Nothing of this payment is left to be invoiced."))
    return Invoice.objects.create(
        order=order,
        merchant_id=merchant_id,
        issuer=issuer.name,
        number="F" + "".join(secrets.choice(ALPHABET) for _place in range(18)),
        amount_fen=kept_fen,
        buyer_name=name,
        buyer_tax_no=tax_no,
        asked_at=clock.now(),
        asked_by=actor,
        next_look_at=clock.real(),
    )


def money_went(order: Order, merchant_id: int) -> None:
    """Money of this order left this merchant, in the transaction that holds the order's row: an
    invoice of more than is kept now is taken back."""
    rows = Invoice.objects.filter(order=order, merchant=merchant_id, state=InvoiceState.ISSUED)
    invoice = rows.first()
    if invoice is not None and invoice.amount_fen > kept_of_merchant(order, merchant_id):
        transition(
            invoice,
            source=InvoiceState.ISSUED,
            target=InvoiceState.REVERSING,
            actor=SYSTEM,
            reason="money went back",
            next_look_at=clock.real(),
            looks=0,
        )


def carry_out_invoice(invoice_id: int) -> str:
    """Ask the issuer once for this invoice or its red letter, or how they stand; its state
    afterwards. Our numbers never change, and nothing is locked meanwhile."""
    row = Invoice.objects.select_related("merchant").get(pk=invoice_id)
    issuer = issuer_for(row.merchant)
    if row.state not in (InvoiceState.ASKED, InvoiceState.REVERSING):
        return str(row.state)
    if issuer is None or issuer.name != row.issuer:
        return _mark(row.pk, InvoiceSays(stands="pending", problem="no issuer is set up any more"))
    backwards = row.state == InvoiceState.REVERSING
    asked = InvoiceAsked(
        number=row.number,
        amount_fen=row.amount_fen,
        buyer_name=row.buyer_name,
        buyer_tax_no=row.buyer_tax_no,
        fapiao_no=row.fapiao_no,
    )
    ask, query = (
        (issuer.reverse, issuer.query_reversal) if backwards else (issuer.issue, issuer.query)
    )
    sent = row.reversal_sent_at if backwards else row.sent_at
    try:
        says = query(asked) if sent else InvoiceSays(stands="absent")
        if says.stands == "absent":
            if not _may_be_sent(row.pk, backwards=backwards):
                return str(Invoice.objects.get(pk=row.pk).state)
            says = ask(asked)
    except IssuerUnclear as error:
        says = InvoiceSays(stands="pending", problem=str(error))
    return _mark(row.pk, says)


@transaction.atomic
def _may_be_sent(invoice_id: int, *, backwards: bool) -> bool:
    """Whether the issuer is asked now; noted before, for it may hear us though we die. An invoice
    of more than is kept meanwhile is not asked for."""
    row = _locked(invoice_id)
    if not backwards and row.amount_fen > kept_of_merchant(row.order, row.merchant_id):
        _refuse(row, WENT_BACK)
        return False
    Invoice.objects.filter(pk=row.pk).update(
        **{"reversal_sent_at" if backwards else "sent_at": clock.real()}
    )
    return True


@transaction.atomic
def _mark(invoice_id: int, says: InvoiceSays) -> str:
    row = _locked(invoice_id)
    actor = f"issuer:{row.issuer}"
    if row.state == InvoiceState.ASKED and says.stands == "done":
        transition(
            row,
            source=InvoiceState.ASKED,
            target=InvoiceState.ISSUED,
            actor=actor,
            fapiao_no=says.fapiao_no[:64],
            url=says.url if says.url.startswith("https://") else "",
            issued_at=clock.now(),
            next_look_at=None,
            problem="",
        )
        money_went(row.order, row.merchant_id)
    elif row.state == InvoiceState.ASKED and says.stands == "refused":
        _refuse(row, says.problem)
    elif row.state == InvoiceState.REVERSING and says.stands == "done":
        transition(
            row,
            source=InvoiceState.REVERSING,
            target=InvoiceState.REVERSED,
            actor=actor,
            red_no=says.fapiao_no[:64],
            reversed_at=clock.now(),
            next_look_at=None,
            problem="",
        )
    elif row.state in (InvoiceState.ASKED, InvoiceState.REVERSING):
        looks = min(row.looks + 1, 10_000)
        Invoice.objects.filter(pk=row.pk).update(
            problem=says.problem[:300],
            looks=looks,
            next_look_at=clock.real() + timedelta(seconds=next_look_s(looks)),
        )
    live.push(f"order:{row.order.number}")
    row.refresh_from_db()
    return str(row.state)


def _refuse(row: Invoice, problem: str) -> None:
    transition(
        row,
        source=InvoiceState.ASKED,
        target=InvoiceState.REFUSED,
        actor=f"issuer:{row.issuer}",
        reason=problem[:300],
        problem=problem[:300],
        next_look_at=None,
    )


def _locked(invoice_id: int) -> Invoice:
    """The invoice as it is now, its order locked."""
    row = Invoice.objects.get(pk=invoice_id)
    locks.lock(Order.objects.filter(pk=row.order_id))
    return Invoice.objects.select_related("order").get(pk=invoice_id)

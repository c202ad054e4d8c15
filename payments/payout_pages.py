"""The portal's pages of payouts: what is owed, what was paid out, each with all its lines."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.guards import file_of, merchant_page
from payments import selectors
from payments.selectors.statements import days_of, printed_statement
from payments.tables import LineTable, PayoutTable


@never_cache
@require_GET
@merchant_page("money")
def payouts(request: HttpRequest) -> HttpResponseBase:
    """What the merchant is owed now and why not all of it is sent yet, and its payouts."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    table = PayoutTable(request, selectors.payouts_of(merchant_id))
    if file := file_of(request, table):
        return file
    owed_fen = selectors.owed_fen(merchant_id)
    payable_fen = selectors.payable_fen(merchant_id)
    context = {
        "table": table,
        "owed_fen": owed_fen,
        "payable_fen": payable_fen,
        "waiting_fen": owed_fen - payable_fen,
        "held_fen": selectors.held_fen(merchant_id),
        "terms": selectors.terms_now(merchant_id),
        "payee": selectors.payee_of(merchant_id),
        "topic": f"merchant:{merchant_id}",
    }
    return render(request, "payments/merchant_payouts.html", context)


@never_cache
@require_GET
@merchant_page("money")
def payout(request: HttpRequest, number: str) -> HttpResponseBase:
    """One payout: what it comes to, by day, and line by line."""
    found = selectors.payout(number, request.merchant.pk)  # type: ignore[attr-defined]
    table = LineTable(request, selectors.lines_of(found))
    if file := file_of(request, table):
        return file
    kept = [
        (_("Cash in your hands"), -found.cash_fen),
        (_("Operator's share"), -found.share_fen),
        (_("Providers' fees"), -found.fees_fen),
        (_("Held back for refunds"), -found.held_fen),
        (_("Held back before, paid out now"), found.released_fen),
    ]
    context = {
        "payout": found,
        "table": table,
        "days": days_of(found),
        "kept": [(text, fen) for text, fen in kept if fen],
    }
    return render(request, "payments/merchant_payout.html", context)


@never_cache
@require_GET
@merchant_page("money")
def statement(request: HttpRequest, number: str) -> HttpResponse:
    """The statement of a payout as a PDF."""
    found = selectors.payout(number, request.merchant.pk)  # type: ignore[attr-defined]
    answer = HttpResponse(printed_statement(found), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="payout-{found.number}.pdf"'
    return answer

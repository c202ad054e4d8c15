"""What a person has paid, and what was paid for the vehicles that are shown to be theirs."""

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import selectors as accounts
from accounts.guards import owner_page
from parking import selectors
from payments import selectors as payments

MOST = 100


@never_cache
@require_GET
@owner_page
def receipts(request: HttpRequest) -> HttpResponse:
    """Their own payments with their receipts, and beside them what others paid for their vehicles:
    that has no receipt here, which is its payer's."""
    user = request.user
    assert isinstance(user, get_user_model())
    own = payments.orders_of_payer(user.pk, limit=MOST)
    held = accounts.proven_since(user)
    others = selectors.paid_for(held, but=[one.number for one in own], limit=MOST)
    rows: list[dict[str, Any]] = [
        {
            "at": one.paid_at,
            "order": one,
            "title": one.title,
            "more": len(one.bills) - 1,
            "fen": sum(kept.fen for kept in payments.kept(one)),
            "back_fen": sum(kept.back_fen for kept in payments.kept(one)),
        }
        for one in own
    ]
    rows += [
        {
            "at": one.paid_at,
            "title": f"{one.stay.berth.section.name} · {one.stay.berth.code}",
            "plate": selectors.shown_plate(one.stay, own=[(h[0], h[1]) for h in held]),
            "fen": one.kept_fen,
            "back_fen": one.refunded_fen,
        }
        for one in others
    ]
    rows.sort(key=lambda row: row["at"], reverse=True)
    return render(request, "parking/owner_receipts.html", {"rows": rows[:MOST]})

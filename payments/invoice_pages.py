"""The payer's page for tax invoices: ask for them, and see what has become of them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.guards import actor_of
from core import parse
from core.errors import BoweiError, Missing
from payments import selectors, services
from payments.forms import BuyerForm
from payments.models import Order


@never_cache
@require_http_methods(["GET", "POST"])
def invoices(request: HttpRequest, token: str) -> HttpResponse:
    """One invoice for each merchant that issues any; the order's link is the right to ask."""
    order = selectors.order_by_token(token, reader_id=request.user.pk)
    if order.state != Order.State.PAID:
        return redirect("payments.done", token=token)
    sellers = selectors.sellers_of(order)
    if not sellers:
        raise Missing()
    asked_of = parse.number(request.POST.get("merchant", "")) if request.method == "POST" else None
    problem: BoweiError | None = None
    for one in sellers:
        mine = one["merchant"].pk == asked_of
        one["form"] = BuyerForm(
            request.POST if mine else None, auto_id=f"seller-{one['merchant'].pk}-%s"
        )
        if mine and one["form"].is_valid():
            try:
                services.ask_invoice(
                    order_id=order.pk,
                    merchant_id=one["merchant"].pk,
                    actor=actor_of(request),
                    **one["form"].cleaned_data,
                )
                return redirect("payments.invoice", token=token)
            except BoweiError as error:
                problem = error
    context: dict[str, Any] = {
        "order": order,
        "sellers": sellers,
        "problem": problem,
        "topic": f"order:{order.number}",
    }
    status = problem.status if problem else 200
    return render(request, "payments/owner_invoice.html", context, status=status)

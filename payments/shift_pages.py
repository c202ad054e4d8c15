"""The pages of those who take cash: their shift, its count, hand-over, and slips to print."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.guards import actor_of, file_of, merchant_page
from accounts.rules import may
from accounts.selectors import name_of
from core.errors import BoweiError, Missing
from payments import providers, selectors, services
from payments.forms import CountForm, OpeningForm
from payments.models import CashShift
from payments.states import OrderState, ShiftState
from payments.tables import ShiftTable


@never_cache
@merchant_page("cash")
def cash(request: HttpRequest) -> HttpResponseBase:
    """One's own shift, what others have counted, and the shifts so far: all for who has the money
    page, else one's own."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    actor = actor_of(request)
    all_of_them = may(request.role, "money")  # type: ignore[attr-defined]
    table = ShiftTable(request, selectors.shifts_of(merchant_id, "" if all_of_them else actor))
    if file := file_of(request, table):
        return file
    mine = selectors.shift_under_way(merchant_id, actor)
    to_receive = selectors.shifts_to_receive(merchant_id)
    context = {
        "mine": mine,
        "taken": selectors.payments_of(mine).count() if mine else 0,
        "opening": OpeningForm(),
        "to_receive": [_shown(row) for row in to_receive if row.counted_by != actor],
        "all": all_of_them,
        "table": table,
        "topic": f"merchant:{merchant_id}",
    }
    return render(request, "payments/merchant_cash.html", context)


@require_POST
@merchant_page("cash")
def begin(request: HttpRequest) -> HttpResponseBase:
    """A person begins a shift with what lies in the drawer."""
    form = OpeningForm(request.POST)
    if not form.is_valid():
        messages.warning(request, str(form.errors["opening"][0]))
        return redirect("payments.cash")
    shift = services.begin_shift(
        merchant_id=request.merchant.pk,  # type: ignore[attr-defined]
        opening_fen=form.cleaned_data["opening"],
        actor=actor_of(request),
    )
    messages.success(request, _("Your shift has begun."))
    return redirect("payments.shift", shift_id=shift.pk)


@never_cache
@merchant_page("cash")
def shift(request: HttpRequest, shift_id: int) -> HttpResponse:
    """One shift: what was taken and handed back, its count, and into whose hands it went.

    What should be there is shown after the count, so that nobody counts until it fits.
    """
    found = _own_or_any(request, shift_id)
    problem: BoweiError | None = None
    form = CountForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            return _act(request, found, form)
        except BoweiError as error:
            problem = error
            found.refresh_from_db()
    status = problem.status if problem else 400 if form.errors else 200
    context = {**_shown(found), "form": form, "problem": problem}
    context |= {
        "may_count": found.state == ShiftState.OPEN and _may_count(request, found),
        "may_receive": found.state == ShiftState.COUNTED,
        "payments": selectors.payments_of(found),
        "handed_back": selectors.handed_back_in(found),
    }
    return render(request, "payments/merchant_shift.html", context, status=status)


def _act(request: HttpRequest, found: CashShift, form: CountForm) -> HttpResponse:
    said: dict[str, Any] = {
        "shift_id": found.pk,
        "merchant_id": found.merchant_id,
        "why": form.cleaned_data["why"],
        "actor": actor_of(request),
    }
    counted_fen = form.cleaned_data["counted"]
    if request.POST.get("act") == "receive":
        services.receive_shift(received_fen=counted_fen, **said)
        messages.success(request, _("Received: the cash is yours to keep now."))
    else:
        if not _may_count(request, found):
            raise Missing()
        services.count_shift(counted_fen=counted_fen, **said)
        messages.success(request, _("Counted. Another person receives the cash now."))
    return redirect("payments.shift", shift_id=found.pk)


def _may_count(request: HttpRequest, found: CashShift) -> bool:
    """Whose it is, or who answers for the others: somebody may have gone home without a count."""
    return found.person == actor_of(request) or may(request.role, "approve")  # type: ignore[attr-defined]


def _own_or_any(request: HttpRequest, shift_id: int) -> CashShift:
    """A shift that this person may see: their own, one to be received, any with the money page."""
    found = selectors.shift(shift_id, request.merchant.pk)  # type: ignore[attr-defined]
    own = found.person == actor_of(request) or found.received_by == actor_of(request)
    if own or found.state == ShiftState.COUNTED or may(request.role, "money"):  # type: ignore[attr-defined]
        return found
    raise Missing()


def _shown(found: CashShift) -> dict[str, Any]:
    return {
        "shift": found,
        "person": name_of(found.person),
        "counter": name_of(found.counted_by) if found.counted_by else "",
        "receiver": name_of(found.received_by) if found.received_by else "",
        "taken_fen": selectors.taken_fen(found),
        "back_fen": selectors.back_fen(found),
        "came_in_fen": selectors.came_in_fen(found),
        "expected_fen": selectors.expected_fen(found),
    }


@never_cache
@merchant_page("cash")
def slip(request: HttpRequest, number: str) -> HttpResponse:
    """A slip of 58 mm for the payer: what to pay and its code, or, once it is paid, the receipt."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    found = selectors.order_of_merchant(number, merchant_id)
    attempt = selectors.paying_attempt(found)
    context = {
        "order": found,
        "items": found.bills,
        "paid": found.state == OrderState.PAID,
        "way": providers.word(attempt.provider) if attempt else "",
        "address": selectors.order_public_url(found),
        "merchant": request.merchant,  # type: ignore[attr-defined]
    }
    return render(request, "payments/slip.html", context)

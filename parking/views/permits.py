"""The merchant's permits: who stands free on its roads, since when, on whose word."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.guards import StaffRequest, actor_of, file_of, merchant_page
from accounts.rules import may
from core.errors import BoweiError, Invalid, Missing
from parking import selectors, services
from parking.forms import PermitForm
from parking.models import Permit
from parking.tables import PermitTable


@require_http_methods(["GET", "POST"])
@merchant_page("settle_stay")
def permits(request: StaffRequest) -> HttpResponseBase:
    """The list, or its file; asking for a permit. What shows one may be of health: it is for who
    settles stays alone."""
    merchant_id = request.merchant.pk
    rows = selectors.permits_of_merchant(merchant_id)
    table = PermitTable(request, rows)
    if file := file_of(request, table):
        return file
    form = PermitForm(request.POST if request.method == "POST" else None, merchant_id=merchant_id)
    if form.is_bound and form.is_valid() and _ask(request, form):
        return redirect("parking.permits")
    context = {
        "table": table,
        "form": form,
        "may_decide": may(request.role, "approve"),
        "without": selectors.sections_without_permits(merchant_id),
    }
    status = 400 if form.is_bound else 200
    return render(request, "parking/merchant_permits.html", context, status=status)


def _ask(request: StaffRequest, form: PermitForm) -> bool:
    given: dict[str, Any] = dict(form.cleaned_data)
    sections = list(given.pop("sections"))
    row = Permit(
        merchant=request.merchant,
        plate_text=given.pop("plate"),
        plate_colour=given.pop("colour"),
        **given,
    )
    try:
        services.ask_permit(row, sections=sections, actor=actor_of(request))
    except Invalid as error:
        for name, said in error.fields.items():
            form.add_error(name, str(said))
        return False
    messages.success(request, _("Asked for. It holds once another person has granted it."))
    return True


@require_POST
@merchant_page("approve")
def decide_permit(request: StaffRequest, permit_id: int) -> HttpResponse:
    """Grant what another has asked for, or end it."""
    if not selectors.permits_of_merchant(request.merchant.pk).filter(pk=permit_id).exists():
        raise Missing()
    actor, reason = actor_of(request), request.POST.get("reason", "").strip()
    try:
        if "reason" not in request.POST:
            services.grant_permit(permit_id=permit_id, actor=actor)
            messages.success(request, _("The permit holds from now on."))
        elif reason:
            services.end_permit(permit_id=permit_id, actor=actor, reason=reason)
            messages.success(request, _("The permit has ended."))
        else:
            messages.warning(request, _("Say why it ends."))
    except BoweiError as error:
        messages.warning(request, error.message)
    return redirect("parking.permits")

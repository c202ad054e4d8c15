"""Pages of what we know of people: the information for everybody, and the requests of one's own."""

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import information, own_data, services, sms
from accounts.guards import owner_page
from accounts.models import DataRequest, User
from core import clock, limits
from core.errors import BoweiError


@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    """What we know of people, why, how long, and who sees it."""
    context = {"rows": information.ALL, "version": own_data.INFORMATION}
    return render(request, "accounts/owner_privacy.html", context)


@never_cache
@owner_page
@require_http_methods(["GET", "POST"])
def requests(request: HttpRequest) -> HttpResponse:
    """Ask for everything, a correction, or to be forgotten; a code to the phone says who asks."""
    user = request.user
    assert isinstance(user, User)
    context: dict[str, Any] = {"kind": "export", "text": ""}
    browser = limits.browser_of(request) or secrets.token_urlsafe(16)
    if request.method == "POST":
        context |= {name: request.POST.get(name, "") for name in ("kind", "text")}
        code = request.POST.get("code", "").strip()
        try:
            if code:
                services.redeem_login_code(phone=user.phone, code=code, browser=browser)
                row = own_data.ask(user=user, kind=context["kind"], text=context["text"])
                told = {"what": row.get_kind_display(), "at": f"{row.due_by:%Y-%m-%d}"}
                messages.success(
                    request, _("You have asked for %(what)s. We answer by %(at)s.") % told
                )
                return limits.keep_browser(redirect("accounts.own_data"), browser)
            message = services.send_login_code(phone=user.phone, browser=browser)
            context["sent"] = True
            if not sms.sends():
                context["sandbox_text"] = message.text
        except BoweiError as error:
            context |= {"error": error, "sent": bool(code)}
    context |= {
        "rows": user.data_requests.order_by("-pk")[:20],
        "kinds": DataRequest.Kind.choices,
        "needed": own_data.needed(user),
        "phone": user.phone_masked,
        "real": clock.real(),
    }
    status = context["error"].status if "error" in context else 200
    page = render(request, "accounts/owner_data.html", context, status=status)
    return limits.keep_browser(page, browser)


@owner_page
@require_POST
def withdraw(request: HttpRequest, request_id: int) -> HttpResponse:
    """The request is not needed any more."""
    user = request.user
    assert isinstance(user, User)
    own_data.withdraw(user=user, request_id=request_id)
    messages.success(request, _("The request is withdrawn."))
    return redirect("accounts.own_data")


@never_cache
@owner_page
@require_POST
def file(request: HttpRequest, request_id: int) -> HttpResponse:
    """The file of everything, once."""
    user = request.user
    assert isinstance(user, User)
    packed = own_data.fetch_file(user=user, request_id=request_id)
    response = HttpResponse(packed, content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="bowei-data.zip"'
    return response

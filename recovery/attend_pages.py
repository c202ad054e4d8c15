"""The attendant's phone: what waits on the street, a vehicle's bill, cash and code at the car.

Whole without JavaScript while there is network. With it, cash that is taken without network waits
in the phone (static/recovery/attend.js) and arrives here act by act, each once.
"""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.guards import actor_of, merchant_page
from arrears import selectors as arrears
from core import images, wiring
from core.api import problem_response
from core.errors import BoweiError
from core.fields import YuanField
from core.filters import note_search
from core.money import format_fen
from core.plates import chip, parse
from core.typed import PlateField, typed_plate
from parking import selectors as parking
from parking import services as parking_services
from payments import selectors as payments
from payments import services as pay
from payments.errors import AmountChanged
from payments.states import OrderState
from recovery import attend_acts, selectors
from recovery.models import RecoveryOrder
from recovery.services import attending
from recovery.states import MoveState, RecoveryState

WORKER = settings.BASE_DIR / "static/recovery/attend_worker.js"
NEEDED = (  # by the page, also where no network is
    "bowei/tokens.css",
    "bowei/base.css",
    "bowei/parts.css",
    "bowei/page.js",
    "bowei/live.js",
    "bowei/favicon.svg",
    "bowei/icons.svg",
    "recovery/attend.css",
    "recovery/attend.js",
    "recovery/camera.js",
)
CAMERA = "camera=(self), microphone=(), geolocation=(self), payment=()"


class LookUp(forms.Form):
    """The plate of the vehicle in front of one."""

    plate = PlateField(label=gettext_lazy("Plate of the vehicle"))


class NoteCash(forms.Form):
    """Cash that is noted in the phone while there is no network."""

    plate = PlateField(label=gettext_lazy("Plate of the vehicle"))
    amount = YuanField(label=gettext_lazy("Cash taken (¥)"))


class Photograph(forms.Form):
    """The vehicle in front of one, for the reader."""

    photograph = forms.FileField(
        label=gettext_lazy("Photograph of the plate"),
        widget=forms.ClearableFileInput(attrs={"accept": "image/*", "capture": "environment"}),
    )


@never_cache
@merchant_page("cash")
def attend(request: HttpRequest) -> HttpResponseBase:
    """What waits on the street, and the look-up of a vehicle: on to its bill."""
    problem: BoweiError | None = None
    form = LookUp(request.POST if request.method == "POST" else None)
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    if form.is_bound and form.is_valid():
        plate = typed_plate(form.cleaned_data["plate"])
        note_search(request.user, of=RecoveryOrder, plate=plate.text)
        try:
            found = attending.bill_at_car(
                merchant_id=merchant_id, plate=plate, actor=actor_of(request)
            )
            return redirect("recovery.attend_bill", number=found.number)
        except BoweiError as error:
            problem = error
    return _page(request, form=form, problem=problem)


def _page(
    request: HttpRequest,
    *,
    form: LookUp,
    problem: BoweiError | None = None,
    read: dict[str, Any] | None = None,
) -> HttpResponse:
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    may_do = request.may_do  # type: ignore[attr-defined]
    orders = selectors.orders_of(merchant_id, state=selectors.UNDER_WAY)
    context = {
        "form": form,
        "photograph": Photograph(),
        "read": read,
        "noting": NoteCash(auto_id="note_%s"),
        "problem": problem,
        "shift": payments.shift_under_way(merchant_id, actor_of(request)),
        "tasks": _tasks(request, merchant_id),
        "orders": [_at_lock(request, one) for one in orders],
        "locks": [one for one in selectors.locks_of(merchant_id) if not one["busy"]],
        "may": {name: may_do(name) for name in ("recover", "debts")},
        "person": request.user.pk,
        "topic": f"merchant:{merchant_id}",
    }
    status = problem.status if problem else 400 if form.errors else 200
    page = render(request, "recovery/attend.html", context, status=status)
    page["Permissions-Policy"] = CAMERA
    return page


@never_cache
@require_POST
@merchant_page("cash")
def plate(request: HttpRequest) -> HttpResponse:
    """A photograph of a vehicle is read and forgotten: its plate in the field, for the attendant to
    compare with the one that stands there."""
    try:
        upload = request.FILES.get("photograph")
        photograph = images.read_upload(upload) if upload else b""
        read = _read_as(parking_services.glance(photograph))
    except BoweiError as error:
        if request.accepts("text/html"):
            return _page(request, form=LookUp(), problem=error)
        return problem_response(error)
    if request.accepts("text/html"):
        best = read["plates"][0]["text"] if read["plates"] else ""
        return _page(request, form=LookUp(initial={"plate": best}), read=read)
    return JsonResponse(read)


def _read_as(found: parking_services.Glance) -> dict[str, Any]:
    """What was read, as the page says it."""
    told = [
        {"text": parse(text).display, "percent": min(99, int(share * 100))}
        for text, share in found.plates
    ]
    if not told:
        return {"plates": [], "text": _("No plate was found in it. Go nearer, or type it.")}
    words = (
        _("Read, %(percent)s %% sure. Compare it with the vehicle.")
        if found.sure
        else _("Hard to read, %(percent)s %% sure. Compare each character.")
    )
    return {"plates": told, "text": words % {"percent": told[0]["percent"]}}


def _tasks(request: HttpRequest, merchant_id: int) -> list[dict[str, Any]]:
    """What waits, but for locks, which have a part of their own: what is urgent first, then by
    section; the phone sorts by nearness."""
    found = [one for one in wiring.needs(merchant_id) if "order" not in one]
    found.sort(key=lambda one: (one.get("tone") != "signal", one.get("title", "")))
    return [_masked(request, one) for one in found]


def _at_lock(request: HttpRequest, order: RecoveryOrder) -> dict[str, Any]:
    """One lock, and what this person may do there now."""
    standing, up = order.state in RecoveryOrder.STANDING, selectors.is_up(order)
    may_do = request.may_do  # type: ignore[attr-defined]
    hands = may_do("recover") or may_do("capture")
    move = getattr(order, "move", None)
    return {
        "id": order.pk,
        "state": order.state,
        "title": f"{order.section.name} {order.berth.number}",
        "plate": chip(order.plate),
        "text": selectors.problem_text(order.problem) if order.problem else "",
        "latitude": order.berth.latitude,
        "longitude": order.berth.longitude,
        "place": hands and order.state == RecoveryState.BOUND,
        "raise": may_do("recover") and order.state == RecoveryState.PLACED,
        "look": may_do("recover") and order.state in (RecoveryState.BOUND, RecoveryState.PLACED),
        "lower": may_do("lower_lock") and (up or (standing and order.raising_at is not None)),
        "fetch": hands and move is not None and move.state == MoveState.OPEN and not up,
    }


def _masked(request: HttpRequest, item: dict[str, Any]) -> dict[str, Any]:
    """What waits, for who reads a plate only to compare a vehicle with it."""
    if not item["plate"] or item.get("compare") or request.reads_plates:  # type: ignore[attr-defined]
        return {**item, "look_up": item["plate"] and item["plate"]["text"]}
    return {**item, "plate": {**item["plate"], "masked": True}, "look_up": ""}


@never_cache
@merchant_page("cash")
def bill(request: HttpRequest, number: str) -> HttpResponse:
    """One vehicle's bill at the car: the code that its driver scans, or cash."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    found = payments.order_of_merchant(number, merchant_id)
    problem: BoweiError | None = None
    if request.method == "POST":
        try:
            pay.pay_at_counter(found.pk, actor_of(request), merchant_id=merchant_id)
            messages.success(
                request, _("Cash noted: %(amount)s.") % {"amount": format_fen(found.amount_fen)}
            )
            return redirect("recovery.attend_bill", number=number)
        except AmountChanged as change:
            messages.warning(request, change.message)
            fresh = payments.order_by_token(change.token)
            return redirect("recovery.attend_bill", number=fresh.number)
        except BoweiError as error:
            problem = error
            found.refresh_from_db()
    context = {
        "order": found,
        "items": found.bills,
        "plate": _plate_of(found.bills),
        "paid": found.state == OrderState.PAID,
        "open": found.state == OrderState.OPEN,
        "address": payments.order_public_url(found),
        "problem": problem,
        "topic": f"order:{found.number}",
    }
    status = problem.status if problem else 200
    return render(request, "recovery/attend_bill.html", context, status=status)


def _plate_of(items: list[Any]) -> dict[str, Any] | None:
    """The vehicle of a bill, to compare with the one that stands there."""
    ids = [item.subject_id for item in items if item.payable == "parking.stay"]
    known = parking.stays(ids).values()
    return next((chip(one.plate) for one in known if one.plate), None)


@never_cache
@require_POST
@merchant_page("cash")
def acts(request: HttpRequest) -> HttpResponse:
    """One act of the page, done now or when there was no network; what became of it.

    A refusal is a problem document, which the phone shows to who did it; without JavaScript both
    are sentences on the page.
    """
    on_page = request.accepts("text/html")
    try:
        done = attend_acts.do(attend_acts.read(request))
    except BoweiError as error:
        if not on_page:
            return problem_response(error)
        messages.warning(request, error.message)
    else:
        if not on_page:
            return JsonResponse(done)
        messages.success(request, done["text"])
    return redirect("recovery.attend")


@never_cache
@merchant_page("debts")
def paper_slip(request: HttpRequest, demand_id: int) -> HttpResponse:
    """The paper notice of 58 mm that is left at the vehicle: each stay with its sum and code."""
    merchant = request.merchant  # type: ignore[attr-defined]
    paper = arrears.paper_of_merchant(merchant.pk, demand_id)
    owed = [
        {
            "text": f"{one.section_name} {one.berth_code}",
            "at": one.arrived_at,
            "amount_fen": one.amount_fen,
            "address": settings.PUBLIC_URL + parking.stay_path(one.stay_id),
        }
        for one in paper.debts
    ]
    context = {"merchant": merchant, "paper": paper, "owed": owed}
    return render(request, "recovery/attend_paper_slip.html", context)


@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    """What keeps the page on the phone, for where no network is; its folder is its realm."""
    told = {"PAGE": reverse("recovery.attend"), "NEEDED": [static(one) for one in NEEDED]}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in told.items())
    script = WORKER.read_text(encoding="utf-8")
    return HttpResponse(head + script, content_type="text/javascript")


@require_GET
def manifest(request: HttpRequest) -> JsonResponse:
    """What makes an app of the page on a phone's first screen."""
    return JsonResponse(
        {
            "name": _("Bowei for attendants"),
            "short_name": _("Bowei"),
            "start_url": reverse("recovery.attend"),
            "scope": reverse("recovery.attend"),
            "display": "standalone",
            "icons": [
                {"src": static("bowei/favicon.svg"), "sizes": "any", "type": "image/svg+xml"}
            ],
        },
        content_type="application/manifest+json",
    )

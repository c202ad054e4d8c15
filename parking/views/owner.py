"""Pages for owners: find the berth, pay the stay, pay ahead. No account, no JavaScript needed."""

import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import selectors as people
from accounts.guards import actor_of
from core import clock, deeds, images, limits, links, parse, wiring
from core.errors import BoweiError, Missing, Refused
from core.plates import chip, ending, holds, same_vehicle
from parking import selectors, services
from parking.errors import NoBerth, PlateUnread, StayNotDue
from parking.forms import DraftForm, FindBerth, LeftForm, PlateForm, SignForm
from parking.links import StayLink, is_berths, read_stay_token, stay_token
from parking.models import ParkingSession, Prepayment
from parking.services import prepay, reminders
from parking.services.elsewhere import COPIED_PLATE
from parking.states import PrepaymentState
from payments import selectors as payments
from payments import services as payment_services


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Find a berth by the code on its sign, or begin with a plate."""
    form = FindBerth(request.GET if "berth" in request.GET else None)
    if form.is_bound and form.is_valid():
        berth = selectors.berth_by_code(form.cleaned_data["berth"])
        if berth is not None:
            return redirect("parking.berth", berth_code=berth.code)
        form.add_error("berth", NoBerth(form.cleaned_data["berth"]).message)
    return render(request, "parking/owner_home.html", {"form": form, "plate_form": PlateForm()})


@require_GET
def berth(request: HttpRequest, berth_code: str, tag: str = "") -> HttpResponse:
    """The stay of the vehicle that stands in this berth now, ready to be paid.

    `tag` comes with the code at the berth; who has only typed its number is told no more than
    paying needs.
    """
    place = selectors.berth_by_code(berth_code)
    if place is None:
        raise NoBerth(berth_code)
    if tag and not is_berths(tag, place.code, place.address_version):
        return redirect("parking.berth", berth_code=place.code)  # an old sign, or a guess
    limits.count_about(deeds.HERE if tag else deeds.BERTH, str(place.pk))
    stay = selectors.open_stay_at(place.pk)
    if stay is None:
        context = {"berth": place, "section": place.section}
        return render(request, "parking/owner_berth.html", context)
    link = StayLink(stay_id=stay.pk, here=bool(tag))
    return _show(request, "parking/owner_berth.html", _stay_context(request, stay, link))


def _show(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page of a stay; for who has typed a berth's number, what can be paid there."""
    known = context["known"]
    return render(request, template if known else "parking/owner_number.html", context)


@require_http_methods(["GET", "POST"])
def left(request: HttpRequest) -> HttpResponse:
    """Pay without an account, after leaving too: the berth's code and the plate find the stay.

    Asking is limited, and says the same whether the plate or the berth is wrong.
    """
    form = LeftForm(request.POST or None, initial={"berth": request.GET.get("berth", "")})
    if request.method == "POST" and form.is_valid():
        found = services.guess_stay(form.cleaned_data["berth"], form.cleaned_data["plate"])
        if found is not None:
            of = links.vehicle(found.plate_text, found.plate_colour)
            return redirect("parking.stay", token=stay_token(found.pk, of=of))
        form.add_error(None, _("There is no open fee for this plate at this berth."))
    return render(request, "parking/owner_left.html", {"form": form})


@require_http_methods(["GET", "POST"])
def stay(request: HttpRequest, token: str) -> HttpResponse:
    """One stay by its link: what it costs and why, pay it, object to it (P2.6)."""
    link = read_stay_token(token)
    whole_id = selectors.whole_of(link.stay_id)
    if whole_id != link.stay_id:
        return redirect("parking.stay", token=stay_token(whole_id, of=link.of, here=link.here))
    row = (
        ParkingSession.objects.filter(pk=link.stay_id)
        .select_related("berth", "section", "tariff_version__tariff")
        .first()
    )
    if row is None:
        raise Missing()
    context = _stay_context(request, row, link)
    if request.method == "POST":
        try:
            if "not_mine" in request.POST:
                if not context["known"]:
                    return redirect("arrears.contest", token=token)
                if not context["holds"]:
                    limits.count(deeds.CONTEST, str(row.pk))
                services.doubt_plate(stay_id=row.pk, actor="owner")
                if link.here and not context["holds"]:
                    services.doubt_sign(row.berth_id)
                return redirect("parking.stay", token=token)
            if "mine" in request.POST and context["holds"]:
                services.confirm_stay(stay_id=row.pk, actor=actor_of(request))
                return redirect("parking.stay", token=token)
            if "more" in request.POST and context["known"]:
                return redirect(_more_url(request, row.pk))
            return redirect(_order_url(request, [("parking.stay", row.pk)]))
        except Refused as error:
            context["error"] = error
    return _show(request, "parking/owner_stay.html", context)


def _order_url(request: HttpRequest, items: list[tuple[str, int]]) -> str:
    user_id = request.user.pk if request.user.is_authenticated else None
    order = payment_services.open_order(items=items, payer_user_id=user_id, actor=actor_of(request))
    return reverse("payments.order", args=[order.token])


def _more_url(request: HttpRequest, stay_id: int) -> str:
    """The cashier's page for so much more time as was touched."""
    user_id = request.user.pk if request.user.is_authenticated else None
    draft = services.more_time(
        stay_id=stay_id, minutes=parse.row_id(request.POST.get("more", "")), user_id=user_id
    )
    return _order_url(request, [("parking.prepayment", draft.pk)])


def _stay_context(request: HttpRequest, row: ParkingSession, link: StayLink) -> dict[str, Any]:
    """What the page of a stay shows its reader: bill, plate, and photographs for its holder."""
    own = people.proven_plates_of(request.user)
    full = link.full or holds(own, row.plate)
    known = full or link.shows_stay(row.plate_text, row.plate_colour)
    now = clock.now()
    amount_fen, why_nothing = 0, ""
    try:
        quote = services.quote_stay(row.pk)
        amount_fen, lines = quote.amount_fen, list(quote.lines)
    except (StayNotDue, PlateUnread) as error:
        why_nothing = error.message
        lines = list(services.told_bill(row))
    if not known:
        return {
            "known": False,
            "berth": row.berth,
            "section": row.section,
            "ending": ending(row.plate_text),
            "amount_fen": amount_fen,
            "why_nothing": why_nothing,
            "token": stay_token(row.pk),
            "key": secrets.token_urlsafe(12),
        }
    asked = selectors.questions_about(row.pk)
    return {
        "known": True,
        "stay": row,
        "berth": row.berth,
        "section": row.section,
        "plate": chip(row.plate, whole=full),
        "until": row.left_at or now,
        "seconds": int(((row.left_at or now) - row.arrived_at).total_seconds()),
        "amount_fen": amount_fen,
        "lines": lines,
        "why_nothing": why_nothing,
        "tariff": str(row.tariff_version),
        "token": stay_token(row.pk, full=full, of=link.of, here=link.here),
        "holds": full or link.shows_holding(row.plate_text, row.plate_colour),
        "notices": _notices(row, full=full),
        "key": secrets.token_urlsafe(12),
        "leave_by": row.leave_by if row.leave_by and row.leave_by > now else None,
        "ends_soon": reminders.ends_soon(row, now),
        "more": services.more_time_of(row),
        "evidence": _evidence(row) if full else [],
        "doubt": selectors.doubt_of(row.pk),
        "questioned": bool(asked),
        "copied": any(one.code in COPIED_PLATE for one in asked),
        "topic": f"stay:{row.pk}",  # of nobody else's
    }


def _notices(row: ParkingSession, *, full: bool) -> list[dict[str, Any]]:
    """What to see first; what says more is opened from here only for the plate's holder."""
    found = wiring.owner_notices([("parking.stay", row.pk)])
    return found if full else [{**one, "url": ""} for one in found]


def _evidence(row: ParkingSession) -> list[dict[str, Any]]:
    seen = row.sightings.order_by("occurred_at", "pk")[:6]
    return [
        {
            "url": images.url(one.image_sha, keeps=row.plate_text),
            "text": one.get_purpose_display(),
            "at": one.occurred_at,
        }
        for one in seen
    ]


@require_http_methods(["GET", "POST"])
def correct_paid(request: HttpRequest, token: str) -> HttpResponse:
    """Who paid for the wrong berth or vehicle says which was meant, while that one stands there.

    The order's link is the right to it. Asking is limited, and says the same whether the berth or
    the plate is wrong.
    """
    order = payments.order_by_token(token)
    rows = services.correctable(order.number)
    form = LeftForm(request.POST if request.POST.get("do") == "move" else None)
    problem = ""
    if request.method == "POST":
        try:
            if _correct(request, order.number, form):
                return redirect("payments.done", token=token)
        except Refused as error:
            problem = error.message
    context = {"order": order, "payments": rows, "form": form, "problem": problem}
    return render(request, "parking/owner_correct.html", context)


def _correct(request: HttpRequest, order_number: str, form: LeftForm) -> bool:
    """Carry the correction out; False where its form must be shown again."""
    meant_id = None
    if request.POST.get("do") != "return":
        if not form.is_valid():
            return False
        meant = services.guess_meant(form.cleaned_data["berth"], form.cleaned_data["plate"])
        if meant is None:
            form.add_error(None, _("No vehicle with this plate is known at this berth."))
            return False
        meant_id = meant.pk
    services.correct_payment(
        payment_id=parse.row_id(request.POST.get("payment", "")),
        order_number=order_number,
        to_stay_id=meant_id,
        actor=actor_of(request),
    )
    return True


PLACE_OF_SENDER = "camera=(), microphone=(), geolocation=(self), payment=()"


@require_http_methods(["GET", "POST"])
def report_sign(request: HttpRequest) -> HttpResponse:
    """A code on the street looks strange: where, what, a photograph, and a position only if the
    person touches the button for it."""
    sent = request.method == "POST"
    form = SignForm(
        request.POST if sent else None,
        request.FILES if sent else None,
        initial={"berth": request.GET.get("berth", "")},
    )
    done = None
    if sent and form.is_valid():
        said = form.cleaned_data
        if said["berth"]:
            limits.count_about(deeds.REPORT, said["berth"])
        upload = said["photograph"]
        try:
            done = services.report_sign(
                berth_code=said["berth"],
                place=said["place"],
                text=said["text"],
                position=form.position,
                photograph=images.read_upload(upload) if upload else b"",
            )
        except BoweiError as error:
            form.add_error(None, error.message)
    page = render(request, "parking/owner_report.html", {"form": form, "done": done})
    page["Permissions-Policy"] = PLACE_OF_SENDER
    return page


@require_http_methods(["GET", "POST"])
def more_paid(request: HttpRequest, token: str) -> HttpResponse:
    """Who has paid for a vehicle that still stands pays for longer; the order's link is the right
    to it, and tells no more than until when it is paid."""
    order = payments.order_by_token(token)
    stays = {row.stay_id: row.stay for row in services.correctable(order.number)}
    error: BoweiError | None = None
    if request.method == "POST":
        try:
            chosen = parse.row_id(request.GET.get("stay", ""))
            if chosen not in stays:
                raise StayNotDue()
            return redirect(_more_url(request, chosen))
        except BoweiError as problem:
            error = problem
    rows = [
        {
            "place": f"{stay.section.name} · {stay.berth.code}",
            "until": services.standing_of_stay(stay.pk),
            "offers": services.more_time_of(stay),
            "action": f"?stay={stay.pk}",
        }
        for stay in stays.values()
    ]
    context = {"order": order, "rows": rows, "error": error}
    status = error.status if error else 200
    return render(request, "parking/owner_more.html", context, status=status)


# ── Paying ahead ─────────────────────────────────────────────────────────────────────────────
@require_http_methods(["GET", "POST"])
def prepay_begin(request: HttpRequest) -> HttpResponse:
    """Draft a pre-payment: place, time, plate (P2.4)."""
    code = request.GET.get("berth", "")
    berth = selectors.berth_by_code(code) if code else None
    first = {"plate": request.GET.get("plate", "")}
    form = DraftForm(request.POST if request.method == "POST" else None, initial=first, berth=berth)
    if request.method == "POST" and form.is_valid():
        try:
            draft = services.draft_prepayment(
                plate_text=form.cleaned_data["plate"],
                plate_colour=form.cleaned_data["colour"],
                minutes=form.cleaned_data["minutes"],
                section_id=berth.section_id if berth else form.cleaned_data["section"].pk,
                user_id=request.user.pk if request.user.is_authenticated else None,
            )
            if berth:  # all that is asked is known
                services.choose_berth(draft.token, berth.code)
                services.submit_prepayment(draft.token, draft.plate_text, draft.plate_colour)
            return redirect("parking.prepay_order", token=draft.token)
        except BoweiError as error:
            form.add_error(None, error.message)
    context = {"form": form, "step": "draft", "berth": berth}
    return render(request, "parking/owner_prepay.html", context)


@require_http_methods(["GET", "POST"])
def prepay_order(request: HttpRequest, token: str) -> HttpResponse:
    """The draft's steps: choose its berth, submit its plate, pay (P2.4-P2.6)."""
    draft = prepay.by_token(token)
    context: dict[str, Any] = {"draft": draft}
    form = PlateForm(
        request.POST if request.POST.get("do") == "submit" else None,
        initial={"plate": draft.plate_text, "colour": draft.plate_colour},
    )
    if request.method == "POST":
        try:
            answer = _prepay_step(request, draft, form)
            if answer is not None:
                return answer
        except BoweiError as error:
            context["error"] = error
        draft = prepay.by_token(token)
    context |= _prepay_context(draft, form)
    return render(request, "parking/owner_prepay.html", context)


def _prepay_step(request: HttpRequest, draft: Prepayment, form: PlateForm) -> HttpResponse | None:
    """Do what was asked; None where the form must be shown again."""
    what = request.POST.get("do")
    if what == "choose":
        services.choose_berth(draft.token, request.POST.get("berth", ""))
    elif what == "submit":
        if not form.is_valid():
            return None
        services.submit_prepayment(
            draft.token, form.cleaned_data["plate"], form.cleaned_data["colour"]
        )
    elif what == "pay":
        return redirect(_order_url(request, [("parking.prepayment", draft.pk)]))
    elif what == "cancel":
        services.cancel_prepayment(draft.token)
        return redirect("parking.home")
    return redirect("parking.prepay_order", token=draft.token)


def _prepay_context(draft: Prepayment, form: PlateForm) -> dict[str, Any]:
    context: dict[str, Any] = {"draft": draft, "form": form, "step": draft.state}
    if (
        draft.state
        in (PrepaymentState.DRAFT, PrepaymentState.CORRECTING, PrepaymentState.SUBMITTED)
        and draft.berth_id is None
    ):
        found = services.candidate_berths(draft.token)
        context |= {"step": "choose", "candidates": found, "find": FindBerth()}
    elif draft.state == PrepaymentState.DRAFT:
        context["step"] = "submit"
    if draft.state == PrepaymentState.CONFIRMED:
        try:
            quote = services.quote_prepayment(draft.pk)
            context |= {"amount_fen": quote.amount_fen, "lines": quote.lines}
        except Refused as error:
            context["why_nothing"] = error.message
    context["differs"] = [PART_NAMES[part]() for part in draft.differs if part in PART_NAMES]
    if draft.stay is not None and draft.state == PrepaymentState.CONFIRMED:
        context["covers_until"] = prepay.covers_until(draft, draft.stay)
    if draft.stay is not None and draft.state in (PrepaymentState.PAID, PrepaymentState.USED):
        same = same_vehicle(draft.plate, draft.stay.plate)
        of = links.vehicle(draft.stay.plate_text, draft.stay.plate_colour) if same else ""
        context["stay_token"] = stay_token(draft.stay.pk, of=of)
    return context


PART_NAMES = {
    "province": lambda: _("the province"),
    "office": lambda: _("the letter after the province"),
    "serial": lambda: _("the number"),
    "length": lambda: _("how many characters it has"),
    "colour": lambda: _("the colour"),
}

"""Pages for merchants: the street, the stays, the questions for a person."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import services as accounts
from accounts.guards import StaffRequest, actor_of, file_of, merchant_page
from accounts.rules import may
from core import clock, images, parse, wiring
from core.errors import BoweiError, Denied, Invalid, Missing
from core.money import format_fen
from core.plates import chip
from parking import selectors, services
from parking.forms import CloseForm, MoveForm, OpenForm, PlateForm, ReasonForm, ReturnForm
from parking.models import ParkingSession, ReviewItem
from parking.services import prices, votes
from parking.states import StayState
from parking.tables import StayTable
from parking.words import reason_of, spoken
from payments import services as payment_services


@require_GET
@merchant_page("see")
def street(request: StaffRequest) -> HttpResponse:
    """Sections as strips, figures of the day, and what needs a person."""
    context = street_data(request.merchant.pk)
    if not may(request.role, "plates"):
        context["needs"] = [_without_plate(item) for item in context["needs"]]
    if request.proposals_wait:
        context["needs"] = [*accounts.needs(request.merchant.pk), *context["needs"]]
    context["may_print"] = may(request.role, "devices")
    return render(request, "parking/merchant_street.html", context)


def _without_plate(item: dict[str, Any]) -> dict[str, Any]:
    """What waits, for who reads a plate only to compare a vehicle with it."""
    if not item["plate"] or item.get("compare"):
        return item
    return {**item, "plate": {**item["plate"], "masked": True}}


def street_data(merchant_id: int) -> dict[str, Any]:
    needs = sorted(wiring.needs(merchant_id), key=lambda item: item["since"], reverse=True)
    return {
        "sections": selectors.street(merchant_id),
        "figures": selectors.figures(merchant_id),
        "needs": needs,
        "at": clock.now(),
        "topic": f"merchant:{merchant_id}",
    }


@require_http_methods(["GET", "POST"])
@merchant_page("devices")
def signs(request: StaffRequest) -> HttpResponse:
    """The codes of the merchant's berths, to be printed: choose the sections."""
    problem: BoweiError | None = None
    chosen = [parse.row_id(one) for one in request.POST.getlist("section")]
    if request.method == "POST":
        try:
            if "counter" in request.POST:
                printed = services.print_counter_sign(merchant_id=request.merchant.pk)
            else:
                berths = services.berths_to_print(chosen, merchant_id=request.merchant.pk)
                printed = services.print_signs(berths, actor=actor_of(request))
            answer = HttpResponse(printed, content_type="application/pdf")
            answer["Content-Disposition"] = 'attachment; filename="signs.pdf"'
            return answer
        except BoweiError as error:
            problem = error
    context = {
        "sections": selectors.sections_with_berths(request.merchant.pk),
        "chosen": chosen,
        "problem": problem,
        "begins": settings.PUBLIC_URL + "/",
    }
    status = problem.status if problem else 200
    return render(request, "parking/merchant_signs.html", context, status=status)


@require_GET
@merchant_page("see")
def street_json(request: StaffRequest) -> JsonResponse:
    """The street as values, for pages that ask again."""
    sections = [
        {
            "id": one.id,
            "name": one.name,
            "taken": one.taken,
            "total": one.total,
            "berths": [
                {name: berth[name] for name in ("id", "number", "code", "state", "lock_up", "url")}
                for berth in one.berths
            ],
        }
        for one in selectors.street(request.merchant.pk)
    ]
    return JsonResponse({"at": clock.now(), "sections": sections})


@require_http_methods(["GET", "POST"])
@merchant_page("see")
def stay_list(request: StaffRequest) -> HttpResponseBase:
    """Stays, filtered, sorted and paged, or as a file; beginning one by hand."""
    merchant_id = request.merchant.pk
    table = StayTable(request, selectors.stays_of_merchant(merchant_id), merchant_id=merchant_id)
    if file := file_of(request, table):
        return file
    open_form = OpenForm(request.POST or None, auto_id="open-%s")
    if request.method == "POST":
        answer = _open_by_hand(request, open_form)
        if answer is not None:
            return answer
    context = {
        "table": table,
        "open_form": open_form if may(request.role, "settle_stay") else None,
    }
    return render(request, "parking/merchant_stays.html", context)


def _open_by_hand(request: StaffRequest, form: OpenForm) -> HttpResponse | None:
    if not may(request.role, "settle_stay"):
        raise Denied()
    if not form.is_valid():
        return None
    berth = selectors.berth_by_code(form.cleaned_data["berth"])
    if berth is None or berth.section.merchant_id != request.merchant.pk:
        form.add_error("berth", _("You have no berth with this code."))
        return None
    try:
        stay_id = services.open_by_hand(
            berth_id=berth.pk,
            arrived_at=form.cleaned_data["arrived_at"],
            plate_text=form.cleaned_data["plate"],
            plate_colour=form.cleaned_data["colour"],
            actor=actor_of(request),
            reason=form.cleaned_data["reason"],
        )
    except BoweiError as error:
        form.add_error(None, error.message)
        return None
    return redirect("parking.merchant_stay", stay_id)


def _own_stay(request: StaffRequest, stay_id: int) -> ParkingSession:
    rows = selectors.stays_of_merchant(request.merchant.pk).filter(pk=stay_id)
    row = rows.select_related("berth", "section", "tariff_version__tariff").first()
    if row is None:
        raise Missing()
    return row


@require_http_methods(["GET", "POST"])
@merchant_page("see")
def stay_page(request: StaffRequest, stay_id: int) -> HttpResponse:
    """One stay: bill, evidence, payments, trail; ending, cancelling and correcting it by hand."""
    row = _own_stay(request, stay_id)
    what = request.POST.get("do", "")
    forms: dict[str, Any] = {
        "close": CloseForm(request.POST if what == "close" else None),
        "void": ReasonForm(request.POST if what == "void" else None, prefix="void"),
        "plate": PlateForm(
            request.POST if what == "plate" else None,
            initial={"plate": row.plate_text, "colour": row.plate_colour},
        ),
        "move": MoveForm(request.POST if what == "move" else None, prefix="move"),
        "return": ReturnForm(request.POST if what == "return" else None, prefix="return"),
    }
    problem, status = "", 200
    if what:
        try:
            if _change(request, row, what, forms):
                return redirect("parking.merchant_stay", stay_id)
            status = 400
        except Denied:
            raise
        except BoweiError as error:
            if error.keeps:
                messages.warning(request, error.message)
                return redirect("parking.merchant_stay", stay_id)
            problem, status = error.message, error.status
    context = _stay_context(request, row, forms, problem)
    return render(request, "parking/merchant_stay.html", context, status=status)


def _change(request: StaffRequest, row: ParkingSession, what: str, forms: dict[str, Any]) -> bool:
    """Carry out a change by hand; False where its form must be shown again."""
    needed = {
        "close": "settle_stay",
        "plate": "settle_stay",
        "void": "void_stay",
        "move": "move_money",
        "return": "move_money",
    }.get(what)
    if needed is None or not may(request.role, needed):
        raise Denied()
    form = forms[what]
    if not form.is_valid():
        return False
    given, actor = form.cleaned_data, actor_of(request)
    if what == "close":
        services.close_by_hand(
            stay_id=row.pk, left_at=given["left_at"], actor=actor, reason=given["reason"]
        )
        messages.success(request, _("The stay has ended."))
    elif what == "void":
        services.void_stay(stay_id=row.pk, actor=actor, reason=given["reason"])
        messages.success(request, _("The stay is cancelled. What was paid goes back."))
    elif what == "move":
        return _move(request, row, form)
    elif what == "return":
        _give_back(request, row, given)
    else:
        services.correct_plate(
            stay_id=row.pk,
            plate_text=given["plate"],
            plate_colour=given["colour"],
            actor=actor,
            why="corrected on its page",
        )
        messages.success(request, _("The stay now belongs to this plate."))
    return True


def _move(request: StaffRequest, row: ParkingSession, form: MoveForm) -> bool:
    """A payment of this stay goes where it was meant to go; False where that is not known."""
    given = form.cleaned_data
    if not row.payments.filter(pk=given["payment"]).exists():
        raise Missing()
    try:
        meant_id = services.stay_id_meant(given["berth"], given["plate"])
    except Invalid as error:
        form.add_error(None, error.message)
        return False
    moved = services.move_payment(
        payment_id=given["payment"],
        to_stay_id=meant_id,
        actor=actor_of(request),
        reason=given["reason"],
    )
    told = {"moved": format_fen(moved.moved_fen), "back": format_fen(moved.returned_fen)}
    messages.success(request, _("%(moved)s moved, %(back)s goes back to the payer.") % told)
    return True


def _give_back(request: StaffRequest, row: ParkingSession, given: dict[str, Any]) -> None:
    """Part or all of a payment goes back to who paid, though the stay stays paid."""
    payment = row.payments.filter(pk=given["payment"]).first()
    if payment is None:
        raise Missing()
    payment_services.refund_by_hand(
        item_id=payment.order_item_id,
        amount_fen=given["amount"],
        reason=given["reason"],
        key=f"stay:{payment.pk}:{given['key']}",
        actor=actor_of(request),
    )
    messages.success(request, _("Promised: it is on its way to its payer."))


def _stay_context(
    request: StaffRequest, row: ParkingSession, forms: dict[str, Any], problem: str
) -> dict[str, Any]:
    now = clock.now()
    parked = row.state == StayState.PARKED
    bill = prices.bill_of(row, now) if parked else None
    whole = parked or may(request.role, "plates")
    originals_for = request.user.pk if may(request.role, "settle_stay") else None
    return {
        "stay": row,
        "plate": chip(row.plate, whole=whole),
        "seconds": int(((row.left_at or now) - row.arrived_at).total_seconds()),
        "lines": [spoken(line) for line in (bill.lines if bill else row.lines)],
        "fee_fen": bill.amount_fen if bill else row.fee_fen,
        "payments": row.payments.order_by("pk"),
        "evidence": _evidence(row, originals_for, whole=whole),
        "events": row.events.order_by("occurred_at", "pk"),
        "reviews": [
            {"text": reason_of(one.code), "since": one.since, "item": one.item}
            for one in selectors.questions_about(row.pk)
        ],
        "why_doubt": reason_of(row.doubt) if row.doubtful else "",
        "trail": selectors.trail_of(row),
        "words": wiring.staff_notes([("parking.stay", row.pk)])
        if may(request.role, "settle_stay")
        else [],
        "forms": forms,
        "problem": problem,
        "may_settle": may(request.role, "settle_stay"),
        "may_void": may(request.role, "void_stay"),
        "may_move": may(request.role, "move_money"),
        "topic": f"section:{row.section_id}",
    }


def _evidence(
    row: ParkingSession, person_id: int | None, *, whole: bool = True
) -> list[dict[str, Any]]:
    return [
        {
            "url": images.url(
                one.image_sha, keeps=(one.plate_text or row.plate_text) if whole else ""
            ),
            "original_url": images.asking_url(one.image_sha, person_id=person_id)
            if person_id
            else "",
            "text": one.get_purpose_display(),
            "at": one.occurred_at,
            "by": one.device.code if one.device else "",
        }
        for one in row.sightings.select_related("device").order_by("occurred_at", "pk")
    ]


@require_http_methods(["GET", "POST"])
@merchant_page("settle_stay")
def review(request: StaffRequest, review_id: int) -> HttpResponse:
    """One question: the picture, what the reader thought, and what a person says (P2.3, P2.5)."""
    item = selectors.reviews_for(request.merchant.pk).filter(pk=review_id).first()
    if item is None:
        raise Missing()
    context = review_context(item, request.user.pk)
    if request.method == "POST":
        try:
            undone = answer_review(item, request)
        except BoweiError as error:
            context["problem"] = error.message
        else:
            rest = selectors.open_reviews(request.merchant.pk)
            following = item if undone else rest.first()
            if following is None:
                messages.success(request, _("Nothing waits any more."))
                return redirect("parking.street")
            if not undone:
                _offer_undo(request, item)
            return redirect("parking.review", following.pk)
    undo = request.session.pop("parking.undo", None)
    context["undo_url"] = reverse("parking.review", args=[undo]) if undo else ""
    return render(request, "parking/merchant_review.html", context)


def _offer_undo(request: HttpRequest, item: ReviewItem) -> None:
    said = item.plate_text or item.get_verdict_display()
    messages.success(request, _("Settled: %(verdict)s") % {"verdict": said})
    request.session["parking.undo"] = item.pk


def answer_review(item: ReviewItem, request: HttpRequest) -> bool:
    """Carry out what a person chose on the page of a question; True for an undo."""
    actor = actor_of(request)
    what = request.POST.get("do", "")
    if what == "undo":
        services.undo_review(item_id=item.pk, actor=actor)
        return True
    text, _slash, colour = request.POST.get("choice", "").partition("/")
    if what == "type":
        text, colour = request.POST.get("plate", ""), request.POST.get("colour", "")
    verdict = what if what in ("unreadable", "keep") else "plate"
    services.settle_review(
        item_id=item.pk, verdict=verdict, plate_text=text, plate_colour=colour, actor=actor
    )
    return False


def _without_photograph(stay: ParkingSession, person_id: int | None) -> dict[str, Any]:
    """What there is to decide by: times, what was said and done; photographs that came since."""
    until = stay.left_at or clock.now()
    return {
        "without": True,
        "evidence": _evidence(stay, person_id),
        "events": stay.events.order_by("occurred_at", "pk"),
        "trail": selectors.trail_of(stay),
        "seconds": int((until - stay.arrived_at).total_seconds()),
    }


def review_context(item: ReviewItem, person_id: int | None) -> dict[str, Any]:
    """What the page of a question shows; candidates with the doubt of each character."""
    sighting = item.sighting
    reading = getattr(sighting, "reading", None) if sighting else None
    colour = reading.colour if reading else ""
    is_blind = item.kind == ReviewItem.Kind.SAMPLE  # what was read would lead who reads again
    candidates = [
        {
            "key": place,
            "text": one["text"],
            "choice": f"{one['text']}/{colour}",
            "probability": one["probability"],
            "characters": [
                {"text": text, "percent": round(100 * sure), "doubt": sure < 0.9}
                for text, sure in zip(one["text"], one.get("characters", []), strict=False)
            ],
        }
        for place, one in enumerate((reading.candidates if reading else [])[:5], start=1)
    ]
    berth = (sighting and sighting.berth) or (item.stay and item.stay.berth) or item.berth
    return {
        "item": item,
        "why": reason_of(item.why),
        "image": images.original_url(
            sighting.image_sha, person_id=person_id, why=f"question {item.pk}"
        )
        if sighting
        else "",
        **(_without_photograph(item.stay, person_id) if item.stay and not sighting else {}),
        "sighting": sighting,
        "stay": item.stay,
        "berth": berth,
        "candidates": candidates,
        "colour": colour,
        "voices": votes.said_about(item.stay) if item.stay else [],
        "declared": item.prepayment.plate_text if item.prepayment else "",
        "form": PlateForm(initial={} if is_blind else {"colour": colour}),
        "stay_url": reverse("parking.merchant_stay", args=[item.stay_id]) if item.stay_id else "",
    }

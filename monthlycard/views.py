"""Pages: an owner's cards, a merchant's lots and statements."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import selectors as accounts
from accounts.guards import actor_of, file_of, merchant_page, owner_page
from core import clock, images
from core.errors import BoweiError, Invalid
from core.money import format_fen
from core.plates import Plate, chip
from monthlycard import selectors, services
from monthlycard.api.statements import XLSX, as_xlsx
from monthlycard.errors import CardMissing, StatementMissing
from monthlycard.forms import Application, Objection
from monthlycard.models import Card, Deduction
from monthlycard.states import CardState, DeductionState, ObjectionState
from monthlycard.tables import LotTable, OddPassTable, StatementTable
from payments import selectors as payments_selectors
from payments import services as payments


@never_cache
@owner_page
def cards(request: HttpRequest) -> HttpResponse:
    """A person's cards, where they were used, what was taken; and the plans that can be bought."""
    problem: BoweiError | None = None
    if request.method == "POST":
        try:
            return _apply(request)
        except BoweiError as error:
            problem = error
    now = clock.now()
    mine = list(selectors.cards_of(_user_id(request)))
    ids = [card.pk for card in mine]
    plates = [_plate(text, colour) for text, colour in accounts.proven_plates_of(request.user)]
    context: dict[str, Any] = {
        "cards": [
            {
                "card": card,
                "state": card.state_at(now),
                "grace": card.valid_until is not None and card.valid_until <= now,
                "plate": _plate(card.plate_text, card.plate_colour),
                "refund_fen": services.refundable_fen(card),
                "others": [one for one in plates if one["text"] != card.plate_text],
                "may_renew": services.may_renew(card),
                "may_end": card.state_at(now) in (Card.State.APPLIED, *Card.HELD),
            }
            for card in mine
        ],
        "passes": list(selectors.passes_of(ids)[:20]),
        "deductions": list(selectors.deductions_of(ids)[:20]),
        "objections": list(selectors.objections_of(ids)[:20]),
        "objection": Objection(),
        "plans": list(selectors.plans_on_sale()),
        "plates": plates,
        "typed": _typed(request, plates),
        "problem": problem,
    }
    return render(
        request, "monthlycard/owner_cards.html", context, status=problem.status if problem else 200
    )


def _typed(request: HttpRequest, plates: list[dict[str, Any]]) -> dict[str, str]:
    """What stands in the application's fields: what was typed, else the person's first plate."""
    first = plates[0] if plates else {"text": "", "colour": "blue"}
    return {
        "plan": request.POST.get("plan", ""),
        "plate": request.POST.get("plate", first["text"]),
        "colour": request.POST.get("colour", first["colour"]),
    }


def _apply(request: HttpRequest) -> HttpResponse:
    form = Application(request.POST, request.FILES)
    if not form.is_valid():
        fields = {name: errors[0] for name, errors in form.errors.items()}
        raise Invalid("bad_application", next(iter(fields.values())), fields=fields)
    actor = actor_of(request)
    licence = form.cleaned_data["licence"]
    card = services.apply(
        user_id=_user_id(request),
        plan_code=form.cleaned_data["plan"],
        plate_text=form.cleaned_data["plate"],
        plate_colour=form.cleaned_data["colour"],
        evidence_sha=images.keep_upload(licence, by=actor) if licence else "",
        actor=actor,
    )
    return (
        _to_cashier(card.pk, request)
        if card.state == CardState.VERIFIED
        else redirect("monthlycard.cards")
    )


@require_POST
@owner_page
def send_licence(request: HttpRequest, number: str) -> HttpResponse:
    """The photograph of the licence, for an application that came without it (P4.2)."""
    upload = request.FILES.get("licence")
    if upload is None:
        raise Invalid("no_photograph", _("Choose a photograph of the vehicle licence first."))
    actor = actor_of(request)
    card = _mine(request, number)
    services.send_licence(
        card_id=card.pk, evidence_sha=images.keep_upload(upload, by=actor), actor=actor
    )
    messages.success(request, _("We have your licence and look at it."))
    return redirect("monthlycard.cards")


@require_POST
@owner_page
def pay(request: HttpRequest, number: str) -> HttpResponse:
    """To the cashier, for a card that waits for its payment or is renewed."""
    return _to_cashier(_mine(request, number).pk, request)


@require_POST
@owner_page
def end(request: HttpRequest, number: str) -> HttpResponse:
    """The owner ends a card; the rest goes back to where it came from (P4.2)."""
    card = _mine(request, number)
    back_fen = services.end_card(
        card_id=card.pk, actor=actor_of(request), reason="ended by its owner"
    )
    if back_fen:
        text = _("The card has ended. %(amount)s goes back to where you paid from.")
        messages.success(request, text % {"amount": format_fen(back_fen)})
    else:
        messages.success(request, _("The card has ended."))
    return redirect("monthlycard.cards")


@require_POST
@owner_page
def change_plate(request: HttpRequest, number: str) -> HttpResponse:
    """The owner puts another of their vehicles onto the card (P4.2)."""
    text, _bar, colour = request.POST.get("plate", "").partition("|")
    services.change_plate(
        card_id=_mine(request, number).pk,
        plate_text=text,
        plate_colour=colour,
        actor=actor_of(request),
    )
    messages.success(request, _("The card is now for this vehicle. The lots are told."))
    return redirect("monthlycard.cards")


@never_cache
@owner_page
def deduction(request: HttpRequest, deduction_id: int) -> HttpResponse:
    """What was taken for a statement, visit by visit; to pay the rest of, or to object to."""
    row = _my_deduction(request, deduction_id)
    if whose := {"mine", "not_mine"}.intersection(request.POST):
        if services.say_whose_visit(
            deduction_id=row.pk, mine="mine" in whose, actor=actor_of(request)
        ):
            messages.success(request, _("Thank you. That is noted."))
        return redirect("monthlycard.deduction", row.pk)
    form = Objection(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.object_to_deduction(
            deduction_id=row.pk,
            visits=request.POST.getlist("visit"),
            reason=form.cleaned_data["reason"],
            text=form.cleaned_data["text"],
            actor=actor_of(request),
        )
        messages.success(request, _("You have objected. Nothing is asked until the answer."))
        return redirect("monthlycard.deduction", row.pk)
    said = list(row.objections.order_by("-pk"))
    context = {
        "row": row,
        "plate": _plate(row.card.plate_text, row.card.plate_colour),
        "visits": selectors.visits_of(row),
        "said": said,
        "may_object": not any(one.state == ObjectionState.OPEN for one in said)
        and row.state != DeductionState.DROPPED,
        "may_pay": row.due_fen and row.state in Deduction.ASKED,
        "form": form,
    }
    return render(
        request, "monthlycard/owner_deduction.html", context, status=400 if form.errors else 200
    )


@require_POST
@owner_page
def object_to_use(request: HttpRequest, number: str) -> HttpResponse:
    """The owner objects to what a lot reported, before it is taken from the card (P4.12)."""
    form = Objection(request.POST)
    if not form.is_valid():
        raise Invalid("bad_objection", _("Choose what is wrong."))
    services.object_to_use(
        card_id=_mine(request, number).pk,
        lot_code=request.POST.get("lot", ""),
        reason=form.cleaned_data["reason"],
        text=form.cleaned_data["text"],
        actor=actor_of(request),
    )
    messages.success(request, _("You have objected. Nothing is taken until the answer."))
    return redirect("monthlycard.cards")


@require_POST
@owner_page
def pay_deduction(request: HttpRequest, deduction_id: int) -> HttpResponse:
    """To the cashier, for what a card did not cover."""
    row = _my_deduction(request, deduction_id)
    return _to_cashier(row.pk, request, payable="monthlycard.deduction")


def _my_deduction(request: HttpRequest, deduction_id: int) -> Deduction:
    mine = [card.pk for card in selectors.cards_of(_user_id(request))]
    row = selectors.deductions_of(mine).filter(pk=deduction_id).first()
    if row is None:
        raise CardMissing()
    return row


def _user_id(request: HttpRequest) -> int:
    assert request.user.pk is not None
    return request.user.pk


def _mine(request: HttpRequest, number: str) -> Card:
    card = selectors.cards_of(_user_id(request)).filter(number=number).first()
    if card is None:
        raise CardMissing()
    return card


def _to_cashier(
    subject_id: int, request: HttpRequest, payable: str = "monthlycard.card"
) -> HttpResponse:
    order = payments.open_order(
        items=[(payable, subject_id)], payer_user_id=_user_id(request), actor=actor_of(request)
    )
    return redirect(payments_selectors.order_public_url(order))


@never_cache
@merchant_page("cards")
def lots(request: HttpRequest) -> HttpResponseBase:
    """A merchant's lots: are they in touch, what did they report, which statements are open."""
    merchant = request.merchant  # type: ignore[attr-defined]
    statements = selectors.statements_of(merchant.pk).defer("csv")
    tables = {
        "lots": LotTable(request, selectors.lots_of(merchant.pk)),
        "statements": StatementTable(request, statements.prefetch_related("differences")),
        "odd": OddPassTable(request, selectors.odd_passes_of(merchant.pk)),
    }
    for table in tables.values():
        if file := file_of(request, table):
            return file
    context = {
        **tables,
        "topic": f"merchant:{merchant.pk}",
    }
    return render(request, "monthlycard/merchant_lots.html", context)


@merchant_page("cards")
def statement_file(request: HttpRequest, number: str, kind: str) -> HttpResponse:
    """A statement's file, for the merchant whose lot it is."""
    merchant = request.merchant  # type: ignore[attr-defined]
    row = selectors.statements_of(merchant.pk).filter(number=number).first()
    if row is None or kind not in ("csv", "xlsx"):
        raise StatementMissing()
    response = (
        HttpResponse(row.csv.encode(), content_type="text/csv; charset=utf-8")
        if kind == "csv"
        else HttpResponse(as_xlsx(row), content_type=XLSX)
    )
    response["Content-Disposition"] = f'attachment; filename="statement-{row.pk}.{kind}"'
    return response


def _plate(text: str, colour: str) -> dict[str, Any]:
    plate = Plate.of(text, colour)
    return {**chip(plate), "display": plate.display}

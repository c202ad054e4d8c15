"""Pages for owners (what is still to pay, why, objecting) and for merchants (their debts)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import selectors as accounts
from accounts.guards import actor_of, file_of, merchant_page, owner_page
from accounts.rules import may
from arrears import looking, selectors, services
from arrears.forms import Answer, Objection, PaperNotice, WholePlate
from arrears.models import Contact, Demand, Dispute, OptOut
from arrears.rules.vehicle import holds, subject_of
from arrears.selectors import dues as due_selectors
from arrears.selectors import merchants as merchant_selectors
from arrears.services.assistance import opted_out
from arrears.states import DebtState, DisputeState
from arrears.tables import DebtTable, NoticeTable
from core import deeds, images, limits, links, parse, wiring
from core.errors import BoweiError, Denied, Missing
from core.plates import ending
from parking import selectors as parking
from parking import services as parking_services
from payments import services as payments


def _own(request: HttpRequest) -> list[tuple[str, str]]:
    return accounts.proven_plates_of(request.user)


def _rows(dues: list[selectors.Due], own: Collection[tuple[str, str]]) -> list[dict[str, Any]]:
    """Dues as the page shows them: the plate masked for everybody but its holder."""
    return [
        {
            "due": one,
            "plate": parking.shown_plate(one.stay, own=own),
            "lines": one.stay.lines,
            "evidence": [
                {"url": images.url(sha, keeps=_kept(one, own)), "text": ""}
                for sha in one.stay.evidence[:2]
            ],
        }
        for one in dues
    ]


def _kept(due: selectors.Due, own: Collection[tuple[str, str]]) -> str:
    """The plate that stays visible in this due's photographs: its holder's alone."""
    stay = due.stay
    return stay.plate_text if holds(own, stay.plate_text, stay.plate_colour) else ""


# ── What is still to pay ─────────────────────────────────────────────────────────────────────
@never_cache
@owner_page
def dues(request: HttpRequest) -> HttpResponse:
    """All unpaid stays of the plates that this person has shown to hold, over all merchants."""
    user = request.user
    assert isinstance(user, get_user_model())
    own = _own(request)
    subject = subject_of("", "", user.pk)
    if request.method == "GET":  # first: a page never names less than the demand that it delivers
        services.deliver_on_page(plates=own, actor=user.actor)
    seen = accounts.plates_seen_by(user)
    found = selectors.dues_of(seen)
    if request.method == "POST":
        if {"reminders", "profiling"} & set(request.POST):
            return _reminders(request, subject)
        return _pay(request, found, "arrears.dues")
    whose = [("accounts.user", user.pk)]  # what they owe that is no stay of a berth
    return _dues_page(request, found, seen, subject=subject, holds=bool(seen), whose=whose)


@never_cache
def dues_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The dues of one message: no log-in, no more than that message was about (P0.6)."""
    # First the token: whoever makes up addresses must not fill the table of sessions.
    opened = _by_token(token, request.session.session_key or "")
    if not request.session.session_key:
        request.session.create()
    browser = request.session.session_key or ""
    if opened.told_id is not None:
        request.session[TOLD] = opened.told_id
    if request.method == "POST":
        if {"reminders", "profiling"} & set(request.POST) and opened.subject:
            return _reminders(request, opened.subject)
        contact_id = opened.contact_id
        if contact_id and not services.use_contact(contact_id=contact_id, browser=browser):
            raise Missing("used_link")
        request.session["arrears.link"] = token
        return _pay(request, opened.found, "arrears.dues", token)
    return _dues_page(request, opened.found, _own(request), subject=opened.subject, holds=True)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the link of a message opens; `told_id` is whose phone the message went to."""

    found: list[selectors.Due]
    subject: str = ""
    contact_id: int | None = None
    told_id: int | None = None


def _by_token(token: str, browser: str) -> _Opened:
    demand = due_selectors.demand_of(token)
    if demand is not None:
        found = selectors.dues_of_stays(due_selectors.stays_of_demand(demand))
        return _Opened(found, told_id=demand.user_id)
    contact: Contact = services.open_contact(token=token, browser=browser)
    found = selectors.dues_of_stays(due_selectors.stays_of_contact(contact))
    return _Opened(found, contact.subject, contact.pk, contact.plan.user_id)


def _dues_page(
    request: HttpRequest,
    found: list[selectors.Due],
    own: Collection[tuple[str, str]],
    *,
    subject: str,
    holds: bool,
    whose: Collection[tuple[str, int]] = (),
) -> HttpResponse:
    payable = [one for one in found if one.state != DebtState.DISPUTED]
    services.shown_on_page([one.stay.id for one in found if one.reminded], actor=actor_of(request))
    context = {
        "rows": _rows(found, own),
        "total_fen": sum(one.amount_fen for one in payable),
        "several": len(found) > 1,
        "subject": subject,
        "reminders_off": bool(subject) and opted_out(subject),
        "profiling_off": bool(subject) and opted_out(subject, OptOut.What.PROFILING),
        "holds": holds,
        "notices": wiring.owner_notices(
            [*(("parking.stay", one.stay.id) for one in found), *whose]
        ),
    }
    return render(request, "arrears/owner_dues.html", context)


def _pay(request: HttpRequest, found: list[selectors.Due], back: str, *args: str) -> HttpResponse:
    """Open one order for the chosen stays; what was not on the page can't be chosen."""
    offered = {one.stay.id for one in found}
    chosen = [pk for pk in parse.numbers(request.POST.getlist("stay")) if pk in offered]
    if not chosen:
        messages.warning(request, _("Choose at least one fee to pay."))
        return redirect(back, *args)
    try:
        order = payments.open_order(
            items=[("parking.stay", pk) for pk in sorted(chosen)],
            payer_user_id=request.user.pk if request.user.is_authenticated else None,
            actor=actor_of(request),
        )
    except BoweiError as error:
        messages.warning(request, error.message)
        return redirect(back, *args)
    return redirect("payments.order", token=order.token)


def _reminders(request: HttpRequest, subject: str) -> HttpResponse:
    """Turn reminders off or on again; demands, which must come, still do. Or take back that no
    machine may foresee how they pay."""
    if "profiling" in request.POST:
        services.allow_profiling(subject=subject, actor=actor_of(request))
        messages.success(request, _("From your next stay on a machine may foresee again."))
    elif request.POST["reminders"] == "off":
        services.opt_out(subject=subject, actor=actor_of(request))
        messages.success(request, _("You will get no more reminders."))
    else:
        services.opt_in(subject=subject)
        messages.success(request, _("You will get reminders again."))
    return redirect(request.path)


# ── Objecting ────────────────────────────────────────────────────────────────────────────────
TOLD = "arrears.told"  # in a browser's session: to whose phone the message went that opened it
SAID = "arrears.said"  # in a browser's session: the objections that were made with it
MOST_SAID = 100


@never_cache
def contest(request: HttpRequest, token: str) -> HttpResponse:
    """From the page of a stay to the objection: its holder goes on at once, and whoever came by the
    code at the berth, though not too often; who has typed the berth's number types the plate."""
    link = parking.read_stay_token(token)
    stay = parking.stay(link.stay_id)
    own = _own(request)
    vehicle = stay.plate_text, stay.plate_colour
    if link.shows_holding(*vehicle) or holds(own, *vehicle):
        return redirect(selectors.object_path([stay.id]))
    if link.here:
        limits.count(deeds.CONTEST, str(stay.id))
        return redirect(selectors.object_path([stay.id]))
    form = WholePlate(request.POST or None)
    if request.method == "POST" and form.is_valid():
        limits.count(deeds.CONTEST, str(stay.id))
        if parking_services.guess_plate(stay.id, form.cleaned_data["plate"]):
            return redirect(selectors.object_path([stay.id]))
        form.add_error("plate", _("This stay is not kept under this plate."))
    context = {"stay": stay, "ending": ending(stay.plate_text), "form": form}
    status = 200 if request.method != "POST" else 400
    return render(request, "arrears/owner_contest.html", context, status=status)


@never_cache
def object_page(request: HttpRequest, token: str) -> HttpResponse:
    """Say that something is wrong: debts are held, contacts stop, a lock goes down first.

    What was said, and its answer, is shown to who said it: by their address, browser or account.
    """
    found = due_selectors.objectable(token)
    phone = _answer_phone(request)
    form = Objection(request.POST or None, known_phone=phone)
    problem: BoweiError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            said = services.object(
                stay_ids=[one.id for one in found.stays],
                reason=form.cleaned_data["reason"],
                text=form.cleaned_data["text"],
                reply_to=phone or form.cleaned_data["reply_to"],
                user_id=request.user.pk if request.user.is_authenticated else None,
                actor=actor_of(request),
            )
            return _said(request, token, said)
        except BoweiError as error:
            problem = error
    own = _own(request)
    said_here = found.said | set(request.session.get(SAID, []))
    mine = [
        one
        for one in found.disputes
        if one.pk in said_here or (one.user_id is not None and one.user_id == request.user.pk)
    ]
    context = {
        "rows": [
            {"stay": one, "plate": parking.shown_plate(one, own=own), "amount_fen": one.due_fen}
            for one in found.stays
        ],
        "form": form,
        "by_text": bool(phone),
        "problem": problem,
        "disputes": [{"dispute": one, "own": one in mine} for one in found.disputes],
        "may_object": bool(found.stays)
        and not any(one.state == Dispute.State.OPEN for one in mine),
    }
    status = 200 if request.method != "POST" else 400
    return render(request, "arrears/owner_object.html", context, status=status)


def _answer_phone(request: HttpRequest) -> str:
    """The phone of who is logged in, else the one that our message went to, by which they came."""
    person = request.user if request.user.is_authenticated else None
    told_id = request.session.get(TOLD)
    if person is None and told_id is not None:
        person = accounts.user(told_id)
    return str(getattr(person, "phone", ""))


def _said(request: HttpRequest, token: str, disputes: list[Dispute]) -> HttpResponse:
    """On to the page that shows these objections to who made them, in this browser and by the
    address itself, which can be kept."""
    ids = [one.pk for one in disputes]
    request.session[SAID] = sorted({*request.session.get(SAID, []), *ids})[-MOST_SAID:]
    return redirect(due_selectors.said_path(token, ids))


# ── Why ──────────────────────────────────────────────────────────────────────────────────────
@never_cache
def why(request: HttpRequest, token: str) -> HttpResponse:
    """What a machine decided about this stay, from what, and how to object (docs/rules.md 9)."""
    stay_id = links.read(due_selectors.WHY, token, max_age_s=due_selectors.WHY_LIVES_S)["stay"]
    stay = parking.stay(stay_id)
    own = _own(request)
    is_holder = holds(own, stay.plate_text, stay.plate_colour)
    if request.method == "POST":
        return _change_decision(request, stay_id, own=own, is_holder=is_holder)
    context = {
        "stay": stay,
        "plate": parking.shown_plate(stay, own=own),
        "decision": selectors.decision_of(stay_id),
        "is_holder": is_holder,
        "object_path": selectors.object_path([stay_id]),
    }
    return render(request, "arrears/owner_why.html", context)


def _change_decision(
    request: HttpRequest, stay_id: int, *, own: list[tuple[str, str]], is_holder: bool
) -> HttpResponse:
    if request.POST.get("do") == "delete":
        if not is_holder:
            raise Denied()
        services.delete_portraits(user_id=request.user.pk or 0, plates=own, actor=actor_of(request))
        messages.success(request, _("What was concluded about you is deleted."))
        return redirect(request.path)
    said = services.object(
        stay_ids=[stay_id],
        reason="decision",
        user_id=request.user.pk if request.user.is_authenticated else None,
        actor=actor_of(request),
    )
    return _said(request, due_selectors.object_token([stay_id]), said)


# ── The merchant's debts ─────────────────────────────────────────────────────────────────────
@never_cache
@merchant_page("debts")
def debts(request: HttpRequest) -> HttpResponseBase:
    """A merchant's debts: filtered, sorted, their age, paper notices to leave, objections."""
    merchant = request.merchant  # type: ignore[attr-defined]
    role = request.role  # type: ignore[attr-defined]
    table = DebtTable(request, selectors.with_listing(selectors.debts_of_merchant(merchant.pk)))
    notices = NoticeTable(request, selectors.notices_of_merchant(merchant.pk))
    if file := file_of(request, table, notices):
        return file
    context = {
        "table": table,
        "ages": selectors.ages(merchant.pk),
        "notices": notices,
        "disputes": [
            {
                "dispute": one,
                "stays": sorted(one.stays.all(), key=lambda stay: stay.pk),
                "plate": {
                    "text": one.plate_text,
                    "colour": one.plate_colour,
                    "masked": not may(role, "plates"),
                },
                "form": Answer(prefix=f"d{one.pk}"),
            }
            for one in merchant_selectors.disputes_of_merchant(merchant.pk).filter(
                state=DisputeState.OPEN
            )
        ],
        "paper": [
            _paper(one, merchant.pk)
            for one in merchant_selectors.paper_demands_of(merchant.pk)[:20]
        ],
        "may_decide": may(role, "void_stay"),
        "to_look_at": selectors.looks_to_take(merchant.pk).count()
        if may(role, "settle_stay")
        else 0,
        "topic": f"merchant:{merchant.pk}",
    }
    return render(request, "arrears/merchant_debts.html", context)


@never_cache
@merchant_page("settle_stay")
def looks(request: HttpRequest) -> HttpResponse:
    """What this merchant's debts rest on, before anybody is asked for them."""
    merchant = request.merchant  # type: ignore[attr-defined]
    if request.method == "POST":
        looking.take(request, merchant.pk)
        return redirect("arrears.looks")
    context = looking.context_of(request, merchant.pk)
    return render(request, "arrears/merchant_looks.html", context)


def _paper(demand: Demand, merchant_id: int) -> dict[str, Any]:
    """A paper notice to leave, with the sum that it must name for this merchant's debts."""
    mine = [one for one in demand.debts.all() if one.merchant_id == merchant_id]
    owed = [one for one in mine if one.state == DebtState.OPEN]
    return {
        "demand": demand,
        "plate": {"text": demand.plate_text, "colour": demand.plate_colour, "masked": False},
        "ids": [one.pk for one in owed],
        "named_fen": sum(one.amount_fen for one in owed),
        "form": PaperNotice(auto_id=f"paper-{demand.pk}-%s"),
    }


@require_POST
@merchant_page("debts")
def paper_notice(request: HttpRequest) -> HttpResponse:
    """An inspector has left a paper notice at the vehicle (P3.2: the demand is delivered)."""
    merchant = request.merchant  # type: ignore[attr-defined]
    photograph = request.FILES.get("photograph")
    try:
        services.deliver_on_paper(
            debt_ids=parse.numbers(request.POST.getlist("debt")),
            named_fen=parse.number(request.POST.get("named_fen", "")) or 0,
            photograph=images.read_upload(photograph) if photograph else b"",
            merchant_id=merchant.pk,
            actor=actor_of(request),
        )
        messages.success(request, _("The notice counts as delivered from now on."))
    except BoweiError as error:
        messages.warning(request, error.message)
    return redirect("arrears.debts")


@require_POST
@merchant_page("void_stay")
def waive(request: HttpRequest, debt_id: int) -> HttpResponse:
    """Ask for a debt no more."""
    merchant = request.merchant  # type: ignore[attr-defined]
    if not selectors.debts_of_merchant(merchant.pk).filter(pk=debt_id).exists():
        raise Missing()
    try:
        services.waive_debt(
            debt_id=debt_id, actor=actor_of(request), reason=request.POST.get("reason", "")
        )
        messages.success(request, _("The debt is waived."))
    except BoweiError as error:
        messages.warning(request, error.message)
    return redirect("arrears.debts")


@require_POST
@merchant_page("void_stay")
def answer(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """Answer an objection to one of this merchant's stays."""
    merchant = request.merchant  # type: ignore[attr-defined]
    found = selectors.disputes_of_merchant(merchant.pk).filter(pk=dispute_id).first()
    if found is None:
        raise Missing()
    form = Answer(request.POST, prefix=f"d{dispute_id}")
    if not form.is_valid():
        messages.warning(request, _("Choose an answer and say why."))
        return redirect(reverse("arrears.debts") + "#disputes")
    try:
        services.settle_dispute(dispute_id=dispute_id, actor=actor_of(request), **form.cleaned_data)
        messages.success(
            request, _("The owner can read your answer now, and gets a text if they gave a phone.")
        )
    except BoweiError as error:
        messages.warning(request, error.message)
    return redirect("arrears.debts")

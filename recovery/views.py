"""Pages: a recovery order for the vehicle's owner, and for the merchant's staff."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import rules as roles
from accounts import selectors as people
from accounts.guards import actor_of, file_of, merchant_page
from core import images
from core.errors import BoweiError, Denied
from core.plates import chip, holds
from parking import selectors as parking
from payments import services as payments
from recovery import forms, selectors, services
from recovery.errors import NoPhotograph, NotEligible
from recovery.models import RecoveryOrder
from recovery.states import RecoveryState
from recovery.tables import RecoveryTable


# ── The owner, before the lock ────────────────────────────────────────────────────────────────
@never_cache
def lock_here(request: HttpRequest, code: str, tag: str) -> HttpResponse:
    """Whoever scans the code on a lock comes to the order that it stands for."""
    found = selectors.order_of_lock(code, tag)
    if found is None:
        return render(request, "recovery/owner_lock_idle.html")
    return redirect("recovery.order", token=found.token)


@never_cache
def order(request: HttpRequest, token: str) -> HttpResponse:
    """What stands before the wheel and why; pay, object, and after paying the steps, live.

    Opens for whoever scans the code on the lock: the plate stays masked for all but its holder.
    """
    found = selectors.order_by_token(token)
    problem: BoweiError | None = None
    code = ""
    if request.method == "POST":
        try:
            if "code" not in request.POST:
                return _owner_does(request, found)
            code = services.show_release_code(found, actor=actor_of(request))
        except BoweiError as error:
            problem = error
            found = selectors.order_by_token(token)
    if services.note_seen(found):
        found = selectors.order_by_token(token)
    own = people.proven_plates_of(request.user)
    whole = holds(own, found.plate)
    keeps = found.plate_text if whole else ""
    debts = selectors.debts_of(found)
    for debt in debts:
        debt["photographs"] = [
            {"url": images.url(sha, keeps=keeps), "text": debt["place"], "at": debt["arrived_at"]}
            for sha in debt["evidence"][:2]
        ]
    due = [debt for debt in debts if debt["live"] and debt["amount_fen"]]
    context = {
        "order": found,
        "plate": chip(found.plate, whole=whole),
        "debts": debts,
        "due_fen": sum(debt["amount_fen"] for debt in due),
        "lines": [{"text": debt["place"], "amount_fen": debt["amount_fen"]} for debt in due],
        "standing": found.state in RecoveryOrder.STANDING,
        "settlement": getattr(found, "settlement", None),
        "steps": _owner_steps(found),
        "moving": found.lock_position == "lowering",
        "late": found.late_at is not None and found.lowered_at is None,
        "code_ready": selectors.release_code_ready(found),
        "release_code": code,
        "placed_url": images.url(found.placed_sha, keeps=keeps) if found.placed_sha else "",
        "objection": forms.Objection(),
        "help_phone": found.merchant.help_phone,
        "topic": f"recovery:{found.pk}",
        "problem": problem,
    }
    status = problem.status if problem else 200
    return render(request, "recovery/owner_order.html", context, status=status)


def _owner_does(request: HttpRequest, found: RecoveryOrder) -> HttpResponse:
    actor = actor_of(request)
    if "object" in request.POST:
        form = forms.Objection(request.POST)
        said = form.cleaned_data if form.is_valid() else {"reason": "other", "text": ""}
        live_ids = [debt["id"] for debt in selectors.debts_of(found) if debt["live"]]
        services.object_and_lower(
            found.pk,
            debt_ids=live_ids,
            reason=said["reason"],
            text=said["text"],
            user_id=request.user.pk,
            actor=actor,
        )
        messages.success(
            request, _("We have your objection. The lock was ordered down; a person will look.")
        )
        return redirect("recovery.order", token=found.token)
    payer = request.user.pk if request.user.is_authenticated else None
    payment = payments.open_order(
        items=[("recovery.order", found.pk)], payer_user_id=payer, actor=actor
    )
    return redirect("payments.order", token=payment.token)


def _owner_steps(found: RecoveryOrder) -> list[dict[str, Any]]:
    """Paid → going down → down → drive off; or without the first, where nothing was paid."""
    if found.state in RecoveryOrder.STANDING or found.state == RecoveryState.CANCELLED:
        return []
    down = found.lowered_at is not None
    settlement = getattr(found, "settlement", None)
    steps = []
    if settlement:
        steps.append({"text": _("Paid"), "state": "done", "at": settlement.made_at})
    steps += [
        {
            "text": _("The lock is ordered down"),
            "state": "done" if down else "now",
            "at": found.ended_at,
            "note": "" if down else selectors.lowering_text(found),
        },
        {
            "text": _("The lock is down"),
            "state": "done" if down else "todo",
            "at": found.lowered_at,
        },
        {"text": _("Drive off slowly"), "state": "now" if down else "todo", "at": None},
    ]
    return steps


# ── The merchant ──────────────────────────────────────────────────────────────────────────────
@require_POST
@merchant_page("recover")
def signs(request: HttpRequest) -> HttpResponse:
    """The codes of the merchant's locks, to be printed."""
    try:
        printed = services.print_lock_signs(
            merchant_id=request.merchant.pk,  # type: ignore[attr-defined]
            actor=actor_of(request),
        )
    except BoweiError as error:
        messages.warning(request, error.message)
        return redirect("recovery.list")
    answer = HttpResponse(printed, content_type="application/pdf")
    answer["Content-Disposition"] = 'attachment; filename="locks.pdf"'
    return answer


@never_cache
@merchant_page("debts")
def listing(request: HttpRequest) -> HttpResponseBase:
    """The merchant's orders by state; those that need a person first to be found."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    table = RecoveryTable(request, selectors.orders_of(merchant_id))
    if file := file_of(request, table):
        return file
    context = {
        "table": table,
        "state": request.GET.get("state", ""),
        "filters": [
            {"name": "", "text": _("All")},
            {"name": "open", "text": _("Open")},
            {"name": "fetch", "text": _("To be fetched")},
            {"name": "alarm", "text": _("Needs a person")},
        ],
        "alarms": selectors.alarms(merchant_id).count(),
        "may_recover": _may(request, "recover"),
        "topic": f"merchant:{merchant_id}",
    }
    return render(request, "recovery/merchant_list.html", context)


@never_cache
@merchant_page("recover")
def new(request: HttpRequest) -> HttpResponse:
    """Bind a vehicle's debts to a lock: every rule is shown with its answer before it is done."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    locks = selectors.locks_of(merchant_id)
    form = forms.NewOrder(request.POST or None, request.FILES or None, locks=locks)
    if request.method == "GET" and request.GET.get("berth"):
        form.initial["berth"] = request.GET["berth"]
    problem: BoweiError | None = None
    rules: list[Any] = []
    if form.is_valid():
        told = form.cleaned_data
        berth = parking.berth_by_code(told["berth"])
        stay = parking.open_stay_at(berth.pk) if berth else None
        if berth is None or stay is None or berth.section.merchant_id != merchant_id:
            form.add_error("berth", _("No vehicle of yours is known to stand there."))
        else:
            try:
                made = services.bind(
                    merchant_id=merchant_id,
                    plate_text=stay.plate_text,
                    plate_colour=stay.plate_colour,
                    berth_id=berth.pk,
                    device_id=int(told["lock"]),
                    second_look=_look(request, told),
                    actor=actor_of(request),
                )
                return redirect("recovery.detail", order_id=made.pk)
            except NotEligible as error:
                problem, rules = error, error.rules
            except BoweiError as error:
                problem = error
    context = {"form": form, "locks": locks, "rules": rules, "problem": problem}
    status = problem.status if problem else 200
    return render(request, "recovery/merchant_new.html", context, status=status)


@never_cache
@merchant_page("debts")
def detail(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order: plate, debts, evidence, rules, lock, and the steps from bound to fetched."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    found = selectors.order_of(merchant_id, order_id)
    problem: BoweiError | None = None
    rules: list[Any] = []
    if request.method == "POST":
        try:
            _merchant_does(request, found)
            return redirect("recovery.detail", order_id=order_id)
        except NotEligible as error:
            problem, rules = error, error.rules
        except BoweiError as error:
            problem = error
        found = selectors.order_of(merchant_id, order_id)
    if not rules and found.state in (RecoveryState.BOUND, RecoveryState.PLACED):
        rules = [asdict(rule) for rule in services.rules_for(found)]
    whole = found.state in RecoveryOrder.OPEN or _may(request, "plates")
    context = {
        "order": found,
        "plate": chip(found.plate, whole=whole),
        "debts": selectors.debts_of(found),
        "rules": rules,
        "lock": selectors.lock_of(found),
        "lock_events": list(selectors.lock_events(found)),
        "steps": _merchant_steps(found),
        "settlement": getattr(found, "settlement", None),
        "move": getattr(found, "move", None),
        "evidence": _evidence(found, request.user.pk, whole=whole),
        "photograph": forms.Photograph(),
        "look": forms.LookAgain(),
        "look_is_old": any(rule["code"] == "second_look" and not rule["ok"] for rule in rules),
        "up": selectors.is_up(found),
        "lowering": selectors.lowering_text(found),
        "standing": found.state in RecoveryOrder.STANDING,
        "open": found.state in RecoveryOrder.OPEN,
        "may_recover": _may(request, "recover"),
        "may_lower": _may(request, "lower_lock"),
        "trouble": selectors.problem_text(found.problem) if found.problem else "",
        "problem": problem,
        "topic": f"recovery:{found.pk}",
    }
    status = problem.status if problem else 200
    return render(request, "recovery/merchant_detail.html", context, status=status)


def _merchant_does(request: HttpRequest, found: RecoveryOrder) -> None:
    actor = actor_of(request)
    action = request.POST.get("action", "")
    if action == "lower":
        if not _may(request, "lower_lock"):
            raise Denied()
        reason = request.POST.get("reason", "")
        services.emergency_lower(found.pk, actor=actor, reason=reason)
        return
    if action == "by_hand":
        if not _may(request, "lower_lock"):
            raise Denied()
        upload = request.FILES.get("photograph")
        sha256 = images.keep_upload(upload, by=actor) if upload else ""
        services.lowered_by_hand(found.pk, sha256=sha256, actor=actor)
        return
    if not _may(request, "recover"):
        raise Denied()
    upload = request.FILES.get("photograph")
    sha256 = images.keep_upload(upload, by=actor) if upload else ""
    if action == "place":
        services.place(found.pk, sha256=sha256, actor=actor)
    elif action == "look":
        form = forms.LookAgain(request.POST, request.FILES)
        if not form.is_valid():
            raise NoPhotograph()
        look = _look(request, form.cleaned_data)
        services.look_again(found.pk, second_look=look, actor=actor)
    elif action == "raise":
        if sha256:
            services.place(found.pk, sha256=sha256, actor=actor)
        services.raise_lock(found.pk, actor=actor)
    elif action == "moved":
        services.confirm_move(found.pk, actor=actor, sha256=sha256)
    elif action == "cancel":
        services.cancel(found.pk, actor=actor, reason=request.POST.get("reason", ""))


def _look(request: HttpRequest, told: dict[str, Any]) -> dict[str, str]:
    """A second look as a form says it, with its photograph kept."""
    sha256 = images.keep_upload(told["look_photograph"], by=actor_of(request))
    return {"typed": told["typed"], "sha256": sha256}


def _merchant_steps(found: RecoveryOrder) -> list[dict[str, Any]]:
    """From bound to fetched, with times; an end without payment leaves out what never was."""
    settlement = getattr(found, "settlement", None)
    raised: list[dict[str, Any]] = [
        {"text": _("Bound"), "at": found.bound_at},
        {"text": _("Lock placed"), "at": found.placed_at},
        {"text": _("Raise ordered"), "at": found.raising_at},
        {"text": _("Lock up"), "at": found.raised_at},
    ]
    if found.ended_at:
        raised = [step for step in raised if step["at"]]
        ended = settlement.made_at if settlement else found.ended_at
        raised.append({"text": found.get_ended_by_display().capitalize(), "at": ended})
    else:
        raised.append({"text": _("Payment"), "at": None})
    if found.state != RecoveryState.CANCELLED:
        raised.append({"text": _("Lock down"), "at": found.lowered_at})
        raised.append({"text": _("Lock fetched"), "at": found.moved_at})
    pending = False
    for step in raised:
        step["state"] = "done" if step["at"] else "todo" if pending else "now"
        pending = pending or not step["at"]
    return raised


def _evidence(found: RecoveryOrder, person_id: int | None, *, whole: bool) -> list[dict[str, Any]]:
    """Photographs of this order's steps, in their order: what each shows, by whom and when; for
    who reads no whole plate there without it, and no original."""
    return [
        {
            "url": images.url(one.sha256, keeps=found.plate_text if whole else ""),
            "original_url": images.asking_url(one.sha256, person_id=person_id) if whole else "",
            "text": one.get_purpose_display().capitalize(),
            "at": one.taken_at,
        }
        for one in found.photographs.order_by("pk")
    ]


def _may(request: HttpRequest, action: str) -> bool:
    return roles.may(request.role, action)  # type: ignore[attr-defined]

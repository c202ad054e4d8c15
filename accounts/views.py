"""Log-in, and the plates of a person."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import own_data, selectors, services
from accounts.guards import StaffRequest, merchant_page, owner_page
from accounts.models import Proposal, User
from core import images
from core.errors import BoweiError, Denied, Missing


@owner_page
def plates(request: HttpRequest) -> HttpResponse:
    """The plates of the person who is logged in; adding one asks an operator to look at it."""
    user = request.user
    assert isinstance(user, User)
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            services.claim_plate(
                user=user,
                plate_text=request.POST.get("plate", ""),
                plate_colour=request.POST.get("colour", "blue"),
            )
            own_data.note_informed(user)
            context["done"] = _("We have noted the plate. It counts once you have shown it.")
        except BoweiError as error:
            context["error"] = error
    context["holdings"] = selectors.holdings_of(user)
    context["shared"] = selectors.shared_with(user)
    return render(request, "accounts/owner_plates.html", context)


@owner_page
@require_POST
def show_plate(request: HttpRequest, holding_id: int) -> HttpResponse:
    """The vehicle licence of a plate that this person says is theirs."""
    user = request.user
    assert isinstance(user, User)
    upload = request.FILES.get("photograph")
    try:
        services.show_licence(
            user=user,
            holding_id=holding_id,
            photograph=images.read_upload(upload) if isinstance(upload, UploadedFile) else b"",
            actor=user.actor,
        )
        messages.success(request, _("We have the photograph. A person looks at it."))
    except Missing:
        raise
    except BoweiError as error:
        messages.warning(request, error.message)
    return redirect("accounts.plates")


@owner_page
@require_POST
def share_plate(request: HttpRequest, holding_id: int) -> HttpResponse:
    """Let another person see and pay the bills of a plate."""
    user = request.user
    assert isinstance(user, User)
    try:
        services.share_plate(
            user=user,
            holding_id=holding_id,
            phone=request.POST.get("phone", ""),
            actor=user.actor,
        )
        messages.success(request, _("Who has this phone sees the plate's bills after logging in."))
    except Missing:
        raise
    except BoweiError as error:
        messages.warning(request, error.message)
    return redirect("accounts.plates")


@owner_page
@require_POST
def end_share(request: HttpRequest, share_id: int) -> HttpResponse:
    """A plate is shared no more."""
    user = request.user
    assert isinstance(user, User)
    services.end_share(user=user, share_id=share_id, actor=user.actor)
    messages.success(request, _("The plate is shared no more."))
    return redirect("accounts.plates")


@owner_page
@require_POST
def end_plate(request: HttpRequest, holding_id: int) -> HttpResponse:
    """A plate is no longer this person's: sold, or for another reason."""
    user = request.user
    assert isinstance(user, User)
    services.end_holding(
        user=user,
        holding_id=holding_id,
        reason="sold" if request.POST.get("why") == "sold" else "said by the holder",
        actor=user.actor,
    )
    messages.success(request, _("The plate is no longer yours here."))
    return redirect("accounts.plates")


# ── Two persons ──────────────────────────────────────────────────────────────────────────────
MOST_SHOWN = 100


@never_cache
@require_GET
@merchant_page("see")
def proposals(request: StaffRequest) -> HttpResponse:
    """What waits for a second person, and what this person has proposed."""
    person = request.user
    assert isinstance(person, User)
    rows = [
        {
            "row": row,
            "what": services.act_of(row).word,
            "url": _page_of(row),
            "who": selectors.name_of(row.asked_by),
            "mine": row.asked_by == person.actor,
            "open": row.state == Proposal.State.ASKED,
        }
        for row in services.proposals_of(request.merchant.pk)[:MOST_SHOWN]
        if row.asked_by == person.actor or services.may_answer(person, row)
    ]
    context = {
        "waiting": [one for one in rows if one["open"] and not one["mine"]],
        "own": [one for one in rows if one["mine"]],
        "answered": [one for one in rows if not one["open"] and not one["mine"]],
        "topic": f"merchant:{request.merchant.pk}",
    }
    return render(request, "accounts/merchant_proposals.html", context)


def _page_of(row: Proposal) -> str:
    """Where what a proposal is about can be looked at, "" where no page shows it."""
    page = services.act_of(row).page
    return reverse(page, args=[row.subject_id]) if page else ""


@require_POST
@merchant_page("see")
def answer_proposal(request: StaffRequest, proposal_id: int) -> HttpResponse:
    """A second person agrees or not; who proposed it takes it back."""
    person = request.user
    assert isinstance(person, User)
    if not services.proposals_of(request.merchant.pk).filter(pk=proposal_id).exists():
        raise Missing()
    what = request.POST.get("do", "")
    try:
        if what == "approve":
            row = services.approve_proposal(proposal_id=proposal_id, person=person)
        elif what == "withdraw":
            row = services.withdraw_proposal(proposal_id=proposal_id, person=person)
        else:
            row = services.refuse_proposal(
                proposal_id=proposal_id, person=person, answer=request.POST.get("reason", "")
            )
        told = f"{services.act_of(row).word}: {row.get_state_display()}"
        messages.success(request, f"{told} · {row.answer}" if row.answer else told)
    except (Denied, Missing):
        raise
    except BoweiError as error:
        messages.warning(request, error.message)
    return redirect("accounts.proposals")


__all__ = ["merchant_page", "owner_page"]

"""Access guards: what stands before pages, and what the interfaces ask of a person for each deed.

Staff of a merchant act by their role there; people of the operator's desk by a right of the deed's
own (docs/desk.md). Neither stands for more than the one deed that is asked about.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from accounts import acting, selectors
from accounts.models import Membership, Merchant
from accounts.rules import may
from core import audit
from core.errors import Denied
from core.sheets import File
from core.tables import Table

View = Callable[..., HttpResponseBase]


class StaffRequest(HttpRequest):
    """What a view behind `merchant_page` is given; a name for the type checker."""

    merchant: Merchant
    role: str
    may_do: Callable[[str], bool]
    proposals_wait: bool


def actor_of(request: Any) -> str:
    """Who acts, as the audit trail writes it; `owner` is whoever holds a link, without a login."""
    return str(request.user.actor) if request.user.is_authenticated else "owner"


def membership_for(person: Any, action: str) -> Membership:
    """The person's work for a merchant, whose role may do `action`. Raises Denied."""
    membership = selectors.membership_of(person)
    if membership is None or not may(membership.role, action):
        raise Denied()
    return membership


def merchant_scope(person: Any, action: str, *, right: str) -> int | None:
    """The merchant whose rows this person may do `action` to; None means everybody's.

    None is only for who works on the operator's desk and holds `right`. Raises Denied.
    """
    if person.is_active and person.is_staff and person.has_perm(right):
        return None
    return membership_for(person, action).merchant_id


def tell_answers(request: HttpRequest) -> None:
    """Shows a person on this page what others have answered to their proposals, once."""
    person: Any = request.user
    for row in acting.tell_answers_to(person):
        said = f"{acting.act_of(row).word} · {row.about}: {row.get_state_display()}"
        messages.info(request, f"{said} · {row.answer}" if row.answer else said)


def merchant_page(action: str) -> Callable[[View], View]:
    """Only for staff whose role may do `action`; sets request.merchant and request.role."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_log_in(request, "accounts.login")
            membership = membership_for(request.user, action)
            request.merchant = membership.merchant  # type: ignore[attr-defined]
            request.role = membership.role  # type: ignore[attr-defined]
            request.may_do = partial(may, membership.role)  # type: ignore[attr-defined]
            request.may_export = may(membership.role, "export")  # type: ignore[attr-defined]
            request.reads_plates = may(membership.role, "plates")  # type: ignore[attr-defined]
            request.proposals_wait = membership.proposals_wait  # type: ignore[attr-defined]
            htmx = request.htmx  # type: ignore[attr-defined]
            if membership.answers_untold and request.method == "GET" and not htmx:  # type: ignore[attr-defined]
                tell_answers(request)
            return view(request, *args, **kwargs)

        return guarded

    return guard


def file_of(request: HttpRequest, *lists: Table) -> File | None:
    """The file of one of these lists that the address asks for, noted in the trail of who takes it.

    Raises Denied for a role that takes no list of debtors away, or none with whole plates.
    """
    role, person = request.role, request.user  # type: ignore[attr-defined]
    for table in lists:
        file = table.file()
        if file is None:
            continue
        if not may(role, "export") or (table.why and not may(role, "whole_plates")):
            raise Denied()
        audit.record(
            person,  # type: ignore[arg-type]
            "list taken as a file",
            actor=actor_of(request),
            reason=table.why,
            list=table.name,
            rows=table.data.data.count(),
            whole_plates=bool(table.why),
        )
        return file
    return None


def whole_plates(request: Any, what: str, *, right: str = "") -> bool:
    """Whether an answer of the interface names plates whole: only where the address says why
    (`?why=`), to who may, and noted in their trail.

    `right`: with which people of the desk may. Raises Denied for who asks and may not.
    """
    why = request.query_params.get("why", "").strip()[:200]
    if not why:
        return False
    person = request.user
    if not (right and person.is_staff and person.has_perm(right)):
        membership_for(person, "whole_plates")
    audit.record(person, "plates seen whole", actor=actor_of(request), reason=why, list=what)
    return True


def owner_page(view: View) -> View:
    """Only for a person who has logged in; with their phone, if they own a vehicle."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_log_in(request, "accounts.owner_login")
        return view(request, *args, **kwargs)

    return guarded


def to_log_in(request: HttpRequest, name: str) -> HttpResponse:
    """To the log-in page, and from there back."""
    url = f"{reverse(name)}?{urlencode({'next': request.get_full_path()})}"
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(url)  # the whole page goes there, not a part of it
    return redirect(url)

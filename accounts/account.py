"""A person's own log-in: second factors, password, phone, and where they are logged in."""

import secrets
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts import factors, log_in, proving, selectors, services, sms, visits
from accounts.guards import owner_page, to_log_in
from accounts.models import User
from core import deeds, limits
from core.errors import BoweiError, Denied, Invalid

NEW_SECRET = "new_secret"  # of an app that has not shown yet that it knows it


def _worker(request: HttpRequest) -> User:
    """The person, who works here. Raises Denied."""
    person = request.user
    if not isinstance(person, User) or not selectors.works_here(person):
        raise Denied()
    return person


@never_cache
@owner_page
def account(request: HttpRequest) -> HttpResponse:
    """What this person logs in with, and where they are logged in."""
    person = request.user
    assert isinstance(person, User)
    context = {
        "works_here": selectors.works_here(person),
        "factors": person.factors.order_by("pk"),
        "codes_left": factors.codes_left(person),
        "asked_for": factors.touches_money(person),
        "must_have": factors.must_have(person),
        "visits": visits.of_person(person.pk),
        "here": visits.digest(request.session.session_key),
        "home": log_in.home_of(person),
    }
    return render(request, "accounts/account.html", context)


@require_POST
@owner_page
def end_visit(request: HttpRequest) -> HttpResponse:
    """Ends one log-in of this person, or all but this one."""
    person = request.user
    assert isinstance(person, User)
    key = request.POST.get("visit", "")
    ended = services.end_visits(
        user=person, keys=[key] if key else None, but=request.session.session_key or ""
    )
    if ended:
        messages.success(request, _("Ended. That browser must log in again."))
    return redirect("accounts.account")


# ── Second factors ───────────────────────────────────────────────────────────────────────────
@never_cache
def factor(request: HttpRequest) -> HttpResponseBase:
    """Sets up a second factor, for who is logged in, or must have one to be let in."""
    half = log_in.half_in(request)
    if half is not None and factors.has_any(half[0]):
        return redirect("accounts.second")
    if half is None and not request.user.is_authenticated:
        return to_log_in(request, "accounts.login")
    person = half[0] if half else _worker(request)
    error: BoweiError | None = None
    if request.method == "POST":
        try:
            _add(request, person)
        except BoweiError as refused:
            error = refused
        else:
            return _added(request, person, half[1] if half else "")
    secret = request.session.setdefault(NEW_SECRET, factors.new_secret())
    address = factors.address_for_app(person, secret)
    context = {
        "must": half is not None,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "picture": segno.make(address, error="m").svg_data_uri(scale=5, border=3),
        "has_app": factors.has_app(person),
        "passkey": factors.offer_passkey(person, request.session)
        if factors.passkeys_work()
        else "",
        "error": error,
    }
    status = error.status if error else 200
    return render(request, "accounts/account_factor.html", context, status=status)


def _add(request: HttpRequest, person: User) -> None:
    with limits.attempt(deeds.FACTOR, who=str(person.pk)) as right:
        if answer := request.POST.get("passkey"):
            factors.add_passkey(
                user=person,
                answer=answer,
                session=request.session,
                name=request.POST.get("name", ""),
                actor=person.actor,
            )
        else:
            factors.add_app(
                user=person,
                secret=request.session.get(NEW_SECRET) or factors.new_secret(),
                code=request.POST.get("code", ""),
                actor=person.actor,
            )
        right()
    request.session.pop(NEW_SECRET, None)


def _added(request: HttpRequest, person: User, following: str) -> HttpResponse:
    """With the first factor come recovery codes; who was at the door is let in."""
    came = log_in.let_in(request, person, following) if following else None
    if not came:
        visits.end(person.pk, but=request.session.session_key)
    if factors.codes_left(person):
        messages.success(request, _("The second factor counts from now on."))
        return came or redirect("accounts.account")
    page = _codes(request, person, following or reverse("accounts.account"))
    if came:
        page.cookies.update(came.cookies)
    return page


def _codes(request: HttpRequest, person: User, following: str) -> HttpResponse:
    made = factors.new_codes(user=person, actor=person.actor)
    context = {"codes": made, "next": following}
    return render(request, "accounts/account_codes.html", context)


@never_cache
@require_POST
@owner_page
def codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, shown once."""
    person = _worker(request)
    if not factors.has_any(person):
        return redirect("accounts.factor")
    return _codes(request, person, reverse("accounts.account"))


@require_POST
@owner_page
def remove_factor(request: HttpRequest, factor_id: int) -> HttpResponse:
    """A second factor of one's own counts no more."""
    person = _worker(request)
    try:
        factors.remove(user=person, factor_id=factor_id, actor=person.actor)
        visits.end(person.pk, but=request.session.session_key)
        messages.success(request, _("The second factor counts no more."))
    except BoweiError as error:
        if error.status == 404:
            raise
        messages.warning(request, error.message)
    return redirect("accounts.account")


# ── Password, phone ──────────────────────────────────────────────────────────────────────────
@never_cache
@owner_page
def password(request: HttpRequest) -> HttpResponse:
    """One's own new password, with the old one; every other log-in ends."""
    person = _worker(request)
    form = PasswordChangeForm(person, request.POST or None)
    error: BoweiError | None = None
    if request.method == "POST":
        try:
            with limits.attempt(deeds.FACTOR, who=str(person.pk)) as right:
                if "old_password" not in form.errors:
                    right()
            if form.is_valid():
                services.change_own_password(
                    user=person,
                    password=form.cleaned_data["new_password1"],
                    actor=person.actor,
                    session_key=request.session.session_key or "",
                )
                update_session_auth_hash(request, person)
                proving.note(request.session)
                messages.success(
                    request, _("Your new password counts. Other browsers must log in again.")
                )
                return redirect("accounts.account")
        except BoweiError as refused:
            error = refused
    context = {"form": form, "name": person.get_username(), "error": error}
    return render(request, "accounts/account_password.html", context)


@never_cache
@owner_page
def phone(request: HttpRequest) -> HttpResponse:
    """The phone that is told of changes, and gets the link to a new password; shown by a code."""
    person = _worker(request)
    number = request.POST.get("phone", "").strip()
    code = request.POST.get("code", "").strip()
    context: dict[str, Any] = {"phone": number, "sent": False, "now": person.phone_masked}
    browser = limits.browser_of(request) or secrets.token_urlsafe(16)
    if request.method == "POST":
        try:
            if person.phone_digest:
                raise Invalid("phone_is_log_in", _("You log in with your phone: it stays."))
            if code:
                services.redeem_code(phone=number, code=code, browser=browser)
                services.set_work_phone(user=person, phone=number, actor=person.actor)
                messages.success(request, _("We have noted your phone."))
                return redirect("accounts.account")
            message = services.send_login_code(phone=number, browser=browser)
            context["sent"] = True
            if not sms.sends():
                context["sandbox_text"] = message.text
        except BoweiError as error:
            context |= {"error": error, "sent": bool(code)}
    status = context["error"].status if "error" in context else 200
    page = render(request, "accounts/account_phone.html", context, status=status)
    return limits.keep_browser(page, browser)

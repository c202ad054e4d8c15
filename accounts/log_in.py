"""How people come in: password and second factor, phone and code, a link to a new password."""

import json
import secrets
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts import factors, proving, selectors, services, sms
from accounts.entering import made_to_wait
from accounts.models import User
from core import clock, deeds, limits, links, personal
from core.errors import BoweiError, Invalid, Missing, Refused, TooMany

BACKEND = "django.contrib.auth.backends.ModelBackend"
HALF = "half"  # who has shown their password, and must show a second factor
HALF_LIVES_S = 10 * 60
KNOWN = "bowei_known"  # by which names somebody has logged in with this browser
MOST_KNOWN = 8
NEW_PASSWORD = "accounts.new_password"
PASSWORD_FIRST = gettext_lazy(
    "You work here: log in with your name and password, and set up a second factor."
)


def following_of(request: HttpRequest, otherwise: str) -> str:
    """The page of ours that the person was going to."""
    following = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        following, {request.get_host()}, require_https=request.is_secure()
    )
    return following if ours else otherwise


def home_of(user: User) -> str:
    if user.is_staff and selectors.merchant_for(user) is None:
        return reverse("admin:index")
    return reverse("parking.street") if selectors.works_here(user) else "/dues/"


# ── Name and password ────────────────────────────────────────────────────────────────────────
class StaffLogin(LoginView):
    """Log-in of merchants' staff and operators, for the portal and the desk."""

    template_name = "registration/login.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = _name(request)
        try:
            with _try_at(request, name) as right:
                form = self.get_form()
                if not form.is_valid():
                    return self.form_invalid(form)
                right()
        except TooMany as error:
            made_to_wait(request, name)
            return render(request, "registration/login_waits.html", {"error": error}, status=429)
        user = form.get_user()
        assert isinstance(user, User)
        return come_in(request, user, following_of(request, home_of(user)))


def _name(request: HttpRequest) -> str:
    """The name that was typed, as it is looked up: however it is written, it is counted as one."""
    return str(User.normalize_username(request.POST.get("username", "").strip()))


def _try_at(request: HttpRequest, name: str) -> Any:
    """One try of this name's password: a browser that knows it waits for itself alone."""
    if not name:
        return limits.attempt(deeds.LOG_IN)
    if _mark(request, name) in _known(request):
        browser = limits.browser_of(request)
        return limits.attempt(deeds.LOG_IN, of_network=False, known=f"{browser} {name}")
    who = limits.asker()
    pair = f"{who.network} {name}" if who else ""
    return limits.attempt(deeds.LOG_IN, pair=pair, name=name, sum="all")


def _mark(request: HttpRequest, name: str) -> str:
    browser = limits.browser_of(request)
    return personal.digest(f"known {browser} {name}")[:24] if browser else ""


def _known(request: HttpRequest) -> list[str]:
    try:
        found = json.loads(request.get_signed_cookie(KNOWN, default="[]", salt=KNOWN) or "[]")
    except ValueError:
        return []
    return [one for one in found if one]


def _remember(request: HttpRequest, response: HttpResponse, user: User) -> HttpResponse:
    """This browser is one that the person has logged in with."""
    browser = limits.browser_of(request) or secrets.token_urlsafe(16)
    mine = personal.digest(f"known {browser} {user.get_username()}")[:24]
    others = [one for one in _known(request) if one != mine]
    limits.keep_browser(response, browser)
    return limits.keep_cookie(response, KNOWN, json.dumps([mine, *others][:MOST_KNOWN]))


# ── The second factor ────────────────────────────────────────────────────────────────────────
def come_in(request: HttpRequest, user: User, following: str) -> HttpResponse:
    """Who has shown the first factor is let in, or asked for the second, or to set one up."""
    has_one = factors.has_any(user)
    if not has_one and not factors.must_have(user):
        return let_in(request, user, following)
    request.session.flush()
    request.session[HALF] = {
        "user": user.pk,
        "next": following,
        "until": clock.real().timestamp() + HALF_LIVES_S,
        "hash": user.get_session_auth_hash(),
    }
    return redirect("accounts.second" if has_one else "accounts.factor")


def half_in(request: HttpRequest) -> tuple[User, str] | None:
    """Who has shown their password here lately, and where they are going."""
    half = request.session.get(HALF)
    if not half or half["until"] < clock.real().timestamp():
        return None
    user = User.objects.filter(pk=half["user"], is_active=True).first()
    if user is None or not secrets.compare_digest(half["hash"], user.get_session_auth_hash()):
        return None
    return user, half["next"]


def let_in(request: HttpRequest, user: User, following: str) -> HttpResponse:
    """The person is logged in, in this browser, from now on."""
    request.session.pop(HALF, None)
    login(request, user, backend=BACKEND)
    return _remember(request, redirect(following), user)


def second(request: HttpRequest) -> HttpResponse:
    """Asks for the second factor of who has shown their password."""
    half = half_in(request)
    if half is None:
        return redirect("accounts.login")
    user, following = half
    error: BoweiError | None = None
    if request.method == "POST":
        try:
            how = _show(request, user)
        except BoweiError as refused:
            error = refused
        else:
            if how == "recovery code":
                services.note_recovery(user=user)
                left = factors.codes_left(user)
                said = _("You have used a recovery code; %(n)d are left.") % {"n": left}
                messages.warning(request, said)
            return let_in(request, user, following)
    context = {
        "error": error,
        "passkey": factors.ask_passkey(user, request.session),
        "has_app": factors.has_app(user),
    }
    return render(request, "registration/second.html", context)


def _show(request: HttpRequest, user: User) -> str:
    with limits.attempt(deeds.FACTOR, who=str(user.pk)) as right:
        how = factors.shown(
            user,
            code=request.POST.get("code", ""),
            passkey=request.POST.get("passkey", ""),
            session=request.session,
        )
        if not how:
            services.note_refused_factor(user=user)
            raise factors.wrong_code()
        right()
    return how


# ── Owners of vehicles ───────────────────────────────────────────────────────────────────────
def owner_login(request: HttpRequest) -> HttpResponse:
    """Log-in of vehicle owners: a phone number, then the code that was sent to it.

    Who works here too is asked for their second factor, and sets up the first one after their
    password alone: a text opens no portal.
    """
    phone = request.POST.get("phone", "").strip()
    code = request.POST.get("code", "").strip()
    following = following_of(request, "/dues/")
    context: dict[str, Any] = {"phone": phone, "next": following, "sent": False}
    browser = limits.browser_of(request) or secrets.token_urlsafe(16)
    if request.method == "POST":
        try:
            if code:
                user = services.redeem_login_code(phone=phone, code=code, browser=browser)
                if factors.must_have(user) and not factors.has_any(user):
                    raise Refused("password_first", PASSWORD_FIRST)
                return limits.keep_browser(come_in(request, user, following), browser)
            message = services.send_login_code(phone=phone, browser=browser)
            context["sent"] = True
            if not sms.sends():
                context["sandbox_text"] = message.text
        except BoweiError as error:
            context |= {"error": error, "sent": bool(code)}
    status = context["error"].status if "error" in context else 200
    page = render(request, "registration/owner_login.html", context, status=status)
    return limits.keep_browser(page, browser)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("/")


# ── Forgotten ────────────────────────────────────────────────────────────────────────────────
def forgot(request: HttpRequest) -> HttpResponse:
    """Asks for a link to a new password; the answer is the same whether or not there is anybody."""
    context: dict[str, Any] = {"name": _name(request)}
    if request.method == "POST":
        try:
            limits.count_about(deeds.FORGOT, context["name"])
            message = services.offer_new_password(name=context["name"], link=_link_for)
            context["sent"] = True
            if message is not None and not sms.sends():
                context["sandbox_text"] = message.text
        except BoweiError as error:
            context["error"] = error
    status = context["error"].status if "error" in context else 200
    return render(request, "registration/forgot.html", context, status=status)


def _link_for(user: User) -> str:
    token = links.sign(NEW_PASSWORD, user=user.pk, once=default_token_generator.make_token(user))
    return reverse("accounts.new_password", args=[token])


def new_password(request: HttpRequest, token: str) -> HttpResponse:
    """A new password, by a link that counts once, for an hour; the second factor stays."""
    told = links.read(NEW_PASSWORD, token, max_age_s=3600)
    user = User.objects.filter(pk=told.get("user"), is_active=True).first()
    if user is None or not default_token_generator.check_token(user, str(told.get("once", ""))):
        raise Missing("bad_link")
    form: SetPasswordForm[User] = SetPasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.change_own_password(
            user=user, password=form.cleaned_data["new_password1"], actor=user.actor
        )
        messages.success(request, _("Your new password counts. Log in with it."))
        return _remember(request, redirect("accounts.login"), user)
    context = {"form": form, "name": user.get_username()}
    return render(request, "registration/new_password.html", context)


# ── Anew ─────────────────────────────────────────────────────────────────────────────────────
def again(request: HttpRequest) -> HttpResponse:
    """Shows once more who they are, then goes on to where they were."""
    person = request.user
    if not isinstance(person, User):
        return redirect(f"{reverse('accounts.login')}?{urlencode({'next': '/account/'})}")
    following = following_of(request, reverse("accounts.account"))
    error: BoweiError | None = None
    if request.method == "POST":
        try:
            if not any(request.POST.get(name) for name in proving.FIELDS):
                raise Invalid("not_shown", _("That was not right. Try once more."))
            proving.prove(request, person)
            return redirect(following)
        except BoweiError as refused:
            error = refused
    return proving.page(request, person, following=following, error=error)

"""The cashier's page, those while and after paying, the sandbox's, and the merchant's money."""

import json
import secrets
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.guards import actor_of, file_of, merchant_page
from core import clock, limits, wiring
from core.errors import BoweiError, Invalid, Missing
from payments import providers, selectors, services
from payments.errors import AmountChanged, OrderNotOpen, PayerUnasked, ProviderUnknown
from payments.forms import PartForm
from payments.models import Order, OrderItem, SandboxTrade
from payments.providers.base import Way
from payments.providers.browsers import Browser
from payments.providers.sandbox.client import pay_at_sandbox
from payments.rules import Standing
from payments.tables import EntryTable, HandBackTable


class Away(HttpResponseRedirect):
    """On to a provider: its page, or its app."""

    allowed_schemes = ["http", "https", *providers.schemes()]


@never_cache
def order(request: HttpRequest, token: str) -> HttpResponse:
    """The cashier: what, how much, who gets it, and the ways to pay. A link opens it, no log-in."""
    answer = _order(request, token)
    answer._csp_update = {"form-action": providers.form_targets()}  # type: ignore[attr-defined]
    return answer


def _order(request: HttpRequest, token: str) -> HttpResponse:
    found = selectors.order_by_token(token)
    if found.state == Order.State.PAID:
        return redirect("payments.done", token=token)
    problem: BoweiError | None = None
    part = PartForm(request.POST if "part" in request.POST else None)
    if part.is_bound and not part.is_valid():
        problem = Invalid("bad_amount", part.errors["part"][0])
    elif request.method == "POST":
        try:
            return _begin(request, found, part)
        except AmountChanged as change:
            messages.warning(request, change.message)
            return redirect("payments.order", token=change.token)
        except OrderNotOpen:
            return redirect("payments.done", token=token)
        except BoweiError as error:
            problem = error
            found.refresh_from_db()
    browser = _browser(request)
    ways = providers.offered_in(browser)
    outdated = found.state != Order.State.OPEN or found.expires_at <= clock.now()
    context = {
        "order": found,
        "items": found.bills,
        "outdated": outdated,
        "ways": [{"name": one.name, "text": one.word} for one in ways],
        "part": part,
        "in_parts": all(wiring.payable(item.payable).in_parts for item in found.bills),
        "elsewhere": [one.word for one in providers.offered() if one not in ways],
        "inside": _inside(browser),
        "address": selectors.order_public_url(found),
        "unclear": selectors.unclear_attempt(found),
        "problem": problem,
    }
    status = problem.status if problem else 200
    return render(request, "payments/owner_order.html", context, status=status)


def _begin(request: HttpRequest, found: Order, part: PartForm) -> HttpResponse:
    actor = actor_of(request)
    if part.is_bound:
        asked = services.open_order(
            items=[(item.payable, item.subject_id) for item in found.bills],
            payer_user_id=found.payer_user_id,
            actor=actor,
            amount_fen=part.cleaned_data["part"],
        )
        return redirect("payments.order", token=asked.token)
    if "renew" in request.POST:
        fresh = services.reopen_order(found, actor=actor)
        return redirect("payments.order", token=fresh.token)
    provider = request.POST.get("provider", "")
    way = providers.known(provider).way_in(_browser(request))
    if way is None:
        raise ProviderUnknown(provider)
    name = limits.browser_of(request)
    try:
        return _go_on(request, found, provider, way, browser=name)
    except PayerUnasked as unasked:
        name = name or secrets.token_urlsafe(16)
        there = services.introduce(order_id=unasked.order_id, provider=provider, browser=name)
        return limits.keep_browser(Away(there), name)


def _go_on(
    request: HttpRequest, found: Order, provider: str, way: Way, *, browser: str, payer: str = ""
) -> HttpResponse:
    """On to where this order is paid: the provider's page, or ours that shows a code or a sheet."""
    attempt = services.begin_attempt(
        order_id=found.pk,
        provider=provider,
        return_url=settings.PUBLIC_URL + reverse("payments.done", args=[found.token]),
        actor=actor_of(request),
        client_ip=request.META.get("REMOTE_ADDR", ""),
        way=way,
        payer=payer,
        browser=browser,
    )
    if attempt.pay_url:
        return Away(attempt.pay_url)
    return redirect("payments.paying", token=attempt.order.token)


def _browser(request: HttpRequest) -> Browser:
    return Browser(request.headers.get("User-Agent", ""))


def _inside(browser: Browser) -> str:
    """The app that this browser is a part of, as people call it; "" for none."""
    inside = {providers.WECHAT: browser.in_wechat, providers.ALIPAY: browser.in_alipay}
    return next((str(app.app) for app, yes in inside.items() if yes), "")


@never_cache
def introduced(request: HttpRequest, provider: str) -> HttpResponse:
    """The app comes back and has said whom it pays for: on to its sheet.

    Loaded again, or in another browser, it begins nothing.
    """
    asked = {
        "provider": provider,
        "browser": limits.browser_of(request),
        "state": request.GET.get("state", "")[:128],
    }
    known = services.order_of(**asked)
    try:
        found, payer = services.introduced(**asked, code=request.GET.get("code", "")[:512])
        return _go_on(request, found, provider, Way.SHEET, browser=asked["browser"], payer=payer)
    except AmountChanged as change:
        messages.warning(request, change.message)
        return redirect("payments.order", token=change.token)
    except OrderNotOpen:
        return redirect("payments.done", token=found.token)
    except BoweiError as error:
        if known is None:
            raise
        if selectors.attempt_beside(known, asked["browser"]):
            return redirect("payments.paying", token=known.token)
        messages.warning(request, error.message)
        return redirect("payments.order", token=known.token)


@never_cache
@csp_update({"frame-src": providers.frames()})
def paying(request: HttpRequest, token: str) -> HttpResponse:
    """While somebody pays here: a code to scan with a phone, or the sheet of the app.

    What the app's bridge says proves nothing; the page turns when the provider has told us.
    """
    found = selectors.order_by_token(token)
    if found.state == Order.State.PAID:
        return redirect("payments.done", token=token)
    attempt = selectors.attempt_beside(found, limits.browser_of(request))
    if found.state != Order.State.OPEN or attempt is None:
        return redirect("payments.order", token=token)
    services.look_now(found)
    sheet = {}
    if attempt.sheet:
        sheet = providers.sheets(attempt.provider, attempt.account).sheet(attempt.sheet)
    context = {
        "order": found,
        "attempt": attempt,
        "way": providers.word(attempt.provider),
        "sheet": json.dumps(sheet) if sheet else "",
        "topic": f"order:{found.number}",
    }
    return render(request, "payments/owner_paying.html", context)


@never_cache
def done(request: HttpRequest, token: str) -> HttpResponse:
    """After paying: a tick, the amount, the receipt, when to leave; nothing else.

    Coming back from a provider proves nothing: until its word is there, the page waits for it.
    """
    found = selectors.order_by_token(token, reader_id=request.user.pk)
    if found.state == Order.State.OPEN:
        services.look_now(found)
    attempt = selectors.paying_attempt(found)
    items = found.bills
    moved = [item for item in found.items.all() if item.moved_from_id is not None]
    standing = _standing([*items, *moved])
    still = [one for one in standing.values() if one.leave_by > clock.now()]
    until = min(still, key=lambda one: one.leave_by) if still else None
    correct = [wiring.payable(item.payable).correct for item in standing]
    more = [wiring.payable(item.payable).more for item in standing]
    contest = [_contest(item) for item in items] if found.state == Order.State.PAID else []
    context = {
        "order": found,
        "items": items,
        "moved": moved,
        "contest": next(filter(None, contest), ""),
        "correct": next(filter(None, correct), ""),
        "attempt": attempt,
        "way": providers.word(attempt.provider) if attempt else "",
        "until": until,
        "more": next(filter(None, more), ""),
        "refunds": list(selectors.refunds_of(found)),
        "notices": wiring.owner_notices([(item.payable, item.subject_id) for item in items]),
        "topic": f"order:{found.number}",
        "text_to": _text_to(request, found),
        "invoiced": bool(selectors.sellers_of(found)) if found.state == Order.State.PAID else False,
    }
    return render(request, "payments/owner_done.html", context)


def _text_to(request: HttpRequest, found: Order) -> str:
    """The masked phone of who reads this and has paid it; "" for anybody else."""
    mine = request.user.is_authenticated and found.payer_user_id == request.user.pk
    return str(getattr(request.user, "phone_masked", "")) if mine else ""


@never_cache
@require_GET
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """The receipt of a paid order as a PDF."""
    found = selectors.order_by_token(token, reader_id=request.user.pk)
    if found.state != Order.State.PAID:
        return redirect("payments.done", token=token)
    printed = selectors.printed_receipt(found, selectors.paying_attempt(found))
    answer = HttpResponse(printed, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="receipt-{found.number}.pdf"'
    return answer


@require_POST
def text_receipt(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the receipt as a text to its payer, who is logged in; once."""
    found = selectors.order_by_token(token, reader_id=request.user.pk)
    services.text_receipt(found, user_id=request.user.pk or 0)
    messages.success(request, _("The receipt is on its way to your phone."))
    return redirect("payments.done", token=token)


def _contest(item: OrderItem) -> str:
    ask = wiring.payable(item.payable).contest
    return ask(item.subject_id) if ask and item.taken_fen else ""


def _explain(item: OrderItem) -> str:
    ask = wiring.payable(item.payable).explain
    return ask(item.subject_id) if ask else ""


def _standing(items: list[OrderItem]) -> dict[OrderItem, Standing]:
    """Those of these items that were paid for vehicles that still stand there."""
    found = {}
    for item in items:
        ask = wiring.payable(item.payable).standing
        until = ask(item.subject_id) if ask and item.taken_fen else None
        if until is not None:
            found[item] = until
    return found


@never_cache
def sandbox(request: HttpRequest, out_trade_no: str) -> HttpResponse:
    """The sandbox's own page: what a provider would show. It tells us over HTTP what happened."""
    providers.client(providers.SANDBOX.name)
    trade = SandboxTrade.objects.filter(out_trade_no=out_trade_no).first()
    if trade is None:
        raise Missing("no_trade")
    if request.method == "POST":
        pay_at_sandbox(out_trade_no)
        # A demo may be reached under another name, from a phone beside it: stay where the payer is.
        return redirect(urlsplit(trade.return_url).path or "/")
    return render(request, "payments/sandbox.html", {"trade": trade})


@never_cache
@merchant_page("money")
def money(request: HttpRequest) -> HttpResponseBase:
    """The merchant's side of the books: today first, any days, every entry with what it was for."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    if number := request.GET.get("order", "").strip():
        return redirect("payments.take_cash", number=number)
    table = EntryTable(request, selectors.entries_of(merchant_id))
    hand_back = HandBackTable(request, selectors.cash_to_hand_back(merchant_id))
    if file := file_of(request, table, hand_back):
        return file
    since, until = table.filter.bounds()
    today = timezone.make_aware(datetime.combine(timezone.localdate(clock.now()), time()))
    context = {
        "table": table,
        "since": since,
        "last_day": until - timedelta(seconds=1),
        "earned_fen": selectors.earned_fen(merchant_id, since=since, until=until),
        "today_fen": selectors.earned_fen(
            merchant_id, since=today, until=today + timedelta(days=1)
        ),
        "cash_fen": selectors.cash_fen(merchant_id),
        "owed_fen": selectors.owed_fen(merchant_id),
        "hand_back": hand_back,
        "waiting": [one for one in selectors.waiting(merchant_id) if one.owner_id is None],
        "topic": f"merchant:{merchant_id}",
    }
    return render(request, "payments/merchant_money.html", context)


@never_cache
@merchant_page("money")
def take_cash(request: HttpRequest, number: str) -> HttpResponse:
    """A driver pays cash at the counter: the order by its number, looked at, then taken."""
    merchant_id = request.merchant.pk  # type: ignore[attr-defined]
    found = Order.objects.filter(number=number.upper(), items__merchant_id=merchant_id).first()
    if found is None:
        messages.error(request, _("There is no order of yours with this number."))
        return redirect("payments.money")
    problem: BoweiError | None = None
    if request.method == "POST":
        try:
            services.pay_at_counter(found.pk, actor_of(request), merchant_id=merchant_id)
            messages.success(request, _("Taken and settled."))
            return redirect("payments.take_cash", number=number)
        except AmountChanged as change:
            messages.warning(request, change.message)
            fresh = selectors.order_by_token(change.token)
            return redirect("payments.take_cash", number=fresh.number)
        except BoweiError as error:
            problem = error
            found.refresh_from_db()
    items = list(found.items.filter(moved_from=None).select_related("merchant"))
    context: dict[str, Any] = {
        "order": found,
        "items": [(item, _explain(item)) for item in items if item.merchant_id == merchant_id],
        "others": any(item.merchant_id != merchant_id for item in items),
        "attempt": selectors.paying_attempt(found),
        "refunds": list(selectors.refunds_of(found)),
        "problem": problem,
    }
    status = problem.status if problem else 200
    return render(request, "payments/merchant_take_cash.html", context, status=status)


@require_POST
@merchant_page("money")
def hand_back(request: HttpRequest, refund_id: int) -> HttpResponse:
    """The cashier has handed back the cash of one refund."""
    try:
        noted = services.hand_back(
            refund_id,
            merchant_id=request.merchant.pk,  # type: ignore[attr-defined]
            actor=actor_of(request),
        )
        if noted:
            messages.success(request, _("Noted: the cash is back with the payer."))
    except BoweiError as error:
        if not error.keeps:
            raise
        messages.warning(request, error.message)
    return redirect("payments.money")

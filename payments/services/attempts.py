"""Payment attempts: one try at one provider, from the first click to a known outcome."""

import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.services import Weight, by_two
from core import audit, clock, locks, personal
from core.errors import Refused
from core.money import MOST_PAYMENT_FEN
from core.transition import transition
from payments import providers
from payments.errors import (
    AmountChanged,
    OrderNotOpen,
    OtherMerchants,
    PayerUnasked,
    ProviderAway,
    ProviderUnknown,
)
from payments.models import Attempt, Order
from payments.providers.base import Asked, Outcome, ProviderRefused, ProviderUnclear, Way
from payments.rules import attempt_number, next_look_s
from payments.services.asking import asking
from payments.services.orders import close_order, quote_all, reopen_order, same_bill
from payments.services.settling import take_payment
from payments.services.shifts import shift_with_cash
from payments.states import AttemptState

log = logging.getLogger("bowei.payments")
NEVER_HEARD = timedelta(minutes=2)  # how long a number may still be on its way to the provider
SHEET_LIVES = timedelta(minutes=110)  # WeChat forgets what opens a sheet after two hours
UNKNOWN_LONG = timedelta(minutes=30)  # after this a person looks at an outcome nobody knows


def begin_attempt(
    *,
    order_id: int,
    provider: str,
    return_url: str,
    actor: str,
    client_ip: str = "",
    way: Way = Way.PAGE,
    payer: str = "",
    browser: str = "",
) -> Attempt:
    """Begin to pay an order; where the payer goes on stands in `pay_url`, `qr` or `sheet`.

    The bill is asked for anew first: AmountChanged names the order that replaces a changed one.
    An attempt that still waits at the same provider is used again. Raises OrderNotOpen,
    NothingDue, ProviderUnknown, ProviderAway. The row is written before the provider is called,
    so that a death in between leaves something to ask about.

    A sheet is for one `payer` and opens in the `browser` alone in which it was begun. Raises
    PayerUnasked where the app has not said yet whom it pays for. Who that is goes to the provider
    and is kept nowhere.
    """
    asks = providers.client(provider)
    account = providers.account_now(provider)
    if way not in providers.known(provider).ways:
        raise ProviderUnknown(provider)
    order = _still_right(order_id, actor=actor)
    if way == Way.SHEET and not payer:
        found = _waiting(order, provider, account, way, browser)
        if found is None:
            raise PayerUnasked(order.pk)
        return found
    attempt, fresh = _write_attempt(order.pk, provider, account, way=way, browser=browser)
    if not fresh:
        return attempt
    asked = Asked(
        out_trade_no=attempt.out_trade_no,
        amount_fen=attempt.amount_fen,
        title=order.title,
        expires_at=attempt.expires_at,
        notify_url=settings.PUBLIC_URL + reverse("payments.notify", args=[provider]),
        return_url=return_url,
        client_ip=client_ip,
        way=way,
        payer=payer,
    )
    try:
        with asking(provider):
            begun = asks.begin(asked)
    except ProviderRefused as error:
        _mark(attempt, AttemptState.FAILED, problem=str(error), next_look_at=None)
        raise ProviderAway(provider) from error
    except ProviderUnclear as error:
        _mark(attempt, AttemptState.UNKNOWN, problem=str(error))
        raise ProviderAway(provider) from error
    _mark(attempt, AttemptState.PENDING, pay_url=begun.pay_url, qr=begun.qr, sheet=begun.sheet)
    return attempt


def _still_right(order_id: int, *, actor: str) -> Order:
    """The order, if it is open and asks what is due now. Raises what keeps it from being paid."""
    order = Order.objects.get(pk=order_id)
    if order.state == Order.State.PAID:
        raise OrderNotOpen(order.state)
    things = list(order.items.values_list("payable", "subject_id"))
    try:
        quotes = quote_all(things)
    except Refused:
        close_order(order, actor=actor, reason="nothing is due any more")
        raise
    in_time = order.state == Order.State.OPEN and order.expires_at > clock.now()
    if in_time and same_bill(order, quotes):
        return order
    close_order(order, actor=actor, reason="the bill changed or its time ran out")
    successor = reopen_order(order, actor=actor)
    if successor.amount_fen == order.amount_fen:
        return successor
    raise AmountChanged(successor.token)


def _waiting(order: Order, provider: str, account: str, way: Way, browser: str) -> Attempt | None:
    """The attempt that already waits for this payer, this way."""
    real = clock.real()
    rows = order.attempts.filter(
        provider=provider,
        account=account,
        state=Attempt.State.PENDING,
        expires_at__gt=real + timedelta(minutes=1),
    )
    if way == Way.CODE:
        return rows.exclude(qr="").first()
    if way == Way.PAGE:
        return rows.exclude(pay_url="").first()
    mine = rows.filter(browser=personal.digest(browser), created_at__gt=real - SHEET_LIVES)
    return mine.exclude(sheet="").last() if browser else None


@transaction.atomic
def _write_attempt(
    order_id: int, provider: str, account: str, *, way: Way, browser: str = ""
) -> tuple[Attempt, bool]:
    order = locks.lock(Order.objects.filter(pk=order_id))[0]
    if order.state != Order.State.OPEN:
        raise OrderNotOpen(order.state)
    real = clock.real()
    found = _waiting(order, provider, account, way, browser)
    if found:
        return found, False
    attempt = Attempt.objects.create(
        order=order,
        provider=provider,
        account=account,
        browser=personal.digest(browser) if browser else "",
        out_trade_no=attempt_number(order.number, secrets.randbits(40)),
        amount_fen=order.amount_fen,
        created_at=real,
        expires_at=real + timedelta(seconds=settings.BOWEI_ORDER_VALID_S),
        next_look_at=real + timedelta(seconds=next_look_s(3)),
    )
    return attempt, True


@transaction.atomic
def _mark(attempt: Attempt, target: AttemptState, **facts: Any) -> bool:
    """Note how the provider took it; nothing where a quick notification was first."""
    if isinstance(facts.get("problem"), str):
        facts["problem"] = str(facts["problem"])[:300]
    actor = f"provider:{attempt.provider}"
    source = AttemptState.CREATED
    return bool(transition(attempt, source=source, target=target, actor=actor, **facts))


def pay_at_counter(
    order_id: int,
    actor: str,
    *,
    merchant_id: int | None = None,
    paid_at: datetime | None = None,
) -> Attempt:
    """A cashier has taken the cash for a whole order: paid and settled in one transaction, in the
    shift of who took it. Who has begun none begins one by it: cash that is there is noted.

    `merchant_id`: the cashier's own merchant; raises OtherMerchants where the order holds fees of
    another one. `paid_at`: when the cash was taken (real time), where that was before now. Raises
    AmountChanged, OrderNotOpen, NothingDue as begin_attempt does. The second cashier of two gets
    OrderNotOpen.
    """
    order = _still_right(order_id, actor=actor)
    merchants = set(order.items.values_list("merchant_id", flat=True))
    if len(merchants) != 1 or (merchant_id is not None and merchants != {merchant_id}):
        raise OtherMerchants()
    with transaction.atomic():
        attempt, _fresh = _write_attempt(order.pk, providers.COUNTER.name, "", way=Way.HAND)
        shift = shift_with_cash(actor=actor, merchant_id=merchants.pop())
        Attempt.objects.filter(pk=attempt.pk).update(shift=shift)
        take_payment(attempt.pk, provider_no="", paid_at=paid_at or clock.real(), actor=actor)
        attempt.refresh_from_db()
    return attempt


def query_attempt(attempt_id: int) -> str:
    """Ask the provider how an attempt stands and act on the answer; the state afterwards.

    The account that began it is asked, whatever account is ours today: only it can say that it
    has never heard of the number. Where nothing was paid and nobody may pay any more, the trade is
    closed at the provider too.
    """
    attempt = Attempt.objects.select_related("order").get(pk=attempt_id)
    try:
        provider = providers.client(attempt.provider, attempt.account)
        with asking(attempt.provider):
            outcome = provider.query(attempt.out_trade_no)
            if outcome.state == "pending" and _is_over(attempt):
                provider.close(attempt.out_trade_no)
                outcome = replace(outcome, state="closed")
    except (ProviderRefused, ProviderUnclear) as error:
        _note_unclear(attempt, str(error), now=False)
        return attempt.state
    except ProviderUnknown:
        _note_unclear(attempt, "the account that began it is not set up any more", now=True)
        return attempt.state
    look_at_attempt(attempt, outcome)
    attempt.refresh_from_db()
    return attempt.state


@transaction.atomic
def _note_unclear(attempt: Attempt, problem: str, *, now: bool) -> None:
    """Keep why nobody knows; after a while, or `now`, a person looks at it."""
    live_one = Attempt.objects.filter(pk=attempt.pk, state__in=Attempt.LIVE)
    live_one.update(problem=problem[:300])
    if now or attempt.created_at < clock.real() - UNKNOWN_LONG:
        live_one.filter(person_since=None).update(person_since=clock.now())


def _is_over(attempt: Attempt) -> bool:
    return attempt.order.state != Order.State.OPEN or attempt.expires_at <= clock.real()


def _heard_of_by(attempt: Attempt) -> datetime:
    """Until when a number that the provider does not know may still come to be known.

    Alipay knows a trade only once the payer has opened its page, which they may until it expires.
    """
    begun = attempt.state == Attempt.State.PENDING
    return (attempt.expires_at if begun else attempt.created_at) + NEVER_HEARD


def _possible(fen: int | None) -> int | None:
    """An amount that a payment can be; what else a provider reports stays in its message alone."""
    return fen if fen is not None and 0 < fen <= MOST_PAYMENT_FEN else None


def look_at_attempt(attempt: Attempt, outcome: Outcome) -> bool:
    """Act on what a provider says about an attempt; True where this call changed something.

    A paid one is never turned by anything that comes later (docs/features.md 31). An amount that
    is not the one asked for is kept as a problem for a person and settles nothing.
    """
    actor = f"provider:{attempt.provider}"
    if outcome.state == "paid":
        if outcome.amount_fen != attempt.amount_fen:
            log.error("payments.amount_differs attempt=%s", attempt.out_trade_no)
            Attempt.objects.filter(pk=attempt.pk).exclude(state=AttemptState.PAID).update(
                problem=f"amount differs: {outcome.amount_fen} fen reported"[:300],
                reported_fen=_possible(outcome.amount_fen),
                provider_no=outcome.provider_no[:64],
                paid_at=outcome.paid_at or clock.real(),
                person_since=Coalesce("person_since", Value(clock.now())),
            )
            return False
        return take_payment(
            attempt.pk,
            provider_no=outcome.provider_no,
            paid_at=outcome.paid_at or clock.real(),
            actor=actor,
        )
    if outcome.state == "absent" and clock.real() < _heard_of_by(attempt):
        return False
    target = {
        "failed": AttemptState.FAILED,
        "closed": AttemptState.CLOSED,
        "absent": AttemptState.CLOSED,
    }.get(outcome.state)
    if target is None:
        return False
    with transaction.atomic():
        sources = [AttemptState.CREATED, AttemptState.PENDING, AttemptState.UNKNOWN]
        moved = transition(
            attempt,
            source=sources,
            target=target,
            actor=actor,
            reason=outcome.state,
            next_look_at=None,
            # Money of another amount still waits for a person, whatever its trade has come to.
            person_since=None if attempt.reported_fen is None else attempt.person_since,
        )
    return bool(moved)


def _weight_of_reported(*, actor: str, attempt_id: int) -> Weight:
    """All that is said to have come: what is too much of it goes out by this word."""
    attempt = Attempt.objects.get(pk=attempt_id)
    waits = attempt.state != AttemptState.PAID
    return Weight(None, (attempt.reported_fen or 0) if waits else 0, attempt.out_trade_no)


@by_two(
    "payments.accept_reported",
    word=_("Take a payment of another amount than was asked for"),
    right="payments.accept_attempt",
    subject="attempt_id",
    weigh=_weight_of_reported,
)
@transaction.atomic
def accept_reported(*, attempt_id: int, actor: str) -> bool:
    """A person takes a payment of another amount than was asked for as it came; True where this
    call did.

    It pays what it reaches, a part of it only in part; what is too much goes back by itself.
    Raises Refused where no other amount was reported.
    """
    attempt = Attempt.objects.get(pk=attempt_id)
    if attempt.reported_fen is None or attempt.state == AttemptState.PAID:
        raise Refused("no_other_amount", _("No other amount waits here."))
    audit.record(attempt, "accepted", actor=actor, reported_fen=attempt.reported_fen)
    return take_payment(
        attempt.pk,
        provider_no=attempt.provider_no,
        paid_at=attempt.paid_at or clock.real(),
        actor=actor,
        other_fen=attempt.reported_fen,
    )

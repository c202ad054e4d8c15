"""Opening and closing orders."""

import hashlib
import secrets
from dataclasses import asdict
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from core import clock, live, wiring
from core.errors import Refused
from core.money import MOST_PAYMENT_FEN
from core.transition import transition
from payments.errors import NothingDue, TooMuchAtOnce
from payments.models import Attempt, Order, OrderItem
from payments.rules import Quote, order_number
from payments.states import AttemptState, OrderState

CITY = timezone.get_default_timezone()
Thing = tuple[str, int]  # (payable, subject_id)


def open_order(*, items: list[Thing], payer_user_id: int | None = None, actor: str) -> Order:
    """The open order for these things, with the bill as it is now.

    The same set is one order, whoever asks, however often; where the bill has changed the old
    order is closed and a new one takes its place, so that what a person saw is what they pay.
    Things that have nothing to pay any more are left out. Raises NothingDue (or the one reason)
    when that leaves none, TooMuchAtOnce beyond what one payment may be.
    """
    quotes = quote_all(items)
    amount_fen = sum(quote.amount_fen for quote in quotes.values())
    if amount_fen > MOST_PAYMENT_FEN:
        raise TooMuchAtOnce(amount_fen)
    return _open(quotes, payer_user_id=payer_user_id, actor=actor)


def reopen_order(order: Order, *, actor: str) -> Order:
    """The order that may be paid now for the things of `order`. Raises NothingDue."""
    things = list(order.items.values_list("payable", "subject_id"))
    return open_order(items=things, payer_user_id=order.payer_user_id, actor=actor)


def quote_all(items: list[Thing]) -> dict[Thing, Quote]:
    """What is due for each thing that has something due, in a fixed order; takes no locks."""
    quotes: dict[Thing, Quote] = {}
    refusals: list[Refused] = []
    for payable, subject_id in sorted(set(items)):
        try:
            quote = wiring.payable(payable).quote(subject_id)
        except Refused as error:
            refusals.append(error)
            continue
        if quote.amount_fen > 0:
            quotes[payable, subject_id] = quote
    if quotes:
        return quotes
    if len(refusals) == 1:
        raise refusals[0]
    raise NothingDue()


def same_bill(order: Order, quotes: dict[Thing, Quote]) -> bool:
    """True where the order asks exactly what is due now."""
    asked = {(item.payable, item.subject_id): item.amount_fen for item in order.items.all()}
    return asked == {thing: quote.amount_fen for thing, quote in quotes.items()}


def _open(quotes: dict[Thing, Quote], *, payer_user_id: int | None, actor: str) -> Order:
    basket = hashlib.sha256(repr(list(quotes)).encode()).hexdigest()
    for _again in range(3):  # another asker may open or close it between our look and our write
        found = Order.objects.filter(basket=basket, state=Order.State.OPEN).first()
        if found and found.expires_at > clock.now() and same_bill(found, quotes):
            return found
        try:
            with transaction.atomic():
                if found:
                    close_order(found, actor=actor, reason="the bill changed")
                return _write(basket, quotes, payer_user_id=payer_user_id, actor=actor)
        except IntegrityError:
            continue
    raise Refused("order_busy", NothingDue().message)


def _write(
    basket: str, quotes: dict[Thing, Quote], *, payer_user_id: int | None, actor: str
) -> Order:
    now = clock.now()
    titles = [quote.title for quote in quotes.values()]
    order = Order.objects.create(
        number=order_number(timezone.localdate(now, CITY), secrets.randbits(60)),
        basket=basket,
        title=str(titles[0])[:120],
        payer_user_id=payer_user_id,
        amount_fen=sum(quote.amount_fen for quote in quotes.values()),
        created_at=now,
        expires_at=now + timedelta(seconds=settings.BOWEI_ORDER_VALID_S),
        opened_by=actor,
    )
    OrderItem.objects.bulk_create(
        OrderItem(
            order=order,
            payable=payable,
            subject_id=subject_id,
            merchant_id=quote.merchant_id,
            title=str(quote.title)[:120],
            amount_fen=quote.amount_fen,
            lines=[{**asdict(line), "text": str(line.text)} for line in quote.lines],
            subject_state=str(quote.subject_state)[:40],
            leave_by=quote.leave_by,
        )
        for (payable, subject_id), quote in quotes.items()
    )
    return order


@transaction.atomic
def close_order(order: Order, *, actor: str, reason: str) -> bool:
    """Stop asking for this order; its attempts are closed at their providers in the background.

    False where it was paid or closed before. Money that arrives later still counts.
    """
    if not transition(
        order, source=OrderState.OPEN, target=OrderState.CLOSED, actor=actor, reason=reason
    ):
        return False
    look_at_attempts_now(order)
    live.push(f"order:{order.number}")
    return True


def look_now(order: Order) -> None:
    """The payer is back from the provider: ask it within the second, unless we were told."""
    waiting = Attempt.objects.filter(
        order=order, state__in=[AttemptState.CREATED, AttemptState.PENDING], looks=0
    )
    waiting.filter(next_look_at__gt=clock.real()).update(next_look_at=clock.real())


def look_at_attempts_now(order: Order) -> None:
    """Have the sweep ask at once about all that might still bring money for this order."""
    live_ones = Attempt.objects.filter(order=order, state__in=Attempt.LIVE)
    live_ones.update(next_look_at=clock.real(), looks=0)

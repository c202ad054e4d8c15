"""Opening and closing orders."""

import hashlib
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import clock, live, wiring
from core.errors import Invalid, Refused
from core.money import MOST_PAYMENT_FEN
from core.transition import transition
from payments.errors import NothingDue, TooMuchAtOnce
from payments.models import Attempt, Order, OrderItem
from payments.rules import BillLine, Quote, order_number
from payments.states import AttemptState, OrderState

CITY = timezone.get_default_timezone()
Thing = tuple[str, int]  # (payable, subject_id)


@dataclass(frozen=True, slots=True)
class Bill:
    """What an order asks for one thing: all that is due, or as much of it as was named."""

    quote: Quote
    amount_fen: int

    @property
    def is_part(self) -> bool:
        return self.amount_fen < self.quote.amount_fen

    @property
    def lines(self) -> list[BillLine]:
        """The lines of the bill, which sum to what is asked."""
        later_fen = self.quote.amount_fen - self.amount_fen
        if not later_fen:
            return list(self.quote.lines)
        return [*self.quote.lines, BillLine(_("Left for later"), 1, "", -later_fen, -later_fen)]


def open_order(
    *,
    items: list[Thing],
    payer_user_id: int | None = None,
    actor: str,
    amount_fen: int | None = None,
) -> Order:
    """The open order for these things, with the bill as it is now.

    The same set is one order, whoever asks, however often; where the bill has changed the old
    order is closed and a new one takes its place, so that what a person saw is what they pay.
    Things that have nothing to pay any more are left out. Raises NothingDue (or the one reason)
    when that leaves none, TooMuchAtOnce beyond what one payment may be.

    With `amount_fen`, up to what is due, only so much is asked, of one thing after the other: the
    last that it reaches may be paid in part, where its kind can be (`Payable.in_parts`); what it
    does not reach is left out. Raises Invalid for nothing, and where no part can be paid.
    """
    quotes = quote_all(items)
    bills = _share(quotes, amount_fen)
    total_fen = sum(bill.amount_fen for bill in bills.values())
    if total_fen > MOST_PAYMENT_FEN:
        raise TooMuchAtOnce(total_fen)
    return _open(bills, payer_user_id=payer_user_id, actor=actor)


def _share(quotes: dict[Thing, Quote], amount_fen: int | None) -> dict[Thing, Bill]:
    """What of the amount each thing is asked for; all that is due without one."""
    if amount_fen is None:
        return {thing: Bill(quote, quote.amount_fen) for thing, quote in quotes.items()}
    if amount_fen <= 0:
        raise Invalid("bad_amount", _("An amount to pay is more than nothing."))
    bills: dict[Thing, Bill] = {}
    for thing, quote in quotes.items():
        bill = Bill(quote, min(amount_fen, quote.amount_fen))
        if bill.is_part and not wiring.payable(thing[0]).in_parts:
            raise Invalid("no_parts", _("This bill is paid as a whole."))
        bills[thing] = bill
        amount_fen -= bill.amount_fen
        if not amount_fen:
            break
    return bills


def reopen_order(order: Order, *, actor: str) -> Order:
    """The order that may be paid now for the things of `order`. Raises NothingDue."""
    things = list(order.items.values_list("payable", "subject_id"))
    is_part = order.items.filter(is_part=True).exists()
    return open_order(
        items=things,
        payer_user_id=order.payer_user_id,
        actor=actor,
        amount_fen=order.amount_fen if is_part else None,
    )


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
    """True where the order asks exactly what is due now, or a part of it that is still due."""
    asked = {(item.payable, item.subject_id): item for item in order.items.all()}
    return asked.keys() == quotes.keys() and all(
        _of_one(item.asked_of, quotes[thing].asked_of)
        and (
            item.amount_fen == quotes[thing].amount_fen
            or (item.is_part and item.amount_fen < quotes[thing].amount_fen)
        )
        for thing, item in asked.items()
    )


def _asks(order: Order, bills: dict[Thing, Bill]) -> bool:
    """True where the order asks exactly these bills."""
    asked = {(item.payable, item.subject_id): item for item in order.items.all()}
    return asked.keys() == bills.keys() and all(
        item.amount_fen == bills[thing].amount_fen
        and _of_one(item.asked_of, bills[thing].quote.asked_of)
        for thing, item in asked.items()
    )


def _of_one(one: str, other: str) -> bool:
    """Whether two bills are asked of the same; what is asked of whoever comes is everybody's."""
    return not one or not other or one == other


def _open(bills: dict[Thing, Bill], *, payer_user_id: int | None, actor: str) -> Order:
    basket = hashlib.sha256(repr(list(bills)).encode()).hexdigest()
    for _again in range(3):  # another asker may open or close it between our look and our write
        found = Order.objects.filter(basket=basket, state=Order.State.OPEN).first()
        if found and found.expires_at > clock.now() and _asks(found, bills):
            return found
        try:
            with transaction.atomic():
                if found:
                    close_order(found, actor=actor, reason="the bill changed")
                return _write(basket, bills, payer_user_id=payer_user_id, actor=actor)
        except IntegrityError:
            continue
    raise Refused("order_busy", NothingDue().message)


def _write(
    basket: str, bills: dict[Thing, Bill], *, payer_user_id: int | None, actor: str
) -> Order:
    now = clock.now()
    titles = [bill.quote.title for bill in bills.values()]
    order = Order.objects.create(
        number=order_number(timezone.localdate(now, CITY), secrets.randbits(60)),
        basket=basket,
        title=str(titles[0])[:120],
        payer_user_id=payer_user_id,
        amount_fen=sum(bill.amount_fen for bill in bills.values()),
        created_at=now,
        expires_at=now + timedelta(seconds=settings.BOWEI_ORDER_VALID_S),
        opened_by=actor,
    )
    OrderItem.objects.bulk_create(
        OrderItem(
            order=order,
            payable=payable,
            subject_id=subject_id,
            merchant_id=bill.quote.merchant_id,
            title=str(bill.quote.title)[:120],
            amount_fen=bill.amount_fen,
            is_part=bill.is_part,
            lines=[{**asdict(line), "text": str(line.text)} for line in bill.lines],
            subject_state=str(bill.quote.subject_state)[:40],
            asked_of=bill.quote.asked_of,
            leave_by=None if bill.is_part else bill.quote.leave_by,
        )
        for (payable, subject_id), bill in bills.items()
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

"""Questions about money."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse

from core import clock, links, outages, personal
from core.errors import LinkEnded, Missing
from payments import providers
from payments.models import Attempt, LedgerEntry, Order, OrderItem, Refund
from payments.rules import counter_account, merchant_account
from payments.selectors.payouts import (
    held_fen,
    lines_of,
    owed_fen,
    payable_fen,
    payee_of,
    payout,
    payouts_of,
    terms_now,
)
from payments.selectors.receipts import kept, printed_receipt, sellers_of
from payments.selectors.shifts import (
    back_fen,
    came_in_fen,
    expected_fen,
    handed_back_in,
    needs,
    payments_of,
    shift,
    shift_under_way,
    shifts_of,
    shifts_to_receive,
    taken_fen,
)
from payments.selectors.waiting import OPERATORS, WaitingMoney, waiting

__all__ = [
    "OPERATORS",
    "WaitingMoney",
    "back_fen",
    "came_in_fen",
    "expected_fen",
    "handed_back_in",
    "held_fen",
    "kept",
    "lines_of",
    "needs",
    "owed_fen",
    "payable_fen",
    "payee_of",
    "payments_of",
    "payout",
    "payouts_of",
    "printed_receipt",
    "sellers_of",
    "shift",
    "shift_under_way",
    "shifts_of",
    "shifts_to_receive",
    "taken_fen",
    "terms_now",
    "waiting",
]

RECEIPT_OPEN = timedelta(days=90)
Thing = tuple[str, int]  # what is paid for: payable and number


def breakable_providers() -> list[tuple[str, Any]]:
    """The providers whose being away costs payers their time: name in the register, word."""
    return [(outages.provider(one.name), one.word) for one in providers.offered()]


def order_by_token(token: str, *, reader_id: int | None = None) -> Order:
    """The order that this link opens, with its items. Raises Missing; LinkEnded where it is paid
    and its receipt as old as that may be, or can't be paid any more. To its payer, who is logged
    in (`reader_id`), a receipt never ends."""
    order = Order.objects.filter(token=token).prefetch_related("items__merchant").first()
    if order is None:
        raise Missing("no_order")
    since, kept = order.expires_at, links.STAYS_OPEN
    if order.paid_at is not None:
        if reader_id is not None and order.payer_user_id == reader_id:
            return order
        since, kept = order.paid_at, RECEIPT_OPEN
    if clock.now() > since + kept:
        raise LinkEnded
    return order


def order(order_id: int) -> Order:
    """The order. Raises Missing."""
    found = Order.objects.filter(pk=order_id).first()
    if found is None:
        raise Missing("no_order")
    return found


def as_number(said: str) -> str:
    """The number of an order as somebody reads it out: nobody can tell O from 0 nor I from 1."""
    text = "".join(said.upper().split())
    return text[:1] + text[1:].translate(str.maketrans("OIL", "011"))


def orders(numbers: Collection[str]) -> list[Order]:
    """The orders with these numbers, newest first, with what was paid and went back by each."""
    return list(_whole_orders().filter(number__in=list(numbers)))


def orders_of_payer(user_id: int, *, limit: int) -> list[Order]:
    """The newest orders that this person has paid, logged in."""
    paid = _whole_orders().filter(payer_user=user_id, state=Order.State.PAID)
    return list(paid[:limit])


def way_of(order: Order) -> str:
    """What people call the provider through which this order was paid; "" where it was not."""
    paid = next((one for one in order.attempts.all() if one.state == Attempt.State.PAID), None)
    return providers.word(paid.provider) if paid else ""


def _whole_orders() -> QuerySet[Order]:
    rows = Order.objects.select_related("payer_user").order_by("-pk")
    return rows.prefetch_related("items__merchant", "attempts__refunds")


def order_of_merchant(number: str, merchant_id: int) -> Order:
    """The order of this number, as it was typed, with a bill of this merchant. Raises Missing."""
    rows = Order.objects.filter(number=as_number(number), items__merchant_id=merchant_id)
    found = rows.prefetch_related("items__merchant").first()
    if found is None:
        raise Missing("no_order")
    return found


def order_public_url(order: Order) -> str:
    """The whole address of the page where this order is paid, for a QR code or a message."""
    return settings.PUBLIC_URL + reverse("payments.order", args=[order.token])


def paying_attempt(order: Order) -> Attempt | None:
    """The attempt whose money settled the order."""
    paid = order.attempts.filter(state=Attempt.State.PAID).select_related("credit")
    return paid.exclude(credit__why="second").first()


def attempt_beside(order: Order, browser: str) -> Attempt | None:
    """What the payer is shown for this order just now: a code to scan, or, in the `browser` of this
    name alone, a sheet of the app; None where neither can be paid any more."""
    rows = order.attempts.filter(state=Attempt.State.PENDING, expires_at__gt=clock.real())
    mine = Q(browser=personal.digest(browser)) if browser else Q(pk=None)
    return rows.filter(~Q(qr="") | ~Q(sheet="") & mine).order_by("-pk").first()


def unclear_attempt(order: Order) -> Attempt | None:
    """An attempt of unknown outcome: paying again may pay twice (docs/features.md 30)."""
    return order.attempts.filter(state=Attempt.State.UNKNOWN).order_by("-pk").first()


def under_way(things: Collection[Thing]) -> set[Thing]:
    """Those of these things for which a payment may be on its way: one is being made, or nobody
    knows how it ended. Nothing is demanded, listed or raised for them meanwhile (docs/rules.md L7).

    One query, by the index of the things; an attempt by hand is over with its transaction.
    """
    return _tried(things, Attempt.LIVE)


def unclear(things: Collection[Thing]) -> set[Thing]:
    """Those of these things of which nobody knows whether they were paid; one query."""
    return _tried(things, (Attempt.State.UNKNOWN,))


def _tried(things: Collection[Thing], states: Collection[str]) -> set[Thing]:
    wanted = Q()
    for payable in {name for name, _id in things}:
        ids = [subject_id for name, subject_id in things if name == payable]
        wanted |= Q(payable=payable, subject_id__in=ids)
    if not wanted:
        return set()
    live = Attempt.objects.filter(order=OuterRef("order"), state__in=states)
    rows = OrderItem.objects.filter(wanted, Exists(live))
    return set(rows.values_list("payable", "subject_id"))


def item(item_id: int) -> OrderItem:
    """One item with its order. Raises Missing."""
    found = OrderItem.objects.select_related("order", "merchant").filter(pk=item_id).first()
    if found is None:
        raise Missing("no_item")
    return found


def first_item(item_id: int) -> OrderItem:
    """The item as which this money was paid, however often it has moved since. Raises Missing."""
    found = item(item_id)
    while found.moved_from_id is not None:
        found = item(found.moved_from_id)
    return found


def paid_items(payable: str, subject_id: int) -> QuerySet[OrderItem]:
    """The items through which this thing was paid, oldest first, order included; one query."""
    rows = OrderItem.objects.filter(payable=payable, subject_id=subject_id, taken_fen__gt=0)
    return rows.select_related("order").order_by("pk")


def paid_fen(payable: str, subject_id: int) -> int:
    """What this thing took of all payments, less what went back, is promised, or was moved."""
    items = paid_items(payable, subject_id)
    taken = items.aggregate(fen=Sum("taken_fen"))["fen"] or 0
    back = Refund.objects.filter(order_item__in=items).aggregate(fen=Sum("amount_fen"))["fen"] or 0
    moved = OrderItem.objects.filter(moved_from__in=items).aggregate(fen=Sum("taken_fen"))["fen"]
    return int(taken - back - (moved or 0))


def left_fen(item: OrderItem) -> int:
    """What of an item neither went back, nor is promised, nor moved to another thing."""
    back = item.refunds.aggregate(fen=Sum("amount_fen"))["fen"] or 0
    moved = item.moved_to.aggregate(fen=Sum("taken_fen"))["fen"] or 0
    return int(item.taken_fen - back - moved)


def refunds_of(order: Order) -> QuerySet[Refund]:
    """All that goes back of an order, newest first."""
    return Refund.objects.filter(attempt__order=order).order_by("-pk")


def balance_fen(account: str) -> int:
    """The sum of an account's entries; + is ours to have, − ours to owe."""
    return LedgerEntry.objects.filter(account=account).aggregate(fen=Sum("amount_fen"))["fen"] or 0


def earned_fen(merchant_id: int | None, *, since: datetime, until: datetime) -> int:
    """What a merchant earned in [since, until), None for all of them (docs/figures.md)."""
    return -(_earned(merchant_id, since, until).aggregate(fen=Sum("amount_fen"))["fen"] or 0)


def earned_by_day(*, since: datetime, until: datetime) -> dict[date, int]:
    """What all merchants earned on each of the city's days in [since, until) with an entry."""
    rows = _earned(None, since, until).values(day=TruncDate("posted_at"))
    return {row["day"]: -row["fen"] for row in rows.annotate(fen=Sum("amount_fen")).order_by()}


def _earned(merchant_id: int | None, since: datetime, until: datetime) -> QuerySet[LedgerEntry]:
    rows = LedgerEntry.objects.filter(posted_at__gte=since, posted_at__lt=until)
    if merchant_id is None:
        return rows.filter(account__startswith=merchant_account(""))
    return rows.filter(account=merchant_account(merchant_id))


def entries_of(
    merchant_id: int, *, since: datetime | None = None, until: datetime | None = None
) -> QuerySet[LedgerEntry]:
    """A merchant's side of the books, newest first, with what explains each entry."""
    rows = LedgerEntry.objects.filter(account=merchant_account(merchant_id))
    if since:
        rows = rows.filter(posted_at__gte=since)
    if until:
        rows = rows.filter(posted_at__lt=until)
    return rows.select_related("transfer", "order_item__order").order_by("-pk")


def cash_to_hand_back(merchant_id: int) -> QuerySet[Refund]:
    """Refunds of cash that wait for this merchant's cashier, oldest first."""
    rows = Refund.objects.filter(counter_id=merchant_id, state=Refund.State.ASKED)
    return rows.select_related("attempt__order").order_by("pk")


def cash_fen(merchant_id: int) -> int:
    """What should lie in the drawers of this merchant's counters."""
    return balance_fen(counter_account(merchant_id))


def refunds_of_items(item_ids: Iterable[int]) -> QuerySet[Refund]:
    """What goes back of these items."""
    return Refund.objects.filter(order_item_id__in=list(item_ids)).order_by("pk")

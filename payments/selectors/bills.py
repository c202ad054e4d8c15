"""What we say of a provider's day, beside what its bill says (docs/features.md 38)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Concat

from core.calendar import day_bounds
from payments import providers
from payments.errors import ProviderUnknown
from payments.models import Attempt, BillDay, BillEntry, Credit, LedgerEntry, OrderItem, Refund
from payments.rules import provider_account
from payments.rules.bills import (
    BillRow,
    BillSums,
    BillTerms,
    Difference,
    OurPayment,
    OurRefund,
    differences,
)
from payments.states import AttemptState, OrderState, RefundState

BATCH = 5000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ours:
    """How a day stands: in what the sides differ, our sums of it, and our attempts by number."""

    differences: list[Difference]
    paid_fen: int
    back_fen: int
    attempts: dict[str, int]


def paid_on(row: BillDay) -> bool:
    """Whether anything was paid or given back here on this day."""
    return _paid(row).exists() or _back(row).exists()


def ours_of(row: BillDay) -> Ours:
    """A day's bill against our books and what was paid for."""
    rows = [_row(one) for one in BillEntry.objects.filter(bill_day=row).order_by("pk").iterator()]
    channels = _Channels()
    billed = channels.name(row.provider, row.billed)
    attempts = {one["out_trade_no"]: one for one in _told(_paid(row))}
    numbers = {one.number for one in rows if one.kind == "payment"}
    for some in _batches(sorted(numbers - attempts.keys())):
        found = Attempt.objects.filter(out_trade_no__in=some)
        attempts |= {one["out_trade_no"]: one for one in _told(found)}
    refunds = {one["out_refund_no"]: one for one in _told_back(_back(row))}
    back_numbers = {one.refund_number for one in rows if one.kind == "refund"}
    for some in _batches(sorted(back_numbers - refunds.keys())):
        back = Refund.objects.filter(out_refund_no__in=some)
        refunds |= {one["out_refund_no"]: one for one in _told_back(back)}
    payments = [_payment(one, channels) for one in attempts.values()]
    ours_back = [_refund(one, channels) for one in refunds.values()]
    since, until = day_bounds(row.day)
    terms = BillTerms(day=row.day, channel=billed, merchant=row.billed, rate=_rate(row))
    return Ours(
        differences=differences(
            terms,
            rows,
            payments,
            ours_back,
            said=BillSums(**row.sums),
            elsewhere=_elsewhere(row, [*(attempts.keys() - numbers)], "number")
            | _elsewhere(row, [*(refunds.keys() - back_numbers)], "refund_number"),
        ),
        paid_fen=sum(
            one.amount_fen
            for one in payments
            if one.channel == billed
            and one.state == AttemptState.PAID
            and one.paid_at
            and since <= one.paid_at < until
        ),
        back_fen=sum(
            one.amount_fen
            for one in ours_back
            if one.channel == billed and one.done_at and since <= one.done_at < until
        ),
        attempts={number: one["pk"] for number, one in attempts.items()},
    )


class _Channels:
    """The name of provider and account by whose bill it is, each account asked once."""

    def __init__(self) -> None:
        self._billed: dict[tuple[str, str], str] = {}

    def name(self, provider: str, billed: str) -> str:
        return f"{provider}:{billed}"

    def of(self, provider: str, account: str) -> str:
        key = provider, account
        if key not in self._billed:
            try:
                self._billed[key] = providers.billed_as(provider, account)
            except ProviderUnknown:
                self._billed[key] = account
        return self.name(provider, self._billed[key])


def _rate(row: BillDay) -> int | None:
    try:
        return providers.rate(row.provider, row.billed)
    except ProviderUnknown:
        return None


def _paid(row: BillDay) -> QuerySet[Attempt]:
    since, until = day_bounds(row.day)
    rows = Attempt.objects.filter(provider=row.provider, paid_at__gte=since, paid_at__lt=until)
    return rows.filter(state=AttemptState.PAID)


def _back(row: BillDay) -> QuerySet[Refund]:
    since, until = day_bounds(row.day)
    rows = Refund.objects.filter(attempt__provider=row.provider, state=RefundState.DONE)
    return rows.filter(done_at__gte=since, done_at__lt=until)


def _booked(key: str, provider: Any) -> Subquery:
    """What the ledger has of this row on its provider's account.

    The account is asked of the transfer's few entries, not of its index: where a day is a big part
    of the ledger that was read again for each row.
    """
    wanted = Concat(Value(key), Cast(OuterRef("pk"), CharField()), output_field=CharField())
    account = Concat(Value(provider_account("")), OuterRef(provider), output_field=CharField())
    rows = LedgerEntry.objects.filter(transfer__key=wanted).order_by().values("transfer")
    return Subquery(rows.annotate(fen=Sum("amount_fen", filter=Q(account=account))).values("fen"))


def _told(rows: QuerySet[Attempt]) -> Iterator[Any]:
    items = OrderItem.objects.filter(order=OuterRef("order"), moved_from=None).order_by()
    taken = items.values("order").annotate(fen=Sum("taken_fen")).values("fen")
    return (
        rows.annotate(
            booked=_booked("payment:", "provider"),
            taken=Subquery(taken),
            credited=F("credit__amount_fen"),
            why=F("credit__why"),
            order_is=F("order__state"),
        )
        .values(
            "pk",
            "out_trade_no",
            "provider",
            "account",
            "state",
            "amount_fen",
            "reported_fen",
            "provider_no",
            "paid_at",
            "booked",
            "taken",
            "credited",
            "why",
            "order_is",
        )
        .iterator()
    )


def _told_back(rows: QuerySet[Refund]) -> Iterator[Any]:
    return (
        rows.annotate(
            booked=_booked("refunded:", "attempt__provider"),
            of=F("attempt__out_trade_no"),
            provider=F("attempt__provider"),
            account=F("attempt__account"),
        )
        .values(
            "out_refund_no",
            "of",
            "provider",
            "account",
            "state",
            "amount_fen",
            "asked_at",
            "done_at",
            "booked",
        )
        .iterator()
    )


def _payment(one: dict[str, Any], channels: _Channels) -> OurPayment:
    fen = one["amount_fen"] if one["reported_fen"] is None else one["reported_fen"]
    taken = 0 if one["why"] == Credit.Why.SECOND else one["taken"] or 0
    return OurPayment(
        number=one["out_trade_no"],
        channel=channels.of(one["provider"], one["account"]),
        state=AttemptState(one["state"]),
        amount_fen=fen,
        provider_no=one["provider_no"],
        paid_at=one["paid_at"],
        booked_fen=one["booked"],
        shared_fen=taken + (one["credited"] or 0),
        order_paid=one["order_is"] == OrderState.PAID,
    )


def _refund(one: dict[str, Any], channels: _Channels) -> OurRefund:
    return OurRefund(
        refund_number=one["out_refund_no"],
        number=one["of"],
        channel=channels.of(one["provider"], one["account"]),
        state=RefundState(one["state"]),
        amount_fen=one["amount_fen"],
        asked_at=one["asked_at"],
        done_at=one["done_at"],
        booked_fen=None if one["booked"] is None else -one["booked"],
    )


def _row(one: BillEntry) -> BillRow:
    return BillRow(
        kind=one.kind,  # type: ignore[arg-type]
        number=one.number,
        refund_number=one.refund_number,
        provider_no=one.provider_no,
        amount_fen=one.amount_fen,
        fee_mils=one.fee_mils,
        at=one.at,
        told=one.told,  # type: ignore[arg-type]
        merchant=one.merchant,
        currency=one.currency,
    )


def _elsewhere(row: BillDay, numbers: list[str], column: str) -> set[str]:
    """Those of these numbers that stand in bills of other days."""
    kind = "payment" if column == "number" else "refund"
    found: set[str] = set()
    for some in _batches(numbers):
        rows = BillEntry.objects.filter(Q(**{f"{column}__in": some}), kind=kind)
        rows = rows.filter(bill_day__provider=row.provider, bill_day__billed=row.billed)
        found |= set(rows.exclude(bill_day=row).values_list(column, flat=True))
    return found


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(rows), BATCH):
        yield rows[first : first + BATCH]

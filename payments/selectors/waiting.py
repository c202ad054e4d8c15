"""Money that needs a person: every row that waits, in one list, with age and owner.

What waits is marked on its row by whoever finds it so (`person_since`), and not any more by whoever
gets it on its way; the desk's queue, its lists and the merchants' pages read the marks alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from payments.models import Attempt, Notification, OrderItem, Refund
from payments.states import RefundState

WAITS = {"person_since__isnull": False}
OPERATORS: dict[Any, dict[str, Any]] = {
    Attempt: WAITS,
    Refund: {**WAITS, "counter__isnull": True},
    Notification: WAITS,
}
"""Which rows wait for the operator, by model, as conditions of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMoney:
    """One sum that waits: `owner` is the merchant whose cashier has it, None for the operator."""

    what: str | Promise
    number: str
    amount_fen: int | None
    since: datetime
    owner_id: int | None
    problem: str


def waiting(merchant_id: int | None = None) -> list[WaitingMoney]:
    """All that waits, longest first; of one merchant: their cashier's, and what of the operator's
    is money paid for their bills."""
    return sorted(_all(merchant_id), key=lambda one: one.since)


def _all(merchant_id: int | None) -> Iterator[WaitingMoney]:
    for attempt in _of(Attempt.objects.filter(**WAITS), "order", merchant_id):
        other = attempt.reported_fen is not None
        yield WaitingMoney(
            what=_("Another amount than was asked for") if other else _("Outcome unknown"),
            number=attempt.out_trade_no,
            amount_fen=attempt.received_fen,
            since=attempt.person_since,
            owner_id=None,
            problem=attempt.problem,
        )
    refunds = Refund.objects.filter(**WAITS)
    for refund in _of(refunds, "attempt__order", merchant_id):
        yield WaitingMoney(
            what=_refund_waits(refund),
            number=refund.out_refund_no,
            amount_fen=refund.amount_fen,
            since=refund.person_since,
            owner_id=refund.counter_id,
            problem=refund.problem,
        )
    if merchant_id is None:
        for notice in Notification.objects.filter(**WAITS):
            assert notice.person_since is not None
            yield WaitingMoney(
                what=_("A message that could not be acted upon"),
                number=notice.out_trade_no,
                amount_fen=None,
                since=notice.person_since,
                owner_id=None,
                problem=notice.problem,
            )


def _refund_waits(refund: Refund) -> Promise:
    if refund.counter_id:
        return _("Cash to hand back")
    if refund.state == RefundState.FAILED:
        return _("Refund refused by the provider")
    return _("Refund that does not arrive")


def _of(rows: QuerySet[Any], order: str, merchant_id: int | None) -> QuerySet[Any]:
    if merchant_id is None:
        return rows
    items = OrderItem.objects.filter(order=OuterRef(order), merchant_id=merchant_id)
    return rows.filter(Exists(items))

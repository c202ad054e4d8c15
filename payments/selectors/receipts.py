"""What of a payment was kept, went back and moved; and the receipt on paper that says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from core import paper
from core.money import format_fen
from payments import providers
from payments.invoices import issuer_for
from payments.models import Attempt, Invoice, Order, OrderItem, Refund

LARGE, SMALL = 18, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An item of a paid order: what it took, what of that goes back or went on to another."""

    item: OrderItem
    back_fen: int
    moved_fen: int

    @property
    def fen(self) -> int:
        """What its merchant has kept."""
        return int(self.item.taken_fen - self.back_fen - self.moved_fen)


def kept(order: Order) -> list[Kept]:
    """What was kept of each item, also of those that money went to later; three queries."""
    items = list(order.items.select_related("merchant").order_by("pk"))
    back: dict[int | None, int] = {}
    for one in Refund.objects.filter(order_item__in=items):
        back[one.order_item_id] = back.get(one.order_item_id, 0) + one.amount_fen
    moved: dict[int, int] = {}
    for item in items:
        if item.moved_from_id is not None:
            moved[item.moved_from_id] = moved.get(item.moved_from_id, 0) + item.taken_fen
    return [
        Kept(item=one, back_fen=back.get(one.pk, 0), moved_fen=moved.get(one.pk, 0))
        for one in items
    ]


def kept_of_merchant(order: Order, merchant_id: int) -> int:
    """What this merchant has kept of an order, in fen."""
    return sum(one.fen for one in kept(order) if one.item.merchant_id == merchant_id)


def sellers_of(order: Order) -> list[dict[str, Any]]:
    """Each merchant of a paid order that issues invoices: what it has kept, its invoice that stands
    or is on its way, and former ones, newest first."""
    merchants = {one.item.merchant_id: one.item.merchant for one in kept(order)}
    asked = list(Invoice.objects.filter(order=order).order_by("-pk"))
    found = []
    for pk, merchant in sorted(merchants.items()):
        mine = [one for one in asked if one.merchant_id == pk]
        if not mine and issuer_for(merchant) is None:
            continue
        found.append(
            {
                "merchant": merchant,
                "kept_fen": kept_of_merchant(order, pk) if issuer_for(merchant) else 0,
                "invoice": next((one for one in mine if one.state in Invoice.LIVE), None),
                "former": [one for one in mine if one.state not in Invoice.LIVE],
            }
        )
    return found


def printed_receipt(order: Order, attempt: Attempt | None) -> bytes:
    """The receipt of a paid order on A4, in both languages. Raises core.paper.NoFont."""
    rows = kept(order)
    assert order.paid_at is not None
    at = timezone.localtime(order.paid_at)
    return paper.page(
        [
            paper.Row("停车缴费收据  Receipt", size=LARGE),
            paper.Row("编号 Number", order.number),
            paper.Row("支付时间 Paid at", f"{at:%Y-%m-%d %H:%M:%S}"),
            paper.Row("支付方式 Paid with", providers.word(attempt.provider) if attempt else ""),
            *_items(rows),
            paper.Row("实收 Kept", format_fen(sum(one.fen for one in rows)), size=14, line=True),
            paper.Row("本收据不是发票。 This receipt is not a tax invoice.", size=SMALL),
        ]
    )


def _items(rows: Iterable[Kept]) -> Iterable[paper.Row]:
    for one in rows:
        item = one.item
        yield paper.Row(item.title, format_fen(item.taken_fen), size=12, line=True)
        yield paper.Row(f"收款方 Paid to: {item.merchant.name}", size=SMALL)
        for line in item.lines:
            yield paper.Row(line["text"], format_fen(line["amount_fen"]), size=SMALL)
        if one.back_fen:
            yield paper.Row("退回 Given back", format_fen(-one.back_fen))
        if one.moved_fen:
            yield paper.Row("转至其他停车 Moved to another stay", format_fen(-one.moved_fen))

"""What of a payment was kept, went back and moved; and the receipt on paper that says so."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from core import paper
from core.money import format_fen
from payments import providers
from payments.models import Attempt, Order, OrderItem, Refund

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

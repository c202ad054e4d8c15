"""Money that goes with its payer from one thing to another (docs/rules.md L4)."""

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit, live, locks
from core.errors import Invalid
from payments.errors import RefundTooLarge
from payments.models import Order, OrderItem
from payments.rules import Entry, merchant_account
from payments.selectors import left_fen
from payments.services.books import post
from payments.services.invoices import money_went
from payments.states import OrderItemState


def lock_order(item_id: int) -> Order:
    """Lock the order of this item until the transaction ends; before any stay (core/locks.py)."""
    return locks.lock(Order.objects.filter(items=item_id))[0]


@transaction.atomic
def move(
    *,
    item_id: int,
    amount_fen: int,
    payable: str,
    subject_id: int,
    merchant_id: int,
    title: str,
    actor: str,
    reason: str,
) -> OrderItem:
    """Let another thing have part or all of what an item took; the item that it has it by.

    Nothing is rewritten: the first item says what it took, the new one where that came from, and
    the books say it from one merchant to the other. What goes back of it later goes back to who
    paid the order. Raises RefundTooLarge beyond what is left of the item.
    """
    if amount_fen <= 0:
        raise Invalid("bad_amount", _("An amount to move is more than nothing."))
    order = lock_order(item_id)
    item = OrderItem.objects.get(pk=item_id)
    left = left_fen(item)
    if amount_fen > left:
        raise RefundTooLarge(left)
    line = {"text": _("Moved from: %(what)s") % {"what": item.title}, "amount_fen": amount_fen}
    moved = OrderItem.objects.create(
        order=order,
        state=OrderItemState.SETTLED,
        payable=payable,
        subject_id=subject_id,
        merchant_id=merchant_id,
        title=title[:120],
        amount_fen=amount_fen,
        taken_fen=amount_fen,
        lines=[line],
        moved_from=item,
    )
    post(
        key=f"moved:{moved.pk}",
        entries=[
            Entry(merchant_account(item.merchant_id), amount_fen, item.pk),
            Entry(merchant_account(merchant_id), -amount_fen, moved.pk),
        ],
        note=reason[:200],
    )
    money_went(order, item.merchant_id)
    audit.record(moved, "moved", actor=actor, reason=reason, amount_fen=amount_fen)
    live.push(f"order:{order.number}")
    for one in {item.merchant_id, merchant_id}:
        live.push(f"merchant:{one}")
    return moved

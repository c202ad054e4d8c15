"""Settlement: one transaction in which everything that follows from a payment happens (P1.4)."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit, clock, live, locks, wiring
from core.transition import transition
from payments.models import Attempt, Credit, Order, OrderItem
from payments.rules import (
    CREDIT,
    Entry,
    ItemSettling,
    ItemShare,
    Receipt,
    allocate,
    merchant_account,
    settle_in_order,
)
from payments.services.books import holding_account, post
from payments.services.orders import look_at_attempts_now
from payments.services.refunds import refund_credit
from payments.states import AttemptState, OrderItemState, OrderState

log = logging.getLogger("bowei.payments")


@transaction.atomic(savepoint=False)  # nobody goes on after a part of a payment
def take_payment(
    attempt_id: int,
    *,
    provider_no: str,
    paid_at: datetime,
    actor: str,
    other_fen: int | None = None,
) -> bool:
    """Book the money of one attempt and settle what it was paid for; True where this call did.

    `other_fen`: what came, where that is not what was asked for.

    All or nothing, once: the attempt moves to paid by compare-and-set, the order's row is locked
    first, and the settling functions of config/wiring.py run here, in order, function by function
    over all items. What nobody takes is the payer's: a credit, and its refund, in the same
    transaction. A second payment of the same order is wholly the payer's (docs/features.md 31-33).
    """
    attempt = Attempt.objects.get(pk=attempt_id)
    order = locks.lock(Order.objects.filter(pk=attempt.order_id))[0]
    # From failed and closed too: money that has arrived is there, whatever we thought of the try.
    moved = transition(
        attempt,
        source=[
            AttemptState.CREATED,
            AttemptState.PENDING,
            AttemptState.UNKNOWN,
            AttemptState.FAILED,
            AttemptState.CLOSED,
        ],
        target=AttemptState.PAID,
        actor=actor,
        provider_no=provider_no,
        paid_at=paid_at,
        next_look_at=None,
        problem="",
        reported_fen=other_fen,
        person_since=None,
    )
    if not moved:
        return False
    at = _business_time(paid_at)
    taken = _settle(order, attempt, at, actor=actor)
    rest_fen = attempt.received_fen - sum(fen for _item, fen in taken)
    _write_books(order, attempt, taken, rest_fen, at)
    if rest_fen:
        _give_back(order, attempt, rest_fen, first=bool(taken), actor=actor)
    look_at_attempts_now(order)
    live.push(f"order:{order.number}")
    for merchant_id in {item.merchant_id for item, fen in taken if fen}:
        live.push(f"merchant:{merchant_id}")
    log.info(
        "payments.paid order=%s provider=%s amount_fen=%s rest_fen=%s",
        order.number,
        attempt.provider,
        attempt.received_fen,
        rest_fen,
    )
    return True


def _business_time(paid_at: datetime) -> datetime:
    """When it was paid, by the clock of business: a late report makes no late payer."""
    late_s = max(0.0, (clock.real() - paid_at).total_seconds())
    return clock.now() - timedelta(seconds=int(late_s))


def _settle(
    order: Order, attempt: Attempt, paid_at: datetime, *, actor: str
) -> list[tuple[OrderItem, int]]:
    """Run the settling chain over the items; what each took. Empty for a second payment."""
    if not transition(
        order,
        source=[OrderState.OPEN, OrderState.CLOSED],
        target=OrderState.PAID,
        actor=actor,
        paid_at=paid_at,
    ):
        return []
    items = {item.pk: item for item in order.items.order_by("payable", "subject_id")}
    parts, _rest = allocate(
        attempt.received_fen, [ItemShare(item.pk, item.amount_fen) for item in items.values()]
    )
    fen_of = {part.item_id: part.amount_fen for part in parts}
    receipts = {
        item.pk: Receipt(
            order_number=order.number,
            item_id=item.pk,
            payable=item.payable,
            subject_id=item.subject_id,
            paid_at=paid_at,
            actor=actor,
            provider=attempt.provider,
            is_part=item.is_part or fen_of[item.pk] < item.amount_fen,
            asked_of=item.asked_of,
        )
        for item in items.values()
    }
    taken: list[tuple[OrderItem, int]] = []
    # One payable after the other, and within it function by function over all items: so all stays
    # are locked before the first debt, as core/locks.py wants it, however many bills are paid.
    for payable in dict.fromkeys(item.payable for item in items.values()):
        functions = [
            (lambda item_id, left_fen, settle=settle: settle(receipts[item_id], left_fen))
            for settle in wiring.payable(payable).settle
        ]
        steps = [
            ItemSettling(part.item_id, part.amount_fen)
            for part in parts
            if items[part.item_id].payable == payable
        ]
        for step in settle_in_order(steps, functions):
            item = items[step.item_id]
            transition(
                item,
                source=OrderItemState.WAITING,
                target=_ended_as(item, step.taken_fen),
                actor=actor,
                taken_fen=step.taken_fen,
            )
            taken.append((item, step.taken_fen))
    return taken


def _ended_as(item: OrderItem, taken_fen: int) -> OrderItemState:
    if taken_fen == item.amount_fen:
        return OrderItem.State.SETTLED
    return OrderItem.State.PARTLY if taken_fen else OrderItem.State.UNNEEDED


def _write_books(
    order: Order,
    attempt: Attempt,
    taken: list[tuple[OrderItem, int]],
    rest_fen: int,
    paid_at: datetime,
) -> None:
    entries = [
        Entry(merchant_account(item.merchant_id), -fen, item.pk) for item, fen in taken if fen
    ]
    post(
        key=f"payment:{attempt.pk}",
        entries=[
            Entry(holding_account(attempt), attempt.received_fen),
            *entries,
            Entry(CREDIT, -rest_fen),
        ],
        note=f"{order.number} {attempt.provider}",
        posted_at=paid_at,
    )


def _give_back(order: Order, attempt: Attempt, rest_fen: int, *, first: bool, actor: str) -> None:
    credit = Credit.objects.create(
        attempt=attempt,
        amount_fen=rest_fen,
        why=Credit.Why.NOT_DUE if first else Credit.Why.SECOND,
        created_at=clock.now(),
    )
    audit.record(credit, "created", actor=actor, amount_fen=rest_fen, why=credit.why)
    reason = _("it was no longer due") if first else _("the order was already paid")
    refund_credit(credit, reason=str(reason))

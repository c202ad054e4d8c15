"""Ends of recovery orders: a payment anywhere, a person (P1.4, P1.5); standing.py has the law's."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from arrears import services as arrears_services
from arrears.selectors import DebtFacts
from core import audit, clock, locks, outbox
from core.errors import Invalid, Missing, Refused
from core.transition import transition
from core.vehicles import written
from devices import services as devices
from parking import services as parking_services
from payments import selectors as payments
from payments.rules import BillLine, Quote, Receipt
from recovery.events import LockAlarm, LockReleased
from recovery.models import BoundDebt, MoveInstruction, RecoveryOrder, SettlementOrder
from recovery.rules import MOVE_WITHIN_S
from recovery.selectors import bound_debts, has_live_debts, is_live, own_stays
from recovery.services.raising import tell_pages
from recovery.states import RecoveryState

log = logging.getLogger("bowei.recovery")
SYSTEM = "system:recovery"
End = RecoveryOrder.End


# ── The payable "recovery.order" ──────────────────────────────────────────────────────────────
def quote_order(subject_id: int) -> Quote:
    """What is due for an order now: its bound debts that are still open, each a line (P1.4).

    Raises Missing; Refused where nothing is due any more.
    """
    order = RecoveryOrder.objects.select_related("section", "berth").filter(pk=subject_id).first()
    if order is None:
        raise Missing("no_recovery")
    due = [debt for debt in bound_debts(order) if is_live(debt) and debt.amount_fen > 0]
    if not due or order.state in (RecoveryState.MOVED, RecoveryState.CANCELLED):
        raise Refused("nothing_due", _("There is nothing to pay here any more."))
    lines = tuple(BillLine(text=_line_text(debt), amount_fen=debt.amount_fen) for debt in due)
    return Quote(
        amount_fen=sum(debt.amount_fen for debt in due),
        lines=lines,
        title=_("Recovery order %(code)s · %(place)s")
        % {"code": order.code, "place": order.section.name},
        merchant_id=order.merchant_id,
        subject_state=order.state,
        asked_of=written(order.plate),
    )


@transaction.atomic(savepoint=False)  # in the payment's transaction, which is all or nothing
def settle_order(receipt: Receipt, left_fen: int) -> int:
    """Money for an order has arrived: its debts are settled and the lock goes down; fen taken.

    In the payment's transaction: stays first, then debts, then orders (core.locks). Each debt's
    stay takes its own part; what nothing takes stays the payer's. Never raises for money.
    """
    bound = BoundDebt.objects.filter(order_id=receipt.subject_id)
    taken = parking_services.settle_stays(
        bound.values_list("stay_id", flat=True), receipt, left_fen
    )
    taken_fen = sum(taken.values())
    if taken:
        arrears_services.clear_debts_of_stays(taken, actor=receipt.actor, paid_at=receipt.paid_at)
    _release(list(taken), receipt, paid_here_fen=taken_fen)
    return taken_fen


@transaction.atomic(savepoint=False)
def release_cleared(receipt: Receipt, left_fen: int) -> int:
    """A stay was paid anywhere: orders whose bound debts are all gone by it are settled (P1.4)."""
    _release([receipt.subject_id], receipt)
    return 0


def _release(stay_ids: list[int], receipt: Receipt, *, paid_here_fen: int = 0) -> None:
    """Settle every standing order that binds one of these stays, its vehicle's, and has no open
    debt left."""
    orders = locks.lock(
        RecoveryOrder.objects.filter(
            pk__in=BoundDebt.objects.filter(stay_id__in=stay_ids).values("order_id"),
            state__in=[
                *RecoveryOrder.STANDING,
                RecoveryState.LOWERING,
                RecoveryState.LOWERED,
            ],
        )
    )
    for order in orders:
        if not own_stays(order) & {*stay_ids} or has_live_debts(order):
            continue
        SettlementOrder.objects.bulk_create(  # one statement; the first one stands
            [
                SettlementOrder(
                    order=order,
                    order_item_id=receipt.item_id,
                    payment_number=receipt.order_number,
                    amount_fen=_paid_for(order, receipt, paid_here_fen),
                    made_at=clock.now(),
                )
            ],
            ignore_conflicts=True,
        )
        if order.state in RecoveryOrder.STANDING:
            end(order, target=RecoveryState.PAID, ended_by=End.PAYMENT, actor=receipt.actor)
        else:
            tell_pages(order)


def _line_text(debt: DebtFacts) -> str:
    arrived = formats.date_format(timezone.localtime(debt.arrived_at), "SHORT_DATETIME_FORMAT")
    return f"{debt.section_name} {debt.berth_code} · {arrived}"


def _paid_for(order: RecoveryOrder, receipt: Receipt, paid_here_fen: int) -> int:
    """What of this payment was for the debts of `order`: its own item, or their stays' items."""
    if receipt.payable == "recovery.order" and receipt.subject_id == order.pk:
        return paid_here_fen
    bound = own_stays(order)
    items = payments.item(receipt.item_id).order.items.filter(
        payable="parking.stay", moved_from=None
    )
    return sum(item.amount_fen for item in items if item.subject_id in bound)


# ── By a person ───────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def emergency_lower(order_id: int, *, actor: str, reason: str) -> bool:
    """A person lowers the lock at once, whatever is owed; who and why is audited (P1.4, P1.5).

    True where this call ended the order; a lock that should be down already is ordered down again.
    Raises Invalid without a reason.
    """
    if not reason.strip():
        raise Invalid(
            "no_reason", _("Say why the lock is lowered."), fields={"reason": _("Say why.")}
        )
    order = _locked(order_id)
    audit.record(order, "emergency_lower", actor=actor, reason=reason[:300])
    if order.state in RecoveryOrder.STANDING:
        return end(
            order, target=RecoveryState.LOWERING, ended_by=End.EMERGENCY, actor=actor, reason=reason
        )
    lower_again(order, actor=actor)
    return False


@transaction.atomic
def cancel(order_id: int, *, actor: str, reason: str = "") -> bool:
    """Give an order up whose lock never went up; False where it did. One that was placed is
    fetched (P1.6)."""
    order = _locked(order_id)
    placed = order.state == RecoveryOrder.State.PLACED
    moved = transition(
        order,
        source=[RecoveryState.BOUND, RecoveryState.PLACED],
        target=RecoveryState.CANCELLED,
        actor=actor,
        reason=reason,
        ended_by=End.CANCELLED,
        ended_at=clock.now(),
        next_picture_after=clock.real(),
    )
    if moved:
        _order_down(order, actor=actor)  # never again for this order, even from a late queue
        if placed:
            instruct_move(order)
            outbox.add(LockReleased(order.pk))
        tell_pages(order)
    return bool(moved)


def _locked(order_id: int) -> RecoveryOrder:
    rows = locks.lock(RecoveryOrder.objects.filter(pk=order_id))
    if not rows:
        raise Missing("no_recovery")
    return rows[0]


def end(
    order: RecoveryOrder,
    *,
    target: RecoveryState,
    ended_by: str,
    actor: str,
    reason: str = "",
    problem: str = "",
) -> bool:
    """End a standing order: lowering command and move instruction, as rows of this transaction.

    `problem`: what a person must see to at once, beside the lowering.
    """
    command_id = _order_down(order, actor=actor)
    moved = transition(
        order,
        source=list(RecoveryOrder.STANDING),
        target=target,
        actor=actor,
        reason=(reason or ended_by)[:300],
        ended_by=ended_by,
        ended_at=clock.now(),
        lower_command=command_id,
        problem=problem,
        next_picture_after=clock.real(),
        event=LockReleased,
    )
    if not moved:
        return False
    instruct_move(order)
    if problem:
        outbox.add(LockAlarm(order.pk, problem))
    tell_pages(order)
    log.info("recovery.ended order=%s by=%s", order.code, ended_by)
    return True


def instruct_move(order: RecoveryOrder) -> None:
    """The merchant is told to fetch the lock, once an order (P1.6)."""
    now = clock.now()
    due_at = now + timedelta(seconds=MOVE_WITHIN_S)
    MoveInstruction.objects.bulk_create(
        [MoveInstruction(order=order, made_at=now, due_at=due_at)],
        ignore_conflicts=True,
    )


def lower_again(order: RecoveryOrder, *, actor: str) -> int:
    """Order a lock down that should be down."""
    command_id = _order_down(order, actor=actor)
    RecoveryOrder.objects.filter(pk=order.pk).update(lower_command=command_id)
    tell_pages(order)
    return command_id


def _order_down(order: RecoveryOrder, *, actor: str) -> int:
    return devices.order(
        device_id=order.device_id,
        action="LowerLock",
        payload={"order_code": order.code, "reason": order.ended_by or "release"},
        reference=order.code,
        priority=0,
        actor=actor,
    )

"""Refunds: a row first, then the provider, asked until it says done or no."""

import logging
import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.services import Weight, by_two
from core import audit, clock, live, locks, wiring
from core.errors import Invalid, Missing, Refused
from core.transition import transition
from payments import providers
from payments.errors import OtherMerchants, ProviderUnknown, RefundTooLarge
from payments.models import Attempt, CashShift, Credit, Order, OrderItem, Refund
from payments.providers.base import ProviderRefused, ProviderUnclear, RefundAsked, RefundSays
from payments.rules import (
    CREDIT,
    REFUNDS,
    Entry,
    merchant_account,
    next_look_s,
    refund_number,
)
from payments.selectors import left_fen
from payments.services.asking import asking
from payments.services.books import holding_account, merchant_of_counter, post
from payments.services.invoices import money_went
from payments.services.shifts import shift_with_cash
from payments.states import CreditState, RefundState

log = logging.getLogger("bowei.payments")
SYSTEM = "system:payments.refunds"
RETURNS_WITHIN = timedelta(days=3)  # after this a person looks at a refund that is not back


@transaction.atomic
def refund(*, item_id: int, amount_fen: int, reason: str, actor: str, key: str) -> Refund:
    """Promise to give back part or all of what an item took; the same `key` is the same refund.

    Raises RefundTooLarge beyond what is left of the item, Refused where the key stands for
    something else. The money leaves the merchant's account now and the provider's when it is back
    with the payer.
    """
    if amount_fen <= 0:
        raise Invalid("bad_amount", _("An amount to give back is more than nothing."))
    order = locks.lock(Order.objects.filter(items=item_id))[0]
    item = OrderItem.objects.get(pk=item_id)
    known = Refund.objects.filter(key=key).first()
    if known:
        if (known.order_item_id, known.amount_fen) != (item_id, amount_fen):
            raise Refused("refund_key_taken", _("This key was used before for another refund."))
        return known
    left = left_fen(item)
    if amount_fen > left:
        raise RefundTooLarge(left)
    attempt = _paying_attempt(order)
    row = _promise(
        attempt,
        amount_fen=amount_fen,
        reason=reason,
        actor=actor,
        key=key,
        item=item,
        account=merchant_account(item.merchant_id),
    )
    money_went(order, item.merchant_id)
    return row


def _weight_of_refund(*, actor: str, item_id: int, amount_fen: int, **_said: Any) -> Weight:
    locks.lock(Order.objects.filter(items=item_id))
    item = OrderItem.objects.select_related("order").filter(pk=item_id).first()
    if item is None:
        raise Missing()
    return Weight(item.merchant_id, max(0, amount_fen), item.order.number)


@by_two(
    "payments.refund_by_hand",
    word=_("Give money back"),
    right="payments.refund_order",
    role="move_money",
    subject="item_id",
    weigh=_weight_of_refund,
)
@transaction.atomic
def refund_by_hand(*, item_id: int, amount_fen: int, reason: str, key: str, actor: str) -> Refund:
    """A person gives back part or all of what an item took, though what it paid for stays paid.

    The same `key` is the same refund. Raises Missing, Invalid without a reason, RefundTooLarge,
    Refused where money of this kind goes back with its subject alone, or is on its way already.
    """
    if not reason.strip():
        raise Invalid("reason_needed", _("Say why, so that its payer can be told."))
    if not locks.lock(Order.objects.filter(items=item_id)):
        raise Missing()
    forgo = wiring.payable(OrderItem.objects.get(pk=item_id).payable).forgo
    if forgo is None:
        raise Refused("not_by_hand", _("This money goes back where it was earned, not from here."))
    known = Refund.objects.filter(key=key).exists()
    row = refund(item_id=item_id, amount_fen=amount_fen, reason=reason, actor=actor, key=key)
    if not known and forgo(item_id=item_id, amount_fen=amount_fen) < amount_fen:
        raise Refused("on_its_way", _("Part of this amount goes back already."))
    return row


def refund_credit(credit: Credit, *, reason: str) -> Refund:
    """Send a credit back to where it came from; in the transaction that made the credit."""
    return _promise(
        credit.attempt,
        amount_fen=credit.amount_fen,
        reason=reason,
        actor=SYSTEM,
        key=f"credit:{credit.pk}",
        credit=credit,
        account=CREDIT,
    )


def _paying_attempt(order: Order) -> Attempt:
    """The attempt whose money settled the order: a later one was returned as a credit."""
    paid = order.attempts.filter(state=Attempt.State.PAID)
    return paid.exclude(credit__why=Credit.Why.SECOND).get()


def _promise(
    attempt: Attempt,
    *,
    amount_fen: int,
    reason: str,
    actor: str,
    key: str,
    account: str,
    item: OrderItem | None = None,
    credit: Credit | None = None,
) -> Refund:
    now = clock.now()
    by_hand = providers.known(attempt.provider).by_hand
    row = Refund.objects.create(
        attempt=attempt,
        order_item=item,
        credit=credit,
        amount_fen=amount_fen,
        reason=reason[:200],
        key=key,
        out_refund_no=refund_number(attempt.order.number, secrets.randbits(60)),
        asked_at=now,
        asked_by=actor,
        next_look_at=None if by_hand else clock.real(),
        counter_id=merchant_of_counter(attempt) if by_hand else None,
        person_since=now if by_hand else None,
    )
    post(
        key=f"refund:{row.pk}",
        entries=[
            Entry(account, amount_fen, item.pk if item else None),
            Entry(REFUNDS, -amount_fen),
        ],
        note=row.reason,
    )
    audit.record(row, "created", actor=actor, reason=row.reason, amount_fen=amount_fen)
    return row


def carry_out_refund(refund_id: int) -> str:
    """Ask the provider once for this refund, or how it stands; the state it is in afterwards.

    The number never changes, so asking twice gives back once. Nothing is locked while the
    provider is asked.
    """
    row = Refund.objects.select_related("attempt__order").get(pk=refund_id)
    if (
        row.state not in (RefundState.ASKED, RefundState.SENT)
        or providers.known(row.attempt.provider).by_hand
    ):
        return row.state
    asked = RefundAsked(
        out_refund_no=row.out_refund_no,
        out_trade_no=row.attempt.out_trade_no,
        amount_fen=row.amount_fen,
        total_fen=row.attempt.received_fen,
        reason=row.reason,
    )
    try:
        provider = providers.client(row.attempt.provider, row.attempt.account)
        with asking(row.attempt.provider):
            says = (
                provider.refund(asked)
                if row.state == RefundState.ASKED
                else provider.query_refund(asked)
            )
    except ProviderRefused as error:
        return _mark_refund(row, RefundSays(state="failed", problem=str(error)))
    except ProviderUnclear as error:
        return _mark_refund(row, RefundSays(state="unclear", problem=str(error)))
    except ProviderUnknown:
        says = RefundSays(state="unclear", problem="the account is not set up any more")
    return _mark_refund(row, says)


@transaction.atomic
def _mark_refund(row: Refund, says: RefundSays) -> str:
    locks.lock(Order.objects.filter(pk=row.attempt.order_id))
    actor = f"provider:{row.attempt.provider}"
    if says.state == "done":
        finish_refund(row, provider_no=says.provider_no, actor=actor)
    elif says.state == "failed":
        transition(
            row,
            source=[RefundState.ASKED, RefundState.SENT],
            target=RefundState.FAILED,
            actor=actor,
            reason=says.problem[:300],
            problem=says.problem[:300],
            next_look_at=None,
            person_since=row.person_since or clock.now(),
        )
    else:
        wait_s = max(60, next_look_s(row.looks)) if says.state == "sent" else next_look_s(row.looks)
        facts: dict[str, Any] = {
            "looks": row.looks + 1,
            "problem": says.problem[:300],
            "next_look_at": clock.real() + timedelta(seconds=wait_s),
        }
        stuck = says.state == "sent" and says.problem
        if stuck or row.asked_at < clock.now() - RETURNS_WITHIN:
            facts["person_since"] = row.person_since or clock.now()
        if says.state == "sent" and row.state == RefundState.ASKED:
            transition(row, source=RefundState.ASKED, target=RefundState.SENT, actor=actor, **facts)
        else:
            Refund.objects.filter(pk=row.pk, state=row.state).update(**facts)
    row.refresh_from_db()
    return row.state


def finish_refund(
    row: Refund, *, provider_no: str, actor: str, shift: CashShift | None = None
) -> bool:
    """The money is back with the payer, out of the drawer of `shift` where it was cash; True where
    this call noted it. In a transaction."""
    moved = transition(
        row,
        source=[RefundState.ASKED, RefundState.SENT],
        target=RefundState.DONE,
        actor=actor,
        provider_no=provider_no[:64],
        done_at=clock.now(),
        next_look_at=None,
        problem="",
        person_since=None,
        shift=shift or row.shift,
    )
    if not moved:
        return False
    post(
        key=f"refunded:{row.pk}",
        entries=[
            Entry(REFUNDS, row.amount_fen),
            Entry(holding_account(row.attempt), -row.amount_fen),
        ],
        note=row.reason,
    )
    if row.credit_id:
        credits = Credit.objects.filter(pk=row.credit_id)
        transition(credits, source=CreditState.OPEN, target=CreditState.REFUNDED, actor=actor)
    live.push(f"order:{row.attempt.order.number}")
    log.info("payments.refunded refund=%s amount_fen=%s", row.out_refund_no, row.amount_fen)
    return True


def _weight_of_handing(*, actor: str, refund_id: int, merchant_id: int) -> Weight:
    """The cash, where who took it also says that it is back; another person's word is a second."""
    row = Refund.objects.select_related("attempt__order").filter(pk=refund_id).first()
    if row is None or row.state != RefundState.ASKED:
        return Weight(merchant_id, 0)
    locks.lock(Order.objects.filter(pk=row.attempt.order_id))
    taken = audit.trail(row.attempt).filter(to_state=Attempt.State.PAID, actor=actor)
    number = row.attempt.order.number
    return Weight(merchant_id, row.amount_fen if taken.exists() else 0, number)


@by_two(
    "payments.hand_back",
    word=_("Hand back cash that one has taken"),
    right="payments.repeat_refund",
    role="money",
    subject="refund_id",
    weigh=_weight_of_handing,
)
@transaction.atomic
def hand_back(refund_id: int, *, merchant_id: int, actor: str) -> bool:
    """A cashier has given back cash that was paid at their counter; True where this call noted it.

    Raises OtherMerchants for a refund that is not from this merchant's counter, Missing for none.
    """
    row = Refund.objects.select_related("attempt__order").filter(pk=refund_id).first()
    if row is None:
        raise Missing()
    if row.counter_id != merchant_id:
        raise OtherMerchants()
    locks.lock(Order.objects.filter(pk=row.attempt.order_id))
    shift = shift_with_cash(actor=actor, merchant_id=merchant_id)
    return finish_refund(row, provider_no="", actor=actor, shift=shift)


@transaction.atomic
def ask_again(refund_id: int, *, actor: str) -> bool:
    """Ask anew for a refund that failed for good, under a new number as providers want it."""
    row = Refund.objects.select_related("attempt__order").get(pk=refund_id)
    moved = transition(
        row,
        source=RefundState.FAILED,
        target=RefundState.ASKED,
        actor=actor,
        looks=0,
        problem="",
        person_since=None,
        out_refund_no=refund_number(row.attempt.order.number, secrets.randbits(60)),
        next_look_at=clock.real(),
    )
    return bool(moved)

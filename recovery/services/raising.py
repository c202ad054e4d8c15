"""The lock is placed and rises (P1.3): by a person's command alone (docs/rules.md 8)."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import transaction

from core import clock, images, live, locks
from core.errors import Missing
from core.plates import Plate
from core.transition import transition
from devices import services as devices
from recovery.errors import NoPhotograph, NotEligible, WrongState
from recovery.models import RecoveryOrder
from recovery.rules import Rule, bindable, judge
from recovery.services import facts
from recovery.states import RecoveryState


@transaction.atomic
def place(order_id: int, *, sha256: str, actor: str) -> RecoveryOrder:
    """The lock stands where it stops the vehicle; the photograph shows it. Repeating is harmless.

    Raises NoPhotograph; WrongState once the order has ended.
    """
    if not images.exists(sha256):
        raise NoPhotograph()
    order = _locked(order_id)
    now = clock.now()
    facts_of_move: dict[str, Any] = {"placed_sha": sha256, "placed_at": now}
    moved = transition(
        order,
        source=RecoveryState.BOUND,
        target=RecoveryState.PLACED,
        actor=actor,
        **facts_of_move,
    )
    if not moved:
        if order.state not in RecoveryOrder.STANDING:
            raise WrongState(order.state)
        RecoveryOrder.objects.filter(pk=order.pk, placed_sha="").update(**facts_of_move)
    tell_pages(order)
    return order


@transaction.atomic
def raise_lock(order_id: int, *, actor: str) -> RecoveryOrder:
    """Order the lock up, after every rule has been asked again, payments last.

    The order's row is locked: a payment or an objection of the same moment comes either before,
    and the rules refuse, or after, and lowers the lock again. Repeating it while the lock goes up
    is harmless. Raises NotEligible, WrongState.
    """
    order = _locked(order_id)
    if order.state in (RecoveryState.RAISING, RecoveryState.RAISED):
        return order
    if order.state != RecoveryState.PLACED:
        raise WrongState(order.state)
    rules = rules_for(order)
    if not all(rule.ok for rule in rules):
        raise NotEligible([asdict(rule) for rule in rules])
    command_id = devices.order(
        device_id=order.device_id,
        action="RaiseLock",
        payload={"order_code": order.code, "lease_s": settings.BOWEI_LOCK_LEASE_S},
        reference=order.code,
        ttl_s=60,
        actor=actor,
    )
    transition(
        order,
        source=RecoveryState.PLACED,
        target=RecoveryState.RAISING,
        actor=actor,
        raising_at=clock.now(),
        raise_command=command_id,
        problem="",
    )
    tell_pages(order)
    return order


def rules_for(order: RecoveryOrder) -> list[facts.RuleResult]:
    """The rules as they stand now for an order that is bound; it does not stand against itself.

    The second look was asked when it was bound. Every bound debt must still be due.
    """
    now = facts.situation(
        merchant_id=order.merchant_id,
        plate=Plate.of(order.plate_text, order.plate_colour),
        berth_id=order.berth_id,
        device_id=order.device_id,
        second_look_agrees=True,
        but_for=order.pk,
    )
    bound = set(order.bound.values_list("debt_id", flat=True))
    still = [debt for debt in now.debts if debt.id in bound]
    due = bool(still) and all(bindable(debt, order.merchant_id) for debt in still)
    rules = [Rule(r.code, due) if r.code == "own_debts" else r for r in judge(now)]
    return facts.worded(rules)


def _locked(order_id: int) -> RecoveryOrder:
    rows = locks.lock(RecoveryOrder.objects.filter(pk=order_id))
    if not rows:
        raise Missing("no_recovery")
    return rows[0]


def tell_pages(order: RecoveryOrder) -> None:
    """The owner's page and the merchant's pages ask again."""
    live.push(f"recovery:{order.pk}")
    live.push(f"merchant:{order.merchant_id}")
    live.push(f"section:{order.section_id}")

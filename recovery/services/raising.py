"""The lock is placed and rises (P1.3): by a person's command alone (docs/rules.md 8)."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from core import clock, live, locks
from core.errors import Missing
from core.plates import Plate
from core.transition import transition
from devices import services as devices
from recovery.errors import NotEligible, WrongState
from recovery.models import EvidencePhoto, RecoveryOrder
from recovery.rules import LookSeen, judge
from recovery.services import evidence, facts
from recovery.states import RecoveryState


@transaction.atomic
def place(
    order_id: int,
    *,
    sha256: str,
    actor: str,
    device_id: int | None = None,
    taken_at: datetime | None = None,
) -> RecoveryOrder:
    """The lock stands where it stops the vehicle; a new photograph shows it. Repeating is harmless.

    Raises NoPhotograph, NotNew; WrongState once the order has ended.
    """
    order = _locked(order_id)
    if order.state not in RecoveryOrder.STANDING:
        raise WrongState(order.state)
    evidence.keep_step(
        order,
        EvidencePhoto.Purpose.PLACING,
        sha256,
        actor=actor,
        device_id=device_id,
        taken_at=taken_at,
    )
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
        RecoveryOrder.objects.filter(pk=order.pk, placed_sha="").update(**facts_of_move)
    tell_pages(order)
    return order


@transaction.atomic
def look_again(order_id: int, *, second_look: dict[str, str], actor: str) -> None:
    """Another second look for an order whose first is too old to raise by.

    Raises NotEligible where it doesn't agree, Invalid for none, WrongState.
    """
    order = _locked(order_id)
    if order.state not in (RecoveryState.BOUND, RecoveryState.PLACED):
        raise WrongState(order.state)
    look = evidence.look_of(
        second_look,
        plate=Plate.of(order.plate_text, order.plate_colour),
        berth_id=order.berth_id,
        merchant_id=order.merchant_id,
        actor=actor,
    )
    asked = rules_for(order, look=look.seen if look else None)
    refused = [rule for rule in asked if rule.code == "second_look" and not rule.ok]
    if refused or look is None:
        raise NotEligible([asdict(rule) for rule in refused])
    evidence.keep_look(order, look)
    tell_pages(order)


@transaction.atomic
def raise_lock(order_id: int, *, actor: str) -> RecoveryOrder:
    """Order the lock up, after every rule has been asked again, payments last.

    The order's row is locked: a payment, an objection or a question of the same moment comes either
    before, and the rules refuse, or after, and lowers the lock again. Repeating it while the lock
    goes up is harmless. Raises NotEligible, WrongState.
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


def rules_for(order: RecoveryOrder, *, look: LookSeen | None = None) -> list[facts.RuleResult]:
    """The rules as they stand now for an order that is bound; it does not stand against itself."""
    now = facts.situation(
        facts.target_of(order),
        device_id=order.device_id,
        look=look or evidence.last_look(order),
    )
    return facts.worded(judge(now))


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
    live.push(f"stay:{order.stay_id}")

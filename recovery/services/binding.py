"""The merchant binds a vehicle's debts to a lock (P1.1) and gets a recovery order (P1.2)."""

import secrets
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from core import audit, clock, live, plates
from core.typed import typed_plate
from parking import selectors as parking
from recovery.errors import NotEligible
from recovery.models import BoundDebt, RecoveryOrder
from recovery.rules import Rule, Situation, bindable, holds, judge, order_code
from recovery.services import evidence, facts
from recovery.services.facts import RuleResult


def check_eligibility(
    *,
    merchant_id: int,
    plate: plates.Plate,
    berth_id: int,
    device_id: int | None = None,
    second_look: dict[str, str] | None = None,
    actor: str = "",
) -> list[RuleResult]:
    """Every rule with its answer and its reason; all of them hold or nothing is bound (P1.1)."""
    target = facts.Target(merchant_id=merchant_id, plate=plate, berth=facts.berth(berth_id))
    look = evidence.look_of(
        second_look, plate=plate, berth_id=berth_id, merchant_id=merchant_id, actor=actor
    )
    return facts.worded(_asked(target, device_id, look)[1])


def _asked(
    target: facts.Target, device_id: int | None, look: evidence.Look | None
) -> tuple[Situation, list[Rule]]:
    now = facts.situation(target, device_id=device_id, look=look.seen if look else None)
    return now, judge(now)


def bind(
    *,
    merchant_id: int,
    plate_text: str,
    plate_colour: str,
    berth_id: int,
    device_id: int,
    second_look: dict[str, str],
    actor: str,
) -> RecoveryOrder:
    """The recovery order for this vehicle at this place; one, whoever asks, however often (P1.2).

    `second_look` is {"sha256": a new photograph of this berth, "typed": the plate that a person
    reads there}, as `evidence.look_of` wants it. Raises NotEligible with every rule's answer,
    Invalid for no plate at all.
    """
    plate = typed_plate(plate_text, plate_colour)
    place = facts.berth(berth_id)
    for _again in range(2):
        found = _open_order(plate.text, place.section_id, merchant_id)
        if found:
            return found
        try:
            with transaction.atomic():
                return _write(
                    merchant_id=merchant_id,
                    plate=plate,
                    place=place,
                    device_id=device_id,
                    second_look=second_look,
                    actor=actor,
                )
        except (IntegrityError, NotEligible) as error:
            # Another of the merchant's people may have been first, and theirs is the order; it is
            # also why the lock is no longer free.
            if isinstance(error, NotEligible) and not _open_order(
                plate.text, place.section_id, merchant_id
            ):
                raise
    found = _open_order(plate.text, place.section_id, merchant_id)
    if found:
        return found
    results = check_eligibility(
        merchant_id=merchant_id,
        plate=plate,
        berth_id=berth_id,
        device_id=device_id,
        second_look=second_look,
    )
    raise NotEligible([asdict(result) for result in results])


def _open_order(plate_text: str, section_id: int, merchant_id: int) -> RecoveryOrder | None:
    return RecoveryOrder.objects.filter(
        plate_text=plate_text,
        section_id=section_id,
        merchant_id=merchant_id,
        state__in=RecoveryOrder.STANDING,
    ).first()


def _write(
    *,
    merchant_id: int,
    plate: plates.Plate,
    place: Any,
    device_id: int,
    second_look: dict[str, str],
    actor: str,
) -> RecoveryOrder:
    target = facts.Target(merchant_id=merchant_id, plate=plate, berth=place)
    look = evidence.look_of(
        second_look, plate=plate, berth_id=place.pk, merchant_id=merchant_id, actor=actor
    )
    asked, rules = _asked(target, device_id, look)
    if not holds(rules):
        raise NotEligible([asdict(result) for result in facts.worded(rules)])
    assert look is not None  # the rule second_look held
    stay = parking.open_stay_at(place.pk)
    assert stay is not None  # the rule vehicle_present held
    now = clock.now()
    order = RecoveryOrder.objects.create(
        code=order_code(timezone.localdate(now), secrets.randbits(30)),
        merchant_id=merchant_id,
        section_id=place.section_id,
        berth_id=place.pk,
        stay_id=stay.pk,
        device_id=device_id,
        plate_text=plate.text,
        plate_colour=stay.plate_colour or plate.colour_text,
        eligibility=[{"code": rule.code, "ok": rule.ok} for rule in rules],
        second_look=second_look,
        next_picture_after=clock.real(),
        bound_at=now,
        bound_by=actor,
    )
    evidence.keep_look(order, look)
    ripe = {
        debt.id for debt in asked.grounds.debts if bindable(debt, merchant_id, asked.grounds.now)
    }
    BoundDebt.objects.bulk_create(
        BoundDebt(order=order, debt_id=debt.id, stay_id=debt.stay_id, amount_fen=debt.amount_fen)
        for debt in facts.debts_of(plate, merchant_id)
        if debt.id in ripe
    )
    audit.record(order, "bound", actor=actor, device_id=device_id, stay_id=stay.pk)
    live.push(f"merchant:{merchant_id}")
    return order

"""The merchant binds a vehicle's debts to a lock (P1.1) and gets a recovery order (P1.2)."""

import secrets
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import audit, clock, live, plates
from core.errors import Invalid
from core.typed import typed_plate
from parking import selectors as parking
from recovery.errors import NotEligible
from recovery.models import BoundDebt, RecoveryOrder
from recovery.rules import bindable, judge, order_code
from recovery.services import facts
from recovery.services.facts import RuleResult


def check_eligibility(
    *,
    merchant_id: int,
    plate: plates.Plate,
    berth_id: int,
    device_id: int | None = None,
    second_look: dict[str, str] | None = None,
) -> list[RuleResult]:
    """Every rule with its answer and its reason; all of them hold or nothing is bound (P1.1)."""
    rules = judge(
        facts.situation(
            merchant_id=merchant_id,
            plate=plate,
            berth_id=berth_id,
            device_id=device_id,
            second_look_agrees=_agrees(plate, second_look, merchant_id),
        )
    )
    return facts.worded(rules)


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

    `second_look` is {"typed": what a person reads on the plate} or {"sha256": a photograph whose
    plate was settled}. Raises NotEligible with every rule's answer, Invalid for no plate at all.
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
    results = check_eligibility(
        merchant_id=merchant_id,
        plate=plate,
        berth_id=place.pk,
        device_id=device_id,
        second_look=second_look,
    )
    answers = [asdict(result) for result in results]
    if not all(result.ok for result in results):
        raise NotEligible(answers)
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
        eligibility=[{"code": a["code"], "ok": a["ok"]} for a in answers],
        second_look=second_look,
        bound_at=now,
        bound_by=actor,
    )
    BoundDebt.objects.bulk_create(
        BoundDebt(order=order, debt_id=debt.id, stay_id=debt.stay_id, amount_fen=debt.amount_fen)
        for debt in facts.debts_of(plate, merchant_id)
        if bindable(facts.debt_seen(debt), merchant_id)
    )
    audit.record(order, "bound", actor=actor, device_id=device_id, stay_id=stay.pk)
    live.push(f"merchant:{merchant_id}")
    return order


def _agrees(
    plate: plates.Plate, second_look: dict[str, str] | None, merchant_id: int
) -> bool | None:
    """Whether what a person typed, or a photograph showed, is this vehicle's plate."""
    if not second_look:
        return None
    if typed := second_look.get("typed", "").strip():
        return plates.normalise(typed) == plate.text
    if sha256 := second_look.get("sha256", "").strip():
        read = parking.plate_in_image(sha256, merchant_id=merchant_id)
        return read is not None and plates.same_vehicle(read, plate)
    raise Invalid("no_second_look", _("Type the plate that you see, or photograph it."))

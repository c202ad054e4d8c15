"""Gathers what the eligibility rules look at; debts and payments are read last."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from arrears import selectors as arrears
from arrears.selectors import DebtFacts
from core import plates
from core.errors import Missing
from devices import selectors as devices
from devices.states import DeviceState
from parking import selectors as parking
from parking.states import PlateState
from recovery.models import RecoveryOrder
from recovery.rules import DebtSeen, LockSeen, Rule, Situation, VehicleSeen

WORDS: dict[str, tuple[str | Promise, str | Promise]] = {  # code → holds, does not hold
    "own_ground": (
        _("The berth is on the merchant's own ground."),
        _("The berth is not on your own ground: no lock may stand there."),
    ),
    "not_exempt": (
        _("The vehicle is not of a kind that is never locked."),
        _("Emergency, police and military vehicles are never locked."),
    ),
    "vehicle_present": (
        _("The vehicle stands in this berth."),
        _("The vehicle is not known to stand in this berth."),
    ),
    "second_look": (
        _("A second look agrees with the plate."),
        _("A second look must agree: type the plate that you see, or photograph it."),
    ),
    "no_question": (
        _("No question about this stay is open."),
        _("A question about this stay is open: a person must look at that first."),
    ),
    "no_open_order": (
        _("No other order is open for this vehicle here."),
        _("There is already an open order for this vehicle here."),
    ),
    "lock_ready": (
        _("The lock is yours, connected, down and free."),
        _("The lock is not ready: it must be yours, connected, down and free."),
    ),
    "lock_battery": (
        _("The lock's battery is strong enough."),
        _("The lock's battery is low or unknown."),
    ),
    "own_debts": (
        _("There are debts owed to you that are due."),
        _("Nothing that is due is owed to you."),
    ),
    "demand_delivered": (
        _("A demand for them was delivered."),
        _("No demand for these debts was delivered yet."),
    ),
    "undisputed": (
        _("The owner does not object to any of them."),
        _("The owner objects to a debt: a person must look at that first."),
    ),
}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's answer with its sentence in the reader's language."""

    code: str
    ok: bool
    text: str


def worded(rules: list[Rule]) -> list[RuleResult]:
    return [RuleResult(r.code, r.ok, str(WORDS[r.code][0 if r.ok else 1])) for r in rules]


def berth(berth_id: int) -> Any:
    """The berth with its section. Raises Missing."""
    try:
        found = RecoveryOrder(berth_id=berth_id).berth
    except ObjectDoesNotExist as error:
        raise Missing("no_berth") from error
    return found


def debts_of(plate: plates.Plate, merchant_id: int) -> list[DebtFacts]:
    """The merchant's own live debts of this vehicle, as arrears tells them."""
    return arrears.open_debts_of(plate, merchant_id=merchant_id)


def debt_seen(debt: DebtFacts) -> DebtSeen:
    return DebtSeen(
        id=debt.id,
        merchant_id=debt.merchant_id,
        amount_fen=debt.amount_fen,
        demanded=debt.demanded_at is not None,
        disputed=debt.disputed,
    )


def lock_seen(device_id: int, *, but_for: int | None = None) -> LockSeen | None:
    """The lock as it last said it is; None for a device that is no lock, or is out of service."""
    device = devices.device(device_id)
    if not device.abilities.is_lock or device.state == DeviceState.REVOKED:
        return None
    busy = RecoveryOrder.objects.filter(device_id=device_id, state__in=RecoveryOrder.OPEN)
    return LockSeen(
        merchant_id=device.merchant_id,
        online=device.online,
        position=device.facts.get("position"),
        battery_pct=device.facts.get("battery_pct"),
        busy=busy.exclude(pk=but_for).exists(),
    )


def situation(
    *,
    merchant_id: int,
    plate: plates.Plate,
    berth_id: int,
    device_id: int | None,
    second_look_agrees: bool | None,
    but_for: int | None = None,
) -> Situation:
    """All that the rules look at. `but_for`: an order that does not stand against itself."""
    place = berth(berth_id)
    stay = parking.open_stay_at(berth_id)
    vehicle = None
    if stay is not None:
        vehicle = VehicleSeen(
            same=plates.same_vehicle(plate, stay.plate),
            plate_settled=stay.plate_state == PlateState.SETTLED,
        )
    others = RecoveryOrder.objects.filter(
        plate_text=plate.text,
        section_id=place.section_id,
        state__in=(*RecoveryOrder.STANDING, *RecoveryOrder.ENDING),
    )
    return Situation(
        merchant_id=merchant_id,
        section_merchant_id=place.section.merchant_id,
        ground=place.section.ground,
        exempt=plates.exempt(plate),
        vehicle=vehicle,
        second_look_agrees=second_look_agrees,
        questioned=stay is not None and parking.is_questioned(stay.pk),
        open_order=others.exclude(pk=but_for).exists(),
        lock=lock_seen(device_id, but_for=but_for) if device_id else None,
        debts=tuple(debt_seen(debt) for debt in debts_of(plate, merchant_id)),
    )

"""Gathers what the rules look at; debts and payments are read last."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from arrears import selectors as arrears
from arrears.selectors import DebtFacts
from core import clock, outages, plates
from core.errors import Missing
from core.money import format_fen
from devices import selectors as devices
from devices.states import DeviceState
from parking import selectors as parking
from parking.selectors import StayFacts
from parking.states import PlateState
from payments import selectors as payments
from recovery.models import BoundDebt, LockTerms, RecoveryOrder
from recovery.rules import (
    Away,
    DebtSeen,
    Grounds,
    LockSeen,
    LookSeen,
    Paying,
    Rule,
    Situation,
    VehicleSeen,
)

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
    "no_question": (
        _("No question about this stay is open."),
        _("A question about this stay is open: a person must look at that first."),
    ),
    "second_look": (
        _("A second look agrees with the plate."),
        _(
            "A second look must agree: a new photograph of this berth, at most ten minutes old and "
            "not used before, with the plate that was read from it or that you type."
        ),
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
    "undisputed": (
        _("The owner does not object to any of them."),
        _("The owner objects: a person must look at that first."),
    ),
    "demand_delivered": (
        _("A demand for them was delivered."),
        _("No demand for these debts was delivered yet."),
    ),
    "grace_over": (
        _("The time to pay that the demand gave is over."),
        _("The demand gave time to pay until %(until)s."),
    ),
    "listed": (
        _("The vehicle is listed."),
        _("The vehicle is not listed: what is owed does not reach that yet."),
    ),
    "debt_enough": (
        _("What is owed reaches the sum below which you use no lock."),
        _("%(owed)s is owed; you use no lock below %(floor)s."),
    ),
    "no_payment": (
        _("No payment for them is under way."),
        _("A payment is under way, or its outcome is not known yet. Look again in a minute."),
    ),
    "no_outage": (
        _("Everything that a lock needs is there."),
        _("Something that a lock needs is away: none goes up meanwhile."),
    ),
}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's answer with its sentence in the reader's language."""

    code: str
    ok: bool
    text: str


def worded(rules: list[Rule]) -> list[RuleResult]:
    return [
        RuleResult(r.code, r.ok, str(WORDS[r.code][0 if r.ok else 1]) % _said(r)) for r in rules
    ]


def _said(rule: Rule) -> dict[str, str]:
    """What a rule says, as people read it."""
    if rule.code == "grace_over":
        until = timezone.localtime(rule.says["until"])
        return {"until": formats.date_format(until, "SHORT_DATETIME_FORMAT")}
    if rule.code == "debt_enough":
        return {
            "owed": format_fen(rule.says["owed_fen"]),
            "floor": format_fen(rule.says["floor_fen"]),
        }
    return {}


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


def debt_seen(debt: DebtFacts, grace_until: datetime | None) -> DebtSeen:
    return DebtSeen(
        id=debt.id,
        merchant_id=debt.merchant_id,
        amount_fen=debt.amount_fen,
        demanded=debt.demanded_at is not None,
        disputed=debt.disputed,
        grace_until=grace_until,
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


# ── What a lock stands on ─────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A vehicle at a berth that a lock is for, or shall be: `order` once there is one."""

    merchant_id: int
    plate: plates.Plate
    berth: Any
    order: RecoveryOrder | None = None


def target_of(order: RecoveryOrder) -> Target:
    """The order's own; its berth and section are read with it."""
    return Target(
        merchant_id=order.merchant_id,
        plate=plates.Plate.of(order.plate_text, order.plate_colour),
        berth=order.berth,
        order=order,
    )


def grounds_of(targets: Sequence[Target]) -> list[Grounds]:
    """What the locks of these targets stand on, in their order; a few queries for all of them.

    Debts and payments are read last: what was paid a moment ago must count.
    """
    now = clock.now()
    orders = [one.order.pk for one in targets if one.order is not None]
    bound: dict[int, dict[int, int]] = {}
    for row in BoundDebt.objects.filter(order_id__in=orders):
        bound.setdefault(row.order_id, {})[row.debt_id] = row.stay_id
    there = parking.standing_at({one.berth.pk for one in targets})
    floors = dict(
        LockTerms.objects.filter(merchant_id__in={one.merchant_id for one in targets}).values_list(
            "merchant_id", "floor_fen"
        )
    )
    away = {pk: _away(pk) for pk in {one.berth.section_id for one in targets}}
    listed = arrears.listed_by_plate({one.plate.text for one in targets})
    registered = arrears.exempt_by_plate({one.plate.text for one in targets})
    debts = arrears.live_debts_by_plate({one.plate.text for one in targets})
    graces = arrears.graces_of(debts)
    own = [
        [
            debt
            for debt in debts
            if debt.merchant_id == one.merchant_id and plates.same_vehicle(debt.plate, one.plate)
        ]
        for one in targets
    ]
    about = [_stays_about(one, mine, bound, there) for one, mine in zip(targets, own, strict=True)]
    stays = parking.stays({pk for ids in about for pk in ids})
    objected = arrears.objected_to(stays.values())
    paid_for = [
        [("parking.stay", pk) for pk in ids]
        + ([("recovery.order", one.order.pk)] if one.order is not None else [])
        for one, ids in zip(targets, about, strict=True)
    ]
    things = [thing for some in paid_for for thing in some]
    on_its_way = payments.under_way(things)
    unclear = payments.unclear(things) if on_its_way else set()
    return [
        Grounds(
            now=now,
            merchant_id=one.merchant_id,
            section_merchant_id=one.berth.section.merchant_id,
            ground=one.berth.section.ground,
            exempt=any(plates.same_vehicle(plate, one.plate) for plate in registered)
            or plates.exempt(one.plate),
            vehicle=_vehicle(one, there.get(one.berth.pk)),
            question=any(stays[pk].questions for pk in ids if pk in stays),
            objection=any(pk in objected for pk in ids),
            debts=tuple(debt_seen(debt, graces.get(debt.id)) for debt in mine),
            bound=None if one.order is None else frozenset(bound.get(one.order.pk, {})),
            listed=any(plates.same_vehicle(plate, one.plate) for plate in listed),
            floor_fen=floors.get(one.merchant_id, LockTerms.FLOOR_FEN),
            paying=_paying(some, on_its_way, unclear),
            away=away[one.berth.section_id],
        )
        for one, mine, ids, some in zip(targets, own, about, paid_for, strict=True)
    ]


def _stays_about(
    one: Target,
    debts: Collection[DebtFacts],
    bound: dict[int, dict[int, int]],
    there: dict[int, StayFacts],
) -> list[int]:
    """The stay at the berth and those that are owed for: a question about any of them counts."""
    if one.order is not None:
        return [one.order.stay_id, *bound.get(one.order.pk, {}).values()]
    here = [there[one.berth.pk].id] if one.berth.pk in there else []
    return here + [debt.stay_id for debt in debts]


def _vehicle(one: Target, stay: StayFacts | None) -> VehicleSeen | None:
    """None where nothing stands, or what stands is not the stay that the order was made for."""
    if stay is None or (one.order is not None and stay.id != one.order.stay_id):
        return None
    return VehicleSeen(
        same=plates.same_vehicle(one.plate, stay.plate),
        plate_settled=stay.plate_state == PlateState.SETTLED,
    )


def _paying(
    things: Collection[payments.Thing],
    on_its_way: set[payments.Thing],
    unclear: set[payments.Thing],
) -> Paying:
    if unclear.intersection(things):
        return Paying.UNKNOWN
    return Paying.UNDER_WAY if on_its_way.intersection(things) else Paying.NONE


def _away(section_id: int) -> Away:
    """What is away now that a lock in this section needs."""
    now = {one.what for one in outages.running(section_id)}
    if now & {*outages.OURS, outages.section(section_id)}:
        return Away.OURS
    return Away.OTHERS if now else Away.NOTHING


def situation(target: Target, *, device_id: int | None, look: LookSeen | None) -> Situation:
    """All that the rules look at before a lock is bound or rises. An order does not stand against
    itself."""
    but_for = target.order.pk if target.order is not None else None
    others = RecoveryOrder.objects.filter(
        plate_text=target.plate.text,
        section_id=target.berth.section_id,
        state__in=(*RecoveryOrder.STANDING, *RecoveryOrder.ENDING),
    )
    open_order = others.exclude(pk=but_for).exists()
    lock = lock_seen(device_id, but_for=but_for) if device_id else None
    [grounds] = grounds_of([target])
    return Situation(grounds=grounds, look=look, open_order=open_order, lock=lock)

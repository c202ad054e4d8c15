"""May this vehicle's debts be bound to a lock here and now? (P1.1)

Sources: docs/facts.md 4, docs/features.md 61.

Every rule is asked and answered by itself, so that a refusal says all that stands against it.
Payments come last: what was paid a moment ago must count.
"""

from dataclasses import dataclass

LOW_BATTERY_PCT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtSeen:
    """A debt of the vehicle as it stands now."""

    id: int
    merchant_id: int
    amount_fen: int
    demanded: bool
    disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSeen:
    """The lock that shall be bound."""

    merchant_id: int
    online: bool
    position: str | None
    battery_pct: int | None
    busy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleSeen:
    """The vehicle that stands in the berth: `same` says that its plate is the target's."""

    same: bool
    plate_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the rules look at. `second_look`: what a person typed or a photograph read; None:
    nobody looked yet. `questioned`: a person has to look at the stay first. `lock` is None where
    none is chosen yet."""

    merchant_id: int
    section_merchant_id: int
    ground: str
    exempt: bool
    vehicle: VehicleSeen | None
    second_look_agrees: bool | None
    debts: tuple[DebtSeen, ...]
    open_order: bool
    questioned: bool
    lock: LockSeen | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule's answer; `code` names the rule and finds its sentence."""

    code: str
    ok: bool


CODES = (
    "own_ground",
    "not_exempt",
    "vehicle_present",
    "second_look",
    "no_question",
    "no_open_order",
    "lock_ready",
    "lock_battery",
    "own_debts",
    "demand_delivered",
    "undisputed",
)


def judge(now: Situation) -> list[Rule]:
    """The answer of every rule, in the order in which a person reads them; debts come last."""
    own = [debt for debt in now.debts if debt.merchant_id == now.merchant_id]
    lock = now.lock
    answers = {
        "own_ground": now.ground == "own" and now.section_merchant_id == now.merchant_id,
        "not_exempt": not now.exempt,
        "vehicle_present": now.vehicle is not None
        and now.vehicle.same
        and now.vehicle.plate_settled,
        "second_look": now.second_look_agrees is True,
        "no_question": not now.questioned,
        "no_open_order": not now.open_order,
        "lock_ready": lock is not None
        and lock.merchant_id == now.merchant_id
        and lock.online
        and lock.position == "lowered"
        and not lock.busy,
        "lock_battery": lock is not None
        and lock.battery_pct is not None
        and lock.battery_pct >= LOW_BATTERY_PCT,
        "own_debts": any(debt.amount_fen > 0 for debt in own),
        "demand_delivered": bool(own) and any(bindable(debt, now.merchant_id) for debt in own),
        "undisputed": not any(debt.disputed for debt in own),
    }
    return [Rule(code, answers[code]) for code in CODES]


def bindable(debt: DebtSeen, merchant_id: int) -> bool:
    """Only the merchant's own debts that are due, demanded (delivered) and undisputed."""
    return (
        debt.merchant_id == merchant_id
        and debt.amount_fen > 0
        and debt.demanded
        and not debt.disputed
    )


def holds(rules: list[Rule]) -> bool:
    """True where nothing stands against it."""
    return all(rule.ok for rule in rules)

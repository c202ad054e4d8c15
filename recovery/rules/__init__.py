"""When a lock may be bound and raised: rules, each with its own answer (P1.1, docs/facts.md 4)."""

from recovery.rules.eligibility import (
    CODES,
    DebtSeen,
    LockSeen,
    Rule,
    Situation,
    VehicleSeen,
    bindable,
    holds,
    judge,
)
from recovery.rules.instructions import (
    ALARM_AFTER,
    MOVE_WITHIN_S,
    order_code,
    reminder_after_s,
)
from recovery.rules.lock_reports import Effect, effect_of

__all__ = [
    "ALARM_AFTER",
    "CODES",
    "MOVE_WITHIN_S",
    "DebtSeen",
    "Effect",
    "LockSeen",
    "Rule",
    "Situation",
    "VehicleSeen",
    "bindable",
    "effect_of",
    "holds",
    "judge",
    "order_code",
    "reminder_after_s",
]

"""When a lock may be bound and raised: rules, each with its own answer (P1.1, docs/facts.md 4)."""

from recovery.rules.eligibility import (
    CODES,
    LOOK_LASTS,
    Away,
    DebtSeen,
    Grounds,
    LockSeen,
    LookSeen,
    Paying,
    Rule,
    Situation,
    VehicleSeen,
    Why,
    bindable,
    ended,
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
    "LOOK_LASTS",
    "MOVE_WITHIN_S",
    "Away",
    "DebtSeen",
    "Effect",
    "Grounds",
    "LockSeen",
    "LookSeen",
    "Paying",
    "Rule",
    "Situation",
    "VehicleSeen",
    "Why",
    "bindable",
    "effect_of",
    "ended",
    "holds",
    "judge",
    "order_code",
    "reminder_after_s",
]

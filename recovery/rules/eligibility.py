"""When a lock may be bound, may rise, and may stay up: one law (P1.1, docs/rules.md L6).

Sources: docs/facts.md 4, docs/features.md 61.

Every rule is asked and answered by itself, so that a refusal says all that stands against it. What
must hold as long as the lock is up are its `Grounds`; what is asked of lock and person at the place
comes to it only for binding and raising.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

LOW_BATTERY_PCT = 20
LOOK_LASTS = timedelta(minutes=10)  # what a person saw before may be another vehicle by now


class Paying(StrEnum):
    """Whether money for this may be on its way."""

    NONE = ""
    UNDER_WAY = "under_way"  # the provider says that it is not paid yet
    UNKNOWN = "unknown"  # nobody knows whether it was paid


class Away(StrEnum):
    """Whether something that a lock needs is away now (docs/rules.md L7)."""

    NOTHING = ""
    OTHERS = "others"  # a provider, text messages
    OURS = "ours"  # the platform itself, or the section's devices: nobody could lower, or see


class Why(StrEnum):
    """What ended that a lock stood on. The values are those of models.RecoveryOrder.End."""

    LEFT = "left"
    MISREAD = "misread"
    OBJECTION = "dispute"
    DROPPED = "dropped"
    REPRICED = "repriced"
    QUESTION = "question"
    TOO_LITTLE = "too_little"
    DELISTED = "delisted"
    EXEMPT = "exempt"
    GROUND = "ground"
    UNCLEAR = "unclear"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtSeen:
    """A debt of the vehicle as it stands now; `grace_until`: the time that the demand gave."""

    id: int
    merchant_id: int
    amount_fen: int
    demanded: bool
    disputed: bool
    grace_until: datetime | None = None


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
    """The vehicle that stands in the berth: `same` says that its plate is the target's and, for an
    order, that it has not left since."""

    same: bool
    plate_settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSeen:
    """A person's second look: when its photograph was taken, and whether plate and place agree."""

    taken_at: datetime
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a lock stands on. `debts` are the merchant's live ones of this vehicle, `bound` those
    that an order is for (None: none was made yet). `question`: about the stay or what it is for."""

    now: datetime
    merchant_id: int
    section_merchant_id: int
    ground: str
    exempt: bool
    vehicle: VehicleSeen | None
    question: bool
    objection: bool
    debts: tuple[DebtSeen, ...]
    bound: frozenset[int] | None
    listed: bool
    floor_fen: int
    paying: Paying
    away: Away

    @property
    def own(self) -> list[DebtSeen]:
        """The merchant's own debts."""
        return [debt for debt in self.debts if debt.merchant_id == self.merchant_id]

    @property
    def meant(self) -> list[DebtSeen]:
        """Those of them that the order is for, or would be."""
        return [debt for debt in self.own if self.bound is None or debt.id in self.bound]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that is asked before a lock is bound or rises. `look` None: nobody looked yet; `lock`
    None: none is chosen yet."""

    grounds: Grounds
    look: LookSeen | None
    open_order: bool
    lock: LockSeen | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule's answer; `code` names the rule and finds its sentence, `says` fills it."""

    code: str
    ok: bool
    says: Mapping[str, Any] = field(default_factory=dict)


CODES = (
    "own_ground",
    "not_exempt",
    "vehicle_present",
    "no_question",
    "second_look",
    "no_open_order",
    "lock_ready",
    "lock_battery",
    "own_debts",
    "undisputed",
    "demand_delivered",
    "grace_over",
    "listed",
    "debt_enough",
    "no_payment",
    "no_outage",
)


def judge(now: Situation) -> list[Rule]:
    """The answer of every rule, in the order in which a person reads them; money comes last."""
    grounds, lock, look = now.grounds, now.lock, now.look
    answers = {rule.code: rule for rule in _standing(grounds)} | {
        "second_look": Rule(
            "second_look",
            look is not None
            and look.agrees
            and grounds.now - LOOK_LASTS <= look.taken_at <= grounds.now + timedelta(minutes=1),
        ),
        "no_open_order": Rule("no_open_order", not now.open_order),
        "lock_ready": Rule(
            "lock_ready",
            lock is not None
            and lock.merchant_id == grounds.merchant_id
            and lock.online
            and lock.position == "lowered"
            and not lock.busy,
        ),
        "lock_battery": Rule(
            "lock_battery",
            lock is not None
            and lock.battery_pct is not None
            and lock.battery_pct >= LOW_BATTERY_PCT,
        ),
    }
    return [answers[code] for code in CODES]


def _standing(now: Grounds) -> list[Rule]:
    """The rules that must hold all the time. Where nothing is asked for, only the rule that says so
    refuses: grace and floor are those of what is."""
    meant = now.meant
    asked = [debt for debt in meant if debt.demanded and not debt.disputed]
    ripe = [debt for debt in asked if bindable(debt, now.merchant_id, now.now)]
    owed_fen = sum(debt.amount_fen for debt in ripe)
    whole = now.bound is not None  # every bound debt must be asked for; of others one will do
    ends = [debt.grace_until for debt in asked if debt.grace_until is not None]
    return [
        Rule("own_ground", _is_own_ground(now)),
        Rule("not_exempt", not now.exempt),
        Rule(
            "vehicle_present",
            now.vehicle is not None and now.vehicle.same and now.vehicle.plate_settled,
        ),
        Rule("no_question", not now.question),
        Rule("own_debts", any(debt.amount_fen > 0 for debt in meant)),
        Rule("undisputed", not now.objection and not any(debt.disputed for debt in now.own)),
        Rule("demand_delivered", len(asked) == len(meant) if whole and meant else bool(asked)),
        Rule(
            "grace_over",
            not asked or (len(ripe) == len(asked) if whole else bool(ripe)),
            {"until": max(ends) if whole and ends else min(ends, default=now.now)},
        ),
        Rule("listed", now.listed or not ripe),
        Rule(
            "debt_enough",
            owed_fen >= now.floor_fen or not ripe,
            {"owed_fen": owed_fen, "floor_fen": now.floor_fen},
        ),
        Rule("no_payment", now.paying == Paying.NONE),
        Rule("no_outage", now.away == Away.NOTHING),
    ]


def ended(now: Grounds) -> Why | None:
    """What ended that a standing lock stands on, or None while all of it holds.

    The same rules as before raising but for two: who is at the cashier has not paid yet, and the
    payment itself lowers; only where nobody knows its outcome the lock goes down for it. And what
    is away of others keeps nobody from lowering it.
    """
    if now.vehicle is None:
        return Why.LEFT
    if not now.vehicle.same:
        return Why.MISREAD
    broken = {rule.code for rule in _standing(now) if not rule.ok}
    if now.paying != Paying.UNKNOWN:
        broken.discard("no_payment")
    if now.away != Away.OURS:
        broken.discard("no_outage")
    for why, codes in _ENDS:
        if broken & codes:
            return why
    return None


_ENDS: tuple[tuple[Why, frozenset[str]], ...] = (
    (Why.QUESTION, frozenset({"no_question", "vehicle_present"})),
    (Why.OBJECTION, frozenset({"undisputed"})),
    (Why.DROPPED, frozenset({"own_debts"})),
    (Why.REPRICED, frozenset({"demand_delivered", "grace_over"})),
    (Why.TOO_LITTLE, frozenset({"debt_enough"})),
    (Why.DELISTED, frozenset({"listed"})),
    (Why.EXEMPT, frozenset({"not_exempt"})),
    (Why.GROUND, frozenset({"own_ground"})),
    (Why.UNCLEAR, frozenset({"no_payment"})),
    (Why.OUTAGE, frozenset({"no_outage"})),
)


def _is_own_ground(now: Grounds) -> bool:
    return now.ground == "own" and now.section_merchant_id == now.merchant_id


def bindable(debt: DebtSeen, merchant_id: int, now: datetime) -> bool:
    """Only the merchant's own debts that are due, demanded (delivered), undisputed, and whose time
    to pay is over."""
    return (
        debt.merchant_id == merchant_id
        and debt.amount_fen > 0
        and debt.demanded
        and not debt.disputed
        and debt.grace_until is not None
        and debt.grace_until <= now
    )


def holds(rules: list[Rule]) -> bool:
    """True where nothing stands against it."""
    return all(rule.ok for rule in rules)

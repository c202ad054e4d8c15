"""What a vehicle's place on the list follows from: its debts and the listing rule (P3.2)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from arrears.states import ListingState


@dataclass(frozen=True, slots=True)
class Rule:
    """From when on debts list a vehicle: so much together, or so many, each at least so old.

    `version` is the row that says so; None for what holds until somebody has said another.
    """

    amount_fen: int = 2000
    count: int = 3
    age: timedelta = timedelta(0)
    version: int | None = None

    def met(self, amount_fen: int, count: int) -> bool:
        return amount_fen >= self.amount_fen or count >= self.count


@dataclass(frozen=True, slots=True)
class Owed:
    """A live debt: `held` while a question about it is open, its owner's objection too.

    Debts under one rule count together: those to creditors without a rule of their own, say.
    """

    amount_fen: int
    demanded_at: datetime | None
    opened_at: datetime | None = None
    held: bool = False
    rule: Rule = Rule()

    def counts_from(self, grace: timedelta) -> datetime | None:
        """When its demand's grace is over and it is old enough; None while it was not demanded."""
        if self.demanded_at is None:
            return None
        ends = self.demanded_at + grace
        return ends if self.opened_at is None else max(ends, self.opened_at + self.rule.age)


@dataclass(frozen=True, slots=True)
class ListPosition:
    """`due_at` is when a pending entry becomes active; None while the demands that were delivered
    do not list it. `rule` is the one that lists it, or will, or the one that is missed."""

    state: ListingState
    amount_fen: int
    due_at: datetime | None = None
    rule: Rule | None = None


def place(owed: Iterable[Owed], *, now: datetime, grace: timedelta) -> ListPosition:
    """Where a vehicle with these live debts stands at `now`.

    Gone without debts; suspended while all are held; active once those of the others whose grace is
    over meet their rule; pending until then.
    """
    debts = list(owed)
    if not debts:
        return ListPosition(ListingState.GONE, 0)
    counted = [one for one in debts if not one.held]
    amount_fen = sum(one.amount_fen for one in counted)
    if not counted:
        return ListPosition(ListingState.SUSPENDED, 0)
    of_rule: dict[Rule, list[Owed]] = defaultdict(list)
    for one in counted:
        of_rule[one.rule].append(one)
    meets = {rule: at for rule, rows in of_rule.items() if (at := _met_at(rule, rows, grace))}
    if not meets:
        return ListPosition(ListingState.PENDING, amount_fen, rule=counted[0].rule)
    first = min(meets, key=lambda rule: meets[rule])
    if meets[first] <= now:
        return ListPosition(ListingState.ACTIVE, amount_fen, rule=first)
    return ListPosition(ListingState.PENDING, amount_fen, meets[first], first)


def _met_at(rule: Rule, owed: Iterable[Owed], grace: timedelta) -> datetime | None:
    """When the debts that count by then first meet their rule; None where they never do."""
    dated = [(at, one.amount_fen) for one in owed if (at := one.counts_from(grace)) is not None]
    amount_fen = 0
    for count, (at, fen) in enumerate(sorted(dated), start=1):
        amount_fen += fen
        if rule.met(amount_fen, count):
            return at
    return None

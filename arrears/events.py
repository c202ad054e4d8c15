"""What happens to debts: opened, asked for, objected to, paid, dropped."""

from dataclasses import dataclass

from core.events import Event


@dataclass(frozen=True)
class PayWindowEnded(Event):
    """The time to pay without being asked is over (P3.1)."""

    window_id: int
    stay_id: int


@dataclass(frozen=True)
class DebtOpened(Event):
    """A stay that was not paid in its window is a debt (P3.1)."""

    debt_id: int


@dataclass(frozen=True)
class EvidenceSeen(Event):
    """A person has seen what a debt rests on, or its owner has confirmed the stay."""

    debt_id: int


@dataclass(frozen=True)
class DebtResumed(Event):
    """An objection is over and the debt is owed again, its whole time before it."""

    debt_id: int


@dataclass(frozen=True)
class DebtRaised(Event):
    """A debt is more than its demand named."""

    debt_id: int


@dataclass(frozen=True)
class DebtDisputed(Event):
    """The owner objects to a debt."""

    debt_id: int


@dataclass(frozen=True)
class StayDisputed(Event):
    """Somebody objects to a stay, whether or not it is a debt yet, on whatever page."""

    stay_id: int


@dataclass(frozen=True)
class DebtPaid(Event):
    """A debt is paid."""

    debt_id: int


@dataclass(frozen=True)
class DebtDropped(Event):
    """A debt is owed no more: `reason`: waived, written_off, upheld, corrected,
    paid_in_time."""

    debt_id: int
    reason: str


@dataclass(frozen=True)
class DemandTakenBack(Event):
    """What a demand asked for has to be asked for anew."""

    debt_id: int


@dataclass(frozen=True)
class WatchRanOut(Event):
    """The predicted payment time of a stay is over without a payment (P0.4)."""

    watch_id: int
    stay_id: int

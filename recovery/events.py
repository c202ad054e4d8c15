"""What happens to locks, of which merchants and attendants hear."""

from dataclasses import dataclass

from core.events import Event


@dataclass(frozen=True)
class LockReleased(Event):
    """An order is over: its lock was ordered down, and is to be fetched (P1.6)."""

    order_id: int


@dataclass(frozen=True)
class LockAlarm(Event):
    """A lock is in trouble: `problem` is the order's."""

    order_id: int
    problem: str


@dataclass(frozen=True)
class LockLate(Event):
    """A lock is not down at the time by which it should be (docs/decisions/0057)."""

    order_id: int


@dataclass(frozen=True)
class MoveOverdue(Event):
    """Nobody has fetched a lock by the time that it was to be; `reminders` with this one."""

    order_id: int
    reminders: int

"""Outbox event handlers: what lowers a lock or moves its order (see config/wiring.py)."""

from arrears.events import DebtDisputed, DebtDropped, DebtPaid, DebtRaised, StayDisputed
from core.wiring import concerned
from devices.events import CommandDone, CommandExpired, CommandFailed
from parking.events import LeftUnpaid, PlateCorrected, StayQuestioned, StaySettled, StayVoided
from recovery import services
from recovery.events import LockAlarm, LockLate, LockReleased, MoveOverdue


def debt_changed(event: DebtDisputed | DebtDropped | DebtPaid | DebtRaised) -> None:
    """Waived, objected to, paid in whole or in part, raised: does a lock for it still stand?"""
    services.debt_changed(event.debt_id, actor="system:recovery.debt_changed")


def stay_changed(
    event: StayDisputed | StayQuestioned | PlateCorrected | LeftUnpaid | StaySettled | StayVoided,
) -> None:
    """Questioned, objected to, corrected, over: does a lock before it or for it still stand?"""
    services.stay_changed(event.stay_id, actor="system:recovery.stay_changed")


@concerned(lambda event: event.action in ("RaiseLock", "LowerLock"))
def follow_command(event: CommandDone | CommandFailed | CommandExpired) -> None:
    """A command to a lock ended; its reference is the order's code."""
    services.command_ended(
        order_code=event.reference,
        action=event.action,
        outcome=event.outcome,
        details=event.details,
    )


def tell_released(event: LockReleased) -> None:
    """An order is over: whose lock it is, is told to fetch it (P1.6)."""
    services.tell_released(event.order_id)


def tell_trouble(event: LockAlarm) -> None:
    """A lock needs a person."""
    services.tell_trouble(event.order_id, event.problem)


def give_fee_back(event: LockLate) -> None:
    """The lock is late: what was paid for it goes back (docs/decisions/0057)."""
    services.give_fee_back(event.order_id)


def tell_overdue(event: MoveOverdue) -> None:
    """A reminder to fetch a lock (P1.6)."""
    services.tell_overdue(event.order_id, event.reminders)

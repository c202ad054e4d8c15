"""Outbox event handlers: what lowers a lock or moves its order (see config/wiring.py)."""

from arrears.events import DebtDisputed, DebtDropped, DebtPaid, DebtRaised
from devices.events import CommandDone, CommandExpired, CommandFailed
from parking.events import LeftUnpaid, PlateCorrected, StayQuestioned, StaySettled, StayVoided
from recovery import services


def release(event: DebtDropped | DebtPaid) -> None:
    """A debt was waived, or its objection upheld: no reason for a lock any more (P1.4)."""
    services.release_dropped(event.debt_id, actor="system:recovery.release")


def release_disputed(event: DebtDisputed) -> None:
    """The owner objects to a debt: the lock goes down until a person has looked."""
    services.end_disputed(event.debt_id, actor="system:recovery.release_disputed")


def release_questioned(event: StayQuestioned) -> None:
    """Somebody has to look at the stay before a lock: it goes down until they have."""
    services.end_questioned(event.stay_id, actor="system:recovery.release_questioned")


def release_raised(event: DebtRaised) -> None:
    """A debt is more than its demand named: the lock goes down until it was asked for."""
    services.end_raised(event.debt_id, actor="system:recovery.release_raised")


def follow_command(event: CommandDone | CommandFailed | CommandExpired) -> None:
    """A command to a lock ended; its reference is the order's code."""
    if event.action in ("RaiseLock", "LowerLock"):
        services.command_ended(
            order_code=event.reference,
            action=event.action,
            outcome=event.outcome,
            details=event.details,
        )


def vehicle_left(event: LeftUnpaid | StaySettled | StayVoided) -> None:
    """The vehicle has left: an order whose lock never went up is over (docs/features.md 64)."""
    services.give_up_for_stay(event.stay_id)


def plate_corrected(event: PlateCorrected) -> None:
    """A person has corrected a plate: no lock stands before another's vehicle, or for another's
    debt."""
    services.end_misread(event.stay_id, actor="system:recovery.plate_corrected")

"""What follows here from what happened elsewhere."""

from core.outbox import Event
from recovery import services


def release(event: Event) -> None:
    """A debt was waived, or its objection upheld: no reason for a lock any more (P1.4)."""
    services.release_dropped(event.data["debt_id"], actor="system:recovery.release")


def release_disputed(event: Event) -> None:
    """The owner objects to a debt: the lock goes down until a person has looked."""
    services.end_disputed(event.data["debt_id"], actor="system:recovery.release_disputed")


def release_raised(event: Event) -> None:
    """A debt is more than its demand named: the lock goes down until it was asked for."""
    services.end_raised(event.data["debt_id"], actor="system:recovery.release_raised")


def follow_command(event: Event) -> None:
    """A command to a lock ended; its reference is the order's code."""
    if event.data["action"] in ("RaiseLock", "LowerLock"):
        services.command_ended(
            order_code=event.data["reference"],
            action=event.data["action"],
            outcome=event.topic.removeprefix("devices.command_"),
            details=event.data.get("details") or {},
        )


def vehicle_left(event: Event) -> None:
    """The vehicle has left its berth: an order whose lock never went up is over (FEATURES 64)."""
    services.give_up_for_stay(event.data["stay_id"])


def plate_corrected(event: Event) -> None:
    """A person has corrected a plate: no lock stands before another's vehicle, or for another's
    debt."""
    services.end_misread(event.data["stay_id"], actor="system:recovery.plate_corrected")

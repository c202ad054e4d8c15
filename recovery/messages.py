"""What locks and handhelds say about recovery orders (wired in config/wiring.py)."""

from datetime import UTC, datetime

from core.errors import Denied, Missing
from devices.rules import kinds
from devices.rules.protocol import LockPlaced, LockStatus, ReleaseCodeUsed, Sender
from recovery import services
from recovery.models import RecoveryOrder


def lock_status(message: LockStatus, sender: Sender) -> None:
    """Where the lock is now (P1.3, P1.4)."""
    services.take_lock_report(
        device_id=sender.device_id,
        order_code=message.order_code,
        position=message.position,
        cause=message.cause,
        battery_pct=message.battery_pct,
        occurred_at=_at(message.occurred_at_ms),
        actor=_actor(sender),
    )


def lock_placed(message: LockPlaced, sender: Sender) -> None:
    """The lock stands where it stops the vehicle, with its photograph (P1.3)."""
    order = RecoveryOrder.objects.filter(
        code=message.order_code, merchant_id=sender.merchant_id
    ).first()
    if order is None:
        raise Missing("no_recovery")
    if kinds.of(sender.kind).is_lock and order.device_id != sender.device_id:
        raise Denied("another_lock")
    services.place(order.pk, sha256=message.sha256, actor=_actor(sender))


def release_code_used(message: ReleaseCodeUsed, sender: Sender) -> None:
    """The release code was typed at the lock (P1.5)."""
    services.take_release_code_used(
        device_id=sender.device_id, order_code=message.order_code, actor=_actor(sender)
    )


def _actor(sender: Sender) -> str:
    return sender.attendant or f"device:{sender.device_code}"


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)

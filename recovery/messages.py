"""What locks and handhelds say about recovery orders (wired in config/wiring.py)."""

from datetime import UTC, datetime

from core.errors import Denied, Missing
from devices.rules import kinds
from devices.rules.protocol import LockFetched, LockPlaced, LockStatus, ReleaseCodeUsed, Sender
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
    services.place(
        _order(message.order_code, sender).pk,
        sha256=message.sha256,
        actor=_actor(sender),
        device_id=sender.device_id,
        taken_at=_at(message.occurred_at_ms),
    )


def lock_fetched(message: LockFetched, sender: Sender) -> None:
    """The lock was taken away: a photograph, or where its device is (P1.6)."""
    position = None
    if message.latitude is not None and message.longitude is not None:
        position = message.latitude, message.longitude
    services.confirm_move(
        _order(message.order_code, sender).pk,
        actor=_actor(sender),
        sha256=message.sha256 or "",
        position=position,
        device_id=sender.device_id,
        taken_at=_at(message.occurred_at_ms),
    )


def _order(code: str, sender: Sender) -> RecoveryOrder:
    """The order that a lock or a terminal of its merchant speaks of."""
    order = RecoveryOrder.objects.filter(code=code, merchant_id=sender.merchant_id).first()
    if order is None:
        raise Missing("no_recovery")
    if kinds.of(sender.kind).is_lock and order.device_id != sender.device_id:
        raise Denied("another_lock")
    return order


def release_code_used(message: ReleaseCodeUsed, sender: Sender) -> None:
    """The release code was typed at the lock (P1.5)."""
    services.take_release_code_used(
        device_id=sender.device_id, order_code=message.order_code, actor=_actor(sender)
    )


def _actor(sender: Sender) -> str:
    return sender.attendant or f"device:{sender.device_code}"


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)

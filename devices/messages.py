"""What devices say about themselves. Runs in the gateway's transaction; see config/wiring.py."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db.models import Q

from accounts import rules as roles
from accounts import selectors as people
from core import clock, outages
from devices.errors import Helpless, LoginRefused, LoginTooOften
from devices.models import Connection, Device, DeviceMessage
from devices.rules import kinds, protocol
from devices.services import commands, hints, release
from devices.services.liveness import HEARTBEAT_S

SHOWN_AT_ONCE = ("position", "tampered")  # a battery's charge may wait for the next look
WRONG_TRIES = 5
WRONG_WITHIN = timedelta(minutes=15)


def heartbeat(message: protocol.Heartbeat, sender: protocol.Sender) -> dict[str, Any]:
    """The device is here, and learns both clocks.

    A lock is not told so while nobody could lower it by a payment or objection: its lease runs on
    (docs/rules.md L6). Raises Helpless.
    """
    if kinds.of(sender.kind).is_lock and any(one.what in outages.OURS for one in outages.running()):
        raise Helpless()
    now_ms, real_ms = _ms(clock.now()), _ms(clock.real())
    return {"now_ms": now_ms, "real_ms": real_ms, "interval_s": HEARTBEAT_S}


def device_state(message: protocol.DeviceState, sender: protocol.Sender) -> None:
    facts = {
        name: value
        for name, value in message.payload().items()
        if value is not None and name != "occurred_at_ms"
    }
    _note(sender, facts)


def lock_status(message: protocol.LockStatus, sender: protocol.Sender) -> None:
    """Keep where the lock is; an older report that comes late changes nothing here."""
    device = Device.objects.only("facts").get(pk=sender.device_id)
    if message.occurred_at_ms < device.facts.get("position_at_ms", 0):
        return
    facts: dict[str, Any] = {
        "position": message.position,
        "cause": message.cause,
        "position_at_ms": message.occurred_at_ms,
        "order_code": message.order_code,
    }
    if message.battery_pct is not None:
        facts["battery_pct"] = message.battery_pct
    _note(sender, facts)


def release_code_used(message: protocol.ReleaseCodeUsed, sender: protocol.Sender) -> None:
    release.code_used(sender.device_id, message.order_code)


def command_result(message: protocol.CommandResult, sender: protocol.Sender) -> None:
    """How a command ended; repeating it changes nothing."""
    commands.finish(
        sender.device_id,
        message.command_id,
        message.outcome,
        message.details,
        actor=f"device:{sender.device_code}",
    )


def attendant_login(message: protocol.AttendantLogin, sender: protocol.Sender) -> dict[str, Any]:
    """A person takes the handheld: staff of the device's merchant who may capture vehicles."""
    wrong = DeviceMessage.objects.filter(
        Q(device_id=sender.device_id) | Q(login_name=message.username),
        action="AttendantLogin",
        refused="login_refused",
        received_real_at__gt=clock.real() - WRONG_WITHIN,
    )
    if wrong.count() >= WRONG_TRIES:
        raise LoginTooOften()
    user = get_user_model()._default_manager.filter(username=message.username).first()
    if user is None:
        make_password(message.password)  # takes as long as a known name
        raise LoginRefused()
    role = people.role_of(user, sender.merchant_id)
    entitled = roles.may(role, "capture") or roles.may(role, "recover")
    if not (user.check_password(message.password) and user.is_active and entitled):
        raise LoginRefused()
    _attach(sender, user.pk)
    return {"name": user.get_full_name() or user.get_username()}


def attendant_logout(message: protocol.AttendantLogout, sender: protocol.Sender) -> None:
    _attach(sender, None)


def _attach(sender: protocol.Sender, user_id: int | None) -> None:
    """The row says who holds the device; the socket reads it there after the commit."""
    Connection.objects.filter(pk=sender.connection_id).update(attendant_id=user_id)


def _note(sender: protocol.Sender, facts: dict[str, Any]) -> None:
    """Merge facts into the device's; its row is locked by the message's transaction."""
    before = Device.objects.values_list("facts", flat=True).get(pk=sender.device_id)
    after = {**before, **facts}
    if after == before:
        return
    Device.objects.filter(pk=sender.device_id).update(facts=after)
    if any(before.get(name) != after.get(name) for name in SHOWN_AT_ONCE):
        hints.show(sender.device_id, sender.merchant_id)


def _ms(at: Any) -> int:
    return int(at.timestamp() * 1000)

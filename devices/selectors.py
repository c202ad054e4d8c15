"""Questions about devices and what they were told."""

from collections.abc import Callable, Collection

from django.db.models import Count, Q, QuerySet

from core import clock
from devices.errors import NoDevice
from devices.models import Command, Device, ReleaseCode
from devices.rules import kinds
from devices.rules.kinds import DeviceKind
from devices.states import CommandState, DeviceState


def device(device_id: int) -> Device:
    """The device; raises NoDevice."""
    found = Device.objects.filter(pk=device_id).first()
    if found is None:
        raise NoDevice()
    return found


def by_code(code: str) -> Device | None:
    return Device.objects.filter(code=code).first()


def devices_of(merchant_id: int) -> QuerySet[Device]:
    """One merchant's devices in service, by code."""
    rows = Device.objects.filter(merchant_id=merchant_id).exclude(state=Device.State.REVOKED)
    return rows.order_by("code")


def devices_able(merchant_id: int, able: Callable[[DeviceKind], bool]) -> QuerySet[Device]:
    """One merchant's devices in service whose kind is able to, by code."""
    return devices_of(merchant_id).filter(kind__in=kinds.names(able))


def online_ids(ids: Collection[int]) -> set[int]:
    """Which of these devices have a live socket."""
    return set(Device.objects.filter(pk__in=ids, online=True).values_list("pk", flat=True))


def lock_position(device_id: int) -> str | None:
    """Where the lock said it is: lowered, raising, raised, lowering, jammed; None: it never did."""
    facts = Device.objects.filter(pk=device_id).values_list("facts", flat=True).first() or {}
    position: str | None = facts.get("position")
    return position


def has_release_code(*, device_id: int, order_code: str) -> bool:
    """Whether this lock was sent up for this order, so that a code lowers it without network."""
    holds = ReleaseCode.objects.filter(device_id=device_id, order_code=order_code)
    return holds.exclude(credential=None).exists()


def command(command_id: int) -> Command | None:
    return Command.objects.filter(pk=command_id).first()


def commands_of(device_id: int) -> QuerySet[Command]:
    """All commands of a device, newest first."""
    return Command.objects.filter(device_id=device_id).order_by("-pk")


def to_look_at(epochs: dict[int, int]) -> set[int]:
    """Which of these sockets (device → epoch) have something to do or are over; two queries."""
    ids = list(epochs)
    rows = Device.objects.filter(pk__in=ids).values_list("pk", "epoch", "state")
    alive = {
        pk for pk, epoch, state in rows if epoch == epochs[pk] and state != DeviceState.REVOKED
    }
    due = Command.objects.filter(
        Q(next_try_at__lte=clock.real()) | Q(state=CommandState.QUEUED),
        device_id__in=ids,
        state__in=Command.OPEN,
    )
    return (set(ids) - alive) | set(due.values_list("device_id", flat=True))


def counts_of(merchant_id: int) -> dict[str, int]:
    """How many of one merchant's devices in service are there, silent, and low on battery."""
    return devices_of(merchant_id).aggregate(
        all=Count("pk"),
        online=Count("pk", filter=Q(online=True)),
        silent=Count("pk", filter=Q(silent=True, state=DeviceState.ACTIVE)),
        low=Count("pk", filter=Q(facts__battery_pct__lt=20)),
    )

"""What devices say about berths (P2.1-P2.3). Runs in the gateway's transaction."""

from datetime import UTC, datetime

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from core.errors import Denied
from devices.rules import kinds, protocol
from parking import services
from parking.errors import NotThisBerth
from parking.models import Berth, BerthSensor, CameraCoverage


def vehicle_arrived(
    message: protocol.VehicleArrived, sender: protocol.Sender
) -> dict[str, int | None]:
    """The drive-in instruction with the berth's code (P2.1)."""
    stay_id = services.open_stay(
        berth_id=_own_berth(message.berth_code, sender),
        occurred_at=_at(message.occurred_at_ms),
        said_by=f"device:{sender.device_code}",
        device_id=sender.device_id,
        device_at=_by_the_device(sender),
    )
    return {"stay_id": stay_id}


def vehicle_left(message: protocol.VehicleLeft, sender: protocol.Sender) -> dict[str, int | None]:
    """The berth is empty again (P2.1)."""
    stay_id = services.close_stay(
        berth_id=_own_berth(message.berth_code, sender),
        occurred_at=_at(message.occurred_at_ms),
        said_by=f"device:{sender.device_code}",
        device_id=sender.device_id,
        device_at=_by_the_device(sender),
    )
    return {"stay_id": stay_id}


def image_taken(message: protocol.ImageTaken, sender: protocol.Sender) -> dict[str, int]:
    """A photograph that was uploaded before (P2.2, P2.3, P0.1)."""
    if not kinds.of(sender.kind).takes_photographs:
        raise Denied("no_camera", _("This device takes no photographs."))
    sighting_id = services.take_sighting(
        device_id=sender.device_id,
        kind=sender.kind,
        merchant_id=sender.merchant_id,
        attendant=sender.attendant,
        image_sha=message.sha256,
        occurred_at=_at(message.occurred_at_ms),
        purpose=message.purpose,
        berth_code=message.berth_code,
        command_id=message.command_id,
    )
    return {"sighting_id": sighting_id}


def _own_berth(code: str, sender: protocol.Sender) -> int:
    """The berth that this sensor lies in or this camera looks at."""
    sensed = BerthSensor.objects.filter(berth=OuterRef("pk"), device_id=sender.device_id)
    seen = CameraCoverage.objects.filter(berth=OuterRef("pk"), device_id=sender.device_id)
    mine = Berth.objects.filter(Exists(sensed) | Exists(seen), code=code)
    berth_id = mine.values_list("pk", flat=True).first()
    if berth_id is None:
        raise NotThisBerth(code)
    return berth_id


def _by_the_device(sender: protocol.Sender) -> datetime | None:
    """What a wrong clock said, if that is a moment at all."""
    try:
        return _at(sender.said_at_ms) if sender.said_at_ms is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _at(occurred_at_ms: int) -> datetime:
    return datetime.fromtimestamp(occurred_at_ms / 1000, tz=UTC)

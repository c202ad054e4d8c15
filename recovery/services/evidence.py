"""Photographs that show a step of an order: new, used once, of their purpose (docs/rules.md L6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from core import clock, images, plates
from core.errors import Invalid
from parking import selectors as parking
from recovery.errors import NoPhotograph, NotNew
from recovery.models import EvidencePhoto, RecoveryOrder
from recovery.rules import LookSeen

CAPTURE = "capture"  # what a photograph of a vehicle was taken for; the first look is another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A second look as it will be kept."""

    sha256: str
    typed: str
    by: str
    device_id: int | None
    seen: LookSeen


def look_of(
    given: Mapping[str, str] | None,
    *,
    plate: plates.Plate,
    berth_id: int,
    merchant_id: int,
    actor: str,
) -> Look | None:
    """What a second look shows: `sha256` of a photograph, and the plate as a person `typed` it.

    The photograph is a terminal's of this berth whose plate was settled or typed, or what this
    person has just taken themselves with the plate that they read. Used before, it shows nothing.
    None where nobody has looked. Raises Invalid for a look with neither.
    """
    if not given:
        return None
    typed, sha256 = given.get("typed", "").strip(), given.get("sha256", "").strip()
    if not typed and not sha256:
        raise Invalid("no_second_look", _("Type the plate that you see, and photograph it."))
    kept_at = images.kept_at(sha256) if sha256 else None
    if kept_at is None or EvidencePhoto.objects.filter(sha256=sha256).exists():
        return None
    reads = plates.normalise(typed) == plate.text if typed else None
    seen = parking.seen_in_image(sha256, merchant_id=merchant_id)
    if seen is None:
        taken_at = clock.now() - (clock.real() - kept_at)
        look = LookSeen(taken_at=taken_at, agrees=reads is True)
        return Look(sha256=sha256, typed=typed, by=actor, device_id=None, seen=look)
    here = seen.berth_id == berth_id and seen.purpose == CAPTURE
    shown = plates.same_vehicle(seen.plate, plate) if seen.plate is not None else reads is True
    look = LookSeen(taken_at=seen.taken_at, agrees=here and shown and reads is not False)
    return Look(sha256=sha256, typed=typed, by=seen.by, device_id=seen.device_id, seen=look)


def keep_look(order: RecoveryOrder, look: Look) -> None:
    """The photograph is this look's from now on."""
    EvidencePhoto.objects.create(
        order=order,
        purpose=EvidencePhoto.Purpose.SECOND_LOOK,
        sha256=look.sha256,
        by=look.by,
        berth_id=order.berth_id,
        device_id=look.device_id,
        typed=look.typed,
        taken_at=look.seen.taken_at,
    )


def last_look(order: RecoveryOrder) -> LookSeen | None:
    """The newest second look that agreed."""
    rows = order.photographs.filter(purpose=EvidencePhoto.Purpose.SECOND_LOOK)
    row = rows.order_by("-taken_at").first()
    return LookSeen(taken_at=row.taken_at, agrees=True) if row else None


def keep_step(
    order: RecoveryOrder,
    purpose: EvidencePhoto.Purpose,
    sha256: str,
    *,
    actor: str,
    device_id: int | None = None,
    taken_at: datetime | None = None,
) -> None:
    """This photograph shows this step. Telling the same again is harmless.

    Raises NoPhotograph for none; NotNew for one that was kept before the step before, that says
    itself so, or that shows something else already.
    """
    kept_at = images.kept_at(sha256) if sha256 else None
    if kept_at is None:
        raise NoPhotograph()
    if order.photographs.filter(sha256=sha256, purpose=purpose).exists():
        return
    if order.next_picture_after is not None and kept_at < order.next_picture_after:
        raise NotNew()
    if EvidencePhoto.objects.filter(sha256=sha256).exists():
        raise NotNew()
    if parking.seen_in_image(sha256, merchant_id=order.merchant_id) is not None:
        raise NotNew()
    EvidencePhoto.objects.create(
        order=order,
        purpose=purpose,
        sha256=sha256,
        by=actor,
        berth_id=order.berth_id,
        device_id=device_id,
        taken_at=taken_at or clock.now(),
    )

"""Pictures of vehicles: ordered from the best camera, taken in, and read (P2.2, P2.3, P0.1)."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from core import clock, images, live, outbox
from core.errors import Denied, Refused
from core.transition import transition
from devices import selectors as devices
from devices import services as device_services
from devices.rules import kinds
from devices.rules.kinds import DeviceKind
from parking.errors import NotThisBerth
from parking.events import ImageTaken
from parking.models import (
    Berth,
    CameraCoverage,
    HandheldPost,
    ImageOrder,
    InspectionTask,
    ParkingSession,
    Sighting,
)
from parking.rules.timeline import BEFORE_ARRIVAL
from parking.selectors.facts import whole_of
from parking.services import retelling
from parking.services.pictures import AROUND_LEAVING
from parking.states import ImageOrderState, InspectionState, PlateState, StayState

log = logging.getLogger("bowei.parking")
SYSTEM = "system:parking.images"
CAMERA_TTL_S = 20
CAMERA_PATIENCE_S = 60  # from the order to the photograph; after it the next camera is asked
HANDHELD_TTL_S = 15 * 60
READ_AGAIN_S = 60


@transaction.atomic
def order_image(*, stay_id: int, again: bool = False) -> int | None:
    """Ask the best camera that was not asked yet; the command's id (P2.2).

    Best is who is connected, then who has the lowest priority number. Where every camera was asked
    the section's attendant is (an inspection task). `again`: an arrival was reported in the middle
    of the stay, and the best camera looks once more. None where no picture is needed any more.
    """
    stay = ParkingSession.objects.select_related("berth").get(pk=stay_id)
    known = stay.plate_state in (PlateState.SETTLED, PlateState.REVIEW)
    if stay.state != StayState.PARKED or (known and not again):
        return None
    asked = ImageOrder.objects.filter(stay=stay, purpose=Sighting.Purpose.ARRIVAL)
    if again:
        asked = asked.filter(state=ImageOrderState.ASKED)
    best = _best_camera(stay.berth_id, without=asked.values_list("device_id", flat=True))
    if best is not None:
        return _order(stay, best, purpose=Sighting.Purpose.ARRIVAL)
    if not known:
        _ask_attendant(stay)
    return None


@transaction.atomic
def order_leaving_image(*, stay_id: int) -> int | None:
    """Ask the best camera for a picture of the departure, as evidence; the command's id.

    None where no camera sees the berth, or where we have heard of it too late to see it go.
    """
    stay = ParkingSession.objects.select_related("berth").get(pk=stay_id)
    if stay.left_at is None or clock.now() - stay.left_at > AROUND_LEAVING:
        return None
    asked = ImageOrder.objects.filter(stay=stay, purpose=Sighting.Purpose.LEAVING)
    asked = asked.filter(state=ImageOrderState.ASKED)
    best = _best_camera(stay.berth_id, without=asked.values_list("device_id", flat=True))
    return _order(stay, best, purpose=Sighting.Purpose.LEAVING) if best is not None else None


@transaction.atomic
def ask_again(*, device_id: int) -> int:
    """A camera is there again: ask it for what it was asked in vain and nobody has seen since."""
    failed = ImageOrder.objects.filter(
        device_id=device_id,
        state=ImageOrderState.FAILED,
        purpose=Sighting.Purpose.ARRIVAL,
        stay__state=StayState.PARKED,
        stay__plate_state=PlateState.UNREAD,
        stay__sightings=None,
    )
    waiting = ImageOrder.objects.filter(stay=OuterRef("stay"), state=ImageOrderState.ASKED)
    ids = set(failed.exclude(Exists(waiting)).values_list("stay_id", flat=True))
    for stay in ParkingSession.objects.select_related("berth").filter(pk__in=ids).order_by("pk"):
        _order(stay, device_id, purpose=Sighting.Purpose.ARRIVAL)
    return len(ids)


def _best_camera(berth_id: int, *, without: Iterable[int]) -> int | None:
    rows = CameraCoverage.objects.filter(berth_id=berth_id).exclude(device_id__in=list(without))
    left = list(rows)
    if not left:
        return None
    online = set(devices.online_ids([one.device_id for one in left]))
    best = min(left, key=lambda one: (one.device_id not in online, one.priority, one.pk))
    return best.device_id


def _order(stay: ParkingSession, device_id: int, *, purpose: str) -> int:
    command_id = device_services.order(
        device_id=device_id,
        action="TakeImage",
        payload={"berth_code": stay.berth.code, "purpose": purpose},
        reference=f"stay:{stay.pk}",
        ttl_s=CAMERA_TTL_S,
        actor=SYSTEM,
    )
    ImageOrder.objects.create(
        stay=stay,
        device_id=device_id,
        purpose=purpose,
        command_id=command_id,
        asked_at=clock.now(),
        give_up_at=clock.real() + timedelta(seconds=CAMERA_PATIENCE_S),
    )
    return command_id


def _ask_attendant(stay: ParkingSession) -> None:
    try:
        with transaction.atomic():
            InspectionTask.objects.create(
                merchant_id=stay.merchant_id,
                section_id=stay.section_id,
                berth_id=stay.berth_id,
                stay=stay,
                why="no_camera_answered",
                opened_at=clock.now(),
            )
    except IntegrityError:
        return  # asked before
    for post in HandheldPost.objects.filter(section_id=stay.section_id):
        device_services.order(
            device_id=post.device_id,
            action="TakeImage",
            payload={"berth_code": stay.berth.code, "purpose": "arrival"},
            reference=f"stay:{stay.pk}",
            ttl_s=HANDHELD_TTL_S,
            actor=SYSTEM,
        )
    live.push(f"merchant:{stay.merchant_id}")


@transaction.atomic
def image_failed(*, command_id: int, reason: str) -> bool:
    """This order brought no picture: ask the next camera. False where it did or was given up."""
    orders = ImageOrder.objects.filter(command_id=command_id)
    moved = transition(
        orders,
        source=ImageOrderState.ASKED,
        target=ImageOrderState.FAILED,
        actor=SYSTEM,
        reason=reason,
    )
    if not moved:
        return False
    order = orders.get()
    if order.purpose == Sighting.Purpose.ARRIVAL:
        order_image(stay_id=order.stay_id)
    return True


@transaction.atomic
def take_sighting(
    *,
    device_id: int,
    kind: str,
    merchant_id: int,
    attendant: str | None,
    image_sha: str,
    occurred_at: datetime,
    purpose: str,
    berth_code: str | None = None,
    command_id: int | None = None,
) -> int:
    """A device has taken a photograph that it had uploaded; the sighting's id (P0.1, P2.3).

    The same photograph told again is the same sighting. Raises Refused for a photograph that never
    arrived, NotThisBerth for a camera that does not see the berth, Denied for a handheld that
    nobody has taken in hand.
    """
    if not images.exists(image_sha):
        raise Refused("image_missing", _("This photograph has not been uploaded yet."))
    able = kinds.of(kind)
    if able.needs_attendant and not attendant:
        raise Denied("attendant_needed", _("Log in on the handheld first."))
    order = (
        ImageOrder.objects.filter(command_id=command_id, device_id=device_id).first()
        if command_id is not None
        else None
    )
    berth = _berth_of(berth_code, order, device_id=device_id, able=able, merchant_id=merchant_id)
    berth = retelling.locked_berth(berth.pk) if berth else None
    same = {"device_id": device_id, "image_sha": image_sha, "occurred_at": occurred_at}
    told_before = Sighting.objects.filter(**same).values_list("pk", flat=True).first()
    if told_before is not None:
        return told_before
    stay_id = _stay_of(order, berth, occurred_at, purpose=purpose)
    posts = HandheldPost.objects.filter(device_id=device_id).values_list("section_id", flat=True)
    section_id = berth.section_id if berth else (posts[0] if len(posts) == 1 else None)
    sighting = Sighting.objects.create(
        **same,
        merchant_id=berth.section.merchant_id if berth else merchant_id,
        attendant=attendant or "",
        berth=berth,
        section_id=section_id,
        stay_id=stay_id,
        purpose=purpose,
        received_at=clock.now(),
        read_again_at=clock.real() + timedelta(seconds=READ_AGAIN_S),
    )
    if order:
        transition(
            order,
            source=[ImageOrderState.ASKED, ImageOrderState.FAILED],
            target=ImageOrderState.TAKEN,
            actor=SYSTEM,
        )
    if stay_id is not None and able.needs_attendant:
        tasks = InspectionTask.objects.filter(stay_id=stay_id)
        transition(
            tasks,
            source=InspectionState.OPEN,
            target=InspectionState.DONE,
            actor=attendant or SYSTEM,
            done_at=clock.now(),
        )
    outbox.add(ImageTaken(sighting.pk))
    return sighting.pk


def _berth_of(
    code: str | None,
    order: ImageOrder | None,
    *,
    device_id: int,
    able: DeviceKind,
    merchant_id: int,
) -> Berth | None:
    """The berth in the picture, if this device may speak of it."""
    berths = Berth.objects.select_related("section")
    if code is None:
        return berths.get(pk=order.stay.berth_id) if order else None
    berth = berths.filter(code=code).first()
    if berth is None:
        raise NotThisBerth(code)
    if able.speaks_for_all_berths:
        allowed = berth.section.merchant_id == merchant_id
    else:
        allowed = CameraCoverage.objects.filter(berth=berth, device_id=device_id).exists()
    if not allowed:
        raise NotThisBerth(code)
    return berth


def _stay_of(
    order: ImageOrder | None, berth: Berth | None, occurred_at: datetime, *, purpose: str
) -> int | None:
    """The stay in the picture: the one of that moment, else the one that it was ordered for and
    that has not left before. The berth is locked."""
    if berth is None:
        return None
    if purpose == Sighting.Purpose.LEAVING:
        left = _stay_that_left(order, berth, occurred_at)
        return left.pk if left else None
    stay_id = retelling.stay_seen(berth, occurred_at)
    if stay_id is not None:
        return stay_id
    ordered = _ordered(order)
    if ordered is None or (ordered.left_at is not None and ordered.left_at < occurred_at):
        return None
    return ordered.pk


def _ordered(order: ImageOrder | None) -> ParkingSession | None:
    if order is None:
        return None
    stay = ParkingSession.objects.get(pk=whole_of(order.stay_id))
    return None if stay.state == StayState.VOID else stay


def _stay_that_left(
    order: ImageOrder | None, berth: Berth, occurred_at: datetime
) -> ParkingSession | None:
    """The camera may take it a little after the sensor saw it go."""
    if ordered := _ordered(order):
        return ordered
    stays = ParkingSession.objects.filter(
        berth=berth, arrived_at__lte=occurred_at + BEFORE_ARRIVAL
    ).exclude(state=StayState.VOID)
    gone = stays.filter(left_at__range=(occurred_at - AROUND_LEAVING, occurred_at + AROUND_LEAVING))
    return gone.order_by("-arrived_at").first() or stays.filter(state=StayState.PARKED).first()


def region_of(sighting: Sighting) -> tuple[tuple[float, float], ...] | None:
    """Where in this camera's picture the berth is; None where the largest plate counts."""
    if sighting.berth_id is None or sighting.device_id is None:
        return None
    seen = CameraCoverage.objects.filter(berth_id=sighting.berth_id, device_id=sighting.device_id)
    coverage = seen.first()
    if coverage is None or not coverage.region:
        return None
    return tuple((float(x), float(y)) for x, y in coverage.region)

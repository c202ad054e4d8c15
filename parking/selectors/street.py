"""The merchant's street: sections as strips of berths, figures of the day, what needs a person."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import calendar, clock
from core.plates import Plate, chip
from devices import selectors as devices
from devices.states import DeviceState
from parking.models import (
    Berth,
    BerthSensor,
    CameraTrust,
    InspectionTask,
    ParkingSession,
    ReviewItem,
    Section,
)
from parking.states import CameraState, InspectionState, PlateState, ReviewState, StayState
from parking.words import reason_of
from payments import selectors as payments

MOST_NEEDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionStrip:
    """A section as the street shows it; `berths` as the strip component wants them."""

    id: int
    name: str
    own: bool
    taken: int
    total: int
    locks_up: int
    berths: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The day in numbers; money of the same weekday a week ago beside today's, up to this hour."""

    taken: int
    total: int
    money_fen: int
    money_week_ago_fen: int
    due_fen: int
    due_count: int
    locks_up: int


def street(merchant_id: int) -> list[SectionStrip]:
    """All sections of one merchant with their berths in street order; four queries."""
    now = clock.now()
    sections = list(Section.objects.filter(merchant_id=merchant_id).order_by("name", "pk"))
    berths = list(
        Berth.objects.filter(section__merchant_id=merchant_id).order_by("section", "position")
    )
    stays = {
        stay.berth_id: stay
        for stay in ParkingSession.objects.filter(merchant_id=merchant_id, state=StayState.PARKED)
    }
    silent = _silent_berths(merchant_id)
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for berth in berths:
        stay = stays.get(berth.pk)
        rows[berth.section_id].append(
            {
                "id": berth.pk,
                "number": berth.number,
                "code": berth.code,
                "state": berth_state(berth, stay, silent=berth.pk in silent, now=now),
                "age": silent.get(berth.pk),
                "lock_up": berth.lock_up,
                "url": reverse("parking.merchant_stay", args=[stay.pk]) if stay else "",
                "taken": stay is not None,
            }
        )
    return [
        SectionStrip(
            id=section.pk,
            name=section.name,
            own=section.ground == Section.Ground.OWN,
            taken=sum(berth["taken"] for berth in rows[section.pk]),
            total=len(rows[section.pk]),
            locks_up=sum(berth["lock_up"] for berth in rows[section.pk]),
            berths=rows[section.pk],
        )
        for section in sections
    ]


def berth_state(berth: Berth, stay: ParkingSession | None, *, silent: bool, now: datetime) -> str:
    """How the strip draws a berth: free, paid, unpaid, over, out or silent."""
    if stay is not None:
        if stay.doubtful or stay.plate_state in (PlateState.REVIEW, PlateState.UNREADABLE):
            return "over"
        if stay.paid_until is None:
            return "unpaid"
        limit = max(stay.paid_until, stay.leave_by or stay.paid_until)
        return "paid" if now <= limit else "over"
    if not berth.in_service:
        return "out"
    return "silent" if silent else "free"


def _silent_berths(merchant_id: int) -> dict[int, datetime | None]:
    """Berths whose sensor is silent, with its last word; those never connected count as silent."""
    rows = BerthSensor.objects.filter(
        berth__section__merchant_id=merchant_id, device__online=False
    ).exclude(device__state=DeviceState.REVOKED)
    return dict(rows.values_list("berth_id", "device__last_heard_at"))


def figures(merchant_id: int) -> Figures:
    """Today's numbers of one merchant; four queries. Simulated stays are left out."""
    now = clock.now()
    day_began, day_ends = calendar.day_bounds(calendar.city_date(now))
    week = timedelta(days=7)
    berths = Berth.objects.filter(section__merchant_id=merchant_id)
    counted = berths.aggregate(total=Count("pk"), locks=Count("pk", filter=Q(lock_up=True)))
    stays = ParkingSession.objects.filter(merchant_id=merchant_id, simulated=False)
    due = stays.filter(state=StayState.DUE, plate_state=PlateState.SETTLED).aggregate(
        fen=Sum("due_fen"), count=Count("pk")
    )
    return Figures(
        taken=stays.filter(state=StayState.PARKED).count(),
        total=counted["total"],
        money_fen=payments.earned_fen(merchant_id, since=day_began, until=day_ends),
        money_week_ago_fen=payments.earned_fen(
            merchant_id, since=day_began - week, until=now - week
        ),
        due_fen=due["fen"] or 0,
        due_count=due["count"],
        locks_up=counted["locks"],
    )


def needs(merchant_id: int) -> list[dict[str, Any]]:
    """What a person of this merchant should look at, newest first; for the queue component."""
    items = [*_reviews(merchant_id), *_inspections(merchant_id), *_over_time(merchant_id)]
    items += _silent(merchant_id)
    items += _stopped(merchant_id)
    items.sort(key=lambda item: item["since"], reverse=True)
    return items[:MOST_NEEDS]


def _reviews(merchant_id: int) -> list[dict[str, Any]]:
    rows = ReviewItem.objects.filter(
        merchant_id=merchant_id, state=ReviewState.OPEN
    ).select_related(
        "stay__berth__section",
        "sighting__berth__section",
        "sighting__stay",
        "sighting__reading",
        "berth__section",
    )
    items = []
    for row in rows.order_by("-opened_at")[:MOST_NEEDS]:
        seen = row.stay or row.sighting
        berth = seen.berth if seen else row.berth
        place = f"{berth.section.name} {berth.number}" if berth else ""
        stay = row.stay or (row.sighting and row.sighting.stay)
        plate, text = None, reason_of(row.why)
        if row.kind == ReviewItem.Kind.PLATE and row.sighting:
            reading = getattr(row.sighting, "reading", None)
            plate = chip(Plate.of(reading.text, reading.colour or "")) if reading else None
        elif row.kind == ReviewItem.Kind.PLATE and row.stay:
            plate = chip(row.stay.plate)
            text = _("%(why)s There is no photograph.") % {"why": text}
        items.append(
            {
                "since": row.opened_at,
                "plate": plate if plate and plate["text"] else None,
                "compare": bool(stay and stay.state == StayState.PARKED),
                "title": place or _("Photograph"),
                "text": text,
                "subject": "review",
                "state": row.state,
                "url": reverse("parking.review", args=[row.pk]),
            }
        )
    return items


def _stopped(merchant_id: int) -> list[dict[str, Any]]:
    rows = CameraTrust.objects.filter(device__merchant=merchant_id, state=CameraState.STOPPED)
    return [
        {
            "since": row.changed_at,
            "plate": None,
            "title": row.device.name or row.device.code,
            "text": _("Reads too many plates wrong and bills nobody until it is better"),
            "subject": "camera",
            "state": row.state,
            "url": reverse("parking.street"),
        }
        for row in rows.select_related("device").order_by("-changed_at")[:MOST_NEEDS]
    ]


def _inspections(merchant_id: int) -> list[dict[str, Any]]:
    rows = InspectionTask.objects.filter(merchant_id=merchant_id, state=InspectionState.OPEN)
    return [
        {
            "since": row.opened_at,
            "plate": None,
            "at": (row.berth.latitude, row.berth.longitude),
            "title": f"{row.section.name} {row.berth.number}",
            "text": _("No camera took a picture. Please photograph the vehicle."),
            "tag": _("Photograph"),
            "tone": "amber",
            "url": reverse("parking.merchant_stay", args=[row.stay_id]),
        }
        for row in rows.select_related("section", "berth").order_by("-opened_at")[:MOST_NEEDS]
    ]


def _over_time(merchant_id: int) -> list[dict[str, Any]]:
    now = clock.now()
    rows = ParkingSession.objects.filter(
        merchant_id=merchant_id,
        state=StayState.PARKED,
        leave_by__lt=now,
        plate_state=PlateState.SETTLED,
    )
    return [
        {
            "since": row.leave_by,
            "plate": chip(row.plate),
            "compare": True,
            "at": (row.berth.latitude, row.berth.longitude),
            "title": f"{row.section.name} {row.berth.number}",
            "text": _("paid until %(hour)s, %(minutes)s min over")
            % {
                "hour": _hour(row.paid_until or row.leave_by),
                "minutes": int((now - (row.paid_until or now)).total_seconds() // 60),
            },
            "tag": _("Over time"),
            "tone": "amber",
            "url": reverse("parking.merchant_stay", args=[row.pk]),
        }
        for row in rows.select_related("section", "berth").order_by("-leave_by")[:MOST_NEEDS]
    ]


def _hour(at: datetime | None) -> str:
    return timezone.localtime(at).strftime("%H:%M") if at else ""


def _silent(merchant_id: int) -> list[dict[str, Any]]:
    rows = [
        device
        for device in devices.devices_able(merchant_id, lambda kind: kind.senses_a_berth)
        if not device.online and device.last_heard_at
    ]
    ahead = clock.now() - clock.real()  # devices report by the wall clock
    return [
        {
            "since": device.last_heard_at + ahead if device.last_heard_at else clock.now(),
            "plate": None,
            "title": _("Sensor %(code)s") % {"code": device.code},
            "text": _("silent; battery %(battery)s %%")
            % {"battery": device.facts.get("battery_pct", "?")},
            "tag": _("Device"),
            "tone": "signal",
            "url": reverse("parking.street"),
        }
        for device in rows[:MOST_NEEDS]
    ]

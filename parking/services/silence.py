"""Sensors that are not heard: nothing proves who stands in their berths meanwhile (docs/rules.md
L2), and a section none of whose sensors is heard is an outage of ours (docs/rules.md L7)."""

from datetime import datetime

from django.contrib.postgres.aggregates import BoolAnd
from django.db import transaction
from django.db.models import Q

from core import locks, outages
from devices.states import DeviceState
from parking.models import Berth, BerthSensor, BerthSilence, ParkingSession
from parking.services import retelling
from parking.states import StayState

SILENT = "sensor_silent"


@transaction.atomic
def open_gaps(*, device_id: int, since: datetime) -> int:
    """A sensor has been silent since then: from then on nothing proves who stands in its berth.

    Where another sensor of the berth is heard, that one does. The number of stays that it concerns.
    """
    berth = _berth_of(device_id)
    if (
        berth is None
        or berth.sensors.filter(device__silent=False).exclude(device_id=device_id).exists()
    ):
        return 0
    silence, _new = BerthSilence.objects.get_or_create(
        berth=berth,
        ended_at=None,
        defaults={"device_id": device_id, "began_at": since, "why": SILENT},
    )
    return _tell_stays(berth, silence.began_at)


@transaction.atomic
def end_gaps(*, device_id: int, at: datetime) -> int:
    """The sensor is heard again: whatever stands in its berth is proven from now on."""
    berth = _berth_of(device_id)
    silence = BerthSilence.objects.filter(berth=berth, ended_at=None).first() if berth else None
    if berth is None or silence is None:
        return 0
    silence.ended_at = max(silence.began_at, at)
    silence.save(update_fields=["ended_at"])
    return _tell_stays(berth, silence.began_at)


def _berth_of(device_id: int) -> Berth | None:
    """The berth in which this sensor lies, locked; None for any other device."""
    found = BerthSensor.objects.filter(device_id=device_id).values("berth_id")
    berths = locks.lock(Berth.objects.filter(pk__in=found).select_related("section"))
    return berths[0] if berths else None


def _tell_stays(berth: Berth, since: datetime) -> int:
    stays = ParkingSession.objects.filter(
        Q(left_at=None) | Q(left_at__gt=since), berth=berth, simulated=False
    ).exclude(state=StayState.VOID)
    moments = list(stays.order_by("arrived_at").values_list("arrived_at", flat=True))
    for arrived_at in moments:
        retelling.retell(berth, arrived_at, actor=retelling.SYSTEM)
    return len(moments)


# ── Sections ─────────────────────────────────────────────────────────────────────────────────
def silent_sections() -> set[int]:
    """Sections with sensors in service none of which is heard: the device's row says `silent`."""
    sensors = BerthSensor.objects.filter(device__state=DeviceState.ACTIVE)
    touched = set(sensors.filter(device__silent=True).values_list("berth__section_id", flat=True))
    if not touched:  # nearly always: the sweep comes each second
        return set()
    of_section = sensors.filter(berth__section_id__in=touched).values("berth__section_id")
    whole = of_section.annotate(all=BoolAnd("device__silent")).filter(all=True)
    return set(whole.values_list("berth__section_id", flat=True))


def note_silent_sections() -> int:
    """A sweep: sections that are silent, and those that speak again; how many changed."""
    silent = {outages.section(section_id) for section_id in silent_sections()}
    away, failing = outages.noticed("section:"), outages.failing("section:")
    for what in silent - away:
        outages.failed(what)
    for what in (away | failing) - silent:
        outages.worked(what)
    return len(failing - silent)

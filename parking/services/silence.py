"""A section none of whose sensors is heard any more is an outage of ours (docs/rules.md L7)."""

from django.contrib.postgres.aggregates import BoolAnd

from core import outages
from devices.states import DeviceState
from parking.models import BerthSensor


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

"""A section none of whose sensors is heard any more is an outage of ours (docs/rules.md L7)."""

from django.db import connection

from core import outages
from devices.states import DeviceState

# Sections with sensors in service of which none is heard: the device's row says `silent`.
SILENT_SQL = f"""
SELECT b.section_id FROM parking_berthsensor s
JOIN devices_device d ON d.id = s.device_id
JOIN parking_berth b ON b.id = s.berth_id
WHERE d.state = '{DeviceState.ACTIVE}' AND b.section_id IN (
    SELECT b.section_id FROM devices_device d
    JOIN parking_berthsensor s ON s.device_id = d.id
    JOIN parking_berth b ON b.id = s.berth_id
    WHERE d.silent AND d.state = '{DeviceState.ACTIVE}'
)
GROUP BY b.section_id HAVING bool_and(d.silent)
"""


def note_silent_sections() -> int:
    """A sweep: sections that are silent, and those that speak again; how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(SILENT_SQL)
        silent = {outages.section(section_id) for (section_id,) in cursor.fetchall()}
    away, failing = outages.noticed("section:"), outages.failing("section:")
    for what in silent - away:
        outages.failed(what)
    for what in (away | failing) - silent:
        outages.worked(what)
    return len(failing - silent)

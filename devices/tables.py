"""The merchant's list of devices."""

from django.utils.translation import gettext_lazy as _

from core.states import States
from core.tables import ChoiceColumn, Column, MomentColumn, StateColumn, Table
from devices.filters import DeviceFilter
from devices.models import Device
from devices.states import DeviceState, LockPosition, Reach


class _Connection(StateColumn):
    """One word for a person; the row's age says for how long."""

    def of(self, row: Device) -> States:
        if row.state == DeviceState.ENROLLED:
            return DeviceState.ENROLLED
        return Reach.ONLINE if row.online else Reach.SILENT


class _Battery(Column):
    """What a device last said of its charge, in percent."""

    def of(self, row: Device) -> int | None:
        return row.facts.get("battery_pct")


class _Position(StateColumn):
    """How a lock stands, as it last said."""

    def of(self, row: Device) -> States | None:
        position = row.facts.get("position") if row.abilities.is_lock else None
        return LockPosition(position) if position else None


class DeviceTable(Table):
    """A merchant's devices in service."""

    name = "devices"
    filters = DeviceFilter
    empty_title = _("No device yet")
    empty_words = _(
        "Sensors, cameras, handhelds and locks that report for your berths will be listed here. "
        "The operator enrols them and gives each its key."
    )

    code = Column(_("Code"), "code", sort="code", template="devices/_code.html")
    label = Column(_("Name"), "name", visible=False)
    kind = ChoiceColumn(_("Kind"), "kind", sort="kind")
    state = _Connection(_("State"), Reach)
    heard = MomentColumn(_("Last heard"), "last_heard_at", sort="last_heard_at", style="age")
    battery = _Battery(_("Battery"), template="devices/_battery.html")
    lock = _Position(_("Lock"), LockPosition)

    class Meta:
        order_by = "code"

"""The merchant's list of recovery orders."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django_tables2 import A

from core.tables import (
    BerthColumn,
    Column,
    MarkColumn,
    MomentColumn,
    PlateColumn,
    StateColumn,
    Table,
)
from recovery.filters import RecoveryFilter
from recovery.models import RecoveryOrder
from recovery.states import MoveState, RecoveryState


class _FetchBy(MomentColumn):
    """When a lock must be fetched that nobody has fetched yet."""

    def of(self, row: RecoveryOrder) -> datetime | None:
        move = getattr(row, "move", None)
        return move.due_at if move and move.state == MoveState.OPEN else None


class RecoveryTable(Table):
    """A merchant's recovery orders; the number leads to the order's own page."""

    name = "recovery"
    masked = True
    filters = RecoveryFilter
    empty_title = _("No recovery order here")
    empty_words = _(
        "An order binds the debts of a vehicle on your own ground to one of your locks. It begins "
        "at the vehicle: berth, plate, lock."
    )

    vehicle = PlateColumn(_("Vehicle"))
    berth = BerthColumn(_("Berth"))
    state = StateColumn(_("State"), RecoveryState, template="recovery/_order_state.html")
    trouble = MarkColumn(_("Needs a person"), "problem")
    lock = Column(_("Lock"), "device__code")
    bound = MomentColumn(_("Bound"), "bound_at")
    fetch = _FetchBy(_("Fetch"), template="recovery/_fetch.html")
    order = Column(_("Order"), "code", linkify=("recovery.detail", [A("pk")]))

    def compares(self, row: RecoveryOrder) -> bool:
        return row.state in RecoveryOrder.OPEN

"""The merchant's list of stays."""

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django_tables2 import A

from core.tables import (
    NOTHING,
    BerthColumn,
    Column,
    MarkColumn,
    MomentColumn,
    MoneyColumn,
    PlateColumn,
    StateColumn,
    Table,
)
from parking.filters import StayFilter
from parking.states import StayState


class StayTable(Table):
    """A merchant's stays; the arrival leads to the stay's own page."""

    name = "stays"
    masked = True
    filters = StayFilter
    empty_title = _("No stay is like this.")
    empty_words = _(
        "Loosen the filter, or wait for the next vehicle: each arrival that a sensor reports "
        "stands here at once."
    )

    number = Column(_("Stay"), visible=False)
    arrived = MomentColumn(
        _("Arrived"), "arrived_at", sort="arrived_at", linkify=("parking.merchant_stay", [A("pk")])
    )
    berth = BerthColumn(_("Berth"), sort="berth__code")
    plate = PlateColumn()
    left = MomentColumn(_("Left"), "left_at", sort="left_at")
    state = StateColumn(_("State"), StayState, template="parking/_stay_state.html")
    fee = MoneyColumn(_("Fee"), "fee_fen", sort="fee_fen")
    prepaid = MoneyColumn(_("Paid ahead"), "prepaid_fen", visible=False)
    due = MoneyColumn(_("Due"), "due_fen", sort="due_fen")
    settled = MomentColumn(_("Settled"), "settled_at", visible=False)
    doubtful = MarkColumn(_("In doubt"), "doubtful")
    simulated = MarkColumn(_("Simulated"), "simulated")

    class Meta:
        order_by = "-arrived"

    def compares(self, row: Any) -> bool:
        return bool(row.state == StayState.PARKED)

    def render_fee(self, record: Any, column: Any) -> Any:
        return column.shown(record.fee_fen) if record.left_at else NOTHING

    def render_due(self, record: Any, column: Any) -> Any:
        due = column.shown(record.due_fen)
        return format_html("<strong>{}</strong>", due) if record.due_fen else NOTHING

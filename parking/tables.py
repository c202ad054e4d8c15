"""The merchant's lists of stays and of permits."""

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django_tables2 import A

from core.tables import (
    NOTHING,
    ActsColumn,
    BerthColumn,
    Column,
    MarkColumn,
    MomentColumn,
    MoneyColumn,
    PlateColumn,
    StateColumn,
    Table,
)
from parking.filters import PermitFilter, StayFilter
from parking.states import PermitState, StayState


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


class PermitTable(Table):
    """Who stands free on a merchant's roads."""

    name = "permits"
    masked = True
    filters = PermitFilter
    empty_title = _("No permit is like this.")
    empty_words = _(
        "Ask for one below; once another person has granted it, its vehicle stands free where your "
        "tariff says so."
    )

    plate = PlateColumn()
    kind = Column(_("Kind"), "word", sort="kind")
    state = StateColumn(_("State"), PermitState)
    since = MomentColumn(_("From"), "since", sort="since", visible=False)
    until = MomentColumn(_("Until"), "until", sort="until")
    where = Column(_("Roads and hours"), "where")
    why = Column(_("What shows it"), "why")
    asked_by = Column(_("Asked by"), "asked_by", visible=False)
    granted_by = Column(_("Granted by"), "granted_by", visible=False)
    acts = ActsColumn("parking/_permit_acts.html")

    class Meta:
        order_by = "-since"

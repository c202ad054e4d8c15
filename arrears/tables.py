"""The merchant's lists of debts and of what terminals were told."""

from django.utils.translation import gettext_lazy as _

from arrears.filters import DebtsOnPage
from arrears.models import RecoveryNotice
from arrears.states import DebtState, ListingState, NoticeState
from core.tables import (
    ActsColumn,
    BerthColumn,
    ChoiceColumn,
    Column,
    MomentColumn,
    MoneyColumn,
    PlateColumn,
    StateColumn,
    Table,
)


class DebtTable(Table):
    """A merchant's debts, with what may be done with each."""

    name = "debts"
    masked = True
    filters = DebtsOnPage
    empty_title = _("No debts")
    empty_words = _("A stay that is not paid within its time stands here.")

    number = Column(_("Debt"), visible=False)
    plate = PlateColumn()
    place = BerthColumn(_("Place"), "stay__berth", number="code")
    since = MomentColumn(_("Since"), "opened_at", sort="opened_at")
    demand = MomentColumn(_("Demand"), "demanded_at", empty=_("not delivered yet"))
    state = StateColumn(_("State"), DebtState)
    vehicle = StateColumn(
        _("Vehicle"), ListingState, "listing_state", template="arrears/_listing.html"
    )
    amount = MoneyColumn(_("Amount"), "amount_fen", sort="amount_fen")
    acts = ActsColumn("arrears/_debt_acts.html")

    class Meta:
        order_by = "-since"


class NoticeTable(Table):
    """What a merchant's terminals were told."""

    name = "notices"
    masked = True
    page_rows = 10

    time = MomentColumn(_("Time"), "made_at")
    plate = PlateColumn()
    terminal = Column(_("Terminal"), "device__code")
    state = StateColumn(_("State"), NoticeState)
    outcome = ChoiceColumn(_("Outcome"), "outcome")
    amount = MoneyColumn(_("Amount"), "amount_fen")

    class Meta:
        prefix = "notices-"

    def compares(self, row: RecoveryNotice) -> bool:
        return row.state in (NoticeState.MADE, NoticeState.SENT)

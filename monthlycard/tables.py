"""The merchant's lists of lots, statements, and entries and exits to look at."""

from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import format_fen
from core.tables import (
    ChoiceColumn,
    Column,
    MarkColumn,
    MomentColumn,
    MoneyColumn,
    NameColumn,
    NumberColumn,
    StateColumn,
    Table,
)
from monthlycard.models import LotSystem, Statement, StatementDifference
from monthlycard.states import StatementState


class _Cards(Column):
    """Whether a lot takes cards."""

    def of(self, row: LotSystem) -> Any:
        return _("accepted") if row.takes_cards else _("not for now")


class LotTable(Table):
    """A merchant's lots."""

    name = "lots"
    empty_title = _("No lots yet")
    empty_words = _(
        "Lots that take monthly cards will be here. The operator adds a lot's own system."
    )

    lot = NameColumn(_("Lot"), "section__name")
    maker = Column(_("Maker"), "maker", empty="")
    cards = _Cards(_("Cards"))
    heard = MomentColumn(_("Last heard of"), "last_asked_at", empty=_("never"))
    closes = MomentColumn(_("Next statement"), "next_close_at", empty=_("with the next exit"))

    class Meta:
        prefix = "lots-"


class _Differences(Column):
    """What the lot counts otherwise."""

    def cells(self, row: Statement) -> list[Any]:
        return ["; ".join(_spoken(one) for one in row.differences.all())]


def _spoken(one: StatementDifference) -> str:
    counted = gettext("%(visit)s: statement %(ours)s, lot %(theirs)s") % {
        "visit": one.visit,
        "ours": "—" if one.platform_fen is None else format_fen(one.platform_fen),
        "theirs": "—" if one.lot_fen is None else format_fen(one.lot_fen),
    }
    return f"{one.get_kind_display()} · {counted} · {gettext(one.proposal)}"


class _Missed(MarkColumn):
    def of(self, row: Statement) -> bool:
        return row.missed_at is not None and row.fetched_at is None


class StatementTable(Table):
    """A merchant's statements, each with what the lot counts otherwise."""

    name = "statements"
    empty_title = _("No statements yet")
    empty_words = _("Statements will be here when the first agreed period has ended.")
    below = "monthlycard/_differences.html"

    number = NameColumn(_("Number"), "number")
    lot = Column(_("Lot"), "lot__section__name")
    period = Column(_("Period"), template="monthlycard/_period.html", exclude_from_export=True)
    starts = MomentColumn(_("From"), "starts_at", visible=False)
    ends = MomentColumn(_("Until"), "ends_at", visible=False)
    visits = NumberColumn(_("Visits"), "exits")
    total = MoneyColumn(_("Total"), "total_fen")
    state = StateColumn(_("State"), StatementState, template="monthlycard/_statement_state.html")
    missed = _Missed(_("The lot has not fetched it"))
    differences = _Differences(_("Differences"), visible=False)
    files = Column(_("Files"), template="monthlycard/_files.html", exclude_from_export=True)

    class Meta:
        prefix = "statements-"


class OddPassTable(Table):
    """Entries and exits with something odd about them."""

    name = "odd"

    time = MomentColumn(_("Time"), "passed_at")
    lot = Column(_("Lot"), "lot__section__name")
    direction = ChoiceColumn(_("Direction"), "direction", visible=False)
    record = Column(_("Record"), "record_id", template="monthlycard/_record.html")
    oddity = ChoiceColumn(_("What is odd"), "oddity")

    class Meta:
        prefix = "odd-"

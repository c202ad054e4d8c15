"""The merchant's books, the cash to hand back, and the shifts in which it was taken."""

from datetime import timedelta
from typing import Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_tables2 import A

from accounts.selectors import name_of
from core.tables import (
    NOTHING,
    ActsColumn,
    Column,
    MomentColumn,
    MoneyColumn,
    StateColumn,
    Table,
)
from payments import providers
from payments.filters import EntryFilter, ShiftFilter
from payments.models import LedgerEntry
from payments.states import PayoutState, ShiftState


def _order_url(record: LedgerEntry) -> str | None:
    item = record.order_item
    return reverse("payments.take_cash", args=[item.order.number]) if item else None


class NoteColumn(Column):
    """A transfer's note for people: of a payment the way it came, its order stands beside it."""

    def of(self, row: LedgerEntry) -> Any:
        if row.transfer.key.startswith(("off-day:", "on-day:")):
            return gettext("counted on the day of the payment")
        _order, _space, provider = row.transfer.note.rpartition(" ")
        return dict(providers.choices()).get(provider, row.transfer.note)


class EntryTable(Table):
    """A merchant's side of the books: every entry with what it was for."""

    name = "money"
    filters: ClassVar[Any] = EntryFilter
    empty_title = _("Nothing was paid in these days")
    empty_words = _("Each payment and each refund will stand here the moment it happens.")

    date = MomentColumn(_("Time"), "posted_at", sort="posted_at")
    order = Column(_("Order"), "order_item__order__number", empty="", linkify=_order_url)
    what = Column(_("What for"), "order_item__title", empty="")
    note = NoteColumn(_("Note"), "transfer__note", empty="")
    # a merchant's amount is the negative of the books' (payments/rules/books.py)
    amount = MoneyColumn(_("Amount"), "earned_fen", sort="-amount_fen")
    told = MomentColumn(_("Heard of"), "told_at", empty="")

    class Meta:
        order_by = "-date"

    def file_name(self, kind: str) -> str:
        """It names the days that it is of."""
        since, until = self.filter.bounds()
        return f"{self.name}-{since:%Y%m%d}-{until - timedelta(days=1):%Y%m%d}.{kind}"


class HandBackTable(Table):
    """Refunds of cash that wait for the merchant's cashier."""

    name = "hand-back"

    order = Column(_("Order"), "attempt__order__number")
    why = Column(_("Why"), "reason")
    since = MomentColumn(_("Since"), "person_since")
    amount = MoneyColumn(_("Amount"), "amount_fen")
    acts = ActsColumn("payments/_hand_back.html")

    class Meta:
        prefix = "hand-back-"


class PayoutTable(Table):
    """A merchant's payouts, each with its sums."""

    name = "payouts"
    empty_title = _("Nothing was paid out yet")
    empty_words = _("Each payout will stand here once it is approved, with all its lines.")

    number = Column(_("Number"), "number", linkify=("payments.payout", [A("number")]))
    state = StateColumn(_("State"), PayoutState)
    drawn = MomentColumn(_("Drawn up"), "drawn_at", sort="drawn_at", style="day")
    earned = MoneyColumn(_("Earned"), "earned_fen")
    kept = MoneyColumn(_("Kept"), "kept_fen")
    amount = MoneyColumn(_("Paid out"), "net_fen", sort="net_fen")
    account = Column(_("To"), "payee")

    class Meta:
        order_by = "-drawn"


class LineColumn(NoteColumn):
    """As in the books; of cash, that the merchant has it already."""

    def of(self, row: Any) -> Any:
        return _("cash in your drawers") if row.order_item_id is None else super().of(row)


class LineTable(EntryTable):
    """All that a payout settles, line by line; each opens to its payment, bill and photograph."""

    name = "payout"
    filters = None

    note = LineColumn(_("Note"), "transfer__note", empty="")

    class Meta:
        order_by = "date"

    def file_name(self, kind: str) -> str:
        """It names the payout."""
        match = self.request.resolver_match
        assert match is not None
        return f"{self.name}-{match.kwargs['number']}.{kind}"


class PersonColumn(Column):
    """Who, by the name of their log-in."""

    def of(self, row: Any) -> Any:
        actor = super().of(row)
        return name_of(actor) if actor else ""


class ShiftTable(Table):
    """A merchant's shifts with cash, each with its count and what it differs by."""

    name = "cash"
    filters = ShiftFilter
    empty_title = _("No shift in these days")
    empty_words = _("Whoever takes cash begins a shift, counts it, and hands it on.")

    begun = MomentColumn(
        _("Begun"), "opened_at", sort="opened_at", linkify=("payments.shift", [A("pk")])
    )
    person = PersonColumn(_("Whose"), "person", sort="person")
    state = StateColumn(_("State"), ShiftState)
    opening = MoneyColumn(_("At the beginning"), "opening_fen")
    counted = MoneyColumn(_("Counted"), "counted_fen", sort="counted_fen")
    difference = MoneyColumn(_("Difference in cash"), "difference_fen", sort="difference_fen")
    why = Column(_("Why"), "why", empty="")
    received = MomentColumn(_("Handed over"), "received_at", sort="received_at")
    receiver = PersonColumn(_("By"), "received_by", empty="")

    class Meta:
        order_by = "-begun"

    def render_difference(self, record: Any, column: Any) -> Any:
        return column.shown(record.difference_fen) if record.counted_at else NOTHING

"""Questions about cash shifts: what should lie there, who must be asked."""

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.selectors import name_of
from core import clock
from core.errors import Missing
from core.money import format_fen
from payments.models import Attempt, CashShift, Refund
from payments.states import AttemptState, RefundState, ShiftState

LONG = timedelta(hours=16)  # a shift that nobody counts is asked about
MOST_NEEDS = 10


def shift(shift_id: int, merchant_id: int) -> CashShift:
    """One shift of this merchant. Raises Missing."""
    found = CashShift.objects.filter(pk=shift_id, merchant=merchant_id).first()
    if found is None:
        raise Missing()
    return found


def shift_under_way(merchant_id: int, person: str) -> CashShift | None:
    """The shift in which this person takes cash now."""
    rows = CashShift.objects.filter(merchant=merchant_id, state=ShiftState.OPEN)
    return rows.filter(person=person).first()


def shifts_of(merchant_id: int, person: str = "") -> QuerySet[CashShift]:
    """This merchant's shifts, newest first; of one person where one is named."""
    rows = CashShift.objects.filter(merchant=merchant_id).order_by("-pk")
    return rows.filter(person=person) if person else rows


def shifts_to_receive(merchant_id: int) -> QuerySet[CashShift]:
    """Counted money that is in nobody else's hands yet, oldest first."""
    rows = CashShift.objects.filter(merchant=merchant_id, state=ShiftState.COUNTED)
    return rows.order_by("counted_at", "pk")


def payments_of(shift: CashShift) -> QuerySet[Attempt]:
    """The payments whose cash was taken in this shift, oldest first."""
    rows = shift.taken.filter(state=AttemptState.PAID).select_related("order")
    return rows.order_by("paid_at", "pk")


def handed_back_in(shift: CashShift) -> QuerySet[Refund]:
    """The cash that was handed back in this shift, oldest first."""
    rows = shift.handed_back.filter(state=RefundState.DONE).select_related("attempt__order")
    return rows.order_by("done_at", "pk")


def taken_fen(shift: CashShift) -> int:
    return payments_of(shift).aggregate(fen=Sum("amount_fen"))["fen"] or 0


def back_fen(shift: CashShift) -> int:
    return handed_back_in(shift).aggregate(fen=Sum("amount_fen"))["fen"] or 0


def came_in_fen(shift: CashShift) -> int:
    """What other people's counted drawers brought into this one."""
    return shift.came_in.aggregate(fen=Sum("received_fen"))["fen"] or 0


def expected_fen(shift: CashShift) -> int:
    """What should lie in the drawer: the change of the beginning, what was taken and received,
    less what was handed back."""
    return shift.opening_fen + taken_fen(shift) + came_in_fen(shift) - back_fen(shift)


def needs(merchant_id: int) -> list[dict[str, Any]]:
    """Counted cash that nobody has received, and shifts that nobody counts."""
    open_long = Q(state=ShiftState.OPEN, opened_at__lt=clock.now() - LONG)
    waiting = CashShift.objects.filter(open_long | Q(state=ShiftState.COUNTED))
    rows = waiting.filter(merchant=merchant_id).order_by("opened_at", "pk")[:MOST_NEEDS]
    return [
        {
            "since": row.counted_at or row.opened_at,
            "plate": None,
            "title": _("Cash of %(person)s") % {"person": name_of(row.person)},
            "text": _needs_text(row),
            "subject": "cash_shift",
            "state": row.state,
            "due_at": None,
            "owner": "",
            "url": reverse("payments.shift", args=[row.pk]),
        }
        for row in rows
    ]


def _needs_text(row: CashShift) -> str:
    if row.counted_fen is None:
        return _("under way for long: count it")
    counted = format_fen(row.counted_fen)
    if not row.difference_fen:
        return counted
    return _("%(counted)s, differs by %(difference)s") % {
        "counted": counted,
        "difference": format_fen(row.difference_fen),
    }

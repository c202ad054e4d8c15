"""Shifts of those who take cash: what lay in the drawer before, what was counted after."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from payments.states import ShiftState


class CashShift(StatefulModel):
    """One person's time at a drawer or with a bag, from a count to a count, until the money is in
    other hands.

    What should be there follows from the payments and the cash handed back that name the shift.
    Times are business time. `received_into` is the shift of who received it; none where it went
    into the safe.
    """

    State = ShiftState

    MOVES = {
        ShiftState.OPEN: {ShiftState.COUNTED},
        ShiftState.COUNTED: {ShiftState.RECEIVED},
    }

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    person = models.CharField(_("whose"), max_length=80)  # as the trail names people
    opened_at = models.DateTimeField(_("begun"))
    opening_fen = MoneyField(_("counted at the beginning"), default=0)
    counted_at = models.DateTimeField(_("counted"), null=True)
    counted_by = models.CharField(_("counted by"), max_length=80, blank=True)
    counted_fen = MoneyField(_("counted at the end"), null=True)
    difference_fen = MoneyField(_("difference in cash"), signed=True, default=0)
    why = models.CharField(_("why it differs"), max_length=200, blank=True)
    received_at = models.DateTimeField(_("received"), null=True)
    received_by = models.CharField(_("received by"), max_length=80, blank=True)
    received_fen = MoneyField(_("received amount"), null=True)
    received_why = models.CharField(_("why other than counted"), max_length=200, blank=True)
    received_into = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="came_in", verbose_name=_("into the shift")
    )

    class Meta:
        verbose_name = _("cash shift")
        verbose_name_plural = _("cash shifts")
        constraints = [
            known(ShiftState, name="cash_shift_state_known"),
            models.UniqueConstraint(
                fields=["merchant", "person"],
                condition=models.Q(state=ShiftState.OPEN),
                name="cash_shift_one_open_a_person",
            ),
            models.CheckConstraint(
                condition=models.Q(state=ShiftState.OPEN, counted_fen__isnull=True)
                | (~models.Q(state=ShiftState.OPEN) & models.Q(counted_fen__isnull=False)),
                name="cash_shift_counted_when_over",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="cash_shift_of_merchant"),
            models.Index(
                fields=["merchant"],
                condition=~models.Q(state=ShiftState.RECEIVED),
                name="cash_shift_not_received",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

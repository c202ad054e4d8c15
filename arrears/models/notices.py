"""What a terminal is told about a vehicle it has just seen (P3.4)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from arrears.states import NoticeState
from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate


class RecoveryNotice(WithPlate, StatefulModel):
    """A message to one terminal about one sighting (追缴通知); one a sighting and terminal.

    Or to a lot's own system that asked with the vehicle at its barrier: it has no sighting.

    `amount_fen` is what the terminal's own merchant is owed; other creditors' debts are theirs.
    """

    State = NoticeState

    LIVE = (
        NoticeState.MADE,
        NoticeState.SENT,
        NoticeState.SHOWN,
        NoticeState.ACKNOWLEDGED,
    )
    MOVES = {
        NoticeState.MADE: {
            NoticeState.SENT,
            NoticeState.SHOWN,
            NoticeState.ACKNOWLEDGED,
            NoticeState.EXPIRED,
            NoticeState.WITHDRAWN,
        },
        NoticeState.SENT: {
            NoticeState.SHOWN,
            NoticeState.ACKNOWLEDGED,
            NoticeState.EXPIRED,
            NoticeState.WITHDRAWN,
        },
        NoticeState.SHOWN: {
            NoticeState.ACKNOWLEDGED,
            NoticeState.EXPIRED,
            NoticeState.WITHDRAWN,
        },
        NoticeState.ACKNOWLEDGED: {NoticeState.WITHDRAWN},
        NoticeState.EXPIRED: {
            NoticeState.SHOWN,
            NoticeState.ACKNOWLEDGED,
        },  # the terminal was away and showed it after all
    }

    class Outcome(models.TextChoices):
        NONE = "", _("none yet")
        SHOWN = "shown", _("shown")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        PAID = "paid", _("paid on the spot")
        GONE = "gone", _("vehicle was gone")
        MISTAKEN = "mistaken", _("not this vehicle")

    sighting_id = models.BigIntegerField(_("sighting"), null=True)
    entry = models.ForeignKey(
        "arrears.BlacklistEntry",
        models.PROTECT,
        related_name="notices",
        verbose_name=_("listed vehicle"),
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, null=True, related_name="+", verbose_name=_("terminal")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    section_id = models.BigIntegerField(_("section"), null=True)
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    amount_fen = MoneyField(_("amount"))
    debt_ids = models.JSONField(_("debts"), default=list)
    state = StateField(State, verbose_name=_("state"), default=State.MADE)
    outcome = models.CharField(
        _("outcome"), max_length=16, choices=Outcome.choices, blank=True, default=Outcome.NONE
    )
    command_id = models.BigIntegerField(_("number of the command"), null=True)
    made_at = models.DateTimeField(_("made"))
    due_at = models.DateTimeField(_("expires"))
    told_at = models.DateTimeField(_("last heard"), null=True)

    class Meta:
        verbose_name = _("recovery notice")
        verbose_name_plural = _("recovery notices")
        constraints = [
            known(NoticeState, name="notice_state_known"),
            models.UniqueConstraint(
                fields=["sighting_id", "device"],
                condition=~models.Q(state=NoticeState.WITHDRAWN)
                & models.Q(sighting_id__isnull=False),
                name="one_notice_a_sighting_and_terminal",
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(
                    state__in=[
                        NoticeState.MADE,
                        NoticeState.SENT,
                        NoticeState.SHOWN,
                    ]
                ),
                name="notice_expiry",
            ),
            models.Index(fields=["merchant", "-made_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

"""That a person has seen what a debt rests on, before anybody is asked for it."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from arrears.states import LookState
from core.fields import StateField, known
from core.models import StatefulModel


class Look(StatefulModel):
    """A person's look at picture, reading and times of one debt (docs/rules.md L11).

    No demand is made before it is agreed to, or the owner has confirmed the stay. With other
    evidence (another fee, another departure) it waits again.
    """

    State = LookState

    GOOD = (LookState.AGREED, LookState.CONFIRMED)
    MOVES = {
        LookState.WAITING: {
            LookState.AGREED,
            LookState.CONFIRMED,
            LookState.DOUBTED,
            LookState.DROPPED,
        },
        LookState.AGREED: {LookState.WAITING, LookState.DOUBTED},
        LookState.CONFIRMED: {LookState.WAITING},
        LookState.DOUBTED: {LookState.WAITING, LookState.DROPPED},
        LookState.DROPPED: {LookState.WAITING},
    }

    debt = models.OneToOneField(
        "arrears.Debt", models.PROTECT, related_name="look", verbose_name=_("debt")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("creditor")
    )
    state = StateField(State, verbose_name=_("state"), default=State.WAITING)
    opened_at = models.DateTimeField(_("since"))
    looked_by = models.CharField(_("by"), max_length=80, blank=True)
    looked_at = models.DateTimeField(_("looked at"), null=True)

    class Meta:
        verbose_name = _("look before a demand")
        verbose_name_plural = _("looks before a demand")
        permissions = [
            ("judge_look", gettext_noop("look at the evidence before a demand")),
        ]
        constraints = [known(LookState, name="look_state_known")]
        indexes = [
            models.Index(
                fields=["merchant", "opened_at"],
                condition=models.Q(state=LookState.WAITING),
                name="look_waits",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

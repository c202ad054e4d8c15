"""Plates that two vehicles seem to carry."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from parking.states import CloneState


class CloneCase(WithPlate, StatefulModel):
    """A plate that was in two places too far apart, or whose holder was right to say "not mine".

    Until it is closed every stay of this plate is a question of its own: a person answers, or the
    owner says that it was theirs. A copied plate stays a case until the copy is off the road.
    """

    State = CloneState

    LIVE = (CloneState.OPEN, CloneState.COPIED)
    MOVES = {
        CloneState.OPEN: {CloneState.COPIED, CloneState.CLOSED},
        CloneState.COPIED: {CloneState.CLOSED},
    }

    class Why(models.TextChoices):
        TOO_FAR = "too_far", _("in two places too far apart for the time between")
        NOT_MINE = "not_mine", _("its holder was right to say that it was another vehicle")

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    why = models.CharField(_("why"), max_length=12, choices=Why.choices)
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    stays = models.ManyToManyField(
        "parking.ParkingSession", related_name="+", verbose_name=_("stays")
    )
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed at"), null=True)

    class Meta:
        verbose_name = _("copied plate")
        verbose_name_plural = _("copied plates")
        permissions = [("settle_clonecase", gettext_noop("decide whether a plate is copied"))]
        constraints = [
            known(CloneState, name="clone_state_known"),
            models.UniqueConstraint(
                fields=["plate_text", "plate_colour"],
                condition=~models.Q(state=CloneState.CLOSED),
                name="one_clone_case_a_plate",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

"""Vehicles that nobody lists, locks or asks, though their plate does not say so."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from arrears.states import ExemptionState
from core.fields import StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate


class ExemptVehicle(WithPlate, StatefulModel):
    """An exemption of one vehicle, for a reason, until a day; two persons make it.

    What is due for its stays stays due; nothing follows from it meanwhile.
    """

    State = ExemptionState

    class Reason(models.TextChoices):
        DISABLED = "disabled", _("disabled person's badge")
        MEDICAL = "medical", _("medical care")
        RESCUE = "rescue", _("rescue and relief")
        OFFICIAL = "official", _("official duty")

    MOVES = {
        ExemptionState.ASKED: {ExemptionState.GRANTED, ExemptionState.ENDED},
        ExemptionState.GRANTED: {ExemptionState.ENDED},
    }

    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    state = StateField(State, verbose_name=_("state"), default=State.ASKED)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    why = models.CharField(_("what shows it"), max_length=300)
    until = models.DateTimeField(_("until"))
    asked_at = models.DateTimeField(_("asked"), editable=False)
    asked_by = models.CharField(_("asked by"), max_length=80, editable=False)
    granted_by = models.CharField(_("granted by"), max_length=80, blank=True, editable=False)

    class Meta:
        verbose_name = _("exempt vehicle")
        verbose_name_plural = _("exempt vehicles")
        permissions = [
            ("grant_exemptvehicle", gettext_noop("grant an exemption that another has asked for")),
            ("end_exemptvehicle", gettext_noop("end an exemption")),
        ]
        constraints = [
            known(ExemptionState, name="exemption_state_known"),
            models.CheckConstraint(
                condition=~models.Q(granted_by=models.F("asked_by")), name="exemption_by_two"
            ),
        ]
        indexes = [
            models.Index(
                fields=["plate_text"],
                condition=models.Q(state=ExemptionState.GRANTED),
                name="exemption_of_plate",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

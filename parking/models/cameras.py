"""How well a camera's readings turn out, and whether they bill by themselves."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import StateField, known
from core.models import StatefulModel
from parking.rules.accuracy import BAR
from parking.states import CameraState


class CameraTrust(StatefulModel):
    """Whether a device's sure readings settle a plate without a person; from its first sample or
    judgement on. What counts is what was read since `counted_from`.
    """

    State = CameraState

    MOVES = {
        CameraState.BILLS: {CameraState.STOPPED},
        CameraState.STOPPED: {CameraState.BILLS},
    }

    state = StateField(State, verbose_name=_("state"), default=State.BILLS)
    device = models.OneToOneField(
        "devices.Device", models.PROTECT, related_name="+", verbose_name=_("device")
    )
    bar = models.FloatField(_("bar"), default=BAR)
    counted_from = models.DateTimeField(_("counted from"))
    changed_at = models.DateTimeField(_("has been so since"))
    sampled_at = models.DateTimeField(_("sample drawn"), null=True)

    class Meta:
        verbose_name = _("camera's accuracy")
        verbose_name_plural = _("accuracy of cameras")
        permissions = [
            ("trust_cameratrust", gettext_noop("let a camera bill again, or stop it")),
        ]
        constraints = [
            known(CameraState, name="camera_state_known"),
            models.CheckConstraint(
                condition=models.Q(bar__gt=0, bar__lt=1), name="camera_bar_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id}"


class ReadingJudgement(models.Model):
    """Whether a sure reading turned out right, by whom; the last word on it counts."""

    sighting = models.OneToOneField(
        "parking.Sighting", models.CASCADE, related_name="judgement", verbose_name=_("sighting")
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, related_name="+", verbose_name=_("device")
    )
    read_at = models.DateTimeField(_("taken at"))
    right = models.BooleanField(_("right"))
    drawn = models.BooleanField(_("drawn by chance"))  # or everything was looked at
    judged_by = models.CharField(_("judged by"), max_length=80)
    judged_at = models.DateTimeField(_("judged at"))

    class Meta:
        verbose_name = _("judged reading")
        verbose_name_plural = _("judged readings")
        indexes = [models.Index(fields=["device", "read_at"], name="judgement_of_camera")]

    def __str__(self) -> str:
        return f"{self.sighting_id}"

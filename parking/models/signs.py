"""The codes that hang on the street, and what people say of them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import StateField, known
from core.models import StatefulModel
from parking.states import SignReportState


class SignReport(StatefulModel):
    """A code at a berth looks strange: somebody says so, or what was scanned does not fit.

    Who says it stands nowhere; their network is kept as a digest, so that one is not taken for two.
    """

    State = SignReportState

    MOVES = {SignReportState.OPEN: {SignReportState.DONE}}

    class Kind(models.TextChoices):
        SAID = "said", _("somebody says that a code looks strange")
        AWAY = "away", _("a code was found far from its berth")
        TWICE = "twice", _("several who scanned it say that another vehicle is theirs")

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    kind = models.CharField(_("what"), max_length=8, choices=Kind.choices)
    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, null=True, related_name="+", verbose_name=_("berth")
    )
    place = models.CharField(_("where"), max_length=200, blank=True)
    text = models.CharField(_("in their words"), max_length=500, blank=True)
    latitude = models.FloatField(_("latitude"), null=True)
    longitude = models.FloatField(_("longitude"), null=True)
    away_m = models.PositiveIntegerField(_("metres from the berth"), null=True)
    image_sha = models.CharField(max_length=64, blank=True)
    network = models.CharField(max_length=64, blank=True)
    told_at = models.DateTimeField(_("told at"))
    done_at = models.DateTimeField(_("dealt with"), null=True)

    class Meta:
        verbose_name = _("report of a code")
        verbose_name_plural = _("reports of codes")
        permissions = [
            ("settle_signreport", gettext_noop("say that a report of a code is dealt with"))
        ]
        constraints = [
            known(SignReportState, name="sign_report_state_known"),
            models.UniqueConstraint(
                fields=["berth"],
                condition=models.Q(state=SignReportState.OPEN, kind="twice"),
                name="sign_found_twice_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class SignDoubt(models.Model):
    """Somebody who came by a berth's code says that the vehicle is not theirs; kept for a week."""

    berth = models.ForeignKey("parking.Berth", models.CASCADE, related_name="+")
    network = models.CharField(max_length=64)
    at = models.DateTimeField()  # real time

    class Meta:
        indexes = [models.Index(fields=["berth", "at"])]

    def __str__(self) -> str:
        return f"{self.berth_id}"

"""Portrait, assessment, watch, and the models that made them (P0.2 … P0.4)."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from arrears.states import AssessmentState, RiskModelState, WatchState
from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate


class Portrait(models.Model):
    """What was known of a vehicle's paying at a moment (P0.2); its subject may have it deleted.

    `subject` is `user:<id>` of the proven holder, else `plate:<text>/<colour>`.
    """

    subject = models.CharField(_("subject"), max_length=60)
    as_of = models.DateTimeField(_("as of"))
    version = models.CharField(_("version"), max_length=10)
    features = models.JSONField(_("facts"))
    has_history = models.BooleanField(_("has history"))
    simulated = models.BooleanField(_("rests on simulated stays"), default=False)
    made_at = models.DateTimeField(_("computed"))

    class Meta:
        verbose_name = _("portrait")
        verbose_name_plural = _("portraits")
        indexes = [models.Index(fields=["subject", "-as_of"])]

    def __str__(self) -> str:
        return f"{self.pk}"


class RiskModel(StatefulModel):
    """A registered model: which files, from what data, how good, and the costs it is used with."""

    State = RiskModelState

    MOVES = {
        RiskModelState.SHADOW: {RiskModelState.SERVING, RiskModelState.RETIRED},
        RiskModelState.SERVING: {RiskModelState.RETIRED},
        RiskModelState.RETIRED: {RiskModelState.SHADOW},
    }

    version = models.CharField(_("version"), max_length=40, unique=True)
    sha256 = models.CharField(_("SHA-256 of the register"), max_length=64)
    source = models.CharField(_("learned from"), max_length=20)
    data_from = models.DateField(_("data from"))
    data_to = models.DateField(_("data to"))
    figures = models.JSONField(_("figures"))
    state = StateField(State, verbose_name=_("state"), default=State.SHADOW)
    contact_fen = MoneyField(_("a contact costs"))
    annoyance_fen = MoneyField(_("its annoyance counts"))
    due_fen = MoneyField(_("what a stay brings"))
    lift = models.FloatField(_("a contact raises payment by"))
    registered_at = models.DateTimeField(_("registered"))

    class Meta:
        verbose_name = _("risk model")
        verbose_name_plural = _("risk models")
        permissions = [
            ("promote_riskmodel", gettext_noop("let a model take over")),
        ]
        constraints = [
            known(RiskModelState, name="risk_model_state_known"),
            models.UniqueConstraint(
                fields=["state"],
                condition=models.Q(state=RiskModelState.SERVING),
                name="one_serving_risk_model",
            ),
        ]

    def __str__(self) -> str:
        return self.version


class Assessment(WithPlate, StatefulModel):
    """Whether this stay's fee is likely to stay unpaid, decided at entry (P0.3), with its reasons.

    Nothing follows from it but help: no price, no listing, no lock reads this table.
    """

    State = AssessmentState

    MOVES = {
        AssessmentState.WAITING: {
            AssessmentState.DONE,
            AssessmentState.DELETED,
            AssessmentState.WAITING,
        },
        AssessmentState.DONE: {
            AssessmentState.DELETED,
            AssessmentState.WAITING,
        },  # the plate was corrected: scored anew
        AssessmentState.DELETED: {
            AssessmentState.WAITING
        },  # by the one; the other, whose plate it is, is scored all the same
    }

    stay = models.OneToOneField(
        "parking.ParkingSession", models.PROTECT, related_name="+", verbose_name=_("stay")
    )
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    as_of = models.DateTimeField(
        _("as of"), help_text=_("The stay's arrival, however late it is computed.")
    )
    state = StateField(State, verbose_name=_("state"), default=State.WAITING)
    portrait = models.ForeignKey(
        Portrait, models.SET_NULL, null=True, related_name="+", verbose_name=_("portrait")
    )
    model = models.ForeignKey(
        RiskModel, models.PROTECT, null=True, related_name="+", verbose_name=_("model")
    )
    probability = models.FloatField(_("chance of not paying in time"), null=True)
    threshold = models.FloatField(_("threshold"), null=True)
    at_risk = models.BooleanField(_("at risk"), null=True)
    reasons = models.JSONField(_("reasons"), default=list)
    payment_time_s = models.PositiveIntegerField(_("predicted payment time (s)"), null=True)
    payment_time = models.JSONField(_("chance of payment by"), default=list)
    late = models.BooleanField(_("computed after departure"), default=False)
    objected = models.BooleanField(_("the owner objects"), default=False)
    number = models.PositiveSmallIntegerField(
        _("scored for the n-th time"), default=1, help_text=_("Again after a corrected plate.")
    )
    ask_again_at = models.DateTimeField(null=True)  # real time
    done_at = models.DateTimeField(_("computed at"), null=True)

    class Meta:
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        constraints = [known(AssessmentState, name="assessment_state_known")]
        indexes = [
            models.Index(
                fields=["ask_again_at"],
                condition=models.Q(state=AssessmentState.WAITING),
                name="assessment_waiting",
            ),
            models.Index(fields=["plate_text", "plate_colour"]),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class ShadowScore(models.Model):
    """What a model in shadow would have said; nothing follows from it."""

    assessment = models.ForeignKey(Assessment, models.CASCADE, related_name="shadows")
    model = models.ForeignKey(RiskModel, models.CASCADE, related_name="+")
    probability = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assessment", "model"], name="one_shadow_score")
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class Watch(StatefulModel):
    """Waiting for the payment of a stay at risk, until its predicted payment time (P0.4)."""

    State = WatchState

    MOVES = {
        WatchState.WATCHING: {WatchState.PAID, WatchState.RAN_OUT, WatchState.DROPPED},
        WatchState.RAN_OUT: {WatchState.PAID, WatchState.DROPPED},
        WatchState.DROPPED: {WatchState.WATCHING},  # a question that held it is over
    }

    stay = models.ForeignKey(
        "parking.ParkingSession", models.PROTECT, related_name="+", verbose_name=_("stay")
    )
    assessment = models.ForeignKey(
        Assessment, models.PROTECT, related_name="+", verbose_name=_("assessment")
    )
    number = models.PositiveSmallIntegerField(
        _("number"),
        default=1,
        help_text=_("The assessment's when it began: another vehicle, another watch."),
    )
    state = StateField(State, verbose_name=_("state"), default=State.WATCHING)
    due_at = models.DateTimeField(_("predicted payment time"))
    began_at = models.DateTimeField(_("began"))

    class Meta:
        verbose_name = _("watch")
        verbose_name_plural = _("watches")
        constraints = [
            known(WatchState, name="watch_state_known"),
            models.UniqueConstraint(fields=["stay", "number"], name="watch_once_a_score"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=WatchState.WATCHING),
                name="watch_running",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stay_id}"

"""Schemes, personal plans, and each contact with its outcome (P0.5, P0.6)."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from arrears.models.debts import new_token
from arrears.states import ContactState, PlanState
from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate

share = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class Scheme(models.Model):
    """A way to help somebody pay, edited by the operator. The plain one is the holdout's.

    `lift` says by how much it raises the chance of payment: for anybody, and beside that for those
    who forget (late but paid) and for those with several overdue stays.
    """

    class Channel(models.TextChoices):
        SMS = "sms", _("text message")
        PAGE = "page", _("message on the owner's page")
        CALL = "call", _("call by a person")

    class Tone(models.TextChoices):
        PLAIN = "plain", _("plain")
        FRIENDLY = "friendly", _("friendly")
        SUPPORT = "support", _("offering support")

    code = models.SlugField(_("code"), max_length=30, unique=True)
    name = models.CharField(_("name"), max_length=80)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel.choices)
    tone = models.CharField(_("tone"), max_length=10, choices=Tone.choices)
    delay_h = models.PositiveSmallIntegerField(_("first contact after (h)"), default=0)
    gap_h = models.PositiveSmallIntegerField(_("between contacts (h)"), default=24)
    contacts = models.PositiveSmallIntegerField(
        _("contacts at most"), default=2, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    instalments = models.PositiveSmallIntegerField(
        _("instalments"), default=1, validators=[MinValueValidator(1), MaxValueValidator(6)]
    )
    cost_fen = MoneyField(_("a contact costs"), default=8)
    annoyance_fen = MoneyField(_("its annoyance counts"), default=20)
    lift = models.FloatField(_("raises payment by"), default=0.10, validators=share)
    lift_forgetful = models.FloatField(_("more for the forgetful"), default=0.0, validators=share)
    lift_overdue = models.FloatField(_("more with overdue stays"), default=0.0, validators=share)
    is_plain = models.BooleanField(_("the plain reminder"), default=False)
    active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("assistance scheme")
        verbose_name_plural = _("assistance schemes")
        constraints = [
            models.UniqueConstraint(
                fields=["is_plain"], condition=models.Q(is_plain=True), name="one_plain_scheme"
            ),
            models.CheckConstraint(
                condition=models.Q(channel__in=["sms", "page", "call"]),
                name="scheme_channel_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Plan(WithPlate, StatefulModel):
    """The personal plan that was made from a scheme for one unpaid stay (P0.5), as chosen."""

    State = PlanState

    MOVES = {
        PlanState.RUNNING: {PlanState.PAID, PlanState.STOPPED, PlanState.DONE},
        PlanState.DONE: {PlanState.PAID, PlanState.STOPPED},
    }

    watch = models.OneToOneField(
        "arrears.Watch", models.PROTECT, related_name="plan", verbose_name=_("watch")
    )
    stay = models.ForeignKey(
        "parking.ParkingSession", models.PROTECT, related_name="+", verbose_name=_("stay")
    )
    scheme = models.ForeignKey(
        Scheme, models.PROTECT, related_name="plans", verbose_name=_("scheme")
    )
    subject = models.CharField(_("subject"), max_length=60)
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    user = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    state = StateField(State, verbose_name=_("state"), default=State.RUNNING)
    holdout = models.BooleanField(_("holdout"), default=False)
    amount_fen = MoneyField(_("amount"))
    parts_fen = models.JSONField(_("parts"), default=list)
    channel = models.CharField(_("channel"), max_length=8, choices=Scheme.Channel.choices)
    tone = models.CharField(_("tone"), max_length=10, choices=Scheme.Tone.choices)
    wording = models.CharField(_("wording"), max_length=20, default="reminder")
    expected_fen = MoneyField(_("expected"), signed=True)
    weighed = models.JSONField(_("schemes weighed"), default=list)
    made_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [known(PlanState, name="plan_state_known")]

    def __str__(self) -> str:
        return f"{self.pk}"


class Contact(StatefulModel):
    """One contact of a plan: when, by what, and what came of it (P0.6)."""

    State = ContactState

    class Outcome(models.TextChoices):
        NONE = "", _("none yet")
        OPENED = "opened", _("link opened")
        PAID = "paid", _("paid")
        DISPUTED = "disputed", _("objected")
        OPTED_OUT = "opted_out", _("wants no messages")
        NOTHING = "nothing", _("nothing")

    MOVES = {
        ContactState.PLANNED: {
            ContactState.SENDING,
            ContactState.SENT,
            ContactState.FAILED,
            ContactState.BLOCKED,
            ContactState.STOPPED,
        },
        ContactState.SENDING: {ContactState.SENT, ContactState.FAILED, ContactState.STOPPED},
    }

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="contacts", verbose_name=_("plan"))
    number = models.PositiveSmallIntegerField(_("number"))
    subject = models.CharField(_("subject"), max_length=60)
    channel = models.CharField(_("channel"), max_length=8, choices=Scheme.Channel.choices)
    state = StateField(State, verbose_name=_("state"), default=State.PLANNED)
    outcome = models.CharField(
        _("outcome"), max_length=12, choices=Outcome.choices, blank=True, default=Outcome.NONE
    )
    why = models.CharField(_("why"), max_length=40, blank=True)
    due_at = models.DateTimeField(_("planned for"))
    at = models.DateTimeField(_("made at"), null=True)
    opened_at = models.DateTimeField(_("opened at"), null=True)
    used_at = models.DateTimeField(_("link used at"), null=True)
    opened_by = models.CharField(max_length=64, blank=True, editable=False)
    token = models.CharField(max_length=32, unique=True, default=new_token)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        permissions = [
            ("call_contact", gettext_noop("note a call")),
        ]
        constraints = [
            known(ContactState, name="contact_state_known"),
            models.UniqueConstraint(fields=["plan", "number"], name="contact_once_a_number"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=ContactState.PLANNED),
                name="contact_planned",
            ),
            models.Index(
                fields=["subject", "at"],
                condition=models.Q(at__isnull=False),
                name="contact_of_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class OptOut(models.Model):
    """What this person or vehicle does not want, until they take it back.

    No reminders: demands, which the law asks for, still come. No profiling: no machine foresees
    how they pay (PIPL art. 24).
    """

    class What(models.TextChoices):
        REMINDERS = "reminders", _("being reminded")
        PROFILING = "profiling", _("foresight by a machine")

    subject = models.CharField(_("subject"), max_length=60)
    what = models.CharField(
        _("not wanted"), max_length=10, choices=What.choices, default=What.REMINDERS
    )
    at = models.DateTimeField(_("since"))
    by = models.CharField(_("said by"), max_length=80)

    class Meta:
        verbose_name = _("opt-out")
        verbose_name_plural = _("opt-outs")
        constraints = [models.UniqueConstraint(fields=["subject", "what"], name="opt_out_once")]

    def __str__(self) -> str:
        return f"{self.pk}"

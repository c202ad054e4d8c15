"""Plans and their versions, cards and their periods, and the records of them that lots keep."""

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, between, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from monthlycard.models.lots import LotSystem
from monthlycard.states import CardState


class Plan(models.Model):
    """A card that can be bought: its price, how long it holds, what it covers, where."""

    class Quota(models.TextChoices):
        NONE = "none", _("everything")
        MONEY = "money", _("up to an amount")
        TIME = "time", _("up to a time (s)")
        COUNT = "count", _("up to a number of visits")

    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    code = models.SlugField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=60)
    price_fen = MoneyField(_("price"))
    days = models.PositiveIntegerField(_("days"), default=30, validators=between(1, 3660))
    quota_kind = models.CharField(
        _("covers"), max_length=5, choices=Quota.choices, default=Quota.MONEY
    )
    quota = models.PositiveIntegerField(_("quota"), default=0)
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"),
        default=0,
        blank=True,
        validators=between(0, 366),
        help_text=_("So many days the lots still take a card that has run out, to be renewed."),
    )
    lots = models.ManyToManyField(LotSystem, related_name="plans", verbose_name=_("lots"))
    on_sale = models.BooleanField(_("on sale"), default=True)

    class Meta:
        verbose_name = _("card plan")
        verbose_name_plural = _("card plans")
        permissions = [
            ("carry_plan", gettext_noop("carry a plan's lots over to the cards that were sold")),
        ]

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """What a plan offered at one time; only ever added: cards keep theirs (L9)."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    price_fen = MoneyField()
    days = models.PositiveIntegerField()
    quota_kind = models.CharField(max_length=5, choices=Plan.Quota.choices)
    quota = models.PositiveIntegerField()
    grace_days = models.PositiveSmallIntegerField()
    lots = models.JSONField()  # the codes of those that it opened
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "number"], name="version_of_a_plan")]

    def __str__(self) -> str:
        return f"{self.plan_id} v{self.number}"


class Card(WithPlate, StatefulModel):
    """One person's card for one vehicle at a time (P4.2)."""

    State = CardState

    MOVES = {
        CardState.APPLIED: {CardState.VERIFIED, CardState.REFUSED, CardState.ENDED},
        CardState.VERIFIED: {CardState.ACTIVE, CardState.ENDED},
        CardState.ACTIVE: {CardState.SUSPENDED, CardState.EXPIRED, CardState.ENDED},
        CardState.SUSPENDED: {CardState.ACTIVE, CardState.EXPIRED, CardState.ENDED},
        CardState.EXPIRED: {CardState.ACTIVE},  # renewed
    }
    HELD = (CardState.VERIFIED, CardState.ACTIVE, CardState.SUSPENDED)
    IN_FORCE = (CardState.ACTIVE, CardState.SUSPENDED)

    number = models.CharField(_("number"), max_length=20, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("user")
    )
    plan = models.ForeignKey(
        Plan, models.PROTECT, related_name="cards", verbose_name=_("card plan")
    )
    terms = models.ForeignKey(  # of the application, then of the newest period
        PlanVersion, models.PROTECT, related_name="cards", verbose_name=_("as it was bought")
    )
    lots = models.JSONField(default=list)  # the codes of the lots that it opens
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("colour"), max_length=16)
    evidence_sha = models.CharField(_("vehicle licence"), max_length=64, blank=True)
    state = StateField(State, verbose_name=_("state"), default=State.APPLIED)
    applied_at = models.DateTimeField(_("applied"))
    valid_from = models.DateTimeField(_("valid from"), null=True)
    valid_until = models.DateTimeField(_("valid until"), null=True)
    expires_at = models.DateTimeField(  # the end with its days of grace: until then lots take it
        _("taken until"), null=True
    )
    quota_left = models.BigIntegerField(_("remaining"), default=0)

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")
        permissions = [
            ("judge_card", gettext_noop("accept or refuse a vehicle licence")),
            ("suspend_card", gettext_noop("suspend and resume a card")),
            ("end_card", gettext_noop("end a card and pay the rest back")),
        ]
        constraints = [
            known(CardState, name="card_state_known"),
            models.UniqueConstraint(
                fields=["plan", "plate_text", "plate_colour"],
                condition=models.Q(
                    state__in=[CardState.VERIFIED, CardState.ACTIVE, CardState.SUSPENDED]
                ),
                name="one_shown_card_a_plan_and_vehicle",
            ),
            models.UniqueConstraint(  # of a person: what strangers apply for blocks nobody
                fields=["plan", "user", "plate_text", "plate_colour"],
                condition=models.Q(state=CardState.APPLIED),
                name="one_application_a_person_and_vehicle",
            ),
            models.CheckConstraint(
                condition=models.Q(quota_left__gte=0), name="card_quota_not_negative"
            ),
        ]
        indexes = [
            models.Index(fields=["plate_text", "plate_colour"]),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=[CardState.ACTIVE, CardState.SUSPENDED]),
                name="card_expires",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def state_at(self, now: datetime) -> CardState:
        """The state as time has it: one that ran out has expired, whoever has looked yet."""
        over = self.expires_at is not None and self.expires_at <= now
        state = CardState(self.state)
        return CardState.EXPIRED if over and state in self.IN_FORCE else state


class CardPeriod(models.Model):
    """One period of a card that was paid for or granted: from when to when, and by what terms."""

    card = models.ForeignKey(Card, models.PROTECT, related_name="periods")
    terms = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.card_id} {self.starts_at:%Y-%m-%d}"


class RecordCursor(models.Model):
    """The one row that numbers card-vehicle records in the order of their commits.

    A sequence would hand out numbers whose transactions commit later than higher ones, and a lot
    that asked in between would never hear of them.
    """

    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="cursor_is_one_row")]

    def __str__(self) -> str:
        return str(self.value)


class CardVehicle(WithPlate):
    """A version of the card-vehicle record (P4.3); only ever added, sent by cursor (P4.4)."""

    card = models.ForeignKey(Card, models.PROTECT, related_name="records")
    cursor = models.BigIntegerField(unique=True)
    version = models.PositiveIntegerField()
    plate_text = models.CharField(max_length=16)
    plate_colour = models.CharField(max_length=16)
    lots = models.JSONField()
    told = models.JSONField()  # these lots and those of the version before: who must hear of it
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    state = models.CharField(max_length=16)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["card", "version"], name="record_version_of_a_card")
        ]
        indexes = [
            models.Index(fields=["plate_text", "cursor"]),
            GinIndex(fields=["told"], name="record_told", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.card_id} v{self.version}"

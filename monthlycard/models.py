"""Cards, the lots they open, what the lots report, and the statements that both sides check."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from monthlycard.rules.differences import PROPOSALS
from monthlycard.states import (
    AgreementState,
    CardState,
    DeductionState,
    ObjectionState,
    StatementState,
)


class LotSystem(models.Model):
    """A lot's own management system, of whatever maker, on a merchant's own ground (P4.13)."""

    section = models.OneToOneField(
        "parking.Section", models.PROTECT, related_name="+", verbose_name=_("lot")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    code = models.SlugField(_("code"), max_length=20, unique=True)
    maker = models.CharField(_("maker"), max_length=60)
    secret_sealed = models.TextField(editable=False)
    secret_version = models.PositiveSmallIntegerField(default=1, editable=False)
    takes_cards = models.BooleanField(_("takes cards"), default=True)
    last_asked_at = models.DateTimeField(_("last heard of"), null=True, editable=False)
    list_cursor = models.BigIntegerField(_("has the list up to"), default=0, editable=False)
    closed_until = models.DateTimeField(_("closed until"), null=True, editable=False)
    next_close_at = models.DateTimeField(_("closes next"), null=True, editable=False, db_index=True)

    class Meta:
        verbose_name = _("lot system")
        verbose_name_plural = _("lot systems")
        permissions = [
            ("switch_lotsystem", gettext_noop("let a lot take cards or none")),
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.maker}"


class Agreement(StatefulModel):
    """What platform and lot agreed on; binding once both have signed these very terms (P4.9)."""

    State = AgreementState

    class Period(models.TextChoices):
        EXIT = "exit", _("each exit")
        WEEK = "week", _("week")
        MONTH = "month", _("month")

    class WhenExpired(models.TextChoices):
        SPLIT = "split", _("divided at the expiry")
        TEMPORARY = "temporary", _("wholly temporary")

    MOVES = {
        AgreementState.DRAFT: {AgreementState.SIGNED, AgreementState.ENDED},
        AgreementState.SIGNED: {AgreementState.ENDED},
    }

    lot = models.ForeignKey(
        LotSystem, models.PROTECT, related_name="agreements", verbose_name=_("lot")
    )
    version = models.PositiveIntegerField(_("version"))
    terms = models.JSONField(_("terms"), help_text=_("As monthlycard/rules/fees.py reads them."))
    when_expired = models.CharField(
        _("card expired during a stay"),
        max_length=10,
        choices=WhenExpired.choices,
        default=WhenExpired.SPLIT,
    )
    period = models.CharField(_("period"), max_length=5, choices=Period.choices)
    period_day = models.PositiveSmallIntegerField(_("closes on day"), default=1)
    silence_agrees_after_h = models.PositiveIntegerField(
        _("silence agrees after (h)"), null=True, blank=True
    )
    valid_from = models.DateTimeField(_("valid from"))
    terms_hash = models.CharField(max_length=64, editable=False)
    platform_signed_by = models.CharField(max_length=80, blank=True, editable=False)
    platform_signed_at = models.DateTimeField(
        _("signed by the platform"), null=True, editable=False
    )
    lot_signature = models.CharField(max_length=64, blank=True, editable=False)
    lot_signed_at = models.DateTimeField(_("signed by the lot"), null=True, editable=False)
    state = StateField(State, verbose_name=_("state"), default=State.DRAFT)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        permissions = [
            ("sign_agreement", gettext_noop("sign for the platform")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["lot", "version"], name="agreement_version_of_a_lot"),
            known(AgreementState, name="agreement_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.lot.code} v{self.version}"


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
    days = models.PositiveIntegerField(_("days"), default=30)
    quota_kind = models.CharField(
        _("covers"), max_length=5, choices=Quota.choices, default=Quota.MONEY
    )
    quota = models.PositiveIntegerField(_("quota"), default=0)
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"),
        default=0,
        blank=True,
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
    HELD = (CardState.APPLIED, CardState.VERIFIED, CardState.ACTIVE, CardState.SUSPENDED)
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
                    state__in=[
                        CardState.APPLIED,
                        CardState.VERIFIED,
                        CardState.ACTIVE,
                        CardState.SUSPENDED,
                    ]
                ),
                name="one_card_a_plan_and_vehicle",
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


class Question(models.Model):
    """A lot asked whether a vehicle passes, and what it was told (P4.6)."""

    lot = models.ForeignKey(LotSystem, models.PROTECT, related_name="questions")
    request_id = models.CharField(max_length=60)
    direction = models.CharField(max_length=5)
    plate_text = models.CharField(max_length=16)
    plate_colour = models.CharField(max_length=16, blank=True)
    asked_at = models.DateTimeField()
    card = models.ForeignKey(Card, models.PROTECT, null=True, related_name="questions")
    admitted = models.BooleanField(_("as card vehicle"))
    reason = models.CharField(max_length=20)
    answer = models.JSONField()
    notice_id = models.BigIntegerField(null=True)  # of arrears: what was told beside the answer
    lots_own = models.BooleanField(_("by the lot's own list"), null=True)
    disagreed = models.BooleanField(_("list and answer disagree"), default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot", "request_id"], name="question_once_a_lot")
        ]
        indexes = [models.Index(fields=["lot", "-asked_at"])]

    def __str__(self) -> str:
        return f"{self.lot_id} {self.request_id}"


class PassRecord(models.Model):
    """A lot's report of one entry or exit, as it came; odd ones are typed, never dropped (P4.7)."""

    class Direction(models.TextChoices):
        ENTRY = "entry", _("entry")
        EXIT = "exit", _("exit")

    class Flow(models.TextChoices):
        CARD = "card", _("card vehicle")
        TEMPORARY = "temporary", _("temporary vehicle")
        REFUSED = "refused", _("exit refused")

    class Oddity(models.TextChoices):
        LATE = "late", _("came after its period was closed")
        FUTURE = "future", _("its time lies ahead: the lot's clock is wrong")
        ETC_DIFFERS = "etc_differs", _("plate and ETC tag differ")
        UNKNOWN_CARD = "unknown_card", _("there is no such card")
        OTHER_VEHICLE = "other_vehicle", _("the card is another vehicle's")
        NOT_VALID_THEN = "not_valid_then", _("the card did not hold then")
        TOO_MANY = "too_many", _("more visits on a day than there can be")
        TOO_LONG = "too_long", _("a longer visit than there can be")

    BILLED: ClassVar[tuple[str, ...]] = ("", Oddity.LATE)  # any other says that it bills nothing

    lot = models.ForeignKey(LotSystem, models.PROTECT, related_name="passes", verbose_name=_("lot"))
    record_id = models.CharField(_("the lot's number"), max_length=60)
    body_hash = models.CharField(max_length=64)
    direction = models.CharField(_("direction"), max_length=5, choices=Direction.choices)
    flow = models.CharField(_("flow"), max_length=9, choices=Flow.choices)
    reason = models.CharField(_("reason"), max_length=20, blank=True)
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("colour"), max_length=16, blank=True)
    etc_plate_text = models.CharField(_("plate of the ETC tag"), max_length=16, blank=True)
    card = models.ForeignKey(
        Card, models.PROTECT, null=True, related_name="passes", verbose_name=_("card")
    )
    passed_at = models.DateTimeField(_("passed"))
    received_at = models.DateTimeField(_("received"))
    count_today = models.PositiveIntegerField(_("count of the day"), null=True)
    oddity = models.CharField(_("oddity"), max_length=20, choices=Oddity.choices, blank=True)
    statement = models.ForeignKey(  # at whose closing its visit was counted
        "monthlycard.Statement",
        models.PROTECT,
        null=True,
        related_name="passes",
        verbose_name=_("statement"),
    )

    class Meta:
        verbose_name = _("pass record")
        verbose_name_plural = _("pass records")
        constraints = [
            models.UniqueConstraint(fields=["lot", "record_id"], name="pass_record_once_a_lot"),
            models.CheckConstraint(
                condition=models.Q(direction__in=["entry", "exit"]), name="pass_direction_known"
            ),
        ]
        indexes = [
            models.Index(fields=["lot", "passed_at"]),
            models.Index(fields=["plate_text", "passed_at"], name="pass_of_plate"),
            models.Index(fields=["card", "passed_at"]),
            models.Index(
                fields=["lot", "card"],
                condition=models.Q(statement=None, card__isnull=False),
                name="pass_not_yet_stated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lot_id} {self.record_id}"


class Statement(StatefulModel):
    """What a lot is owed for a period; sealed when sent, deducted only after it was checked.

    Its lines never change. What is wrong leaves it by a correcting line, and comes back by one; the
    total, the file and its seal are those of all lines.
    """

    State = StatementState

    MOVES = {
        StatementState.SENT: {StatementState.AGREED, StatementState.DISPUTED},
        StatementState.DISPUTED: {StatementState.AGREED},
        StatementState.AGREED: {StatementState.DEDUCTED},
    }

    lot = models.ForeignKey(
        LotSystem, models.PROTECT, related_name="statements", verbose_name=_("lot")
    )
    agreement = models.ForeignKey(
        Agreement, models.PROTECT, related_name="statements", verbose_name=_("agreement")
    )
    number = models.CharField(_("number"), max_length=40, unique=True)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    state = StateField(State, verbose_name=_("state"), default=State.SENT)
    total_fen = MoneyField(_("total"))
    entries = models.PositiveIntegerField(_("entries"))
    exits = models.PositiveIntegerField(_("exits"))
    csv = models.TextField(editable=False)
    checksum = models.CharField(_("checksum"), max_length=64)
    made_at = models.DateTimeField(_("made"))
    fetched_at = models.DateTimeField(_("fetched"), null=True)
    missed_at = models.DateTimeField(_("alarm: not fetched"), null=True)
    silence_at = models.DateTimeField(_("silence agrees at"), null=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    answered_by = models.CharField(_("answered by"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        permissions = [
            ("settle_statement", gettext_noop("agree to a disputed statement")),
        ]
        constraints = [
            known(StatementState, name="statement_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["made_at"],
                condition=models.Q(fetched_at=None, missed_at=None, state=StatementState.SENT),
                name="statement_not_fetched",
            ),
            models.Index(
                fields=["silence_at"],
                condition=models.Q(state=StatementState.SENT),
                name="statement_silence",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class StatementItem(models.Model):
    """A line of a statement, kept so that one vehicle's part can be taken out; never changed."""

    statement = models.ForeignKey(
        Statement, models.PROTECT, related_name="items", verbose_name=_("statement")
    )
    card = models.ForeignKey(
        Card, models.PROTECT, related_name="items", verbose_name=_("monthly card")
    )
    visit = models.CharField(_("visit"), max_length=130)
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    correction = models.BooleanField(_("correction of an earlier period"), default=False)
    entry_at = models.DateTimeField(_("entry"))
    exit_at = models.DateTimeField(_("exit"))
    # the exit, or where the card ran out before it (P4.8)
    counted_until = models.DateTimeField(_("counted until"))
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price_fen = MoneyField(_("unit price"))
    fee_fen = MoneyField(_("fee"))

    class Meta:
        verbose_name = _("visit on a statement")
        verbose_name_plural = _("visits on statements")
        permissions = [
            ("correct_statementitem", gettext_noop("take a visit out of a statement, or back")),
        ]
        indexes = [models.Index(fields=["card", "entry_at"])]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.visit}"


class StatementDifference(models.Model):
    """One visit on which the lot's own count differs, with its type and a proposal (P4.11)."""

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here", _("the lot does not have it")
        MISSING_THERE = "missing_there", _("the statement does not have it")
        TIME = "time", _("other times")
        TARIFF = "tariff", _("other prices")
        AMOUNT = "amount", _("other amounts")

    statement = models.ForeignKey(Statement, models.PROTECT, related_name="differences")
    visit = models.CharField(_("visit"), max_length=130)
    kind = models.CharField(_("kind"), max_length=14, choices=Kind.choices)
    platform_fen = MoneyField(_("by the platform"), null=True)
    lot_fen = MoneyField(_("by the lot"), null=True)
    settled_by = models.CharField(_("settled by"), max_length=80, blank=True)
    settled_note = models.CharField(_("note on the answer"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        constraints = [
            models.UniqueConstraint(fields=["statement", "visit"], name="difference_once_a_visit")
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.visit} {self.kind}"

    @property
    def proposal(self) -> str:
        """What the sides could do about it."""
        return PROPOSALS[self.kind]  # type: ignore[index]


class StatementCorrection(models.Model):
    """A line that takes a visit out of its statement or brings it back; only ever added."""

    statement = models.ForeignKey(Statement, models.PROTECT, related_name="corrections")
    visit = models.CharField(_("visit"), max_length=130)
    out = models.BooleanField(_("taken out"))
    fee_fen = MoneyField(_("fee"), signed=True)
    by = models.CharField(_("by"), max_length=80)
    why = models.CharField(_("why"), max_length=300)
    made_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("correcting line")
        verbose_name_plural = _("correcting lines")

    def __str__(self) -> str:
        return f"{self.statement_id} {self.visit}"


class Deduction(StatefulModel):
    """One vehicle's part of one statement, taken from its card exactly once (P4.12).

    What the card does not cover is due like any fee: it has a time to pay, then is asked for. While
    an objection is open nothing is; one that was open before holds back the taking itself.
    """

    State = DeductionState

    MOVES = {
        DeductionState.COVERED: {
            DeductionState.DUE,
            DeductionState.DISPUTED,
            DeductionState.DROPPED,
        },
        DeductionState.DUE: {
            DeductionState.COVERED,
            DeductionState.OVERDUE,
            DeductionState.DISPUTED,
            DeductionState.PAID,
            DeductionState.DROPPED,
        },
        DeductionState.OVERDUE: {
            DeductionState.COVERED,
            DeductionState.DUE,
            DeductionState.DISPUTED,
            DeductionState.PAID,
            DeductionState.DROPPED,
        },
        DeductionState.DISPUTED: {
            DeductionState.COVERED,
            DeductionState.DUE,
            DeductionState.PAID,
            DeductionState.DROPPED,
        },
        DeductionState.PAID: {DeductionState.COVERED, DeductionState.DROPPED},
        DeductionState.DROPPED: {DeductionState.COVERED, DeductionState.DUE},
    }
    ASKED = (DeductionState.DUE, DeductionState.OVERDUE, DeductionState.DISPUTED)

    statement = models.ForeignKey(
        Statement, models.PROTECT, related_name="deductions", verbose_name=_("statement")
    )
    card = models.ForeignKey(
        Card, models.PROTECT, related_name="deductions", verbose_name=_("card")
    )
    fee_fen = MoneyField(_("fee"))
    covered_fen = MoneyField(_("covered by the card"))
    due_fen = MoneyField(_("still due"))
    quota_used = models.BigIntegerField(_("quota used"))
    state = StateField(State, verbose_name=_("state"), default=State.COVERED)
    taken = models.BooleanField(
        _("taken from the card"), default=True
    )  # not while an earlier objection holds it back
    due_since = models.DateTimeField(_("due since"), null=True)
    pay_by = models.DateTimeField(_("pay by"), null=True)
    told_at = models.DateTimeField(_("owner told"), null=True)
    paid_at = models.DateTimeField(_("paid at"), null=True)
    deducted_at = models.DateTimeField(_("deducted"))

    class Meta:
        verbose_name = _("deduction")
        verbose_name_plural = _("deductions")
        constraints = [
            known(DeductionState, name="deduction_state_known"),
            models.UniqueConstraint(
                fields=["statement", "card"], name="deduction_once_a_statement_and_card"
            ),
        ]
        indexes = [
            models.Index(
                fields=["pay_by"],
                condition=models.Q(state=DeductionState.DUE),
                name="deduction_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.statement} · {self.card}"


class CardObjection(StatefulModel):
    """The owner objects to what a lot reported of their card (P4.12), or it is asked whether that
    was their vehicle; only a person decides.

    Without a deduction it is about whatever that lot has reported and nobody has deducted yet.
    """

    State = ObjectionState

    class Reason(models.TextChoices):
        NOT_ME = "not_me", _("my vehicle was not there")
        TIME = "time", _("the times are wrong")
        AMOUNT = "amount", _("the amount is wrong")
        OTHER = "other", _("something else")
        QUESTION = "question", _("was it this vehicle?")  # asked by us, of a person

    MOVES = {
        ObjectionState.OPEN: {
            ObjectionState.UPHELD,
            ObjectionState.REJECTED,
            ObjectionState.OVER,  # what was asked by us is answered by itself
        }
    }

    card = models.ForeignKey(
        Card, models.PROTECT, related_name="objections", verbose_name=_("card")
    )
    lot = models.ForeignKey(LotSystem, models.PROTECT, related_name="+", verbose_name=_("lot"))
    deduction = models.ForeignKey(
        Deduction,
        models.PROTECT,
        null=True,
        related_name="objections",
        verbose_name=_("deduction"),
    )
    visits = models.JSONField(_("visits"), default=list)  # empty: all of the deduction's
    reason = models.CharField(_("reason"), max_length=8, choices=Reason.choices)
    text = models.TextField(_("in the owner's words"), max_length=2000, blank=True)
    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    answer_by = models.DateTimeField(_("answer by"))
    decided_at = models.DateTimeField(_("decided"), null=True)

    class Meta:
        verbose_name = _("objection about a card")
        verbose_name_plural = _("objections about cards")
        permissions = [
            ("decide_cardobjection", gettext_noop("decide an objection about a card")),
        ]
        constraints = [
            known(ObjectionState, name="card_objection_state_known"),
            models.UniqueConstraint(
                fields=["card", "lot", "deduction"],
                condition=models.Q(state=ObjectionState.OPEN),
                nulls_distinct=False,
                name="one_open_objection_about_a_card",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

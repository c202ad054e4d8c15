"""The statements that both sides check, what is taken from a card, and who objects (P4.8–P4.12)."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from monthlycard.models.cards import Card
from monthlycard.models.lots import Agreement, LotSystem
from monthlycard.rules.differences import PROPOSALS
from monthlycard.states import (
    DeductionState,
    ObjectionState,
    StatementState,
)


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

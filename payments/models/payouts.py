"""Payouts to merchants: what is agreed with them, where their money goes, and what was sent."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from payments.rules.payouts import percent
from payments.states import PayoutState


class PayoutTerms(models.Model):
    """What is agreed with a merchant, in versions: of money paid by a payer, the version that was
    valid when it was paid counts; of a payout as a whole, today's."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    valid_from = models.DateTimeField(_("valid from"))
    share_bp = models.PositiveIntegerField(
        _("operator's share"),
        default=0,
        validators=[MaxValueValidator(10_000)],
        help_text=_("Of what was earned, in basis points: 250 is 2.5%."),
    )
    fees_borne = models.BooleanField(
        _("the merchant bears the providers' fees"),
        default=True,
    )
    hold_bp = models.PositiveIntegerField(
        _("held back for refunds"),
        default=0,
        validators=[MaxValueValidator(10_000)],
        help_text=_("Of what was earned, in basis points."),
    )
    hold_fen = MoneyField(_("held back beside"), default=0)
    hold_days = models.PositiveSmallIntegerField(_("held for so many days"), default=0)
    least_fen = MoneyField(
        _("least that is sent"), default=100, help_text=_("Less waits for the next payout.")
    )
    weekday = models.PositiveSmallIntegerField(
        _("drawn up on"),
        choices=Weekday,
        null=True,
        blank=True,
        help_text=_("Empty: whenever somebody draws one up."),
    )
    why = models.CharField(_("why"), max_length=200)
    said_by = models.CharField(_("said by"), max_length=80, editable=False)

    class Meta:
        verbose_name = _("payout agreement")
        verbose_name_plural = _("payout agreements")
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "valid_from"], name="payout_terms_one_a_moment"
            ),
            models.CheckConstraint(
                condition=Q(share_bp__lte=10_000, hold_bp__lte=10_000),
                name="payout_terms_share_parts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.valid_from:%Y-%m-%d}"

    @property
    def share_text(self) -> str:
        return percent(self.share_bp)

    @property
    def hold_text(self) -> str:
        return percent(self.hold_bp)


class Payee(models.Model):
    """Where a merchant's money goes, in versions of which the newest holds. Holder and number are
    sealed; `tail` is what pages show of the number."""

    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    holder_sealed = models.TextField(_("holder of the account"))
    number_sealed = models.TextField(_("account number"))
    tail = models.CharField(_("account number, its end"), max_length=4)
    bank = models.CharField(_("bank and branch"), max_length=100)
    bank_code = models.CharField(_("number of the branch (CNAPS)"), max_length=12, blank=True)
    valid_from = models.DateTimeField(_("valid from"))
    why = models.CharField(_("why"), max_length=200)
    said_by = models.CharField(_("said by"), max_length=80)

    class Meta:
        verbose_name = _("payout account")
        verbose_name_plural = _("payout accounts")
        permissions = [("reveal_payee", gettext_noop("read where a merchant's money goes"))]
        indexes = [models.Index(fields=["merchant", "-id"], name="payee_newest")]

    def __str__(self) -> str:
        return f"{self.bank} ••••{self.tail}"


class Payout(StatefulModel):
    """What a merchant is sent for lines of the books: drawn up, approved by another person, sent,
    and heard of. What fails or comes back is sent again under another number.

    The sums are its lines' (payments.rules.payouts) and never change; `until` is the first of the
    city's days that is not in it. `released_in` names the payout in which what was held back here
    went on.
    """

    State = PayoutState

    MOVES = {
        PayoutState.DRAWN: {PayoutState.APPROVED, PayoutState.DROPPED},
        PayoutState.APPROVED: {PayoutState.SENT},
        PayoutState.SENT: {PayoutState.CONFIRMED, PayoutState.FAILED},
        PayoutState.CONFIRMED: {PayoutState.RETURNED},
        PayoutState.FAILED: {PayoutState.APPROVED},
        PayoutState.RETURNED: {PayoutState.APPROVED},
    }

    state = StateField(State, verbose_name=_("state"), default=State.DRAWN)
    number = models.CharField(_("number"), max_length=20, unique=True)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    terms = models.ForeignKey(PayoutTerms, models.PROTECT, related_name="+")
    payee = models.ForeignKey(
        Payee, models.PROTECT, null=True, related_name="+", verbose_name=_("payout account")
    )
    until = models.DateField(_("up to before"))
    lines_count = models.PositiveIntegerField(_("lines"), default=0)
    earned_fen = MoneyField(_("earned"), signed=True, default=0)
    cash_fen = MoneyField(_("cash in the merchant's hands"), signed=True, default=0)
    share_fen = MoneyField(_("operator's share"), signed=True, default=0)
    fees_fen = MoneyField(_("providers' fees"), signed=True, default=0)
    held_fen = MoneyField(_("held back for refunds"), default=0)
    held_until = models.DateField(_("held back until"), null=True)
    released_fen = MoneyField(_("held back before, paid out now"), default=0)
    released_in = models.ForeignKey("self", models.PROTECT, null=True, related_name="released")
    net_fen = MoneyField(_("paid out"), default=0)
    drawn_at = models.DateTimeField(_("drawn up"))
    drawn_by = models.CharField(_("drawn up by"), max_length=80)
    approved_at = models.DateTimeField(_("approved"), null=True)
    approved_by = models.CharField(_("approved by"), max_length=80, blank=True)
    out_no = models.CharField(_("number of the transfer"), max_length=32, blank=True)
    batch = models.CharField(_("number of the file"), max_length=32, blank=True)
    sent_at = models.DateTimeField(_("sent off"), null=True)
    bank_no = models.CharField(_("the bank's number"), max_length=64, blank=True)
    ended_at = models.DateTimeField(_("heard of"), null=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        permissions = [
            ("draw_payout", gettext_noop("draw up a payout, or give one up")),
            ("approve_payout", gettext_noop("approve a payout that another drew up")),
            ("send_payout", gettext_noop("send payouts, and say what became of them")),
        ]
        constraints = [
            known(PayoutState, name="payout_state_known"),
            models.UniqueConstraint(
                fields=["merchant"],
                condition=Q(state=PayoutState.DRAWN),
                name="payout_one_drawn_a_merchant",
            ),
            models.UniqueConstraint(
                fields=["out_no"], condition=~Q(out_no=""), name="payout_out_no_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    net_fen=models.F("earned_fen")
                    - models.F("cash_fen")
                    - models.F("share_fen")
                    - models.F("fees_fen")
                    - models.F("held_fen")
                    + models.F("released_fen")
                ),
                name="payout_adds_up",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "-id"], name="payout_of_merchant"),
            models.Index(
                fields=["state"],
                condition=~Q(state__in=[PayoutState.CONFIRMED, PayoutState.DROPPED]),
                name="payout_under_way",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def kept_fen(self) -> int:
        """What is not sent of what was earned; below 0 where more is released than held back."""
        return int(self.earned_fen - self.net_fen)


class PayoutLine(models.Model):
    """That an entry of the books is in a payout; the database holds that it is in no other one, and
    that none leaves one that was approved."""

    payout = models.ForeignKey(Payout, models.PROTECT, related_name="lines")
    entry = models.OneToOneField("payments.LedgerEntry", models.PROTECT, related_name="payout_line")

    class Meta:
        verbose_name = _("line of a payout")
        verbose_name_plural = _("lines of payouts")

    def __str__(self) -> str:
        return f"{self.payout_id} {self.entry_id}"

"""What providers say of a day, and in what it differs from what we say (docs/features.md 38)."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from payments import providers
from payments.models.known import provider_named
from payments.rules.bills import Gap
from payments.states import BillDayState, DifferenceState

WORDS = {
    Gap.MISSING_HERE: _("Paid there, unknown here"),
    Gap.MISSING_THERE: _("Paid here, missing in the bill"),
    Gap.NOT_PAID_HERE: _("Paid there, still open here"),
    Gap.ENDED_HERE: _("Paid there, ended here without money"),
    Gap.REVERSED_THERE: _("Paid here, taken back there"),
    Gap.AMOUNT: _("Another amount"),
    Gap.FEE: _("Another fee than our rate"),
    Gap.DOUBLED: _("Twice in the bill"),
    Gap.OTHER_MERCHANT: _("Another merchant's number"),
    Gap.OTHER_CHANNEL: _("Belongs to another channel or account"),
    Gap.OTHER_CURRENCY: _("Another currency"),
    Gap.OTHER_NUMBER: _("Another number of the provider"),
    Gap.OTHER_DAY: _("Paid on another day here"),
    Gap.OUTSIDE_DAY: _("Another day than the bill's"),
    Gap.UNBOOKED: _("Paid, but not in the books"),
    Gap.BOOKED_OTHERWISE: _("Another amount in the books"),
    Gap.BOOKED_UNPAID: _("In the books, but not paid"),
    Gap.UNSHARED: _("Paid, but not shared out among the bills"),
    Gap.ORDER_UNPAID: _("Paid, but its order is not"),
    Gap.REFUND_MISSING_HERE: _("Refund there, unknown here"),
    Gap.REFUND_MISSING_THERE: _("Refund here, missing in the bill"),
    Gap.REFUND_AMOUNT: _("Refund of another amount"),
    Gap.REFUND_OPEN_HERE: _("Refunded there, still open here"),
    Gap.REFUND_FAILED_HERE: _("Refunded there, failed here"),
    Gap.REFUND_REVERSED_THERE: _("Refunded here, failed there"),
    Gap.REFUND_DOUBLED: _("Refund twice in the bill"),
    Gap.REFUND_OF_OTHER: _("Refund of another payment"),
    Gap.REFUND_OTHER_DAY: _("Refund on another day here"),
    Gap.REFUND_UNBOOKED: _("Refunded, but not so in the books"),
    Gap.SUMS: _("The bill does not agree with itself"),
}


def gap_choices() -> list[tuple[str, object]]:
    """Each kind of difference and its word; a function, so that migrations name it alone."""
    return [(gap.value, word) for gap, word in WORDS.items()]


class BillDay(StatefulModel):
    """One of the city's days at one provider: its bill, how it matched, and who closed it.

    `billed` is what the provider's bills call us. A closed day never changes any more, which the
    database holds; what is found later is a difference of its own, marked as late.
    """

    State = BillDayState

    MOVES = {
        BillDayState.AWAITED: {BillDayState.MATCHED},
        BillDayState.MATCHED: {BillDayState.CLOSED},
    }

    state = StateField(State, verbose_name=_("state"), default=State.AWAITED)
    provider = models.CharField(_("provider"), max_length=16, choices=providers.choices)
    billed = models.CharField(_("account"), max_length=64)
    day = models.DateField(_("day"))
    digest = models.CharField(_("digest of the file"), max_length=64, blank=True)
    taken_at = models.DateTimeField(_("taken"), null=True)
    matched_at = models.DateTimeField(_("matched"), null=True)
    payments = models.PositiveIntegerField(_("payments"), default=0)
    payments_fen = MoneyField(_("paid there"), default=0)
    refunds = models.PositiveIntegerField(_("refunds"), default=0)
    refunds_fen = MoneyField(_("refunded there"), default=0)
    fees_fen = MoneyField(_("fees"), default=0, signed=True)
    ours_fen = MoneyField(_("paid here"), default=0)
    ours_back_fen = MoneyField(_("refunded here"), default=0)
    sums = models.JSONField(default=dict)  # what the bill says of itself
    next_look_at = models.DateTimeField(_("asked next"), null=True)
    looks = models.PositiveSmallIntegerField(_("times asked"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    person_since = models.DateTimeField(_("missing since"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("closed by"),
    )

    class Meta:
        verbose_name = _("provider's bill")
        verbose_name_plural = _("providers' bills")
        permissions = [
            ("close_billday", gettext_noop("close a provider's day")),
            ("fetch_billday", gettext_noop("fetch a provider's bill and match it")),
        ]
        constraints = [
            known(BillDayState, name="bill_day_state_known"),
            models.UniqueConstraint(fields=["provider", "billed", "day"], name="bill_day_once"),
            models.CheckConstraint(
                condition=models.Q(
                    state=BillDayState.CLOSED, closed_at__isnull=False, closed_by__isnull=False
                )
                | (~models.Q(state=BillDayState.CLOSED) & models.Q(closed_at__isnull=True)),
                name="bill_day_closed_by_somebody",
            ),
            provider_named("bill_day_provider_named"),
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=models.Q(state=BillDayState.AWAITED),
                name="bill_to_fetch",
            ),
            models.Index(
                fields=["person_since"],
                condition=models.Q(person_since__isnull=False),
                name="bill_waits_for_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{providers.word(self.provider)} {self.day:%Y-%m-%d}"


class BillEntry(models.Model):
    """One row of a provider's bill, without what it says of the payer."""

    bill_day = models.ForeignKey(BillDay, models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=8)
    number = models.CharField(max_length=64)
    refund_number = models.CharField(max_length=64, blank=True)
    provider_no = models.CharField(max_length=64, blank=True)
    amount_fen = MoneyField()
    fee_mils = models.BigIntegerField(default=0)  # thousandths of a fen
    at = models.DateTimeField()
    told = models.CharField(max_length=8)
    merchant = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=8, default="CNY")

    class Meta:
        indexes = [
            models.Index(fields=["number"]),
            models.Index(
                fields=["refund_number"],
                condition=~models.Q(refund_number=""),
                name="bill_entry_of_refund",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.refund_number or self.number}"


class BillDifference(StatefulModel):
    """One thing in which the bill, the books and what was paid for differ: whose it is to look, and
    what came of it. One that is gone at the next match went by itself."""

    State = DifferenceState

    MOVES = {
        DifferenceState.OPEN: {DifferenceState.ANSWERED, DifferenceState.GONE},
        DifferenceState.GONE: {DifferenceState.OPEN},
    }

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    bill_day = models.ForeignKey(
        BillDay, models.PROTECT, related_name="differences", verbose_name=_("day")
    )
    gap = models.CharField(_("kind"), max_length=24, choices=gap_choices)
    number = models.CharField(_("our number"), max_length=64, blank=True)
    refund_number = models.CharField(_("refund"), max_length=64, blank=True)
    ours_fen = MoneyField(_("amount here"), null=True)
    theirs_fen = MoneyField(_("amount there"), null=True)
    ours = models.CharField(_("what we say"), max_length=80, blank=True)
    theirs = models.CharField(_("what the bill says"), max_length=80, blank=True)
    attempt = models.ForeignKey(
        "payments.Attempt", models.PROTECT, null=True, related_name="+", verbose_name=_("attempt")
    )
    late = models.BooleanField(_("found after the day was closed"), default=False)
    found_at = models.DateTimeField(_("since"))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("whose"),
    )
    answer = models.CharField(_("what came of it"), max_length=300, blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        permissions = [
            ("answer_billdifference", gettext_noop("answer differences with a provider's bill")),
        ]
        constraints = [
            known(DifferenceState, name="difference_state_known"),
            models.UniqueConstraint(
                fields=["bill_day", "gap", "number", "refund_number", "late"],
                name="difference_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=DifferenceState.ANSWERED)
                | ~models.Q(answer="") & models.Q(owner__isnull=False),
                name="difference_answered_in_words",
            ),
        ]
        indexes = [
            models.Index(
                fields=["found_at"],
                condition=models.Q(state=DifferenceState.OPEN),
                name="difference_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_gap_display()} {self.refund_number or self.number}".strip()

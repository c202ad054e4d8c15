"""Money on its way back."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from payments.states import CreditState, RefundState


class Credit(StatefulModel):
    """Money that arrived and that nothing took: the payer's, until it is refunded."""

    State = CreditState

    class Why(models.TextChoices):
        SECOND = "second", _("the order was already paid")
        NOT_DUE = "not_due", _("it was no longer due")

    MOVES = {CreditState.OPEN: {CreditState.REFUNDED}}

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    attempt = models.OneToOneField(
        "payments.Attempt", models.PROTECT, related_name="credit", verbose_name=_("attempt")
    )
    amount_fen = MoneyField(_("amount"))
    why = models.CharField(_("reason"), max_length=16, choices=Why.choices)
    created_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("credit")
        verbose_name_plural = _("credits")
        constraints = [
            known(CreditState, name="credit_state_known"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="credit_is_money"),
        ]

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.amount_fen}"


class Refund(StatefulModel):
    """One refund, asked for once under `key`, at the provider under `out_refund_no`.

    The row is written first; a worker then asks the provider, again and again with the same
    number, until it says done or no.
    """

    State = RefundState

    MOVES = {
        RefundState.ASKED: {RefundState.SENT, RefundState.DONE, RefundState.FAILED},
        RefundState.SENT: {RefundState.DONE, RefundState.FAILED},
        RefundState.FAILED: {RefundState.ASKED},
    }

    state = StateField(State, verbose_name=_("state"), default=State.ASKED)
    attempt = models.ForeignKey(
        "payments.Attempt", models.PROTECT, related_name="refunds", verbose_name=_("attempt")
    )
    order_item = models.ForeignKey(
        "payments.OrderItem",
        models.PROTECT,
        null=True,
        related_name="refunds",
        verbose_name=_("item"),
    )
    credit = models.OneToOneField(
        Credit, models.PROTECT, null=True, related_name="refund", verbose_name=_("credit")
    )
    amount_fen = MoneyField(_("amount"))
    reason = models.CharField(_("reason"), max_length=200)
    key = models.CharField(max_length=80, unique=True)
    out_refund_no = models.CharField(_("our number"), max_length=32, unique=True)
    provider_no = models.CharField(_("provider's number"), max_length=64, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.CharField(_("by"), max_length=80)
    done_at = models.DateTimeField(_("returned"), null=True)
    next_look_at = models.DateTimeField(_("asked next"), null=True)
    looks = models.PositiveSmallIntegerField(_("times asked"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    counter = models.ForeignKey(  # whose cashier hands it back; none where a provider does
        "accounts.Merchant",
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("counter"),
    )
    person_since = models.DateTimeField(_("waits for a person since"), null=True)
    shift = models.ForeignKey(  # of who handed the cash back
        "payments.CashShift",
        models.PROTECT,
        null=True,
        related_name="handed_back",
        verbose_name=_("cash shift"),
    )

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        permissions = [
            ("repeat_refund", gettext_noop("ask for a failed refund anew")),
        ]
        constraints = [
            known(RefundState, name="refund_state_known"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="refund_is_money"),
            models.CheckConstraint(
                condition=models.Q(order_item__isnull=True) ^ models.Q(credit__isnull=True),
                name="refund_of_one_thing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=models.Q(state__in=[RefundState.ASKED, RefundState.SENT]),
                name="refund_to_look_at",
            ),
            models.Index(
                fields=["person_since"],
                condition=models.Q(person_since__isnull=False),
                name="refund_waits_for_person",
            ),
            models.Index(
                fields=["done_at"],
                condition=models.Q(done_at__isnull=False),
                name="refund_back_on",
            ),
        ]

    def __str__(self) -> str:
        return self.out_refund_no

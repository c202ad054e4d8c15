"""Tax invoices (数电票) of what merchants kept of a payment."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.personal import masked_name
from payments.states import InvoiceState


class Invoice(StatefulModel):
    """One merchant's invoice of one order: asked for once, and taken back whole by a red letter
    when money of it goes back. What the merchant still keeps may be asked for anew.

    `sent_at`: its issuer may have heard of `number`; from then on they are asked first.
    """

    State = InvoiceState

    LIVE = (InvoiceState.ASKED, InvoiceState.ISSUED, InvoiceState.REVERSING)
    MOVES = {
        InvoiceState.ASKED: {InvoiceState.ISSUED, InvoiceState.REFUSED},
        InvoiceState.ISSUED: {InvoiceState.REVERSING},
        InvoiceState.REVERSING: {InvoiceState.REVERSED},
    }

    state = StateField(State, verbose_name=_("state"), default=State.ASKED)
    order = models.ForeignKey(
        "payments.Order", models.PROTECT, related_name="invoices", verbose_name=_("order")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("seller")
    )
    issuer = models.CharField(_("issued by way of"), max_length=16)
    number = models.CharField(_("our number"), max_length=20, unique=True)
    amount_fen = MoneyField(_("amount"))
    buyer_name = models.CharField(_("buyer"), max_length=100)
    buyer_tax_no = models.CharField(_("buyer's tax number"), max_length=20, blank=True)
    fapiao_no = models.CharField(_("number of the invoice"), max_length=64, blank=True)
    red_no = models.CharField(_("number of the red letter"), max_length=64, blank=True)
    url = models.URLField(_("file"), max_length=500, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.CharField(_("by"), max_length=80)
    sent_at = models.DateTimeField(_("first asked of the issuer"), null=True)
    reversal_sent_at = models.DateTimeField(_("red letter first asked"), null=True)
    issued_at = models.DateTimeField(_("issued"), null=True)
    reversed_at = models.DateTimeField(_("time of the red letter"), null=True)
    next_look_at = models.DateTimeField(_("asked next"), null=True)
    looks = models.PositiveSmallIntegerField(_("times asked"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("tax invoice")
        verbose_name_plural = _("tax invoices")
        constraints = [
            known(InvoiceState, name="invoice_state_known"),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0), name="invoice_is_of_money"
            ),
            models.UniqueConstraint(
                fields=["order", "merchant"],
                condition=models.Q(
                    state__in=[InvoiceState.ASKED, InvoiceState.ISSUED, InvoiceState.REVERSING]
                ),
                name="invoice_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=models.Q(next_look_at__isnull=False),
                name="invoice_to_look_at",
            )
        ]

    @property
    def why(self) -> str:
        """Why it was refused: ours in the reader's language, its issuer's in their own words."""
        return gettext(self.problem) if self.problem else ""

    @property
    def shown_buyer(self) -> str:
        """The buyer as everybody with the order's link may know it: a company, not a person."""
        return self.buyer_name if self.buyer_tax_no else masked_name(self.buyer_name)

    def __str__(self) -> str:
        return self.number

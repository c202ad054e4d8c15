"""From when on debts list a vehicle: said by people, each word a version."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import MoneyField, between


class ListingRule(models.Model):
    """A version of the listing rule, of one creditor or of the city; the newest holds.

    Never changed: what listed a vehicle can be read afterwards.
    """

    merchant = models.ForeignKey(
        "accounts.Merchant",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("creditor"),
        help_text=_("Empty: for all who have no rule of their own."),
    )
    amount_fen = MoneyField(_("from this sum on"), validators=[MinValueValidator(1)])
    count = models.PositiveSmallIntegerField(
        _("or from so many stays on"), validators=[MinValueValidator(1)]
    )
    age_days = models.PositiveSmallIntegerField(
        _("each at least so many days old"),
        default=0,
        validators=between(0, 3660),
        help_text=_("Counted from the debt on."),
    )
    why = models.CharField(_("why"), max_length=200)
    valid_from = models.DateTimeField(_("valid from"), editable=False)
    said_by = models.CharField(_("said by"), max_length=80, editable=False)

    class Meta:
        verbose_name = _("listing rule")
        verbose_name_plural = _("listing rules")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gte=1, count__gte=1), name="listing_rule_asks_some"
            )
        ]
        indexes = [models.Index(fields=["merchant", "-id"], name="listing_rule_newest")]

    def __str__(self) -> str:
        return f"{self.pk}"

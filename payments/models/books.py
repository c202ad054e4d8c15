"""The books: double entry, only ever added to. payments/guards.py has the database hold both."""

from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.fields import MoneyField


class LedgerTransfer(models.Model):
    """One event in the books, posted once under `key`; its entries sum to 0.

    It stands on the day on which it happened; what we heard of later is a line of that day that
    says since when we know (docs/rules.md 3).
    """

    key = models.CharField(_("key of the transfer"), max_length=80, unique=True)
    note = models.CharField(_("note"), max_length=200)
    posted_at = models.DateTimeField(_("posted"))  # when it was, in business time
    recorded_at = models.DateTimeField(_("recorded"))  # when we heard of it, in business time

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """One side of a transfer, in signed fen (payments.rules.books says which sign means what)."""

    transfer = models.ForeignKey(LedgerTransfer, models.PROTECT, related_name="entries")
    account = models.CharField(_("account"), max_length=60)
    amount_fen = MoneyField(_("amount"), signed=True)
    order_item = models.ForeignKey(
        "payments.OrderItem",
        models.PROTECT,
        null=True,
        related_name="entries",
        verbose_name=_("item"),
    )
    posted_at = models.DateTimeField(_("posted"))

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(amount_fen=0), name="ledger_entry_moves_money"
            ),
        ]
        indexes = [models.Index(fields=["account", "posted_at"])]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_fen}"

    @property
    def told_at(self) -> datetime | None:
        """When we heard of it, where that was on another day than it was; else None."""
        recorded = self.transfer.recorded_at
        same_day = timezone.localdate(recorded) == timezone.localdate(self.posted_at)
        return None if same_day else recorded

    @property
    def earned_fen(self) -> int:
        """A merchant's entry as the merchant reads it: + earned, − given back."""
        return -self.amount_fen

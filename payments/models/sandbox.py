"""The other side of the sandbox: what a provider would keep in its own house."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import MoneyField, StateField
from payments.states import TradeState


class SandboxTrade(models.Model):
    """A trade at the sandbox provider. Our side never reads it, except through the provider."""

    out_trade_no = models.CharField(max_length=32, unique=True)
    amount_fen = MoneyField(_("amount"))
    title = models.CharField(max_length=127)
    state = StateField(TradeState, default=TradeState.WAITING)
    return_url = models.TextField(blank=True)
    notify_url = models.TextField()
    paid_at = models.DateTimeField(null=True)
    refunds = models.JSONField(default=dict)  # out_refund_no → fen
    notified_at = models.DateTimeField(null=True)
    next_notify_at = models.DateTimeField(null=True)
    notify_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_notify_at"],
                condition=models.Q(notified_at__isnull=True),
                name="sandbox_to_notify",
            ),
        ]

    def __str__(self) -> str:
        return self.out_trade_no

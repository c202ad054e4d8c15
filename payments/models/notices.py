"""What a provider told us, exactly as it came."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from payments import providers
from payments.models.known import provider_named


class Notification(models.Model):
    """A provider's message: kept raw with its verdict, then acted upon once (docs/rules.md 5).

    `processed_at` is set by compare-and-set in the transaction of the effect; a message that is
    genuine but could not be acted upon stays open with its problem and is tried again.
    """

    provider = models.CharField(_("provider"), max_length=16, choices=providers.choices)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of signature and body
    raw = models.BinaryField()
    headers = models.JSONField(_("headers"), default=dict)
    verified = models.BooleanField(_("genuine"), default=False)
    kind = models.CharField(_("kind"), max_length=16, blank=True)
    out_trade_no = models.CharField(_("our number"), max_length=32, blank=True, db_index=True)
    received_at = models.DateTimeField(_("received"))
    times = models.PositiveIntegerField(_("times"), default=1)
    processed_at = models.DateTimeField(_("processed"), null=True)
    next_try_at = models.DateTimeField(_("next try"), null=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    person_since = models.DateTimeField(_("waits for a person since"), null=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        permissions = [
            ("process_notification", gettext_noop("act on a notification")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "fingerprint"], name="notification_kept_once"
            ),
            models.CheckConstraint(
                condition=models.Q(processed_at__isnull=True) | models.Q(verified=True),
                name="notification_verified_first",
            ),
            provider_named("notification_provider_named"),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(verified=True, processed_at__isnull=True),
                name="notification_to_process",
            ),
            models.Index(
                fields=["person_since"],
                condition=models.Q(person_since__isnull=False),
                name="notice_waits_for_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.out_trade_no}"

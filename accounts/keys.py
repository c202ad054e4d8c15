"""What people log in with beside a password, and where they are logged in."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _


class Visit(AbstractBaseSession):
    """One browser in which somebody is logged in, or is known to have asked for something.

    Its key is kept as a digest: whoever reads the table enters with none of them.
    """

    user = models.ForeignKey(
        "accounts.User",
        models.CASCADE,
        null=True,
        related_name="visits",
        verbose_name=_("person"),
    )
    browser = models.CharField(_("browser"), max_length=80, blank=True)
    network = models.CharField(_("network"), max_length=60, blank=True)
    since = models.DateTimeField(_("since"))
    seen_at = models.DateTimeField(_("last used"))
    idle_s = models.PositiveIntegerField(null=True)  # unused so long it is over; None: never

    class Meta:
        verbose_name = _("log-in")
        verbose_name_plural = _("log-ins")

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore

    def __str__(self) -> str:
        return f"{self.browser} {self.network}"


class Factor(models.Model):
    """A second thing that a person shows when they log in; a passkey, or an app's codes."""

    class Kind(models.TextChoices):
        APP = "app", _("codes of an app")
        PASSKEY = "passkey", _("passkey")

    user = models.ForeignKey(
        "accounts.User", models.CASCADE, related_name="factors", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=40, blank=True)
    # The app's secret; a passkey's number and public key.
    secret_sealed = models.TextField(editable=False)
    # The last step of time whose code was used; the passkey's own count.
    counter = models.BigIntegerField(default=0, editable=False)
    made_at = models.DateTimeField(_("since"))
    used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["app", "passkey"]), name="factor_kind_known"
            ),
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(kind="app"), name="one_app_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class RecoveryCode(models.Model):
    """A code on paper that stands in for a lost factor, once; kept as a keyed digest."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.pk}"

"""Lots of different makers and the agreements under which cards open them (P4.13)."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import StateField, between, known
from core.models import StatefulModel
from monthlycard.states import AgreementState


class LotSystem(models.Model):
    """A lot's own management system, of whatever maker, on a merchant's own ground (P4.13)."""

    section = models.OneToOneField(
        "parking.Section", models.PROTECT, related_name="+", verbose_name=_("lot")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    code = models.SlugField(_("code"), max_length=20, unique=True)
    maker = models.CharField(_("maker"), max_length=60)
    secret_sealed = models.TextField(editable=False)
    secret_version = models.PositiveSmallIntegerField(default=1, editable=False)
    takes_cards = models.BooleanField(_("takes cards"), default=True)
    last_asked_at = models.DateTimeField(_("last heard of"), null=True, editable=False)
    list_cursor = models.BigIntegerField(_("has the list up to"), default=0, editable=False)
    closed_until = models.DateTimeField(_("closed until"), null=True, editable=False)
    next_close_at = models.DateTimeField(_("closes next"), null=True, editable=False, db_index=True)

    class Meta:
        verbose_name = _("lot system")
        verbose_name_plural = _("lot systems")
        permissions = [
            ("switch_lotsystem", gettext_noop("let a lot take cards or none")),
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.maker}"


class Agreement(StatefulModel):
    """What platform and lot agreed on; binding once both have signed these very terms (P4.9)."""

    State = AgreementState

    class Period(models.TextChoices):
        EXIT = "exit", _("each exit")
        WEEK = "week", _("week")
        MONTH = "month", _("month")

    class WhenExpired(models.TextChoices):
        SPLIT = "split", _("divided at the expiry")
        TEMPORARY = "temporary", _("wholly temporary")

    MOVES = {
        AgreementState.DRAFT: {AgreementState.SIGNED, AgreementState.ENDED},
        AgreementState.SIGNED: {AgreementState.ENDED},
    }

    lot = models.ForeignKey(
        LotSystem, models.PROTECT, related_name="agreements", verbose_name=_("lot")
    )
    version = models.PositiveIntegerField(_("version"))
    terms = models.JSONField(_("terms"), help_text=_("As monthlycard/rules/fees.py reads them."))
    when_expired = models.CharField(
        _("card expired during a stay"),
        max_length=10,
        choices=WhenExpired.choices,
        default=WhenExpired.SPLIT,
    )
    period = models.CharField(_("period"), max_length=5, choices=Period.choices)
    period_day = models.PositiveSmallIntegerField(_("closes on day"), default=1)
    silence_agrees_after_h = models.PositiveIntegerField(
        _("silence agrees after (h)"), null=True, blank=True, validators=between(1, 366 * 24)
    )
    valid_from = models.DateTimeField(_("valid from"))
    terms_hash = models.CharField(max_length=64, editable=False)
    platform_signed_by = models.CharField(max_length=80, blank=True, editable=False)
    platform_signed_at = models.DateTimeField(
        _("signed by the platform"), null=True, editable=False
    )
    lot_signature = models.CharField(max_length=64, blank=True, editable=False)
    lot_signed_at = models.DateTimeField(_("signed by the lot"), null=True, editable=False)
    state = StateField(State, verbose_name=_("state"), default=State.DRAFT)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        permissions = [
            ("sign_agreement", gettext_noop("sign for the platform")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["lot", "version"], name="agreement_version_of_a_lot"),
            known(AgreementState, name="agreement_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.lot.code} v{self.version}"

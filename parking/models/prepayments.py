"""Paying ahead: a draft finds its berth, its plate is compared, then it may be paid (P2.4-P2.6)."""

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from parking.states import PrepaymentState


def new_token() -> str:
    """128 bits: whoever holds it made the draft."""
    return secrets.token_urlsafe(16)


class Prepayment(WithPlate, StatefulModel):
    """A pre-payment order: place, time and plate as its owner declared them, no account needed."""

    State = PrepaymentState

    MOVES = {
        PrepaymentState.DRAFT: {
            PrepaymentState.SUBMITTED,
            PrepaymentState.CORRECTING,
            PrepaymentState.CONFIRMED,
            PrepaymentState.CANCELLED,
        },
        PrepaymentState.SUBMITTED: {
            PrepaymentState.SUBMITTED,
            PrepaymentState.CORRECTING,
            PrepaymentState.CONFIRMED,
            PrepaymentState.CANCELLED,
        },
        PrepaymentState.CORRECTING: {
            PrepaymentState.SUBMITTED,
            PrepaymentState.CORRECTING,
            PrepaymentState.CONFIRMED,
            PrepaymentState.CANCELLED,
        },
        PrepaymentState.CONFIRMED: {
            PrepaymentState.PAID,
            PrepaymentState.CORRECTING,
            PrepaymentState.CANCELLED,
        },
        PrepaymentState.PAID: {PrepaymentState.USED},
        PrepaymentState.USED: {PrepaymentState.PAID},  # its vehicle had not left
        PrepaymentState.CANCELLED: {PrepaymentState.USED},  # paid in time, told after it had left
    }

    state = StateField(State, verbose_name=_("state"), default=State.DRAFT)
    token = models.CharField(max_length=32, unique=True, default=new_token)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("user"),
    )
    section = models.ForeignKey(
        "parking.Section", models.PROTECT, null=True, related_name="+", verbose_name=_("section")
    )
    latitude = models.FloatField(_("latitude"), null=True)
    longitude = models.FloatField(_("longitude"), null=True)
    arrived_at = models.DateTimeField(_("arrival as declared"))
    minutes = models.PositiveIntegerField(_("minutes"))
    plate_text = models.CharField(_("declared plate"), max_length=16, blank=True)
    plate_colour = models.CharField(_("declared colour"), max_length=16, blank=True)
    declared_before = models.JSONField(  # other plates that were submitted: text, colour
        _("declared before"), default=list
    )
    candidates = models.JSONField(default=list)  # berths that were offered, by id
    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, null=True, related_name="+", verbose_name=_("berth")
    )
    stay = models.ForeignKey(
        "parking.ParkingSession",
        models.PROTECT,
        null=True,
        related_name="prepayments",
        verbose_name=_("stay"),
    )
    attempts_left = models.PositiveSmallIntegerField(_("attempts left"), default=3)
    differs = models.JSONField(default=list)  # parts that differ: province, office…
    covers_until = models.DateTimeField(_("covers until"), null=True)
    amount_fen = MoneyField(_("paid"), default=0)
    created_at = models.DateTimeField(_("made"))
    submitted_at = models.DateTimeField(_("submitted"), null=True)
    paid_at = models.DateTimeField(_("paid at"), null=True)

    class Meta:
        verbose_name = _("pre-payment")
        verbose_name_plural = _("pre-payments")
        constraints = [
            known(PrepaymentState, name="prepayment_state_known"),
        ]
        indexes = [
            models.Index(fields=["stay", "state"]),
            models.Index(fields=["plate_text", "submitted_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

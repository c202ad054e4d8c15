"""Permits: vehicles that stand free where a tariff says what their permit gives."""

from datetime import time

from django.db import models
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from core.fields import StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from parking.rules.permits import Holding
from parking.rules.tariff import PermitKind
from parking.states import PermitState


class Permit(WithPlate, StatefulModel):
    """One vehicle's permit of one kind on a merchant's roads; two persons make it.

    What it gives stands in the tariff (`exempt`, docs/pricing.md), in no stay's row: a stay is
    priced by the permits that held while it stood there.
    """

    State = PermitState
    KINDS = [
        (PermitKind.resident.value, _("resident")),
        (PermitKind.disabled.value, _("disabled person")),
        (PermitKind.staff.value, _("staff")),
        (PermitKind.official.value, _("official vehicle")),
        (PermitKind.visitor.value, _("visitor")),
    ]

    MOVES = {
        PermitState.ASKED: {PermitState.GRANTED, PermitState.ENDED},
        PermitState.GRANTED: {PermitState.ENDED},
    }

    merchant = models.ForeignKey("accounts.Merchant", models.PROTECT, verbose_name=_("merchant"))
    sections = models.ManyToManyField(
        "parking.Section",
        blank=True,
        verbose_name=_("roads"),
        help_text=_("None chosen: all roads of the merchant."),
    )
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    state = StateField(State, verbose_name=_("state"), default=State.ASKED)
    kind = models.CharField(_("kind"), max_length=12, choices=KINDS)
    why = models.CharField(_("what shows it"), max_length=300)
    since = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("until"))
    starts = models.TimeField(_("each day from"), default=time())
    ends = models.TimeField(_("each day until"), default=time())
    asked_at = models.DateTimeField(_("asked"), editable=False)
    asked_by = models.CharField(_("asked by"), max_length=80, editable=False)
    granted_by = models.CharField(_("granted by"), max_length=80, blank=True, editable=False)
    held_from = models.DateTimeField(_("holds from"), null=True, editable=False)  # its granting
    held_until = models.DateTimeField(_("held up to"), null=True, editable=False)

    class Meta:
        verbose_name = _("permit")
        verbose_name_plural = _("permits")
        permissions = [
            ("grant_permit", gettext_noop("grant a permit that another has asked for")),
            ("end_permit", gettext_noop("end a permit")),
        ]
        constraints = [
            known(PermitState, name="permit_state_known"),
            models.CheckConstraint(
                condition=~models.Q(granted_by=models.F("asked_by")), name="permit_by_two"
            ),
        ]
        indexes = [
            models.Index(
                fields=["plate_text", "merchant"],
                condition=models.Q(held_from__isnull=False),
                name="permit_of_plate",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def word(self) -> str:
        """Its kind, for people."""
        return str(self.get_kind_display())

    @property
    def where(self) -> str:
        """The names of its roads, and its hours; with `sections` looked up before."""
        names = sorted(section.name for section in self.sections.all())
        return f"{', '.join(names) or gettext('all')} · {self.hours}"

    @property
    def hours(self) -> str:
        """Its hours of the day."""
        if self.starts == self.ends:
            return gettext("all day")
        return f"{self.starts:%H:%M}–{self.ends:%H:%M}"

    @property
    def holding(self) -> Holding:
        """When it held and will hold; only of one that was granted."""
        assert self.held_from is not None
        return Holding(
            since=self.held_from,
            until=self.held_until or self.until,
            starts=self.starts,
            ends=self.ends,
        )

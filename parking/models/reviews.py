"""What a person must look at, because a machine may not guess."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from parking.states import ReviewState


class ReviewItem(WithPlate, StatefulModel):
    """One question for a person, with what they need to answer it beside it."""

    State = ReviewState

    class Kind(models.TextChoices):
        PLATE = "plate", _("which plate is this")
        PREPAYMENT = "prepayment", _("declared and read plate nearly agree")
        STAY = "stay", _("is this stay right")
        BERTH = "berth", _("does a vehicle stand there")
        SAMPLE = "sample", _("read it again, drawn by chance")  # asks nothing about its stay

    class Verdict(models.TextChoices):
        NONE = "", ""
        PLATE = "plate", _("plate settled")
        UNREADABLE = "unreadable", _("unreadable")
        KEEP = "keep", _("kept as it was")

    DOUBTED = "doubted"  # the `why` of a question whether a plate is right at all

    MOVES = {
        ReviewState.OPEN: {ReviewState.SETTLED, ReviewState.DROPPED},
        ReviewState.SETTLED: {ReviewState.OPEN},
    }

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    why = models.CharField(_("why"), max_length=40)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    sighting = models.ForeignKey(
        "parking.Sighting",
        models.PROTECT,
        null=True,
        related_name="reviews",
        verbose_name=_("sighting"),
    )
    stay = models.ForeignKey(
        "parking.ParkingSession",
        models.PROTECT,
        null=True,
        related_name="reviews",
        verbose_name=_("stay"),
    )
    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, null=True, related_name="+", verbose_name=_("berth")
    )
    prepayment = models.ForeignKey(
        "parking.Prepayment",
        models.PROTECT,
        null=True,
        related_name="reviews",
        verbose_name=_("pre-payment"),
    )
    opened_at = models.DateTimeField(_("opened"))
    verdict = models.CharField(
        _("verdict"), max_length=12, choices=Verdict.choices, blank=True, default=Verdict.NONE
    )
    plate_text = models.CharField(_("plate"), max_length=16, blank=True)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    settled_by = models.CharField(_("settled by"), max_length=80, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("review queue")
        permissions = [
            ("settle_reviewitem", gettext_noop("answer a review")),
        ]
        constraints = [
            known(ReviewState, name="review_state_known"),
            models.UniqueConstraint(
                fields=["kind", "sighting"],
                condition=models.Q(state=ReviewState.OPEN, kind="plate"),
                name="one_open_plate_review_a_sighting",
            ),
            models.UniqueConstraint(
                fields=["sighting"],
                condition=models.Q(kind="sample"),
                name="one_sample_a_sighting",
            ),
            models.UniqueConstraint(
                fields=["stay"],
                condition=models.Q(state=ReviewState.OPEN, kind="plate", sighting__isnull=True),
                name="one_open_plate_review_a_stay",
            ),
            models.UniqueConstraint(
                fields=["prepayment"],
                condition=models.Q(state=ReviewState.OPEN, kind="prepayment"),
                name="one_open_review_a_prepayment",
            ),
            models.UniqueConstraint(
                fields=["stay", "why"],
                condition=models.Q(state=ReviewState.OPEN, kind="stay"),
                name="one_open_review_a_stay_and_reason",
            ),
            models.UniqueConstraint(
                fields=["berth"],
                condition=models.Q(state=ReviewState.OPEN, kind="berth"),
                name="one_open_review_a_berth",
            ),
        ]
        indexes = [
            models.Index(
                fields=["opened_at"],
                condition=models.Q(state=ReviewState.OPEN),
                name="review_open",
            ),
            models.Index(fields=["merchant", "state", "opened_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.pk}"

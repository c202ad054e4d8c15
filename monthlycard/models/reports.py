"""What a lot asked at its barrier, and what it reported of entries and exits (P4.6, P4.7)."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from monthlycard.models.cards import Card
from monthlycard.models.lots import LotSystem


class Question(models.Model):
    """A lot asked whether a vehicle passes, and what it was told (P4.6)."""

    lot = models.ForeignKey(LotSystem, models.PROTECT, related_name="questions")
    request_id = models.CharField(max_length=60)
    direction = models.CharField(max_length=5)
    plate_text = models.CharField(max_length=16)
    plate_colour = models.CharField(max_length=16, blank=True)
    asked_at = models.DateTimeField()
    card = models.ForeignKey(Card, models.PROTECT, null=True, related_name="questions")
    admitted = models.BooleanField(_("as card vehicle"))
    reason = models.CharField(max_length=20)
    answer = models.JSONField()
    notice_id = models.BigIntegerField(null=True)  # of arrears: what was told beside the answer
    lots_own = models.BooleanField(_("by the lot's own list"), null=True)
    disagreed = models.BooleanField(_("list and answer disagree"), default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot", "request_id"], name="question_once_a_lot")
        ]
        indexes = [models.Index(fields=["lot", "-asked_at"])]

    def __str__(self) -> str:
        return f"{self.lot_id} {self.request_id}"


class PassRecord(models.Model):
    """A lot's report of one entry or exit, as it came; odd ones are typed, never dropped (P4.7)."""

    class Direction(models.TextChoices):
        ENTRY = "entry", _("entry")
        EXIT = "exit", _("exit")

    class Flow(models.TextChoices):
        CARD = "card", _("card vehicle")
        TEMPORARY = "temporary", _("temporary vehicle")
        REFUSED = "refused", _("exit refused")

    class Oddity(models.TextChoices):
        LATE = "late", _("came after its period was closed")
        FUTURE = "future", _("its time lies ahead: the lot's clock is wrong")
        ETC_DIFFERS = "etc_differs", _("plate and ETC tag differ")
        UNKNOWN_CARD = "unknown_card", _("there is no such card")
        OTHER_VEHICLE = "other_vehicle", _("the card is another vehicle's")
        NOT_VALID_THEN = "not_valid_then", _("the card did not hold then")
        TOO_MANY = "too_many", _("more visits on a day than there can be")
        TOO_LONG = "too_long", _("a longer visit than there can be")

    BILLED: ClassVar[tuple[str, ...]] = ("", Oddity.LATE)  # any other says that it bills nothing

    lot = models.ForeignKey(LotSystem, models.PROTECT, related_name="passes", verbose_name=_("lot"))
    record_id = models.CharField(_("the lot's number"), max_length=60)
    body_hash = models.CharField(max_length=64)
    direction = models.CharField(_("direction"), max_length=5, choices=Direction.choices)
    flow = models.CharField(_("flow"), max_length=9, choices=Flow.choices)
    reason = models.CharField(_("reason"), max_length=20, blank=True)
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("colour"), max_length=16, blank=True)
    etc_plate_text = models.CharField(_("plate of the ETC tag"), max_length=16, blank=True)
    card = models.ForeignKey(
        Card, models.PROTECT, null=True, related_name="passes", verbose_name=_("card")
    )
    passed_at = models.DateTimeField(_("passed"))
    received_at = models.DateTimeField(_("received"))
    count_today = models.PositiveIntegerField(_("count of the day"), null=True)
    oddity = models.CharField(_("oddity"), max_length=20, choices=Oddity.choices, blank=True)
    statement = models.ForeignKey(  # at whose closing its visit was counted
        "monthlycard.Statement",
        models.PROTECT,
        null=True,
        related_name="passes",
        verbose_name=_("statement"),
    )

    class Meta:
        verbose_name = _("pass record")
        verbose_name_plural = _("pass records")
        constraints = [
            models.UniqueConstraint(fields=["lot", "record_id"], name="pass_record_once_a_lot"),
            models.CheckConstraint(
                condition=models.Q(direction__in=["entry", "exit"]), name="pass_direction_known"
            ),
        ]
        indexes = [
            models.Index(fields=["lot", "passed_at"]),
            models.Index(fields=["plate_text", "passed_at"], name="pass_of_plate"),
            models.Index(fields=["card", "passed_at"]),
            models.Index(
                fields=["lot", "card"],
                condition=models.Q(statement=None, card__isnull=False),
                name="pass_not_yet_stated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lot_id} {self.record_id}"

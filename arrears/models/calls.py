"""What somebody who answered the phone took down."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class CallNote(models.Model):
    """A caller's word about one stay or one payment order, for whoever works on it next.

    `user` is who called, where that is known; `dispute` what was opened in their name by it. `key`
    is the words of one call about one thing: said twice they are one note.
    """

    stay = models.ForeignKey(
        "parking.ParkingSession",
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("stay"),
    )
    order = models.ForeignKey(
        "payments.Order", models.PROTECT, null=True, related_name="+", verbose_name=_("order")
    )
    dispute = models.ForeignKey(
        "arrears.Dispute", models.PROTECT, null=True, related_name="+", verbose_name=_("objection")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("caller"),
    )
    text = models.CharField(_("words"), max_length=500)
    taken_at = models.DateTimeField(_("taken down"))
    taken_by = models.CharField(_("by"), max_length=80)
    key = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name = _("word of a caller")
        verbose_name_plural = _("words of callers")
        permissions = [
            ("answer_callnote", gettext_noop("look things up for a caller")),
            ("reveal_callnote", gettext_noop("see whole plates while answering a caller")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(stay__isnull=True) ^ models.Q(order__isnull=True),
                name="call_note_of_one_thing",
            )
        ]
        indexes = [models.Index(fields=["taken_at"])]

    def __str__(self) -> str:
        return f"{self.pk}"

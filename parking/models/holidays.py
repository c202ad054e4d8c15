"""The holidays of a year as an operator has entered them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class HolidayYear(models.Model):
    """A version of one year's days off and the days worked for them; only ever added.

    A stay is priced by what was known when it arrived: the newest version of each year by then.
    """

    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveSmallIntegerField(_("version"))
    days = models.JSONField(
        _("days of the year"),
        help_text=_("Days off and days that are worked for them, by date; all others are plain."),
    )
    notice = models.CharField(_("notice"), max_length=200)
    made_at = models.DateTimeField(_("entered"))
    made_by = models.CharField(_("entered by"), max_length=80)

    class Meta:
        verbose_name = _("year of holidays")
        verbose_name_plural = _("years of holidays")
        constraints = [
            models.UniqueConstraint(fields=["year", "number"], name="holidays_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.year} · {self.number}"

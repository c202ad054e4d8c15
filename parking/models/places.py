"""Streets and prices: who keeps which berths, which device looks after them, what a stay costs."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import between

HOUR_S = 3600
DAY_S = 24 * HOUR_S


class Tariff(models.Model):
    """A name for prices that a merchant asks; what they are stands in its versions."""

    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    name = models.CharField(_("name"), max_length=80)

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "name"], name="tariff_name_of_a_merchant")
        ]

    def __str__(self) -> str:
        return self.name


class TariffVersion(models.Model):
    """Prices from a moment on; a stay keeps those of its beginning (docs/features.md 24).

    Unchangeable once a stay has used it: parking/guards.py has the database hold that.
    """

    tariff = models.ForeignKey(
        Tariff, models.PROTECT, related_name="versions", verbose_name=_("tariff")
    )
    number = models.PositiveIntegerField(_("version"))
    terms = models.JSONField(_("terms"), help_text=_("As parking/rules/pricing.py reads them."))
    valid_from = models.DateTimeField(_("valid from"))
    first_used_at = models.DateTimeField(_("first used"), null=True, editable=False)
    created_by = models.CharField(max_length=80, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("tariff version")
        verbose_name_plural = _("tariff versions")
        constraints = [
            models.UniqueConstraint(fields=["tariff", "number"], name="tariff_version_number"),
            models.UniqueConstraint(fields=["tariff", "valid_from"], name="tariff_version_start"),
        ]

    def __str__(self) -> str:
        return f"{self.tariff} · {self.number}"


class Section(models.Model):
    """A stretch of berths; its merchant is the creditor of every stay on it."""

    class Ground(models.TextChoices):
        ROAD = "road", _("public road")
        OWN = "own", _("merchant's own ground")

    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    name = models.CharField(_("name"), max_length=80)
    code = models.SlugField(_("code"), max_length=20, unique=True)
    ground = models.CharField(_("ground"), max_length=8, choices=Ground.choices)
    tariff = models.ForeignKey(
        Tariff, models.PROTECT, related_name="sections", verbose_name=_("tariff")
    )
    pay_window_s = models.PositiveIntegerField(
        _("pay window (s)"),
        default=72 * HOUR_S,
        validators=between(HOUR_S, 366 * DAY_S),
        help_text=_("Time to pay after leaving."),
    )
    leave_by_s = models.PositiveIntegerField(
        _("time to leave (s)"),
        default=15 * 60,
        validators=between(0, DAY_S),
        help_text=_("Free minutes after paying ahead."),
    )
    longest_stay_s = models.PositiveIntegerField(
        _("longest stay (s)"),
        default=24 * HOUR_S,
        validators=between(HOUR_S, 31 * DAY_S),
        help_text=_("A stay without departure is flagged and its fee stops growing after this."),
    )

    flap_s = models.PositiveIntegerField(
        _("flapping sensor (s)"),
        default=120,
        validators=between(0, HOUR_S),
        help_text=_("A departure and an arrival closer than this are one stay of one vehicle."),
    )

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ground__in=["road", "own"]), name="section_ground_known"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Berth(models.Model):
    """One marked place. `position` is its place in street order."""

    section = models.ForeignKey(
        Section, models.PROTECT, related_name="berths", verbose_name=_("section")
    )
    code = models.CharField(_("code"), max_length=20, unique=True)
    number = models.CharField(_("number"), max_length=8)
    position = models.PositiveIntegerField(_("position"))
    latitude = models.FloatField(_("latitude"), null=True, blank=True)
    longitude = models.FloatField(_("longitude"), null=True, blank=True)
    in_service = models.BooleanField(_("in service"), default=True)
    lock_up = models.BooleanField(_("lock up"), default=False, editable=False)
    # Part of the address in its code: raised, all codes printed before are worth a number.
    address_version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = _("berth")
        verbose_name_plural = _("berths")
        permissions = [
            ("readdress_berth", gettext_noop("make the printed codes of berths worthless")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["section", "number"], name="berth_number_of_a_section")
        ]
        indexes = [
            models.Index(fields=["section", "position"]),
            models.Index(fields=["latitude", "longitude"]),
        ]

    def __str__(self) -> str:
        return self.code


class BerthSensor(models.Model):
    """The vehicle sensor in a berth; a sensor belongs to one berth."""

    berth = models.ForeignKey(
        Berth, models.CASCADE, related_name="sensors", verbose_name=_("berth")
    )
    device = models.OneToOneField(
        "devices.Device", models.PROTECT, related_name="+", verbose_name=_("device")
    )

    class Meta:
        verbose_name = _("berth sensor")
        verbose_name_plural = _("berth sensors")

    def __str__(self) -> str:
        return f"{self.berth_id} {self.device_id}"


class CameraCoverage(models.Model):
    """Which camera sees a berth, and where in its picture (P2.2).

    `region` is the berth's polygon in relative picture coordinates, [[x, y], …] from 0 to 1; empty
    for a camera that looks at this berth alone. The lowest `priority` is asked first.
    """

    berth = models.ForeignKey(
        Berth, models.CASCADE, related_name="coverages", verbose_name=_("berth")
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, related_name="+", verbose_name=_("camera")
    )
    region = models.JSONField(_("region"), default=list, blank=True)
    priority = models.PositiveSmallIntegerField(_("priority"), default=1)

    class Meta:
        verbose_name = _("camera coverage")
        verbose_name_plural = _("camera coverage")
        constraints = [
            models.UniqueConstraint(fields=["berth", "device"], name="coverage_once_a_camera")
        ]
        ordering = ["priority", "pk"]

    def __str__(self) -> str:
        return f"{self.berth_id} {self.device_id}"


class HandheldPost(models.Model):
    """The section whose attendant carries this handheld."""

    device = models.ForeignKey(
        "devices.Device", models.PROTECT, related_name="+", verbose_name=_("handheld")
    )
    section = models.ForeignKey(
        Section, models.CASCADE, related_name="handhelds", verbose_name=_("section")
    )

    class Meta:
        verbose_name = _("handheld post")
        verbose_name_plural = _("handheld posts")
        constraints = [
            models.UniqueConstraint(fields=["device", "section"], name="post_once_a_section")
        ]

    def __str__(self) -> str:
        return f"{self.section_id} {self.device_id}"

"""What devices saw, and what was read from it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from parking.states import ImageOrderState, InspectionState, ReadingState, SightingState


class Sighting(WithPlate, StatefulModel):
    """A photograph of a vehicle: what, where, when, by which device (P0.1, P2.3).

    It always ends as settled, in review or unreadable; a plate that a person gives it later moves
    it on. The photograph is the evidence of its stay.
    """

    State = SightingState

    class Purpose(models.TextChoices):
        ARRIVAL = "arrival", _("arrival")
        LEAVING = "leaving", _("leaving")
        CAPTURE = "capture", _("inspection")

    MOVES = {
        SightingState.RECEIVED: {
            SightingState.REVIEW,
            SightingState.SETTLED,
            SightingState.UNREADABLE,  # of a departure: nobody has to look
        },
        SightingState.REVIEW: {SightingState.SETTLED, SightingState.UNREADABLE},
        SightingState.SETTLED: {
            SightingState.REVIEW,
            SightingState.SETTLED,
            SightingState.UNREADABLE,
        },
        SightingState.UNREADABLE: {SightingState.REVIEW, SightingState.SETTLED},
    }

    state = StateField(State, verbose_name=_("state"), default=State.RECEIVED)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, null=True, related_name="+", verbose_name=_("device")
    )
    attendant = models.CharField(_("attendant"), max_length=80, blank=True)
    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, null=True, related_name="+", verbose_name=_("berth")
    )
    section = models.ForeignKey(
        "parking.Section", models.PROTECT, null=True, related_name="+", verbose_name=_("section")
    )
    stay = models.ForeignKey(
        "parking.ParkingSession",
        models.PROTECT,
        null=True,
        related_name="sightings",
        verbose_name=_("stay"),
    )
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose.choices)
    image_sha = models.CharField(_("photograph"), max_length=64)
    occurred_at = models.DateTimeField(_("taken at"))
    received_at = models.DateTimeField(_("received"))
    plate_text = models.CharField(_("plate"), max_length=16, blank=True)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    confidence = models.FloatField(_("confidence"), null=True)
    settled_by = models.CharField(_("settled by"), max_length=80, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True)
    read_attempts = models.PositiveSmallIntegerField(_("times read"), default=0)
    read_again_at = models.DateTimeField(_("read again"), null=True)  # real time

    class Meta:
        verbose_name = _("sighting")
        verbose_name_plural = _("sightings")
        constraints = [
            known(SightingState, name="sighting_state_known"),
            models.UniqueConstraint(
                fields=["device", "image_sha", "occurred_at"], name="sighting_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(state=SightingState.SETTLED) | ~models.Q(plate_text=""),
                name="sighting_settled_has_plate",
            ),
        ]
        indexes = [
            models.Index(
                fields=["read_again_at"],
                condition=models.Q(state=SightingState.RECEIVED),
                name="sighting_to_read",
            ),
            models.Index(fields=["merchant", "-occurred_at"]),
            models.Index(fields=["device", "occurred_at"], name="sighting_of_camera"),
            models.Index(fields=["berth", "occurred_at"], name="sighting_at_berth"),
            models.Index(fields=["plate_text", "plate_colour", "occurred_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class PlateReading(StatefulModel):
    """What the plate reader made of a photograph; never changed, only judged (P2.3)."""

    State = ReadingState

    MOVES = {
        ReadingState.CONFIRMED: {ReadingState.CORRECTED, ReadingState.REVIEW},
        ReadingState.REVIEW: {
            ReadingState.CONFIRMED,
            ReadingState.CORRECTED,
            ReadingState.UNREADABLE,
        },
        ReadingState.CORRECTED: {ReadingState.REVIEW, ReadingState.CONFIRMED},
        ReadingState.UNREADABLE: {
            ReadingState.REVIEW,
            ReadingState.CONFIRMED,
            ReadingState.CORRECTED,
        },
    }

    state = StateField(State, verbose_name=_("state"))
    sighting = models.OneToOneField(
        Sighting, models.PROTECT, related_name="reading", verbose_name=_("sighting")
    )
    text = models.CharField(_("read"), max_length=16, blank=True)
    colour = models.CharField(_("colour"), max_length=16, blank=True)
    colour_confidence = models.FloatField(_("confidence of the colour"), default=0)
    candidates = models.JSONField(
        _("candidates"),
        default=list,
        help_text="[{text, probability, characters: [probability of each]}], best first.",
    )
    corners = models.JSONField(null=True)
    sharpness = models.FloatField(_("sharpness"), default=0)
    confident = models.BooleanField(_("confident"), default=False)
    why = models.CharField(_("why"), max_length=40)
    model = models.CharField(_("model"), max_length=80, blank=True)
    read_at = models.DateTimeField(_("read at"))

    class Meta:
        verbose_name = _("plate reading")
        verbose_name_plural = _("plate readings")
        constraints = [
            known(ReadingState, name="reading_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.sighting_id}"


class ImageOrder(StatefulModel):
    """A camera was asked for a picture of a stay; the next one is asked where it stays silent.

    Once at a time for each purpose: an order that failed may be given again.
    """

    State = ImageOrderState

    MOVES = {
        ImageOrderState.ASKED: {ImageOrderState.TAKEN, ImageOrderState.FAILED},
        ImageOrderState.FAILED: {ImageOrderState.TAKEN},
    }

    state = StateField(State, verbose_name=_("state"), default=State.ASKED)
    stay = models.ForeignKey(
        "parking.ParkingSession",
        models.PROTECT,
        related_name="image_orders",
        verbose_name=_("stay"),
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, related_name="+", verbose_name=_("device")
    )
    command = models.OneToOneField(
        "devices.Command", models.PROTECT, related_name="+", verbose_name=_("command")
    )
    purpose = models.CharField(
        _("purpose"), max_length=8, choices=Sighting.Purpose.choices, default="arrival"
    )
    asked_at = models.DateTimeField(_("asked at"))
    give_up_at = models.DateTimeField(_("given up at"))  # real time

    class Meta:
        verbose_name = _("image order")
        verbose_name_plural = _("image orders")
        constraints = [
            known(ImageOrderState, name="image_order_state_known"),
            models.UniqueConstraint(
                fields=["stay", "device", "purpose"],
                condition=models.Q(state=ImageOrderState.ASKED),
                name="image_order_once_a_camera",
            ),
        ]
        indexes = [
            models.Index(
                fields=["give_up_at"],
                condition=models.Q(state=ImageOrderState.ASKED),
                name="image_order_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stay_id} {self.device_id}"


class InspectionTask(StatefulModel):
    """An attendant is asked to photograph a berth, because no camera could (P2.2)."""

    State = InspectionState

    MOVES = {InspectionState.OPEN: {InspectionState.DONE, InspectionState.CANCELLED}}

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    section = models.ForeignKey(
        "parking.Section", models.PROTECT, related_name="+", verbose_name=_("section")
    )
    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, related_name="+", verbose_name=_("berth")
    )
    stay = models.ForeignKey(
        "parking.ParkingSession",
        models.PROTECT,
        related_name="inspection_tasks",
        verbose_name=_("stay"),
    )
    why = models.CharField(_("why"), max_length=40)
    opened_at = models.DateTimeField(_("opened"))
    done_at = models.DateTimeField(_("done"), null=True)

    class Meta:
        verbose_name = _("inspection task")
        verbose_name_plural = _("inspection tasks")
        constraints = [
            known(InspectionState, name="inspection_state_known"),
            models.UniqueConstraint(
                fields=["stay"],
                condition=models.Q(state=InspectionState.OPEN),
                name="one_open_inspection_a_stay",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} · {self.get_state_display()}"

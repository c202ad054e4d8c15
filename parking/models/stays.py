"""Stays, the events that make them, and the money that came for them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from parking.states import PlateState, StayState


class ParkingSession(WithPlate, StatefulModel):
    """One stay of one vehicle in one berth (停车记录).

    A stay without departure is `parked`. Leaving prices it: what is not yet paid makes it `due`,
    else it is `settled`. A debt changes nothing here: the stay stays due until it is paid. The
    plate is what was settled on, by the reader or by a person; an unread plate is a state of its
    own and cannot be billed to anybody (docs/features.md 17).
    """

    State = StayState

    class Doubt(models.TextChoices):
        NONE = "", _("none")
        NEXT_ARRIVED = "next_arrived", _("the next vehicle came before this one was seen to leave")
        NO_DEPARTURE = "no_departure", _("no departure was reported")
        SPLIT = "split", _("another arrival was reported in the middle of this stay")
        GAP = "sensor_gap", _("the sensor was silent for a part of this stay")

    MOVES = {
        StayState.PARKED: {StayState.DUE, StayState.SETTLED, StayState.VOID},
        # Parked again: it had not left, its sensor only said so. Due again: a departure became
        # known later, or was corrected.
        StayState.DUE: {StayState.SETTLED, StayState.VOID, StayState.PARKED},
        StayState.SETTLED: {StayState.DUE, StayState.VOID, StayState.PARKED},
    }

    IMPORTED = "system:parking.import_history"  # whose word the plate of a stay from a file is

    state = StateField(State, verbose_name=_("state"), default=State.PARKED)
    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, related_name="stays", verbose_name=_("berth")
    )
    section = models.ForeignKey(
        "parking.Section", models.PROTECT, related_name="stays", verbose_name=_("section")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    tariff_version = models.ForeignKey(
        "parking.TariffVersion",
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("tariff version"),
    )  # none: the section had no price, and the stay is free
    arrived_at = models.DateTimeField(_("arrived"))
    left_at = models.DateTimeField(_("left"), null=True, blank=True)

    plate_text = models.CharField(_("plate"), max_length=16, blank=True)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    plate_state = StateField(
        PlateState, verbose_name=_("plate is"), max_length=12, default=PlateState.UNREAD
    )
    plate_confidence = models.FloatField(_("confidence"), null=True, blank=True)
    plate_by = models.CharField(_("plate settled by"), max_length=80, blank=True)
    plate_at = models.DateTimeField(_("plate settled at"), null=True, blank=True)
    plate_said_of = models.DateTimeField(
        null=True,
        editable=False,
        help_text="The moment of which a person said the plate, where no photograph gives it.",
    )

    fee_fen = MoneyField(_("fee"), default=0)
    prepaid_fen = MoneyField(_("paid while parked"), default=0)
    due_fen = MoneyField(_("due"), default=0)
    lines = models.JSONField(_("bill"), default=list)
    paid_until = models.DateTimeField(_("paid until"), null=True, blank=True)
    reminded_of = models.DateTimeField(
        null=True, editable=False, help_text="The paid time whose end was told."
    )
    leave_by = models.DateTimeField(_("leave by"), null=True, blank=True)
    capped_at = models.DateTimeField(_("fee stops at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    final_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="When its departure counts, unless it is said to stand.",
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="merged"
    )  # the stay that this one turned out to be a part of
    check_departure_at = models.DateTimeField(null=True, blank=True, editable=False)

    doubtful = models.BooleanField(_("in doubt"), default=False)
    doubt = models.CharField(
        _("doubt"), max_length=16, choices=Doubt.choices, blank=True, default=Doubt.NONE
    )
    simulated = models.BooleanField(_("simulated"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("stay")
        verbose_name_plural = _("stays")
        permissions = [
            ("open_parkingsession", gettext_noop("begin a stay by hand")),
            ("end_parkingsession", gettext_noop("end a stay by hand")),
            ("void_parkingsession", gettext_noop("cancel a stay")),
            ("correct_parkingsession", gettext_noop("correct the plate of a stay")),
            ("move_parkingsession", gettext_noop("move a payment to another stay, or back")),
            ("export_parkingsession", gettext_noop("take stays away as a file")),
        ]
        constraints = [
            known(StayState, name="stay_state_known"),
            known(PlateState, name="stay_plate_state_known", field="plate_state"),
            models.UniqueConstraint(
                fields=["berth"],
                condition=models.Q(state=StayState.PARKED),
                name="one_open_stay_a_berth",
            ),
            models.CheckConstraint(
                condition=models.Q(left_at__isnull=True)
                | models.Q(left_at__gte=models.F("arrived_at")),
                name="stay_leaves_after_it_arrives",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=[StayState.DUE, StayState.SETTLED])
                | models.Q(left_at__isnull=False),
                name="stay_priced_once_it_left",
            ),
            models.CheckConstraint(
                condition=~models.Q(plate_state=PlateState.SETTLED) | ~models.Q(plate_text=""),
                name="stay_settled_plate_has_text",
            ),
            models.CheckConstraint(
                condition=models.Q(due_fen=0) | models.Q(state=StayState.DUE),
                name="stay_due_when_due",
            ),
        ]
        indexes = [
            models.Index(fields=["plate_text", "plate_colour", "arrived_at"]),
            models.Index(fields=["merchant", "-arrived_at"]),
            models.Index(fields=["berth", "arrived_at"]),
            models.Index(fields=["state", "arrived_at"], name="stay_state_arrived"),
            models.Index(
                fields=["check_departure_at"],
                condition=models.Q(state=StayState.PARKED),
                name="stay_departure_expected",
            ),
            models.Index(
                fields=["paid_until"],
                condition=models.Q(state=StayState.PARKED),
                name="stay_paid_time_ends",
            ),
            models.Index(
                fields=["final_at"],
                condition=models.Q(final_at__isnull=False),
                name="stay_departure_final",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class BerthEvent(models.Model):
    """That a berth was said to be taken or left, at a moment; the same said twice is one row.

    All of them are kept, those that no stay could be made of yet as well (a departure before its
    arrival). `stay` is the stay that the event begins or ends, none for a stray one.
    """

    class Kind(models.TextChoices):
        ARRIVED = "arrived", _("arrived")
        LEFT = "left", _("left")

    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, related_name="events", verbose_name=_("berth")
    )
    kind = models.CharField(_("what"), max_length=8, choices=Kind.choices)
    occurred_at = models.DateTimeField(_("occurred"))
    received_at = models.DateTimeField(_("received"))
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, null=True, related_name="+", verbose_name=_("device")
    )
    said_by = models.CharField(_("said by"), max_length=80)
    stay = models.ForeignKey(
        ParkingSession, models.SET_NULL, null=True, related_name="events", verbose_name=_("stay")
    )
    by_hand = models.BooleanField(_("said by a person"), default=False)
    device_at = models.DateTimeField(
        _("by the device's clock"), null=True
    )  # where that was wrong, and `occurred_at` is when we heard
    ignored = models.BooleanField(_("set aside by a person"), default=False)
    times = models.PositiveIntegerField(_("times said"), default=1)

    class Meta:
        verbose_name = _("berth event")
        verbose_name_plural = _("berth events")
        constraints = [
            models.UniqueConstraint(
                fields=["berth", "kind", "occurred_at"], name="berth_event_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class BerthSilence(models.Model):
    """Time in which no sensor of a berth was heard: nothing proved what stood there."""

    berth = models.ForeignKey(
        "parking.Berth", models.CASCADE, related_name="silences", verbose_name=_("berth")
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, null=True, related_name="+", verbose_name=_("device")
    )
    began_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("until"), null=True)
    why = models.CharField(_("why"), max_length=40)

    class Meta:
        verbose_name = _("silence of a berth")
        verbose_name_plural = _("silences of berths")
        constraints = [
            models.UniqueConstraint(
                fields=["berth"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_silence_a_berth",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("began_at")),
                name="silence_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["berth", "began_at"], name="silence_of_a_berth")]

    def __str__(self) -> str:
        return f"{self.berth_id} {self.began_at}"


class StayGap(models.Model):
    """What a stay has of its berth's silence: nothing proves that time, so it is not billed."""

    stay = models.ForeignKey(
        ParkingSession, models.CASCADE, related_name="gaps", verbose_name=_("stay")
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, null=True, related_name="+", verbose_name=_("device")
    )
    began_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("until"), null=True)
    why = models.CharField(_("why"), max_length=40)

    class Meta:
        verbose_name = _("gap of a stay")
        verbose_name_plural = _("gaps of stays")
        constraints = [
            models.UniqueConstraint(
                fields=["stay"],
                condition=models.Q(ended_at__isnull=True),
                name="one_open_gap_a_stay",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True)
                | models.Q(ended_at__gte=models.F("began_at")),
                name="stay_gap_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stay_id} {self.began_at}"


class StayPayment(WithPlate):
    """Money that a stay took, from which item of which order, and for which vehicle it was paid.

    What is left of it after `refunded_fen` and `moved_fen` pays the stay. `forgone_fen` of that
    went back all the same, and the merchant bears it (docs/decisions/0065). `ahead_until` is the
    time that was asked for ahead.
    """

    class Kind(models.TextChoices):
        AHEAD = "ahead", _("pre-payment")
        PARKED = "parked", _("paid while parked")
        AFTER = "after", _("paid after leaving")

    stay = models.ForeignKey(
        ParkingSession, models.PROTECT, related_name="payments", verbose_name=_("stay")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    order_item = models.ForeignKey(
        "payments.OrderItem", models.PROTECT, related_name="+", verbose_name=_("order item")
    )
    order_number = models.CharField(_("order"), max_length=20)
    amount_fen = MoneyField(_("amount"))
    refunded_fen = MoneyField(_("given back"), default=0)
    moved_fen = MoneyField(_("moved to another stay"), default=0)
    forgone_fen = MoneyField(_("given back, the fee stays paid"), default=0)
    paid_at = models.DateTimeField(_("paid at"))
    ahead_until = models.DateTimeField(_("paid ahead until"), null=True, blank=True)
    is_part = models.BooleanField(_("a part of the fee"), default=False)
    plate_text = models.CharField(_("plate"), max_length=16, blank=True)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)

    class Meta:
        verbose_name = _("payment of a stay")
        verbose_name_plural = _("payments of stays")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    amount_fen__gte=models.F("refunded_fen")
                    + models.F("moved_fen")
                    + models.F("forgone_fen")
                ),
                name="stay_payment_returned_within",
            ),
            models.UniqueConstraint(
                fields=["stay", "order_item"], name="stay_payment_once_an_item"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stay_id} {self.order_number}"

    @property
    def kept_fen(self) -> int:
        """What it pays of the stay."""
        return self.amount_fen - self.refunded_fen - self.moved_fen

    @property
    def returnable_fen(self) -> int:
        """What of that may still go back or elsewhere."""
        return self.kept_fen - self.forgone_fen

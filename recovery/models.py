"""Recovery of debts with a lock on a merchant's own ground (P1): the order, what it is bound to,
what was paid for it, and the fetching of the lock afterwards."""

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate
from recovery.states import MoveState, RecoveryState


def new_token() -> str:
    """128 bits: whoever stands before the lock may see and pay, nobody can guess it."""
    return secrets.token_urlsafe(16)


class RecoveryOrder(WithPlate, StatefulModel):
    """One vehicle, one lock, the merchant's own debts (追缴订单, P1.2).

    Open until the lock is fetched. A person raises; payment, dispute, waiver, emergency, lease
    and release code lower (docs/rules.md 8); `ended_by` says which.
    """

    State = RecoveryState

    class End(models.TextChoices):
        PAYMENT = "payment", _("paid")
        DROPPED = "dropped", _("waived or withdrawn")
        DISPUTE = "dispute", _("the owner objects")
        QUESTION = "question", _("a question about the stay is open")
        REPRICED = "repriced", _("the fee was raised")
        TOO_LITTLE = "too_little", _("too little is still owed")
        DELISTED = "delisted", _("the vehicle is not listed any more")
        LEFT = "left", _("the vehicle has left")
        MISREAD = "misread", _("another vehicle stands there")
        EXEMPT = "exempt", _("the vehicle is exempt")
        GROUND = "ground", _("the berth is not the merchant's own ground any more")
        UNCLEAR = "unclear", _("nobody knows yet whether it was paid")
        OUTAGE = "outage", _("something of ours is away")
        EMERGENCY = "emergency", _("lowered by a person")
        LEASE = "lease", _("the lock lowered itself")
        RELEASE_CODE = "release_code", _("release code typed")
        CANCELLED = "cancelled", _("cancelled")

    STANDING = (
        RecoveryState.BOUND,
        RecoveryState.PLACED,
        RecoveryState.RAISING,
        RecoveryState.RAISED,
    )
    ENDING = (RecoveryState.PAID, RecoveryState.LOWERING)
    OPEN = (*STANDING, *ENDING, RecoveryState.LOWERED)
    MOVES = {
        RecoveryState.BOUND: {
            RecoveryState.PLACED,
            RecoveryState.PAID,
            RecoveryState.LOWERING,
            RecoveryState.LOWERED,
            RecoveryState.CANCELLED,
        },
        RecoveryState.PLACED: {
            RecoveryState.RAISING,
            RecoveryState.PAID,
            RecoveryState.LOWERING,
            RecoveryState.LOWERED,
            RecoveryState.CANCELLED,
        },
        RecoveryState.RAISING: {
            RecoveryState.RAISED,
            RecoveryState.PLACED,
            RecoveryState.PAID,
            RecoveryState.LOWERING,
            RecoveryState.LOWERED,
        },
        RecoveryState.RAISED: {
            RecoveryState.PAID,
            RecoveryState.LOWERING,
            RecoveryState.LOWERED,
        },
        RecoveryState.PAID: {
            RecoveryState.LOWERING,
            RecoveryState.LOWERED,
            RecoveryState.MOVED,
        },
        RecoveryState.LOWERING: {
            RecoveryState.LOWERED,
            RecoveryState.MOVED,
            RecoveryState.PAID,
        },
        RecoveryState.LOWERED: {RecoveryState.MOVED, RecoveryState.LOWERING},
    }

    state = StateField(State, verbose_name=_("state"), default=State.BOUND)
    code = models.CharField(_("number"), max_length=20, unique=True)
    token = models.CharField(max_length=32, unique=True, default=new_token)
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
        "parking.ParkingSession", models.PROTECT, related_name="+", verbose_name=_("stay")
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, related_name="+", verbose_name=_("lock")
    )
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    eligibility = models.JSONField(_("rules"), default=list)
    second_look = models.JSONField(_("second look"), default=dict)
    ended_by = models.CharField(
        _("ended by"), max_length=16, choices=End.choices, blank=True, default=""
    )
    lock_position = models.CharField(_("lock"), max_length=16, blank=True)
    lock_cause = models.CharField(max_length=32, blank=True)
    lock_at = models.DateTimeField(_("lock reported"), null=True)
    problem = models.CharField(_("problem"), max_length=40, blank=True)
    placed_sha = models.CharField(max_length=64, blank=True)
    next_picture_after = models.DateTimeField(
        null=True, help_text="real time of the last step: what shows the next one is newer"
    )
    raise_command = models.BigIntegerField(null=True)
    lower_command = models.BigIntegerField(null=True)
    bound_at = models.DateTimeField(_("bound"))
    placed_at = models.DateTimeField(_("placed"), null=True)
    raising_at = models.DateTimeField(_("raise ordered"), null=True)
    raised_at = models.DateTimeField(_("raised"), null=True)
    ended_at = models.DateTimeField(_("lowering ordered"), null=True)
    lowered_at = models.DateTimeField(_("lowered"), null=True)
    moved_at = models.DateTimeField(_("taken away"), null=True)
    late_at = models.DateTimeField(_("not down in time"), null=True)
    bound_by = models.CharField(_("by"), max_length=80)

    class Meta:
        verbose_name = _("recovery order")
        verbose_name_plural = _("recovery orders")
        permissions = [
            ("lower_recoveryorder", gettext_noop("lower a lock in an emergency")),
        ]
        constraints = [
            known(RecoveryState, name="recovery_state_known"),
            models.UniqueConstraint(
                fields=["plate_text", "section"],
                condition=models.Q(
                    state__in=[
                        RecoveryState.BOUND,
                        RecoveryState.PLACED,
                        RecoveryState.RAISING,
                        RecoveryState.RAISED,
                        RecoveryState.PAID,
                        RecoveryState.LOWERING,
                    ]
                ),
                name="recovery_one_open_a_vehicle",
            ),
            models.UniqueConstraint(
                fields=["device"],
                condition=models.Q(
                    state__in=[
                        RecoveryState.BOUND,
                        RecoveryState.PLACED,
                        RecoveryState.RAISING,
                        RecoveryState.RAISED,
                        RecoveryState.PAID,
                        RecoveryState.LOWERING,
                        RecoveryState.LOWERED,
                    ]
                ),
                name="recovery_one_open_a_lock",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        RecoveryState.BOUND,
                        RecoveryState.PLACED,
                        RecoveryState.RAISING,
                        RecoveryState.RAISED,
                    ]
                )
                | ~models.Q(ended_by=""),
                name="recovery_end_has_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["merchant", "state", "-id"])]

    def __str__(self) -> str:
        return self.code


class BoundDebt(models.Model):
    """A debt that an order is for; the stay behind it is what a payment settles."""

    order = models.ForeignKey(RecoveryOrder, models.PROTECT, related_name="bound")
    debt = models.ForeignKey(
        "arrears.Debt", models.PROTECT, related_name="+", verbose_name=_("debt")
    )
    stay = models.ForeignKey(
        "parking.ParkingSession", models.PROTECT, related_name="+", verbose_name=_("stay")
    )
    amount_fen = MoneyField(_("amount when bound"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "debt"], name="recovery_binds_a_debt_once")
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.debt_id}"


class EvidencePhoto(models.Model):
    """A photograph that shows one step of one order, and nothing else ever again: what it is for,
    who took it, where and when."""

    class Purpose(models.TextChoices):
        SECOND_LOOK = "second_look", _("second look")
        PLACING = "placing", _("lock placed")
        LOWERED_BY_HAND = "by_hand", _("lowered by hand")
        FETCHING = "fetching", _("lock fetched")

    order = models.ForeignKey(
        RecoveryOrder, models.PROTECT, related_name="photographs", verbose_name=_("order")
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose.choices)
    sha256 = models.CharField(_("photograph"), max_length=64, unique=True)
    by = models.CharField(_("by"), max_length=80)
    berth = models.ForeignKey(
        "parking.Berth", models.PROTECT, related_name="+", verbose_name=_("berth")
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, null=True, related_name="+", verbose_name=_("device")
    )
    typed = models.CharField(_("plate as typed"), max_length=32, blank=True)
    taken_at = models.DateTimeField(_("taken at"))

    class Meta:
        verbose_name = _("photograph of an order")
        verbose_name_plural = _("photographs of orders")

    def __str__(self) -> str:
        return f"{self.order_id} {self.purpose}"


class LockTerms(models.Model):
    """What a merchant asks of itself before it uses a lock; without a row the usual holds."""

    FLOOR_FEN = 5000

    merchant = models.OneToOneField(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    floor_fen = MoneyField(
        _("no lock below"),
        default=FLOOR_FEN,
        help_text=_("What must be owed at least, after demand and grace, before a lock goes up."),
    )

    class Meta:
        verbose_name = _("terms of locks")
        verbose_name_plural = _("terms of locks")

    def __str__(self) -> str:
        return str(self.merchant_id)


class SettlementOrder(models.Model):
    """The confirmed payment that ends a recovery order (结算订单, P1.4); written once."""

    order = models.OneToOneField(RecoveryOrder, models.PROTECT, related_name="settlement")
    order_item = models.ForeignKey("payments.OrderItem", models.PROTECT, related_name="+")
    payment_number = models.CharField(_("payment"), max_length=20)
    amount_fen = MoneyField(_("amount"))
    made_at = models.DateTimeField(_("made"))
    seen_at = models.DateTimeField(_("seen by the owner"), null=True)

    class Meta:
        verbose_name = _("settlement order")
        verbose_name_plural = _("settlement orders")

    def __str__(self) -> str:
        return self.payment_number


class MoveInstruction(StatefulModel):
    """Fetch the lock (移动指令, P1.6): reminded of, and an alarm when nobody comes."""

    State = MoveState

    MOVES = {MoveState.OPEN: {MoveState.CONFIRMED}}

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    order = models.OneToOneField(RecoveryOrder, models.PROTECT, related_name="move")
    made_at = models.DateTimeField(_("made"))
    due_at = models.DateTimeField(_("next reminder"))
    reminders = models.PositiveSmallIntegerField(_("reminders"), default=0)
    alarm_at = models.DateTimeField(_("alarm"), null=True)
    evidence = models.JSONField(_("evidence"), default=dict)
    confirmed_at = models.DateTimeField(_("fetched at"), null=True)
    confirmed_by = models.CharField(_("by"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("move instruction")
        verbose_name_plural = _("move instructions")
        constraints = [
            known(MoveState, name="move_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=MoveState.OPEN),
                name="move_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state}"


class LockEvent(models.Model):
    """What the lock of an order said, in order; evidence of P1.3 to P1.5."""

    order = models.ForeignKey(RecoveryOrder, models.PROTECT, related_name="lock_events")
    position = models.CharField(_("position"), max_length=16)
    cause = models.CharField(_("cause"), max_length=32)
    battery_pct = models.PositiveSmallIntegerField(_("battery"), null=True)
    occurred_at = models.DateTimeField(_("occurred"))
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("lock report")
        verbose_name_plural = _("lock reports")
        indexes = [models.Index(fields=["order", "id"])]

    def __str__(self) -> str:
        return f"{self.order_id} {self.position}"


class LockSign(models.Model):
    """Which address the code on a lock holds; without a row, the first one. Raised where the code
    was copied: what was printed before leads nowhere."""

    device = models.OneToOneField(
        "devices.Device", models.CASCADE, related_name="+", verbose_name=_("lock")
    )
    version = models.PositiveIntegerField(_("version of its code"), default=1)

    class Meta:
        verbose_name = _("code on a lock")
        verbose_name_plural = _("codes on locks")
        permissions = [
            ("readdress_locksign", gettext_noop("make the printed codes on locks worthless")),
        ]

    def __str__(self) -> str:
        return f"{self.device_id}"

"""From the pay window to the debt, its demand, its dispute and the list (P3.1, P3.2)."""

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from arrears.states import DebtState, DemandState, DisputeState, ListingState, PayWindowState
from core import personal
from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from core.vehicles import WithPlate


def new_token() -> str:
    """128 bits, for an address that only its receiver knows."""
    return secrets.token_urlsafe(16)


class PayWindow(WithPlate, StatefulModel):
    """The time in which everybody may pay after leaving. A debt arises from its end alone.

    It is the time of one vehicle's holder: with another plate the stay has another window. While a
    question about the stay is open it stands still, and begins anew with the answer.
    """

    State = PayWindowState

    MOVES = {
        PayWindowState.OPEN: {
            PayWindowState.ENDED,
            PayWindowState.HELD,
            PayWindowState.PAID,
            PayWindowState.DROPPED,
            PayWindowState.OPEN,
        },
        PayWindowState.HELD: {
            PayWindowState.OPEN,
            PayWindowState.PAID,
            PayWindowState.DROPPED,
        },  # open again: the question is over
        PayWindowState.ENDED: {
            PayWindowState.HELD,
            PayWindowState.PAID,
            PayWindowState.DROPPED,
            PayWindowState.OPEN,
        },  # open again: the plate was corrected
        PayWindowState.PAID: {
            PayWindowState.OPEN
        },  # due again: the departure or the fee was corrected
        PayWindowState.DROPPED: {PayWindowState.OPEN},
    }

    stay = models.OneToOneField(
        "parking.ParkingSession", models.PROTECT, related_name="+", verbose_name=_("stay")
    )
    LIVE = (PayWindowState.OPEN, PayWindowState.HELD, PayWindowState.ENDED)
    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    began_at = models.DateTimeField(_("began"))
    length_s = models.PositiveIntegerField(
        _("length (s)"), help_text=_("The section's when it began.")
    )
    due_at = models.DateTimeField(
        _("ends"), help_text=_("So much later than it began, without outages of ours.")
    )

    class Meta:
        verbose_name = _("pay window")
        verbose_name_plural = _("pay windows")
        constraints = [known(PayWindowState, name="pay_window_state_known")]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=PayWindowState.OPEN),
                name="pay_window_running",
            )
        ]

    @property
    def given_s(self) -> float:
        """Seconds by which outages of ours have put its end off (docs/rules.md L7)."""
        return (self.due_at - self.began_at).total_seconds() - self.length_s

    def __str__(self) -> str:
        return f"{self.stay_id}"


class Debt(WithPlate, StatefulModel):
    """What is still due for a stay after its pay window (欠费). The stay itself stays due.

    `amount_fen` follows the stay's due under the stay's lock; it never holds more than the fee, and
    a demand stands only for what it named: a debt that is raised is asked for anew.
    """

    State = DebtState

    LIVE = (DebtState.OPEN, DebtState.DISPUTED)
    MOVES = {
        DebtState.OPEN: {
            DebtState.OPEN,
            DebtState.DISPUTED,
            DebtState.PAID,
            DebtState.WAIVED,
            DebtState.CANCELLED,
        },  # open again: it was raised
        DebtState.DISPUTED: {
            DebtState.DISPUTED,
            DebtState.OPEN,
            DebtState.PAID,
            DebtState.WAIVED,
            DebtState.CANCELLED,
        },
        DebtState.PAID: {DebtState.OPEN},  # due again: the departure or the fee was corrected
        DebtState.CANCELLED: {DebtState.OPEN},
    }

    stay = models.OneToOneField(
        "parking.ParkingSession", models.PROTECT, related_name="+", verbose_name=_("stay")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("creditor")
    )
    section = models.ForeignKey(
        "parking.Section", models.PROTECT, related_name="+", verbose_name=_("section")
    )
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    amount_fen = MoneyField(_("amount"))
    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    opened_at = models.DateTimeField(_("since"))
    demanded_at = models.DateTimeField(
        _("demand delivered"), null=True, help_text=_("The first demand that was delivered.")
    )
    demanded_fen = MoneyField(
        _("amount demanded"), null=True, help_text=_("What that demand named at least.")
    )
    raised_from_fen = MoneyField(
        _("amount before it was raised"), null=True, help_text=_("What the debtor was told before.")
    )
    raised_why = models.CharField(_("why it was raised"), max_length=80, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("debt")
        verbose_name_plural = _("debts")
        constraints = [
            known(DebtState, name="debt_state_known"),
            models.CheckConstraint(condition=~models.Q(plate_text=""), name="debt_has_a_plate"),
            models.CheckConstraint(
                condition=models.Q(demanded_at=None)
                | models.Q(demanded_fen__isnull=False, demanded_fen__gte=models.F("amount_fen")),
                name="debt_asks_what_was_demanded",
            ),
        ]
        indexes = [
            models.Index(
                fields=["plate_text", "plate_colour"],
                condition=models.Q(state__in=[DebtState.OPEN, DebtState.DISPUTED]),
                name="debt_live_of_plate",
            ),
            models.Index(fields=["merchant", "state", "-opened_at"]),
            # The orders of the merchant's list: of what is owed, and of all.
            models.Index(
                fields=["merchant", "opened_at"],
                condition=models.Q(state__in=[DebtState.OPEN, DebtState.DISPUTED]),
                name="debt_live_by_since",
            ),
            models.Index(
                fields=["merchant", "amount_fen", "id"],
                condition=models.Q(state__in=[DebtState.OPEN, DebtState.DISPUTED]),
                name="debt_live_by_amount",
            ),
            models.Index(fields=["merchant", "opened_at"], name="debt_by_since"),
            models.Index(fields=["merchant", "amount_fen", "id"], name="debt_by_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class Demand(WithPlate, StatefulModel):
    """A formal request to pay (催缴), to every debtor; one may name several debts.

    It must be delivered before a listing becomes active or a lock goes up. `evidence` is the
    message's key, the page that was opened, or the hash of the paper notice's photograph.
    """

    State = DemandState

    class Channel(models.TextChoices):
        SMS = "sms", _("text message")
        PAGE = "page", _("page")
        PAPER = "paper", _("paper notice")

    MOVES = {
        DemandState.MADE: {
            DemandState.SENDING,
            DemandState.DELIVERED,
            DemandState.FAILED,
            DemandState.DROPPED,
        },
        DemandState.SENDING: {DemandState.DELIVERED, DemandState.FAILED, DemandState.DROPPED},
        DemandState.FAILED: {DemandState.MADE, DemandState.DELIVERED, DemandState.DROPPED},
    }

    debts = models.ManyToManyField(Debt, related_name="demands", verbose_name=_("debts"))
    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    user = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", verbose_name=_("to")
    )
    channel = models.CharField(_("channel"), max_length=8, choices=Channel.choices)
    state = StateField(State, verbose_name=_("state"), default=State.MADE)
    token = models.CharField(max_length=32, unique=True, default=new_token)
    due_at = models.DateTimeField(_("to be sent at"))
    made_at = models.DateTimeField(_("made"))
    delivered_at = models.DateTimeField(_("delivered at"), null=True)
    evidence = models.CharField(_("evidence"), max_length=120, blank=True)

    class Meta:
        verbose_name = _("demand")
        verbose_name_plural = _("demands")
        constraints = [
            known(DemandState, name="demand_state_known"),
            models.CheckConstraint(
                condition=~models.Q(state=DemandState.DELIVERED)
                | models.Q(delivered_at__isnull=False),
                name="demand_delivered_when",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state=DemandState.MADE), name="demand_due"
            ),
            models.Index(fields=["plate_text", "plate_colour", "state"]),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class Dispute(WithPlate, StatefulModel):
    """The owner objects: to stays, with or without a debt, or to a decision about them.

    It names stays of one vehicle and one creditor, who answers them together; the plate is the one
    they had when it was said. While it is open nobody contacts, lists or locks for what it is
    about. Only a person decides.
    """

    State = DisputeState

    class Reason(models.TextChoices):
        NOT_MINE = "not_mine", _("not my vehicle")
        SOLD = "sold", _("the vehicle is sold")
        PAID = "paid", _("I have paid")
        AMOUNT = "amount", _("the amount or the time is wrong")
        DECISION = "decision", _("I object to the automatic decision")
        OTHER = "other", _("something else")

    MOVES = {
        DisputeState.OPEN: {DisputeState.UPHELD, DisputeState.REJECTED, DisputeState.WITHDRAWN}
    }

    stays = models.ManyToManyField(
        "parking.ParkingSession", related_name="+", verbose_name=_("stays")
    )
    plate_text = models.CharField(_("plate"), max_length=16, blank=True)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("creditor")
    )
    user = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    text = models.TextField(_("in the owner's words"), max_length=2000, blank=True)
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    token = models.CharField(max_length=32, unique=True, default=new_token)
    reply_sealed = models.TextField(blank=True, editable=False)  # the phone that the answer goes to
    tell_at = models.DateTimeField(
        null=True, editable=False, help_text="When the answer is to be sent; empty once it was."
    )
    opened_at = models.DateTimeField(_("opened"))
    answer_by = models.DateTimeField(_("answer by"))
    decided_at = models.DateTimeField(_("decided"), null=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        permissions = [
            ("decide_dispute", gettext_noop("decide an objection")),
        ]
        constraints = [known(DisputeState, name="dispute_state_known")]
        indexes = [
            models.Index(
                fields=["answer_by"],
                condition=models.Q(state=DisputeState.OPEN),
                name="dispute_open",
            ),
            models.Index(
                fields=["tell_at"],
                condition=models.Q(tell_at__isnull=False),
                name="dispute_answer_to_tell",
            ),
        ]

    @property
    def reply_masked(self) -> str:
        """The phone that the answer goes to, for the page of who gave it; "" for none."""
        return (
            personal.masked_phone(personal.unseal(self.reply_sealed)) if self.reply_sealed else ""
        )

    def __str__(self) -> str:
        return f"{self.pk}"


class BlacklistEntry(WithPlate, StatefulModel):
    """A vehicle with unpaid debts (P3.2), from the first debt on until the last is gone.

    Pending during notice and grace, active after, suspended while all its debts are held. Always
    recomputed from the debts under its own lock, in the transaction that changes them.
    """

    State = ListingState

    LIVE = (
        ListingState.PENDING,
        ListingState.ACTIVE,
        ListingState.SUSPENDED,
    )
    MOVES = {
        ListingState.PENDING: {
            ListingState.ACTIVE,
            ListingState.SUSPENDED,
            ListingState.GONE,
        },
        ListingState.ACTIVE: {
            ListingState.PENDING,
            ListingState.SUSPENDED,
            ListingState.GONE,
        },
        ListingState.SUSPENDED: {
            ListingState.PENDING,
            ListingState.ACTIVE,
            ListingState.GONE,
        },
    }

    plate_text = models.CharField(_("plate"), max_length=16)
    plate_colour = models.CharField(_("plate colour"), max_length=16, blank=True)
    state = StateField(State, verbose_name=_("state"), default=State.PENDING)
    since = models.DateTimeField(_("since"))
    due_at = models.DateTimeField(
        _("grace ends"), null=True, help_text=_("Empty until a demand was delivered.")
    )
    judge_at = models.DateTimeField(
        null=True, editable=False, help_text="To be judged anew from then on: its rule changed."
    )
    active_at = models.DateTimeField(_("listed at"), null=True)
    gone_at = models.DateTimeField(_("gone at"), null=True)
    amount_fen = MoneyField(_("amount"), default=0)
    why = models.JSONField(_("why"), default=dict)

    class Meta:
        verbose_name = _("listed vehicle")
        verbose_name_plural = _("listed vehicles")
        constraints = [
            known(ListingState, name="listing_state_known"),
            models.UniqueConstraint(
                fields=["plate_text", "plate_colour"],
                condition=~models.Q(state=ListingState.GONE),
                name="one_listing_a_vehicle",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=ListingState.PENDING),
                name="listing_grace",
            ),
            models.Index(
                fields=["judge_at"],
                condition=models.Q(judge_at__isnull=False),
                name="listing_to_judge",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

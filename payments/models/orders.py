"""An order asks a person for money; an attempt is one try to get it through one provider."""

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import MoneyField, StateField, known
from core.models import StatefulModel
from payments import providers
from payments.models.known import provider_named
from payments.states import AttemptState, OrderItemState, OrderState


def new_token() -> str:
    """128 bits: whoever holds the link may see and pay, nobody can guess it."""
    return secrets.token_urlsafe(16)


class Order(StatefulModel):
    """What somebody may pay in one go; at most one open order for the same set of things.

    Paid is the end: nothing turns it unpaid. A payment that arrives after the close still counts
    (closed → paid), because money that has arrived is never lost (docs/features.md 31, 32).
    """

    State = OrderState

    MOVES = {
        OrderState.OPEN: {OrderState.PAID, OrderState.CLOSED},
        OrderState.CLOSED: {OrderState.PAID},
    }

    state = StateField(State, verbose_name=_("state"), default=State.OPEN)
    number = models.CharField(_("number"), max_length=20, unique=True)
    token = models.CharField(max_length=32, unique=True, default=new_token)
    basket = models.CharField(max_length=64)  # digest of what is to pay
    title = models.CharField(_("title"), max_length=120)
    payer_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("payer"),
    )
    amount_fen = MoneyField(_("amount"))
    expires_at = models.DateTimeField(_("valid until"))  # business time
    created_at = models.DateTimeField(_("opened"))
    paid_at = models.DateTimeField(_("paid at"), null=True)
    opened_by = models.CharField(_("by"), max_length=80)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        permissions = [
            ("refund_order", gettext_noop("give money of an order back")),
        ]
        constraints = [
            known(OrderState, name="order_state_known"),
            models.UniqueConstraint(
                fields=["basket"],
                condition=models.Q(state=OrderState.OPEN),
                name="order_one_open_a_set",
            ),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="order_asks_money"),
            models.CheckConstraint(
                condition=models.Q(state=OrderState.PAID, paid_at__isnull=False)
                | (~models.Q(state=OrderState.PAID) & models.Q(paid_at__isnull=True)),
                name="order_paid_at_when_paid",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state=OrderState.OPEN),
                name="order_open_until",
            ),
            models.Index(fields=["payer_user", "id"]),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def bills(self) -> "list[OrderItem]":
        """What was asked for; what money has moved to since is not among them."""
        return [item for item in self.items.all() if item.moved_from_id is None]


class OrderItem(StatefulModel):
    """One thing paid in an order, with the bill as it was when the order was opened.

    Money that moves to another thing becomes an item of its own, which says where it came from;
    the first one keeps what it took (payments.services.moving).
    """

    State = OrderItemState

    MOVES = {
        OrderItemState.WAITING: {
            OrderItemState.SETTLED,
            OrderItemState.PARTLY,
            OrderItemState.UNNEEDED,
        }
    }

    state = StateField(State, verbose_name=_("state"), default=State.WAITING)
    order = models.ForeignKey(Order, models.PROTECT, related_name="items")
    payable = models.CharField(_("kind"), max_length=40)
    subject_id = models.BigIntegerField(_("subject"))
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", verbose_name=_("merchant")
    )
    title = models.CharField(_("title"), max_length=120)
    amount_fen = MoneyField(_("amount"))
    lines = models.JSONField(_("lines"), default=list)
    subject_state = models.CharField(max_length=40, blank=True)
    asked_of = models.CharField(max_length=40, blank=True, editable=False)
    leave_by = models.DateTimeField(null=True)
    taken_fen = MoneyField(_("taken"), default=0)
    is_part = models.BooleanField(_("a part of what was due"), default=False)
    moved_from = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="moved_to", verbose_name=_("moved from")
    )

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [
            known(OrderItemState, name="order_item_state_known"),
            models.UniqueConstraint(
                fields=["order", "payable", "subject_id"],
                condition=models.Q(moved_from=None),
                name="order_item_once",
            ),
            models.CheckConstraint(
                condition=models.Q(taken_fen__lte=models.F("amount_fen")),
                name="order_item_takes_its_own",
            ),
        ]
        indexes = [models.Index(fields=["payable", "subject_id"])]

    def __str__(self) -> str:
        return f"{self.payable} {self.subject_id}"


class Attempt(StatefulModel):
    """One try to pay an order: a provider, a number of its own, an amount that never changes.

    `unknown` is a state of its own: the provider did not answer clearly, so the truth is asked
    for in the background until it is known (docs/features.md 30). Its times are real time:
    providers do not live in moved time.
    """

    State = AttemptState

    LIVE = (AttemptState.CREATED, AttemptState.PENDING, AttemptState.UNKNOWN)
    MOVES = {
        AttemptState.CREATED: {
            AttemptState.PENDING,
            AttemptState.UNKNOWN,
            AttemptState.PAID,
            AttemptState.FAILED,
            AttemptState.CLOSED,
        },
        AttemptState.PENDING: {
            AttemptState.UNKNOWN,
            AttemptState.PAID,
            AttemptState.FAILED,
            AttemptState.CLOSED,
        },
        AttemptState.UNKNOWN: {
            AttemptState.PAID,
            AttemptState.FAILED,
            AttemptState.CLOSED,
        },
        AttemptState.FAILED: {AttemptState.PAID},
        AttemptState.CLOSED: {AttemptState.PAID},
    }

    state = StateField(State, verbose_name=_("state"), default=State.CREATED)
    order = models.ForeignKey(
        Order, models.PROTECT, related_name="attempts", verbose_name=_("order")
    )
    provider = models.CharField(_("provider"), max_length=16, choices=providers.choices)
    account = models.CharField(_("account"), max_length=64, blank=True)  # of ours at the provider
    out_trade_no = models.CharField(_("our number"), max_length=32, unique=True)
    provider_no = models.CharField(_("provider's number"), max_length=64, blank=True)
    amount_fen = MoneyField(_("amount"))
    pay_url = models.TextField(blank=True)
    qr = models.TextField(blank=True)
    sheet = models.CharField(max_length=128, blank=True)  # what opens one in the provider's app
    browser = models.CharField(max_length=64, blank=True)  # digest of the one it opens in
    created_at = models.DateTimeField(_("begun"))
    expires_at = models.DateTimeField(_("valid until"))
    paid_at = models.DateTimeField(_("paid at"), null=True)
    next_look_at = models.DateTimeField(_("asked next"), null=True)
    looks = models.PositiveSmallIntegerField(_("times asked"), default=0)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    shift = models.ForeignKey(  # of who took the cash; none where a provider did
        "payments.CashShift",
        models.PROTECT,
        null=True,
        related_name="taken",
        verbose_name=_("cash shift"),
    )
    # What the provider says was paid, where it is not what we asked for.
    reported_fen = MoneyField(_("amount as reported"), null=True)
    person_since = models.DateTimeField(_("waits for a person since"), null=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts to pay")
        permissions = [
            ("query_attempt", gettext_noop("ask the provider about a payment")),
            ("accept_attempt", gettext_noop("take a payment of another amount")),
        ]
        constraints = [
            known(AttemptState, name="attempt_state_known"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="attempt_asks_money"),
            provider_named("attempt_provider_named"),
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=models.Q(
                    state__in=[AttemptState.CREATED, AttemptState.PENDING, AttemptState.UNKNOWN]
                ),
                name="attempt_to_look_at",
            ),
            models.Index(
                fields=["person_since"],
                condition=models.Q(person_since__isnull=False),
                name="attempt_waits_for_person",
            ),
            models.Index(
                fields=["paid_at"],
                condition=models.Q(paid_at__isnull=False),
                name="attempt_paid_on",
            ),
        ]

    def __str__(self) -> str:
        return self.out_trade_no

    @property
    def received_fen(self) -> int:
        """What came, or is to come: the amount asked for, unless another one was taken."""
        return self.amount_fen if self.reported_fen is None else self.reported_fen

"""Devices, their keys and connections, what they said and what they are told."""

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import personal
from core.fields import StateField, known
from core.models import StatefulModel
from devices.rules import kinds
from devices.states import CommandState, DeviceState


class Device(StatefulModel):
    """A thing on the street that speaks for itself: sensor, camera, handheld, lock, gate."""

    State = DeviceState

    MOVES = {
        DeviceState.ENROLLED: {DeviceState.ACTIVE, DeviceState.REVOKED},
        DeviceState.ACTIVE: {DeviceState.REVOKED},
    }

    KINDS: ClassVar[list[tuple[str, Any]]] = [(one.name, _(one.word)) for one in kinds.ALL]

    code = models.CharField(
        _("code"),
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")],  # stands in its address
    )
    kind = models.CharField(_("kind"), max_length=10, choices=KINDS)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="devices", verbose_name=_("merchant")
    )
    name = models.CharField(_("name"), max_length=80, blank=True)
    state = StateField(State, verbose_name=_("state"), default=State.ENROLLED)
    epoch = models.PositiveIntegerField(_("epoch"), default=0)  # raised by each log-in
    online = models.BooleanField(_("connected"), default=False)  # a socket of this epoch is open
    silent = models.BooleanField(_("silent"), default=True)  # said by the server, ends by a log-in
    last_heard_at = models.DateTimeField(_("last heard"), null=True)  # real time
    facts = models.JSONField(_("facts"), default=dict, blank=True)  # battery, lock position, …
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        permissions = [
            ("rekey_device", gettext_noop("give a device a new key")),
            ("revoke_device", gettext_noop("take a device out of service")),
        ]
        constraints = [
            known(DeviceState, name="device_state_known"),
            models.CheckConstraint(
                condition=models.Q(kind__in=kinds.NAMES), name="device_kind_known"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "kind"]),
            models.Index(
                fields=["last_heard_at"], condition=models.Q(silent=False), name="device_heard"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def abilities(self) -> kinds.DeviceKind:
        """What a device of this kind says, is told, and can do."""
        return kinds.of(self.kind)

    @property
    def actor(self) -> str:
        """How audit entries name this device."""
        return f"device:{self.code}"


class Credential(models.Model):
    """One key of a device, of which only the hash is kept. Two may be good while it is changed.

    The hash gives the lock's release codes, so it lies sealed; it is found by its digest.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="credentials")
    key_sealed = models.TextField(editable=False)
    key_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("key")
        verbose_name_plural = _("keys")

    def __str__(self) -> str:
        return f"{self.device} …{self.key_digest[:6]}"

    @property
    def key_hash(self) -> str:
        return personal.unseal(self.key_sealed)


class Connection(models.Model):
    """One log-in of a device, from its socket's opening to its end. Times are real time."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="connections")
    credential = models.ForeignKey(Credential, models.SET_NULL, null=True)
    epoch = models.PositiveIntegerField(_("epoch"))
    attendant = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, blank=True, verbose_name=_("attendant")
    )
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True)
    why_closed = models.CharField(_("why closed"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints = [
            models.UniqueConstraint(fields=["device", "epoch"], name="one_connection_an_epoch")
        ]

    def __str__(self) -> str:
        return f"{self.device_id} #{self.epoch}"


class MessageReceipt(models.Model):
    """A message was taken, and the answer it got; written with its effect (docs/rules.md 11)."""

    device = models.ForeignKey(Device, models.CASCADE)
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", db_index=False
    )  # the key to spread big tables by (docs/architecture.md)
    message_id = models.CharField(max_length=36)
    content = models.CharField(max_length=64)  # keyed digest of action and payload
    answer = models.JSONField()
    at = models.DateTimeField()  # real time

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "message_id"], name="message_once_a_device")
        ]
        indexes = [models.Index(fields=["at"], name="receipt_age")]

    def __str__(self) -> str:
        return f"{self.device_id} {self.message_id}"


class DeviceMessage(models.Model):
    """A frame as it came, and whether it was taken. Passwords in it are blotted out."""

    device = models.ForeignKey(
        Device, models.CASCADE, related_name="messages", verbose_name=_("device")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant", models.PROTECT, related_name="+", db_index=False
    )  # the key to spread big tables by (docs/architecture.md)
    epoch = models.PositiveIntegerField(_("epoch"))
    message_id = models.CharField(_("message"), max_length=36, blank=True)
    action = models.CharField(_("action"), max_length=40, blank=True)
    raw = models.TextField(_("as it came"))
    refused = models.CharField(_("refused because"), max_length=40, blank=True)  # error code
    why = models.CharField(_("explanation"), max_length=300, blank=True)
    login_name = models.CharField(max_length=150, blank=True)  # whom an AttendantLogin tried
    occurred_at = models.DateTimeField(_("occurred"), null=True)  # the device's clock
    corrected_at = models.DateTimeField(
        _("taken for"), null=True
    )  # where that can't be: when we heard it
    admitted_at = models.DateTimeField(_("admitted"), null=True)
    admitted_by = models.CharField(_("admitted by"), max_length=80, blank=True)
    received_at = models.DateTimeField(_("received"))  # business time
    received_real_at = models.DateTimeField(_("received (real time)"))

    class Meta:
        verbose_name = _("device message")
        verbose_name_plural = _("device messages")
        permissions = [
            ("admit_devicemessage", gettext_noop("admit a message that was refused")),
        ]
        indexes = [
            models.Index(fields=["device", "id"]),
            models.Index(fields=["id"], condition=~models.Q(refused=""), name="message_refused"),
            models.Index(
                fields=["received_real_at"],
                condition=models.Q(action="AttendantLogin"),
                name="message_login",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.action} {self.refused}"


class Command(StatefulModel):
    """What a device is told, until it has said how it went (docs/rules.md 4). Times are real."""

    State = CommandState

    OPEN = (
        CommandState.QUEUED,
        CommandState.SENT,
        CommandState.ACKNOWLEDGED,
    )
    _ENDS = {
        CommandState.DONE,
        CommandState.FAILED,
        CommandState.EXPIRED,
        CommandState.SUPERSEDED,
    }
    MOVES = {
        CommandState.QUEUED: {CommandState.SENT, *_ENDS},
        CommandState.SENT: {CommandState.ACKNOWLEDGED, *_ENDS},
        CommandState.ACKNOWLEDGED: _ENDS,
        CommandState.EXPIRED: {
            CommandState.DONE,
            CommandState.FAILED,
        },  # the device did it after all: what it says is the truth
    }

    device = models.ForeignKey(
        Device, models.CASCADE, related_name="commands", verbose_name=_("device")
    )
    merchant = models.ForeignKey(
        "accounts.Merchant",
        models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("merchant"),
    )  # the key to spread big tables by (docs/architecture.md)
    action = models.CharField(_("action"), max_length=40)
    payload = models.JSONField(_("payload"))
    reference = models.CharField(_("reference"), max_length=80, blank=True)
    state = StateField(State, verbose_name=_("state"), default=State.QUEUED)
    priority = models.PositiveSmallIntegerField(_("priority"), default=5)  # lower goes first
    actor = models.CharField(_("by"), max_length=80)
    created_at = models.DateTimeField(_("ordered"))
    expires_at = models.DateTimeField(_("expires"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try"))
    sent_epoch = models.PositiveIntegerField(_("sent in epoch"), default=0)
    open_message = models.CharField(
        _("message not answered yet"), max_length=36, blank=True
    )  # sent and not answered yet
    sent_at = models.DateTimeField(_("sent"), null=True)  # first handed to the socket
    ended_at = models.DateTimeField(_("ended"), null=True)
    details = models.JSONField(_("result"), default=dict, blank=True)

    class Meta:
        verbose_name = _("command")
        verbose_name_plural = _("commands")
        permissions = [
            ("withdraw_command", gettext_noop("take a command back")),
        ]
        constraints = [known(CommandState, name="command_state_known")]
        indexes = [
            models.Index(
                fields=["device", "priority", "id"],
                condition=models.Q(
                    state__in=[CommandState.QUEUED, CommandState.SENT, CommandState.ACKNOWLEDGED]
                ),
                name="command_open",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(
                    state__in=[CommandState.QUEUED, CommandState.SENT, CommandState.ACKNOWLEDGED]
                ),
                name="command_expiry",
            ),
            models.Index(fields=["device", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"


class ReleaseCode(models.Model):
    """An order's hold on a lock: the code that lowers it once without network (the primary key is
    the code's counter), and from when on the lock is never raised for this order again."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="release_codes")
    order_code = models.CharField(max_length=64)
    credential = models.ForeignKey(Credential, models.SET_NULL, null=True)  # key at delivery
    made_at = models.DateTimeField()
    lowering_at = models.DateTimeField(null=True)  # never raised for this order from then on
    shown_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("release code")
        verbose_name_plural = _("release codes")
        indexes = [models.Index(fields=["device", "order_code"])]

    def __str__(self) -> str:
        return f"{self.device_id} {self.order_code}"

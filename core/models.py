"""The few tables that every row shares."""

import secrets
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.fields import StateField
from core.states import DeliveryState, States


class StatefulModel(models.Model):
    """A row whose `state` moves only by `core.transition` along MOVES (docs/rules.md 1)."""

    MOVES: ClassVar[Mapping[Any, Collection[States]]] = {}

    state = models.CharField(_("state"), max_length=16)

    class Meta:
        abstract = True


class ClockSetting(models.Model):
    """The one row that moves business time in demo and tests; see core.clock."""

    offset = models.DurationField()
    held_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="clock_is_one_row")]

    def __str__(self) -> str:
        return f"{self.offset} {self.held_at or ''}"


def fresh_salt() -> bytes:
    """What makes the digest of few possible words tell nothing about them."""
    return secrets.token_bytes(16)


class AuditEntry(models.Model):
    """Who changed what, from which state to which, when and why. Only ever added."""

    at = models.DateTimeField(_("at"))
    recorded_at = models.DateTimeField(_("recorded"), auto_now_add=True)
    subject = models.CharField(_("subject"), max_length=40)
    subject_id = models.BigIntegerField(_("number"))
    action = models.CharField(_("action"), max_length=40)
    from_state = models.CharField(_("from"), max_length=16, blank=True)
    to_state = models.CharField(_("to"), max_length=16, blank=True)
    actor = models.CharField(_("by"), max_length=80)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    facts = models.JSONField(_("facts"), default=dict)
    # What proves `reason` and `facts` while they stand here, and once they were taken out
    # (core/trail/content.py).
    salt = models.BinaryField(default=fresh_salt, null=True)
    veiled = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        indexes = [
            models.Index(fields=["subject", "subject_id", "id"]),
            models.Index(fields=["actor", "id"]),
            models.Index(
                fields=["recorded_at"],
                condition=models.Q(action="log-in refused"),
                name="audit_log_in_refused",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.subject_id} {self.action}"


class TrailSeal(models.Model):
    """The proof of some entries of the trail and, through `head`, of all before. Only ever added.

    `leaves` holds number and digest of each entry with a number above `after_id` up to `upto_id`;
    `total` counts them from the first one on (core/trail/content.py).
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    sealed_at = models.DateTimeField()
    after_id = models.BigIntegerField()
    upto_id = models.BigIntegerField()
    total = models.BigIntegerField()
    leaves = models.BinaryField()
    former = models.BinaryField()
    head = models.BinaryField()
    key_id = models.CharField(max_length=16)
    signature = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.number} {bytes(self.head).hex()[:12]}"


class SealingAhead(models.Model):
    """The one row that says how far to seal once those have ended who are writing entries."""

    upto_id = models.BigIntegerField(default=0)
    writing = models.JSONField(default=list)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="sealing_is_one_row")]

    def __str__(self) -> str:
        return f"{self.upto_id} {len(self.writing)}"


class OutboxEvent(models.Model):
    """Something happened; written in the transaction in which it did (docs/rules.md 2)."""

    topic = models.CharField(_("topic"), max_length=60)
    data = models.JSONField(_("data"))
    occurred_at = models.DateTimeField(_("occurred"))
    created_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [models.Index(fields=["topic", "id"])]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"


class OutboxDelivery(models.Model):
    """One reaction to one event that is still to come, or parked where a person sees it."""

    State = DeliveryState

    event = models.ForeignKey(
        OutboxEvent, models.CASCADE, related_name="deliveries", verbose_name=_("event")
    )
    reaction = models.CharField(_("reaction"), max_length=100)
    state = StateField(State, verbose_name=_("state"), max_length=8, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try"))
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("reaction")
        verbose_name_plural = _("reactions")
        permissions = [
            ("replay_outboxdelivery", gettext_noop("run a parked reaction again")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "reaction"], name="reaction_once_an_event")
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(state=DeliveryState.PENDING),
                name="delivery_pending",
            ),
            models.Index(
                fields=["state"],
                condition=models.Q(state=DeliveryState.PARKED),
                name="delivery_parked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reaction} {self.state}"


class Pulse(models.Model):
    """A sign of life of one part, or since when it gives none; see core.outages.

    `at`, `failing_since` are business time, the other two real time (docs/rules.md 3).
    """

    what = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    real_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)
    failing_real_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.what} {self.at}"


class Outage(models.Model):
    """Something of ours was away: its time counts against nobody (docs/rules.md L7).

    Noticed by a machine or written by a person; corrected, never deleted.
    """

    what = models.CharField(_("what was away"), max_length=60)
    began_at = models.DateTimeField(_("began"))  # business time, as `ended_at`
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded"), auto_now_add=True)
    said_by = models.CharField(_("said by"), max_length=80)
    reason = models.CharField(_("reason"), max_length=300)

    class Meta:
        verbose_name = _("outage")
        verbose_name_plural = _("outages")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("began_at")),
                name="outage_ends_after_it_began",
            ),
            models.UniqueConstraint(
                fields=["what"], condition=models.Q(ended_at=None), name="one_outage_of_a_part"
            ),
        ]
        indexes = [models.Index(fields=["ended_at"])]

    def __str__(self) -> str:
        return f"{self.what} {self.began_at}"


class IdempotencyKey(models.Model):
    """The answer to a request, to be given again to its repetition (docs/rules.md 11)."""

    scope = models.CharField(max_length=80)
    key = models.CharField(max_length=80)
    request_hash = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "key"], name="idempotency_key_once")
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"


class StoredImage(models.Model):
    """A photograph, kept by its SHA-256; the same picture twice is one row."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content_type = models.CharField(max_length=20)
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    kept_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.sha256[:12]


class RetentionRun(models.Model):
    """One night's going through one kind of what is kept for a time, and its proof."""

    kind = models.CharField(_("what is kept"), max_length=40)
    night = models.DateField(_("night"))
    removed = models.PositiveIntegerField(_("removed"), default=0)
    needed = models.PositiveIntegerField(_("old, and still needed"), default=0)
    oldest_left_at = models.DateTimeField(_("oldest left"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)  # real time

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("retention")
        constraints = [
            models.UniqueConstraint(fields=["kind", "night"], name="one_retention_run_a_night")
        ]
        indexes = [
            models.Index(
                fields=["kind"],
                condition=models.Q(finished_at=None),
                name="retention_run_under_way",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.night}"


class ShownImage(models.Model):
    """A photograph as strangers may see it, made once for each plate that may stay visible.

    `key` names the copy's file; it stands for the photograph and the plate. Until `made_at` it is
    waited for; without `ask_at` too, it can't be made and is never shown. Both are real time.
    """

    key = models.CharField(max_length=64, primary_key=True)
    original = models.ForeignKey(StoredImage, models.CASCADE, related_name="shown")
    plate_text = models.CharField(_("plate"), max_length=16, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ask_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["ask_at"],
                condition=models.Q(made_at=None, ask_at__isnull=False),
                name="shown_image_to_make",
            )
        ]

    def __str__(self) -> str:
        return self.key[:12]

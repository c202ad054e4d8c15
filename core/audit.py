"""The audit trail of what is not a move of state: views of masked things, edits, refusals."""

from typing import Any

from django.db import models

from core import clock
from core.models import AuditEntry


def record(
    subject: models.Model, action: str, *, actor: str, reason: str = "", **facts: Any
) -> None:
    """Add one audit entry; `facts` must be JSON values and hold no plate, phone or secret."""
    note(subject._meta.label_lower, subject.pk, action, actor=actor, reason=reason, **facts)


def note(
    subject: str, subject_id: int, action: str, *, actor: str, reason: str = "", **facts: Any
) -> None:
    """As `record`, of what is no row of its own: somebody's visits."""
    AuditEntry.objects.create(
        at=clock.now(),
        subject=subject,
        subject_id=subject_id,
        action=action,
        actor=actor,
        reason=reason,
        facts=facts,
    )


def trail(subject: models.Model) -> models.QuerySet[AuditEntry]:
    """All entries of one row, oldest first."""
    name = subject._meta.label_lower
    return AuditEntry.objects.filter(subject=name, subject_id=subject.pk).order_by("pk")

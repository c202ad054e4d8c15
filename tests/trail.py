"""What the trail and the outbox say of a row: who did what, to what, why (docs/rules.md 1, 2)."""

from typing import Any

from django.db.models import Model

from core import audit
from core.models import OutboxEvent

Entry = tuple[str, str, str, dict[str, Any]]


def said(row: Model) -> list[Entry]:
    """What was done to a row beside its moves: action, who, why, and facts; oldest first."""
    rows = audit.trail(row).filter(to_state="")
    return [(one.action, one.actor, one.reason, one.facts) for one in rows]


def moves(row: Model) -> list[tuple[str, str, str, str]]:
    """The moves of a row: from, to, who, why; oldest first."""
    rows = audit.trail(row).exclude(to_state="")
    return [(one.from_state, one.to_state, one.actor, one.reason) for one in rows]


def events(topic: str) -> list[dict[str, Any]]:
    """The data of each event of this topic, oldest first."""
    rows = OutboxEvent.objects.filter(topic=topic).order_by("pk")
    return list(rows.values_list("data", flat=True))

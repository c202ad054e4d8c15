"""Personal words can leave the trail, and its proof stays (PIPL art. 47)."""

from collections.abc import Collection

from django.db import transaction

from core import audit
from core.models import AuditEntry
from core.trail import content

TRAIL = "core.trail"  # the subject of entries about the trail itself
VEILED = "veiled"


@transaction.atomic
def veil(entries: Collection[int], *, actor: str, reason: str) -> int:
    """Take the personal words (`reason`, `facts`) out of these entries for good; of how many.

    What stays proves the rest of each entry as before, and an entry of its own says which were
    veiled, by whom and why: without it `verify_trail` calls them changed. It is the one change
    that the database lets anybody make (docs/decisions/0098).
    """
    rows = AuditEntry.objects.select_for_update(no_key=True).filter(
        pk__in=list(entries), veiled=None
    )
    found = list(rows.order_by("pk"))
    for entry in found:
        entry.veiled = content.words_of(entry)
        entry.salt, entry.reason, entry.facts = None, "", {}
        entry.save(update_fields=["veiled", "salt", "reason", "facts"])
    if found:
        ids = [one.pk for one in found]
        audit.note(TRAIL, 0, VEILED, actor=actor, reason=reason, entries=ids)
    return len(found)

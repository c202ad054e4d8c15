"""A sweep seals what was written, seconds after it was, and nobody who writes waits for it.

An entry's number is drawn before its transaction commits, so a lower number may appear after a
higher one. The sweep looks ahead (which number is the highest drawn; whose transactions are writing
entries, which PostgreSQL shows as their lock on the table) and seals up to there once those have
ended: no entry is passed by, none is locked.
"""

from typing import Any

from django.db import connection, transaction

from core import clock
from core.models import AuditEntry, SealingAhead, TrailSeal
from core.trail import content, keys

MOST = 2000  # entries a seal; what is more waits for the next sweep
NOTHING = bytes(32)  # what the first seal follows on

DRAWN = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM core_auditentry_id_seq"
WRITING = """
SELECT virtualtransaction FROM pg_locks
 WHERE locktype = 'relation' AND relation = 'core_auditentry'::regclass AND pid <> pg_backend_pid()
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND mode = 'RowExclusiveLock'
"""


@transaction.atomic
def seal_ready() -> int:
    """Seal the entries that nobody can still put something before; how many. One sweeper at a time.

    Of several dispatchers one seals, the others go on.
    """
    SealingAhead.objects.get_or_create(pk=1)
    ahead = SealingAhead.objects.select_for_update(skip_locked=True, no_key=True).first()
    if ahead is None or set(ahead.writing) & set(_writing()):
        return 0
    last = TrailSeal.objects.defer("leaves").order_by("-number").first()
    rows = list(
        AuditEntry.objects.filter(
            pk__gt=last.upto_id if last else 0, pk__lte=ahead.upto_id
        ).order_by("pk")[:MOST]
    )
    more = len(rows) == MOST
    if rows:
        _seal(last, rows, upto_id=rows[-1].pk if more else ahead.upto_id)
    if not more:
        _look_ahead(ahead)
    return len(rows)


def _seal(last: TrailSeal | None, rows: list[AuditEntry], *, upto_id: int) -> None:
    said: dict[str, Any] = {
        "number": last.number + 1 if last else 1,
        "former": bytes(last.head) if last else NOTHING,
        "after_id": last.upto_id if last else 0,
        "upto_id": upto_id,
        "total": (last.total if last else 0) + len(rows),
        "sealed_at": clock.real(),
        "leaves": content.pack(rows),
    }
    head = content.head(**said)
    TrailSeal.objects.create(
        **said, head=head, key_id=keys.key_id(keys.public()), signature=keys.sign(head)
    )


def _look_ahead(ahead: SealingAhead) -> None:
    """Note how far the numbers go now, and only then who is writing: whoever has drawn one holds
    the table's lock since before."""
    with connection.cursor() as cursor:
        cursor.execute(DRAWN)
        (upto_id,) = cursor.fetchone()
    writing = _writing()
    if (upto_id, writing) != (ahead.upto_id, ahead.writing):
        ahead.upto_id, ahead.writing = upto_id, writing
        ahead.save(update_fields=["upto_id", "writing"])


def _writing() -> list[str]:
    """The other transactions that may have entries which nobody sees yet."""
    with connection.cursor() as cursor:
        cursor.execute(WRITING)
        return sorted({one for (one,) in cursor.fetchall()})

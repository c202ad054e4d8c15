"""Sweeps over due rows: graces that end, entries whose rule has changed."""

from django.db import transaction
from django.db.models import Q

from arrears.models import BlacklistEntry
from arrears.services import listing
from arrears.states import ListingState
from core import clock

BATCH = 200


def end_graces() -> int:
    """A sweep: entries whose grace is over become active, those under a new rule are judged by it,
    each recomputed from its debts."""
    now = clock.now()
    over = Q(state=ListingState.PENDING, due_at__lte=now)
    due = BlacklistEntry.objects.filter(over | Q(judge_at__lte=now))
    rows = list(due.order_by("pk").values_list("plate_text", "plate_colour")[:BATCH])
    for text, colour in rows:
        with transaction.atomic():
            listing.relist(text, colour, reason="grace over")
    return len(rows)

"""Sweeps over due rows: graces that end."""

from django.db import transaction

from arrears.models import BlacklistEntry
from arrears.services import listing
from arrears.states import ListingState
from core import clock

BATCH = 200


def end_graces() -> int:
    """A sweep: entries whose grace is over become active, each recomputed from its debts."""
    due = BlacklistEntry.objects.filter(state=ListingState.PENDING, due_at__lte=clock.now())
    rows = list(due.order_by("due_at").values_list("plate_text", "plate_colour")[:BATCH])
    for text, colour in rows:
        with transaction.atomic():
            listing.relist(text, colour, reason="grace over")
    return len(rows)

"""What time alone brings about: graces that end, and the nightly look at the whole city."""

from django.db import transaction

from arrears.models import BlacklistEntry
from arrears.services import debts, listing
from core import clock, idempotency
from core.calendar import CITY

BATCH = 200
NIGHT_FROM_H = 2


def end_graces() -> int:
    """A sweep: entries whose grace is over become active, each recomputed from its debts."""
    due = BlacklistEntry.objects.filter(state="pending", due_at__lte=clock.now())
    rows = list(due.order_by("due_at").values_list("plate_text", "plate_colour")[:BATCH])
    for text, colour in rows:
        with transaction.atomic():
            listing.relist(text, colour, reason="grace over")
    return len(rows)


def nightly() -> int:
    """A sweep: once a night, after two, the city's stays are gone through (P3.1)."""
    local = clock.now().astimezone(CITY)
    if local.hour < NIGHT_FROM_H:
        return 0
    found = 0

    def look() -> dict[str, int]:
        nonlocal found
        found = debts.find_debts_of_city()
        return {"found": found}

    idempotency.once("arrears.nightly", local.date().isoformat(), {}, look)
    return found

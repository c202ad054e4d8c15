"""The register of outages has changed: times are set anew, what came too early is taken back."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from arrears.models import BlacklistEntry, Debt, ListingRule, PayWindow
from arrears.services import debts, listing, windows
from arrears.services.stays import locked_one
from arrears.states import PayWindowState
from core import clock
from core.plates import Plate
from core.vehicles import of_vehicle

SYSTEM = "system:arrears.outages"
BATCH = 1000
WHY = "an outage of ours"


def set_right(since: datetime) -> int:
    """Bring all that counts time in line with the register, which has changed from `since` on.

    Windows that run get their end; one that ended before its time was over opens again, and the
    debt that came of it is dropped without being asked. Vehicles whose grace is over later than we
    thought leave the list until then. What an owner has to be answered by stands: that is our time.
    Each stay and each vehicle is a transaction of its own; how many were taken back.
    """
    touched = PayWindow.objects.filter(due_at__gt=since)
    running = touched.filter(state=PayWindowState.OPEN)
    last = 0
    while batch := windows.reckoned(running.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
    ended = touched.filter(state=PayWindowState.ENDED).order_by("pk")
    early = sum(_take_back(pk) for pk in list(ended.values_list("stay_id", flat=True)))
    return early + _judge_again(since)


@transaction.atomic
def _take_back(stay_id: int) -> int:
    locked_one(stay_id)
    rows = PayWindow.objects.filter(stay_id=stay_id, state=PayWindowState.ENDED)
    for window in windows.reckoned(rows):
        if window.due_at <= clock.now():
            continue
        windows.reopen(window, due_at=window.due_at, reason=WHY)
        debt = Debt.objects.filter(stay_id=stay_id, state__in=Debt.LIVE).first()
        if debt is not None:
            debts.unsay(debt, actor=SYSTEM, reason=WHY)
        return 1
    return 0


def _judge_again(since: datetime) -> int:
    """Vehicles whose grace ran after `since`, or whose debts grew old enough to list them: these
    say anew when that is over."""
    ages = ListingRule.objects.aggregate(days=Max("age_days"))["days"] or 0
    touched = Q(demanded_at__gt=since - listing.grace())
    touched |= Q(demanded_at__isnull=False, opened_at__gt=since - timedelta(days=ages))
    graces = Debt.objects.filter(touched, state__in=Debt.LIVE).values_list(
        "plate_text", "plate_colour"
    )
    moved = 0
    for text, colour in sorted(set(graces)):
        entry = BlacklistEntry.objects.filter(
            of_vehicle(Plate.of(text, colour)), state__in=BlacklistEntry.LIVE
        )
        was = entry.values_list("state", flat=True).first()
        with transaction.atomic():
            moved += listing.relist(text, colour, actor=SYSTEM, reason=WHY) != was
    return moved

"""Watching a stay at risk until its predicted payment time (P0.4)."""

from collections.abc import Collection
from datetime import timedelta

from django.db import transaction

from arrears.events import WatchRanOut
from arrears.models import Assessment, PayWindow, Plan, Watch
from arrears.selectors.questions import may_be_asked_for, under_way
from arrears.services import windows
from arrears.services.stays import locked_one
from arrears.states import AssessmentState, WatchState
from core import clock, outages
from core.transition import transition
from parking import selectors as parking
from parking.selectors import StayFacts

SYSTEM = "system:arrears.watches"
BATCH = 200


@transaction.atomic
def watch(*, stay_id: int) -> Watch | None:
    """A stay at risk has left unpaid: watch it. None for everybody else (P0.4: and only then).

    A stay that is not scored yet is watched when its score comes (services.scoring).
    """
    return begin(locked_one(stay_id))


def begin(facts: StayFacts) -> Watch | None:
    """Begin the watch of a stay whose lock is held: one for each time that it was scored.

    The predicted time is counted from when this holder could pay: after a correction of the plate
    or an objection that is later than the departure.
    """
    found = Assessment.objects.filter(stay_id=facts.id, state=AssessmentState.DONE, at_risk=True)
    assessment = found.filter(
        objected=False, plate_text=facts.plate_text, plate_colour=facts.plate_colour
    ).first()
    if assessment is None or not may_be_asked_for(facts):
        return None
    seconds = assessment.payment_time_s or 0
    watch, _created = Watch.objects.get_or_create(
        stay_id=facts.id,
        number=assessment.number,
        defaults={
            "assessment": assessment,
            "due_at": windows.began_at(facts) + timedelta(seconds=seconds),
            "began_at": clock.now(),
        },
    )
    return watch


def begin_anew(facts: StayFacts, *, actor: str) -> None:
    """A question is over and the window began anew: so does the watch, its lock being held.

    What was planned before the question stays stopped: nobody is written to twice for one stay.
    """
    watch = begin(facts)
    if watch is None or Plan.objects.filter(watch=watch).exists():
        return
    seconds = watch.assessment.payment_time_s or 0
    transition(
        watch,
        source=WatchState.DROPPED,
        target=WatchState.WATCHING,
        actor=actor,
        reason="question over",
        began_at=clock.now(),
        due_at=windows.began_at(facts) + timedelta(seconds=seconds),
    )


@transaction.atomic
def end_watches() -> int:
    """A sweep: predicted payment times that are over; `arrears.watch_ran_out` for each."""
    due = Watch.objects.filter(state=WatchState.WATCHING, due_at__lte=clock.now()).order_by(
        "due_at"
    )
    rows = _really_over(list(due[:BATCH]))
    if not rows:
        return 0
    moved = transition(
        Watch.objects.filter(pk__in=rows),
        source=WatchState.WATCHING,
        target=WatchState.RAN_OUT,
        actor=SYSTEM,
        event=lambda pk: WatchRanOut(pk, rows[pk]),
    )
    return len(moved)


def _really_over(due: list[Watch]) -> dict[int, int]:
    """Of these watches those whose time is over if outages of ours don't count, with their stay;
    none whose payment may be on its way."""
    if not due:
        return {}
    sections = parking.stays([one.stay_id for one in due])
    paying = under_way([one.stay_id for one in due])
    # Where the predicted time was counted from: at the latest from when the watch began.
    begun = {
        row.stay_id: row.began_at
        for row in PayWindow.objects.filter(stay_id__in=[one.stay_id for one in due])
    }
    since = {one.pk: min(begun.get(one.stay_id, one.began_at), one.due_at) for one in due}
    register, now = outages.known(min(since.values())), clock.now()
    over = {}
    for one in due:
        section_id = sections[one.stay_id].section_id
        ends = register.stretched(since[one.pk], one.due_at - since[one.pk], about=section_id)
        if ends <= now and one.stay_id not in paying:
            over[one.pk] = one.stay_id
    return over


def end(stay_ids: Collection[int], *, target: WatchState, actor: str) -> list[int]:
    """End the watches of these stays; `paid` when they were paid, `dropped` else."""
    if not stay_ids:
        return []
    rows = Watch.objects.filter(stay_id__in=list(stay_ids))
    return transition(
        rows, source=[WatchState.WATCHING, WatchState.RAN_OUT], target=target, actor=actor
    )


def end_of_another(facts: StayFacts, *, actor: str) -> list[int]:
    """End the watches that began when the stay had another plate."""
    rows = Watch.objects.filter(stay_id=facts.id)
    scored = Assessment.objects.filter(
        stay_id=facts.id, plate_text=facts.plate_text, plate_colour=facts.plate_colour
    ).first()
    if scored is not None:
        rows = rows.filter(number__lt=scored.number)
    return transition(
        rows,
        source=[WatchState.WATCHING, WatchState.RAN_OUT],
        target=WatchState.DROPPED,
        actor=actor,
    )

"""The pay window: time to pay for everybody, before anything is a debt."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from arrears.events import PayWindowEnded
from arrears.models import Debt, PayWindow
from arrears.selectors.questions import may_be_asked_for, under_way
from arrears.services.stays import locked_one
from arrears.states import PayWindowState
from core import clock, outages
from core.transition import transition
from parking.selectors import StayFacts

SYSTEM = "system:arrears.windows"
BATCH = 200
LATE_TO_ASK = timedelta(minutes=10)
PATIENCE = timedelta(minutes=10)  # until a payment that may be on its way is asked about again


def length_of(facts: StayFacts) -> timedelta:
    return timedelta(seconds=facts.pay_window_s)


def _times(facts: StayFacts, begins: datetime) -> dict[str, Any]:
    """A window's begin and end; what is known of outages since then does not count."""
    over = outages.stretched(begins, length_of(facts), about=facts.section_id)
    return {"began_at": begins, "length_s": facts.pay_window_s, "due_at": over}


@transaction.atomic
def start_pay_window(*, stay_id: int, begins: datetime | None = None) -> PayWindow | None:
    """A stay has left unpaid: its owner has the section's time to pay. None where nothing may be
    asked for: nothing is due, or a question is open, whose answer begins the time.

    It begins with the departure; where we were late to ask (the plate was read later, we were
    away), with the moment from which the stay could be paid: our delay costs the owner nothing
    (docs/features.md 40). A stay that is due again, its departure corrected, gets a whole new
    window.
    """
    facts = locked_one(stay_id)
    if not may_be_asked_for(facts):
        return None
    return _start(facts, begins)


def _start(facts: StayFacts, begins: datetime | None = None) -> PayWindow:
    """The stay's lock is held, so nobody else begins a window for it."""
    assert facts.left_at is not None
    if begins is None:
        is_late = clock.now() - facts.left_at > LATE_TO_ASK
        begins = clock.now() if is_late else facts.left_at
    window = PayWindow.objects.filter(stay_id=facts.id).first()
    if window is None:
        window = PayWindow.objects.create(
            stay_id=facts.id,
            plate_text=facts.plate_text,
            plate_colour=facts.plate_colour,
            **_times(facts, begins),
        )
    else:
        transition(
            window,
            source=[PayWindowState.PAID, PayWindowState.DROPPED],
            target=PayWindowState.OPEN,
            actor=SYSTEM,
            reason="due again",
            plate_text=facts.plate_text,
            plate_colour=facts.plate_colour,
            **_times(facts, clock.now()),
        )
    return window


def renew(facts: StayFacts, *, actor: str, reason: str) -> bool:
    """The whole window from now on, for a stay that may be asked for and has no debt; its lock is
    held."""
    if not may_be_asked_for(facts):
        return False
    if Debt.objects.filter(stay_id=facts.id, state__in=Debt.LIVE).exists():
        return False
    moved = transition(
        PayWindow.objects.filter(stay_id=facts.id),
        source=[*PayWindow.LIVE, PayWindowState.DROPPED],
        target=PayWindowState.OPEN,
        actor=actor,
        reason=reason,
        **_times(facts, clock.now()),
        plate_text=facts.plate_text,
        plate_colour=facts.plate_colour,
    )
    return bool(moved)


def begin_anew(facts: StayFacts, *, actor: str, reason: str) -> None:
    """A question is over: the whole window from now on, also where none could begin yet."""
    if PayWindow.objects.filter(stay_id=facts.id).exists():
        renew(facts, actor=actor, reason=reason)
    elif may_be_asked_for(facts):
        _start(facts, clock.now())


def hold(stay_ids: Collection[int], *, actor: str, reason: str) -> None:
    """A question is open: the time to pay stands still; the stays' locks are held."""
    transition(
        PayWindow.objects.filter(stay_id__in=list(stay_ids)),
        source=[PayWindowState.OPEN, PayWindowState.ENDED],
        target=PayWindowState.HELD,
        actor=actor,
        reason=reason,
    )


def reopen(window: PayWindow, *, due_at: datetime, reason: str) -> bool:
    """It was ended too early; its stay's lock is held."""
    moved = transition(
        window,
        source=PayWindowState.ENDED,
        target=PayWindowState.OPEN,
        actor=SYSTEM,
        reason=reason,
        due_at=due_at,
    )
    return bool(moved)


def is_of(window: PayWindow, facts: StayFacts) -> bool:
    """Whether it was this plate's holder who had that time."""
    return window.plate == facts.plate


def renew_for_another(facts: StayFacts, *, actor: str) -> bool:
    """The whole window for whoever holds the corrected plate; once for each correction."""
    window = PayWindow.objects.filter(stay_id=facts.id).first()
    if window is None or is_of(window, facts):
        return False
    return renew(facts, actor=actor, reason="plate corrected")


def began_at(facts: StayFacts) -> datetime:
    """From when on the holder of this plate could pay: the window's begin, else the departure."""
    assert facts.left_at is not None
    window = PayWindow.objects.filter(stay_id=facts.id).first()
    return max(facts.left_at, window.began_at) if window else facts.left_at


@transaction.atomic
def end_pay_windows() -> int:
    """A sweep: windows whose time is over; `arrears.pay_window_ended` for each."""
    due = PayWindow.objects.filter(state=PayWindowState.OPEN, due_at__lte=clock.now())
    return len(end_due(due.order_by("due_at")[:BATCH]))


def end_due(windows: QuerySet[PayWindow]) -> list[int]:
    """End those of these open windows, all due, whose time is really over; which.

    None whose time fell into an outage, also one that nobody has reckoned with yet, and none whose
    payment may be on its way: they are looked at again when the rest of their time is over.
    """
    rows = {one.pk: one for one in reckoned(windows)}
    away = under_way([one.stay_id for one in rows.values()])
    paying = [pk for pk, one in rows.items() if one.stay_id in away]
    for pk in paying:
        rows[pk].due_at = max(rows[pk].due_at, clock.now() + PATIENCE)
    PayWindow.objects.bulk_update([rows[pk] for pk in paying], ["due_at"])
    return transition(
        PayWindow.objects.filter(pk__in=rows, due_at__lte=clock.now()),
        source=PayWindowState.OPEN,
        target=PayWindowState.ENDED,
        actor=SYSTEM,
        event=lambda pk: PayWindowEnded(pk, rows[pk].stay_id),
    )


def reckoned(windows: QuerySet[PayWindow]) -> list[PayWindow]:
    """These windows, each with its end as the register of outages has it now."""
    rows = list(windows.select_related("stay"))
    if not rows:
        return []
    register = outages.known(min(row.began_at for row in rows))
    moved = []
    for row in rows:
        length = timedelta(seconds=row.length_s)
        over = register.stretched(row.began_at, length, about=row.stay.section_id)
        if over != row.due_at:
            row.due_at = over
            moved.append(row)
    PayWindow.objects.bulk_update(moved, ["due_at"])
    return rows

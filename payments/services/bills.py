"""Providers' bills of a day: fetched, matched both ways, closed (docs/features.md 38)."""

import logging
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import audit, clock, locks
from core.calendar import CITY, city_date
from core.errors import Missing, Refused
from core.transition import transition
from payments import providers
from payments.errors import ProviderUnknown
from payments.models import Attempt, BillDay, BillDifference, BillEntry
from payments.providers.base import (
    Bill,
    BillAbsent,
    BillBroken,
    ProviderRefused,
    ProviderUnclear,
)
from payments.rules.bills import FEN_MILS, BillSums, Difference, sums
from payments.selectors.bills import Ours, ours_of, paid_on
from payments.services.asking import asking
from payments.states import BillDayState, DifferenceState

log = logging.getLogger("bowei.payments")
SYSTEM = "system:payments.bills"
READY_AT = time(10, 0)  # of the next day: both providers have made their bill by then
AWAITED_FOR = timedelta(hours=2)  # after this a person looks for a bill that is not there
FETCHABLE = timedelta(days=85)  # providers hand bills out for three months
BATCH = 5000
NO_BILL = gettext_noop("the provider has no bill of this day")
NO_ACCOUNT = gettext_noop("the account is not set up any more")


def expect_bills() -> int:
    """Nightly: each day that is over, at each provider that makes bills; how many are new.

    Nights that were missed are made up for, as far back as bills are handed out.
    """
    yesterday = city_date(clock.real()) - timedelta(days=1)
    made = 0
    for name, billed in providers.with_bills():
        known = BillDay.objects.filter(provider=name, billed=billed).order_by("day").last()
        first = known.day + timedelta(days=1) if known else _first_day(name) or yesterday
        first = max(first, yesterday - FETCHABLE)
        days = [first + timedelta(days=n) for n in range((yesterday - first).days + 1)]
        rows = [
            BillDay(provider=name, billed=billed, day=day, next_look_at=ready_at(day))
            for day in days
        ]
        made += len(BillDay.objects.bulk_create(rows, ignore_conflicts=True))
    return made


def ready_at(day: date) -> datetime:
    """From when on the bill of this day can be fetched."""
    return datetime.combine(day + timedelta(days=1), READY_AT, CITY)


def _first_day(name: str) -> date | None:
    paid = Attempt.objects.filter(provider=name, state=Attempt.State.PAID)
    first = paid.exclude(paid_at=None).order_by("paid_at").first()
    return city_date(first.paid_at) if first and first.paid_at else None


def fetch_bill(bill_day_id: int) -> str:
    """Ask the provider for the bill of this day and match it; the state of the day afterwards.

    Nothing is locked while the provider is asked. A bill that is not there two hours after it
    should be, or is not what it says, waits for a person, and is asked for again. A day on which
    nothing happened on either side has no bill, and is matched without one.
    """
    row = BillDay.objects.get(pk=bill_day_id)
    if row.state != BillDayState.AWAITED:
        return row.state
    try:
        with asking(row.provider):
            bill = providers.bills(row.provider, row.billed).bill(row.day)
    except BillAbsent:
        if not _is_late(row) or paid_on(row):
            return _not_yet(row, NO_BILL, now=False)
        bill = Bill([], BillSums(), "")
    except BillBroken as error:
        log.error("payments.bill_broken day=%s problem=%s", row.pk, error)
        return _not_yet(row, f"not the bill: {error}", now=True)
    except ProviderUnknown:
        return _not_yet(row, NO_ACCOUNT, now=True)
    except (ProviderRefused, ProviderUnclear) as error:
        return _not_yet(row, str(error), now=False)
    take_bill(row.pk, bill)
    beside = [row.day - timedelta(days=1), row.day + timedelta(days=1)]
    for other in BillDay.objects.filter(provider=row.provider, billed=row.billed, day__in=beside):
        match_bill(other.pk)  # what was missing there may stand here
    row.refresh_from_db()
    return row.state


def _is_late(row: BillDay) -> bool:
    return clock.real() >= ready_at(row.day) + AWAITED_FOR


@transaction.atomic
def _not_yet(row: BillDay, problem: str, *, now: bool) -> str:
    awaited = BillDay.objects.filter(pk=row.pk, state=BillDayState.AWAITED)
    facts: dict[str, object] = {"problem": problem[:300], "looks": min(row.looks + 1, 10_000)}
    if now or _is_late(row):
        facts["person_since"] = row.person_since or clock.now()
        log.error("payments.bill_missing day=%s provider=%s", row.day, row.provider)
    awaited.update(**facts)
    return row.state


@transaction.atomic
def take_bill(bill_day_id: int, bill: Bill) -> bool:
    """Keep a bill as it was proved, and match it; True where this call did, False where another
    was first."""
    row = _locked(bill_day_id)
    if row.state != BillDayState.AWAITED:
        return False
    BillEntry.objects.bulk_create(
        (
            BillEntry(
                bill_day=row,
                kind=one.kind,
                number=one.number[:64],
                refund_number=one.refund_number[:64],
                provider_no=one.provider_no[:64],
                amount_fen=one.amount_fen,
                fee_mils=one.fee_mils,
                at=one.at,
                told=one.told,
                merchant=one.merchant[:64],
                currency=one.currency[:8],
            )
            for one in bill.rows
        ),
        batch_size=BATCH,
    )
    come_to = sums(bill.rows)
    signs = {"payment": 1, "refund": -1}
    fees = sum(signs[one.kind] * one.fee_mils for one in bill.rows if one.told != "void")
    transition(
        row,
        source=BillDayState.AWAITED,
        target=BillDayState.MATCHED,
        actor=f"provider:{row.provider}",
        digest=bill.digest,
        taken_at=clock.now(),
        payments=come_to.payments,
        payments_fen=come_to.payments_fen,
        refunds=come_to.refunds,
        refunds_fen=come_to.refunds_fen,
        fees_fen=(fees + FEN_MILS // 2) // FEN_MILS,
        sums={
            "payments": bill.said.payments,
            "payments_fen": bill.said.payments_fen,
            "refunds": bill.said.refunds,
            "refunds_fen": bill.said.refunds_fen,
        },
        next_look_at=None,
        problem="",
        person_since=None,
    )
    _match(row)
    log.info("payments.bill_taken day=%s provider=%s", row.day, row.provider)
    return True


@transaction.atomic
def match_bill(bill_day_id: int) -> int:
    """Match a day anew, as it is known now; how many differences are new.

    What differs no more goes by itself. A closed day stays as it is: what is found now is late, a
    difference of its own.
    """
    row = _locked(bill_day_id)
    return 0 if row.state == BillDayState.AWAITED else _match(row)


def _locked(bill_day_id: int) -> BillDay:
    rows = locks.lock(BillDay.objects.filter(pk=bill_day_id))
    if not rows:
        raise Missing()
    return rows[0]


def _match(row: BillDay) -> int:
    late = row.state == BillDayState.CLOSED
    ours = ours_of(row)
    found = {(one.gap, one.number, one.refund_number): one for one in ours.differences}
    known = {
        (one.gap, one.number, one.refund_number): one
        for one in row.differences.order_by("late")
        if one.late == late or one.state != DifferenceState.GONE
    }
    fresh = [one for key, one in found.items() if key not in known]
    BillDifference.objects.bulk_create(_rows(row, fresh, ours, late=late), batch_size=BATCH)
    mine = row.differences.filter(late=late)
    gone = [one.pk for key, one in known.items() if key not in found]
    back = [one.pk for key, one in known.items() if key in found]
    left = transition(
        mine.filter(pk__in=gone),
        source=DifferenceState.OPEN,
        target=DifferenceState.GONE,
        actor=SYSTEM,
        reason="the sides agree now",
    )
    again = transition(
        mine.filter(pk__in=back),
        source=DifferenceState.GONE,
        target=DifferenceState.OPEN,
        actor=SYSTEM,
        reason="the sides differ again",
    )
    if not late:
        BillDay.objects.filter(pk=row.pk).update(
            matched_at=clock.now(), ours_fen=ours.paid_fen, ours_back_fen=ours.back_fen
        )
    if fresh or left or again:
        found_now = len(fresh) + len(again)
        audit.record(row, "matched", actor=SYSTEM, found=found_now, gone=len(left), late=late)
    return len(fresh)


def _rows(
    row: BillDay, fresh: Iterable[Difference], ours: Ours, *, late: bool
) -> list[BillDifference]:
    now = clock.now()
    return [
        BillDifference(
            bill_day=row,
            gap=one.gap,
            number=one.number,
            refund_number=one.refund_number,
            ours_fen=one.ours_fen,
            theirs_fen=one.theirs_fen,
            ours=one.ours[:80],
            theirs=one.theirs[:80],
            attempt_id=ours.attempts.get(one.number),
            late=late,
            found_at=now,
        )
        for one in fresh
    ]


@transaction.atomic
def take_difference(difference_id: int, *, actor: str) -> bool:
    """A person takes it upon themselves to look; True where it is theirs only now.

    Whoever had it before has it no more. Raises Missing; Refused for one that is answered.
    """
    row = _open_difference(difference_id)
    if row.owner_id == _person(actor):
        return False
    BillDifference.objects.filter(pk=row.pk).update(owner=_person(actor))
    audit.record(row, "taken", actor=actor, before=row.owner_id)
    return True


@transaction.atomic
def answer_difference(difference_id: int, *, answer: str, actor: str) -> None:
    """What came of it, in words; for good.

    Raises Missing; Refused for one that is answered, is another person's, or without words.
    """
    row = _open_difference(difference_id)
    if row.owner_id not in (None, _person(actor)):
        raise Refused("another_s", _("Somebody else looks at this one. Take it over first."))
    if not answer.strip():
        raise Refused("no_answer", _("Say what came of it."))
    transition(
        row,
        source=DifferenceState.OPEN,
        target=DifferenceState.ANSWERED,
        actor=actor,
        reason=answer.strip()[:300],
        answer=answer.strip()[:300],
        answered_at=clock.now(),
        owner_id=_person(actor),
    )


def _open_difference(difference_id: int) -> BillDifference:
    """The difference, its day locked before: nobody closes it meanwhile."""
    day = BillDifference.objects.filter(pk=difference_id).values_list("bill_day", flat=True).first()
    if day is None:
        raise Missing()
    _locked(day)
    row = BillDifference.objects.get(pk=difference_id)
    if row.state != DifferenceState.OPEN:
        raise Refused("answered", _("This one is not open any more."))
    return row


@transaction.atomic
def close_day(bill_day_id: int, *, actor: str) -> None:
    """A person closes a day for good.

    Raises Missing; Refused where its bill is not there, something is still open, or it is closed.
    """
    row = _locked(bill_day_id)
    if row.state == BillDayState.CLOSED:
        raise Refused("closed", _("This day is closed already."))
    if row.state != BillDayState.MATCHED:
        raise Refused("no_bill", _("The bill of this day is not here yet."))
    if row.differences.filter(state=DifferenceState.OPEN).exists():
        raise Refused("still_open", _("Differences of this day are still open."))
    transition(
        row,
        source=BillDayState.MATCHED,
        target=BillDayState.CLOSED,
        actor=actor,
        closed_at=clock.now(),
        closed_by_id=_person(actor),
    )


def _person(actor: str) -> int:
    return int(actor.removeprefix("user:"))

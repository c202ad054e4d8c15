"""Stays: begun and ended by berth events, or by hand (P2.1).

Whatever is said about a berth is kept as an event; the stays around it are then told anew by
parking/rules/timeline.py and brought up to date. The berth's row is locked meanwhile, so two
messages about one berth wait for each other. Lock order: berth → stay.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Max
from django.utils.translation import gettext_lazy as _

from core import audit, clock, locks, outbox
from core.errors import Invalid
from core.transition import transition
from parking.errors import BerthTaken, NoBerth, ReasonNeeded, StayMoved
from parking.events import StayVoided, VehicleArrived
from parking.models import (
    Berth,
    BerthEvent,
    InspectionTask,
    ParkingSession,
    Prepayment,
    ReviewItem,
    Section,
    Sighting,
)
from parking.rules.timeline import Said, ToldStay, stays_of
from parking.services import money, prices, reminders, stay_rows
from parking.services.plates import correct_plate
from parking.services.reviews import drop_reviews, open_review
from parking.states import InspectionState, PrepaymentState, StayState

log = logging.getLogger("bowei.parking")
SYSTEM = "system:parking.stays"
ARRIVED, LEFT = BerthEvent.Kind.ARRIVED, BerthEvent.Kind.LEFT
Doubt = ParkingSession.Doubt


@transaction.atomic
def open_stay(
    *, berth_id: int, occurred_at: datetime, said_by: str, device_id: int | None = None
) -> int | None:
    """A vehicle has come to this berth; the stay it belongs to (P2.1).

    The same arrival said again is the same stay. An arrival on top of another ends the former stay
    as doubtful, at the last proof that its vehicle stood there.
    """
    return _hear(berth_id, ARRIVED, occurred_at, said_by=said_by, device_id=device_id)


@transaction.atomic
def close_stay(
    *, berth_id: int, occurred_at: datetime, said_by: str, device_id: int | None = None
) -> int | None:
    """The berth is empty; the stay that ended, None for a departure that is kept for later.

    A departure whose arrival has not been heard yet is matched when that comes.
    """
    return _hear(berth_id, LEFT, occurred_at, said_by=said_by, device_id=device_id)


@transaction.atomic
def open_by_hand(
    *,
    berth_id: int,
    arrived_at: datetime,
    actor: str,
    reason: str,
    plate_text: str = "",
    plate_colour: str = "",
) -> int:
    """A person begins a stay that no sensor saw. Raises BerthTaken, ReasonNeeded, Invalid.

    Not longer ago than the section's longest stay: a year or a month is easily mistyped.
    """
    _need_reason(reason)
    _need_past(arrived_at)
    berth = locks.lock(Berth.objects.filter(pk=berth_id).select_related("section"))[0]
    _need_recent(arrived_at, berth.section)
    if berth.stays.filter(state=StayState.PARKED).exists():
        raise BerthTaken(berth.code)
    stay_id = _hear(berth_id, ARRIVED, arrived_at, said_by=actor)
    if stay_id is None:
        raise StayMoved()
    audit.record(
        ParkingSession.objects.get(pk=stay_id), "opened by hand", actor=actor, reason=reason
    )
    if plate_text:
        correct_plate(
            stay_id=stay_id,
            plate_text=plate_text,
            plate_colour=plate_colour,
            actor=actor,
            why=reason,
        )
    return stay_id


@transaction.atomic
def close_by_hand(*, stay_id: int, left_at: datetime, actor: str, reason: str) -> None:
    """A person ends a stay whose departure no sensor saw. Raises StayMoved, ReasonNeeded."""
    _need_reason(reason)
    _need_past(left_at)
    stay = stay_rows.locked_with_berth(stay_id)
    if stay.state != StayState.PARKED:
        raise StayMoved()
    if left_at < stay.arrived_at:
        raise Invalid(
            "left_before_arrived",
            _("A vehicle leaves after it has arrived."),
            fields={"left_at": _("Choose a time after the arrival.")},
        )
    audit.record(stay, "closed by hand", actor=actor, reason=reason)
    _hear(stay.berth_id, LEFT, left_at, said_by=actor)


@transaction.atomic
def void_stay(*, stay_id: int, actor: str, reason: str) -> None:
    """This stay never was: nothing is due, what was paid goes back. Raises StayMoved.

    What was said about it is set aside, so that later messages don't tell it again.
    """
    _need_reason(reason)
    stay = stay_rows.locked_with_berth(stay_id)
    moved = transition(
        stay,
        source=[StayState.PARKED, StayState.DUE, StayState.SETTLED],
        target=StayState.VOID,
        actor=actor,
        reason=reason,
        event=StayVoided,
        due_fen=0,
        left_at=stay.left_at or max(clock.now(), stay.arrived_at),
        check_departure_at=None,
    )
    if not moved:
        raise StayMoved()
    BerthEvent.objects.filter(stay=stay).update(ignored=True)
    money.promise_back(stay, money.paid_fen(stay), why=str(_("The stay was cancelled.")))
    _free(stay, actor=actor, used="cancelled")
    drop_reviews(stay=stay, actor=actor)
    stay_rows.tell_pages(stay)


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonNeeded()


def _need_past(at: datetime) -> None:
    if at > clock.now() + timedelta(seconds=60):
        raise Invalid("in_the_future", _("This time has not come yet."))


def _need_recent(arrived_at: datetime, section: Section) -> None:
    if arrived_at < clock.now() - timedelta(seconds=section.longest_stay_s):
        text = _("This is longer ago than a vehicle stays here. Look at the day and the year.")
        raise Invalid("too_long_ago", text, fields={"arrived_at": text})


# ── What was said, and what follows for the stays around it ──────────────────────────────────
def _hear(
    berth_id: int, kind: str, at: datetime, *, said_by: str, device_id: int | None = None
) -> int | None:
    berths = locks.lock(Berth.objects.filter(pk=berth_id).select_related("section"))
    if not berths:
        raise NoBerth(str(berth_id))
    event, new = BerthEvent.objects.get_or_create(
        berth_id=berth_id,
        kind=kind,
        occurred_at=at,
        defaults={"received_at": clock.now(), "device_id": device_id, "said_by": said_by},
    )
    if not new:
        BerthEvent.objects.filter(pk=event.pk).update(times=F("times") + 1)
        return event.stay_id
    _retell(berths[0], at, actor=said_by)
    event.refresh_from_db()
    if event.stay_id is None:
        log.info("parking.departure_kept berth=%s", berths[0].code)
    return event.stay_id


def _retell(berth: Berth, at: datetime, *, actor: str) -> None:
    """Bring the stays around `at` up to date: from the arrival before it to the one after it."""
    events = berth.events.filter(ignored=False)
    arrivals = events.filter(kind=ARRIVED)
    before = arrivals.filter(occurred_at__lt=at).order_by("-occurred_at").first()
    after = arrivals.filter(occurred_at__gt=at).order_by("occurred_at").first()
    around = events.filter(occurred_at__gte=before.occurred_at if before else at)
    if before:
        around = around.exclude(kind=LEFT, occurred_at=before.occurred_at)
    if after:
        around = around.filter(occurred_at__lte=after.occurred_at)
    rows = {row.pk: row for row in around}
    told, stray = stays_of(
        Said(key=row.pk, kind=row.kind, at=row.occurred_at) for row in rows.values()
    )
    if after and told and told[-1].arrival.key == after.pk:
        told.pop()  # its own end lies outside of what we looked at
    BerthEvent.objects.filter(pk__in=[one.key for one in stray]).update(stay=None)
    for one in told:
        stay_id = rows[one.arrival.key].stay_id
        stay = (
            _begin(berth, one, device_id=rows[one.arrival.key].device_id, actor=actor)
            if stay_id is None
            else _update(stay_id, one, actor=actor)
        )
        heard = [one.arrival.key] + ([one.departure.key] if one.departure else [])
        BerthEvent.objects.filter(pk__in=heard).update(stay=stay)


def _begin(berth: Berth, told: ToldStay, *, device_id: int | None, actor: str) -> ParkingSession:
    """Write down a new stay; one that has ended already is priced at once."""
    section: Section = berth.section
    version = prices.version_at(section.tariff_id, told.arrival.at)
    stay = ParkingSession(
        berth=berth,
        section=section,
        merchant_id=section.merchant_id,
        tariff_version=version,
        arrived_at=told.arrival.at,
        check_departure_at=told.arrival.at + timedelta(seconds=section.longest_stay_s),
    )
    if told.is_open:
        stay.save()
        audit.record(stay, "arrived", actor=actor)
    else:
        left_at, doubt = _ended(stay, told)
        money.price(stay, left_at)
        stay.left_at, stay.doubt, stay.doubtful = left_at, doubt, bool(doubt)
        stay.state = StayState.DUE if stay.due_fen else StayState.SETTLED
        stay.settled_at = None if stay.due_fen else left_at
        stay.check_departure_at = None
        stay.save()
        audit.record(stay, "arrived and left", actor=actor)
        _review_doubt(stay)
    outbox.add(VehicleArrived(stay.pk))
    stay_rows.tell_pages(stay)
    log.info("parking.vehicle_arrived stay=%s berth=%s", stay.pk, berth.code)
    return stay


def _update(stay_id: int, told: ToldStay, *, actor: str) -> ParkingSession:
    stay = locks.lock(ParkingSession.objects.filter(pk=stay_id))[0]
    if told.is_open or stay.state == StayState.VOID:
        return stay
    left_at, doubt = _ended(stay, told)
    if stay.state == StayState.PARKED:
        end_stay(stay, left_at=left_at, doubt=doubt, actor=actor)
    elif (left_at, doubt) != (stay.left_at, stay.doubt):
        money.amend(
            stay, left_at=left_at, doubt=doubt, actor=actor, reason="the departure came late"
        )
        if not doubt:
            drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=Doubt.values, actor=actor)
        _review_doubt(stay)
    return stay


def _ended(stay: ParkingSession, told: ToldStay) -> tuple[datetime, str]:
    """When the stay ended, and the doubt about it.

    Without a departure it ended no later than the next arrival; what is billed goes to the last
    proof that the vehicle stood there, because doubt is the owner's (docs/features.md 10, 11).
    """
    if told.departure is not None:
        return told.departure.at, Doubt.NO_DEPARTURE if stay.capped_at else Doubt.NONE
    assert told.next_arrival is not None
    was_whole = stay.left_at is not None and stay.doubt != Doubt.NEXT_ARRIVED
    return (
        last_proof(stay, before=told.next_arrival.at),
        Doubt.SPLIT if was_whole else Doubt.NEXT_ARRIVED,
    )


def last_proof(stay: ParkingSession, *, before: datetime) -> datetime:
    """The last moment before `before` at which a photograph shows this stay's vehicle there."""
    if stay._state.adding:
        return stay.arrived_at
    seen = Sighting.objects.filter(stay=stay, occurred_at__lt=before).exclude(purpose="leaving")
    last = seen.aggregate(last=Max("occurred_at"))["last"]
    return max(stay.arrived_at, last) if last else stay.arrived_at


def end_stay(stay: ParkingSession, *, left_at: datetime, doubt: str, actor: str) -> None:
    """The vehicle has left: price the stay, and say what is due. The stay's row is locked."""
    money.price(stay, left_at)
    surplus_fen = max(0, money.paid_fen(stay) - stay.fee_fen)
    target = StayState.DUE if stay.due_fen else StayState.SETTLED
    transition(
        stay,
        source=StayState.PARKED,
        target=target,
        actor=actor,
        left_at=left_at,
        doubt=doubt,
        doubtful=bool(doubt),
        fee_fen=stay.fee_fen,
        due_fen=stay.due_fen,
        lines=stay.lines,
        check_departure_at=None,
        settled_at=None if stay.due_fen else left_at,
    )
    money.promise_back(stay, surplus_fen, why=str(_("The unused part of a pre-payment.")))
    _free(stay, actor=actor, used="used")
    money.tell_due(stay)
    _review_doubt(stay)
    stay_rows.tell_pages(stay)
    log.info("parking.vehicle_left stay=%s due_fen=%s", stay.pk, stay.due_fen)


def _free(stay: ParkingSession, *, actor: str, used: str) -> None:
    """Nothing waits any more for the vehicle that stood here."""
    reminders.recall(stay, actor=actor)
    transition(
        InspectionTask.objects.filter(stay=stay),
        source=InspectionState.OPEN,
        target=InspectionState.CANCELLED,
        actor=actor,
    )
    ahead = Prepayment.objects.filter(stay=stay)
    transition(
        ahead, source=PrepaymentState.PAID, target=PrepaymentState.USED, actor=actor, reason=used
    )
    transition(
        ahead,
        source=[
            PrepaymentState.DRAFT,
            PrepaymentState.SUBMITTED,
            PrepaymentState.CORRECTING,
            PrepaymentState.CONFIRMED,
        ],
        target=PrepaymentState.CANCELLED,
        actor=actor,
        reason="the vehicle has left",
    )


def _review_doubt(stay: ParkingSession) -> None:
    if stay.doubtful:
        open_review(
            kind=ReviewItem.Kind.STAY, why=stay.doubt, merchant_id=stay.merchant_id, stay=stay
        )

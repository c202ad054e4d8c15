"""How a stay ends: when, in which doubt, and what follows; and that it goes on after all.

A departure counts only once no arrival can join it any more (the section's `flap_s`): until then
the stay is priced, but no money goes back and nothing that waited for its vehicle is let go.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from core import outbox
from core.plates import Plate
from core.transition import transition
from parking.events import StayResumed, VehicleLeft
from parking.models import InspectionTask, ParkingSession, Prepayment, ReviewItem, Sighting
from parking.rules.timeline import ToldStay
from parking.services import elsewhere, gaps, money, reminders, stay_rows
from parking.services.proof import is_gap_unproven, last_proof, proven_at
from parking.services.reviews import drop_reviews, open_review
from parking.states import InspectionState, PrepaymentState, ReviewState, StayState

log = logging.getLogger("bowei.parking")
Doubt = ParkingSession.Doubt


def ended(
    stay: ParkingSession, told: ToldStay, seen: Sequence[Sighting], *, plate: Plate | None
) -> tuple[datetime, str]:
    """When the stay ended, and the doubt about it, unless a person has looked at that before.

    Without a departure it ended no later than the next vehicle's arrival; what is billed goes to
    the last proof that its own stood there, because doubt is the owner's (docs/features.md 10, 11).
    `seen`: its photographs whose plate is settled.
    """
    left_at, doubt = _ended(stay, told, plate)
    if not doubt:
        flap = timedelta(seconds=stay.section.flap_s)
        if is_gap_unproven(gaps.wanted(stay, left_at), seen, left_at=left_at, flap=flap):
            doubt = Doubt.GAP
    if doubt and _is_answered(stay, doubt):
        doubt = Doubt.NONE
    return left_at, doubt


def _ended(stay: ParkingSession, told: ToldStay, plate: Plate | None) -> tuple[datetime, str]:
    if told.departure is None:
        assert told.next_arrival is not None
        return last_proof(stay, before=told.next_arrival.at, plate=plate), Doubt.NEXT_ARRIVED
    longest = stay.arrived_at + timedelta(seconds=stay.section.longest_stay_s)
    if told.departure.at > longest:
        if not _is_answered(stay, Doubt.NO_DEPARTURE):
            _cap(stay, proven_at(stay, longest, plate=plate))
        if stay.capped_at is not None:
            return told.departure.at, Doubt.NO_DEPARTURE
    elif stay.capped_at is not None:
        _cap(stay, None)  # it was reported after all, only late
    return told.departure.at, Doubt.SPLIT if told.unproven_at else Doubt.NONE


def _cap(stay: ParkingSession, at: datetime | None) -> None:
    """Its fee stops there: found by the sweep or told late, one that stood too long is the same."""
    if stay._state.adding:
        stay.capped_at = at
    elif stay.capped_at != at:
        stay_rows.save(stay, capped_at=at)


def _is_answered(stay: ParkingSession, why: str) -> bool:
    rows = ReviewItem.objects.filter(stay_id=stay.pk, kind=ReviewItem.Kind.STAY, why=why)
    return stay.pk is not None and rows.filter(state=ReviewState.SETTLED).exists()


def leave(stay: ParkingSession, *, left_at: datetime, doubt: str, actor: str) -> None:
    """The vehicle has left: price the stay, and say what is due. The stay's row is locked."""
    gaps.fit(stay, left_at)
    money.price(stay, left_at)
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
        final_at=left_at + timedelta(seconds=stay.section.flap_s),
        settled_at=None if stay.due_fen else left_at,
    )
    reminders.recall(stay, actor=actor)
    _look_elsewhere(stay, actor=actor)
    money.tell_due(stay)
    outbox.add(VehicleLeft(stay.pk))
    ask_about_doubt(stay, actor=actor)
    stay_rows.tell_pages(stay)
    log.info("parking.vehicle_left stay=%s due_fen=%s", stay.pk, stay.due_fen)


def amend(stay: ParkingSession, *, left_at: datetime, doubt: str, actor: str) -> None:
    """A stay that had left turns out to have left at another time, or in another doubt."""
    stay_rows.save(stay, final_at=left_at + timedelta(seconds=stay.section.flap_s))
    if stay.left_at is not None and left_at > stay.left_at:
        money.stood_until(stay, left_at)
    money.amend(stay, left_at=left_at, doubt=doubt, actor=actor, reason="the departure came late")
    _look_elsewhere(stay, actor=actor)
    ask_about_doubt(stay, actor=actor)


def _look_elsewhere(stay: ParkingSession, *, actor: str) -> None:
    elsewhere.reconsider(stay.plate, actor=actor)
    elsewhere.look(stay)


def ask_about_doubt(stay: ParkingSession, *, actor: str) -> None:
    """Ask about the doubt that there is, and about no other any more."""
    over = [why for why in Doubt.values if why and why != stay.doubt]
    drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=over, actor=actor)
    if stay.doubtful:
        open_review(
            kind=ReviewItem.Kind.STAY, why=stay.doubt, merchant_id=stay.merchant_id, stay=stay
        )


def finish(stay: ParkingSession, *, actor: str) -> None:
    """The departure counts: money that the stay did not need goes back, and nothing waits for its
    vehicle any more. The row is locked."""
    stay_rows.save(stay, final_at=None)
    surplus_fen = max(0, money.paid_fen(stay) - stay.fee_fen)
    money.promise_back(stay, surplus_fen, why=str(_("The unused part of a pre-payment.")))
    let_go(stay, actor=actor, used="used")


def let_go(stay: ParkingSession, *, actor: str, used: str) -> None:
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


def resume(stay: ParkingSession, *, actor: str) -> None:
    """It had not left: the stay goes on with what was paid for it, and nothing is asked."""
    transition(
        stay,
        source=[StayState.DUE, StayState.SETTLED],
        target=StayState.PARKED,
        actor=actor,
        reason="it had not left",
        left_at=None,
        doubt=Doubt.NONE,
        doubtful=False,
        fee_fen=0,
        due_fen=0,
        lines=[],
        settled_at=None,
        final_at=None,
        check_departure_at=stay.arrived_at + timedelta(seconds=stay.section.longest_stay_s),
        event=StayResumed,
    )
    ask_about_doubt(stay, actor=actor)
    transition(
        Prepayment.objects.filter(stay=stay),
        source=PrepaymentState.USED,
        target=PrepaymentState.PAID,
        actor=actor,
    )
    money.stood_until(stay, None)
    stay_rows.tell_pages(stay)

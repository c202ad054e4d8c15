"""Paying ahead for a berth: draft, candidates, comparison, payment (P2.4-P2.6).

No account is needed; who holds the token made the draft. The plate that was read is never told to
the payer: the instruction says which part of the declared one differs, attempts are few, and wrong
ones are counted over all drafts (parking.services.guesses), so that nobody finds a stranger's car
by asking around.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from core import clock, locks, plates
from core.errors import Invalid, LinkEnded, Missing, Refused, TooMany
from core.transition import transition
from core.typed import typed_plate
from core.vehicles import written
from parking.errors import NoBerth, StayNotDue, WrongStep
from parking.models import Berth, ParkingSession, Prepayment, ReviewItem, StayPayment
from parking.rules import candidates, comparison
from parking.selectors.facts import whole_of
from parking.services import elsewhere, money, moving, prices
from parking.services.reviews import drop_reviews, open_review
from parking.states import PlateState, PrepaymentState, StayState
from payments.rules import Quote, Receipt, Standing

log = logging.getLogger("bowei.parking")
SYSTEM = "system:parking.prepay"
DRAFT_LIVES = timedelta(hours=2)
LINK_LIVES = timedelta(days=90)  # as the link of a stay
LONGEST_MIN = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BerthCandidate:
    """A berth that the draft may belong to, as everybody may see it: never since when it is taken,
    which would tell strangers who has just come."""

    berth_code: str
    number: str
    section_name: str
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """The instruction that follows a submission (P2.6).

    `outcome`: confirmed (pay now), modify (the plate differs in `parts`), waiting (the vehicle's
    plate is not read yet, or nobody has said that it stands there; the answer comes by itself).
    """

    outcome: str
    parts: tuple[str, ...] = ()
    attempts_left: int = 0


@transaction.atomic
def draft_prepayment(
    *,
    plate_text: str,
    plate_colour: str = "",
    minutes: int,
    section_id: int | None = None,
    near: tuple[float, float] | None = None,
    arrived_at: datetime | None = None,
    user_id: int | None = None,
) -> Prepayment:
    """A draft with place (a section, or a point as latitude and longitude), time and plate (P2.4).

    Raises Invalid.
    """
    plate = typed_plate(plate_text, plate_colour)
    if section_id is None and near is None:
        raise Invalid(
            "no_place", _("Say where the vehicle stands."), fields={"section": _("Choose a road.")}
        )
    if not 1 <= minutes <= LONGEST_MIN:
        raise Invalid(
            "bad_minutes",
            _("Choose between 1 minute and 24 hours."),
            fields={"minutes": _("Choose between 1 minute and 24 hours.")},
        )
    latitude, longitude = near or (None, None)
    return Prepayment.objects.create(
        plate_text=plate.text,
        plate_colour=plate.colour_text,
        minutes=minutes,
        section_id=section_id,
        latitude=latitude,
        longitude=longitude,
        arrived_at=arrived_at or clock.now(),
        user_id=user_id,
        created_at=clock.now(),
    )


def by_token(token: str) -> Prepayment:
    """The pre-payment of this token. Raises Missing, LinkEnded after three months."""
    found = Prepayment.objects.filter(token=token).select_related("section", "berth", "stay")
    draft = found.first()
    if draft is None:
        raise Missing()
    if clock.now() > draft.created_at + LINK_LIVES:
        raise LinkEnded
    return draft


@transaction.atomic
def candidate_berths(token: str) -> list[BerthCandidate]:
    """Berths that may be the draft's, best first; several, whatever the plate (P2.4)."""
    draft = by_token(token)
    if draft.state not in (
        PrepaymentState.DRAFT,
        PrepaymentState.SUBMITTED,
        PrepaymentState.CORRECTING,
    ):
        raise WrongStep(draft.state)
    berths = {berth.pk: berth for berth in _near(draft)}
    taken = dict(
        ParkingSession.objects.filter(berth_id__in=berths, state=StayState.PARKED).values_list(
            "berth_id", "arrived_at"
        )
    )
    places = [
        candidates.BerthSeen(
            berth_id=pk, taken_at=taken.get(pk), distance_m=_distance(draft, berth)
        )
        for pk, berth in berths.items()
    ]
    ranked = candidates.rank(places, arrived_at=draft.arrived_at)
    Prepayment.objects.filter(pk=draft.pk).update(candidates=ranked)
    return [
        BerthCandidate(
            berth_code=berths[pk].code,
            number=berths[pk].number,
            section_name=berths[pk].section.name,
            taken=pk in taken,
        )
        for pk in ranked
    ]


def _near(draft: Prepayment) -> list[Berth]:
    rows = Berth.objects.filter(in_service=True).select_related("section")
    if draft.section_id:
        return list(rows.filter(section_id=draft.section_id).order_by("position"))
    assert draft.latitude is not None and draft.longitude is not None
    reach = 2 * candidates.NEAR_M / candidates.METRES_A_DEGREE
    box = rows.filter(
        latitude__range=(draft.latitude - reach, draft.latitude + reach),
        longitude__range=(draft.longitude - reach, draft.longitude + reach),
    )
    return [one for one in box if _distance(draft, one) <= candidates.NEAR_M]


def _distance(draft: Prepayment, berth: Berth) -> float:
    if None in (draft.latitude, draft.longitude, berth.latitude, berth.longitude):
        return 0.0
    here = (float(draft.latitude or 0), float(draft.longitude or 0))
    return candidates.distance_m(here, (float(berth.latitude or 0), float(berth.longitude or 0)))


@transaction.atomic
def choose_berth(token: str, berth_code: str) -> Prepayment:
    """A berth near the declared place is the draft's (P2.4), a candidate or one by the code on its
    sign. Raises NoBerth for any other.

    A paid one may be corrected until the vehicle leaves: its money follows once the plate fits
    there, too (`submit`).
    """
    draft = locks.lock(Prepayment.objects.filter(pk=by_token(token).pk))[0]
    if draft.state not in (
        PrepaymentState.DRAFT,
        PrepaymentState.SUBMITTED,
        PrepaymentState.CORRECTING,
        PrepaymentState.PAID,
    ):
        raise WrongStep(draft.state)
    berth = Berth.objects.filter(code=berth_code).first()
    if berth is None or (berth.pk not in draft.candidates and berth not in _near(draft)):
        raise NoBerth(berth_code)
    paid_for = draft.stay_id if draft.state == PrepaymentState.PAID else None
    Prepayment.objects.filter(pk=draft.pk).update(berth=berth, stay_id=paid_for)
    return by_token(token)


@transaction.atomic
def submit(token: str, said: plates.Plate) -> Instruction:
    """Submit the draft with its plate (the second plate) and have it compared (P2.5).

    The plate of a paid one may be corrected, and its berth before, until the vehicle leaves: what
    was paid goes to the stay that stands there. Raises WrongStep, TooMany when the attempts are
    used up.
    """
    paid = by_token(token)
    if paid.state == PrepaymentState.PAID:
        return _correct_paid(paid, said)
    draft = locks.lock(Prepayment.objects.filter(pk=by_token(token).pk))[0]
    if draft.state not in (
        PrepaymentState.DRAFT,
        PrepaymentState.SUBMITTED,
        PrepaymentState.CORRECTING,
    ):
        raise WrongStep(draft.state)
    if draft.berth_id is None:
        raise Refused("no_berth_chosen", _("Choose the berth first."))
    if draft.created_at < clock.now() - DRAFT_LIVES:
        raise Refused("draft_too_old", _("This draft is too old. Begin again."))
    if draft.attempts_left <= 0:
        raise TooMany(
            "no_attempts_left",
            _("The plate did not match three times. Pay by the berth's own page instead."),
        )
    _declare(draft, said)
    stay = ParkingSession.objects.filter(berth_id=draft.berth_id, state=StayState.PARKED).first()
    if stay is None:
        return _wait_for_vehicle(draft)
    draft.stay = stay
    return _judge(draft, stay, actor="owner")


def _declare(draft: Prepayment, plate: plates.Plate) -> None:
    """The draft names this plate from now on. Which ones it named before is kept: who names several
    may be guessing, and has no voice in what the plate is (parking/rules/votes.py)."""
    was = draft.plate
    if draft.submitted_at is not None and was is not None and not plates.same_vehicle(was, plate):
        draft.declared_before = [*draft.declared_before, [was.text, was.colour_text]]
        Prepayment.objects.filter(pk=draft.pk).update(declared_before=draft.declared_before)
    draft.plate_text, draft.plate_colour = plate.text, plate.colour_text


def standing_where(token: str) -> int | None:
    """The stay that stands at this draft's berth now. Raises Missing."""
    berth_id = by_token(token).berth_id
    rows = ParkingSession.objects.filter(berth_id=berth_id, state=StayState.PARKED)
    return rows.values_list("pk", flat=True).first()


def told(token: str) -> Instruction:
    """The instruction as it stands now, without comparing anew. Raises Missing."""
    draft = by_token(token)
    outcome = {PrepaymentState.CONFIRMED: "confirmed", PrepaymentState.CORRECTING: "modify"}
    return Instruction(
        outcome=outcome.get(PrepaymentState(draft.state), "waiting"),
        parts=tuple(draft.differs),
        attempts_left=draft.attempts_left,
    )


def _wait_for_vehicle(draft: Prepayment) -> Instruction:
    """Nobody has said that a vehicle stands there: a person looks, and nothing can be paid until
    its stay is found."""
    transition(
        draft,
        source=PrepaymentState(draft.state),
        target=PrepaymentState.SUBMITTED,
        actor="owner",
        plate_text=draft.plate_text,
        plate_colour=draft.plate_colour,
        stay=None,
        submitted_at=clock.now(),
    )
    assert draft.berth is not None
    open_review(
        kind=ReviewItem.Kind.BERTH,
        why="payer_at_free_berth",
        merchant_id=draft.berth.section.merchant_id,
        berth=draft.berth,
        prepayment=draft,
    )
    return Instruction(outcome="waiting", attempts_left=draft.attempts_left)


def find_waiting(stay: ParkingSession) -> None:
    """A stay has begun where somebody waited to pay for it; its plate will answer them."""
    since = clock.now() - DRAFT_LIVES
    waiting = Prepayment.objects.filter(
        berth=stay.berth_id, stay=None, state=PrepaymentState.SUBMITTED, submitted_at__gte=since
    )
    waiting.update(stay=stay)


def turn_away(berth_id: int, *, actor: str) -> None:
    """A person has looked: no vehicle stands there, so nobody waits to pay for one."""
    transition(
        Prepayment.objects.filter(berth=berth_id, stay=None),
        source=PrepaymentState.SUBMITTED,
        target=PrepaymentState.CANCELLED,
        actor=actor,
        reason="no vehicle stands there",
    )


def _correct_paid(draft: Prepayment, said: plates.Plate) -> Instruction:
    """Compare what a paid draft says now with who stands at its berth; the money follows.

    The draft is not locked before its order and stays are (core/locks.py).
    """
    if draft.attempts_left <= 0:
        raise TooMany(
            "no_attempts_left", _("The plate did not match three times. Ask the car park.")
        )
    draft.plate_text, draft.plate_colour = said.text, said.colour_text
    stay = ParkingSession.objects.filter(berth_id=draft.berth_id, state=StayState.PARKED).first()
    if stay is None:
        raise Refused("no_vehicle", _("No vehicle is known at this berth."))
    row = Prepayment.objects.filter(pk=draft.pk)
    if stay.plate_state != PlateState.SETTLED:
        return Instruction(outcome="waiting", attempts_left=draft.attempts_left)
    compared = _compare(draft, stay)
    if compared.verdict != comparison.Verdict.confirm:
        parts = sorted(compared.differs)
        row.update(differs=parts, attempts_left=F("attempts_left") - 1)
        left = draft.attempts_left - 1
        return Instruction(outcome="modify", parts=tuple(parts), attempts_left=left)
    if stay.pk != draft.stay_id:
        payment = moving.payment_of(draft)
        moving.correct_payment(
            payment_id=payment.pk,
            order_number=payment.order_number,
            to_stay_id=stay.pk,
            actor="owner",
        )
    row.update(differs=[], plate_text=draft.plate_text, plate_colour=draft.plate_colour)
    return Instruction(outcome="confirmed", attempts_left=draft.attempts_left)


def _judge(draft: Prepayment, stay: ParkingSession, *, actor: str) -> Instruction:
    """Compare the declared plate with the one read, and move the draft on; its row is locked."""
    facts: dict[str, Any] = {
        "plate_text": draft.plate_text,
        "plate_colour": draft.plate_colour,
        "stay": stay,
        "submitted_at": clock.now(),
    }
    if stay.plate_state != PlateState.SETTLED:
        transition(
            draft,
            source=PrepaymentState(draft.state),
            target=PrepaymentState.SUBMITTED,
            actor=actor,
            **facts,
        )
        if stay.plate_state in (PlateState.REVIEW, PlateState.UNREADABLE):
            _ask_person(draft, stay, why="not_read")
        return Instruction(outcome="waiting", attempts_left=draft.attempts_left)
    compared = _compare(draft, stay)
    if compared.verdict == comparison.Verdict.confirm:
        transition(
            draft,
            source=PrepaymentState(draft.state),
            target=PrepaymentState.CONFIRMED,
            actor=actor,
            differs=[],
            **facts,
        )
        drop_reviews(prepayment=draft, actor=actor)  # what is declared is what was read
        elsewhere.confirmed_by_owner(stay, actor=actor)
        return Instruction(outcome="confirmed", attempts_left=draft.attempts_left)
    parts = sorted(compared.differs)
    transition(
        draft,
        source=PrepaymentState(draft.state),
        target=PrepaymentState.CORRECTING,
        actor=actor,
        differs=parts,
        attempts_left=F("attempts_left") - 1,
        **facts,
    )
    if compared.near_miss:
        _ask_person(draft, stay, why="near_miss")
    else:
        drop_reviews(prepayment=draft, why=["not_read"], actor=actor)
    return Instruction(outcome="modify", parts=tuple(parts), attempts_left=draft.attempts_left)


def _compare(draft: Prepayment, stay: ParkingSession) -> comparison.Comparison:
    """Weighed with what our reader was seen to confuse, and with the well-known look-alikes."""
    from parking.vision import confusion

    read, declared = stay.plate, draft.plate
    assert read is not None and declared is not None  # settled, and typed
    measured = comparison.compare(read, declared, confusion=confusion)
    return measured if measured.near_miss else comparison.compare(read, declared)


def _ask_person(draft: Prepayment, stay: ParkingSession, *, why: str) -> None:
    open_review(
        kind=ReviewItem.Kind.PREPAYMENT,
        why=why,
        merchant_id=stay.merchant_id,
        stay=stay,
        sighting=stay.sightings.exclude(purpose="leaving").order_by("-occurred_at").first(),
        prepayment=draft,
    )


def judge_waiting(stay: ParkingSession, *, actor: str) -> None:
    """The stay's plate is settled: answer the pre-payments that waited for it (P2.5)."""
    waiting = Prepayment.objects.filter(stay=stay, state=PrepaymentState.SUBMITTED)
    for draft in locks.lock(waiting):
        _judge(draft, stay, actor=actor)


def judge_again(prepayment_id: int, *, actor: str) -> bool:
    """It is settled which plate it is: compare once more, without using up an attempt; whether what
    was declared is confirmed by it."""
    confirmed = False
    rows = locks.lock(
        Prepayment.objects.filter(
            pk=prepayment_id, state__in=[PrepaymentState.SUBMITTED, PrepaymentState.CORRECTING]
        )
    )
    for draft in rows:
        stay = draft.stay
        if stay is None or stay.state != StayState.PARKED or stay.plate_state != PlateState.SETTLED:
            continue
        if _compare(draft, stay).verdict == comparison.Verdict.confirm:
            confirmed |= bool(
                transition(
                    draft,
                    source=[PrepaymentState.SUBMITTED, PrepaymentState.CORRECTING],
                    target=PrepaymentState.CONFIRMED,
                    actor=actor,
                    differs=[],
                )
            )
    return confirmed


@transaction.atomic
def cancel_prepayment(token: str, *, actor: str = "owner") -> bool:
    """The owner gives the draft up; a paid one comes back by itself when the vehicle leaves."""
    draft = by_token(token)
    moved = transition(
        draft,
        source=[
            PrepaymentState.DRAFT,
            PrepaymentState.SUBMITTED,
            PrepaymentState.CORRECTING,
            PrepaymentState.CONFIRMED,
        ],
        target=PrepaymentState.CANCELLED,
        actor=actor,
    )
    return bool(moved)


# ── The payable "parking.prepayment" ─────────────────────────────────────────────────────────
def quote_prepayment(subject_id: int) -> Quote:
    """What the asked minutes cost from the arrival on, less what came before (P2.6).

    Raises Missing, WrongStep before it is confirmed, NothingDue when the time is paid already.
    """
    draft = Prepayment.objects.filter(pk=subject_id).first()
    if draft is None:
        raise Missing()
    if draft.state != PrepaymentState.CONFIRMED or draft.stay_id is None:
        raise WrongStep(draft.state)
    stay = ParkingSession.objects.select_related("berth", "section", "tariff_version__tariff").get(
        pk=draft.stay_id
    )
    if stay.state != StayState.PARKED:
        raise StayNotDue()
    bill = prices.bill_of(stay, covers_until(draft, stay))
    already = money.paid_fen(stay)
    if bill.amount_fen <= already:
        raise StayNotDue()
    return Quote(
        amount_fen=bill.amount_fen - already,
        lines=money.bill_lines(bill.lines, already_fen=already),
        title=_("Parking ahead · %(section)s %(berth)s")
        % {"section": stay.section.name, "berth": stay.berth.number},
        merchant_id=stay.merchant_id,
        subject_state=draft.state,
        asked_of=written(draft.plate) if draft.submitted_at else "",
        leave_by=covers_until(draft, stay) + timedelta(seconds=stay.section.leave_by_s),
    )


def standing_of_prepayment(subject_id: int) -> Standing | None:
    """Until when the time is paid that this was paid for; None where the vehicle has left."""
    stay_id = Prepayment.objects.filter(pk=subject_id).values_list("stay_id", flat=True).first()
    return money.standing_of_stay(stay_id) if stay_id else None


def covers_until(draft: Prepayment, stay: ParkingSession) -> datetime:
    """Until when the asked minutes reach: from the arrival on."""
    return stay.arrived_at + timedelta(minutes=draft.minutes)


@transaction.atomic
def settle_prepayment(receipt: Receipt, left_fen: int) -> int:
    """Money for a pre-payment has arrived; the fen that its stay took. Never raises for money."""
    found = Prepayment.objects.filter(pk=receipt.subject_id).values_list("stay_id", flat=True)
    stay_id = found.first()
    if stay_id is None or left_fen <= 0:
        return 0
    stay = locks.lock(
        ParkingSession.objects.filter(pk=stay_id).select_related("section", "tariff_version")
    )[0]
    if stay.merged_into_id:  # joined with another a moment ago
        rows = ParkingSession.objects.filter(pk=whole_of(stay.pk))
        stay = locks.lock(rows.select_related("section", "tariff_version"))[0]
    draft = locks.lock(Prepayment.objects.filter(pk=receipt.subject_id))[0]
    if StayPayment.objects.filter(stay=stay, order_item_id=receipt.item_id).exists():
        return 0
    is_open = draft.state == PrepaymentState.CONFIRMED
    if (stay.state == StayState.PARKED and not is_open) or money.is_anothers(stay, receipt):
        return 0
    until = covers_until(draft, stay)
    in_time = money.stood_when_paid(stay, receipt.paid_at)
    taken_fen = money.take(stay, receipt, left_fen, ahead_until=until)
    if taken_fen and in_time:
        transition(
            draft,
            source=PrepaymentState.CONFIRMED if is_open else PrepaymentState.CANCELLED,
            target=PrepaymentState.PAID if is_open else PrepaymentState.USED,
            actor=receipt.actor,
            amount_fen=taken_fen,
            paid_at=receipt.paid_at,
            covers_until=until,
        )
    return taken_fen

"""More time for a vehicle that stands: half an hour, one or two, paid at the berth or from afar.

A pre-payment like any other, whose berth and vehicle are known: nobody types a plate, and so nobody
has said one (`submitted_at` stays empty; parking/rules/votes.py hears no voice in it).
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from core import clock, locks
from core.errors import Invalid
from parking.errors import StayNotDue
from parking.models import ParkingSession, Prepayment
from parking.services import money, prices
from parking.services.prepay import covers_until
from parking.states import PrepaymentState, StayState

OFFERED_MIN = (30, 60, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreTime:
    """What so many minutes more cost: all that is to pay until then, what is due now included."""

    minutes: int
    until: datetime
    amount_fen: int

    @property
    def seconds(self) -> int:
        return self.minutes * 60


def more_time_of(stay: ParkingSession) -> list[MoreTime]:
    """What a parked vehicle is offered, by its own tariff; none beyond the longest stay."""
    if stay.state != StayState.PARKED or stay.simulated or stay.capped_at:
        return []
    paid_fen = money.paid_fen(stay)
    found = []
    for minutes in OFFERED_MIN:
        until = covers_until(_draft(stay, minutes), stay)
        if stay.check_departure_at and until > stay.check_departure_at:
            continue
        due_fen = max(0, prices.bill_of(stay, until).amount_fen - paid_fen)
        found.append(MoreTime(minutes=minutes, until=until, amount_fen=due_fen))
    return found


@transaction.atomic
def more_time(*, stay_id: int, minutes: int, user_id: int | None = None) -> Prepayment:
    """The pre-payment that asks for so many minutes more, ready to be paid; the same one however
    often it is asked for within the minute. Raises Invalid, StayNotDue."""
    if minutes not in OFFERED_MIN:
        raise Invalid("bad_minutes", _("Choose one of the times that are offered."))
    found = locks.lock(ParkingSession.objects.filter(pk=stay_id))
    if not found or found[0].state != StayState.PARKED:
        raise StayNotDue()
    stay = found[0]
    draft = _draft(stay, minutes)
    draft.user_id = user_id
    same = Prepayment.objects.filter(
        stay=stay, minutes=draft.minutes, submitted_at=None, state=PrepaymentState.CONFIRMED
    ).first()
    if same is not None:
        return same
    draft.save()
    return draft


def _draft(stay: ParkingSession, minutes: int) -> Prepayment:
    """From now on, or from the end of the time that is paid; in whole minutes from the arrival."""
    now = clock.now()
    until = max(now, stay.paid_until or now) + timedelta(minutes=minutes)
    return Prepayment(
        state=PrepaymentState.CONFIRMED,
        section_id=stay.section_id,
        berth_id=stay.berth_id,
        stay=stay,
        arrived_at=stay.arrived_at,
        minutes=math.ceil((until - stay.arrived_at).total_seconds() / 60),
        created_at=now,
    )

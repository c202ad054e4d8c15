"""Before time that was paid ahead ends, its holder is told, once, in time (docs/features.md 8).

At any hour, for it is about the berth that the person is paying for; never to a plate without a
proven holder, never to who wants no reminders, never late: a text that was not sent by the end of
the time fails (accounts.services.send_sms), one of a vehicle that has gone is recalled.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts import selectors as accounts
from accounts import services as account_services
from core import clock, links, locks
from parking.links import stay_token
from parking.models import ParkingSession, StayPayment
from parking.selectors.doubts import open_questions
from parking.services import stay_rows
from parking.states import PlateState, StayState

AHEAD = timedelta(minutes=10)
BATCH = 200


def remind_of_end() -> int:
    """A sweep: paid-ahead time that ends within ten minutes, each in a transaction of its own."""
    ids = list(_ending(clock.now()).order_by("paid_until").values_list("pk", flat=True)[:BATCH])
    return sum(remind(stay_id) for stay_id in ids)


def _ending(now: datetime) -> QuerySet[ParkingSession]:
    """Stays whose paid-ahead time is about to end and whose holder was not told of this end."""
    ahead = StayPayment.objects.filter(stay=OuterRef("pk"), kind=StayPayment.Kind.AHEAD)
    rows = ParkingSession.objects.filter(
        Exists(ahead),
        ~Exists(open_questions()),
        state=StayState.PARKED,
        plate_state=PlateState.SETTLED,
        simulated=False,
        capped_at=None,
        paid_until__gt=now,
        paid_until__lte=now + AHEAD,
    )
    return rows.exclude(reminded_of=F("paid_until"))


@transaction.atomic
def remind(stay_id: int) -> int:
    """Tell the holder of this stay's plate that its time is about to end; 1 once for each end."""
    found = locks.lock(_ending(clock.now()).filter(pk=stay_id).select_related("berth__section"))
    if not found:
        return 0
    stay = found[0]
    ParkingSession.objects.filter(pk=stay.pk).update(reminded_of=stay.paid_until)
    stay_rows.tell_street(stay)
    user = accounts.holder_of(stay.plate_text, stay.plate_colour)
    if user is None or not user.phone or user.sms_opted_out:
        return 1
    assert stay.paid_until is not None
    account_services.send_sms(
        phone=user.phone,
        template="paid_time",
        params={
            "place": f"{stay.berth.section.name} {stay.berth.number}",
            "until": f"{timezone.localtime(stay.paid_until):%H:%M}",
            "url": settings.PUBLIC_URL
            + reverse(
                "parking.stay",
                args=[stay_token(stay.pk, of=links.vehicle(stay.plate_text, stay.plate_colour))],
            ),
        },
        key=_key(stay.pk, stay.paid_until),
        valid_until=stay.paid_until,
    )
    return 1


def told_by_paying(paid_until: datetime, stay: ParkingSession) -> datetime | None:
    """Of which end the payer knows: who pays in the last minutes has just read when they end."""
    return paid_until if paid_until <= clock.now() + AHEAD else stay.reminded_of


def recall(stay: ParkingSession, *, actor: str) -> None:
    """The vehicle has gone, or has more time: what is not sent yet is not true any more."""
    if stay.reminded_of is not None:
        account_services.recall_sms(key=_key(stay.pk, stay.reminded_of), actor=actor)


def ends_soon(stay: ParkingSession, now: datetime) -> bool:
    """Whether the owner's page should say that the paid time is about to end."""
    if stay.state != StayState.PARKED or stay.paid_until is None:
        return False
    return now < stay.paid_until <= now + AHEAD


def _key(stay_id: int, paid_until: datetime) -> str:
    return f"paid-time:{stay_id}:{int(paid_until.timestamp())}"

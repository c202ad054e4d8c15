"""Stays: begun and ended by berth events, or by hand (P2.1); see retelling for what follows."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.services import by_two
from core import audit, clock
from core.errors import Invalid, Missing
from core.transition import transition
from parking.errors import BerthTaken, ReasonNeeded, StayMoved
from parking.events import StayVoided
from parking.models import BerthEvent, ParkingSession, Section, Sighting
from parking.services import elsewhere, endings, money, retelling, stay_rows, weights
from parking.services.plates import correct_plate
from parking.services.retelling import hear
from parking.services.reviews import drop_reviews
from parking.services.said import ARRIVED, LEFT
from parking.states import StayState

BATCH = 200


@transaction.atomic
def open_stay(
    *,
    berth_id: int,
    occurred_at: datetime,
    said_by: str,
    device_id: int | None = None,
    device_at: datetime | None = None,
) -> int | None:
    """A vehicle has come to this berth; the stay it belongs to (P2.1).

    The same arrival said again is the same stay, and so is another one on top of it until another
    vehicle is seen there. `device_at`: what the device's clock said, where that can't be.
    """
    return hear(
        berth_id, ARRIVED, occurred_at, said_by=said_by, device_id=device_id, device_at=device_at
    )


@transaction.atomic
def close_stay(
    *,
    berth_id: int,
    occurred_at: datetime,
    said_by: str,
    device_id: int | None = None,
    device_at: datetime | None = None,
) -> int | None:
    """The berth is empty; the stay that ended, None for a departure that is kept for later.

    A departure whose arrival has not been heard yet is matched when that comes.
    """
    return hear(
        berth_id, LEFT, occurred_at, said_by=said_by, device_id=device_id, device_at=device_at
    )


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
    berth = retelling.locked_berth(berth_id)
    _need_recent(arrived_at, berth.section)
    if berth.stays.filter(state=StayState.PARKED).exists():
        raise BerthTaken(berth.code)
    stay_id = hear(berth_id, ARRIVED, arrived_at, said_by=actor, by_hand=True)
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


@by_two(
    "parking.close_by_hand",
    word=_("End a stay by hand"),
    right="parking.end_parkingsession",
    role="settle_stay",
    subject="stay_id",
    page="parking.merchant_stay",
    weigh=weights.of_close,
    moments=("left_at",),
)
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
    hear(stay.berth_id, LEFT, left_at, said_by=actor, by_hand=True)


@by_two(
    "parking.void_stay",
    word=_("Cancel a stay"),
    right="parking.void_parkingsession",
    role="void_stay",
    subject="stay_id",
    page="parking.merchant_stay",
    weigh=weights.of_void,
)
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
        final_at=None,
    )
    if not moved:
        raise StayMoved()
    BerthEvent.objects.filter(stay=stay).update(ignored=True)
    money.promise_back(stay, money.paid_fen(stay), why=str(_("The stay was cancelled.")))
    endings.let_go(stay, actor=actor, used="cancelled")
    drop_reviews(stay=stay, actor=actor)
    elsewhere.reconsider(stay.plate, actor=actor)
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


@transaction.atomic
def finish_departures() -> int:
    """A sweep: departures that no arrival joins any more count from now on."""
    rows = ParkingSession.objects.select_for_update(
        no_key=True, skip_locked=True, of=("self",)
    ).filter(final_at__lte=clock.now())
    stays = list(rows.order_by("final_at")[:BATCH])
    for stay in stays:
        endings.finish(stay, actor=retelling.SYSTEM)
    return len(stays)


@transaction.atomic
def tell_anew(*, stay_id: int | None = None, sighting_id: int | None = None) -> None:
    """A photograph or a person's word about a plate may join stays of one vehicle, or split one of
    two (docs/rules.md L3). Raises Missing."""
    place: tuple[int | None, datetime] | None
    if sighting_id is not None:
        seen = Sighting.objects.filter(pk=sighting_id)
        place = seen.values_list("berth_id", "occurred_at").first()
    else:
        stays = ParkingSession.objects.filter(pk=stay_id)
        place = stays.values_list("berth_id", "arrived_at").first()
    if place is None:
        raise Missing()
    berth_id, at = place
    if berth_id is None:
        return
    berth = retelling.locked_berth(berth_id)
    retelling.retell(berth, at, actor=retelling.SYSTEM)

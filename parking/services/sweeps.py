"""Sweeps over due rows: silent cameras, readings whose task was lost, stays without departure.

Each function claims at most BATCH rows and says how many it moved; the dispatcher calls it every
second.
"""

from django.db import transaction

from core import audit, clock
from parking.models import ImageOrder, ParkingSession, ReviewItem
from parking.services import images
from parking.services.proof import proven_at
from parking.services.reviews import open_review
from parking.states import ImageOrderState, StayState

BATCH = 200


def chase_images() -> int:
    """Ask the next camera where the last one was asked in vain (P2.2)."""
    late = ImageOrder.objects.filter(state=ImageOrderState.ASKED, give_up_at__lte=clock.real())
    ids = list(late.order_by("give_up_at").values_list("command_id", flat=True)[:BATCH])
    return sum(images.image_failed(command_id=one, reason="no picture came") for one in ids)


@transaction.atomic
def flag_long_stays() -> int:
    """Flag stays that nobody saw leave (docs/features.md 10, 21). Their fee stops growing, and what
    nothing proves is not in it (docs/rules.md L2)."""
    now = clock.now()
    late = ParkingSession.objects.select_for_update(
        no_key=True, skip_locked=True, of=("self",)
    ).filter(state=StayState.PARKED, check_departure_at__lte=now)
    stays = list(late.order_by("check_departure_at")[:BATCH])
    for stay in stays:
        assert stay.check_departure_at is not None
        ParkingSession.objects.filter(pk=stay.pk).update(
            doubtful=True,
            doubt=ParkingSession.Doubt.NO_DEPARTURE,
            capped_at=proven_at(stay, stay.check_departure_at, plate=stay.plate),
            check_departure_at=None,
        )
        audit.record(stay, "flagged", actor="system:parking.flag_long_stays", reason="no departure")
        open_review(
            kind=ReviewItem.Kind.STAY,
            why="no_departure",
            merchant_id=stay.merchant_id,
            stay=stay,
        )
    return len(stays)

"""The register of permits: asked by one person, granted by another, ended in time.

A permit holds from when it is granted until it ends, never backwards: what a stay has cost while
nothing held stays right, however late somebody looks at it.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, clock, locks
from core.errors import Invalid, Refused
from core.transition import transition
from core.typed import typed_plate
from core.vehicles import of_vehicle
from parking.models import ParkingSession, Permit, Section
from parking.services import money
from parking.states import PermitState, PlateState, StayState

SYSTEM = "system:parking.permits"
BATCH = 100
LONGEST = timedelta(days=731)  # then somebody looks again whether it is still right


@transaction.atomic
def ask_permit(row: Permit, *, sections: list[Section], actor: str) -> Permit:
    """One person asks for it; nothing holds yet. Raises Invalid for a plate that can't be, a time
    that is over or too long, and a road of another merchant."""
    plate = typed_plate(row.plate_text, row.plate_colour)
    check_permit(merchant_id=row.merchant_id, since=row.since, until=row.until, sections=sections)
    row.plate_text, row.plate_colour = plate.text, plate.colour_text
    row.asked_at, row.asked_by = clock.now(), actor
    row.save(force_insert=True)
    row.sections.set(sections)
    audit.record(row, "asked", actor=actor, reason=row.why)
    return row


def check_permit(
    *, merchant_id: int, since: datetime, until: datetime, sections: list[Section]
) -> None:
    """Raises Invalid for times and roads that no permit of this merchant can have."""
    begins = max(since, clock.now())
    if until <= begins:
        raise Invalid("over", _("This time is over."), fields={"until": _("Name a time to come.")})
    if until > begins + LONGEST:
        said = _("At most two years; then somebody looks again.")
        raise Invalid("too_long", said, fields={"until": said})
    if any(section.merchant_id != merchant_id for section in sections):
        said = _("This road is another merchant's.")
        raise Invalid("other_merchant", said, fields={"sections": said})


@transaction.atomic
def grant_permit(*, permit_id: int, actor: str) -> bool:
    """A second person grants it: from now on, or from its own beginning, the vehicle stands free as
    the tariff says. False where it was granted or ended before.

    Raises Refused for who asked for it themselves.
    """
    row = Permit.objects.get(pk=permit_id)
    if row.asked_by == actor:
        raise Refused(
            "second_person", _("Another person must grant the permit that you have asked for.")
        )
    moved = transition(
        row,
        source=PermitState.ASKED,
        target=PermitState.GRANTED,
        actor=actor,
        reason=row.kind,
        granted_by=actor,
        held_from=max(row.since, clock.now()),
    )
    if moved:
        _tell_stays(row)
    return bool(moved)


@transaction.atomic
def end_permit(*, permit_id: int, actor: str, reason: str) -> bool:
    """It holds no more, from now on; False where it had ended."""
    row = Permit.objects.get(pk=permit_id)
    moved = transition(
        row,
        source=[PermitState.ASKED, PermitState.GRANTED],
        target=PermitState.ENDED,
        actor=actor,
        reason=reason[:300],
        held_until=min(row.until, clock.now()),
    )
    if moved:
        _tell_stays(row)
    return bool(moved)


def end_permits() -> int:
    """A sweep: permits whose time is over, each in a transaction of its own."""
    rows = Permit.objects.filter(
        state__in=[PermitState.ASKED, PermitState.GRANTED], until__lte=clock.now()
    )
    ids = list(rows.order_by("until").values_list("pk", flat=True)[:BATCH])
    return sum(end_permit(permit_id=pk, actor=SYSTEM, reason="time over") for pk in ids)


def _tell_stays(row: Permit) -> None:
    """Money that was paid ahead reaches further, or less far, from now on."""
    stays = ParkingSession.objects.filter(
        of_vehicle(row.plate),
        merchant_id=row.merchant_id,
        plate_state=PlateState.SETTLED,
        state=StayState.PARKED,
    )
    for stay in locks.lock(stays.select_related("section", "tariff_version")):
        money.follow_money(stay)

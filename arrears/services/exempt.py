"""The register of exempt vehicles: asked by one person, granted by another, ended in time."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from arrears.events import DemandTakenBack
from arrears.models import Debt, ExemptVehicle
from arrears.services import demands, listing
from arrears.states import DebtState, ExemptionState
from core import audit, clock, outbox
from core.errors import Invalid, Refused
from core.transition import transition
from core.typed import typed_plate
from core.vehicles import of_vehicle

SYSTEM = "system:arrears.exempt"
BATCH = 100


@transaction.atomic
def ask_exemption(row: ExemptVehicle, *, actor: str) -> ExemptVehicle:
    """One person asks for it; nothing holds yet. Raises Invalid for a plate that can't be, or a
    time that is over."""
    plate = typed_plate(row.plate_text, row.plate_colour)
    if row.until <= clock.now():
        raise Invalid("over", _("This time is over."), fields={"until": _("Name a time to come.")})
    row.plate_text, row.plate_colour = plate.text, plate.colour_text
    row.asked_at, row.asked_by = clock.now(), actor
    row.save(force_insert=True)
    audit.record(row, "asked", actor=actor, reason=row.why)
    return row


@transaction.atomic
def grant_exemption(*, exemption_id: int, actor: str) -> bool:
    """A second person grants it: the vehicle leaves the list at once, and nobody is asked. False
    where it was granted or ended before. Raises Refused for who asked for it themselves."""
    row = ExemptVehicle.objects.get(pk=exemption_id)
    if row.asked_by == actor:
        raise Refused("second_person", _("Another person must grant what you have asked for."))
    moved = transition(
        row,
        source=ExemptionState.ASKED,
        target=ExemptionState.GRANTED,
        actor=actor,
        reason=row.reason,
        granted_by=actor,
    )
    if moved:
        owed = Debt.objects.filter(of_vehicle(row.plate), state=DebtState.OPEN, demanded_at=None)
        demands.take_back(owed.values_list("pk", flat=True), actor=actor, reason="exempt")
        _relist(row, actor=actor, reason="exempt")
    return bool(moved)


@transaction.atomic
def end_exemption(*, exemption_id: int, actor: str, reason: str) -> bool:
    """It holds no more: what is owed is asked for anew, with its whole time."""
    row = ExemptVehicle.objects.get(pk=exemption_id)
    held = row.state == ExemptionState.GRANTED
    moved = transition(
        row,
        source=[ExemptionState.ASKED, ExemptionState.GRANTED],
        target=ExemptionState.ENDED,
        actor=actor,
        reason=reason[:300],
    )
    if moved and held:
        owed = Debt.objects.filter(of_vehicle(row.plate), state=DebtState.OPEN)
        owed.update(demanded_at=None, demanded_fen=None)
        outbox.add(*(DemandTakenBack(pk) for pk in owed.values_list("pk", flat=True)))
        _relist(row, actor=actor, reason="no longer exempt")
    return bool(moved)


def end_exemptions() -> int:
    """A sweep: exemptions whose time is over, each in a transaction of its own."""
    rows = ExemptVehicle.objects.filter(
        state__in=[ExemptionState.ASKED, ExemptionState.GRANTED], until__lte=clock.now()
    )
    ids = list(rows.order_by("until").values_list("pk", flat=True)[:BATCH])
    return sum(end_exemption(exemption_id=pk, actor=SYSTEM, reason="time over") for pk in ids)


def _relist(row: ExemptVehicle, *, actor: str, reason: str) -> None:
    """The vehicle's place, under each colour that its debts know it by."""
    known = Debt.objects.filter(of_vehicle(row.plate), state__in=Debt.LIVE)
    for text, colour in sorted(set(known.values_list("plate_text", "plate_colour"))):
        listing.relist(text, colour, actor=actor, reason=reason)

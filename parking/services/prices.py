"""Tariff versions as this row uses them; the arithmetic stands in parking/rules/pricing.py."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy

from core import calendar, clock, plates
from core.errors import Invalid, Refused
from parking.models import ParkingSession, TariffVersion
from parking.rules import pricing
from parking.rules.tariff import Scope
from parking.states import PlateState, StayState

LARGE = "large"
NEW_ENERGY = {"green", "yellow_green"}


@dataclass(frozen=True, slots=True)
class Bill:
    """A fee, how it comes about, and until when it stays the same (None: beyond a month)."""

    amount_fen: int
    lines: list[dict[str, Any]]
    same_until: datetime | None = None


def check_terms(terms: dict[str, Any]) -> pricing.Tariff:
    """The tariff that these terms are. Raises Invalid with the field and the reason."""
    try:
        return pricing.Tariff.from_json(terms)
    except pricing.BadTariff as error:
        raise Invalid(
            "bad_tariff",
            gettext_lazy("These terms are no tariff: %(error)s"),
            error=str(error),
            fields={"terms": str(error)},
        ) from error


def version_at(tariff_id: int, at: datetime) -> TariffVersion:
    """The version that holds at `at`, marked as used; before the first one, the first one.

    Raises Refused for a tariff without a version.
    """
    versions = TariffVersion.objects.filter(tariff_id=tariff_id)
    version = versions.filter(valid_from__lte=at).order_by("-valid_from").first()
    version = version or versions.order_by("valid_from").first()
    if version is None:
        raise Refused("no_tariff", gettext_lazy("This section has no tariff yet."))
    if version.first_used_at is None:
        versions.filter(pk=version.pk, first_used_at=None).update(first_used_at=clock.now())
    return version


def bill_of(stay: ParkingSession, until: datetime) -> Bill:
    """The bill of a stay up to `until`, by its own tariff version; a capped one up to its cap."""
    if stay.capped_at is not None:
        until = min(until, stay.capped_at)
    until = max(until, stay.arrived_at)
    tariff = pricing.Tariff.from_json(stay.tariff_version.terms)
    fee = pricing.fee(
        tariff, arrived_at=stay.arrived_at, left_at=until, **_circumstances(stay, tariff)
    )
    return Bill(fee.amount_fen, [_stored(line) for line in fee.lines], fee.same_until)


def affordable_until(stay: ParkingSession, amount_fen: int) -> datetime:
    """Up to when `amount_fen` pays this stay."""
    tariff = pricing.Tariff.from_json(stay.tariff_version.terms)
    return pricing.affordable_until(
        tariff,
        arrived_at=stay.arrived_at,
        amount_fen=amount_fen,
        **_circumstances(stay, tariff),
    )


def _circumstances(stay: ParkingSession, tariff: pricing.Tariff) -> pricing.Circumstances:
    """What else decides the price. An unread plate pays as a small car without history."""
    known = pricing.Circumstances()
    if stay.plate_state != PlateState.SETTLED:
        return known
    plate = plates.Plate(stay.plate_text)
    known["exempt_as"] = plate.kind.value  # a kind that the tariff does not exempt changes nothing
    known["nev"] = stay.plate_colour in NEW_ENERGY
    # Large vehicles have yellow plates (docs/facts.md 1); many tariffs ask the same of all.
    if stay.plate_colour in ("yellow", "yellow_green") and LARGE in tariff.classes:
        known["vehicle_class"] = LARGE
    once_a_day = known["nev"] and tariff.new_energy is not None and tariff.new_energy.free_s
    # Asked only where the tariff needs it: every look at a running fee comes through here.
    if once_a_day or tariff.free_scope is Scope.day:
        earlier = _earlier_that_day(stay)
        known["nev_free_used"] = bool(earlier)
        if tariff.free_scope is Scope.day:
            known["used_free_s"] = min(tariff.free_s, sum(earlier))
    if tariff.merge_gap_s:
        _continue(known, stay, tariff)
    return known


def _continue(known: pricing.Circumstances, stay: ParkingSession, tariff: pricing.Tariff) -> None:
    """A stop shortly after another one of this vehicle on the section runs on from there.

    Only the stop before counts; one that cost nothing has used up its minutes of the free time.
    """
    before = (
        ParkingSession.objects.filter(
            section_id=stay.section_id,
            plate_text=stay.plate_text,
            plate_state=PlateState.SETTLED,
            left_at__lte=stay.arrived_at,
            arrived_at__lt=stay.arrived_at,
        )
        .exclude(state=StayState.VOID)
        .order_by("-left_at")
        .first()
    )
    if before is None or before.left_at is None:
        return
    if not pricing.continues(tariff, left_at=before.left_at, arrived_at=stay.arrived_at):
        return
    seconds = int((before.left_at - before.arrived_at).total_seconds())
    if before.fee_fen:
        known["paid_before_s"], known["paid_before_fen"] = seconds, before.fee_fen
    else:
        known["used_free_s"] = max(known.get("used_free_s", 0), min(seconds, tariff.free_s))


def _earlier_that_day(stay: ParkingSession) -> list[int]:
    """Seconds of this vehicle's earlier stays of the day, with the same merchant."""
    began, _ends = calendar.day_bounds(calendar.city_date(stay.arrived_at))
    rows = ParkingSession.objects.filter(
        merchant_id=stay.merchant_id,
        plate_text=stay.plate_text,
        plate_state=PlateState.SETTLED,
        arrived_at__gte=began,
        arrived_at__lt=stay.arrived_at,
        left_at__isnull=False,
    ).exclude(state=StayState.VOID)
    times = rows.values_list("arrived_at", "left_at")
    return [int((left_at - arrived_at).total_seconds()) for arrived_at, left_at in times if left_at]


def _stored(line: pricing.Line) -> dict[str, Any]:
    return asdict(line) | {
        "starts_at": line.starts_at.isoformat(),
        "ends_at": line.ends_at.isoformat(),
    }

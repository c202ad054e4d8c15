"""Tariff versions as this row uses them; the arithmetic stands in parking/rules/pricing.py."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy

from core import clock, plates
from core.errors import Invalid
from core.vehicles import of_vehicle
from parking.models import ParkingSession, Permit, TariffVersion
from parking.rules import pricing
from parking.rules.permits import together
from parking.rules.spans import HORIZON_S, asks_for_days
from parking.rules.tariff import CapOver, PermitKind, Scope
from parking.services import gaps, holidays
from parking.services.earlier import billed_end, continued, seconds_that_day, sharing_caps
from parking.states import PlateState

LARGE = "large"
CLASSES = frozenset({LARGE})  # that a stay's plate tells
PERMITS = frozenset(PermitKind)
EXEMPT = PERMITS | {kind.value for kind in plates.Kind}  # and what a plate was issued for
NEW_ENERGY = {"green", "yellow_green"}


@dataclass(frozen=True, slots=True)
class Bill:
    """A fee, how it comes about, and until when it stays the same (None: beyond a month)."""

    amount_fen: int
    lines: list[dict[str, Any]]
    same_until: datetime | None = None


def check_terms(terms: dict[str, Any]) -> pricing.Tariff:
    """The tariff that these terms are, with names that stays are priced by and no others: a class
    that nobody tells would change no fee, silently. Raises Invalid with the field and the reason.
    """
    try:
        tariff = pricing.Tariff.from_json(terms)
        _need_known(tariff)
        return tariff
    except pricing.BadTariff as error:
        raise Invalid(
            "bad_tariff",
            gettext_lazy("These terms are no tariff: %(error)s"),
            error=str(error),
            fields={"terms": str(error)},
        ) from error


def _need_known(tariff: pricing.Tariff) -> None:
    for field, named, known in (
        ("classes", tariff.classes, CLASSES),
        ("exempt", tariff.exempt, EXEMPT),
    ):
        for name in named:
            if name not in known:
                names = ", ".join(sorted(known))
                raise pricing.BadTariff(
                    f"{field}.{name}", f"is known of no vehicle; known: {names}"
                )
    if tariff.debtors_lose_benefits:
        raise pricing.BadTariff("debtors_lose_benefits", "stays are priced without their debts")


def version_at(tariff_id: int, at: datetime) -> TariffVersion | None:
    """The version that holds at `at`, marked as used; before the first one, the first one.

    None for a tariff without a version: what happens there is kept all the same.
    """
    versions = TariffVersion.objects.filter(tariff_id=tariff_id)
    version = versions.filter(valid_from__lte=at).order_by("-valid_from").first()
    version = version or versions.order_by("valid_from").first()
    if version is None:
        return None
    if version.first_used_at is None:
        versions.filter(pk=version.pk, first_used_at=None).update(first_used_at=clock.now())
    return version


def reach_further(terms: dict[str, Any]) -> bool:
    """Whether stays by these terms change what later ones cost."""
    shared = any(cap.get("over", CapOver.stay) != CapOver.stay for cap in terms.get("caps") or ())
    return shared or bool(terms.get("merge_gap_s"))


def bill_of(stay: ParkingSession, until: datetime) -> Bill:
    """The bill of a stay up to `until`, by its own tariff version.

    A capped one up to its cap; one that is due to be flagged up to there, whenever the sweep comes:
    what is priced has a bound.
    """
    for stop in (stay.capped_at, stay.check_departure_at):
        until = min(until, stop or until)
    until = max(until, stay.arrived_at)
    if stay.tariff_version is None:
        return Bill(0, [])
    tariff = pricing.Tariff.from_json(stay.tariff_version.terms)
    known = _circumstances(stay, tariff)
    _share_caps(known, stay, tariff)
    _leave_out_gaps(known, stay, until)
    fee = pricing.fee(tariff, arrived_at=stay.arrived_at, left_at=until, **known)
    return Bill(fee.amount_fen, [_stored(line) for line in fee.lines], fee.same_until)


def affordable_until(stay: ParkingSession, amount_fen: int) -> datetime:
    """Up to when `amount_fen` pays this stay; time that nothing proves costs nothing of it."""
    if stay.tariff_version is None:
        return stay.arrived_at
    tariff = pricing.Tariff.from_json(stay.tariff_version.terms)
    known = _circumstances(stay, tariff)
    _share_caps(known, stay, tariff)
    _leave_out_gaps(known, stay, clock.now())
    return pricing.affordable_until(
        tariff, arrived_at=stay.arrived_at, amount_fen=amount_fen, **known
    )


def _leave_out_gaps(known: pricing.Circumstances, stay: ParkingSession, until: datetime) -> None:
    """The gaps of this stay beside those of its chain; one that goes on, as far as `until`."""
    own = [(gap.began_at, gap.ended_at or max(until, gap.began_at)) for gap in gaps.of(stay)]
    known["gaps"] = [*known.get("gaps", ()), *own]


def _share_caps(known: pricing.Circumstances, stay: ParkingSession, tariff: pricing.Tariff) -> None:
    """The vehicle's stays that have used of the caps that this one shares with them."""
    if tariff.shared_over is CapOver.stay or stay.plate_state != PlateState.SETTLED:
        return
    known["before"] = [_visit(one, own, stay) for one, own in sharing_caps(stay, tariff)]


def _visit(last: ParkingSession, tariff: pricing.Tariff, stay: ParkingSession) -> pricing.Visit:
    """A stay before this one, with the stops that it continues, as it is priced itself."""
    known = _circumstances(last, tariff)
    _leave_out_gaps(known, last, billed_end(last))
    return pricing.Visit(
        tariff=tariff,
        arrived_at=last.arrived_at,
        left_at=billed_end(last),
        known=known,
        here=last.section_id == stay.section_id,
    )


def _circumstances(stay: ParkingSession, tariff: pricing.Tariff) -> pricing.Circumstances:
    """What else decides the price. An unread plate pays as a small car without history."""
    known = pricing.Circumstances()
    if asks_for_days(tariff):
        known["day"] = holidays.as_known(stay.arrived_at)
    if stay.plate_state != PlateState.SETTLED:
        return known
    plate = plates.Plate(stay.plate_text)
    known["exempt_as"] = plate.kind.value  # a kind that the tariff does not exempt changes nothing
    known["nev"] = stay.plate_colour in NEW_ENERGY
    # Large vehicles have yellow plates (docs/facts.md 1); many tariffs ask the same of all.
    if stay.plate_colour in ("yellow", "yellow_green") and LARGE in tariff.classes:
        known["vehicle_class"] = LARGE
    began = stay.arrived_at
    if tariff.merge_gap_s and (chain := continued(stay, tariff)):
        known["earlier"] = [(one.arrived_at, billed_end(one)) for one in chain]
        known["gaps"] = [
            (gap.began_at, gap.ended_at or billed_end(one)) for one in chain for gap in gaps.of(one)
        ]
        began = chain[0].arrived_at
    if PERMITS & tariff.exempt.keys():
        known.update(_permitted(stay, tariff, began, known["exempt_as"]))
    once_a_day = known["nev"] and tariff.new_energy is not None and tariff.new_energy.free_s
    # Asked only where the tariff needs it: every look at a running fee comes through here.
    if once_a_day or tariff.free_scope is Scope.day:
        earlier = seconds_that_day(stay, began)
        known["nev_free_used"] = bool(earlier)
        if tariff.free_scope is Scope.day:
            known["used_free_s"] = min(tariff.free_s, sum(earlier))
    return known


def _permitted(
    stay: ParkingSession, tariff: pricing.Tariff, began: datetime, exempt_as: str | None
) -> pricing.Circumstances:
    """What the vehicle's permits give from when it `began` to stand there: the times in which it is
    free, and the name under which it has free time from then on, where that is more than what its
    plate itself gives (`exempt_as`)."""
    horizon = max(began, clock.now()) + timedelta(seconds=HORIZON_S)
    rows = Permit.objects.filter(
        Q(sections=None) | Q(sections=stay.section_id),
        of_vehicle(stay.plate),
        Q(held_until=None) | Q(held_until__gt=began),
        merchant_id=stay.merchant_id,
        kind__in=list(tariff.exempt),
        held_from__lt=horizon,
        until__gt=began,
    )
    known, free = pricing.Circumstances(), []
    for row in rows.order_by("pk").distinct():
        times = list(row.holding.within(began, horizon))
        if tariff.exempt[row.kind] is None:
            free += times
        elif any(a <= began < b for a, b in times):
            exempt_as = max(exempt_as, row.kind, key=lambda name: _free_s(tariff, name))
            known["exempt_as"] = exempt_as
    if free:
        known["permits"] = together(free)
    return known


def _free_s(tariff: pricing.Tariff, name: str | None) -> float:
    seconds = tariff.exempt.get(name, 0) if name is not None else 0
    return inf if seconds is None else seconds


def _stored(line: pricing.Line) -> dict[str, Any]:
    return asdict(line) | {
        "starts_at": line.starts_at.isoformat(),
        "ends_at": line.ends_at.isoformat(),
    }

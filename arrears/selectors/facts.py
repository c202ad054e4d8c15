"""Debts and listings as values, for other rows and for pages."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from arrears.models import BlacklistEntry, Debt, Dispute
from arrears.selectors.questions import with_held
from arrears.states import DebtState, DisputeState, ListingState
from core import outages
from core.plates import Plate
from core.vehicles import of_vehicle, plate_of
from parking.selectors import StayFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtFacts:
    """One debt at the moment of asking; `demanded_at` is when its first demand was delivered."""

    id: int
    stay_id: int
    merchant_id: int
    section_id: int
    section_name: str
    ground: str
    berth_code: str
    plate_text: str
    plate_colour: str
    amount_fen: int
    state: str
    opened_at: datetime
    demanded_at: datetime | None
    arrived_at: datetime
    left_at: datetime | None
    held: bool

    @property
    def plate(self) -> Plate | None:
        return plate_of(self)

    @property
    def disputed(self) -> bool:
        """Held by an objection, or by a question about its stay."""
        return self.held

    @property
    def is_open(self) -> bool:
        """Due and not held."""
        return self.state == DebtState.OPEN and not self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A vehicle's place on the list."""

    id: int
    state: str
    since: datetime
    due_at: datetime | None
    amount_fen: int
    why: dict[str, Any]

    @property
    def is_active(self) -> bool:
        return self.state == ListingState.ACTIVE


def _rows() -> QuerySet[Debt]:
    return with_held(Debt.objects.select_related("section", "stay__berth"))


def _facts(debt: Any) -> DebtFacts:
    return DebtFacts(
        id=debt.pk,
        stay_id=debt.stay_id,
        merchant_id=debt.merchant_id,
        section_id=debt.section_id,
        section_name=debt.section.name,
        ground=debt.section.ground,
        berth_code=debt.stay.berth.code,
        plate_text=debt.plate_text,
        plate_colour=debt.plate_colour,
        amount_fen=debt.amount_fen,
        state=debt.state,
        opened_at=debt.opened_at,
        demanded_at=debt.demanded_at,
        arrived_at=debt.stay.arrived_at,
        left_at=debt.stay.left_at,
        held=debt.held,
    )


def graces_of(debts: Collection[DebtFacts]) -> dict[int, datetime]:
    """Until when the demands of those of these debts that were demanded gave time to pay, what we
    were away added (docs/rules.md L7); two queries."""
    asked = {one.id: (one.demanded_at, one.section_id) for one in debts if one.demanded_at}
    if not asked:
        return {}
    register = outages.known(min(at for at, _section in asked.values()))
    grace = timedelta(hours=settings.BOWEI_GRACE_H)
    return {
        pk: register.stretched(at, grace, about=section_id)
        for pk, (at, section_id) in asked.items()
    }


def debts(debt_ids: Collection[int]) -> list[DebtFacts]:
    """These debts, in whatever state, oldest first; one query."""
    rows = _rows().filter(pk__in=list(debt_ids))
    return [_facts(debt) for debt in rows.order_by("opened_at", "pk")]


def any_live(debt_ids: Iterable[int]) -> bool:
    """Whether one of these debts is still asked for, or held by an objection; one query."""
    return Debt.objects.filter(pk__in=debt_ids, state__in=Debt.LIVE).exists()


def debt_of_stay(stay_id: int) -> DebtFacts | None:
    """The debt of a stay, if its window ended unpaid."""
    debt = _rows().filter(stay_id=stay_id).first()
    return _facts(debt) if debt else None


def open_debts_of(plate: Plate, merchant_id: int | None = None) -> list[DebtFacts]:
    """Live debts of this vehicle, contested ones too, oldest first; one query.

    `merchant_id` asks for one creditor's. A colour unknown on either side excludes nothing.
    """
    rows = _rows().filter(of_vehicle(plate), state__in=Debt.LIVE)
    if merchant_id is not None:
        rows = rows.filter(merchant_id=merchant_id)
    return [_facts(debt) for debt in rows.order_by("opened_at", "pk")]


def live_debts_by_plate(texts: Collection[str]) -> list[DebtFacts]:
    """Live debts of all plates with these texts, contested ones too, oldest first; one query."""
    rows = _rows().filter(plate_text__in=list(texts), state__in=Debt.LIVE)
    return [_facts(debt) for debt in rows.order_by("opened_at", "pk")]


def listed_by_plate(texts: Collection[str]) -> list[Plate]:
    """The vehicles with these plates' texts that are listed actively now; one query."""
    rows = BlacklistEntry.objects.filter(plate_text__in=list(texts), state=ListingState.ACTIVE)
    return [Plate.of(*one) for one in rows.values_list("plate_text", "plate_colour")]


def objected_to(stays: Collection[StayFacts]) -> set[int]:
    """Those of these stays that somebody objects to, said while it was this vehicle's or nobody's
    yet; one query."""
    of = {one.id: (one.plate_text, one.plate_colour) for one in stays}
    rows = Dispute.objects.filter(stays__in=list(of), state=DisputeState.OPEN)
    said = rows.values_list("stays", "plate_text", "plate_colour")
    return {pk for pk, text, colour in said if pk in of and (not text or (text, colour) == of[pk])}


def demand_delivered(debt_ids: Iterable[int]) -> bool:
    """Whether a demand for every one of these debts was delivered; False for none at all."""
    found = debts(list(debt_ids))
    return bool(found) and all(one.demanded_at is not None for one in found)


def listing_of(plate: Plate) -> Listing | None:
    """The vehicle's entry, in whatever live state; one query (P3.3)."""
    rows = BlacklistEntry.objects.filter(of_vehicle(plate)).exclude(state=ListingState.GONE)
    entry = rows.order_by("pk").first()
    if entry is None:
        return None
    return Listing(
        id=entry.pk,
        state=entry.state,
        since=entry.since,
        due_at=entry.due_at,
        amount_fen=entry.amount_fen,
        why=entry.why,
    )

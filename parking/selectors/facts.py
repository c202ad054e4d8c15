"""Stays as values, for other rows and for pages."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Count, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.urls import reverse

from core import outages, plates
from core.compiled import GIVEN, Compiled
from core.errors import Missing
from core.vehicles import of_vehicle, plate_of
from parking import links
from parking.models import (
    Berth,
    HandheldPost,
    ParkingSession,
    Prepayment,
    Section,
    Sighting,
    StayPayment,
)
from parking.selectors.doubts import Question, asked, questions_of
from parking.states import PlateState, SightingState, StayState
from parking.words import spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class StayFacts:
    """One stay, at the moment of asking.

    `lines` are the bill in the reader's language, `evidence` photographs' hashes, oldest first.
    `questions` are those that nobody has answered yet: while there is one, nothing is asked for it
    (docs/rules.md L1).
    """

    id: int
    merchant_id: int
    section_id: int
    berth_id: int
    ground: str
    berth_code: str
    section_name: str
    plate_text: str
    plate_colour: str
    plate_state: str
    plate_confidence: float | None
    plate_by: str
    arrived_at: datetime
    left_at: datetime | None
    settled_at: datetime | None
    fee_fen: int
    prepaid_fen: int
    due_fen: int
    state: str
    lines: list[dict[str, Any]]
    evidence: tuple[str, ...]
    doubtful: bool
    questions: tuple[Question, ...]
    simulated: bool
    pay_window_s: int

    @property
    def plate(self) -> plates.Plate | None:
        return plate_of(self)


# What a query calls otherwise than the facts do.
_ELSEWHERE = {
    "ground": "section__ground",
    "berth_code": "berth__code",
    "section_name": "section__name",
    "questions": "asked",
    "pay_window_s": "section__pay_window_s",
}
_NAMES = [one.name for one in fields(StayFacts)]


def _rows() -> QuerySet[ParkingSession, tuple[Any, ...]]:
    """Stays as the rows that `_facts` reads."""
    seen = Sighting.objects.filter(stay=OuterRef("pk")).order_by("occurred_at", "pk")
    rows = ParkingSession.objects.annotate(
        asked=asked(), evidence=ArraySubquery(seen.values("image_sha"))
    )
    return rows.values_list(*(_ELSEWHERE.get(name, name) for name in _NAMES))


def _facts(row: Sequence[Any]) -> StayFacts:
    told = dict(zip(_NAMES, row, strict=True))
    told["lines"] = [asdict(spoken(line)) for line in told["lines"]]
    told["evidence"] = tuple(told["evidence"])
    told["questions"] = questions_of(told["questions"])
    return StayFacts(**told)


_BY_KEY = Compiled(
    lambda: _rows().filter(
        RawSQL('"parking_parkingsession"."id" = ANY(%s)', [GIVEN], output_field=BooleanField())
    )
)


def stay(stay_id: int) -> StayFacts:
    """One stay; one query. Raises Missing."""
    found = stays([stay_id])
    if not found:
        raise Missing()
    return found[stay_id]


def whole_of(stay_id: int) -> int:
    """The stay that this one turned out to be a part of, or itself (docs/rules.md L3)."""
    rows = ParkingSession.objects.exclude(merged_into=None)
    while whole := rows.filter(pk=stay_id).values_list("merged_into_id", flat=True).first():
        stay_id = whole
    return stay_id


def stays(stay_ids: Collection[int]) -> dict[int, StayFacts]:
    """Several stays by id; one query."""
    found = map(_facts, _BY_KEY.ask(list(stay_ids)) if stay_ids else ())
    return {one.id: one for one in found}


def unpaid_stays_of(plate_text: str, plate_colour: str) -> list[StayFacts]:
    """Stays of this vehicle that left unpaid, oldest first; never simulated ones.

    A colour that is unknown on either side excludes nothing (core.plates.same_vehicle).
    """
    rows = _rows().filter(
        of_vehicle(plates.Plate.of(plate_text, plate_colour)),
        plate_state=PlateState.SETTLED,
        state=StayState.DUE,
        simulated=False,
    )
    return [_facts(row) for row in rows.order_by("left_at", "pk")]


def unpaid_with_merchant(merchant_id: int, plate: plates.Plate) -> list[StayFacts]:
    """Stays of this vehicle with this merchant that can be paid: those it left unpaid, oldest
    first, and the one in which it stands; never simulated ones."""
    rows = _rows().filter(
        of_vehicle(plate),
        merchant_id=merchant_id,
        plate_state=PlateState.SETTLED,
        state__in=[StayState.DUE, StayState.PARKED],
        simulated=False,
    )
    return [_facts(row) for row in rows.order_by("arrived_at", "pk")]


def paid_after_leaving(stay_id: int) -> bool:
    """Whether somebody paid for this stay once it had ended, and did not get all of it back."""
    rows = StayPayment.objects.filter(stay=stay_id, kind=StayPayment.Kind.AFTER)
    return rows.filter(amount_fen__gt=F("refunded_fen") + F("moved_fen")).exists()


def confirmed_by_owner(stay_id: int) -> str:
    """How the owner has confirmed that their vehicle stood there: `declared` its plate ahead, or
    `paid` for the stay once it had this plate, and did not get all of it back; "" for not yet."""
    stay = ParkingSession.objects.only("plate_text", "plate_colour", "plate_at").get(pk=stay_id)
    said = Prepayment.objects.filter(of_vehicle(stay.plate), stay=stay_id)
    if said.filter(submitted_at__isnull=False).exists():
        return "declared"
    money = StayPayment.objects.filter(
        stay=stay_id, amount_fen__gt=F("refunded_fen") + F("moved_fen")
    )
    return "paid" if stay.plate_at and money.filter(paid_at__gte=stay.plate_at).exists() else ""


def unpaid_at(berth_id: int, plate_text: str) -> ParkingSession | None:
    """The newest stay that this plate left unpaid at this berth, for who knows both."""
    rows = ParkingSession.objects.filter(
        berth_id=berth_id,
        plate_text=plate_text,
        plate_state=PlateState.SETTLED,
        state=StayState.DUE,
        simulated=False,
    )
    return rows.order_by("-left_at").first()


def history_of(
    plate_text: str, plate_colour: str, before: datetime, *, limit: int = 500
) -> list[StayFacts]:
    """Stays of this vehicle that ended before `before`, newest first, at most `limit`.

    As known now: who needs what was known then compares `settled_at` with `before`.
    """
    mine = of_vehicle(plates.Plate.of(plate_text, plate_colour))
    rows = _rows().filter(mine, plate_state=PlateState.SETTLED, left_at__lt=before)
    rows = rows.exclude(state=StayState.VOID).order_by("-arrived_at", "-pk")
    return [_facts(row) for row in rows[:limit]]


def latest_of(plate_text: str, plate_colour: str, *, limit: int) -> list[StayFacts]:
    """The newest stays of this vehicle, in whatever state, newest first."""
    mine = of_vehicle(plates.Plate.of(plate_text, plate_colour))
    return _newest(_rows().filter(mine, plate_state=PlateState.SETTLED), limit)


def latest_at(berth_id: int, *, limit: int) -> list[StayFacts]:
    """The newest stays at this berth, whoever's, newest first."""
    return _newest(_rows().filter(berth_id=berth_id), limit)


def _newest(rows: QuerySet[ParkingSession, tuple[Any, ...]], limit: int) -> list[StayFacts]:
    found = rows.filter(simulated=False).order_by("-arrived_at", "-pk")[:limit]
    return [_facts(row) for row in found]


def orders_that_paid(stay_ids: Collection[int]) -> dict[int, list[str]]:
    """The numbers of the orders through which each of these stays was paid, oldest first."""
    rows = StayPayment.objects.filter(stay_id__in=list(stay_ids)).order_by("paid_at", "pk")
    found: dict[int, list[str]] = {}
    for stay_id, number in rows.values_list("stay_id", "order_number"):
        found.setdefault(stay_id, []).append(number)
    return {stay_id: list(dict.fromkeys(numbers)) for stay_id, numbers in found.items()}


def stays_paid_by(order_number: str) -> list[int]:
    """The stays that money of this order has paid."""
    rows = StayPayment.objects.filter(order_number=order_number)
    return sorted(set(rows.values_list("stay_id", flat=True)))


def paid_for(
    held: Collection[tuple[str, str, datetime]], *, but: Collection[str], limit: int
) -> list[StayPayment]:
    """The newest payments for stays of these vehicles, (text, colour, held since), that began
    since then; but for those of these orders."""
    mine = Q(pk=None)
    for text, colour, since in held:
        vehicle = of_vehicle(plates.Plate.of(text, colour)) & Q(arrived_at__gte=since)
        mine |= Q(stay__in=ParkingSession.objects.filter(vehicle, plate_state=PlateState.SETTLED))
    rows = StayPayment.objects.filter(mine, amount_fen__gt=0).exclude(order_number__in=list(but))
    return list(rows.select_related("stay__berth__section").order_by("-paid_at", "-pk")[:limit])


def stay_path(stay_id: int, *, of: str = "") -> str:
    """The page of a stay by its link; `of` as `parking.links.stay_token` has it."""
    return reverse("parking.stay", args=[links.stay_token(stay_id, of=of)])


def section_by_code(code: str) -> Section | None:
    return Section.objects.filter(code=code).first()


def breakable_sections() -> list[tuple[str, Any]]:
    """The sections whose devices can be silent: name in the register of outages, word."""
    rows = Section.objects.order_by("name", "pk").values_list("pk", "name", "code")
    return [(outages.section(pk), f"{name} ({code})") for pk, name, code in rows]


def section(section_id: int) -> Section:
    """The section; raises Missing."""
    found = Section.objects.filter(pk=section_id).select_related("merchant").first()
    if found is None:
        raise Missing()
    return found


def terminals_for(section_id: int) -> list[int]:
    """Device ids of the handhelds that the section's attendants carry."""
    posts = HandheldPost.objects.filter(section_id=section_id).order_by("pk")
    return list(posts.values_list("device_id", flat=True))


def sections_with_berths(merchant_id: int) -> list[Section]:
    """The merchant's sections by name, each with how many berths are in service (`berth_count`)."""
    rows = Section.objects.filter(merchant=merchant_id)
    counted = rows.annotate(berth_count=Count("berths", filter=Q(berths__in_service=True)))
    return list(counted.order_by("name", "pk"))


def berth_by_code(code: str) -> Berth | None:
    """The berth with this code, as people type it: blanks and case don't count."""
    spellings = {code.strip(), code.strip().upper(), "".join(code.upper().split())}
    return Berth.objects.filter(code__in=spellings).select_related("section").first()


def berth_path(code: str) -> str:
    """The address in the code of this berth, as it is now. Raises Missing."""
    version = Berth.objects.filter(code=code).values_list("address_version", flat=True).first()
    if version is None:
        raise Missing()
    return links.berth_path(code, version)


def stay_of_prepayment(prepayment_id: int) -> int | None:
    """The stay that was paid for ahead; None while no vehicle is known to stand there."""
    return Prepayment.objects.filter(pk=prepayment_id).values_list("stay_id", flat=True).first()


def portal_path_of_stay(stay_id: int) -> str:
    """The page of the merchant's portal that shows a stay, its bill and its photographs."""
    return reverse("parking.merchant_stay", args=[stay_id])


def portal_path_of_prepayment(prepayment_id: int) -> str:
    """The same of the stay that was paid for ahead; "" before there is one."""
    stay_id = stay_of_prepayment(prepayment_id)
    return portal_path_of_stay(stay_id) if stay_id is not None else ""


def open_stay_at(berth_id: int) -> ParkingSession | None:
    """The stay of the vehicle that stands in this berth."""
    rows = ParkingSession.objects.filter(berth_id=berth_id, state=StayState.PARKED)
    return rows.select_related("berth", "section", "tariff_version__tariff").first()


def standing_at(berth_ids: Collection[int]) -> dict[int, StayFacts]:
    """The stays of the vehicles that stand in these berths, by berth; one query."""
    rows = _rows().filter(berth_id__in=list(berth_ids), state=StayState.PARKED)
    return {one.berth_id: one for one in map(_facts, rows)}


@dataclass(frozen=True, slots=True)
class Seen:
    """A photograph that a device took of a berth: what for, and which plate was settled for it."""

    berth_id: int | None
    device_id: int | None
    by: str
    purpose: str
    taken_at: datetime
    plate: plates.Plate | None


def seen_in_image(sha256: str, *, merchant_id: int) -> Seen | None:
    """What a device of this merchant's says of this photograph; None where none took it."""
    rows = Sighting.objects.filter(image_sha=sha256, merchant_id=merchant_id)
    row = rows.select_related("device").order_by("-pk").first()
    if row is None:
        return None
    return Seen(
        berth_id=row.berth_id,
        device_id=row.device_id,
        by=row.attendant or (row.device.actor if row.device else ""),
        purpose=row.purpose,
        taken_at=row.occurred_at,
        plate=plate_of(row) if row.state == SightingState.SETTLED else None,
    )


def shown_plate(
    row: ParkingSession | StayFacts, *, own: Collection[tuple[str, str]] = ()
) -> dict[str, Any]:
    """The plate of a stay for a page, masked unless its reader holds it.

    `own` are the (text, colour) that the reader has shown to hold. The plate chip does the masking.
    """
    return plates.chip(row.plate, whole=plates.holds(own, row.plate))

"""One plate in two places: looked for before anything is asked for a stay (docs/rules.md L1).

Whatever shows the plate somewhere else during a stay opens a question about it, and about the other
stay where there is one. What nobody can have driven opens a case of a copied plate.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Min, Q, QuerySet

from core import clock, outbox, plates, wiring
from core.errors import Missing
from core.transition import transition
from core.vehicles import of_vehicle
from parking.events import CopyOver, CopySuspected
from parking.models import Berth, CloneCase, ParkingSession, ReviewItem, Sighting
from parking.rules.elsewhere import LATE, NEAR, Presence, at_once, inside, too_far
from parking.services.reviews import drop_reviews, open_review
from parking.states import CloneState, PlateState, ReviewState, SightingState, StayState

SYSTEM = "system:parking.elsewhere"
TWICE, SEEN, FAR, COPIED = "plate_twice", "seen_elsewhere", "too_far", "plate_copied"
ABOUT_PLACES = (TWICE, SEEN, FAR, COPIED)
COPIED_PLATE = (FAR, COPIED)


def look(stay: ParkingSession) -> None:
    """Ask about a stay whose plate is known what its plate did elsewhere meanwhile.

    Called when its plate or its times become known; its row is locked. What was asked before and is
    answered by the new times is dropped.
    """
    if stay.plate_state != PlateState.SETTLED or stay.simulated or stay.state == StayState.VOID:
        return
    assert stay.plate is not None
    mine = _presence(stay)
    for other in _stays_around(stay.plate, mine.since, mine.until).exclude(pk=stay.pk):
        _compare(stay, mine, other)
    if stay.left_at is not None:
        for sighting in _sightings_around(stay):
            _weigh(stay, mine, sighting)
        if wiring.seen_elsewhere(
            stay.plate, mine.since + LATE, stay.left_at - LATE, stay.section_id
        ):
            _ask(stay, SEEN)
    for case in _live_case(stay.plate).exclude(stays=stay):
        case.stays.add(stay)
        _ask(stay, COPIED)


def look_at_sighting(sighting: Sighting, plate: plates.Plate) -> None:
    """A photograph shows this plate where no stay carries it: ask about stays elsewhere."""
    at = sighting.occurred_at
    for stay in _stays_around(plate, at, at):
        if stay.pk != sighting.stay_id:
            _weigh(stay, _presence(stay), sighting)


def look_at_pass(*, plate_text: str, plate_colour: str, at: datetime, section_id: int) -> None:
    """A lot has let this vehicle in or out: ask about stays elsewhere at that moment."""
    if not plate_text:
        return
    for stay in _stays_around(plates.Plate.of(plate_text, plate_colour), at, at):
        if stay.section_id != section_id and inside(at, _presence(stay)):
            _ask(stay, SEEN)


def reconsider(plate: plates.Plate | None, *, actor: str) -> None:
    """Times or plate of a stay have changed: drop what no longer contradicts each other."""
    text = plate.text if plate is not None else ""
    asked = ReviewItem.objects.filter(
        state=ReviewState.OPEN,
        kind=ReviewItem.Kind.STAY,
        why__in=[TWICE, FAR],
        stay__plate_text=text,
    )
    found = list(asked.select_related("stay__berth").order_by("pk"))
    for item in found:
        if item.why != TWICE:
            continue
        stay = item.stay
        assert stay is not None
        mine = _presence(stay)
        around = _stays_around(stay.plate, mine.since, mine.until).exclude(pk=stay.pk)
        if not any(at_once(mine, _presence(one)) for one in around):
            drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=[TWICE], actor=actor)
    if any(item.why == FAR for item in found):
        _close_what_fits(plate, actor=actor)


def _close_what_fits(plate: plates.Plate | None, *, actor: str) -> None:
    for case in _live_case(plate).filter(state=CloneState.OPEN, why=CloneCase.Why.TOO_FAR):
        stays = case.stays.filter(of_vehicle(plate)).exclude(state=StayState.VOID)
        if not any(_is_too_far(one) for one in stays.select_related("berth").order_by("pk")):
            close_case(case_id=case.pk, actor=actor, reason="its times fit after all")


def _is_too_far(stay: ParkingSession) -> bool:
    """Whether its vehicle was shown where it can't have driven from here, or to."""
    mine = _presence(stay)
    around = _stays_around(stay.plate, mine.since, mine.until).exclude(berth=stay.berth_id)
    if any(too_far(mine, _presence(other)) for other in around):
        return True
    return any(
        too_far(mine, _seen(sighting))
        for sighting in _sightings_around(stay)
        if not _fits(stay, sighting)
    )


def _stays_around(
    plate: plates.Plate | None, since: datetime, until: datetime | None
) -> QuerySet[ParkingSession]:
    """Stays of this vehicle that touch this time or come so near that distance may count."""
    rows = ParkingSession.objects.filter(
        of_vehicle(plate),
        Q(left_at__isnull=True) | Q(left_at__gt=since - NEAR),
        plate_state=PlateState.SETTLED,
        simulated=False,
    )
    if until is not None:
        rows = rows.filter(arrived_at__lt=until + NEAR)
    return rows.exclude(state=StayState.VOID).select_related("berth").order_by("pk")


def _sightings_around(stay: ParkingSession) -> QuerySet[Sighting]:
    """Photographs of this vehicle that no stay of its own explains."""
    until = stay.left_at or clock.now()
    rows = Sighting.objects.filter(
        of_vehicle(stay.plate),
        state=SightingState.SETTLED,
        occurred_at__range=(stay.arrived_at - NEAR, until + NEAR),
    )
    its_own = Q(stay__plate_text=stay.plate_text) & ~Q(stay__state=StayState.VOID)
    return rows.exclude(its_own).select_related("berth")


def _compare(stay: ParkingSession, mine: Presence, other: ParkingSession) -> None:
    if stay.berth_id == other.berth_id:
        return
    theirs = _presence(other)
    if too_far(mine, theirs):
        if not _was_decided(stay, other):
            open_case(plate=stay.plate, why=CloneCase.Why.TOO_FAR, stays=[stay, other])
    elif at_once(mine, theirs):
        _ask(stay, TWICE)
        _ask(other, TWICE)


def _was_decided(stay: ParkingSession, other: ParkingSession) -> bool:
    """Whether a person has closed a case of a copied plate that was about these two."""
    closed = CloneCase.objects.filter(state=CloneState.CLOSED, stays=stay)
    return closed.filter(stays=other).exists()


def _weigh(stay: ParkingSession, mine: Presence, sighting: Sighting) -> None:
    if _fits(stay, sighting):
        return
    if too_far(mine, _seen(sighting)):
        open_case(plate=stay.plate, why=CloneCase.Why.TOO_FAR, stays=[stay])
    elif inside(sighting.occurred_at, mine):
        _ask(stay, SEEN)


def _fits(stay: ParkingSession, sighting: Sighting) -> bool:
    """Whether the photograph may show the vehicle in its berth: it was taken there, or by somebody
    who walks this street and did not say where."""
    if sighting.berth_id is not None:
        return sighting.berth_id == stay.berth_id
    if sighting.section_id is not None:
        return sighting.section_id == stay.section_id
    return sighting.merchant_id == stay.merchant_id


def _presence(stay: ParkingSession) -> Presence:
    return Presence(since=stay.arrived_at, until=stay.left_at, at=_place(stay.berth))


def _seen(sighting: Sighting) -> Presence:
    at = sighting.occurred_at
    return Presence(since=at, until=at, at=_place(sighting.berth))


def _place(berth: Berth | None) -> tuple[float, float] | None:
    if berth is None or berth.latitude is None or berth.longitude is None:
        return None
    return berth.latitude, berth.longitude


def _ask(stay: ParkingSession, why: str) -> None:
    """Ask, unless a person has said before that this is right.

    One question a stay about where its plate was: that of a copied plate takes the place of the
    others, and they come with it no more.
    """
    asked = ReviewItem.objects.filter(stay=stay, kind=ReviewItem.Kind.STAY)
    if asked.filter(why=why, state=ReviewState.SETTLED).exists():
        return
    if why in COPIED_PLATE:
        less = [one for one in ABOUT_PLACES if one != why and one != FAR]
        drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=less, actor=SYSTEM)
    if asked.filter(why__in=COPIED_PLATE, state=ReviewState.OPEN).exists():
        return
    open_review(kind=ReviewItem.Kind.STAY, why=why, merchant_id=stay.merchant_id, stay=stay)


def answered(stay: ParkingSession, *, actor: str) -> None:
    """A person has said where this vehicle was: what else is asked about that ends with it."""
    drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=ABOUT_PLACES, actor=actor)


# ── Copied plates ────────────────────────────────────────────────────────────────────────────
def _live_case(plate: plates.Plate | None) -> QuerySet[CloneCase]:
    return CloneCase.objects.filter(of_vehicle(plate), state__in=CloneCase.LIVE)


@transaction.atomic
def open_case(
    *, plate: plates.Plate | None, why: str, stays: list[ParkingSession]
) -> CloneCase | None:
    """Two vehicles seem to carry this plate: these stays are in question, what else is unpaid under
    it, and what is to come.

    One live case a plate; None for a plate that nobody knows.
    """
    if plate is None:
        return None
    case = _live_case(plate).first()
    is_new = case is None
    if case is None:
        try:
            with transaction.atomic():
                case = CloneCase.objects.create(
                    plate_text=plate.text,
                    plate_colour=plate.colour_text,
                    why=why,
                    opened_at=clock.now(),
                )
        except IntegrityError:  # another transaction has just opened it
            case = _live_case(plate).get()
    unpaid = ParkingSession.objects.filter(
        of_vehicle(plate), state__in=[StayState.PARKED, StayState.DUE], simulated=False
    )
    others = unpaid.exclude(pk__in=[one.pk for one in stays])
    for stay in others.exclude(pk__in=case.stays.values("pk")):
        _ask(stay, COPIED)
        case.stays.add(stay)
    for stay in stays:
        if stay.state != StayState.VOID:
            _ask(stay, FAR if why == CloneCase.Why.TOO_FAR else COPIED)
        case.stays.add(stay)
    if is_new:
        outbox.add(CopySuspected(case.plate_text, case.plate_colour, _since_ms(case)))
    return case


def _since_ms(case: CloneCase) -> int:
    """From when on the plate may have been two vehicles': the first stay in question."""
    first = case.stays.aggregate(first=Min("arrived_at"))["first"]
    return int((first or case.opened_at).timestamp() * 1000)


@transaction.atomic
def say_copied(*, case_id: int, actor: str, reason: str) -> bool:
    """A person has found that the plate is copied: the case goes on until the copy is gone."""
    case = _case(case_id)
    return bool(
        transition(
            case, source=CloneState.OPEN, target=CloneState.COPIED, actor=actor, reason=reason
        )
    )


@transaction.atomic
def close_case(*, case_id: int, actor: str, reason: str) -> bool:
    """The plate is one vehicle's again, or was all along: what waited for this case goes on."""
    case = _case(case_id)
    moved = transition(
        case,
        source=list(CloneCase.LIVE),
        target=CloneState.CLOSED,
        actor=actor,
        reason=reason,
        closed_at=clock.now(),
    )
    if moved:
        waiting = ReviewItem.objects.filter(
            state=ReviewState.OPEN, why__in=COPIED_PLATE, stay__plate_text=case.plate_text
        )
        ids = set(waiting.values_list("stay_id", flat=True))
        for stay in ParkingSession.objects.filter(pk__in=ids).order_by("pk"):
            answered(stay, actor=actor)
        outbox.add(CopyOver(case.plate_text, case.plate_colour, _since_ms(case)))
    return bool(moved)


def _case(case_id: int) -> CloneCase:
    case = CloneCase.objects.filter(pk=case_id).first()
    if case is None:
        raise Missing()
    return case


def confirmed_by_owner(stay: ParkingSession, *, actor: str) -> None:
    """Who holds the plate says that this stay was theirs: a copy of it did not stand there."""
    drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=COPIED_PLATE, actor=actor)


@transaction.atomic
def confirm_stay(*, stay_id: int, actor: str) -> None:
    """Who has shown to hold the plate says "this was my vehicle"."""
    confirmed_by_owner(ParkingSession.objects.get(pk=stay_id), actor=actor)


@transaction.atomic
def suspect_copy(*, stay_id: int) -> CloneCase | None:
    """An objection of "not mine" was right: whoever carries this plate next is a question first."""
    stay = ParkingSession.objects.get(pk=stay_id)
    return open_case(plate=stay.plate, why=CloneCase.Why.NOT_MINE, stays=[stay])

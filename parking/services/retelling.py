"""What was said about a berth, and what follows for the stays around it (P2.1).

Whatever is said or seen is kept; the stays around its moment are then told anew by
parking/rules/timeline.py and brought up to date: begun, ended, joined, split, or parked again, with
their photographs, plates and prices. So they follow from what was told, in whatever order it was
(docs/rules.md L3). The berth's row is locked meanwhile, so two messages about one berth wait for
each other. Lock order: berth → stay.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import audit, clock, locks, outbox
from core.plates import same_vehicle
from core.transition import transition
from parking.errors import NoBerth
from parking.events import ArrivedAgain, VehicleArrived
from parking.models import Berth, BerthEvent, ParkingSession, ReviewItem, Section, Sighting
from parking.rules.timeline import BEFORE_ARRIVAL, Said, ToldStay, stays_of
from parking.services import (
    endings,
    gaps,
    joining,
    money,
    pictures,
    prepay,
    prices,
    said,
    stay_plates,
    stay_rows,
    votes,
)
from parking.services.said import ARRIVED
from parking.states import PlateState, ReviewState, StayState

log = logging.getLogger("bowei.parking")
SYSTEM = "system:parking.retelling"


def hear(
    berth_id: int,
    kind: str,
    at: datetime,
    *,
    said_by: str,
    device_id: int | None = None,
    device_at: datetime | None = None,
    by_hand: bool = False,
) -> int | None:
    """Keep what was said and tell the stays anew; the stay that it begins, ends or belongs to.

    `device_at` is what the device's clock said, where that can't be and `at` is when we heard.
    """
    berth = locked_berth(berth_id)
    event, new = said.keep(
        berth,
        kind,
        at,
        said_by=said_by,
        device_id=device_id,
        device_at=device_at,
        by_hand=by_hand,
    )
    if not new:
        return event.stay_id
    retell(berth, at, actor=said_by)
    event.refresh_from_db()
    if event.stay_id is None:
        log.info("parking.departure_kept berth=%s", berth.code)
    return event.stay_id


def locked_berth(berth_id: int) -> Berth:
    """The berth, locked, its section at hand. Raises NoBerth."""
    berths = locks.lock(Berth.objects.filter(pk=berth_id).select_related("section"))
    if not berths:
        raise NoBerth(str(berth_id))
    return berths[0]


def stay_seen(berth: Berth, at: datetime) -> int | None:
    """The stay of which a photograph of that moment is, by what was told until now; None where
    none stood there. The berth is locked."""
    story = _listen(berth, at)
    for one in story.told:
        if one.saw(at):
            return story.rows[one.arrival.key].stay_id
    taken_at = story.around.taken_after
    return stay_seen(berth, taken_at) if taken_at is not None and _is_near(at, taken_at) else None


def retell(berth: Berth, at: datetime, *, actor: str) -> None:
    """Bring the stays around `at` up to date. The berth is locked, its section at hand."""
    story = _listen(berth, at)
    said.point([story.rows[one.key] for one in story.stray], None)
    claims = _claims(story)
    mine = pictures.whose(story.photographs, story.told, claims)
    for kept, *extras in filter(None, claims):
        for extra in extras:
            joining.join(extra, kept, actor=actor)
    brought: dict[int, ParkingSession] = {}
    robbed: set[int] = set()
    for place in story.ended_first:
        stay = _bring(story, place, claims[place], mine[place], actor=actor)
        robbed |= {one.stay_id for one in mine[place] if one.stay_id} - {stay.pk}
        brought[place] = stay
    rows = [brought[place] for place in sorted(brought)]
    recount: list[int] = []
    for place, stay in enumerate(rows):
        if pictures.give(mine[place], stay) and stay.plate_state != PlateState.SETTLED:
            recount.append(stay.pk)
        asked = pictures.unexplained(mine[place], story.told, rows)
        is_new = stay not in story.stays
        pictures.ask_if_they_differ(stay, asked, is_new=is_new, actor=actor)
    known = {stay.pk for stay in [*rows, *story.stays]}
    theirs = {one.pk for photographs in mine for one in photographs}
    pictures.give(
        [one for one in story.photographs if one.stay_id in known and one.pk not in theirs], None
    )
    for stay in rows:
        if stay.final_at is not None and stay.final_at <= clock.now():
            endings.finish(stay, actor=actor)
    _retell_others(berth, at, story.around.taken_after, robbed - known, actor=actor)
    for stay_id in recount:  # a photograph brings its voice along
        votes.settle_by_votes(stay_id)


def _retell_others(
    berth: Berth, at: datetime, taken_at: datetime | None, robbed: set[int], *, actor: str
) -> None:
    """A departure decides from when on photographs are of the next vehicle; who lost photographs
    may have lost their plate with them."""
    moments = list(
        ParkingSession.objects.filter(pk__in=robbed, berth=berth)
        .exclude(state=StayState.VOID)
        .values_list("arrived_at", flat=True)
    )
    if taken_at is not None and _is_near(at, taken_at):
        moments.append(taken_at)
    for moment in sorted(set(moments)):
        retell(berth, moment, actor=actor)


def _is_near(at: datetime, taken_at: datetime) -> bool:
    return at < taken_at <= at + BEFORE_ARRIVAL


# ── What is told ─────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """What was said and seen around a moment, and the stays that follow from it. `rows` are the
    events by their key, `stays` the rows that were their stays until now, locked."""

    around: said.Around
    rows: dict[int, BerthEvent]
    stays: list[ParkingSession]
    photographs: list[Sighting]
    told: list[ToldStay]
    stray: list[Said]

    @property
    def ended_first(self) -> list[int]:
        """The places of the told stays in the order of writing: a berth has one open stay."""
        return sorted(range(len(self.told)), key=lambda at: (self.told[at].is_open, at))


def _listen(berth: Berth, at: datetime) -> _Story:
    flap = timedelta(seconds=berth.section.flap_s)
    around = said.around(berth, at, flap=flap)
    stays: list[ParkingSession] = []
    if around.stay_ids:
        found = ParkingSession.objects.filter(pk__in=around.stay_ids).exclude(state=StayState.VOID)
        stays = locks.lock(found.select_related("section", "tariff_version"))
    photographs = pictures.around(berth, around, stays)
    told, stray = stays_of(
        around.said,
        flap=flap,
        seen=pictures.seen(photographs, stays),
        left_before=around.left_before,
    )
    return _Story(
        around=around,
        rows={row.pk: row for row in around.rows},
        stays=stays,
        photographs=photographs,
        told=told,
        stray=stray,
    )


def _claims(story: _Story) -> list[list[ParkingSession]]:
    """For each told stay the rows that it had until now, the oldest first, which goes on.

    A row whose events belong to several from now on is the one's whose vehicle it was billed to.
    """
    claims: list[list[ParkingSession]] = [[] for _one in story.told]
    for stay in story.stays:
        places = [
            place
            for place, one in enumerate(story.told)
            if any(story.rows[event.key].stay_id == stay.pk for event in one.said)
        ]
        plate = stay.plate if stay.plate_state == PlateState.SETTLED else None
        fitting = [place for place in places if same_vehicle(story.told[place].plate, plate)]
        if places:
            claims[(fitting or places)[0]].append(stay)
    return claims


# ── One stay ─────────────────────────────────────────────────────────────────────────────────────
def _bring(
    story: _Story,
    place: int,
    claims: list[ParkingSession],
    mine: list[Sighting],
    *,
    actor: str,
) -> ParkingSession:
    """The row of a told stay, up to date: its plate, its times, what is due for it."""
    told = story.told[place]
    arrival = story.rows[told.arrival.key]
    former_id = arrival.stay_id
    if claims:
        stay = claims[0]
        _follow(stay, story, told, mine, actor=actor)
    else:
        stay = _begin(arrival, told, mine, actor=actor)
    is_new_part = not claims and former_id is not None
    said.point([story.rows[one.key] for one in told.said], stay)
    if is_new_part:
        former = next((one for one in story.stays if one.pk == former_id), None)
        if former is not None:
            _part(former, stay, told, mine, actor=actor)
    return stay


def _begin(
    arrival: BerthEvent,
    told: ToldStay,
    mine: list[Sighting],
    *,
    actor: str,
) -> ParkingSession:
    """Write down a new stay; one that has ended already is priced at once."""
    berth = arrival.berth
    section: Section = berth.section
    stay = ParkingSession(
        berth=berth,
        section=section,
        merchant_id=section.merchant_id,
        tariff_version=prices.version_at(section.tariff_id, told.arrival.at),
        arrived_at=told.arrival.at,
        check_departure_at=told.arrival.at + timedelta(seconds=section.longest_stay_s),
    )
    found = pictures.plate_of(None, mine)
    stay_plates.write(stay, found, plate_state=pictures.state_without_plate(mine))
    if told.is_open:
        stay.save()
        gaps.fit(stay, None, is_new=True)
        audit.record(stay, "arrived", actor=actor)
    else:
        _begin_ended(stay, told, mine, actor=actor)
    about = ReviewItem.objects.filter(berth=berth, kind=ReviewItem.Kind.BERTH)
    transition(about, source=ReviewState.OPEN, target=ReviewState.DROPPED, actor=actor)
    prepay.find_waiting(stay)
    outbox.add(VehicleArrived(stay.pk))
    if found is not None:
        stay_plates.follow(stay, None, by=found.by, left_before=not told.is_open)
    stay_rows.tell_pages(stay)
    log.info("parking.vehicle_arrived stay=%s berth=%s", stay.pk, berth.code)
    return stay


def _begin_ended(stay: ParkingSession, told: ToldStay, mine: list[Sighting], *, actor: str) -> None:
    left_at, doubt = endings.ended(stay, told, pictures.settled(mine), plate=stay.plate)
    stay.check_departure_at = None
    stay.left_at, stay.doubt, stay.doubtful = left_at, doubt, bool(doubt)
    money.price(stay, left_at)
    stay.state = StayState.DUE if stay.due_fen else StayState.SETTLED
    stay.settled_at = None if stay.due_fen else left_at
    stay.final_at = left_at + timedelta(seconds=stay.section.flap_s)
    stay.save()
    gaps.fit(stay, left_at, is_new=True)
    audit.record(stay, "arrived and left", actor=actor)
    endings.ask_about_doubt(stay, actor=actor)


def _follow(
    stay: ParkingSession,
    story: _Story,
    told: ToldStay,
    mine: list[Sighting],
    *,
    actor: str,
) -> None:
    """Bring a stay that is there up to what is told of it now."""
    left_before = stay.left_at is not None
    was, found = stay_plates.known(stay), pictures.plate_of(stay, mine)
    is_another = (was and was.plate) != (found and found.plate)
    if is_another:
        stay_plates.write(stay, found, plate_state=pictures.state_without_plate(mine))
    began_earlier = told.arrival.at != stay.arrived_at
    if began_earlier:
        stay_rows.save(
            stay,
            arrived_at=told.arrival.at,
            tariff_version=prices.version_at(stay.section.tariff_id, told.arrival.at),
        )
    if told.is_open:
        _go_on(stay, story, told, actor=actor)
    else:
        _end(stay, told, mine, began_earlier=began_earlier, actor=actor)
    if is_another:
        by = found.by if found else SYSTEM
        stay_plates.follow(stay, was, by=by, left_before=left_before)


def _go_on(stay: ParkingSession, story: _Story, told: ToldStay, *, actor: str) -> None:
    if stay.state != StayState.PARKED:
        endings.resume(stay, actor=actor)
    if gaps.fit(stay, None):
        money.follow_money(stay)
    if any(story.rows[one.key].stay_id is None for one in told.inner if one.kind == ARRIVED):
        outbox.add(ArrivedAgain(stay.pk))


def _end(
    stay: ParkingSession, told: ToldStay, mine: list[Sighting], *, began_earlier: bool, actor: str
) -> None:
    was_capped_at = stay.capped_at
    left_at, doubt = endings.ended(stay, told, pictures.settled(mine), plate=stay.plate)
    if stay.state == StayState.PARKED:
        endings.leave(stay, left_at=left_at, doubt=doubt, actor=actor)
        return
    gap_changed = gaps.fit(stay, left_at)
    was = (stay.left_at, stay.doubt, was_capped_at)
    if gap_changed or began_earlier or (left_at, doubt, stay.capped_at) != was:
        endings.amend(stay, left_at=left_at, doubt=doubt, actor=actor)


def _part(
    former: ParkingSession,
    stay: ParkingSession,
    told: ToldStay,
    mine: list[Sighting],
    *,
    actor: str,
) -> None:
    """`stay` was a part of `former` until now."""
    if not joining.share(former, stay, told, actor=actor):
        return
    why = "what was paid was for the other vehicle"
    for one in (former, stay):
        if one.left_at is None:
            continue
        left_at = one.left_at
        if one is stay:
            left_at, _doubt = endings.ended(stay, told, pictures.settled(mine), plate=stay.plate)
        money.amend(one, left_at=left_at, doubt=one.doubt, actor=actor, reason=why)

"""What was said about a berth, and what follows for the stays around it (P2.1).

Whatever is said is kept as an event; the stays around its moment are then told anew by
parking/rules/timeline.py and brought up to date: begun, ended, joined, split, or parked again. The
berth's row is locked meanwhile, so two messages about one berth wait for each other. Lock order:
berth → stay.

A departure counts only once no arrival can join it any more (the section's `flap_s`): until then
the stay is priced, but no money goes back and nothing that waited for its vehicle is let go.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import F, Max, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core import audit, clock, locks, outbox
from core.plates import same_vehicle
from core.transition import transition
from parking.errors import NoBerth
from parking.events import (
    ArrivedAgain,
    PlateCorrected,
    StayResumed,
    StayVoided,
    VehicleArrived,
    VehicleLeft,
)
from parking.models import (
    Berth,
    BerthEvent,
    InspectionTask,
    ParkingSession,
    Prepayment,
    ReviewItem,
    Section,
    Sighting,
    StayGap,
    StayPayment,
)
from parking.rules.timeline import BEFORE_ARRIVAL, Said, Seen, ToldStay, begins_anew, stays_of
from parking.services import elsewhere, gaps, money, prepay, prices, reminders, stay_rows
from parking.services.plates import clear_plate, put_plate
from parking.services.reviews import drop_reviews, open_review, tell_asked, tell_over
from parking.states import (
    InspectionState,
    PlateState,
    PrepaymentState,
    ReviewState,
    SightingState,
    StayState,
)

log = logging.getLogger("bowei.parking")
SYSTEM = "system:parking.retelling"
ARRIVED, LEFT = BerthEvent.Kind.ARRIVED, BerthEvent.Kind.LEFT
Doubt = ParkingSession.Doubt
AT_ONCE = 8  # events that are read at a time


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
    berths = locks.lock(Berth.objects.filter(pk=berth_id).select_related("section"))
    if not berths:
        raise NoBerth(str(berth_id))
    event, new = BerthEvent.objects.get_or_create(
        berth_id=berth_id,
        kind=kind,
        occurred_at=at,
        defaults={
            "received_at": clock.now(),
            "device_id": device_id,
            "device_at": device_at,
            "said_by": said_by,
            "by_hand": by_hand,
        },
    )
    if not new:
        BerthEvent.objects.filter(pk=event.pk).update(times=F("times") + 1)
        return event.stay_id
    retell(berths[0], at, actor=said_by)
    event.refresh_from_db()
    if event.stay_id is None:
        log.info("parking.departure_kept berth=%s", berths[0].code)
    return event.stay_id


def retell(berth: Berth, at: datetime, *, actor: str) -> None:
    """Bring the stays around `at` up to date. The berth is locked, its section at hand."""
    flap = timedelta(seconds=berth.section.flap_s)
    around, left_before = _around(berth, at, flap)
    rows = {row.pk: row for row in around}
    ids = {row.stay_id for row in rows.values() if row.stay_id is not None}
    arrivals = sum(row.kind == ARRIVED for row in rows.values())
    if arrivals <= 1 and all(row.stay_id for row in rows.values()):
        return  # one presence, and all of it told: nothing to join or to split
    stays: list[ParkingSession] = []
    if ids:
        found = ParkingSession.objects.filter(pk__in=ids).exclude(state=StayState.VOID)
        stays = locks.lock(found.select_related("section", "tariff_version"))
    said = [
        Said(key=row.pk, kind=row.kind, at=row.occurred_at, by_person=row.by_hand)
        for row in rows.values()
    ]
    seen = _seen(berth, said, stays) if arrivals > 1 else []
    told, stray = stays_of(said, flap=flap, seen=seen, left_before=left_before)
    _point([rows[one.key] for one in stray], None)
    claims = _claims(told, rows, stays)
    for mine in claims:
        for extra in mine[1:]:
            _merge(extra, mine[0], actor=actor)
    # What has ended first: a berth has one open stay.
    order = sorted(range(len(told)), key=lambda at: (told[at].is_open, at))
    brought: dict[int, ParkingSession] = {}
    for place in order:
        one, mine = told[place], claims[place]
        arrival = rows[one.arrival.key]
        stay = (
            _follow(mine[0], one, rows, actor=actor)
            if mine
            else _begin(berth, one, device_id=arrival.device_id, actor=actor)
        )
        brought[place] = stay
        if not mine and arrival.stay_id is not None:
            former = next(known for known in stays if known.pk == arrival.stay_id)
            _split(former, stay, one, actor=actor)
        _point([rows[one.key] for one in one.said], stay)
        _adopt(stay, one)
    for stay in brought.values():
        if stay.final_at is not None and stay.final_at <= clock.now():
            finish(stay, actor=actor)


def _around(
    berth: Berth, at: datetime, flap: timedelta
) -> tuple[list[BerthEvent], datetime | None]:
    """What was said around `at`, as far as it can be of one stay with it, in order; and when the
    berth was left before all that, if it was.

    From an arrival that begins anew whatever is seen to the next such one; and further where what
    was one stay until now reaches beyond.
    """
    events = berth.events.filter(ignored=False)
    found: list[BerthEvent] = []
    mine: set[int | None] = set()
    left_before: datetime | None = None
    earlier = events.filter(occurred_at__lte=at).order_by("-occurred_at", "kind", "-pk")
    for row in _in_parts(earlier):
        if found and _apart(row, found[0], mine, flap):
            left_before = row.occurred_at
            break
        found.insert(0, row)
        mine |= {row.stay_id} - {None}
    later = events.filter(occurred_at__gt=at).order_by("occurred_at", "-kind", "pk")
    for row in _in_parts(later):
        if row.stay_id not in mine and _apart(found[-1] if found else None, row, set(), flap):
            break
        found.append(row)
        mine |= {row.stay_id} - {None}
    return found, left_before


def _apart(
    before: BerthEvent | None, row: BerthEvent, mine: set[int | None], flap: timedelta
) -> bool:
    if row.kind != ARRIVED or (before is not None and before.stay_id in mine):
        return False
    return begins_anew(_said(before) if before else None, _said(row), flap=flap)


def _said(row: BerthEvent) -> Said:
    return Said(key=row.pk, kind=row.kind, at=row.occurred_at, by_person=row.by_hand)


def _in_parts(rows: QuerySet[BerthEvent]) -> Iterable[BerthEvent]:
    """The rows as they are needed: who stops early has read few."""
    start = 0
    while part := list(rows[start : start + AT_ONCE]):
        yield from part
        if len(part) < AT_ONCE:
            return
        start += AT_ONCE


def _seen(berth: Berth, said: Sequence[Said], stays: Iterable[ParkingSession]) -> list[Seen]:
    """Which vehicles were seen there: by photographs whose plate is settled; where a stay has its
    plate from nobody's photograph, by whoever said it. Whose each photograph is does not count
    here: that follows from what is told."""
    first = min(one.at for one in said)
    rows = Sighting.objects.filter(
        berth=berth, state=SightingState.SETTLED, occurred_at__gt=first - BEFORE_ARRIVAL
    ).exclude(purpose=Sighting.Purpose.LEAVING)
    photographs = list(rows.only("settled_by", "occurred_at", "plate_text", "plate_colour"))
    seen = [Seen(at=row.occurred_at, plate=row.plate) for row in photographs if row.plate]
    for stay in stays:
        if stay.plate_state != PlateState.SETTLED or stay.plate is None:
            continue
        own = (row.plate for row in photographs if row.settled_by == stay.plate_by)
        if not any(same_vehicle(plate, stay.plate) for plate in own):
            seen.append(Seen(at=stay.arrived_at, plate=stay.plate))
    return seen


def _claims(
    told: Sequence[ToldStay], rows: dict[int, BerthEvent], stays: Iterable[ParkingSession]
) -> list[list[ParkingSession]]:
    """For each told stay the rows that it had until now, the oldest first, which goes on.

    A row whose events belong to several from now on is the one's whose vehicle it was billed to.
    """
    claims: list[list[ParkingSession]] = [[] for _one in told]
    for stay in stays:
        places = [
            place
            for place, one in enumerate(told)
            if any(rows[said.key].stay_id == stay.pk for said in one.said)
        ]
        known = stay.plate if stay.plate_state == PlateState.SETTLED else None
        fitting = [place for place in places if same_vehicle(told[place].plate, known)]
        if places:
            claims[(fitting or places)[0]].append(stay)
    return claims


def _point(rows: Iterable[BerthEvent], stay: ParkingSession | None) -> None:
    """These events are this stay's from now on."""
    moved = [row.pk for row in rows if row.stay_id != (stay.pk if stay else None)]
    if moved:
        BerthEvent.objects.filter(pk__in=moved).update(stay=stay)


# ── One stay ─────────────────────────────────────────────────────────────────────────────────────
def _begin(berth: Berth, told: ToldStay, *, device_id: int | None, actor: str) -> ParkingSession:
    """Write down a new stay; one that has ended already is priced at once."""
    section: Section = berth.section
    version = prices.version_at(section.tariff_id, told.arrival.at)
    stay = ParkingSession(
        berth=berth,
        section=section,
        merchant_id=section.merchant_id,
        tariff_version=version,
        arrived_at=told.arrival.at,
        check_departure_at=told.arrival.at + timedelta(seconds=section.longest_stay_s),
    )
    if told.is_open:
        stay.save()
        audit.record(stay, "arrived", actor=actor)
    else:
        left_at, doubt = _ended(stay, told)
        stay.check_departure_at = None
        money.price(stay, left_at)
        stay.left_at, stay.doubt, stay.doubtful = left_at, doubt, bool(doubt)
        stay.state = StayState.DUE if stay.due_fen else StayState.SETTLED
        stay.settled_at = None if stay.due_fen else left_at
        stay.final_at = left_at + timedelta(seconds=section.flap_s)
        stay.save()
        audit.record(stay, "arrived and left", actor=actor)
        _review_doubt(stay)
    about = ReviewItem.objects.filter(berth=berth, kind=ReviewItem.Kind.BERTH)
    transition(about, source=ReviewState.OPEN, target=ReviewState.DROPPED, actor=actor)
    prepay.find_waiting(stay)
    outbox.add(VehicleArrived(stay.pk))
    stay_rows.tell_pages(stay)
    log.info("parking.vehicle_arrived stay=%s berth=%s", stay.pk, berth.code)
    return stay


def _follow(
    stay: ParkingSession, told: ToldStay, rows: dict[int, BerthEvent], *, actor: str
) -> ParkingSession:
    """Bring a stay that is there up to what is told of it now."""
    began_earlier = told.arrival.at != stay.arrived_at
    if began_earlier:
        stay_rows.save(
            stay,
            arrived_at=told.arrival.at,
            tariff_version=prices.version_at(stay.section.tariff_id, told.arrival.at),
        )
    if told.is_open:
        if stay.state != StayState.PARKED:
            _resume(stay, actor=actor)
        if any(rows[one.key].stay_id is None for one in told.inner if one.kind == ARRIVED):
            outbox.add(ArrivedAgain(stay.pk))
        return stay
    left_at, doubt = _ended(stay, told)
    if doubt and doubt != stay.doubt and _answered(stay, doubt):
        doubt = Doubt.NONE
    if stay.state == StayState.PARKED:
        end_stay(stay, left_at=left_at, doubt=doubt, actor=actor)
    elif began_earlier or (left_at, doubt or _kept_doubt(stay)) != (stay.left_at, stay.doubt):
        stay_rows.save(stay, final_at=left_at + timedelta(seconds=stay.section.flap_s))
        if stay.left_at is not None and left_at > stay.left_at:
            _was_standing(stay, until=left_at)
        money.amend(
            stay,
            left_at=left_at,
            doubt=doubt or _kept_doubt(stay),
            actor=actor,
            reason="the departure came late",
        )
        if not stay.doubt:
            drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=Doubt.values, actor=actor)
        elsewhere.reconsider(stay.plate, actor=actor)
        elsewhere.look(stay)
        _review_doubt(stay)
    return stay


def _ended(stay: ParkingSession, told: ToldStay) -> tuple[datetime, str]:
    """When the stay ended, and the doubt about it.

    Without a departure it ended no later than the next vehicle's arrival; what is billed goes to
    the last proof that its own stood there, because doubt is the owner's (docs/features.md 10, 11).
    """
    if told.departure is None:
        assert told.next_arrival is not None
        return last_proof(stay, before=told.next_arrival.at), Doubt.NEXT_ARRIVED
    longest = stay.arrived_at + timedelta(seconds=stay.section.longest_stay_s)
    if stay.capped_at is not None:
        if told.departure.at > longest:
            return told.departure.at, Doubt.NO_DEPARTURE
        stay_rows.save(stay, capped_at=None)  # it was reported after all, only late
    return told.departure.at, Doubt.SPLIT if told.unproven_at else Doubt.NONE


def _kept_doubt(stay: ParkingSession) -> str:
    """A gap stays one, whatever is said of the departure."""
    return stay.doubt if stay.doubt == Doubt.GAP else Doubt.NONE


def _answered(stay: ParkingSession, why: str) -> bool:
    """Whether a person has looked at this doubt before."""
    rows = ReviewItem.objects.filter(stay=stay, kind=ReviewItem.Kind.STAY, why=why)
    return rows.filter(state=ReviewState.SETTLED).exists()


def last_proof(stay: ParkingSession, *, before: datetime) -> datetime:
    """The last moment before `before` at which something shows this stay's vehicle there: a
    photograph, or somebody who paid for it while it stood there (docs/rules.md L2)."""
    seen = Sighting.objects.filter(
        berth_id=stay.berth_id, occurred_at__gt=stay.arrived_at, occurred_at__lt=before
    ).exclude(purpose=Sighting.Purpose.LEAVING)
    paid = StayPayment.objects.filter(stay_id=stay.pk, paid_at__lt=before).exclude(
        kind=StayPayment.Kind.AFTER
    )
    moments = (
        seen.aggregate(last=Max("occurred_at"))["last"],
        paid.aggregate(last=Max("paid_at"))["last"],
    )
    return max([stay.arrived_at, *(moment for moment in moments if moment is not None)])


def end_stay(stay: ParkingSession, *, left_at: datetime, doubt: str, actor: str) -> None:
    """The vehicle has left: price the stay, and say what is due. The stay's row is locked."""
    found = gaps.of(stay)
    if any(gap.ended_at is None for gap in found):
        gaps.close_gaps(StayGap.objects.filter(stay=stay), left_at)
    money.price(stay, left_at)
    doubt = doubt or _doubt_of_gaps(stay, found, left_at)
    target = StayState.DUE if stay.due_fen else StayState.SETTLED
    transition(
        stay,
        source=StayState.PARKED,
        target=target,
        actor=actor,
        left_at=left_at,
        doubt=doubt,
        doubtful=bool(doubt),
        fee_fen=stay.fee_fen,
        due_fen=stay.due_fen,
        lines=stay.lines,
        check_departure_at=None,
        final_at=left_at + timedelta(seconds=stay.section.flap_s),
        settled_at=None if stay.due_fen else left_at,
    )
    reminders.recall(stay, actor=actor)
    elsewhere.reconsider(stay.plate, actor=actor)
    elsewhere.look(stay)
    money.tell_due(stay)
    outbox.add(VehicleLeft(stay.pk))
    _review_doubt(stay)
    stay_rows.tell_pages(stay)
    log.info("parking.vehicle_left stay=%s due_fen=%s", stay.pk, stay.due_fen)


def _doubt_of_gaps(stay: ParkingSession, found: Sequence[StayGap], left_at: datetime) -> str:
    """Whether nobody knows that it was one vehicle before and after: none was seen since, and the
    sensor was silent for longer than a flapping one is believed."""
    seen = Sighting.objects.filter(stay=stay, state=SightingState.SETTLED)
    for gap in found:
        ended_at = min(gap.ended_at or left_at, left_at)
        if ended_at - gap.began_at < timedelta(seconds=stay.section.flap_s):
            continue
        after = seen.filter(occurred_at__gte=ended_at).exclude(purpose=Sighting.Purpose.LEAVING)
        if not after.exists():
            return Doubt.GAP
    return Doubt.NONE


def finish(stay: ParkingSession, *, actor: str) -> None:
    """The departure counts: money that the stay did not need goes back, and nothing waits for its
    vehicle any more. The row is locked."""
    stay_rows.save(stay, final_at=None)
    surplus_fen = max(0, money.paid_fen(stay) - stay.fee_fen)
    money.promise_back(stay, surplus_fen, why=str(_("The unused part of a pre-payment.")))
    let_go(stay, actor=actor, used="used")


def let_go(stay: ParkingSession, *, actor: str, used: str) -> None:
    """Nothing waits any more for the vehicle that stood here."""
    reminders.recall(stay, actor=actor)
    transition(
        InspectionTask.objects.filter(stay=stay),
        source=InspectionState.OPEN,
        target=InspectionState.CANCELLED,
        actor=actor,
    )
    ahead = Prepayment.objects.filter(stay=stay)
    transition(
        ahead, source=PrepaymentState.PAID, target=PrepaymentState.USED, actor=actor, reason=used
    )
    transition(
        ahead,
        source=[
            PrepaymentState.DRAFT,
            PrepaymentState.SUBMITTED,
            PrepaymentState.CORRECTING,
            PrepaymentState.CONFIRMED,
        ],
        target=PrepaymentState.CANCELLED,
        actor=actor,
        reason="the vehicle has left",
    )


def _review_doubt(stay: ParkingSession) -> None:
    if stay.doubtful:
        open_review(
            kind=ReviewItem.Kind.STAY, why=stay.doubt, merchant_id=stay.merchant_id, stay=stay
        )


# ── Two that turn out to be one, one that turns out to be two ────────────────────────────────────
def _resume(stay: ParkingSession, *, actor: str) -> None:
    """It had not left: the stay goes on with what was paid for it, and nothing is asked."""
    transition(
        stay,
        source=[StayState.DUE, StayState.SETTLED],
        target=StayState.PARKED,
        actor=actor,
        reason="it had not left",
        left_at=None,
        doubt=Doubt.NONE,
        doubtful=False,
        fee_fen=0,
        due_fen=0,
        lines=[],
        settled_at=None,
        final_at=None,
        check_departure_at=stay.arrived_at + timedelta(seconds=stay.section.longest_stay_s),
        event=StayResumed,
    )
    drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=Doubt.values, actor=actor)
    transition(
        Prepayment.objects.filter(stay=stay),
        source=PrepaymentState.USED,
        target=PrepaymentState.PAID,
        actor=actor,
    )
    _was_standing(stay, until=clock.now())
    stay_rows.tell_pages(stay)


def _was_standing(stay: ParkingSession, *, until: datetime) -> None:
    """What was paid after a departure that was none was paid while the vehicle stood there."""
    after = StayPayment.objects.filter(stay=stay, kind=StayPayment.Kind.AFTER)
    after.filter(paid_at__lte=until).update(kind=StayPayment.Kind.PARKED)
    money.follow_money(stay)


def _merge(extra: ParkingSession, kept: ParkingSession, *, actor: str) -> None:
    """Both are one stay, `kept`: money, photographs and pre-payments of the other go there."""
    for payment in money.payments_of(extra):
        same = StayPayment.objects.filter(stay=kept, order_item_id=payment.order_item_id)
        if same.exists():  # one item of an order that paid both
            same.update(
                amount_fen=F("amount_fen") + payment.amount_fen,
                refunded_fen=F("refunded_fen") + payment.refunded_fen,
                moved_fen=F("moved_fen") + payment.moved_fen,
            )
            payment.delete()
    StayPayment.objects.filter(stay=extra).update(stay=kept)
    Prepayment.objects.filter(stay=extra).update(stay=kept)
    gaps.close_gaps(StayGap.objects.filter(stay=extra), clock.now())
    StayGap.objects.filter(stay=extra).update(stay=kept)
    _give(Sighting.objects.filter(stay=extra).values_list("pk", flat=True), kept)
    let_go(extra, actor=actor, used="joined")
    drop_reviews(stay=extra, actor=actor)
    was = StayState(extra.state)
    transition(
        extra,
        source=was,
        target=StayState.VOID,
        actor=actor,
        reason=f"joined with {kept.pk}",
        event=StayVoided,
        due_fen=0,
        left_at=extra.left_at or max(clock.now(), extra.arrived_at),
        check_departure_at=None,
        final_at=None,
        merged_into=kept,
    )
    elsewhere.reconsider(extra.plate, actor=actor)
    audit.record(kept, "joined", actor=actor, stay_id=extra.pk)
    if kept.plate_state != PlateState.SETTLED and extra.plate_state == PlateState.SETTLED:
        assert extra.plate is not None
        put_plate(kept, extra.plate, by=extra.plate_by, confidence=extra.plate_confidence or 0)
    if kept.state == StayState.PARKED:
        money.follow_money(kept)
    stay_rows.tell_pages(kept)


def _split(former: ParkingSession, stay: ParkingSession, told: ToldStay, *, actor: str) -> None:
    """What was seen and paid from `told`'s arrival on was of another vehicle than `former`'s."""
    explained = [*Doubt.values, "readings_differ"]
    drop_reviews(stay=former, kind=ReviewItem.Kind.STAY, why=explained, actor=actor)
    _review_doubt(former)
    paid = StayPayment.objects.filter(stay=former, paid_at__gte=told.arrival.at)
    moved = paid.update(stay=stay, kind=StayPayment.Kind.PARKED) if paid.exists() else 0
    Prepayment.objects.filter(stay=former, submitted_at__gte=told.arrival.at).update(stay=stay)
    if moved:
        for one in (former, stay):
            money.follow_money(one)
            if one.left_at is not None:
                why = "what was paid was for the next vehicle"
                left_at = one.left_at if one is former else _ended(stay, told)[0]
                money.amend(one, left_at=left_at, doubt=one.doubt, actor=actor, reason=why)
    audit.record(former, "split", actor=actor, stay_id=stay.pk)


def _adopt(stay: ParkingSession, told: ToldStay) -> None:
    """Photographs of the berth taken while this stay's vehicle stood there are this stay's: those
    that came before anybody had said so, those that were taken for another vehicle's. Others of it
    are not. They were counted as seen before this (`_seen`), whosever they were, so nothing has to
    be told anew because of them; two vehicles in one stay are a question for a person."""
    then = Q(berth_id=stay.berth_id, occurred_at__gt=told.since)
    if told.ended_at is not None:
        then &= Q(occurred_at__lte=told.ended_at)
    rows = Sighting.objects.filter(then | Q(stay=stay)).exclude(purpose=Sighting.Purpose.LEAVING)
    found = list(rows.order_by("occurred_at", "pk"))
    late = [one for one in found if one.stay_id == stay.pk and told.was_over(one.occurred_at)]
    if late:
        _release(stay, late, [one for one in found if not told.was_over(one.occurred_at)])
    seen = [one for one in found if one.stay_id != stay.pk and told.saw(one.occurred_at)]
    if not seen:
        return
    _give([one.pk for one in seen], stay)
    for one in seen:
        if one.state != SightingState.SETTLED or one.plate is None:
            continue
        if stay.plate_state != PlateState.SETTLED:
            put_plate(stay, one.plate, by=one.settled_by, confidence=one.confidence or 0)
        elif not same_vehicle(stay.plate, one.plate):
            open_review(
                kind=ReviewItem.Kind.STAY,
                why="readings_differ",
                merchant_id=stay.merchant_id,
                stay=stay,
                sighting=one,
            )


def _give(sighting_ids: Iterable[int], stay: ParkingSession) -> None:
    """These photographs are this stay's from now on, and the questions about them."""
    ids = list(sighting_ids)
    Sighting.objects.filter(pk__in=ids).update(stay=stay)
    about = ReviewItem.objects.filter(sighting__in=ids, kind=ReviewItem.Kind.PLATE)
    asked = list(about.filter(state=ReviewState.OPEN))
    tell_over(*asked)
    about.update(stay=stay)
    for item in asked:
        item.stay = stay
        tell_asked(item)


def _release(stay: ParkingSession, late: list[Sighting], rest: list[Sighting]) -> None:
    """What was photographed after the departure was not this stay's vehicle, nor its plate."""
    Sighting.objects.filter(pk__in=[one.pk for one in late], stay=stay).update(stay=None)
    shown = [one.plate for one in rest if one.state == SightingState.SETTLED]
    if stay.plate_state != PlateState.SETTLED or not any(
        same_vehicle(one.plate, stay.plate) and one.settled_by == stay.plate_by for one in late
    ):
        return
    if not any(same_vehicle(plate, stay.plate) for plate in shown):
        old_text, old_colour = clear_plate(stay, plate_state=PlateState.UNREAD, by=SYSTEM)
        outbox.add(PlateCorrected(stay.pk, old_text, old_colour))

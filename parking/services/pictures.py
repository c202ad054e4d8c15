"""Which photographs are of which stay, and the plate that they give it.

A photograph is of one stay at most, by its moment alone (`ToldStay.saw`); a picture of a departure
is of the stay that departed then. Which plate a stay has follows from all of them, whatever order
they came in: what a person said of the stay itself, else what the first photograph shows.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import Q

from core.plates import same_vehicle
from parking.models import Berth, ParkingSession, ReviewItem, Sighting
from parking.rules.timeline import BEFORE_ARRIVAL, Seen, ToldStay
from parking.services.reviews import drop_reviews, open_review, tell_asked, tell_over
from parking.services.said import Around
from parking.services.stay_plates import Known, known
from parking.states import PlateState, ReviewState, SightingState

AROUND_LEAVING = timedelta(seconds=60)  # a departure may be photographed so much before or after
LEAVING = Sighting.Purpose.LEAVING
DIFFER = "readings_differ"


def around(berth: Berth, told: Around, stays: Iterable[ParkingSession]) -> list[Sighting]:
    """The photographs that can be of what was told of here, and those that are of these stays."""
    if not told.rows:
        return []
    then = Q(berth=berth, occurred_at__gt=told.rows[0].occurred_at - BEFORE_ARRIVAL)
    if told.taken_after is not None:
        then &= Q(occurred_at__lt=told.taken_after)
    rows = Sighting.objects.filter(then | Q(stay__in=[stay.pk for stay in stays]))
    return list(rows.order_by("occurred_at", "plate_text", "plate_colour", "pk"))


def seen(photographs: Iterable[Sighting], stays: Iterable[ParkingSession]) -> list[Seen]:
    """Which vehicles were seen there: by photographs whose plate is settled, and by whoever said
    it of a stay itself."""
    found = [
        Seen(at=one.occurred_at, plate=one.plate)
        for one in photographs
        if one.plate is not None and _is_settled(one) and one.purpose != LEAVING
    ]
    for stay in stays:
        said = known(stay)
        if said is not None and said.said_of is not None:
            found.append(Seen(at=said.said_of, plate=said.plate))
    return found


def whose(
    photographs: Iterable[Sighting],
    told: Sequence[ToldStay],
    claims: Sequence[Sequence[ParkingSession]],
) -> list[list[Sighting]]:
    """For each told stay, whose rows until now are its `claims`, its photographs in order."""
    owners = {row.pk: place for place, mine in enumerate(claims) for row in mine}
    found: list[list[Sighting]] = [[] for _one in told]
    for one in photographs:
        mine = owners.get(one.stay_id) if one.stay_id is not None else None
        place = _left_then(one, told, mine) if one.purpose == LEAVING else _stood_then(one, told)
        if place is None and mine is not None and told[mine].may_keep(one.occurred_at):
            place = mine
        if place is not None:
            found[place].append(one)
    return found


def _stood_then(one: Sighting, told: Sequence[ToldStay]) -> int | None:
    return next((place for place, stay in enumerate(told) if stay.saw(one.occurred_at)), None)


def _left_then(one: Sighting, told: Sequence[ToldStay], mine: int | None) -> int | None:
    """Whose departure it shows: the nearest in time; until one is told, whose it was taken for."""
    near = [
        (abs(stay.departure.at - one.occurred_at), place)
        for place, stay in enumerate(told)
        if stay.departure is not None and abs(stay.departure.at - one.occurred_at) <= AROUND_LEAVING
    ]
    return min(near)[1] if near else mine


def give(photographs: Iterable[Sighting], stay: ParkingSession | None) -> bool:
    """These photographs are this stay's from now on, or nobody's, with the questions about them;
    whether one of them is new there and has been read."""
    stay_id = stay.pk if stay else None
    photographs = [one for one in photographs if one.stay_id != stay_id]
    if not photographs:
        return False
    ids = [one.pk for one in photographs]
    Sighting.objects.filter(pk__in=ids).update(stay=stay)
    for one in photographs:
        one.stay_id = stay_id
    about = ReviewItem.objects.filter(sighting__in=ids, kind=ReviewItem.Kind.PLATE)
    asked = list(about.filter(state=ReviewState.OPEN))
    tell_over(*asked)
    about.update(stay=stay)
    for item in asked:
        item.stay = stay
        tell_asked(item)
    return any(one.state != SightingState.RECEIVED for one in photographs)


def plate_of(stay: ParkingSession | None, mine: Sequence[Sighting]) -> Known | None:
    """The plate of a stay with these photographs: what a person said of it, else what the first
    photograph shows, else what one of its departure shows; None where nobody knows.

    Where the first shows no colour, a later one of the same vehicle tells it.
    """
    said = known(stay) if stay is not None else None
    if said is not None and said.said_of is not None:
        return said
    settled = [one for one in mine if _is_settled(one)]
    shown = [one for one in settled if one.purpose != LEAVING] or settled
    if not shown:
        return None
    first = shown[0]
    if first.plate is not None and first.plate.colour is None:
        same = (one for one in shown if same_vehicle(one.plate, first.plate))
        first = next((one for one in same if one.plate and one.plate.colour), first)
    assert first.plate is not None
    return Known(plate=first.plate, by=first.settled_by, confidence=first.confidence or 0)


def state_without_plate(mine: Sequence[Sighting]) -> str:
    """What a stay's plate is while no photograph shows it."""
    states = {one.state for one in mine if one.purpose != LEAVING}
    if SightingState.REVIEW in states:
        return PlateState.REVIEW
    if states == {SightingState.UNREADABLE}:
        return PlateState.UNREADABLE
    return PlateState.UNREAD


def settled(mine: Iterable[Sighting]) -> list[Sighting]:
    """The photographs of a standing vehicle whose plate is settled."""
    return [one for one in mine if _is_settled(one) and one.purpose != LEAVING]


def unexplained(
    mine: Iterable[Sighting], told: Sequence[ToldStay], rows: Sequence[ParkingSession]
) -> list[Sighting]:
    """Without pictures of a departure that show who stood there by then: `rows` are the rows of
    the `told` stays."""
    return [
        one
        for one in mine
        if one.purpose != LEAVING
        or (place := _stood_then(one, told)) is None
        or not same_vehicle(one.plate, rows[place].plate)
    ]


def ask_if_they_differ(
    stay: ParkingSession, mine: Iterable[Sighting], *, is_new: bool, actor: str
) -> None:
    """Two vehicles in the photographs of one stay are a question for a person; answered once, until
    another photograph says so. About a new stay nothing was asked yet."""
    other = [one for one in mine if _is_settled(one) and not same_vehicle(one.plate, stay.plate)]
    if not other or stay.plate is None:
        if not is_new:
            drop_reviews(stay=stay, kind=ReviewItem.Kind.STAY, why=[DIFFER], actor=actor)
        return
    about = ReviewItem.objects.filter(stay=stay, kind=ReviewItem.Kind.STAY, why=DIFFER)
    answered = about.filter(state=ReviewState.SETTLED).order_by("-settled_at").first()
    if answered is not None and answered.settled_at is not None:
        since = answered.settled_at
        other = [one for one in other if one.settled_at is None or one.settled_at > since]
    if other:
        open_review(
            kind=ReviewItem.Kind.STAY,
            why=DIFFER,
            merchant_id=stay.merchant_id,
            stay=stay,
            sighting=other[0],
        )


def _is_settled(one: Sighting) -> bool:
    return one.state == SightingState.SETTLED

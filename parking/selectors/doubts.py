"""Which questions are open about stays: the one place that everybody asks (docs/rules.md L1)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from core import plates
from core.vehicles import of_vehicle
from parking.models import CloneCase, ParkingSession, ReviewItem, Sighting
from parking.rules.elsewhere import NEAR, Presence, at_once
from parking.states import PlateState, ReviewState, StayState


@dataclass(frozen=True, slots=True)
class Question:
    """Something about a stay that a person has to look at, and has not yet.

    `code` is why it is asked, `since` when it was, `whose` the merchant whose people answer, `item`
    the row that is answered: of the review queue, or what `kind` says.
    """

    code: str
    since: datetime
    whose: int
    item: int
    kind: str


def _asked_of_stays() -> QuerySet[ReviewItem]:
    """What is open and counts as a question about its stay.

    Whatever is asked about it counts: whether it is right, which plate it has, what somebody said
    at its berth. Only a photograph of leaving does not say whose a stay is, unless somebody doubts
    it.
    """
    rows = ReviewItem.objects.filter(stay__isnull=False, state=ReviewState.OPEN)
    leaving = Q(kind=ReviewItem.Kind.PLATE, sighting__purpose="leaving")
    return rows.exclude(leaving & ~Q(why=ReviewItem.DOUBTED))


def open_questions(stay: str = "pk") -> QuerySet[ReviewItem]:
    """Open questions about a stay, the outer query's `stay`."""
    return _asked_of_stays().filter(stay=OuterRef(stay))


def questions_about(stay_id: int) -> tuple[Question, ...]:
    """The open questions about one stay, oldest first; one query."""
    rows = ParkingSession.objects.filter(pk=stay_id).annotate(asked=asked())
    return questions_of([one for told in rows.values_list("asked", flat=True) for one in told])


def is_questioned(stay_id: int) -> bool:
    """Whether a question about this stay is open."""
    return ParkingSession.objects.filter(Exists(open_questions()), pk=stay_id).exists()


def is_questioned_sighting(sighting_id: int) -> bool:
    """Whether the stay in this photograph is in question: nobody is accused by it."""
    rows = Sighting.objects.filter(Exists(open_questions("stay_id")), pk=sighting_id)
    return rows.exists()


def why_questioned(
    plate: plates.Plate | None, *, since: datetime, until: datetime, section_id: int
) -> str:
    """Why it is in question whether this vehicle was somewhere on a section from `since` to
    `until`: the code of what is asked, "" for nothing.

    It stood elsewhere at that time, or may be copied, or somebody has to look at a stay of it that
    lies so near that both may be one mistake.
    """
    mine = of_vehicle(plate)
    cases = CloneCase.objects.filter(mine, state__in=CloneCase.LIVE)
    later = cases.annotate(first=Min("stays__arrived_at")).filter(first__gt=until)
    if cases.exclude(pk__in=later.values("pk")).exists():
        return "plate_copied"
    near = ParkingSession.objects.filter(
        mine,
        Q(left_at=None) | Q(left_at__gt=since - NEAR),
        arrived_at__lt=until + NEAR,
        simulated=False,
    ).exclude(state=StayState.VOID)
    there = Presence(since=since, until=until, at=None)
    settled = near.filter(plate_state=PlateState.SETTLED).exclude(section=section_id)
    for arrived_at, left_at in settled.values_list("arrived_at", "left_at"):
        if at_once(there, Presence(since=arrived_at, until=left_at, at=None)):
            return "seen_elsewhere"
    codes = _asked_of_stays().filter(stay__in=near.values("pk"))
    return codes.order_by("opened_at").values_list("why", flat=True).first() or ""


def asked() -> ArraySubquery:
    """The open questions about a query's stays, for `questions_of`, in that very query."""
    told = JSONObject(code="why", since="opened_at", whose="merchant_id", item="pk", kind="kind")
    return ArraySubquery(open_questions().order_by("opened_at", "pk").values_list(told))


def questions_of(told: Collection[dict[str, Any]]) -> tuple[Question, ...]:
    """What `asked` found for one stay, oldest first."""
    return tuple(Question(**{**one, "since": _moment(one["since"])}) for one in told)


def _moment(text: str) -> datetime:
    at = parse_datetime(text)
    assert at is not None
    return at

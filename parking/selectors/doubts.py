"""Which questions are open about stays: the one place that everybody asks (docs/rules.md L1)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from parking.models import ParkingSession, ReviewItem, Sighting
from parking.states import ReviewState


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


def open_questions(stay: str = "pk") -> QuerySet[ReviewItem]:
    """Open questions about a stay, the outer query's `stay`.

    Whatever is asked about it counts: whether it is right, which plate it has, what somebody said
    at its berth. Only a photograph of leaving does not say whose a stay is, unless somebody doubts
    it.
    """
    rows = ReviewItem.objects.filter(stay=OuterRef(stay), state=ReviewState.OPEN)
    leaving = Q(kind=ReviewItem.Kind.PLATE, sighting__purpose="leaving")
    return rows.exclude(leaving & ~Q(why=ReviewItem.DOUBTED))


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

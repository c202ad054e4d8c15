"""A merchant's own debts, notices and objections; never another's."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Subquery, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from arrears.models import BlacklistEntry, Debt, Demand, Dispute, RecoveryNotice
from arrears.selectors.facts import DebtFacts, debts
from arrears.selectors.looks import looks_to_take
from arrears.states import DebtState, DemandState, DisputeState, ListingState, NoticeState
from core import clock
from core.errors import Missing
from core.plates import Plate, chip
from core.vehicles import of_outer_vehicle

AGES_DAYS = (7, 30, 90)


def debts_of_merchant(merchant_id: int) -> QuerySet[Debt]:
    """One merchant's debts, newest first, with place and stay."""
    rows = Debt.objects.filter(merchant_id=merchant_id).select_related("section", "stay__berth")
    return rows.order_by("-opened_at", "-pk")


def with_listing(debts: QuerySet[Debt]) -> QuerySet[Debt]:
    """The debts with `listing_state`, the state of their vehicle's live entry or None, and with
    `listing_why`, what that follows from."""
    live = BlacklistEntry.objects.exclude(state=ListingState.GONE)
    same = live.filter(of_outer_vehicle())
    return debts.annotate(
        listing_state=Subquery(same.values("state")[:1]),
        listing_why=Subquery(same.values("why")[:1]),
    )


@dataclass(frozen=True, slots=True)
class Age:
    """Open money by how long it is open; `to_days` None is the oldest group."""

    from_days: int
    to_days: int | None
    count: int
    amount_fen: int


def ages(merchant_id: int) -> list[Age]:
    """Live debts by age; one query."""
    now = clock.now()
    edges = [0, *AGES_DAYS]
    rows = Debt.objects.filter(merchant_id=merchant_id, state__in=Debt.LIVE)
    wanted: dict[str, Any] = {}
    for at, start in enumerate(edges):
        condition = Q(opened_at__lte=now - timedelta(days=start))
        if at + 1 < len(edges):
            condition &= Q(opened_at__gt=now - timedelta(days=edges[at + 1]))
        wanted[f"n{at}"] = Count("pk", filter=condition)
        wanted[f"fen{at}"] = Sum("amount_fen", filter=condition)
    told = rows.aggregate(**wanted)
    return [
        Age(
            start,
            edges[at + 1] if at + 1 < len(edges) else None,
            told[f"n{at}"],
            told[f"fen{at}"] or 0,
        )
        for at, start in enumerate(edges)
    ]


def notices_of_merchant(merchant_id: int) -> QuerySet[RecoveryNotice]:
    """What this merchant's terminals were told, newest first."""
    rows = RecoveryNotice.objects.filter(merchant_id=merchant_id)
    return rows.select_related("device").order_by("-pk")


def paper_demands_of(merchant_id: int) -> QuerySet[Demand]:
    """Demands that wait for an inspector of this merchant, oldest first."""
    rows = Demand.objects.filter(
        state=DemandState.MADE, channel="paper", debts__merchant_id=merchant_id
    )
    return rows.distinct().prefetch_related("debts").order_by("made_at", "pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper notice to leave at a vehicle: this merchant's open debts of it, and their sum, which
    the paper must name."""

    demand_id: int
    plate: Plate
    debts: list[DebtFacts]
    named_fen: int


def paper_of_merchant(merchant_id: int, demand_id: int) -> Paper:
    """The paper notice of a demand that waits for an inspector of this merchant. Raises Missing."""
    found = paper_demands_of(merchant_id).filter(pk=demand_id).first()
    if found is None:
        raise Missing()
    return _paper(found, merchant_id)


def _paper(demand: Demand, merchant_id: int) -> Paper:
    mine = [one for one in demand.debts.all() if one.merchant_id == merchant_id]
    owed = debts([one.pk for one in mine if one.state == DebtState.OPEN])
    named_fen = sum(one.amount_fen for one in owed)
    return Paper(
        demand_id=demand.pk,
        plate=Plate.of(demand.plate_text, demand.plate_colour),
        debts=owed,
        named_fen=named_fen,
    )


def disputes_of_merchant(merchant_id: int) -> QuerySet[Dispute]:
    """Objections to this merchant's stays, those that wait longest first."""
    rows = Dispute.objects.filter(merchant_id=merchant_id).order_by("-state", "answer_by", "pk")
    return rows.prefetch_related("stays__section", "stays__berth")


def disputes_to_answer() -> QuerySet[Dispute]:
    """The operator's queue: open objections, the most urgent first."""
    return Dispute.objects.filter(state=DisputeState.OPEN).order_by("answer_by", "pk")


MOST_NEEDS = 20


def needs(merchant_id: int) -> list[dict[str, Any]]:
    """What a person of this merchant should see to, for the queue on the street's page: objections
    to answer, paper notices to leave, listed vehicles that no terminal could be told of (P3.4)."""
    page = reverse("arrears.debts")
    items: list[dict[str, Any]] = [
        {
            "since": row.opened_at,
            "plate": None,
            "title": row.get_reason_display(),
            "text": _("An owner objects and waits for an answer."),
            "subject": "dispute",
            "state": row.state,
            "due_at": row.answer_by,
            "url": f"{page}#disputes",
        }
        for row in disputes_of_merchant(merchant_id).filter(state=DisputeState.OPEN)[:MOST_NEEDS]
    ]
    looks = looks_to_take(merchant_id)
    if oldest := looks.first():
        n = looks.count()
        items.append(
            {
                "since": oldest.opened_at,
                "plate": None,
                "title": ngettext("One debt to look at", "%(n)d debts to look at", n) % {"n": n},
                "text": _("Nobody is asked to pay before a person has seen picture and times."),
                "subject": "look",
                "state": oldest.state,
                "url": reverse("arrears.looks"),
            }
        )
    items += [
        {
            "since": row.made_at,
            "plate": chip(row.plate),
            "compare": True,
            "text": _("No holder is known: leave a paper notice when the vehicle is seen."),
            "paper": _paper(row, merchant_id),
            "tag": _("Paper notice"),
            "tone": "amber",
            "url": f"{page}#paper",
        }
        for row in paper_demands_of(merchant_id)[:MOST_NEEDS]
    ]
    unread = notices_of_merchant(merchant_id).filter(device=None, state=NoticeState.MADE)
    items += [
        {
            "since": row.made_at,
            "plate": chip(row.plate),
            "compare": True,
            "text": _("A vehicle with debts was seen, and no terminal is near."),
            "tag": _("Seen"),
            "tone": "amber",
            "url": page,
        }
        for row in unread[:MOST_NEEDS]
    ]
    return items

"""What a person still has to pay, and why it was decided what was decided."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import selectors as accounts
from arrears.models import Assessment, Contact, Debt, Demand, Dispute, PayWindow, Plan
from arrears.risk import features
from arrears.states import (
    AssessmentState,
    ContactState,
    DebtState,
    DemandState,
    DisputeState,
)
from core import clock, links
from core.errors import LinkEnded
from core.money import format_fen
from core.plates import Plate, holds
from parking import selectors as parking
from parking.selectors import StayFacts
from parking.states import StayState

OBJECT, WHY = "arrears.object", "arrears.why"
LINK_LIVES_S = 180 * 24 * 3600  # to object, and read the answer: what may be appealed in this time
WHY_LIVES_S = int(links.STAYS_OPEN.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One stay that is not paid. `state`: window (time to pay is running), open or disputed, which
    is held: by an objection or, where `questioned`, because we have to look at it first."""

    stay: StayFacts
    debt_id: int | None
    state: str
    pay_by: datetime | None
    amount_fen: int
    object_path: str
    why_path: str | None
    reminded: bool = False  # a reminder stands on the page
    given_s: float = 0.0  # what outages of ours, or a payment that was unclear, have put it off by
    questioned: bool = False
    raised_from_fen: int | None = None
    raised_why: str = ""

    @property
    def payable(self) -> bool:
        return self.amount_fen > 0


def dues_of(plates: Iterable[tuple[str, str]]) -> list[Due]:
    """All unpaid stays of these vehicles over all merchants, oldest first."""
    found: dict[int, StayFacts] = {}
    for text, colour in plates:
        for facts in parking.unpaid_stays_of(text, colour):
            found[facts.id] = facts
    return _dues(found)


def dues_of_stays(stay_ids: Collection[int]) -> list[Due]:
    """Those of these stays that are not paid, oldest first."""
    stays = parking.stays(stay_ids)
    return _dues({pk: one for pk, one in stays.items() if one.state == StayState.DUE})


def _dues(stays: dict[int, StayFacts]) -> list[Due]:
    debts = {one.stay_id: one for one in Debt.objects.filter(stay_id__in=stays)}
    windows = {one.stay_id: one for one in PayWindow.objects.filter(stay_id__in=stays)}
    scored = set(
        Assessment.objects.filter(stay_id__in=stays, state=AssessmentState.DONE).values_list(
            "stay_id", flat=True
        )
    )
    on_page = Contact.objects.filter(
        plan__stay_id__in=stays,
        channel="page",
        state__in=[ContactState.SENDING, ContactState.SENT],
    )
    reminded = set(on_page.values_list("plan__stay_id", flat=True))
    said = Dispute.objects.filter(stays__in=stays, state=DisputeState.OPEN)
    contested = set(said.values_list("stays", "plate_text", "plate_colour"))
    rows = []
    for facts in stays.values():
        debt = debts.get(facts.id)
        window = windows.get(facts.id)
        vehicles = (facts.plate_text, facts.plate_colour), ("", "")
        held = bool(facts.questions) or any((facts.id, *one) in contested for one in vehicles)
        held = held or (debt is not None and debt.state == DebtState.DISPUTED)
        state = (
            "disputed" if held else ("open" if debt and debt.state == DebtState.OPEN else "window")
        )
        rows.append(
            Due(
                stay=facts,
                debt_id=debt.pk if debt else None,
                state=state,
                pay_by=window.due_at if window else None,
                reminded=facts.id in reminded,
                given_s=window.given_s if window else 0.0,
                amount_fen=facts.due_fen,
                object_path=_object_path([facts]),
                why_path=why_path(facts.id) if facts.id in scored else None,
                questioned=bool(facts.questions),
                **_raised(debt, facts),
            )
        )
    return sorted(rows, key=lambda one: (one.stay.arrived_at, one.stay.id))


def _raised(debt: Debt | None, facts: StayFacts) -> dict[str, Any]:
    """What the fee of a debt was before it rose, and why, while that is what is owed."""
    if debt is None or debt.state not in Debt.LIVE or debt.raised_from_fen is None:
        return {}
    if debt.raised_from_fen >= facts.due_fen:
        return {}
    why = parking.why_amended(debt.raised_why)
    return {"raised_from_fen": debt.raised_from_fen, "raised_why": why}


def stays_of_text(key: str) -> list[int]:
    """The stays that a text of this key was about; none where it was about nothing of ours."""
    kind, _colon, number = key.partition(":")
    if kind == "contact":
        return list(Contact.objects.filter(pk=number).values_list("plan__stay_id", flat=True))
    if kind == "demand":
        return list(Debt.objects.filter(demands=number).values_list("stay_id", flat=True))
    return []


def object_path(stay_ids: Collection[int]) -> str:
    """The page on which these stays can be objected to; its address proves by itself: only for the
    holder of their plate, who has typed it whole, stands at the berth or has paid."""
    return _object_path(list(parking.stays(stay_ids).values()))


def _object_path(stays: list[StayFacts]) -> str:
    return reverse(OBJECT, args=[_object_token(stays)])


def contest_path_of_stay(stay_id: int) -> str:
    """Where whoever has paid for a stay objects to it."""
    return object_path([stay_id])


def contest_path_of_prepayment(prepayment_id: int) -> str:
    """Where whoever has paid ahead objects to the stay that it was for; "" before there is one."""
    stay_id = parking.stay_of_prepayment(prepayment_id)
    return object_path([stay_id]) if stay_id is not None else ""


def object_token(stay_ids: Collection[int]) -> str:
    """What that address proves itself by."""
    return _object_token(list(parking.stays(stay_ids).values()))


def _object_token(stays: list[StayFacts]) -> str:
    ordered = sorted(stays, key=lambda one: one.id)
    of = [links.vehicle(one.plate_text, one.plate_colour) for one in ordered]
    return links.sign(OBJECT, stays=[one.id for one in ordered], of=of)


def said_path(token: str, disputes: Collection[int]) -> str:
    """The same page for who has just said these: its address also opens their words and answer."""
    data = links.read(OBJECT, token, max_age_s=LINK_LIVES_S)
    said = sorted({*data.get("said", []), *disputes})
    return reverse(OBJECT, args=[links.sign(OBJECT, **{**data, "said": said})])


def answer_path(dispute: Dispute, stays: list[StayFacts]) -> str:
    """The page that shows an objection and its answer to who said it, by the address alone."""
    ids = sorted(one.id for one in stays)
    of = [links.vehicle(dispute.plate_text, dispute.plate_colour) for _id in ids]
    return reverse(OBJECT, args=[links.sign(OBJECT, stays=ids, of=of, said=[dispute.pk])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectable:
    """What one link opens: the stays that are still its vehicle's, and what was said for it.

    `said` are the objections that whoever was given the link has made.
    """

    stays: list[StayFacts]
    disputes: list[Dispute]
    said: frozenset[int]


def objectable(token: str) -> Objectable:
    """The stays and objections of a link, newest first; another vehicle's, after a correction, are
    not its reader's to see. Raises Missing for a forged or outdated one."""
    data = links.read(OBJECT, token, max_age_s=LINK_LIVES_S)
    unknown = links.vehicle("", "")
    given = dict(zip_longest(data["stays"], data.get("of", []), fillvalue=unknown))

    def same(stay_id: int, text: str, colour: str) -> bool:
        vehicle = given.get(stay_id)
        return vehicle == links.vehicle(text, colour) or (
            vehicle is not None and (vehicle == unknown or not text)
        )

    stays = sorted(parking.stays(list(given)).values(), key=lambda one: one.id)
    rows = Dispute.objects.filter(stays__in=list(given)).distinct().order_by("-pk")
    return Objectable(
        stays=[one for one in stays if same(one.id, one.plate_text, one.plate_colour)],
        disputes=[
            row
            for row in rows.prefetch_related("stays")
            if any(same(one.pk, row.plate_text, row.plate_colour) for one in row.stays.all())
        ],
        said=frozenset(data.get("said", [])),
    )


def why_path(stay_id: int) -> str:
    """The page that explains the automatic decision about a stay."""
    return reverse(WHY, args=[links.sign(WHY, stay=stay_id)])


def demand_of(token: str) -> Demand | None:
    """The demand whose link this is; None for a token of no demand.

    Raises LinkEnded two weeks after the last of its debts ended, and at once where it was dropped.
    """
    demand = Demand.objects.filter(token=token).prefetch_related("debts").first()
    if demand is not None and not _is_open(demand):
        raise LinkEnded
    return demand


def _is_open(demand: Demand) -> bool:
    if demand.state == DemandState.DROPPED:
        return False
    debts = list(demand.debts.all())
    ended = [one.ended_at for one in debts if one.ended_at is not None]
    return len(ended) < len(debts) or any(clock.now() <= at + links.STAYS_OPEN for at in ended)


def stays_of_demand(demand: Demand) -> list[int]:
    """Those that still are this vehicle's: the plate of one may have been corrected since. None
    where the person who was asked holds it no more."""
    if _has_left(demand.user, demand.plate):
        return []
    stays = parking.stays([debt.stay_id for debt in demand.debts.all()])
    return _of_plate(stays, demand.plate)


def stays_of_contact(contact: Contact) -> list[int]:
    """The stay that the contact was about, while it still is this vehicle's, and theirs."""
    plan = contact.plan
    if _has_left(plan.user, plan.plate):
        return []
    return _of_plate(parking.stays([plan.stay_id]), plan.plate)


def _has_left(person: Any, plate: Plate | None) -> bool:
    """Whether a message went to this person as the vehicle's holder, and they are it no more."""
    return person is not None and not holds(accounts.proven_plates_of(person), plate)


def _of_plate(stays: dict[int, StayFacts], plate: Plate | None) -> list[int]:
    return [pk for pk, one in stays.items() if one.plate == plate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An automatic decision in words, for the person it is about (docs/rules.md 9, PIPL 24)."""

    stay_id: int
    state: str
    at_risk: bool | None
    percent: int | None
    threshold_percent: int | None
    reasons: list[dict[str, Any]]
    as_of: datetime
    late: bool
    model: str
    portrait_version: str
    model_source: str
    simulated: bool
    objected: bool
    payment_time_s: int | None
    plan: dict[str, Any] | None


def decision_of(stay_id: int) -> Decision | None:
    """What was decided about this stay, from what, and what follows; in the reader's language.

    None where nothing was, or where it was about another vehicle: the plate was corrected since,
    and what was concluded about the other's holder is not this reader's to see.
    """
    rows = Assessment.objects.filter(stay_id=stay_id).select_related("portrait", "model")
    row = rows.first()
    facts = parking.stay(stay_id)
    if row is None or row.plate != facts.plate:
        return None
    plans = Plan.objects.filter(stay_id=stay_id, watch__number=row.number)
    plan = plans.select_related("scheme").first()
    return Decision(
        stay_id=stay_id,
        state=row.state,
        at_risk=row.at_risk,
        percent=None if row.probability is None else round(100 * row.probability),
        threshold_percent=None if row.threshold is None else round(100 * row.threshold),
        reasons=[
            {
                "text": features.sentence(one["feature"], one["value"]),
                "raises": one["push"] > 0,
                "effect": _("raised the estimate")
                if one["push"] > 0
                else _("lowered the estimate"),
            }
            for one in row.reasons
        ],
        as_of=row.as_of,
        late=row.late,
        model=row.model.version if row.model else "",
        portrait_version=row.portrait.version if row.portrait else "",
        model_source=row.model.source if row.model else "",
        simulated=bool(row.portrait and row.portrait.simulated),
        objected=row.objected,
        payment_time_s=row.payment_time_s,
        plan=_plan(plan) if plan else None,
    )


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "scheme": plan.scheme.name,
        "channel": plan.scheme.get_channel_display(),
        "holdout": plan.holdout,
        "parts": [format_fen(fen) for fen in plan.parts_fen],
        "state": plan.state,
        "contacts": [
            {"at": one.at, "due_at": one.due_at, "state": one.state, "outcome": one.outcome}
            for one in plan.contacts.order_by("number")
        ],
    }

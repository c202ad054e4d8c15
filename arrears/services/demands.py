"""Demands: every debtor is asked, in a way that can be shown, before anything follows (P3.2)."""

import logging
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from accounts import selectors as accounts
from accounts import services as account_services
from accounts.rules.contacts import after_quiet, is_quiet
from arrears.errors import DebtMoved, NotLookedAt, VehicleExempt
from arrears.events import DemandTakenBack
from arrears.models import Debt, Demand, Look
from arrears.rules.vehicle import holds
from arrears.selectors.exempt import is_registered
from arrears.selectors.questions import standing_still, with_held
from arrears.services import listing, looks
from arrears.states import DebtState, DemandState
from core import clock, images, live, locks, outbox
from core.errors import Invalid
from core.money import format_fen
from core.plates import Plate
from core.transition import transition
from core.vehicles import of_vehicle
from parking import selectors as parking

log = logging.getLogger("bowei.arrears")
SYSTEM = "system:arrears.demands"
BATCH = 100
KEY = "demand:"


@transaction.atomic
def make_demand(*, debt_id: int) -> Demand | None:
    """Ask for this debt: by text to the proven holder's phone, on their page, else on paper (P3.2).

    None while nobody has seen what it rests on (docs/rules.md L11), where it is held or asked for
    already, and for an exempt vehicle. At night a text waits for the morning, and debts that come
    meanwhile go into the same one.
    """
    debt = with_held(Debt.objects.select_for_update(no_key=True, of=("self",))).get(pk=debt_id)
    if debt.state != DebtState.OPEN or debt.demanded_at is not None or debt.held:
        return None
    if not looks.seen([debt_id]) or is_registered(debt.plate):
        return None
    if debt.demands.filter(state=DemandState.SENDING).exists():
        return None
    due_at = after_quiet(max(clock.now(), looks.rests_until(debt)))
    user = accounts.holder_of(debt.plate_text, debt.plate_colour)
    waiting = Demand.objects.filter(
        of_vehicle(debt.plate), state=DemandState.MADE, user=user
    ).first()
    if waiting is None:
        channel = Demand.Channel.PAPER
        if user is not None:
            channel = Demand.Channel.SMS if user.phone else Demand.Channel.PAGE
        waiting = Demand.objects.create(
            plate_text=debt.plate_text,
            plate_colour=debt.plate_colour,
            user=user,
            channel=channel,
            due_at=due_at,
            made_at=clock.now(),
        )
    elif waiting.due_at < due_at:
        Demand.objects.filter(pk=waiting.pk).update(due_at=due_at)
    waiting.debts.add(debt)
    live.push(f"merchant:{debt.merchant_id}")
    return waiting


@transaction.atomic
def take_back(debt_ids: Collection[int], *, actor: str, reason: str) -> None:
    """These debts leave every demand that has not been delivered; an empty one is dropped.

    A text that nobody has yet is recalled, for it names a sum and a day that hold no more; what
    else it asked for is asked anew.
    """
    ids = list(debt_ids)
    waiting = Demand.objects.filter(
        pk__in=Demand.debts.through.objects.filter(debt_id__in=ids).values("demand_id"),
        state__in=[DemandState.MADE, DemandState.SENDING, DemandState.FAILED],
    )
    for demand in locks.lock(waiting):
        demand.debts.remove(*ids)
        rest = list(demand.debts.filter(state=DebtState.OPEN).values_list("pk", flat=True))
        recalled = account_services.recall_sms(key=f"{KEY}{demand.pk}", actor=actor)
        if recalled or not rest:
            transition(
                demand,
                source=[DemandState.MADE, DemandState.SENDING, DemandState.FAILED],
                target=DemandState.DROPPED,
                actor=actor,
                reason=reason,
            )
            outbox.add(*map(DemandTakenBack, rest))


def send_demands() -> int:
    """A sweep: texts whose time has come; each in a transaction of its own."""
    if is_quiet(clock.now()) or standing_still():
        return 0
    due = Demand.objects.filter(state=DemandState.MADE, channel="sms", due_at__lte=clock.now())
    ids = list(due.order_by("due_at").values_list("pk", flat=True)[:BATCH])
    return sum(_send(pk) for pk in ids)


@transaction.atomic
def _send(demand_id: int) -> int:
    """Hand one demand to the text messages; what is owed is read now, not when it was made."""
    demand = Demand.objects.select_for_update(no_key=True, of=("self",)).get(pk=demand_id)
    if demand.state != DemandState.MADE:
        return 0
    found = with_held(demand.debts.filter(state=DebtState.OPEN, look__state__in=Look.GOOD))
    debts = list(found.select_related("section").order_by("opened_at"))
    demand.debts.remove(*(one for one in debts if one.held))  # asked for anew with the answer
    debts = [one for one in debts if not one.held]
    if not debts or is_registered(demand.plate):
        return len(
            transition(demand, source=DemandState.MADE, target=DemandState.DROPPED, actor=SYSTEM)
        )
    if listing.must_wait(debts):
        Demand.objects.filter(pk=demand.pk).update(due_at=clock.now() + listing.PATIENCE)
        return 0
    phone = demand.user.phone if demand.user else ""
    if not phone:
        transition(
            demand,
            source=DemandState.MADE,
            target=DemandState.FAILED,
            actor=SYSTEM,
            reason="no phone",
        )
        return len(_on_paper(demand))
    leaves_at = account_services.text_leaves_at(phone=phone, template="demand")
    if leaves_at > clock.now():  # asked for money lately: what comes meanwhile goes into this one
        return Demand.objects.filter(pk=demand.pk).update(due_at=leaves_at)
    pay_by = clock.now() + listing.grace()
    until = timezone.localtime(pay_by)
    params = {
        "place": place_of(debts),
        "amount": format_fen(sum(debt.amount_fen for debt in debts)),
        "until": f"{until.month}月{until.day}日 {until:%H:%M}",
        "url": settings.PUBLIC_URL + reverse("arrears.dues", args=[demand.token]),
    }
    told = raised(debts)
    account_services.send_sms(
        phone=phone,
        template="demand_raised" if told else "demand",
        params=params | told,
        key=f"{KEY}{demand.pk}",
        valid_until=pay_by,
    )
    return len(
        transition(
            demand,
            source=DemandState.MADE,
            target=DemandState.SENDING,
            actor=SYSTEM,
            evidence=f"{KEY}{demand.pk}",
        )
    )


def raised(debts: Collection[Debt]) -> dict[str, str]:
    """What a message says beside its sum where a fee was raised: what it was before, and why."""
    told = [one for one in debts if (one.raised_from_fen or one.amount_fen) < one.amount_fen]
    if not told:
        return {}
    before_fen = sum(one.amount_fen for one in debts)
    before_fen -= sum(one.amount_fen - (one.raised_from_fen or 0) for one in told)
    with translation.override(settings.LANGUAGE_CODE):
        return {"before": format_fen(before_fen), "why": parking.why_amended(told[0].raised_why)}


def place_of(debts: Collection[Debt]) -> str:
    """Where the stays were, as a message says it: one road, or one of several."""
    names = list(dict.fromkeys(debt.section.name for debt in debts))
    return names[0] if len(names) == 1 else f"{names[0]}等 {len(names)} 处"


@transaction.atomic
def deliver_demand(*, demand_id: int, evidence: str, actor: str) -> bool:
    """The demand has reached the debtor; False where it was delivered or dropped before.

    From here its debts' grace runs: the vehicle's entry is recomputed at once.
    """
    demand = Demand.objects.get(pk=demand_id)
    locks.lock(demand.debts.filter(state__in=Debt.LIVE))  # debts before demands, as a payment does
    now = clock.now()
    moved = transition(
        demand,
        source=[DemandState.MADE, DemandState.SENDING, DemandState.FAILED],
        target=DemandState.DELIVERED,
        actor=actor,
        delivered_at=now,
        evidence=evidence[:120],
    )
    if not moved:
        return False
    debts = demand.debts.filter(state__in=Debt.LIVE)
    ids = looks.seen(debts.values_list("pk", flat=True))
    fresh = Debt.objects.filter(pk__in=ids, demanded_at=None)
    fresh.update(demanded_at=now, demanded_fen=F("amount_fen"))
    listing.relist(demand.plate_text, demand.plate_colour, actor=actor, reason="demand delivered")
    return True


@transaction.atomic
def deliver_on_paper(
    *, debt_ids: Collection[int], named_fen: int, photograph: bytes, merchant_id: int, actor: str
) -> Demand:
    """An inspector has left a paper notice at the vehicle; the photograph shows it.

    `named_fen` is the sum that the paper names. Raises Invalid for a file that is no photograph,
    DebtMoved where none of the debts is this merchant's and open, or where they are more by now,
    NotLookedAt where nobody has seen the evidence of one, VehicleExempt.
    """
    if not photograph:
        raise Invalid(
            "no_photograph",
            _("The photograph of the notice at the vehicle is missing."),
            fields={"photograph": _("Choose the photograph.")},
        )
    mine = Debt.objects.filter(pk__in=list(debt_ids), merchant_id=merchant_id, state=DebtState.OPEN)
    debts = locks.lock(with_held(mine).filter(held=False))
    if not debts or len({(one.plate_text, one.plate_colour) for one in debts}) != 1:
        raise DebtMoved()
    if sum(debt.amount_fen for debt in debts) > named_fen:
        raise DebtMoved()
    if looks.seen([debt.pk for debt in debts]) != {debt.pk for debt in debts}:
        raise NotLookedAt()
    if is_registered(debts[0].plate):
        raise VehicleExempt()
    sha256 = images.take(photograph, by=actor)
    demand = Demand.objects.create(
        plate_text=debts[0].plate_text,
        plate_colour=debts[0].plate_colour,
        channel=Demand.Channel.PAPER,
        due_at=clock.now(),
        made_at=clock.now(),
    )
    demand.debts.set(debts)
    deliver_demand(demand_id=demand.pk, evidence=f"photograph:{sha256}", actor=actor)
    for waiting in Demand.objects.filter(debts__in=debts, state=DemandState.MADE).distinct():
        if not waiting.debts.filter(demanded_at=None, state__in=Debt.LIVE).exists():
            transition(
                waiting,
                source=DemandState.MADE,
                target=DemandState.DROPPED,
                actor=actor,
                reason="on paper",
            )
    return demand


@transaction.atomic
def deliver_on_page(*, plates: Collection[tuple[str, str]], actor: str) -> int:
    """The proven holder has just been shown these plates' dues: that delivers what is waiting."""
    delivered = 0
    waiting = Demand.objects.filter(plate_text__in=[text for text, _colour in plates])
    for demand in waiting.filter(state__in=[DemandState.MADE, DemandState.FAILED]):
        if holds(plates, demand.plate_text, demand.plate_colour):
            delivered += deliver_demand(demand_id=demand.pk, evidence="page", actor=actor)
    return delivered


@transaction.atomic
def text_delivered(demand_id: int) -> None:
    """The text is on the phone, as its provider's receipt says."""
    deliver_demand(demand_id=demand_id, evidence=f"{KEY}{demand_id}", actor=SYSTEM)


@transaction.atomic
def text_failed(demand_id: int) -> None:
    """The phone can't be reached, or no receipt says that it was: the demand goes on paper."""
    demand = Demand.objects.get(pk=demand_id)
    moved = transition(
        demand,
        source=DemandState.SENDING,
        target=DemandState.FAILED,
        actor=SYSTEM,
        reason="not sent",
    )
    if moved:
        _on_paper(demand)


def _on_paper(demand: Demand) -> list[int]:
    return transition(
        demand,
        source=DemandState.FAILED,
        target=DemandState.MADE,
        actor=SYSTEM,
        reason="by an inspector",
        channel=Demand.Channel.PAPER,
    )


@transaction.atomic
def leave_former_holder(*, user_id: int) -> int:
    """This person holds a plate no more: a demand they don't have yet waits for an inspector, and a
    text that nobody has sent yet is taken back."""
    user = accounts.user(user_id)
    rows = Demand.objects.filter(user=user)
    for text, colour in accounts.proven_plates_of(user):
        rows = rows.exclude(of_vehicle(Plate.of(text, colour)))
    for demand in rows.filter(state=DemandState.SENDING).order_by("pk"):
        if account_services.recall_sms(key=f"{KEY}{demand.pk}", actor=SYSTEM):
            text_failed(demand.pk)
    return rows.filter(state=DemandState.MADE).update(user=None, channel=Demand.Channel.PAPER)


@transaction.atomic
def ask_new_holder(*, user_id: int) -> int:
    """A holder has become known: what waited for an inspector goes to their phone or page."""
    people = Demand._meta.get_field("user").related_model
    user: Any = people._base_manager.get(pk=user_id)  # type: ignore[union-attr]
    changed = 0
    for text, colour in accounts.proven_plates_of(user):
        rows = Demand.objects.filter(
            of_vehicle(Plate.of(text, colour)), state=DemandState.MADE, channel="paper"
        )
        changed += rows.update(
            user=user,
            channel="sms" if user.phone else "page",
            due_at=after_quiet(clock.now()),
        )
    return changed

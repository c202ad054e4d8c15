"""A card's life: applied for, verified, paid, valid, suspended, ended (P4.2 to P4.4)."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import selectors as accounts
from accounts import services as accounts_services
from accounts.states import HoldingState
from core import audit, clock, images, locks, outages
from core.errors import Missing, Refused
from core.transition import transition
from core.typed import typed_plate
from monthlycard import selectors
from monthlycard.errors import (
    AlreadyHeld,
    CardMissing,
    CoversOtherwise,
    NotDue,
    NotForSale,
    NotTheirPlate,
)
from monthlycard.events import CardEnded
from monthlycard.models import (
    Card,
    CardPeriod,
    CardVehicle,
    LotSystem,
    Plan,
    PlanVersion,
    RecordCursor,
)
from monthlycard.rules import PaidPeriod, Rest, quota_needed, rest_of_periods
from monthlycard.services.usage import undeducted
from monthlycard.states import CardState
from payments import selectors as payments
from payments.rules import BillLine, Quote, Receipt

EXPIRE = "system:monthlycard.expire"
AGAIN = timedelta(hours=1)  # as long while an outage runs, whose end nobody knows


@transaction.atomic
def apply(
    *,
    user_id: int,
    plan_code: str,
    plate_text: str,
    plate_colour: str,
    evidence_sha: str,
    actor: str,
) -> Card:
    """An application for a card (P4.2); where the plate is proven it is verified at once.

    One that is not proven neither keeps the vehicle from anybody nor tells whether there is a card
    for it. Raises NotForSale, AlreadyHeld, Invalid for an impossible plate.
    """
    plan = Plan.objects.filter(code=plan_code, on_sale=True).first()
    if plan is None:
        raise NotForSale()
    terms = version_of(plan)
    user = accounts.user(user_id)
    if evidence_sha and not images.exists(evidence_sha):
        raise Missing("no_image")
    holding = accounts_services.claim_plate(
        user=user, plate_text=plate_text, plate_colour=plate_colour
    )
    expire(Card.objects.filter(plan=plan, plate_text=holding.plate_text))
    card = Card(
        number=_number(),
        user_id=user_id,
        plan=plan,
        terms=terms,
        plate_text=holding.plate_text,
        plate_colour=holding.plate_colour,
        evidence_sha=evidence_sha,
        applied_at=clock.now(),
    )
    try:
        with transaction.atomic():
            card.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyHeld() from error
    audit.record(card, "applied", actor=actor)
    if holding.state == HoldingState.PROVEN:
        verify(card_id=card.pk, actor=actor)
        card.refresh_from_db()
    return card


@transaction.atomic
def send_licence(*, card_id: int, evidence_sha: str, actor: str) -> None:
    """The photograph of the licence for an application that came without, or a better one (P4.2).

    `evidence_sha` is what this applicant has just sent. Raises CardMissing where none waits for it.
    """
    rows = Card.objects.filter(pk=card_id, state=CardState.APPLIED)
    if not rows.update(evidence_sha=evidence_sha):
        raise CardMissing()
    audit.record(rows.get(), "licence_sent", actor=actor)


@transaction.atomic
def verify(*, card_id: int, actor: str) -> bool:
    """The applicant's plate is shown to be theirs; the card may be paid.

    Raises NotTheirPlate, and AlreadyHeld where the vehicle has such a card.
    """
    card = Card.objects.get(pk=card_id)
    if (card.plate_text, card.plate_colour) not in accounts.proven_plates_of(card.user):
        raise NotTheirPlate()
    try:
        with transaction.atomic():
            moved = transition(
                card, source=CardState.APPLIED, target=CardState.VERIFIED, actor=actor
            )
    except IntegrityError as error:
        raise AlreadyHeld() from error
    return bool(moved)


@transaction.atomic
def accept_licence(*, card_id: int, actor: str) -> bool:
    """A person has seen the vehicle licence that came with the application (P4.2).

    The plate is the applicant's from now on, and the card may be paid; a former holder's card for
    this vehicle ends, its rest goes back. Raises NotTheirPlate where no photograph came with it.
    """
    card = Card.objects.select_related("user").get(pk=card_id)
    if not card.evidence_sha:
        raise NotTheirPlate()
    accounts_services.prove_holding(
        user=card.user,
        plate_text=card.plate_text,
        plate_colour=card.plate_colour,
        method="licence seen",
        evidence=card.evidence_sha,
        actor=actor,
    )
    others = Card.objects.filter(plan=card.plan, plate_text=card.plate_text, state__in=Card.HELD)
    for former in others.filter(plate_colour=card.plate_colour).exclude(user=card.user):
        end_cards_of_former_holder(user_id=former.user_id)
    return verify(card_id=card_id, actor=actor)


@transaction.atomic
def refuse(*, card_id: int, actor: str, reason: str) -> bool:
    """The licence does not show that the plate is the applicant's; they may apply again."""
    card = Card.objects.get(pk=card_id)
    moved = transition(
        card,
        source=CardState.APPLIED,
        target=CardState.REFUSED,
        actor=actor,
        reason=reason,
    )
    return bool(moved)


@transaction.atomic
def version_of(plan: Plan) -> PlanVersion:
    """The plan as it is offered now; a version of its own wherever something has changed (L9)."""
    offered: dict[str, Any] = {
        "price_fen": plan.price_fen,
        "days": plan.days,
        "quota_kind": plan.quota_kind,
        "quota": plan.quota,
        "grace_days": min(plan.grace_days, plan.days - 1),
        "lots": _codes(plan),
    }
    found = _version(plan, offered)
    if found is not None:
        return found
    locks.one_at_a_time("monthlycard.plan", plan.pk)
    found = _version(plan, offered)
    if found is not None:
        return found
    number = plan.versions.count() + 1
    return PlanVersion.objects.create(plan=plan, number=number, made_at=clock.now(), **offered)


def _version(plan: Plan, offered: dict[str, Any]) -> PlanVersion | None:
    newest = plan.versions.order_by("-number").first()
    same = newest and all(getattr(newest, name) == value for name, value in offered.items())
    return newest if same else None


def quote_card(subject_id: int) -> Quote:
    """What a card costs that waits for its payment, or is renewed.

    An application is paid as it was made, a renewal as the plan is offered now. Raises NotDue,
    NotForSale, CoversOtherwise, NotTheirPlate, AlreadyHeld.
    """
    card = Card.objects.select_related("plan", "terms", "user").get(pk=subject_id)
    state = card.state_at(clock.now())
    if state == CardState.VERIFIED:
        terms = card.terms
    elif state in (CardState.ACTIVE, CardState.EXPIRED):
        terms = version_of(card.plan)
        _check_renewable(card, state, terms.quota_kind)
    else:
        raise NotDue()
    return Quote(
        amount_fen=terms.price_fen,
        lines=(
            BillLine(
                _("%(name)s, %(days)s days") % {"name": card.plan.name, "days": terms.days},
                1,
                "",
                terms.price_fen,
                terms.price_fen,
            ),
        ),
        title=card.plan.name,
        merchant_id=card.plan.merchant_id,
    )


def may_renew(card: Card) -> bool:
    """Whether one more period can be bought now, at the plan's price."""
    state = card.state_at(clock.now())
    if state not in (CardState.ACTIVE, CardState.EXPIRED):
        return False
    try:
        _check_renewable(card, state, card.plan.quota_kind)
    except Refused:
        return False
    return True


def _check_renewable(card: Card, state: CardState, quota_kind: str) -> None:
    if not card.plan.on_sale:
        raise NotForSale()
    if quota_kind != card.terms.quota_kind:
        raise CoversOtherwise()
    if state == CardState.ACTIVE:
        return
    if (card.plate_text, card.plate_colour) not in accounts.proven_plates_of(card.user):
        raise NotTheirPlate()
    same = Card.objects.filter(plan=card.plan, plate_text=card.plate_text, state__in=Card.HELD)
    if same.filter(plate_colour=card.plate_colour).exclude(pk=card.pk).exists():
        raise AlreadyHeld()


@transaction.atomic
def settle_card(receipt: Receipt, left_fen: int) -> int:
    """Grant or renew the card with money that has arrived; the fen taken, 0 where it is not due."""
    card = _locked(receipt.subject_id)
    if card is None:
        return 0
    new = card.state == CardState.VERIFIED
    terms = card.terms if new else _quoted(card, receipt)
    if terms is None or left_fen < terms.price_fen:
        return 0
    taken = (
        grant(card=card, actor=receipt.actor) if new else _renew(card, terms, actor=receipt.actor)
    )
    return terms.price_fen if taken else 0


def _quoted(card: Card, receipt: Receipt) -> PlanVersion | None:
    """The version that a renewal's order was opened by, whatever has been edited since."""
    item = payments.item(receipt.item_id)
    known = card.plan.versions.filter(made_at__lte=item.order.created_at)
    return known.filter(price_fen=item.amount_fen).order_by("-number").first()


@transaction.atomic
def grant(*, card: Card, actor: str) -> bool:
    """Make the card valid from now on, with its record for the lots (P4.2, P4.3)."""
    now = _second()
    moved = transition(
        card,
        source=CardState.VERIFIED,
        target=CardState.ACTIVE,
        actor=actor,
        valid_from=now,
        quota_left=card.terms.quota,
        lots=card.terms.lots,
        **_add_period(card, card.terms, now),
    )
    if moved:
        _record(card)
    return bool(moved)


def _renew(card: Card, terms: PlanVersion, *, actor: str) -> bool:
    """Add a period: from the card's end, or from now where its days of grace are over too."""
    expire(Card.objects.filter(pk=card.pk))
    card.refresh_from_db(fields=["state"])
    if card.valid_until is None or card.state not in (CardState.ACTIVE, CardState.EXPIRED):
        return False
    again = card.state == CardState.EXPIRED
    try:
        _check_renewable(card, CardState(card.state), terms.quota_kind)
    except Refused:
        return False
    facts: dict[str, Any] = {
        "quota_left": card.quota_left + terms.quota,
        # What runs still opens what it was bought for.
        "lots": terms.lots if again else sorted({*terms.lots, *card.lots}),
        "terms": terms,
        **_add_period(card, terms, _second() if again else card.valid_until),
    }
    if again:
        source, target = CardState.EXPIRED, CardState.ACTIVE
        if not transition(card, source=source, target=target, actor=actor, **facts):
            return False
    else:
        for name, value in facts.items():
            setattr(card, name, value)
        card.save(update_fields=list(facts))
    audit.record(card, "renewed", actor=actor)
    _record(card)
    return True


def _add_period(card: Card, terms: PlanVersion, starts_at: datetime) -> dict[str, Any]:
    """One more period by these terms; the card's ends with it."""
    ends_at = starts_at + timedelta(days=terms.days)
    CardPeriod.objects.create(card=card, terms=terms, starts_at=starts_at, ends_at=ends_at)
    return {"valid_until": ends_at, "expires_at": ends_at + timedelta(days=terms.grace_days)}


def expire_due() -> int:
    """Sweep: cards whose time and days of grace are over have run out (P4.2); how many."""
    return expire(Card.objects.all())


@transaction.atomic
def expire(cards: QuerySet[Card]) -> int:
    """Those of these cards that have run out are so, and keep their vehicle from nobody.

    The lots know the end from their list; nothing new is told, but where an outage of ours took
    of the days in which it could be renewed: those are longer by as much (docs/rules.md L7).
    """
    due = cards.filter(state__in=Card.IN_FORCE, expires_at__lte=clock.now())
    _lengthen(due.filter(expires_at__gt=F("valid_until")))
    moved = transition(
        due,
        source=Card.IN_FORCE,
        target=CardState.EXPIRED,
        actor=EXPIRE,
    )
    return len(moved)


def _lengthen(over: QuerySet[Card]) -> None:
    """Give these cards, whose days of grace are over, what outages took of them."""
    rows = locks.lock(over)
    if not rows:
        return
    register = outages.known(min(row.valid_until for row in rows if row.valid_until))
    for card in rows:
        assert card.valid_until is not None
        length = timedelta(days=card.terms.grace_days)
        ends_at = register.stretched(card.valid_until, length)
        if ends_at <= clock.now():
            continue
        at_least = clock.now() + AGAIN if outages.running() else ends_at  # no record each second
        card.expires_at = max(ends_at, at_least)
        card.save(update_fields=["expires_at"])
        audit.record(card, "lengthened", actor=EXPIRE, reason="an outage of ours")
        _record(card)


@transaction.atomic
def suspend(*, card_id: int, actor: str, reason: str) -> bool:
    """The lots stop taking the card, until it is resumed."""
    return _change_state(card_id, CardState.ACTIVE, CardState.SUSPENDED, actor, reason)


@transaction.atomic
def resume(*, card_id: int, actor: str, reason: str) -> bool:
    return _change_state(card_id, CardState.SUSPENDED, CardState.ACTIVE, actor, reason)


def _weight_of_ending(*, actor: str, card_id: int, reason: str) -> accounts_services.Weight:
    """The rest that goes back; nothing where the holder ends their own."""
    card = _locked(card_id)
    if card is None or card.user.actor == actor:
        return accounts_services.Weight(None, 0)
    return accounts_services.Weight(None, rest_now(card).fen, card.number)


@accounts_services.by_two(
    "monthlycard.end_card",
    word=gettext_lazy("End a card, and pay the rest back"),
    right="monthlycard.end_card",
    subject="card_id",
    weigh=_weight_of_ending,
)
@transaction.atomic
def end_card(*, card_id: int, actor: str, reason: str) -> int:
    """End a card; the fen that go back to where they came from, 0 where it was not in force.

    The card's row is locked: a deduction comes before it or after it, and what goes back has left
    the quota. The refund itself follows as a reaction (payments locks orders before cards).
    """
    card = _locked(card_id)
    if card is None:
        raise CardMissing()
    rest = rest_now(card)
    refunds = spread(card, rest.fen)
    was_in_force = card.valid_until is not None
    facts: dict[str, Any] = (
        {"quota_left": max(0, card.quota_left - rest.quota)} if was_in_force else {}
    )
    if card.valid_until is not None and card.expires_at is not None:
        facts["valid_until"] = min(card.valid_until, _second())
        facts["expires_at"] = min(card.expires_at, _second())
    refund_fen = sum(fen for _item, fen in refunds)
    moved = transition(
        card,
        source=[CardState.APPLIED, CardState.VERIFIED, CardState.ACTIVE, CardState.SUSPENDED],
        target=CardState.ENDED,
        actor=actor,
        reason=reason,
        event=lambda pk: CardEnded(pk, refunds, refund_fen),
        **facts,
    )
    if not moved:
        return 0
    if was_in_force:
        _record(card)
    return refund_fen


@transaction.atomic
def end_cards_of_former_holder(*, user_id: int) -> int:
    """Cards for vehicles that are no longer this person's end, their rest goes back; how many."""
    user = accounts.user(user_id)
    theirs = accounts.proven_plates_of(user)
    shown = [CardState.VERIFIED, *Card.IN_FORCE]
    over = [
        card.pk
        for card in Card.objects.filter(user=user, state__in=shown).order_by("pk")
        if (card.plate_text, card.plate_colour) not in theirs
    ]
    for card_id in over:
        end_card(
            card_id=card_id,
            actor="system:monthlycard.end_cards_of_former_holder",
            reason="the vehicle is no longer theirs",
        )
    return len(over)


def rest_now(card: Card) -> Rest:
    """What an ending card would leave now, less what it has used that is not deducted yet."""
    if card.valid_until is None or card.state not in Card.IN_FORCE:
        return Rest(0, 0)
    used = quota_needed(card.terms.quota_kind, undeducted(card))  # type: ignore[arg-type]
    return rest_of_periods(_periods(card, clock.now()), quota_left=card.quota_left - used)


def rest_at_end(card: Card) -> int:
    """What an ended card should have left when it ended, by what is known now; else 0, in fen.

    It grows where a visit turns out not to be the card's.
    """
    if card.valid_until is None or card.state != CardState.ENDED:
        return 0
    periods = _periods(card, card.valid_until)
    taken = sum(card.deductions.values_list("quota_used", flat=True))
    used = taken + quota_needed(card.terms.quota_kind, undeducted(card))  # type: ignore[arg-type]
    return rest_of_periods(periods, quota_left=sum(one.quota for one in periods) - used).fen


def _periods(card: Card, at: datetime) -> list[PaidPeriod]:
    return [
        PaidPeriod(
            price_fen=row.terms.price_fen,
            days=row.terms.days,
            quota=0 if row.terms.quota_kind == Plan.Quota.NONE else row.terms.quota,
            time_left=row.ends_at - at,
        )
        for row in card.periods.select_related("terms").order_by("starts_at", "pk")
    ]


def refundable_fen(card: Card) -> int:
    """What the owner gets back if the card ends now: never more than was paid for it."""
    return sum(fen for _item, fen in spread(card, rest_now(card).fen))


def spread(card: Card, rest_fen: int) -> list[tuple[int, int]]:
    """The rest over the payments that it goes back to, the newest first: (item, fen)."""
    return selectors.paid_parts("monthlycard.card", card.pk, rest_fen) if rest_fen else []


@transaction.atomic
def change_plate(*, card_id: int, plate_text: str, plate_colour: str, actor: str) -> CardVehicle:
    """Put another vehicle of the same person onto the card (P4.2).

    Raises NotTheirPlate, CardMissing, Invalid for an impossible plate, and AlreadyHeld where that
    vehicle has such a card.
    """
    plate = typed_plate(plate_text, plate_colour)
    card = _locked(card_id)
    if card is None or card.state_at(clock.now()) not in Card.IN_FORCE:
        raise CardMissing()
    if (plate.text, plate.colour_text) not in accounts.proven_plates_of(card.user):
        raise NotTheirPlate()
    card.plate_text, card.plate_colour = plate.text, plate.colour_text
    try:
        with transaction.atomic():
            card.save(update_fields=["plate_text", "plate_colour"])
    except IntegrityError as error:
        raise AlreadyHeld() from error
    audit.record(card, "plate_changed", actor=actor)
    return _record(card)


@transaction.atomic
def reissue(*, plan_id: int, actor: str = "system:monthlycard.reissue") -> int:
    """Carry a plan's lots over to its cards that were sold, and tell the lots (P4.4); how many.

    Cards keep the lots that they were bought for, whatever is edited; this is the one deed that
    changes them, such as where a lot takes part no more.
    """
    codes = _codes(Plan.objects.get(pk=plan_id))
    told = 0
    for card in locks.lock(Card.objects.filter(plan_id=plan_id, state__in=Card.IN_FORCE)):
        if card.lots != codes:
            card.lots = codes
            card.save(update_fields=["lots"])
            audit.record(card, "lots_changed", actor=actor)
        told += _tell_lots(card)
    return told


def tell_of_lot(code: str) -> None:
    """Tell the lots of the cards that this one is on: it takes cards again, or none for now."""
    for card in locks.lock(Card.objects.filter(lots__contains=[code], state__in=Card.IN_FORCE)):
        _tell_lots(card)


def _tell_lots(card: Card) -> bool:
    newest = card.records.order_by("-version").first()
    if newest is not None and newest.lots == _lots(card):
        return False
    _record(card)
    return True


def _change_state(
    card_id: int, source: CardState, target: CardState, actor: str, reason: str
) -> bool:
    card = Card.objects.get(pk=card_id)
    expire(Card.objects.filter(pk=card_id))
    moved = transition(card, source=source, target=target, actor=actor, reason=reason)
    if moved:
        _record(card)
    return bool(moved)


def _locked(card_id: int) -> Card | None:
    """The card with its plan and terms, its row locked until the transaction ends."""
    rows = Card.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("plan", "terms", "user").filter(pk=card_id).first()


def _number() -> str:
    """A number that no card has: year, month, eight digits."""
    while True:
        number = f"{clock.now():%y%m}{secrets.randbelow(10**8):08d}"
        if not Card.objects.filter(number=number).exists():
            return number


def _second() -> datetime:
    """Business time in whole seconds, as lots count."""
    return clock.now().replace(microsecond=0)


def _codes(plan: Plan) -> list[str]:
    """The lots that a plan names, whether they take cards just now or not."""
    return sorted(plan.lots.values_list("code", flat=True))


def _lots(card: Card) -> list[str]:
    """Where the card opens: the lots that it was bought for, as far as they take cards (P4.8)."""
    rows = LotSystem.objects.filter(code__in=card.lots, takes_cards=True)
    return sorted(rows.values_list("code", flat=True))


def _record(card: Card) -> CardVehicle:
    """The next version of the card-vehicle record, numbered in the order of commits (P4.3, P4.4).

    The cursor's row is held until the commit, so a lot never sees a number before a lower one.
    """
    RecordCursor.objects.get_or_create(pk=1)
    cursor = RecordCursor.objects.select_for_update(no_key=True).get(pk=1)
    cursor.value += 1
    cursor.save(update_fields=["value"])
    assert card.valid_from is not None
    assert card.expires_at is not None
    newest = card.records.order_by("-version").first()
    lots = _lots(card)
    record = CardVehicle.objects.create(
        card=card,
        cursor=cursor.value,
        version=newest.version + 1 if newest else 1,
        plate_text=card.plate_text,
        plate_colour=card.plate_colour,
        lots=lots,
        told=sorted({*lots, *(newest.lots if newest else [])}),
        valid_from=card.valid_from,
        valid_until=card.expires_at,
        state=card.state,
        made_at=_second(),
    )
    return record

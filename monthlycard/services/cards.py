"""A card's life: applied for, verified, paid, valid, suspended, ended (P4.2 to P4.4)."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import selectors as accounts
from accounts import services as accounts_services
from accounts.states import HoldingState
from core import audit, clock, images, locks
from core.errors import Missing
from core.transition import transition
from core.typed import typed_plate
from monthlycard.errors import AlreadyHeld, CardMissing, NotDue, NotForSale, NotTheirPlate
from monthlycard.events import CardEnded
from monthlycard.models import Card, CardVehicle, Plan, RecordCursor
from monthlycard.rules import Rest, rest_of_card
from monthlycard.states import CardState
from payments import selectors as payments
from payments.rules import BillLine, Quote, Receipt


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

    Raises NotForSale, AlreadyHeld, Invalid for an impossible plate.
    """
    plan = Plan.objects.filter(code=plan_code, on_sale=True).first()
    if plan is None:
        raise NotForSale()
    user = accounts.user(user_id)
    if evidence_sha and not images.exists(evidence_sha):
        raise Missing("no_image")
    holding = accounts_services.claim_plate(
        user=user, plate_text=plate_text, plate_colour=plate_colour
    )
    card = Card(
        number=_number(),
        user_id=user_id,
        plan=plan,
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
def verify(*, card_id: int, actor: str) -> bool:
    """The applicant's plate is shown to be theirs; the card may be paid. Raises NotTheirPlate."""
    card = Card.objects.get(pk=card_id)
    if (card.plate_text, card.plate_colour) not in accounts.proven_plates_of(card.user):
        raise NotTheirPlate()
    return bool(transition(card, source=CardState.APPLIED, target=CardState.VERIFIED, actor=actor))


@transaction.atomic
def accept_licence(*, card_id: int, actor: str) -> bool:
    """A person has seen the vehicle licence that came with the application (P4.2).

    The plate is the applicant's from now on, and the card may be paid. Raises NotTheirPlate where
    no photograph came with it.
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


def quote_card(subject_id: int) -> Quote:
    """What a card costs that waits for its payment, or is renewed. Raises NotDue, NotForSale."""
    card = Card.objects.select_related("plan").get(pk=subject_id)
    if card.state not in (CardState.VERIFIED, CardState.ACTIVE):
        raise NotDue()
    if card.state == CardState.ACTIVE and not card.plan.on_sale:
        raise NotForSale()
    return Quote(
        amount_fen=card.plan.price_fen,
        lines=(
            BillLine(
                _("%(name)s, %(days)s days") % {"name": card.plan.name, "days": card.plan.days},
                1,
                "",
                card.plan.price_fen,
                card.plan.price_fen,
            ),
        ),
        title=card.plan.name,
        merchant_id=card.plan.merchant_id,
    )


@transaction.atomic
def settle_card(receipt: Receipt, left_fen: int) -> int:
    """Grant or renew the card with money that has arrived; the fen taken, 0 where it is not due."""
    card = _locked(receipt.subject_id)
    if card is None or left_fen < card.plan.price_fen:
        return 0
    if card.state == Card.State.VERIFIED:
        taken = grant(card=card, actor=receipt.actor)
    else:
        taken = _renew(card, actor=receipt.actor)
    return card.plan.price_fen if taken else 0


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
        valid_until=now + timedelta(days=card.plan.days),
        quota_left=card.plan.quota,
    )
    if moved:
        _record(card)
    return bool(moved)


def _renew(card: Card, *, actor: str) -> bool:
    """Add a period to a valid card: from its end, or from now where that has passed."""
    if card.state != Card.State.ACTIVE or card.valid_until is None:
        return False
    card.valid_until = max(card.valid_until, _second()) + timedelta(days=card.plan.days)
    card.quota_left += card.plan.quota
    card.save(update_fields=["valid_until", "quota_left"])
    audit.record(card, "renewed", actor=actor)
    _record(card)
    return True


@transaction.atomic
def suspend(*, card_id: int, actor: str, reason: str) -> bool:
    """The lots stop taking the card, until it is resumed."""
    return _change_state(card_id, CardState.ACTIVE, CardState.SUSPENDED, actor, reason)


@transaction.atomic
def resume(*, card_id: int, actor: str, reason: str) -> bool:
    return _change_state(card_id, CardState.SUSPENDED, CardState.ACTIVE, actor, reason)


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
    refunds = _spread(card, rest.fen)
    was_in_force = card.valid_until is not None
    facts: dict[str, Any] = (
        {"quota_left": max(0, card.quota_left - rest.quota)} if was_in_force else {}
    )
    if card.valid_until is not None:
        facts["valid_until"] = min(card.valid_until, _second())
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


def rest_now(card: Card) -> Rest:
    """What an ending card would leave now."""
    if card.valid_until is None or card.state not in (CardState.ACTIVE, CardState.SUSPENDED):
        return Rest(0, 0)
    plan = card.plan
    return rest_of_card(
        price_fen=plan.price_fen,
        days=plan.days,
        quota=0 if plan.quota_kind == Plan.Quota.NONE else plan.quota,
        time_left=card.valid_until - clock.now(),
        quota_left=card.quota_left,
    )


def refundable_fen(card: Card) -> int:
    """What the owner gets back if the card ends now: never more than was paid for it."""
    return sum(fen for _item, fen in _spread(card, rest_now(card).fen))


def _spread(card: Card, rest_fen: int) -> list[tuple[int, int]]:
    """The rest over the payments that it goes back to, the newest first: (item, fen)."""
    parts: list[tuple[int, int]] = []
    if not rest_fen:
        return parts
    for item in reversed(payments.paid_items("monthlycard.card", card.pk)):
        back_fen = sum(row.amount_fen for row in payments.refunds_of_items([item.pk]))
        fen = min(rest_fen, item.taken_fen - back_fen)
        if fen > 0:
            parts.append((item.pk, fen))
            rest_fen -= fen
    return parts


@transaction.atomic
def change_plate(*, card_id: int, plate_text: str, plate_colour: str, actor: str) -> CardVehicle:
    """Put another vehicle of the same person onto the card (P4.2).

    Raises NotTheirPlate, CardMissing, Invalid for an impossible plate, and AlreadyHeld where that
    vehicle has such a card.
    """
    plate = typed_plate(plate_text, plate_colour)
    card = _locked(card_id)
    if card is None or card.state not in (CardState.ACTIVE, CardState.SUSPENDED):
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
def reissue(*, plan_id: int) -> int:
    """Tell the lots again where a plan's lots have changed (P4.4); how many cards."""
    cards = Card.objects.filter(plan_id=plan_id, state__in=[CardState.ACTIVE, CardState.SUSPENDED])
    told = 0
    for card in locks.lock(cards.select_related("plan")):
        newest = card.records.order_by("-version").first()
        if newest is None or newest.lots != _lots(card):
            _record(card)
            told += 1
    return told


def _change_state(
    card_id: int, source: CardState, target: CardState, actor: str, reason: str
) -> bool:
    card = Card.objects.select_related("plan").get(pk=card_id)
    moved = transition(card, source=source, target=target, actor=actor, reason=reason)
    if moved:
        _record(card)
    return bool(moved)


def _locked(card_id: int) -> Card | None:
    """The card with its plan, its row locked until the transaction ends."""
    rows = Card.objects.select_for_update(no_key=True, of=("self",)).select_related("plan", "user")
    return rows.filter(pk=card_id).first()


def _number() -> str:
    """A number that no card has: year, month, eight digits."""
    while True:
        number = f"{clock.now():%y%m}{secrets.randbelow(10**8):08d}"
        if not Card.objects.filter(number=number).exists():
            return number


def _second() -> datetime:
    """Business time in whole seconds, as lots count."""
    return clock.now().replace(microsecond=0)


def _lots(card: Card) -> list[str]:
    """Where the card opens: its plan's lots, as far as they take cards (P4.8)."""
    return sorted(card.plan.lots.filter(takes_cards=True).values_list("code", flat=True))


def _record(card: Card) -> CardVehicle:
    """The next version of the card-vehicle record, numbered in the order of commits (P4.3, P4.4).

    The cursor's row is held until the commit, so a lot never sees a number before a lower one.
    """
    RecordCursor.objects.get_or_create(pk=1)
    cursor = RecordCursor.objects.select_for_update(no_key=True).get(pk=1)
    cursor.value += 1
    cursor.save(update_fields=["value"])
    assert card.valid_from is not None
    assert card.valid_until is not None
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
        valid_until=card.valid_until,
        state=card.state,
        made_at=_second(),
    )
    return record

"""A card's life: applied for, verified, paid, valid, suspended, ended (P4.2 to P4.4)."""

import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import selectors as accounts
from accounts import services as accounts_services
from core import audit, clock, outbox
from core.transition import transition
from monthlycard.errors import AlreadyHeld, CardMissing, NotDue, NotForSale, NotTheirPlate
from monthlycard.models import Card, CardVehicle, Plan, RecordCursor
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
    holding = accounts_services.claim_plate(
        user=user, plate_text=plate_text, plate_colour=plate_colour
    )
    try:
        with transaction.atomic():
            card = Card.objects.create(
                number=f"{clock.now():%y%m}{secrets.randbelow(10**8):08d}",
                user_id=user_id,
                plan=plan,
                plate_text=holding.plate_text,
                plate_colour=plate_colour,
                evidence_sha=evidence_sha,
                applied_at=clock.now(),
            )
    except IntegrityError as error:
        raise AlreadyHeld() from error
    audit.record(card, "applied", actor=actor)
    if holding.state == "proven":
        verify(card_id=card.pk, actor=actor)
        card.refresh_from_db()
    return card


@transaction.atomic
def verify(*, card_id: int, actor: str) -> bool:
    """The applicant's plate is shown to be theirs; the card may be paid. Raises NotTheirPlate."""
    card = Card.objects.get(pk=card_id)
    if (card.plate_text, card.plate_colour) not in accounts.proven_plates_of(card.user):
        raise NotTheirPlate()
    return bool(
        transition(
            card, source="applied", target="verified", actor=actor, event="monthlycard.verified"
        )
    )


def quote_card(subject_id: int) -> Quote:
    """What a card costs that waits for its payment. Raises NotDue."""
    card = Card.objects.select_related("plan").get(pk=subject_id)
    if card.state not in ("verified", "active"):
        raise NotDue()
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


def settle_card(receipt: Receipt, left_fen: int) -> int:
    """Grant or renew the card with money that has arrived; the fen taken, 0 where it is not due."""
    card = Card.objects.select_related("plan").filter(pk=receipt.subject_id).first()
    if card is None or left_fen < card.plan.price_fen:
        return 0
    if card.state == Card.State.VERIFIED:
        granted = grant(card=card, actor=receipt.actor)
    else:
        granted = _renew(card, actor=receipt.actor)
    return card.plan.price_fen if granted else 0


@transaction.atomic
def grant(*, card: Card, actor: str) -> bool:
    """Make the card valid from now on, with its record for the lots (P4.2, P4.3)."""
    now = clock.now()
    moved = transition(
        card, source="verified", target="active", actor=actor, event="monthlycard.granted",
        valid_from=now, valid_until=now + timedelta(days=card.plan.days),
        quota_left=card.plan.quota,
    )  # fmt: skip
    if moved:
        _record(card)
    return bool(moved)


def _renew(card: Card, *, actor: str) -> bool:
    """Add a period to a valid card: from its end, or from now where that has passed."""
    until = max(card.valid_until or clock.now(), clock.now()) + timedelta(days=card.plan.days)
    rows = Card.objects.filter(pk=card.pk, state="active", valid_until=card.valid_until)
    if not rows.update(valid_until=until, quota_left=F("quota_left") + card.plan.quota):
        return False
    card.refresh_from_db()
    audit.record(card, "renewed", actor=actor)
    _record(card)
    return True


@transaction.atomic
def suspend(*, card_id: int, actor: str, reason: str) -> bool:
    """The lots stop taking the card, until it is resumed."""
    return _change_state(card_id, "active", "suspended", actor, reason)


@transaction.atomic
def resume(*, card_id: int, actor: str, reason: str) -> bool:
    return _change_state(card_id, "suspended", "active", actor, reason)


@transaction.atomic
def end_card(*, card_id: int, actor: str, reason: str) -> int:
    """End a card; the fen of its unused days, which are paid back (0 where it never was paid).

    Where it has a quota of money, no more than what is left of that comes back.
    """
    card = Card.objects.select_related("plan").get(pk=card_id)
    rest_fen = refundable_fen(card)
    moved = transition(
        card, source=["applied", "verified", "active", "suspended"], target="ended",
        actor=actor, reason=reason,
        event="monthlycard.ended", data={"refund_fen": rest_fen},
    )  # fmt: skip
    if not moved:
        return 0
    if card.valid_from:
        _record(card)
    return rest_fen


def refundable_fen(card: Card) -> int:
    """What an ending card's owner gets back: whole unused days of the last period, rounded down."""
    if card.valid_until is None or card.state not in ("active", "suspended"):
        return 0
    left = card.valid_until - clock.now()
    days = max(0, min(left.days, card.plan.days))
    rest_fen = card.plan.price_fen * days // card.plan.days
    if card.plan.quota_kind == Plan.Quota.MONEY:
        rest_fen = min(rest_fen, card.quota_left)
    return rest_fen


@transaction.atomic
def change_plate(*, card_id: int, plate_text: str, plate_colour: str, actor: str) -> CardVehicle:
    """Put another vehicle of the same person onto the card. Raises NotTheirPlate, CardMissing."""
    card = Card.objects.select_for_update(of=("self",)).get(pk=card_id)
    if card.state not in ("active", "suspended"):
        raise CardMissing()
    if (plate_text, plate_colour) not in accounts.proven_plates_of(card.user):
        raise NotTheirPlate()
    Card.objects.filter(pk=card.pk).update(plate_text=plate_text, plate_colour=plate_colour)
    card.refresh_from_db()
    audit.record(card, "plate_changed", actor=actor)
    return _record(card)


def _change_state(card_id: int, source: str, target: str, actor: str, reason: str) -> bool:
    card = Card.objects.get(pk=card_id)
    moved = transition(card, source=source, target=target, actor=actor, reason=reason)
    if moved:
        _record(card)
    return bool(moved)


def _record(card: Card) -> CardVehicle:
    """The next version of the card-vehicle record, numbered in the order of commits (P4.3, P4.4).

    The cursor's row is held until the commit, so a lot never sees a number before a lower one.
    """
    RecordCursor.objects.get_or_create(pk=1)
    cursor = RecordCursor.objects.select_for_update().get(pk=1)
    cursor.value += 1
    cursor.save(update_fields=["value"])
    newest = card.records.order_by("-version").first()
    record = CardVehicle.objects.create(
        card=card,
        cursor=cursor.value,
        version=newest.version + 1 if newest else 1,
        plate_text=card.plate_text,
        plate_colour=card.plate_colour,
        lots=sorted(card.plan.lots.values_list("code", flat=True)),
        valid_from=card.valid_from,
        valid_until=card.valid_until,
        state=card.state,
        made_at=clock.now(),
    )
    outbox.add("monthlycard.record_made", card_id=card.pk, cursor=record.cursor)
    return record

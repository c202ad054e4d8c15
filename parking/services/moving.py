"""Payments that were made for the wrong stay go to the right one, or back (docs/rules.md L4).

Until the vehicle leaves its payer corrects berth and plate, with the link that they hold;
afterwards staff do, with a reason. The stay that had the money is due with its whole time, the
other one is paid as of when it was paid. Locks: order → stays.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.services import by_two
from core import audit, locks
from core.errors import Invalid, Missing, Refused
from core.transition import transition
from parking import selectors
from parking.errors import ReasonNeeded
from parking.models import ParkingSession, Prepayment, StayPayment
from parking.services import money, weights
from parking.states import PlateState, PrepaymentState, StayState
from payments import selectors as payments
from payments import services as payment_services
from payments.rules import Receipt


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a payment: so much pays the other stay, so much goes back to its payer."""

    moved_fen: int
    returned_fen: int


def stay_meant(berth_code: str, plate_text: str) -> ParkingSession | None:
    """The stay that somebody means who names its berth and its plate: the one that stands there,
    also while its plate is not read, else the newest that this plate left there unpaid."""
    berth = selectors.berth_by_code(berth_code)
    if berth is None:
        return None
    standing = selectors.open_stay_at(berth.pk)
    if standing is not None:
        known = standing.plate_state == PlateState.SETTLED
        if not known or standing.plate_text == plate_text:
            return standing
    return selectors.unpaid_at(berth.pk, plate_text)


def stay_id_meant(berth_code: str, plate_text: str) -> int | None:
    """The stay that staff name by berth and plate; None where they name none: the money goes back.

    Raises Invalid where no such vehicle is known there.
    """
    if not berth_code and not plate_text:
        return None
    meant = stay_meant(berth_code, plate_text)
    if meant is None:
        raise Invalid("no_vehicle", _("No vehicle with this plate is known at this berth."))
    return meant.pk


def correctable(order_number: str) -> list[StayPayment]:
    """What of this order its payer may still correct: paid for vehicles that stand there."""
    rows = StayPayment.objects.filter(order_number=order_number, stay__state=StayState.PARKED)
    rows = rows.select_related("stay__berth", "stay__section").order_by("pk")
    return [row for row in rows if row.returnable_fen]


@transaction.atomic
def correct_payment(
    *, payment_id: int, order_number: str, to_stay_id: int | None, actor: str
) -> Moved:
    """The payer of this order says for which stay the payment was meant, None for none of ours.

    Only until the vehicle leaves for which it was taken: afterwards staff correct it. Raises
    Missing, Refused.
    """
    found = StayPayment.objects.filter(pk=payment_id, order_number=order_number).first()
    if found is None:
        raise Missing()
    return _move(found, to_stay_id, actor=actor, reason=_("Corrected by its payer"), by_payer=True)


@by_two(
    "parking.move_payment",
    word=gettext_lazy("Move a payment"),
    right="parking.move_parkingsession",
    role="move_money",
    subject="payment_id",
    weigh=weights.of_move,
)
@transaction.atomic
def move_payment(*, payment_id: int, to_stay_id: int | None, actor: str, reason: str) -> Moved:
    """A person gives a payment to the stay that it was meant for, or back where that is None.

    Raises Missing, ReasonNeeded, Refused.
    """
    if not reason.strip():
        raise ReasonNeeded()
    found = StayPayment.objects.filter(pk=payment_id).first()
    if found is None:
        raise Missing()
    return _move(found, to_stay_id, actor=actor, reason=reason, by_payer=False)


def _move(
    payment: StayPayment, to_stay_id: int | None, *, actor: str, reason: str, by_payer: bool
) -> Moved:
    payment_services.lock_order(payment.order_item_id)
    wanted = {payment.stay_id, to_stay_id} - {None}
    rows = ParkingSession.objects.filter(pk__in=wanted).select_related(
        "section", "berth", "tariff_version"
    )
    stays = {stay.pk: stay for stay in locks.lock(rows)}
    payment.refresh_from_db()
    source, target = stays[payment.stay_id], stays.get(to_stay_id or 0)
    if to_stay_id is not None and (target is None or target is source):
        raise Refused("no_other_stay", _("This is the stay that it was taken for."))
    if by_payer and source.state != StayState.PARKED:
        raise Refused("has_left", _("The vehicle has left. Ask the car park to correct it."))
    if not payment.returnable_fen:
        raise Refused("nothing_kept", _("Nothing is left of this payment that could be moved."))
    draft = _draft_of(payment)
    fen = 0
    if target is not None:
        fen = _give(payment, target, draft, actor=actor, reason=reason)
    rest_fen = payment.returnable_fen
    if payment.kept_fen:
        money.give_back(payment, payment.kept_fen, why=_("It was paid for another stay."))
    money.follow_loss(source, actor=actor, reason="the payment was another stay's")
    if draft is not None:
        _follow(draft, target if fen else None, actor=actor)
    audit.record(
        source,
        "payment moved",
        actor=actor,
        reason=reason,
        order=payment.order_number,
        to_stay=to_stay_id,
        moved_fen=fen,
        returned_fen=rest_fen,
    )
    return Moved(fen, rest_fen)


def _give(
    payment: StayPayment,
    target: ParkingSession,
    draft: Prepayment | None,
    *,
    actor: str,
    reason: str,
) -> int:
    """What the other stay needs of the payment is that one's, as of when it was paid; how much."""
    until = _until(draft, target) if draft else None
    wanted_fen = money.wanted_of(target, paid_at=payment.paid_at, ahead_until=until)
    fen = min(payment.returnable_fen, wanted_fen)
    if fen <= 0:
        return 0
    item = payment_services.move(
        item_id=payment.order_item_id,
        amount_fen=fen,
        payable="parking.stay",
        subject_id=target.pk,
        merchant_id=target.merchant_id,
        title=money.title_of(target),
        actor=actor,
        reason=reason,
    )
    payment.moved_fen += fen
    StayPayment.objects.filter(pk=payment.pk).update(moved_fen=payment.moved_fen)
    receipt = Receipt(
        order_number=payment.order_number,
        item_id=item.pk,
        payable=item.payable,
        subject_id=target.pk,
        paid_at=payment.paid_at,
        actor=actor,
        provider="",
        is_part=payment.is_part or wanted_fen > fen,
    )
    money.take(target, receipt, fen, ahead_until=until)
    return fen


def _until(draft: Prepayment, stay: ParkingSession) -> datetime:
    return stay.arrived_at + timedelta(minutes=draft.minutes)


def payment_of(draft: Prepayment) -> StayPayment:
    """What a paid draft's stay has of its money. Raises Missing."""
    rows = StayPayment.objects.filter(stay_id=draft.stay_id, kind=StayPayment.Kind.AHEAD)
    for row in rows.order_by("-pk"):
        if row.kept_fen and _draft_of(row) == draft:
            return row
    raise Missing()


def _draft_of(payment: StayPayment) -> Prepayment | None:
    """The pre-payment that this money was first paid for, however often it has moved."""
    if payment.kind != StayPayment.Kind.AHEAD:
        return None
    first = payments.first_item(payment.order_item_id)
    return Prepayment.objects.filter(pk=first.subject_id).first()


def _follow(draft: Prepayment, target: ParkingSession | None, *, actor: str) -> None:
    """The pre-payment is the other stay's too; where there is none it is over."""
    if target is not None:
        Prepayment.objects.filter(pk=draft.pk).update(
            stay=target, berth=target.berth, covers_until=_until(draft, target)
        )
    if target is None or target.state != StayState.PARKED:
        transition(
            draft,
            source=PrepaymentState.PAID,
            target=PrepaymentState.USED,
            actor=actor,
            reason="the payment was corrected",
        )

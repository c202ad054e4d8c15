"""Two stays that turn out to be one, one that turns out to be two: what hangs on them follows."""

from django.db.models import F

from core import audit, clock
from core.transition import transition
from parking.events import StayVoided
from parking.models import ParkingSession, Prepayment, StayPayment
from parking.rules.timeline import ToldStay
from parking.services import elsewhere, endings, money, stay_plates, stay_rows
from parking.services.reviews import carry_doubts, drop_reviews
from parking.states import StayState


def join(extra: ParkingSession, kept: ParkingSession, *, actor: str) -> None:
    """Both are one stay, `kept`: money, pre-payments and what people said or doubt of the other's
    plate go there. Both rows are locked; photographs and gaps follow from what is told."""
    for payment in money.payments_of(extra):
        same = StayPayment.objects.filter(stay=kept, order_item_id=payment.order_item_id)
        if same.exists():  # one item of an order that paid both
            same.update(
                amount_fen=F("amount_fen") + payment.amount_fen,
                refunded_fen=F("refunded_fen") + payment.refunded_fen,
                moved_fen=F("moved_fen") + payment.moved_fen,
                forgone_fen=F("forgone_fen") + payment.forgone_fen,
            )
            payment.delete()
    StayPayment.objects.filter(stay=extra).update(stay=kept)
    Prepayment.objects.filter(stay=extra).update(stay=kept)
    endings.let_go(extra, actor=actor, used="joined")
    carry_doubts(extra, kept)
    drop_reviews(stay=extra, actor=actor)
    transition(
        extra,
        source=StayState(extra.state),
        target=StayState.VOID,
        actor=actor,
        reason=f"joined with {kept.pk}",
        event=StayVoided,
        due_fen=0,
        left_at=extra.left_at or max(clock.now(), extra.arrived_at),
        check_departure_at=None,
        final_at=None,
        merged_into=kept,
    )
    elsewhere.reconsider(extra.plate, actor=actor)
    audit.record(kept, "joined", actor=actor, stay_id=extra.pk)
    said, here = stay_plates.known(extra), stay_plates.known(kept)
    if said is not None and said.said_of is not None and (here is None or here.said_of is None):
        stay_plates.put_plate(kept, said)
    if kept.state == StayState.PARKED:
        money.follow_money(kept)
    stay_rows.tell_pages(kept)


def share(former: ParkingSession, stay: ParkingSession, told: ToldStay, *, actor: str) -> bool:
    """`former` was two presences, and `told` of them is `stay`: what was paid for it while that
    stood there was for that; whether there was such money. Both rows are locked."""
    paid = [row.pk for row in StayPayment.objects.filter(stay=former) if told.saw(row.paid_at)]
    planned = [
        row.pk
        for row in Prepayment.objects.filter(stay=former).exclude(submitted_at=None)
        if row.submitted_at is not None and told.saw(row.submitted_at)
    ]
    StayPayment.objects.filter(pk__in=paid).update(stay=stay)
    Prepayment.objects.filter(pk__in=planned).update(stay=stay)
    if paid:
        for one in (former, stay):
            money.stood_until(one, one.left_at)
    audit.record(former, "split", actor=actor, stay_id=stay.pk)
    return bool(paid)

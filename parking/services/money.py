"""What a stay costs, what is due for it, and what happens to money that came for it.

Every change here is made under the lock of the stay's row, so a payment and a departure of the same
moment wait for each other. Money goes back by an event whose reaction asks payments for the refund:
that locks the order, and orders are locked before stays (core/locks.py).
"""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts import selectors as accounts
from core import audit, clock, locks, outbox, plates
from core.errors import Missing
from core.transition import transition
from core.vehicles import plate_written, written
from parking.errors import PlateUnread, StayNotDue
from parking.events import LeftUnpaid, MoneyToReturn, StayRepriced, StaySettled, StopKnown
from parking.models import ParkingSession, Prepayment, StayPayment
from parking.rules.cover import Cover, Paid, billed_until, covers
from parking.services import prices, reminders, stay_rows
from parking.states import PlateState, StayState
from parking.words import spoken
from payments import selectors as payments
from payments.rules import BillLine, Quote, Receipt, Standing

log = logging.getLogger("bowei.parking")
SYSTEM = "system:parking.money"
Doubt = ParkingSession.Doubt


def paid_fen(stay: ParkingSession) -> int:
    """What came for this stay and was neither promised back nor moved to another."""
    return sum(row.kept_fen for row in payments_of(stay))


def payments_of(stay: ParkingSession) -> list[StayPayment]:
    """The payments of a stay in the order in which they were made."""
    if stay._state.adding:
        return []
    rows = StayPayment.objects.filter(stay=stay).annotate(asked=F("order_item__subject_state"))
    return list(rows.order_by("paid_at", "pk"))


def _closes(row: StayPayment, left_at: datetime | None) -> bool:
    """Whether this paid, after the vehicle had left, all that was asked for then: what we hear
    later of how long it stood is not asked for any more, a receipt stays right."""
    after = left_at is not None and row.paid_at > left_at
    asked: str = getattr(row, "asked", "")
    return after and asked == StayState.DUE and not row.is_part and row.kept_fen > 0


def _covered(
    stay: ParkingSession, rows: Iterable[StayPayment], left_at: datetime | None = None
) -> list[Cover]:
    """What covers the stay of payments made while its vehicle stood there. One that went back in
    part covers what is left of it, and gives no minutes to leave."""
    standing = [
        Paid(
            at=max(row.paid_at, stay.arrived_at),
            amount_fen=row.kept_fen,
            ahead_until=row.ahead_until,
            is_part=row.is_part or row.refunded_fen > 0,
        )
        for row in rows
        if row.kind != StayPayment.Kind.AFTER and not _closes(row, left_at)
    ]
    if not standing:
        return []
    return covers(
        standing,
        affordable_until=lambda fen: prices.affordable_until(stay, fen),
        leave_by_s=stay.section.leave_by_s,
    )


def _fee(stay: ParkingSession, left_at: datetime, rows: Iterable[StayPayment]) -> prices.Bill:
    return prices.bill_of(stay, billed_until(left_at, _covered(stay, rows, left_at)))


def price(stay: ParkingSession, left_at: datetime) -> None:
    """Set fee, bill and due of a stay that leaves at `left_at`, on the instance alone.

    By the tariff version of its arrival; a capped stay until its cap; leaving in the minutes after
    a payment costs no more than was paid for. Who paid after leaving all that was asked for is
    asked for no more, in whatever order we heard of it.
    """
    rows = payments_of(stay)
    bill = _fee(stay, left_at, rows)
    stay.fee_fen, stay.lines = bill.amount_fen, bill.lines
    stay.due_fen = max(0, bill.amount_fen - sum(row.kept_fen for row in rows))
    if any(_closes(row, left_at) for row in rows):
        stay.due_fen = 0


def tell_due(stay: ParkingSession) -> None:
    """Say that a stay left unpaid or is settled, once its plate is known (docs/features.md 17)."""
    if stay.simulated:
        return
    tell_stop(stay)
    if stay.state == StayState.SETTLED:
        outbox.add(StaySettled(stay.pk))
    elif stay.state == StayState.DUE and stay.plate_state == PlateState.SETTLED:
        outbox.add(LeftUnpaid(stay.pk))


def tell_stop(stay: ParkingSession) -> None:
    """Say that a stop is known as it is now, where another may continue it by the tariff, or shares
    a cap with it."""
    version = stay.tariff_version
    known = stay.plate_state == PlateState.SETTLED and stay.left_at is not None
    if known and version is not None and prices.reach_further(version.terms):
        outbox.add(StopKnown(stay.pk))


def promise_back(stay: ParkingSession, amount_fen: int, *, why: str) -> None:
    """Give back `amount_fen` of what came for a stay, newest payment first (docs/features.md 7)."""
    for payment in reversed(payments_of(stay) if amount_fen > 0 else []):
        part_fen = min(amount_fen, payment.kept_fen)
        if part_fen <= 0:
            continue
        amount_fen -= part_fen
        give_back(payment, part_fen, why=why)


def give_back(payment: StayPayment, fen: int, *, why: str) -> None:
    """Part of one payment pays its stay no more, and is promised back unless it went back before;
    its stay is locked."""
    back_fen = min(fen, payment.returnable_fen)
    payment.refunded_fen += fen
    payment.forgone_fen -= fen - back_fen
    StayPayment.objects.filter(pk=payment.pk).update(
        refunded_fen=payment.refunded_fen, forgone_fen=payment.forgone_fen
    )
    if not back_fen:
        return
    outbox.add(
        MoneyToReturn(
            stay_id=payment.stay_id,
            item_id=payment.order_item_id,
            amount_fen=back_fen,
            reason=why,
            key=f"stay:{payment.stay_id}:{payment.pk}:{payment.refunded_fen}",
        )
    )


@transaction.atomic
def forgo(*, item_id: int, amount_fen: int) -> int:
    """So much of what stays took of this item goes back though they stay paid; the fen noted.

    Whoever calls has promised the refund; what a stay gives back later goes back once.
    """
    stays = StayPayment.objects.filter(order_item_id=item_id).values("stay_id")
    locks.lock(ParkingSession.objects.filter(pk__in=stays))
    left_fen = amount_fen
    for payment in StayPayment.objects.filter(order_item_id=item_id).order_by("pk"):
        part_fen = min(left_fen, payment.returnable_fen)
        left_fen -= part_fen
        StayPayment.objects.filter(pk=payment.pk).update(forgone_fen=payment.forgone_fen + part_fen)
    return amount_fen - left_fen


def amend(
    stay: ParkingSession,
    *,
    left_at: datetime,
    doubt: str,
    actor: str,
    reason: str,
    settled_at: datetime | None = None,
) -> None:
    """Price a stay anew whose departure or money turned out otherwise; its row is locked.

    Less than before is given back or taken off; more than before is asked for, but of who has paid
    after leaving (`price`). `settled_at`: since when nothing is due, else now.
    """
    old_due_fen, old_left_at = stay.due_fen, stay.left_at
    price(stay, left_at)
    surplus_fen = max(0, paid_fen(stay) - stay.fee_fen)
    facts: dict[str, Any] = {
        "left_at": left_at,
        "doubt": doubt,
        "doubtful": bool(doubt),
        "fee_fen": stay.fee_fen,
        "due_fen": stay.due_fen,
        "lines": stay.lines,
    }
    _amend_state(stay, facts, actor=actor, reason=reason, settled_at=settled_at)
    if stay.final_at is None:  # else when the departure counts
        promise_back(stay, surplus_fen, why=_("The fee turned out lower."))
    audit.record(
        stay,
        "amended",
        actor=actor,
        reason=reason,
        due_before_fen=old_due_fen,
        due_fen=stay.due_fen,
        left_before=old_left_at.isoformat() if old_left_at else None,
    )
    stay_rows.tell_street(stay)


def reprice(stay: ParkingSession, *, actor: str, reason: str) -> None:
    """Price a stay anew that has left and whose plate has changed: kind and colour decide the
    price, too. What somebody paid after leaving, or nobody was to pay any more, stays right."""
    if stay.left_at is None or stay.state not in (StayState.DUE, StayState.SETTLED):
        return
    rows = payments_of(stay)
    if stay.state == StayState.SETTLED and (
        sum(row.kept_fen for row in rows) < stay.fee_fen
        or any(row.kind == StayPayment.Kind.AFTER for row in rows)
    ):
        return
    if _fee(stay, stay.left_at, rows).amount_fen != stay.fee_fen:
        amend(stay, left_at=stay.left_at, doubt=stay.doubt, actor=actor, reason=reason)


def reprice_stop(stay: ParkingSession, *, actor: str, reason: str) -> bool:
    """Price a stay anew whose price follows from the stops before it; whether that changed it.

    Its row is locked. It is not raised once anything was paid for it, or nothing is due any more.
    """
    assert stay.left_at is not None
    rows = payments_of(stay)
    fee_fen = _fee(stay, stay.left_at, rows).amount_fen
    may_rise = stay.state == StayState.DUE and not any(row.kept_fen for row in rows)
    if fee_fen == stay.fee_fen or (fee_fen > stay.fee_fen and not may_rise):
        return False
    amend(stay, left_at=stay.left_at, doubt=stay.doubt, actor=actor, reason=reason)
    return True


def stood_until(stay: ParkingSession, until: datetime | None) -> None:
    """The vehicle stood there until then, or still does: what was paid by then after a departure
    that was none was paid while it stood there. The row is locked."""
    after = StayPayment.objects.filter(stay=stay, kind=StayPayment.Kind.AFTER)
    after.filter(paid_at__lte=until or clock.now()).update(kind=StayPayment.Kind.PARKED)
    follow_money(stay)


def _amend_state(
    stay: ParkingSession,
    facts: dict[str, Any],
    *,
    actor: str,
    reason: str,
    settled_at: datetime | None,
) -> None:
    target = StayState.DUE if facts["due_fen"] else StayState.SETTLED
    if target == stay.state:
        was_fen = ParkingSession.objects.values_list("due_fen", flat=True).get(pk=stay.pk)
        stay_rows.save(stay, **facts)
        tell_stop(stay)
        if was_fen != facts["due_fen"]:
            outbox.add(
                StayRepriced(
                    stay_id=stay.pk,
                    was_fen=was_fen,
                    due_fen=facts["due_fen"],
                    why=reason,
                )
            )
        return
    source = StayState(stay.state)
    facts["settled_at"] = None if target == StayState.DUE else settled_at or clock.now()
    transition(stay, source=source, target=target, actor=actor, reason=reason, **facts)
    tell_due(stay)


def lock_stays(stay_ids: Collection[int]) -> dict[int, tuple[str, int]]:
    """Lock these stays until the transaction ends; state and due of each as they are then."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT id, state, due_fen FROM "parking_parkingsession" WHERE id = ANY(%s)'
            " ORDER BY id FOR NO KEY UPDATE",
            [list(stay_ids)],
        )
        return {pk: (state, due_fen) for pk, state, due_fen in cursor.fetchall()}


# ── The payable "parking.stay" ───────────────────────────────────────────────────────────────
def quote_stay(subject_id: int) -> Quote:
    """What is due for this stay now: up to now while it is parked, else what it left with.

    Raises Missing; StayNotDue; PlateUnread for a stay that left with a plate nobody could read.
    """
    stay = (
        ParkingSession.objects.filter(pk=subject_id)
        .select_related("berth", "section", "tariff_version__tariff")
        .first()
    )
    if stay is None:
        raise Missing()
    if stay.simulated or stay.state not in (StayState.PARKED, StayState.DUE):
        raise StayNotDue()
    if stay.state == StayState.DUE and stay.plate_state != PlateState.SETTLED:
        raise PlateUnread()
    lines: list[dict[str, Any]] = stay.lines
    fee_fen = stay.fee_fen
    if stay.state == StayState.PARKED:
        bill = prices.bill_of(stay, clock.now())
        fee_fen, lines = bill.amount_fen, bill.lines
    paid = paid_fen(stay)
    amount_fen = fee_fen - paid if stay.state == StayState.PARKED else stay.due_fen
    if amount_fen <= 0:
        raise StayNotDue()
    return Quote(
        amount_fen=amount_fen,
        lines=bill_lines(lines, already_fen=fee_fen - amount_fen),
        title=title_of(stay),
        merchant_id=stay.merchant_id,
        subject_state=stay.state,
        asked_of=_asked_of(stay),
        leave_by=clock.now() + timedelta(seconds=stay.section.leave_by_s)
        if stay.state == StayState.PARKED
        else None,
    )


def _asked_of(stay: ParkingSession) -> str:
    """Whose the bill of a stay is: the vehicle's, once it is known and has left. While it stands
    there whoever pays at the berth pays for it, whatever its plate is read as."""
    if stay.state != StayState.DUE or stay.plate_state != PlateState.SETTLED:
        return ""
    return written(stay.plate)


def is_anothers(stay: ParkingSession, receipt: Receipt) -> bool:
    """Whether this was asked of another vehicle than the stay turned out to be: it goes back, as
    what was paid for a misreading before (docs/rules.md L4)."""
    known = stay.plate_state == PlateState.SETTLED
    asked = plate_written(receipt.asked_of)
    return asked is not None and known and not plates.same_vehicle(asked, stay.plate)


def title_of(stay: ParkingSession) -> str:
    """What a payment of this stay is for."""
    place = {"section": stay.section.name, "berth": stay.berth.number}
    return _("Parking · %(section)s %(berth)s") % place


def standing_of_stay(subject_id: int) -> Standing | None:
    """Until when this stay is paid and its vehicle may leave for that; None where it has left."""
    rows = ParkingSession.objects.filter(pk=subject_id, state=StayState.PARKED)
    paid_until, leave_by = rows.values_list("paid_until", "leave_by").first() or (None, None)
    return Standing(paid_until=paid_until, leave_by=leave_by) if leave_by else None


def told_bill(stay: ParkingSession) -> tuple[BillLine, ...]:
    """The bill of a stay for which nothing can be paid now; its lines sum to nothing.

    The fee's lines, what was paid for it, and what is not asked for. A stay that never was has no
    bill.
    """
    if stay.state == StayState.VOID:
        return ()
    lines, fee_fen = stay.lines, stay.fee_fen
    if stay.state == StayState.PARKED:
        bill = prices.bill_of(stay, clock.now())
        lines, fee_fen = bill.lines, bill.amount_fen
    paid = min(fee_fen, paid_fen(stay))
    told = bill_lines(lines, already_fen=paid)
    not_asked_fen = fee_fen - paid
    if not_asked_fen > 0:
        told += (BillLine(_("Not asked for"), 1, "", -not_asked_fen, -not_asked_fen),)
    return told


def bill_lines(lines: list[dict[str, Any]], *, already_fen: int = 0) -> tuple[BillLine, ...]:
    """A stored bill as payments wants it; what was paid before is a line of its own."""
    told = tuple(spoken(line) for line in lines)
    if already_fen:
        told += (BillLine(_("Already paid"), 1, "", -already_fen, -already_fen),)
    return told


@transaction.atomic(savepoint=False)  # in the payment's transaction, which is all or nothing
def settle_stay(receipt: Receipt, left_fen: int) -> int:
    """Money for a stay has arrived; the fen it took. Never raises (P2.6, docs/rules.md 5)."""
    return sum(settle_stays([receipt.subject_id], receipt, left_fen).values())


@transaction.atomic(savepoint=False)
def settle_stays(stay_ids: Collection[int], receipt: Receipt, left_fen: int) -> dict[int, int]:
    """Money for these stays has arrived, the oldest first; what each took of it.

    Paid while the vehicle stood there it counts as that, however late we hear of it: it pays up to
    the moment that the money covers, and the vehicle may leave within the section's minutes from
    the payment. Paid after leaving it takes what is due; the last of it settles.
    """
    found = ParkingSession.objects.filter(pk__in=list(stay_ids))
    stays = locks.lock(found.select_related("section", "tariff_version"))
    if joined := [stay.merged_into_id for stay in stays if stay.merged_into_id]:
        return settle_stays(
            [*(stay.pk for stay in stays if not stay.merged_into_id), *joined], receipt, left_fen
        )
    paid = StayPayment.objects.filter(stay__in=stays, order_item_id=receipt.item_id)
    before = set(paid.values_list("stay_id", flat=True))
    taken: dict[int, int] = {}
    whole: list[ParkingSession] = []
    for stay in stays:
        rest_fen = left_fen - sum(taken.values())
        if rest_fen <= 0 or stay.pk in before or is_anothers(stay, receipt):
            continue
        if 0 < stay.due_fen <= rest_fen and not _stood(stay, receipt):
            taken[stay.pk] = stay.due_fen
            whole.append(stay)
        else:
            taken[stay.pk] = take(stay, receipt, rest_fen)
    _pay_whole(whole, receipt)
    return {pk: fen for pk, fen in taken.items() if fen}


def stood_when_paid(stay: ParkingSession, paid_at: datetime) -> bool:
    """Whether the vehicle still stood there when this was paid (docs/rules.md L5)."""
    if stay.state in (StayState.DUE, StayState.SETTLED) and stay.left_at is not None:
        return paid_at <= stay.left_at
    return stay.state == StayState.PARKED


def _stood(stay: ParkingSession, receipt: Receipt) -> bool:
    return stood_when_paid(stay, receipt.paid_at) or _proves(stay, receipt)


def _proves(stay: ParkingSession, receipt: Receipt) -> bool:
    """Whether this payment shows that the vehicle stood there, whom nobody saw leave: it was asked
    for while it stood, and made before the next one came (docs/rules.md L2)."""
    if stay.doubt != Doubt.NEXT_ARRIVED or stay.left_at is None:
        return False
    if payments.item(receipt.item_id).subject_state != StayState.PARKED:
        return False
    next_ones = ParkingSession.objects.filter(
        berth_id=stay.berth_id,
        arrived_at__gt=stay.arrived_at,
        arrived_at__lte=receipt.paid_at,
        simulated=False,
    )
    return not next_ones.exclude(state=StayState.VOID).exists()


def wanted_of(stay: ParkingSession, *, paid_at: datetime, ahead_until: datetime | None) -> int:
    """What a stay needs of money that was paid then; nothing once it is settled or never was."""
    if stay.simulated or stay.state not in (StayState.PARKED, StayState.DUE):
        return 0
    if not stood_when_paid(stay, paid_at):
        return stay.due_fen
    return max(stay.due_fen, _wanted_standing(stay, payments_of(stay), paid_at, ahead_until))


def _wanted_standing(
    stay: ParkingSession,
    rows: Iterable[StayPayment],
    paid_at: datetime,
    ahead_until: datetime | None,
) -> int:
    """What was to pay at that moment, by the payments that had been made."""
    at = max(paid_at, stay.arrived_at)
    before_fen = sum(row.kept_fen for row in rows if row.paid_at <= at)
    return prices.bill_of(stay, ahead_until or at).amount_fen - before_fen


def take(
    stay: ParkingSession, receipt: Receipt, left_fen: int, *, ahead_until: datetime | None = None
) -> int:
    """Money has come for a stay; the fen that it took. Its row is locked.

    Paid while the vehicle stood there, it pays up to the payment, or `ahead_until`. Where the
    vehicle has left meanwhile the stay is priced as if we had heard at once, and what is too much
    by that goes back.
    """
    if not _stood(stay, receipt):
        return _pay_due(stay, receipt, left_fen)
    left_at = stay.left_at
    if left_at is not None and left_at < receipt.paid_at:
        left_at = receipt.paid_at  # the payment is the last proof
    rows = payments_of(stay)
    wanted_fen = _wanted_standing(stay, rows, receipt.paid_at, ahead_until)
    taken_fen = min(left_fen, max(wanted_fen, stay.due_fen))
    if taken_fen <= 0:
        return 0
    kind = StayPayment.Kind.AHEAD if ahead_until else StayPayment.Kind.PARKED
    payment = _payment(stay, receipt, taken_fen, kind=kind)
    payment.ahead_until = ahead_until
    if stay.state == StayState.SETTLED and left_at == stay.left_at:
        assert left_at is not None
        if _fee(stay, left_at, [*rows, payment]).amount_fen >= stay.fee_fen:
            return 0  # it changes nothing: it was paid for already
    payment.save()
    follow_money(stay)
    if left_at is not None:
        amend(
            stay,
            left_at=left_at,
            doubt=stay.doubt,
            actor=receipt.actor,
            reason="paid before it left, told later",
            settled_at=stay.left_at,
        )
    return taken_fen


def follow_loss(stay: ParkingSession, *, actor: str, reason: str) -> None:
    """Money of a stay went elsewhere: what it pays for is told anew, and what is due again is due
    with the whole time; its row is locked."""
    follow_money(stay)
    if stay.state in (StayState.DUE, StayState.SETTLED) and stay.left_at is not None:
        amend(stay, left_at=stay.left_at, doubt=stay.doubt, actor=actor, reason=reason)


def leave_former_payers(stay: ParkingSession, *, actor: str) -> None:
    """The vehicle of a stay turned out to be another one: what was paid for the former goes back,
    and the stay is due from whoever it is now. Its row is locked.

    Who paid at the berth while it stood there stood there themselves, unless they are known to hold
    the former plate.
    """
    lost = False
    for payment in payments_of(stay):
        theirs = plates.Plate.of(payment.plate_text, payment.plate_colour)
        if not payment.kept_fen or not payment.plate_text:
            continue
        if plates.same_vehicle(theirs, stay.plate) or not _was_former(payment, theirs):
            continue
        give_back(payment, payment.kept_fen, why=_("Another vehicle stood there."))
        lost = True
    if lost:
        follow_loss(stay, actor=actor, reason="it was paid for another vehicle")


def _was_former(payment: StayPayment, plate: plates.Plate) -> bool:
    if payment.kind != StayPayment.Kind.PARKED and not _paid_there(payment):
        return True
    payer_id = payments.item(payment.order_item_id).order.payer_user_id
    holder = accounts.holder_of(plate.text, plate.colour_text)
    return payer_id is not None and holder is not None and holder.pk == payer_id


def _paid_there(payment: StayPayment) -> bool:
    """Whether time was paid ahead on the page of the stay, where nobody said a plate."""
    draft_id = payments.first_item(payment.order_item_id).subject_id
    said_none = Prepayment.objects.filter(pk=draft_id, submitted_at=None)
    return payment.kind == StayPayment.Kind.AHEAD and said_none.exists()


def _payment(stay: ParkingSession, receipt: Receipt, fen: int, *, kind: str) -> StayPayment:
    known = stay.plate_state == PlateState.SETTLED
    return StayPayment(
        stay=stay,
        kind=kind,
        order_item_id=receipt.item_id,
        order_number=receipt.order_number,
        amount_fen=fen,
        paid_at=receipt.paid_at,
        is_part=receipt.is_part,
        plate_text=stay.plate_text if known else "",
        plate_colour=stay.plate_colour if known else "",
    )


def follow_money(stay: ParkingSession) -> None:
    """Note up to when this stay is paid, from its payments as they are; its row is locked."""
    rows = [row for row in payments_of(stay) if row.kind != StayPayment.Kind.AFTER]
    covered = _covered(stay, rows)
    paid_until = max((one.paid_until for one in covered), default=None)
    reminded_of = stay.reminded_of
    if stay.state == StayState.PARKED and paid_until != stay.paid_until:
        reminders.recall(stay, actor=SYSTEM)
        reminded_of = reminders.told_by_paying(paid_until, stay) if paid_until else None
    stay_rows.save(
        stay,
        prepaid_fen=sum(row.kept_fen for row in rows),
        paid_until=paid_until,
        reminded_of=reminded_of,
        leave_by=max((one.leave_by for one in covered), default=None),
    )
    stay_rows.tell_pages(stay)


def _pay_due(stay: ParkingSession, receipt: Receipt, left_fen: int) -> int:
    """Take what is due for a stay that has left."""
    taken_fen = min(left_fen, stay.due_fen)
    if not taken_fen:
        return 0
    if taken_fen == stay.due_fen:
        _pay_whole([stay], receipt)
        return taken_fen
    _payment(stay, receipt, taken_fen, kind=StayPayment.Kind.AFTER).save()
    if any(_closes(row, stay.left_at) for row in payments_of(stay)):
        _settle([stay], receipt)
        return taken_fen
    stay_rows.save(stay, due_fen=stay.due_fen - taken_fen)
    stay_rows.tell_pages(stay)
    return taken_fen


def _pay_whole(stays: list[ParkingSession], receipt: Receipt) -> None:
    """Settle stays whose due is covered, in as many statements as one; their rows are locked."""
    if not stays:
        return
    StayPayment.objects.bulk_create(
        _payment(stay, receipt, stay.due_fen, kind=StayPayment.Kind.AFTER) for stay in stays
    )
    _settle(stays, receipt)


def _settle(stays: list[ParkingSession], receipt: Receipt) -> None:
    transition(
        ParkingSession.objects.filter(pk__in=[stay.pk for stay in stays]),
        source=StayState.DUE,
        target=StayState.SETTLED,
        actor=receipt.actor,
        due_fen=0,
        settled_at=receipt.paid_at,
        event=StaySettled,
    )
    for stay in stays:
        stay_rows.tell_pages(stay)


def write_off(stay: ParkingSession, *, actor: str, reason: str) -> bool:
    """Ask nobody for this stay any more (its plate cannot be read). The row is locked."""
    moved = transition(
        stay,
        source=StayState.DUE,
        target=StayState.SETTLED,
        actor=actor,
        reason=reason,
        due_fen=0,
        settled_at=clock.now(),
        event=StaySettled,
    )
    return bool(moved)

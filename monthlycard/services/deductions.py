"""Each vehicle's part of an agreed statement: taken from its card, or due like any fee (P4.12)."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import services as accounts
from accounts.rules.contacts import after_quiet, is_quiet
from core import clock, outages
from core.money import format_fen
from core.transition import transition
from monthlycard import selectors
from monthlycard.errors import NotDue
from monthlycard.models import Card, CardObjection, Deduction, Statement, StatementItem
from monthlycard.rules import cover
from monthlycard.services.questions import ask_about, questioned
from monthlycard.services.usage import charges_of
from monthlycard.states import DeductionState, ObjectionState, StatementState
from payments import services as payments
from payments.rules import BillLine, Entry, Quote, Receipt, merchant_account

SYSTEM = "system:monthlycard.deductions"
BATCH = 50
AGAIN = timedelta(minutes=10)  # as long while an outage runs, whose end nobody knows


@transaction.atomic
def deduct(*, statement_id: int, actor: str) -> int:
    """Take each vehicle's part from its card, exactly once (P4.12); how many cards.

    Only for a statement that was sent and agreed, as far as its visits stand. What a card's quota
    does not cover is due. While an objection about the card and this lot is open nothing is taken,
    nor while a visit of it is in question.
    """
    statement = Statement.objects.select_related("lot").get(pk=statement_id)
    if not transition(
        statement,
        source=StatementState.AGREED,
        target=StatementState.DEDUCTED,
        actor=actor,
    ):
        return 0
    parts: dict[int, list[StatementItem]] = defaultdict(list)
    for item in selectors.standing_items(statement):
        parts[item.card_id].append(item)
    cards = (
        Card.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=parts)
        .order_by("pk")
    )
    said = CardObjection.objects.filter(card__in=parts, lot=statement.lot)
    held = set(said.filter(state=ObjectionState.OPEN).values_list("card_id", flat=True))
    for card in cards.select_related("plan", "terms"):
        visits = questioned(parts[card.pk], section_id=statement.lot.section_id)
        waits = card.pk in held or bool(visits)
        row = Deduction.objects.create(
            statement=statement,
            card=card,
            fee_fen=sum(item.fee_fen for item in parts[card.pk]),
            covered_fen=0,
            due_fen=0,
            quota_used=0,
            taken=not waits,
            state=DeductionState.DISPUTED if waits else DeductionState.COVERED,
            deducted_at=clock.now(),
        )
        if visits:
            ask_about(row, visits)
        if not waits:
            take(row, card, parts[card.pk], key=f"monthlycard.deduction.{row.pk}")
    return len(parts)


def take(row: Deduction, card: Card, items: list[StatementItem], *, key: str) -> None:
    """Take these lines from the card as far as its quota goes; the rest is due. Card locked.

    `key` says once for which taking its transfer between merchants stands.
    """
    kind: Any = card.terms.quota_kind
    fee_fen = sum(item.fee_fen for item in items)
    covered = cover(kind, card.quota_left, charges_of(items))
    if covered.quota:
        Card.objects.filter(pk=card.pk).update(quota_left=F("quota_left") - covered.quota)
    row.covered_fen += covered.fen
    row.due_fen += fee_fen - covered.fen
    row.quota_used += covered.quota
    row.taken = True
    row.save(update_fields=["covered_fen", "due_fen", "quota_used", "taken"])
    transfer(row, card, covered.fen, key=key)
    if row.due_fen:
        begin_window(row, actor=SYSTEM)


def transfer(row: Deduction, card: Card, fen: int, *, key: str) -> None:
    """From who sold the card to whose lot it is, or back where `fen` is below 0."""
    seller, lot_owner = card.plan.merchant_id, row.statement.lot.merchant_id
    if not fen or seller == lot_owner:
        return
    payments.post(
        key=key,
        entries=[
            Entry(merchant_account(seller), fen),
            Entry(merchant_account(lot_owner), -fen),
        ],
        note=f"{row.statement.number} {card.number}",
    )


def begin_window(row: Deduction, *, actor: str) -> None:
    """The whole time to pay begins; who is asked hears of it by day."""
    since = after_quiet(clock.now())
    transition(
        row,
        source=[DeductionState.COVERED, DeductionState.DISPUTED, DeductionState.DROPPED],
        target=DeductionState.DUE,
        actor=actor,
        due_since=since,
        pay_by=since + _window(row),
        told_at=None,
    )


def _window(row: Deduction) -> timedelta:
    return timedelta(seconds=row.statement.lot.section.pay_window_s)


def tell_of_dues() -> int:
    """Sweep: tell the owner of each new due, and ask again when its time is over; how many."""
    if is_quiet(clock.now()):
        return 0
    rows = Deduction.objects.select_related("statement__lot__section", "card__user")
    new = rows.filter(state=DeductionState.DUE, told_at=None).order_by("pk")[:BATCH]
    over = rows.filter(state=DeductionState.DUE, pay_by__lte=clock.now()).order_by("pay_by")
    return sum(_tell(row) for row in new) + sum(_ask(row) for row in over[:BATCH])


@transaction.atomic
def _tell(row: Deduction) -> int:
    waiting = Deduction.objects.filter(pk=row.pk, state=DeductionState.DUE, told_at=None)
    if not waiting.update(told_at=clock.now()):
        return 0
    _text(row, key=f"card-due:{row.pk}:{row.due_since:%Y%m%d%H%M%S}", until=row.pay_by)
    return 1


@transaction.atomic
def _ask(row: Deduction) -> int:
    """The time to pay is over, outages of ours not counted: it is asked for formally."""
    assert row.due_since is not None
    over = outages.stretched(row.due_since, _window(row))
    if over > clock.now():  # looked at again then, and said on its page
        mine = Deduction.objects.filter(pk=row.pk, state=DeductionState.DUE, pay_by=row.pay_by)
        mine.update(pay_by=max(over, clock.now() + AGAIN) if outages.running() else over)
        return 0
    if not transition(row, source=DeductionState.DUE, target=DeductionState.OVERDUE, actor=SYSTEM):
        return 0
    until = clock.now() + _window(row)
    _text(row, key=f"card-overdue:{row.pk}:{row.due_since:%Y%m%d%H%M%S}", until=until)
    return 1


def _text(row: Deduction, *, key: str, until: Any) -> None:
    phone = row.card.user.phone
    if not phone:
        return  # it stands on their pages
    local = timezone.localtime(until)
    accounts.send_sms(
        phone=phone,
        template="demand",
        params={
            "place": row.statement.lot.section.name,
            "amount": format_fen(row.due_fen),
            "until": f"{local.month}月{local.day}日 {local:%H:%M}",
            "url": settings.PUBLIC_URL + reverse("monthlycard.deduction", args=[row.pk]),
        },
        key=key,
        valid_until=until,
    )


def quote_deduction(subject_id: int) -> Quote:
    """What a card did not cover of a statement: a due like any other (P4.12). Raises NotDue."""
    row = Deduction.objects.select_related("statement__lot__section").get(pk=subject_id)
    if not row.due_fen or row.state not in Deduction.ASKED:
        raise NotDue()
    place = row.statement.lot.section.name
    return Quote(
        amount_fen=row.due_fen,
        lines=(
            BillLine(_("Fees at %(place)s") % {"place": place}, 1, "", row.fee_fen, row.fee_fen),
            BillLine(_("Covered by the card"), 1, "", -row.covered_fen, -row.covered_fen),
        ),
        title=place,
        merchant_id=row.statement.lot.merchant_id,
    )


@transaction.atomic
def settle_deduction(receipt: Receipt, left_fen: int) -> int:
    """Close what a card did not cover with money that has arrived; the fen taken."""
    row = Deduction.objects.filter(pk=receipt.subject_id).first()
    if row is None or not row.due_fen or left_fen < row.due_fen:
        return 0
    moved = transition(
        Deduction.objects.filter(pk=row.pk, due_fen=row.due_fen),
        source=Deduction.ASKED,
        target=DeductionState.PAID,
        actor=receipt.actor,
        paid_at=receipt.paid_at,
    )
    return row.due_fen if moved else 0

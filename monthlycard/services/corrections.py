"""What is wrong leaves a statement by a correcting line, and comes back by one (P4.11)."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from accounts.services import Weight, by_two
from core import audit, clock, live, outbox
from core.transition import transition
from monthlycard import selectors
from monthlycard.errors import PaidByHand
from monthlycard.events import RestFreed
from monthlycard.models import (
    Card,
    Deduction,
    Statement,
    StatementCorrection,
    StatementItem,
)
from monthlycard.rules import as_csv, checksum, quota_needed
from monthlycard.services.cards import rest_at_end, spread
from monthlycard.services.deductions import take, transfer
from monthlycard.services.statements import agree
from monthlycard.services.usage import charges_of
from monthlycard.states import DeductionState, StatementState


def _weight_of_visits(
    *, actor: str, statement_id: int, visits: Collection[str], out: bool, why: str
) -> Weight:
    """What these visits were charged, given back or taken again."""
    rows = StatementItem.objects.filter(statement=statement_id, visit__in=list(visits))
    fen = rows.aggregate(fen=Sum("fee_fen"))["fen"] or 0
    return Weight(None, fen, Statement.objects.get(pk=statement_id).number)


def _weight_of_settling(*, actor: str, statement_id: int, why: str) -> Weight:
    """What the visits that the lot denies were charged: they leave the statement."""
    statement = Statement.objects.get(pk=statement_id)
    waiting = statement.differences.filter(settled_by="", kind="missing_here")
    visits = list(waiting.values_list("visit", flat=True))
    return _weight_of_visits(
        actor=actor, statement_id=statement_id, visits=visits, out=True, why=why
    )


@by_two(
    "monthlycard.settle_statement",
    word=_("Agree to a disputed statement"),
    right="monthlycard.settle_statement",
    subject="statement_id",
    weigh=_weight_of_settling,
)
@transaction.atomic
def settle_statement(*, statement_id: int, actor: str, why: str) -> bool:
    """The differences are settled with the lot, and the statement is agreed (P4.11).

    A visit that the lot itself does not have leaves it by a correcting line; the others stay as
    they are stated. Who settled each, and why, stands with it.
    """
    statement = _locked(statement_id)
    if statement.state != StatementState.DISPUTED:
        return False
    waiting = statement.differences.filter(settled_by="")
    denied = waiting.filter(kind="missing_here").values_list("visit", flat=True)
    _correct(statement, set(denied), out=True, actor=actor, why=why)
    waiting.update(settled_by=actor, settled_note=why)
    return agree(statement, actor=actor, reason=why)


@by_two(
    "monthlycard.correct_statement",
    word=_("Take visits out of a statement, or bring them back"),
    right="monthlycard.correct_statementitem",
    weigh=_weight_of_visits,
)
@transaction.atomic
def correct_statement(
    *, statement_id: int, visits: Collection[str], out: bool, actor: str, why: str
) -> int:
    """Take these visits out of their statement, or bring them back; how many correcting lines.

    What was deducted for them goes back, or is taken again. Of a statement that is not deducted yet
    the lot checks the new file. Raises PaidByHand for a visit that comes back after its rest was
    paid by hand.
    """
    statement = _locked(statement_id)
    made = _correct(statement, set(visits), out=out, actor=actor, why=why)
    if made and statement.state in (StatementState.SENT, StatementState.DISPUTED):
        Statement.objects.filter(pk=statement.pk).update(
            made_at=clock.now(), fetched_at=None, missed_at=None, silence_at=None
        )
    return made


def _locked(statement_id: int) -> Statement:
    rows = Statement.objects.select_for_update(no_key=True, of=("self",)).select_related("lot")
    return rows.get(pk=statement_id)


def _correct(statement: Statement, visits: set[str], *, out: bool, actor: str, why: str) -> int:
    gone = selectors.visits_out(statement)
    items = [
        item
        for item in statement.items.select_related("card").order_by("pk")
        if item.visit in visits and (item.visit in gone) is not out
    ]
    cards = Card.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    for card in cards.filter(pk__in={item.card_id for item in items}).select_related(
        "plan", "terms"
    ):
        _correct_card(
            statement,
            card,
            [item for item in items if item.card_id == card.pk],
            out=out,
            actor=actor,
            why=why,
        )
    if items:
        _seal_anew(statement)
        audit.record(statement, "corrected", actor=actor, visits=sorted(visits))
    return len({item.visit for item in items})


def _correct_card(
    statement: Statement,
    card: Card,
    items: list[StatementItem],
    *,
    out: bool,
    actor: str,
    why: str,
) -> None:
    before = rest_at_end(card)
    lines = [
        StatementCorrection.objects.create(
            statement=statement,
            visit=visit,
            out=out,
            fee_fen=(-1 if out else 1) * sum(i.fee_fen for i in items if i.visit == visit),
            by=actor,
            why=why,
            made_at=clock.now(),
        )
        for visit in dict.fromkeys(item.visit for item in items)
    ]
    row = (
        Deduction.objects.select_for_update(no_key=True, of=("self",))
        .select_related("statement__lot__section")
        .filter(statement=statement, card=card)
        .first()
    )
    key = f"monthlycard.correction.{lines[-1].pk}"
    due_back = 0
    if row is not None and out:
        due_back = _give_back(row, card, items, key=key, actor=actor)
    elif row is not None:
        _take_again(row, card, items, key=key)
    card.refresh_from_db(fields=["quota_left"])
    freed = rest_at_end(card) - before
    refunds = spread(card, freed) if freed > 0 else []
    if due_back and row is not None:
        refunds += selectors.paid_parts("monthlycard.deduction", row.pk, due_back)
    if refunds:
        outbox.add(RestFreed(lines[-1].pk, refunds))


def _give_back(
    row: Deduction, card: Card, items: list[StatementItem], *, key: str, actor: str
) -> int:
    """Undo the taking of these lines: first what is due, then what was covered.

    The fen that were paid by hand for them and go back to their payer.
    """
    fee_fen = sum(item.fee_fen for item in items)
    row.fee_fen -= fee_fen
    due_back = 0
    if row.taken:
        from_due = min(fee_fen, row.due_fen)
        from_cover = fee_fen - from_due
        kind: Any = card.terms.quota_kind
        needed = from_cover if kind == "money" else quota_needed(kind, charges_of(items))
        quota = min(row.quota_used, needed) if from_cover else 0
        row.due_fen -= from_due
        row.covered_fen -= from_cover
        row.quota_used -= quota
        Card.objects.filter(pk=card.pk).update(quota_left=F("quota_left") + quota)
        transfer(row, card, -from_cover, key=key)
        due_back = from_due if row.paid_at else 0
    row.save(update_fields=["fee_fen", "due_fen", "covered_fen", "quota_used"])
    target = DeductionState.COVERED if row.covered_fen else DeductionState.DROPPED
    if not row.due_fen and (row.taken or not row.fee_fen) and row.state != target:
        sources = [one for one in DeductionState if target in Deduction.MOVES[one]]
        transition(row, source=sources, target=target, actor=actor)
    return due_back


def _take_again(row: Deduction, card: Card, items: list[StatementItem], *, key: str) -> None:
    if row.paid_at is not None:
        raise PaidByHand()
    row.fee_fen += sum(item.fee_fen for item in items)
    row.save(update_fields=["fee_fen"])
    if row.taken:
        take(row, card, items, key=key)
    if row.state == DeductionState.DROPPED and not row.due_fen:
        transition(row, source=DeductionState.DROPPED, target=DeductionState.COVERED, actor=key)


def _seal_anew(statement: Statement) -> None:
    lines = [line for line, _late in selectors.all_lines(statement)]
    standing = {item.visit for item in selectors.standing_items(statement)}
    data = as_csv(lines)
    statement.total_fen = sum(line.fee_fen for line in lines)
    statement.entries = statement.exits = len(standing)
    statement.csv, statement.checksum = data.decode(), checksum(data)
    statement.save(update_fields=["total_fen", "entries", "exits", "csv", "checksum"])
    live.push(f"merchant:{statement.lot.merchant_id}")

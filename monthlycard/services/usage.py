"""What a card has used that is not deducted yet (P4.2, P4.12)."""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q

from monthlycard import selectors
from monthlycard.models import Card, LotSystem, Statement, StatementItem
from monthlycard.rules import (
    Charge,
    StatementLine,
    Terms,
    card_visits,
    pair,
    statement_lines,
)
from monthlycard.states import StatementState


def undeducted(card: Card) -> list[Charge]:
    """Its ended visits that no deduction has taken yet, as far as they are the card's.

    One that is under way is none yet: it leaves as a temporary vehicle's if the card has ended.
    """
    charges: list[Charge] = []
    stated = Statement.objects.filter(items__card=card).distinct()
    waits = Q(deductions__card=card, deductions__taken=False)
    for statement in stated.filter(~Q(state=StatementState.DEDUCTED) | waits):
        charges += charges_of(selectors.standing_items(statement).filter(card=card))
    waiting = LotSystem.objects.filter(passes__card=card, passes__statement=None).distinct()
    for lot in waiting:
        charges += charges_of(_unstated(lot, card))
    return charges


def charges_of(lines: Iterable[StatementItem | StatementLine]) -> list[Charge]:
    """One charge for each visit of these lines, in their order."""
    visits: dict[str, list[StatementItem | StatementLine]] = defaultdict(list)
    for line in lines:
        visits[line.visit].append(line)
    return [
        Charge(
            fee_fen=sum(line.fee_fen for line in mine),
            stay_s=int((mine[0].counted_until - mine[0].entry_at).total_seconds()),
        )
        for mine in visits.values()
    ]


def _unstated(lot: LotSystem, card: Card) -> list[StatementLine]:
    agreement = selectors.agreement_in_force(lot)
    if agreement is None:
        return []
    rows = selectors.unstated_passes(lot).filter(card=card)
    visits, _odd = pair(selectors.as_pass(row) for row in rows)
    mine = card_visits(
        visits,
        selectors.history_of(lot, [card.pk]),
        lot=lot.code,
        when_expired=agreement.when_expired,  # type: ignore[arg-type]
    )
    return list(statement_lines(Terms.from_json(agreement.terms), mine))

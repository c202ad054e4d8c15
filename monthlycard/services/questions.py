"""A question about a vehicle holds what its card is asked for (docs/rules.md L1, P4.12).

A visit at a gate while the plate stood somewhere else, while a stay about then is in question, or
while the plate may be copied, is a question of ours in the queue of objections about cards: nothing
is taken for it, and what was taken comes back by a correcting line where a person finds that it was
another vehicle.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db import IntegrityError, transaction

from core import audit, clock
from core.transition import transition
from core.vehicles import plate_of
from monthlycard.models import CardObjection, Deduction, StatementItem
from monthlycard.states import DeductionState, ObjectionState
from parking import selectors as parking

ANSWER_WITHIN = timedelta(days=7)  # as for a fee at the roadside
SYSTEM = "system:monthlycard.questions"
QUESTION = CardObjection.Reason.QUESTION
WHOSE = (QUESTION, CardObjection.Reason.NOT_ME)  # what is answered by whose vehicle it was


def questioned(items: Iterable[StatementItem], *, section_id: int) -> list[str]:
    """Which of these visits are in question, in their order; a person's answer is not asked anew.

    `section_id` is where the lot stands: who is seen there is seen at the lot.
    """
    visits: dict[str, StatementItem] = {}
    for item in items:
        visits.setdefault(item.visit, item)
    found = [
        visit
        for visit, item in visits.items()
        if parking.why_questioned(
            plate_of(item), since=item.entry_at, until=item.exit_at, section_id=section_id
        )
    ]
    if not found:
        return []
    card_ids = {item.card_id for item in visits.values()}
    said = CardObjection.objects.filter(card__in=card_ids, reason__in=WHOSE)
    said = said.filter(state__in=[ObjectionState.UPHELD, ObjectionState.REJECTED])
    answered = {visit for one in said for visit in one.visits}
    return [visit for visit in found if visit not in answered]


@transaction.atomic
def ask_about(row: Deduction, visits: Collection[str]) -> None:
    """Put these visits of a deduction into the queue; nothing is asked for it until the answer.

    Where its owner has objected to it already, that is the question.
    """
    try:
        with transaction.atomic():
            said = CardObjection.objects.create(
                card=row.card,
                lot=row.statement.lot,
                deduction=row,
                visits=sorted(visits),
                reason=QUESTION,
                opened_at=clock.now(),
                answer_by=clock.now() + ANSWER_WITHIN,
            )
    except IntegrityError:
        rows = CardObjection.objects.filter(
            deduction=row, reason=QUESTION, state=ObjectionState.OPEN
        )
        for open_one in rows.select_for_update(no_key=True):
            open_one.visits = sorted({*open_one.visits, *visits})
            open_one.save(update_fields=["visits"])
    else:
        audit.record(said, "opened", actor=SYSTEM)
    transition(
        Deduction.objects.filter(pk=row.pk),
        source=[DeductionState.COVERED, DeductionState.DUE, DeductionState.OVERDUE],
        target=DeductionState.DISPUTED,
        actor=SYSTEM,
    )

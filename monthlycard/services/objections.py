"""The owner objects to what a lot has reported of their card; a person answers (P4.12)."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import services as accounts
from accounts.services import Weight, by_two
from core import audit, clock, locks
from core.errors import Missing
from core.plates import Plate
from core.transition import transition
from core.vehicles import of_vehicle
from monthlycard import selectors
from monthlycard.errors import AnswerMissing
from monthlycard.models import (
    Card,
    CardObjection,
    CardVehicle,
    Deduction,
    LotSystem,
    Statement,
    StatementItem,
)
from monthlycard.rules import pair
from monthlycard.services.corrections import correct_statement
from monthlycard.services.deductions import begin_window, take
from monthlycard.services.questions import ANSWER_WITHIN, QUESTION, SYSTEM, ask_about, questioned
from monthlycard.states import DeductionState, ObjectionState

LONGEST_TEXT = 2000


@transaction.atomic
def object_to_deduction(
    *, deduction_id: int, visits: list[str], reason: str, text: str, actor: str
) -> CardObjection:
    """Object to a deduction, or to some of its visits; nothing is asked for it until the answer.

    The same is said once; other visits and words are added to the objection that is open.
    """
    row = Deduction.objects.select_related("statement__lot", "card").get(pk=deduction_id)
    known = {item.visit for item in selectors.items_of(row)}
    said = _say(
        card=row.card,
        lot=row.statement.lot,
        deduction=row,
        visits=sorted(known.intersection(visits)),
        reason=reason,
        text=text,
        actor=actor,
    )
    transition(
        row,
        source=[DeductionState.COVERED, DeductionState.DUE, DeductionState.OVERDUE],
        target=DeductionState.DISPUTED,
        actor=actor,
    )
    return said


@transaction.atomic
def object_to_use(
    *, card_id: int, lot_code: str, reason: str, text: str, actor: str
) -> CardObjection:
    """Object to what a lot reported before it is deducted; nothing is taken until the answer.

    It is about what the lot has reported until now and no statement holds yet; where the owner is
    right it leaves the statement that comes to hold it, whenever that is. Raises Missing where this
    lot has reported nothing of the card.
    """
    card = Card.objects.get(pk=card_id)
    lot = LotSystem.objects.filter(code=lot_code, passes__card=card).first()
    if lot is None:
        raise Missing("no_lot")
    unstated = selectors.unstated_passes(lot).filter(card=card)
    visits, odd = pair(selectors.as_pass(row) for row in unstated)
    begun = [f"{one.record.record_id}/" for one in odd if one.kind == "open"]
    return _say(
        card=card,
        lot=lot,
        deduction=None,
        visits=sorted([*(visit.key for visit in visits), *begun]),
        reason=reason,
        text=text,
        actor=actor,
    )


@transaction.atomic
def say_whose_visit(*, deduction_id: int, mine: bool, actor: str) -> bool:
    """The card's holder answers our question about a visit; False where none is open.

    Theirs: that is the answer, as for a stay, and what waited goes on. Not theirs: the question is
    their objection from now on, which only a person answers.
    """
    row = Deduction.objects.select_related("card").get(pk=deduction_id)
    said = CardObjection.objects.filter(
        deduction=row, reason=QUESTION, state=ObjectionState.OPEN
    ).select_related("card__user", "lot")
    asked = said.select_for_update(no_key=True, of=("self",)).first()
    if asked is None:
        return False
    if not mine:
        CardObjection.objects.filter(pk=asked.pk).update(reason=CardObjection.Reason.NOT_ME)
        audit.record(asked, "not theirs", actor=actor)
        return True
    transition(
        asked,
        source=ObjectionState.OPEN,
        target=ObjectionState.REJECTED,
        actor=actor,
        answer=str(_("Its holder says that it was their vehicle.")),
        decided_at=clock.now(),
    )
    let_go(asked, actor=actor)
    return True


def _say(
    *,
    card: Card,
    lot: LotSystem,
    deduction: Deduction | None,
    visits: list[str],
    reason: str,
    text: str,
    actor: str,
) -> CardObjection:
    try:
        with transaction.atomic():
            said = CardObjection.objects.create(
                card=card,
                lot=lot,
                deduction=deduction,
                visits=visits,
                reason=reason,
                text=text,
                opened_at=clock.now(),
                answer_by=clock.now() + ANSWER_WITHIN,
            )
    except IntegrityError:
        rows = CardObjection.objects.filter(card=card, lot=lot, deduction=deduction)
        open_ones = rows.filter(state=ObjectionState.OPEN).select_related("card", "lot")
        said = open_ones.select_for_update(no_key=True, of=("self",)).get()
        _say_more(said, visits=visits, reason=reason, text=text, actor=actor)
        return said
    audit.record(said, "opened", actor=actor)
    return said


def _say_more(
    said: CardObjection, *, visits: list[str], reason: str, text: str, actor: str
) -> None:
    """What is said beside an open objection is answered with it; a question of ours is from now on
    the owner's objection, which does not end by itself."""
    was = (said.visits, said.reason, said.text)
    if said.deduction_id and not (said.visits and visits):
        said.visits = []  # all of them
    else:
        said.visits = sorted({*said.visits, *visits})
    if said.reason == QUESTION:
        said.reason = reason
    if text and text not in said.text:
        said.text = f"{said.text}\n{text}".strip()[:LONGEST_TEXT]
    if was != (said.visits, said.reason, said.text):
        said.save(update_fields=["visits", "reason", "text"])
        audit.record(said, "said more", actor=actor, reason=reason, visits=said.visits)


def _weight_of_answer(*, actor: str, objection_id: int, upheld: bool, answer: str) -> Weight:
    """What upholding gives back: the fees of the visits that are not theirs."""
    if not answer.strip():
        raise AnswerMissing()
    said = CardObjection.objects.select_related("card", "lot").get(pk=objection_id)
    if not upheld or said.state != ObjectionState.OPEN:
        return Weight(None, 0)
    items = [
        item
        for row in _contested(said)
        for item in selectors.items_of(row)
        if _is_about(said, item.visit)
    ]
    items += [item for rows in _stated(said).values() for item in rows]
    return Weight(None, sum(item.fee_fen for item in items), said.card.number)


def _is_about(said: CardObjection, visit: str) -> bool:
    """Whether it is about this visit; one under way when it was said is known by its entry."""
    if not said.visits:
        return True
    return any(visit == one or (one.endswith("/") and visit.startswith(one)) for one in said.visits)


def _stated(said: CardObjection) -> dict[int, list[StatementItem]]:
    """What an objection to a use is about in statements that are not deducted yet."""
    if said.deduction_id or not said.visits:
        return {}
    rows = StatementItem.objects.filter(card=said.card, statement__lot=said.lot)
    rows = rows.exclude(statement__deductions__card=said.card).select_related("statement")
    found: dict[int, list[StatementItem]] = {}
    for item in rows.order_by("pk"):
        if _is_about(said, item.visit) and item.visit not in selectors.visits_out(item.statement):
            found.setdefault(item.statement_id, []).append(item)
    return found


@transaction.atomic
def leave_out(*, statement_id: int) -> int:
    """Visits of this statement to whose use an owner has objected, and was right, leave it before
    it is deducted (P4.12); how many correcting lines."""
    statement = Statement.objects.get(pk=statement_id)
    upheld = CardObjection.objects.filter(
        lot=statement.lot_id, deduction=None, state=ObjectionState.UPHELD
    ).filter(card__in=statement.items.values("card"))
    made = 0
    for said in upheld.select_related("card", "lot").order_by("pk"):
        items = _stated(said).get(statement_id, [])
        made += _take_out(statement_id, items, actor=SYSTEM, why=said.answer)
    return made


def _take_out(statement_id: int, items: Collection[StatementItem], *, actor: str, why: str) -> int:
    visits = [item.visit for item in items]
    if not visits:
        return 0
    return correct_statement(
        statement_id=statement_id, visits=visits, out=True, actor=actor, why=why[:300]
    )


def _contested(said: CardObjection) -> QuerySet[Deduction]:
    """The deductions that it is about."""
    rows = Deduction.objects.filter(card=said.card, statement__lot=said.lot)
    rows = rows.filter(pk=said.deduction_id) if said.deduction_id else rows.filter(taken=False)
    return rows.select_related("statement").order_by("pk")


@by_two(
    "monthlycard.answer_objection",
    word=_("Uphold an objection about a card"),
    right="monthlycard.decide_cardobjection",
    subject="objection_id",
    weigh=_weight_of_answer,
)
@transaction.atomic
def answer_objection(*, objection_id: int, upheld: bool, answer: str, actor: str) -> bool:
    """A person's answer (P4.12); the owner is told. Raises AnswerMissing without words.

    Upheld: its visits leave their statements, and what was taken for them goes back. Rejected: what
    was held back is taken, and what is due has its whole time to pay anew.
    """
    if not answer.strip():
        raise AnswerMissing()
    said = CardObjection.objects.select_related("card__user", "lot").get(pk=objection_id)
    moved = transition(
        said,
        source=ObjectionState.OPEN,
        target=ObjectionState.UPHELD if upheld else ObjectionState.REJECTED,
        actor=actor,
        answer=answer,
        decided_at=clock.now(),
    )
    if not moved:
        return False
    if upheld:
        for row in _contested(said):
            items = [one for one in selectors.items_of(row) if _is_about(said, one.visit)]
            _take_out(row.statement_id, items, actor=actor, why=answer)
        for statement_id, items in _stated(said).items():
            _take_out(statement_id, items, actor=actor, why=answer)
    let_go(said, actor=actor)
    _tell(said)
    return True


def let_go(said: CardObjection, *, actor: str) -> None:
    """What only this objection held goes on."""
    card = locks.lock(Card.objects.filter(pk=said.card_id).select_related("plan", "terms"))[0]
    rows = Deduction.objects.filter(
        card=card, statement__lot=said.lot, state=DeductionState.DISPUTED
    )
    open_ones = CardObjection.objects.filter(card=card, lot=said.lot, state=ObjectionState.OPEN)
    about = set(open_ones.values_list("deduction_id", flat=True))
    for row in rows.select_related("statement__lot__section").order_by("pk"):
        if row.pk in about or (not row.taken and about):
            continue
        if visits := questioned(selectors.items_of(row), section_id=said.lot.section_id):
            ask_about(row, visits)
            continue
        if not row.taken:
            card.refresh_from_db(fields=["quota_left"])
            items = selectors.standing_items(row.statement).filter(card=card)
            take(row, card, list(items), key=f"monthlycard.deduction.{row.pk}")
        elif row.due_fen:
            begin_window(row, actor=actor)
        if not row.due_fen:
            transition(
                row, source=DeductionState.DISPUTED, target=DeductionState.COVERED, actor=actor
            )


def _tell(said: CardObjection) -> None:
    phone = said.card.user.phone
    if not phone:
        return  # it stands on their pages
    path = (
        reverse("monthlycard.deduction", args=[said.deduction_id])
        if said.deduction_id
        else reverse("monthlycard.cards")
    )
    accounts.send_sms(
        phone=phone,
        template="card_answer",
        params={"place": said.lot.section.name, "url": settings.PUBLIC_URL + path},
        key=f"card-answer:{said.pk}",
    )


@transaction.atomic
def look_at_vehicle(*, plate: Plate | None, since: datetime) -> int:
    """Questions about this vehicle have come or gone, that reach back to `since`: hold what they
    touch, let go what no longer is in question; how many deductions that concerns."""
    cards = CardVehicle.objects.filter(of_vehicle(plate)).values("card")
    rows = Deduction.objects.filter(card__in=cards, statement__ends_at__gte=since)
    found = rows.select_related("statement__lot", "card").order_by("pk")
    return sum(_look_at(row) for row in found)


def _look_at(row: Deduction) -> int:
    visits = questioned(selectors.items_of(row), section_id=row.statement.lot.section_id)
    if visits:
        ask_about(row, visits)
        return 1
    over = 0
    for said in CardObjection.objects.filter(
        deduction=row, reason=QUESTION, state=ObjectionState.OPEN
    ):
        moved = transition(
            said,
            source=ObjectionState.OPEN,
            target=ObjectionState.OVER,
            actor=SYSTEM,
            decided_at=clock.now(),
        )
        if moved:
            let_go(said, actor=SYSTEM)
            over += 1
    return over

"""What people do with cards, lots and statements stands in the trail."""

from datetime import timedelta
from typing import Any

from django.db import transaction

from core.models import AuditEntry
from monthlycard import services
from monthlycard.models import Card, Statement, StatementCorrection
from monthlycard.services import lots, objections, statements
from payments import services as payments
from payments.models import OrderItem
from tests.monthlycard import desk
from tests.monthlycard.conftest import agreed, grant_card
from tests.people import TEST, prove
from tests.street import new_photograph
from tests.trail import events, said


def test_an_application_says_who_made_it_and_who_sent_its_licence(world: Any, owner: Any) -> None:
    card = services.apply(
        user_id=owner.pk,
        plan_code=world.plan.code,
        plate_text="沪A12345",
        plate_colour="blue",
        evidence_sha="",
        actor=owner.actor,
    )
    services.send_licence(card_id=card.pk, evidence_sha=new_photograph(), actor="user:3")
    assert said(card) == [
        ("applied", owner.actor, "", {}),
        ("licence_sent", "user:3", "", {}),
    ]


def test_a_card_says_who_changed_its_plate_and_its_lots(world: Any, owner: Any) -> None:
    card = grant_card(owner, world.plan)
    prove(owner, "沪B67890", "blue")
    services.change_plate(
        card_id=card.pk, plate_text="沪B67890", plate_colour="blue", actor="user:4"
    )
    world.plan.lots.set([world.east])
    services.reissue(plan_id=world.plan.pk, actor="user:5")
    services.reissue(plan_id=world.plan.pk, actor="user:6")  # there is nothing to change
    assert said(card)[1:] == [
        ("plate_changed", "user:4", "", {}),
        ("lots_changed", "user:5", "", {}),
    ]


def test_a_lot_says_who_added_it_renewed_its_secret_and_took_it_out(world: Any) -> None:
    lot = world.east
    lots.renew_secret(lot=lot, actor="user:3")
    for takes in (False, False, True):
        services.set_takes_cards(lot=lot, takes=takes, actor="user:4")
    assert said(lot) == [
        ("added", TEST, "", {}),
        ("secret_renewed", "user:3", "", {}),
        ("takes_no_cards", "user:4", "", {}),
        ("takes_cards", "user:4", "", {}),
    ]
    assert said(agreed(lot)) == [("drafted", TEST, "", {})]


def statement_of(world: Any, card: Card, clock: Any) -> Statement:
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=3)
    clock.advance(timedelta(weeks=1))
    services.close_due()
    return Statement.objects.get()


def test_a_statement_says_who_checked_it_again_and_that_nobody_fetched_it(
    world: Any, card: Card, clock: Any
) -> None:
    statement = statement_of(world, card, clock)
    clock.advance(timedelta(days=30))
    assert [statements.notice_missed() for _twice in range(2)] == [1, 0]
    for actor in ("lot:1", "lot:2"):
        services.answer_statement(
            lot=world.east,
            number=statement.number,
            seen_checksum=statement.checksum,
            own=[],
            actor=actor,
        )
    assert said(statement) == [
        ("not_fetched", "system:monthlycard.notice_missed", "", {}),
        ("checked_again", "lot:2", "", {"differences": 1}),
    ]


def test_an_objection_says_who_made_it_once_and_a_correction_what_it_took_out(
    world: Any, card: Card, clock: Any
) -> None:
    statement = statement_of(world, card, clock)
    visit = statement.items.get().visit
    desk.statement_agreed()
    deduction = desk.deducted(statement)
    found = [
        objections.object_to_deduction(
            deduction_id=deduction.pk, visits=[], reason="amount", text="x", actor="owner"
        )
        for _twice in range(2)
    ]
    assert found[0].pk == found[1].pk
    assert said(found[0]) == [("opened", "owner", "", {})]
    made = services.correct_statement(
        statement_id=statement.pk, visits=[visit], out=True, actor="user:4", why="x"
    )
    assert made == 1
    assert said(statement) == [("corrected", "user:4", "", {"visits": [visit]})]


def test_a_renewal_is_said_with_each_period(world: Any, card: Card) -> None:

    order = payments.open_order(items=[("monthlycard.card", card.pk)], actor=TEST)
    payments.pay_at_counter(order.pk, "user:3")
    renewed = AuditEntry.objects.filter(subject="monthlycard.card", action="renewed")
    assert [(one.subject_id, one.actor) for one in renewed] == [(card.pk, "user:3")]
    assert events("monthlycard.rest_freed") == []


def test_a_statement_agreed_on_and_what_leaves_it_are_told_once(
    world: Any, card: Card, clock: Any, run_reactions: Any
) -> None:
    Card.objects.update(quota_left=500)
    statement = statement_of(world, card, clock)
    assert events("monthlycard.statement_agreed") == []
    desk.statement_agreed()
    with transaction.atomic():
        assert not statements.agree(statement, actor=TEST)
    assert events("monthlycard.statement_agreed") == [{"statement_id": statement.pk}]
    deduction = desk.deducted(statement)
    order = payments.open_order(items=[("monthlycard.deduction", deduction.pk)], actor=TEST)
    payments.pay_at_counter(order.pk, "user:3")
    services.correct_statement(
        statement_id=statement.pk,
        visits=[statement.items.get().visit],
        out=True,
        actor="user:4",
        why="x",
    )
    line = StatementCorrection.objects.get()
    item = OrderItem.objects.get(payable="monthlycard.deduction")
    assert events("monthlycard.rest_freed") == [
        {"correction_id": line.pk, "refunds": [[item.pk, deduction.due_fen]]}
    ]

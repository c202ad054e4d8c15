"""A card is what was bought, for as long, and its rest is what nobody used (P4.2)."""

from datetime import timedelta

import pytest

from core import audit, outages
from core.models import OutboxEvent
from monthlycard import services
from monthlycard.errors import CardMissing, CoversOtherwise, NotTheirPlate
from monthlycard.models import Card, CardVehicle, Deduction, Plan, PlanVersion, Statement
from payments.models import Refund
from tests.core.test_transition import in_threads
from tests.monthlycard import desk
from tests.monthlycard.conftest import PLATE, grant_card
from tests.monthlycard.test_cards import OTHER, applied, order_for, paid_card, told
from tests.monthlycard.test_statements import ask
from tests.payments.conftest import begin, pay, payer_pays, tell
from tests.people import TEST, prove

ENGLISH = {"accept-language": "en"}


def edit(plan: Plan, **changes) -> None:
    """Whoever edits it, by whatever way."""
    Plan.objects.filter(pk=plan.pk).update(**changes)


def fresh(card: Card) -> Card:
    return Card.objects.select_related("plan", "terms", "user").get(pk=card.pk)


# ── Plans have versions ─────────────────────────────────────────────────────────────────────────
def test_an_application_is_paid_at_the_price_that_it_was_made_for(world, owner):
    prove(owner, *PLATE)
    card = applied(owner, world.plan)
    edit(world.plan, price_fen=99900, days=1, quota=5, on_sale=False)

    assert services.quote_card(card.pk).amount_fen == 30000
    pay(order_for(card))

    card = fresh(card)
    assert (card.valid_until - card.valid_from, card.quota_left) == (timedelta(days=30), 30000)


def test_a_renewal_is_bought_as_the_plan_is_offered_now_and_each_period_keeps_its_price(
    world, owner, clock
):
    card = paid_card(owner, world.plan)
    edit(world.plan, price_fen=60000)
    pay(order_for(card))
    edit(world.plan, price_fen=100)
    clock.advance(timedelta(days=15))
    assert services.refundable_fen(fresh(card)) == 15000 + 60000


def test_a_renewal_gives_what_its_order_was_opened_for_whatever_is_edited_meanwhile(
    world, owner, clock
):
    card = paid_card(owner, world.plan)
    until = card.valid_until
    edit(world.plan, price_fen=40000, days=45)
    order = order_for(card)
    clock.advance(timedelta(minutes=1))
    edit(world.plan, days=5)
    services.version_of(Plan.objects.get())

    pay(order)

    assert fresh(card).valid_until == until + timedelta(days=45)


def test_a_card_of_yuan_is_not_renewed_by_a_plan_of_visits(world, owner):
    card = paid_card(owner, world.plan)
    edit(world.plan, quota_kind="count", quota=20)
    with pytest.raises(CoversOtherwise):
        order_for(card)


def test_a_visit_is_covered_by_the_measure_that_the_card_was_bought_with(world, owner, clock):
    card = paid_card(owner, world.plan)
    edit(world.plan, quota_kind="count", quota=3)
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=2)
    clock.advance(timedelta(days=7))
    services.close_due()
    row = desk.deducted(desk.statement_agreed())
    assert (row.covered_fen, row.quota_used, fresh(card).quota_left) == (2000, 2000, 28000)


def test_editing_a_plans_lots_changes_no_card_that_was_sold(world, owner, operator_client):
    sold = paid_card(owner, world.plan)
    form = {
        "merchant": world.plan.merchant_id,
        "code": "month",
        "name": "通停月卡",
        "price_fen": "300",
        "days": 30,
        "grace_days": 0,
        "quota_kind": "money",
        "quota": "300",
        "lots": [world.east.pk],
        "on_sale": "on",
    }
    operator_client.post(f"/admin/monthlycard/plan/{world.plan.pk}/change/", form)
    later = paid_card(owner, world.plan, OTHER)

    assert fresh(sold).records.get().lots == ["east", "west"]
    assert later.records.get().lots == ["east"]
    assert [row.lots for row in PlanVersion.objects.order_by("number")] == [
        ["east", "west"],
        ["east"],
    ]


def test_a_plans_lots_are_carried_over_to_sold_cards_by_a_deed_of_its_own(
    world, owner, operator_client, operator
):
    card = paid_card(owner, world.plan)
    world.plan.lots.set([world.east])
    chosen = {"action": "carry_over", "_selected_action": [world.plan.pk]}
    operator_client.post("/admin/monthlycard/plan/", chosen)
    assert told(world.west)[-1][2] == ["east"]
    actors = {row.actor for row in audit.trail(card) if row.action == "lots_changed"}
    assert actors == {operator.actor}


def test_what_runs_still_opens_the_lots_it_was_bought_for_when_it_is_renewed(world, owner, clock):
    card = paid_card(owner, world.plan)
    world.plan.lots.set([world.east])
    pay(order_for(card))
    assert fresh(card).lots == ["east", "west"]
    clock.advance(timedelta(days=61))
    pay(order_for(card))
    assert fresh(card).lots == ["east"]


def test_two_that_carry_lots_over_at_once_tell_the_lots_once(transactional_db, world, owner):
    paid_card(owner, world.plan)
    world.plan.lots.set([world.east])
    assert in_threads(4, lambda _n: services.reissue(plan_id=world.plan.pk)) == []
    assert [row.version for row in CardVehicle.objects.order_by("version")] == [1, 2]


def test_carrying_lots_over_while_the_vehicle_is_changed_keeps_both(transactional_db, world, owner):
    card = paid_card(owner, world.plan)
    prove(owner, *OTHER)
    world.plan.lots.set([world.east])
    works = [
        lambda: services.reissue(plan_id=world.plan.pk),
        lambda: services.change_plate(
            card_id=card.pk, plate_text=OTHER[0], plate_colour=OTHER[1], actor=TEST
        ),
    ]
    assert in_threads(2, lambda n: works[n]()) == []
    newest = CardVehicle.objects.order_by("-version")[0]
    assert (newest.plate_text, newest.lots) == (OTHER[0], ["east"])


def test_a_renewal_and_a_change_of_vehicle_stand_in_the_trail(world, owner):
    card = paid_card(owner, world.plan)
    pay(order_for(card))
    prove(owner, *OTHER)
    services.change_plate(card_id=card.pk, plate_text=OTHER[0], plate_colour="blue", actor=TEST)
    actions = [row.action for row in audit.trail(card)]
    assert (actions.count("renewed"), actions.count("plate_changed")) == (1, 1)


# ── Time ends a card ────────────────────────────────────────────────────────────────────────────
def test_a_card_that_ran_out_is_shown_so_before_any_sweep_and_after_it(
    world, owner, owner_client, clock
):
    card = paid_card(owner, world.plan)
    clock.advance(timedelta(days=30))
    for swept in (0, 1):
        page = owner_client.get("/cards/", headers=ENGLISH).content.decode()
        assert "Run out" in page
        assert "ran out" in page
        assert ">Valid<" not in page
        rows = owner_client.get("/api/v1/monthlycard/cards/").json()["results"]
        assert [row["state"] for row in rows] == ["expired"]
        assert services.expire_due() == 1 - swept
    assert fresh(card).state == "expired"
    assert "expired" in [row.to_state for row in audit.trail(card)]


def test_a_suspended_card_runs_out_too(world, owner, clock):
    card = paid_card(owner, world.plan)
    services.suspend(card_id=card.pk, actor=TEST, reason="lost")
    clock.advance(timedelta(days=30))
    assert not services.resume(card_id=card.pk, actor=TEST, reason="found")
    assert fresh(card).state == "expired"


def test_the_next_buyer_gets_the_card_of_a_vehicle_whose_card_ran_out(
    world, owner, stranger, clock
):
    old = paid_card(owner, world.plan)
    clock.advance(timedelta(days=30))
    prove(stranger, *PLATE)
    assert paid_card(stranger, world.plan).state == "active"
    with pytest.raises(NotTheirPlate):
        order_for(old)
    assert ask(world.east)["admit"] == "card"


def test_who_sold_the_vehicle_keeps_no_card_on_it_and_gets_the_rest(
    world, owner, stranger, clock, run_reactions
):
    card = paid_card(owner, world.plan)
    clock.advance(timedelta(days=10))
    prove(stranger, *PLATE)
    run_reactions()
    run_reactions()
    assert fresh(card).state == "ended"
    assert Refund.objects.get().amount_fen == 20000
    assert paid_card(stranger, world.plan).state == "active"


def test_an_application_of_who_has_shown_nothing_keeps_the_holder_from_none(world, owner, stranger):
    guess = applied(stranger, world.plan)
    prove(owner, *PLATE)
    assert applied(owner, world.plan).state == "verified"
    assert fresh(guess).state == "applied"  # and is told nothing of the holder's
    with pytest.raises(NotTheirPlate):
        services.verify(card_id=guess.pk, actor=TEST)
    assert fresh(guess).state == "applied"


def test_an_expired_card_is_bought_again_and_begins_when_it_is_paid(world, owner, clock):
    card = paid_card(owner, world.plan)
    clock.advance(timedelta(days=40))
    services.expire_due()
    pay(order_for(card))
    card = fresh(card)
    assert (card.state, card.valid_until) == ("active", clock.now() + timedelta(days=30))
    assert ask(world.east)["admit"] == "card"


def test_money_for_a_renewal_that_comes_when_another_has_the_card_goes_back(
    world, owner, stranger, clock, run_reactions
):
    card = paid_card(owner, world.plan)
    clock.advance(timedelta(days=29))
    late = order_for(card)
    attempt = begin(late)
    clock.advance(timedelta(days=1))
    prove(stranger, *PLATE)
    paid_card(stranger, world.plan)

    payer_pays(attempt)
    tell(attempt)

    assert fresh(card).state == "expired"
    assert sum(row.amount_fen for row in Refund.objects.filter(attempt__order=late)) == 30000


def test_nothing_is_put_onto_a_card_that_ran_out(world, owner, clock):
    card = paid_card(owner, world.plan)
    prove(owner, *OTHER)
    clock.advance(timedelta(days=30))
    with pytest.raises(CardMissing):
        services.change_plate(card_id=card.pk, plate_text=OTHER[0], plate_colour="blue", actor=TEST)


def test_the_lots_take_a_card_through_its_days_of_grace_and_no_longer(
    world, owner, owner_client, clock
):
    edit(world.plan, grace_days=3)
    card = paid_card(owner, world.plan)
    edit(world.plan, grace_days=0)
    until = card.valid_until
    clock.advance(timedelta(days=32))
    assert services.expire_due() == 0
    assert ask(world.east, "q1")["reason"] == "valid"
    page = owner_client.get("/cards/", headers=ENGLISH).content.decode()
    assert "The lots take it until" in page
    assert services.refundable_fen(fresh(card)) == 0

    clock.advance(timedelta(days=1))
    assert ask(world.east, "q2")["reason"] == "expired"
    assert services.expire_due() == 1
    assert fresh(card).valid_until == until


def test_a_renewal_within_the_days_of_grace_follows_the_old_period(world, owner, clock):
    edit(world.plan, grace_days=3)
    card = paid_card(owner, world.plan)
    until = card.valid_until
    clock.advance(timedelta(days=32))
    pay(order_for(card))
    assert fresh(card).valid_until == until + timedelta(days=30)


def test_what_an_outage_takes_of_the_days_of_grace_is_added_to_them(world, owner, clock):
    edit(world.plan, grace_days=3)
    card = paid_card(owner, world.plan)
    clock.advance(timedelta(days=32))
    began_at = clock.now()
    written = {"what": "pages", "reason": "a proxy", "actor": TEST}
    outage = outages.write(began_at=began_at, ended_at=None, **written)
    clock.advance(timedelta(days=2))
    assert services.expire_due() == 0
    assert ask(world.east, "q1")["reason"] == "valid"
    assert services.expire_due() == 0
    assert [one.action for one in audit.trail(card)].count("lengthened") == 1  # not each second
    outages.end(outage_id=outage.pk, actor=TEST)
    clock.advance(timedelta(hours=23))
    assert services.expire_due() == 0
    assert fresh(card).expires_at == card.valid_until + timedelta(days=5)
    clock.advance(timedelta(hours=1))
    assert services.expire_due() == 1


# ── What was used does not come back ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("closed", [False, True])
def test_what_was_used_and_not_deducted_yet_does_not_come_back(
    world, owner, clock, closed, run_reactions
):
    """¥290 of ¥300 are used: ¥10 go back, and nothing is due afterwards."""
    card = paid_card(owner, world.plan)
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=29)
    clock.advance(timedelta(days=8 if closed else 3))
    services.close_due()
    assert Statement.objects.exists() is closed

    assert services.refundable_fen(fresh(card)) == 1000
    assert services.end_card(card_id=card.pk, actor=TEST, reason="sold") == 1000

    clock.advance(timedelta(days=7))
    services.close_due()
    row = desk.deducted(desk.statement_agreed())
    assert (row.covered_fen, row.due_fen) == (29000, 0)
    assert fresh(card).quota_left == 0


def test_a_visit_under_way_when_the_card_ends_takes_nothing_off_the_rest(world, owner, clock):
    """P4.8: it leaves as a temporary vehicle's, paid at the barrier."""
    card = paid_card(owner, world.plan)
    desk.signed(world.east)
    services.take_passes(lot=world.east, reports=[desk.pass_of(card, "entry", 1, clock.now())])
    clock.advance(timedelta(hours=20))
    assert services.end_card(card_id=card.pk, actor=TEST, reason="sold") == 29000
    clock.advance(timedelta(days=7))
    assert services.close_due() == 0


def test_a_visit_that_no_statement_will_hold_takes_nothing_off_the_rest(world, owner, clock):
    card = paid_card(owner, world.plan)
    desk.signed(world.west)
    world.plan.lots.set([world.east])
    services.reissue(plan_id=world.plan.pk)
    clock.advance(timedelta(hours=1))
    desk.report(world.west, card, 1, clock.now(), hours=20)
    clock.advance(timedelta(hours=22))
    assert services.refundable_fen(fresh(card)) == 29000


def test_of_visits_bought_those_not_deducted_yet_are_used(world, owner, clock):
    edit(world.plan, quota_kind="count", quota=10)
    card = paid_card(owner, world.plan)
    desk.signed(world.east)
    for n in range(4):
        desk.report(world.east, card, n, clock.now() + timedelta(hours=2 * n), hours=1)
    clock.advance(timedelta(hours=9))
    assert services.end_card(card_id=card.pk, actor=TEST, reason="sold") == 18000
    event = OutboxEvent.objects.get(topic="monthlycard.card_ended")
    assert (event.data["refund_fen"], fresh(card).quota_left) == (18000, 4)


# ── Silence ─────────────────────────────────────────────────────────────────────────────────────
def test_silence_counts_from_when_the_lot_has_the_statement(live, world, owner, clock):
    """P4.12: who never got it has not kept silent; the operator hears of it instead."""
    from monthlycard.client import LotClient

    card = grant_card(owner, world.plan)
    desk.signed(world.east, silence_agrees_after_h=1)
    desk.report(world.east, card, 1, clock.now(), hours=3)
    clock.advance(timedelta(days=7))
    services.close_due()
    clock.advance(timedelta(hours=30))
    assert (services.take_silence(), services.notice_missed()) == (0, 1)

    gate = LotClient(live.http, "east", world.secrets["east"])
    gate.get("statements/")  # the list alone is not the statement
    assert services.take_silence() == 0
    gate.get(f"statements/{Statement.objects.get().number}/")
    clock.advance(timedelta(minutes=59))
    assert services.take_silence() == 0
    clock.advance(timedelta(minutes=1))
    assert services.take_silence() == 1
    assert not Deduction.objects.exists()

"""A card's life: applied for, shown, paid, renewed, changed, ended, its rest paid back (P4.2)."""

import threading
from datetime import timedelta

import pytest
from django.db import transaction

from accounts import selectors as accounts
from core.models import OutboxEvent
from monthlycard import selectors, services
from monthlycard.errors import AlreadyHeld, NotDue, NotForSale, NotTheirPlate
from monthlycard.models import Card, CardVehicle, Deduction
from payments import selectors as payments_selectors
from payments import services as payments
from payments.models import Order, OrderItem, Refund
from tests.core.test_transition import in_threads
from tests.monthlycard import desk
from tests.monthlycard.conftest import PLATE, grant_card
from tests.payments.conftest import begin, books, pay, payer_pays, tell
from tests.people import TEST, logged_in, prove, with_rights

OTHER = ("沪B54321", "blue")


def applied(owner, plan, plate=PLATE, evidence=""):
    return services.apply(
        user_id=owner.pk,
        plan_code=plan.code,
        plate_text=plate[0],
        plate_colour=plate[1],
        evidence_sha=evidence,
        actor=TEST,
    )


def order_for(card: Card) -> Order:
    return payments.open_order(items=[("monthlycard.card", card.pk)], actor=TEST)


def paid_card(owner, plan, plate=PLATE) -> Card:
    prove(owner, *plate)
    card = applied(owner, plan, plate)
    pay(order_for(card))
    card.refresh_from_db()
    return card


def told(lot, since=0):
    return [(row.cursor, row.state, row.lots) for row in selectors.records_since(lot, since)]


def test_who_may_only_look_at_cards_ends_none_and_pays_nothing_back(world, owner, run_reactions):
    card = paid_card(owner, world.plan)
    run_reactions()
    client = logged_in(with_rights("clerk", "monthlycard.view_card"))
    for action in ("end", "suspend", "refuse", "verify", "resume"):
        client.post("/admin/monthlycard/card/", {"action": action, "_selected_action": [card.pk]})
    run_reactions()
    card.refresh_from_db()
    assert (card.state, Refund.objects.count()) == (Card.State.ACTIVE, 0)


def test_the_right_to_suspend_cards_suspends_them_and_ends_none(world, owner):
    card = paid_card(owner, world.plan)
    client = logged_in(with_rights("clerk", "monthlycard.view_card", "monthlycard.suspend_card"))
    for action, state in [("end", Card.State.ACTIVE), ("suspend", Card.State.SUSPENDED)]:
        client.post("/admin/monthlycard/card/", {"action": action, "_selected_action": [card.pk]})
        card.refresh_from_db()
        assert card.state == state
    assert told(world.east)[-1][1] == "suspended"


# ── Applying ────────────────────────────────────────────────────────────────────────────────────
def test_a_plate_that_was_shown_before_is_verified_at_once(world, owner):
    """P4.2."""
    prove(owner, *PLATE)
    card = applied(owner, world.plan, ("沪a·12345", "blue"))
    assert (card.state, card.plate_text) == ("verified", PLATE[0])
    assert services.quote_card(card.pk).amount_fen == 30000


def test_another_plate_waits_until_a_person_has_seen_the_licence(world, owner, operator_client):
    """P4.2: driven through the admin; the possession of the plate is proven with it."""
    card = applied(owner, world.plan)
    with pytest.raises(NotDue):
        services.quote_card(card.pk)
    with pytest.raises(NotTheirPlate):  # no photograph came with it
        services.accept_licence(card_id=card.pk, actor=TEST)
    Card.objects.filter(pk=card.pk).update(evidence_sha="a" * 64)

    operator_client.post(
        "/admin/monthlycard/card/", {"action": "verify", "_selected_action": [card.pk]}
    )

    card.refresh_from_db()
    assert card.state == "verified"
    assert accounts.holder_of(*PLATE) == owner


def test_a_refused_application_may_be_made_again(world, owner):
    """P4.2."""
    card = applied(owner, world.plan)
    assert services.refuse(card_id=card.pk, actor=TEST, reason="unreadable")
    assert applied(owner, world.plan).state == "applied"


def test_a_vehicle_has_one_card_of_a_plan_however_often_it_is_asked_for(
    transactional_db, world, owner
):
    """P4.2."""
    prove(owner, *PLATE)
    raised = in_threads(4, lambda _n: applied(owner, world.plan))
    assert [type(error) for error in raised] == [AlreadyHeld] * 3
    assert Card.objects.count() == 1


def test_what_a_stranger_applies_for_blocks_nobody_and_tells_nothing(world, owner, stranger):
    """P4.2: whether there is a card for a vehicle is its holder's business."""
    squatted = applied(stranger, world.plan)
    card = paid_card(owner, world.plan)
    assert card.state == "active"
    services.refuse(card_id=squatted.pk, actor=TEST, reason="licence")
    again = applied(stranger, world.plan)  # as if there were none
    assert again.state == "applied"
    with pytest.raises(AlreadyHeld):  # their own application: they know of it
        applied(stranger, world.plan)


def test_who_shows_the_licence_of_a_sold_vehicle_gets_its_card(
    world, owner, stranger, run_reactions
):
    """P4.2: the former holder's ends, and its rest goes back, in the same step."""
    former = paid_card(owner, world.plan)
    card = applied(stranger, world.plan)
    Card.objects.filter(pk=card.pk).update(evidence_sha="a" * 64)
    assert services.accept_licence(card_id=card.pk, actor=TEST)
    run_reactions()
    former.refresh_from_db()
    assert former.state == "ended"
    assert Refund.objects.get().amount_fen == 30000
    assert services.quote_card(card.pk).amount_fen == 30000


# ── Paying ──────────────────────────────────────────────────────────────────────────────────────
def test_paying_grants_the_card_and_its_record_reaches_the_lots(world, owner, owner_client):
    """P4.2, P4.3, P4.4: from the page to the cashier, the money in the books."""
    prove(owner, *PLATE)
    answer = owner_client.post("/cards/", {"plan": "month", "plate": PLATE[0], "colour": "blue"})
    order = Order.objects.get()
    assert answer.url == payments_selectors.order_public_url(order)
    assert order.payer_user_id == owner.pk

    pay(order)

    card = Card.objects.get()
    assert (card.state, card.quota_left) == ("active", 30000)
    assert (card.valid_until - card.valid_from).days == 30
    assert told(world.east) == told(world.west) == [(1, "active", ["east", "west"])]
    assert books()[f"merchant:{world.plan.merchant_id}"] == -30000
    assert "¥300.00" in owner_client.get("/cards/").content.decode()


def test_renewing_adds_a_period_to_the_end_and_tells_the_lots(world, owner):
    """P4.2."""
    card = paid_card(owner, world.plan)
    until = card.valid_until
    pay(order_for(card))
    card.refresh_from_db()
    assert (card.valid_until, card.quota_left) == (until + timedelta(days=30), 60000)
    assert [row.version for row in selectors.records_since(world.east, 0)] == [1, 2]


def test_a_plan_that_is_no_longer_sold_is_not_renewed(world, owner):
    """P4.2."""
    card = paid_card(owner, world.plan)
    world.plan.on_sale = False
    world.plan.save()
    with pytest.raises(NotForSale):
        order_for(card)


def test_money_that_comes_for_a_card_that_has_ended_goes_back_whole(world, owner, run_reactions):
    """P4.2."""
    card = paid_card(owner, world.plan)
    renewal = order_for(card)
    attempt = begin(renewal)
    services.end_card(card_id=card.pk, actor=TEST, reason="sold")

    payer_pays(attempt)
    tell(attempt)

    assert Refund.objects.filter(attempt__order=renewal).get().amount_fen == 30000
    card.refresh_from_db()
    assert card.state == "ended"


# ── Suspending, changing the vehicle ────────────────────────────────────────────────────────────
def test_each_change_of_a_card_is_a_record_of_its_own(world, owner):
    """P4.3, P4.4: revocations arrive too."""
    card = paid_card(owner, world.plan)
    assert services.suspend(card_id=card.pk, actor=TEST, reason="lost")
    assert not services.suspend(card_id=card.pk, actor=TEST, reason="lost")
    assert services.resume(card_id=card.pk, actor=TEST, reason="found")
    assert [state for _cursor, state, _lots in told(world.east)] == [
        "active",
        "suspended",
        "active",
    ]


def test_another_vehicle_of_the_same_person_comes_onto_the_card(world, owner, owner_client):
    """P4.2."""
    card = paid_card(owner, world.plan)
    address = f"/cards/{card.number}/plate/"
    assert owner_client.post(address, {"plate": "|".join(OTHER)}).status_code == 409  # not shown
    prove(owner, *OTHER)
    assert owner_client.post(address, {"plate": "|".join(OTHER)}).status_code == 302

    assert selectors.records_of(PLATE[0]) == []
    assert [record.version for record in selectors.records_of(OTHER[0])] == [2]


def test_a_vehicle_that_has_such_a_card_gets_no_second_one_by_a_change(world, owner):
    """P4.2."""
    card = paid_card(owner, world.plan)
    paid_card(owner, world.plan, OTHER)
    with pytest.raises(AlreadyHeld):
        services.change_plate(
            card_id=card.pk, plate_text=OTHER[0], plate_colour=OTHER[1], actor=TEST
        )


def test_a_lot_hears_only_of_its_own_cards_and_once_more_of_one_that_was_taken_off(world, owner):
    """P4.4."""
    world.plan.lots.set([world.east])
    paid_card(owner, world.plan)
    assert told(world.west) == []

    world.plan.lots.set([world.west])
    services.reissue(plan_id=world.plan.pk)

    assert told(world.east) == [(1, "active", ["east"]), (2, "active", ["west"])]
    assert told(world.west) == [(2, "active", ["west"])]


def test_a_lot_that_takes_no_cards_is_taken_off_them_and_put_back(world, owner):
    """P4.8."""
    paid_card(owner, world.plan)
    assert services.set_takes_cards(lot=world.west, takes=False, actor=TEST)
    assert not services.set_takes_cards(lot=world.west, takes=False, actor=TEST)
    assert told(world.west)[-1][2] == ["east"]
    services.set_takes_cards(lot=world.west, takes=True, actor=TEST)
    assert told(world.west)[-1][2] == ["east", "west"]


# ── Ending ──────────────────────────────────────────────────────────────────────────────────────
def test_an_ended_cards_rest_goes_back_once_to_where_it_came_from(
    world, owner, owner_client, clock, run_reactions
):
    """P4.2: by the owner's own button; 20 of 30 days are left."""
    card = paid_card(owner, world.plan)
    clock.advance(timedelta(days=10))
    page = owner_client.get("/cards/").content.decode()
    assert "¥200.00" in page

    owner_client.post(f"/cards/{card.number}/end/")
    owner_client.post(f"/cards/{card.number}/end/")
    run_reactions()
    run_reactions()

    assert Refund.objects.get().amount_fen == 20000
    assert books()[f"merchant:{world.plan.merchant_id}"] == -10000
    assert [state for _cursor, state, _lots in told(world.east)] == ["active", "ended"]
    assert selectors.records_of(PLATE[0])[0].valid_until == clock.now()


def test_what_was_used_of_the_quota_does_not_come_back(world, owner, run_reactions):
    """P4.2."""
    card = paid_card(owner, world.plan)
    Card.objects.filter(pk=card.pk).update(quota_left=1234)
    assert services.end_card(card_id=card.pk, actor=TEST, reason="sold") == 1234
    card.refresh_from_db()
    assert card.quota_left == 0


def test_periods_paid_ahead_come_back_each_to_its_own_payment(world, owner, clock, run_reactions):
    """P4.2."""
    card = paid_card(owner, world.plan)
    pay(order_for(card))
    clock.advance(timedelta(days=15))

    assert services.end_card(card_id=card.pk, actor=TEST, reason="sold") == 45000
    run_reactions()

    items = OrderItem.objects.order_by("-pk")
    assert [sum(r.amount_fen for r in item.refunds.all()) for item in items] == [30000, 15000]


def test_a_card_that_nobody_paid_for_leaves_nothing(world, owner):
    """P4.2."""
    card = grant_card(owner, world.plan)
    assert services.end_card(card_id=card.pk, actor=TEST, reason="sold") == 0


@pytest.mark.parametrize("attempt", range(3))
def test_a_deduction_and_the_end_of_a_card_never_spend_the_same_money(
    transactional_db, world, owner, clock, attempt
):
    """P4.2, P4.12: both at once, on connections of their own."""
    card = paid_card(owner, world.plan)
    Card.objects.filter(pk=card.pk).update(quota_left=3000)
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=2)
    clock.advance(timedelta(days=7))
    services.close_due()
    statement = desk.statement_agreed()
    works = [
        lambda: services.deduct(statement_id=statement.pk, actor=TEST),
        lambda: services.end_card(card_id=card.pk, actor=TEST, reason="sold"),
    ]

    assert in_threads(2, lambda n: works[(n + attempt) % 2]()) == []

    refund_fen = OutboxEvent.objects.get(topic="monthlycard.card_ended").data["refund_fen"]
    row = Deduction.objects.get()
    card.refresh_from_db()
    assert card.quota_left == 0
    assert refund_fen + row.covered_fen == 3000
    assert row.covered_fen + row.due_fen == row.fee_fen == 2000


# ── The cursor ──────────────────────────────────────────────────────────────────────────────────
def test_a_record_that_commits_late_has_no_lower_number_than_one_that_was_seen(
    transactional_db, world, owner
):
    """P4.4: a lot that asks in between never skips it."""
    cards = [grant_card(owner, world.plan, (f"沪A{n:05d}", "blue")) for n in range(2)]
    seen = told(world.east)[-1][0]
    written, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            services.suspend(card_id=cards[0].pk, actor=TEST, reason="slow")
            written.set()
            assert may_commit.wait(10)

    def fast() -> None:
        assert written.wait(10)
        services.suspend(card_id=cards[1].pk, actor=TEST, reason="fast")

    def asking() -> None:
        assert written.wait(10)
        assert told(world.east, seen) == []
        may_commit.set()

    works = [slow, fast, asking]
    assert in_threads(3, lambda n: works[n]()) == []
    assert [cursor for cursor, _state, _lots in told(world.east, seen)] == [seen + 1, seen + 2]


def test_a_lot_that_keeps_asking_while_many_commit_misses_nothing(transactional_db, world, owner):
    """P4.4."""
    cards = [grant_card(owner, world.plan, (f"沪A{n:05d}", "blue")) for n in range(4)]
    heard: list[int] = []

    def work(n: int) -> None:
        if n < 4:
            for _ in range(3):
                services.suspend(card_id=cards[n].pk, actor=TEST, reason="x")
                services.resume(card_id=cards[n].pk, actor=TEST, reason="x")
            return
        for _ in range(40):
            cursor = heard[-1] if heard else 0
            heard.extend(row.cursor for row in selectors.records_since(world.east, cursor, 5))

    assert in_threads(5, work) == []
    heard.extend(
        row.cursor for row in selectors.records_since(world.east, heard[-1] if heard else 0)
    )
    assert heard == list(CardVehicle.objects.order_by("cursor").values_list("cursor", flat=True))
    assert len(heard) == 4 + 24


# ── Strangers ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("action", ["pay", "end", "plate"])
def test_nobody_touches_another_persons_card(world, owner, stranger_client, anonymous, action):
    """P4.2: a stranger finds nothing, an unknown visitor is asked to log in."""
    card = paid_card(owner, world.plan)
    address = f"/cards/{card.number}/{action}/"
    assert stranger_client.post(address).status_code == 404
    assert anonymous.post(address).url.startswith("/me/login/")
    card.refresh_from_db()
    assert card.state == "active"


def test_nobody_pays_or_sees_another_persons_deduction(
    world, owner, owner_client, stranger_client, clock
):
    """P4.12: what the card does not cover is a due like any other, its owner's."""
    card = paid_card(owner, world.plan)
    Card.objects.filter(pk=card.pk).update(quota_left=500)
    desk.signed(world.east)
    desk.report(world.east, card, 1, clock.now(), hours=1)
    clock.advance(timedelta(days=7))
    services.close_due()
    row = desk.deducted(desk.statement_agreed())

    assert stranger_client.post(f"/cards/deductions/{row.pk}/pay/").status_code == 404
    assert row.statement.number not in stranger_client.get("/cards/").content.decode()

    owner_client.post(f"/cards/deductions/{row.pk}/pay/")
    pay(Order.objects.get(items__payable="monthlycard.deduction"))
    row.refresh_from_db()
    assert (row.due_fen, row.paid_at is not None) == (500, True)
    with pytest.raises(NotDue):
        services.quote_deduction(row.pk)


def test_a_person_applies_and_sees_their_cards_by_the_interface_too(
    world, owner, owner_client, stranger_client, anonymous
):
    """P4.2: web page and API."""
    prove(owner, *PLATE)
    body = {"plan": "month", "plate": PLATE[0], "colour": "blue"}
    address = "/api/v1/monthlycard/cards/"
    answer = owner_client.post(address, body, content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (201, "verified")
    assert [card["plan"] for card in owner_client.get(address).json()["results"]] == ["month"]
    assert stranger_client.get(address).json()["results"] == []
    assert anonymous.get(address).status_code == 401

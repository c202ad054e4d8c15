"""What each act makes of a card in each of its states, with another person's card beside it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import PlateHolding, User
from core import clock as business_clock
from core.errors import Missing
from monthlycard import services
from monthlycard.errors import AlreadyHeld, CardMissing, NotDue, NotTheirPlate
from monthlycard.models import Card, CardPeriod, CardVehicle
from monthlycard.services import cards
from tests.monthlycard.conftest import PLATE, grant_card
from tests.monthlycard.test_cards import applied, paid_card
from tests.people import prove
from tests.street import new_photograph
from tests.trail import moves, said

OTHER = ("沪B67890", "blue")
THIRD = ("沪C11111", "blue")
WHO, WHY = "user:7", "why"
STATES = ("applied", "verified", "active", "suspended", "expired", "ended", "refused")

ACTS: dict[str, Callable[[Card], object]] = {
    "verify": lambda card: cards.verify(card_id=card.pk, actor=WHO),
    "accept licence": lambda card: cards.accept_licence(card_id=card.pk, actor=WHO),
    "refuse": lambda card: cards.refuse(card_id=card.pk, actor=WHO, reason=WHY),
    "send licence": lambda card: cards.send_licence(
        card_id=card.pk, evidence_sha=new_photograph(), actor=WHO
    ),
    "suspend": lambda card: cards.suspend(card_id=card.pk, actor=WHO, reason=WHY),
    "resume": lambda card: cards.resume(card_id=card.pk, actor=WHO, reason=WHY),
    "end": lambda card: cards.end_card(card_id=card.pk, actor=card.user.actor, reason=WHY),
    "grant": lambda card: cards.grant(card=card, actor=WHO),
    "quote": lambda card: cards.quote_card(card.pk).amount_fen,
    "may renew": cards.may_renew,
    "rest": lambda card: cards.rest_now(card).fen,
    "expire": lambda card: cards.expire(Card.objects.filter(pk=card.pk)),
}
# What an act answers where it does something, and where the card is afterwards.
DONE: dict[str, dict[str, tuple[object, str]]] = {
    "verify": {"applied": (True, "verified")},
    "accept licence": {"applied": (True, "verified")},
    "refuse": {"applied": (True, "refused")},
    "send licence": {"applied": (None, "applied")},
    "suspend": {"active": (True, "suspended")},
    "resume": {"suspended": (True, "active")},
    "end": {
        "applied": (0, "ended"),
        "verified": (0, "ended"),
        "active": (30000, "ended"),
        "suspended": (30000, "ended"),
    },
    "grant": {"verified": (True, "active")},
    "quote": {
        "verified": (30000, "verified"),
        "active": (30000, "active"),
        "expired": (30000, "expired"),
    },
    "may renew": {"active": (True, "active"), "expired": (True, "expired")},
    "rest": {"active": (30000, "active"), "suspended": (30000, "suspended")},
    "expire": {},
}
NOTHING: dict[str, object] = {"end": 0, "rest": 0, "expire": 0}
REFUSED = {"quote": NotDue, "send licence": CardMissing}


@pytest.fixture
def card(world: Any, owner: User, stranger: User) -> Card:
    """Paid, in force; and a stranger has one of the same plan."""
    paid_card(stranger, world.plan, OTHER)
    found = paid_card(owner, world.plan)
    Card.objects.filter(pk=found.pk).update(evidence_sha=new_photograph())
    return Card.objects.get(pk=found.pk)


def put(card: Card, state: str) -> Card:
    """The card stands in this state, with the times that it has there."""
    facts: dict[str, Any] = {"state": state}
    if state in ("applied", "verified", "refused"):
        facts |= {"valid_from": None, "valid_until": None, "expires_at": None, "quota_left": 0}
        card.periods.all().delete()
    if state in ("expired", "ended"):
        past = business_clock.now() - timedelta(seconds=1)
        facts |= {"valid_until": past, "expires_at": past}
    Card.objects.filter(pk=card.pk).update(**facts)
    return Card.objects.select_related("user", "plan", "terms").get(pk=card.pk)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", STATES)
def test_an_act_does_what_it_may_in_a_state_and_nothing_elsewhere(
    card: Card, state: str, act: str
) -> None:
    row = put(card, state)
    others = list(Card.objects.exclude(pk=card.pk).values())
    done = DONE[act].get(state)
    if done is None and act in REFUSED:
        with pytest.raises(REFUSED[act]):
            ACTS[act](row)
    else:
        assert ACTS[act](row) == (done[0] if done else NOTHING.get(act, False))
    after = Card.objects.get(pk=card.pk)
    assert after.state == (done[1] if done else state)
    if done and done[1] != state:
        assert moves(after)[-1][:3] == (state, done[1], WHO if act != "end" else card.user.actor)
    assert list(Card.objects.exclude(pk=card.pk).values()) == others


# ── Applying ─────────────────────────────────────────────────────────────────────────────────
def test_a_photograph_that_nobody_sent_shows_nothing(world: Any, owner: User) -> None:
    with pytest.raises(Missing):
        applied(owner, world.plan, evidence="0" * 64)
    assert not Card.objects.exists()


def test_a_licence_that_was_not_sent_is_not_accepted(world: Any, owner: User) -> None:
    card = applied(owner, world.plan)
    with pytest.raises(NotTheirPlate):
        cards.accept_licence(card_id=card.pk, actor=WHO)
    assert not PlateHolding.objects.filter(state="proven").exists()


def test_who_has_shown_a_vehicle_gets_its_card_and_others_applications_stay_as_they_were(
    world: Any, owner: User, stranger: User
) -> None:
    """Whether there is a card for a vehicle is its holder's business."""
    guesses = [applied(stranger, world.plan, plate) for plate in (PLATE, OTHER)]
    before = list(Card.objects.order_by("pk").values())
    prove(owner, *PLATE)
    card = applied(owner, world.plan)
    assert card.state == "verified"
    assert list(Card.objects.filter(user=stranger).order_by("pk").values()) == before
    assert [moves(one) for one in guesses] == [[], []]


def test_of_two_who_hold_a_vehicle_the_second_gets_no_card_of_the_plan(
    world: Any, owner: User, stranger: User
) -> None:
    guess = applied(stranger, world.plan)
    paid_card(owner, world.plan)
    PlateHolding.objects.filter(user=owner).delete()
    prove(stranger, *PLATE)
    with pytest.raises(AlreadyHeld):
        cards.verify(card_id=guess.pk, actor=WHO)
    guess.refresh_from_db()
    assert guess.state == "applied"
    assert moves(guess) == []


def test_an_application_of_ones_own_is_not_ended_by_showing_the_vehicle(
    world: Any, owner: User
) -> None:
    first = applied(owner, world.plan)
    prove(owner, *PLATE)
    with pytest.raises(AlreadyHeld):
        applied(owner, world.plan)
    first.refresh_from_db()
    assert first.state == "applied"


# ── Time ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("early_s", "expired"), [(1, 0), (0, 1)])
def test_a_card_runs_out_with_its_last_second(card: Card, early_s: int, expired: int) -> None:
    assert card.expires_at is not None
    business_clock.move_to(card.expires_at - timedelta(seconds=early_s))
    assert cards.expire(Card.objects.filter(pk=card.pk)) == expired
    assert cards.expire(Card.objects.filter(pk=card.pk)) == 0
    assert [one for one in moves(card) if one[2] == cards.EXPIRE] == [
        ("active", "expired", cards.EXPIRE, "")
    ] * expired


def test_a_card_is_valid_in_whole_seconds_for_the_days_that_were_bought(
    world: Any, owner: User, clock: Any
) -> None:
    clock.advance(timedelta(microseconds=250_000))
    world.plan.grace_days = 3
    world.plan.save()
    card = grant_card(owner, world.plan)
    card.refresh_from_db()
    now = clock.now().replace(microsecond=0)
    assert card.valid_from == now
    assert card.valid_until == now + timedelta(days=30)
    assert card.expires_at == now + timedelta(days=33)
    assert (card.quota_left, card.lots) == (30000, ["east", "west"])
    period = CardPeriod.objects.get()
    assert (period.starts_at, period.ends_at, period.terms) == (now, card.valid_until, card.terms)


def test_days_of_grace_are_fewer_than_the_days_themselves(world: Any) -> None:
    world.plan.grace_days, world.plan.days = 9, 7
    world.plan.save()
    assert cards.version_of(world.plan).grace_days == 6


def test_a_plan_has_another_version_only_where_what_it_offers_is_another(world: Any) -> None:
    first = cards.version_of(world.plan)
    assert cards.version_of(world.plan) == first
    world.plan.name = "另一个名字"
    world.plan.save()
    assert cards.version_of(world.plan) == first
    for number, change in enumerate(
        ({"price_fen": 1}, {"days": 8}, {"quota": 2}, {"grace_days": 1}, {"quota_kind": "count"}),
        start=2,
    ):
        for name, value in change.items():
            setattr(world.plan, name, value)
        world.plan.save()
        assert cards.version_of(world.plan).number == number
    world.plan.lots.set([world.west])
    found = cards.version_of(world.plan)
    assert (found.number, found.lots, found.price_fen, found.days) == (7, ["west"], 1, 8)


# ── Ending ───────────────────────────────────────────────────────────────────────────────────
def test_an_ended_card_is_over_from_this_second_and_leaves_what_was_not_used(
    card: Card, clock: Any
) -> None:
    clock.advance(timedelta(days=10, microseconds=5))
    now = clock.now().replace(microsecond=0)
    assert cards.refundable_fen(card) == 20000 - 1000  # whole days
    assert services.end_card(card_id=card.pk, actor=card.user.actor, reason=WHY) == 19000
    card.refresh_from_db()
    assert (card.valid_until, card.expires_at) == (now, now)
    assert card.quota_left == 30000 - 19000
    assert CardVehicle.objects.filter(card=card).order_by("-version").first().state == "ended"


def test_cards_of_vehicles_that_are_no_longer_theirs_end_and_others_stay(
    world: Any, owner: User, stranger: User, card: Card
) -> None:
    kept = grant_card(owner, world.plan, THIRD)
    PlateHolding.objects.filter(user=owner, plate_text=PLATE[0]).update(state="ended")
    assert cards.end_cards_of_former_holder(user_id=stranger.pk) == 0
    assert cards.end_cards_of_former_holder(user_id=owner.pk) == 1
    states = dict(Card.objects.values_list("plate_text", "state"))
    assert states == {PLATE[0]: "ended", THIRD[0]: "active", OTHER[0]: "active"}
    assert moves(card)[-1][3] == "the vehicle is no longer theirs"
    kept.refresh_from_db()
    assert kept.state == "active"


def test_a_vehicle_that_another_has_such_a_card_for_is_not_renewed(
    world: Any, owner: User, card: Card
) -> None:
    """A card of another plate, another colour or another plan keeps nobody from renewing."""
    put(card, "expired")
    assert cards.may_renew(Card.objects.get(pk=card.pk))
    other = Card.objects.exclude(pk=card.pk).get()
    for plate, may in (((PLATE[0], "yellow"), True), (PLATE, False)):
        Card.objects.filter(pk=other.pk).update(plate_text=plate[0], plate_colour=plate[1])
        assert cards.may_renew(Card.objects.get(pk=card.pk)) is may
    Card.objects.filter(pk=other.pk).update(state="ended")
    assert cards.may_renew(Card.objects.get(pk=card.pk))


# ── Money ────────────────────────────────────────────────────────────────────────────────────
def test_lots_are_carried_over_to_cards_in_force_whose_lots_are_others(
    world: Any, card: Card
) -> None:
    world.plan.lots.set([world.east])
    assert services.reissue(plan_id=world.plan.pk, actor=WHO) == 2
    assert services.reissue(plan_id=world.plan.pk, actor=WHO) == 0
    assert [row.lots for row in Card.objects.all()] == [["east"], ["east"]]
    assert said(card)[-1] == ("lots_changed", WHO, "", {})

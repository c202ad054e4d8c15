"""Who is asked for which debt, by which way, and what of it is taken back: each condition alone,
with another vehicle's debt and demand beside it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts import services as accounts
from accounts.models import SmsMessage, User
from arrears import services
from arrears.errors import DebtMoved, NotLookedAt
from arrears.models import Debt, Demand, ExemptVehicle, Look
from arrears.services import demands, listing
from arrears.services.looks import REST
from core import clock as business_clock
from core import images
from core.errors import Invalid
from parking.models import ReviewItem, Section
from parking.services.reviews import open_review
from tests.arrears.test_ways_out import Two, two  # noqa: F401
from tests.people import prove
from tests.street import OTHER_PLATE, PLATE, TEST, photograph
from tests.trail import events, moves

HOUR = timedelta(hours=1)


def seen(*debts: Debt) -> None:
    """A person has looked at these, long enough ago."""
    long_ago = business_clock.now() - REST - HOUR
    Look.objects.filter(debt__in=debts).update(state="agreed", looked_at=long_ago)


@pytest.fixture
def mine(two: Two) -> Debt:  # noqa: F811
    seen(two.mine, two.other)
    return two.mine


def made(debt: Debt) -> Demand:
    demand = demands.make_demand(debt_id=debt.pk)
    assert demand is not None
    return demand


def stands(state: str, **which: Any) -> None:
    """Demands are in this state."""
    at = business_clock.now() if state == "delivered" else None
    Demand.objects.filter(**which).update(state=state, delivered_at=at)


def at_three(clock: Any) -> None:
    """In daylight."""
    clock.move_to(business_clock.now().replace(hour=7) + timedelta(days=1))


# ── Made ─────────────────────────────────────────────────────────────────────────────────────
def demanded(debt: Debt) -> None:
    Debt.objects.filter(pk=debt.pk).update(
        demanded_at=business_clock.now(), demanded_fen=debt.amount_fen
    )


def questioned(debt: Debt) -> None:
    open_review(kind=ReviewItem.Kind.STAY, why="x", merchant_id=debt.merchant_id, stay=debt.stay)


def unlooked(debt: Debt) -> None:
    Look.objects.filter(debt=debt).update(state="waiting")


def exempt(debt: Debt) -> None:
    ExemptVehicle.objects.create(
        plate_text=debt.plate_text,
        plate_colour=debt.plate_colour,
        state="granted",
        reason="x",
        why="x",
        until=business_clock.now() + HOUR,
        asked_at=business_clock.now(),
        asked_by="user:1",
        granted_by="user:2",
    )


def on_its_way(debt: Debt) -> None:
    Demand.objects.filter(pk=made(debt).pk).update(state="sending")


def disputed(debt: Debt) -> None:
    Debt.objects.filter(pk=debt.pk).update(state="disputed")


@pytest.mark.parametrize(
    "but",
    [demanded, questioned, unlooked, exempt, on_its_way, disputed],
    ids=lambda one: one.__name__,
)
def test_nobody_is_asked_for_a_debt_while_one_thing_stands_against_it(
    two: Two,  # noqa: F811
    mine: Debt,
    but: Callable[[Debt], None],
) -> None:
    but(mine)
    assert demands.make_demand(debt_id=mine.pk) is None
    assert made(two.other).debts.get() == two.other


@pytest.mark.parametrize(
    ("phone", "channel"), [("13912345678", "sms"), ("", "page"), (None, "paper")]
)
def test_who_holds_the_plate_is_asked_by_phone_else_on_their_page_else_on_paper(
    mine: Debt, owner: User, phone: str | None, channel: str
) -> None:
    if phone is not None:
        prove(owner, PLATE.text, "blue")
    if phone == "":
        User.objects.filter(pk=owner.pk).update(phone_sealed="", phone_digest="")
    demand = made(mine)
    assert (demand.channel, demand.state) == (channel, "made")
    assert demand.user == (owner if phone is not None else None)
    assert (demand.plate_text, demand.plate_colour) == (PLATE.text, "blue")
    assert demand.made_at == business_clock.now()


def test_what_comes_meanwhile_goes_into_the_same_demand_of_the_same_vehicle_and_person(
    two: Two,  # noqa: F811
    mine: Debt,
    owner: User,
) -> None:
    first = made(mine)
    assert made(two.other) != first
    assert made(mine) == first
    prove(owner, PLATE.text, "blue")
    second = made(mine)
    assert second != first  # it is a person's now
    stands("delivered", pk=second.pk)
    assert made(mine) not in (first, second)


def test_a_demand_waits_as_long_as_its_last_debt_and_never_less(mine: Debt) -> None:
    first = made(mine)
    Demand.objects.update(due_at=first.due_at + 9 * HOUR)
    made(mine)
    first.refresh_from_db()
    later = first.due_at
    assert later == made(mine).due_at
    Demand.objects.update(due_at=business_clock.now() - HOUR)
    made(mine)
    first.refresh_from_db()
    assert first.due_at >= business_clock.now()


# ── Taken back ───────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("made", "dropped"),
        ("sending", "dropped"),
        ("failed", "dropped"),
        ("delivered", "delivered"),
    ],
)
def test_a_debt_leaves_what_has_not_been_delivered_and_no_other_demand(
    two: Two,  # noqa: F811
    mine: Debt,
    state: str,
    after: str,
) -> None:
    demand, other = made(mine), made(two.other)
    stands(state, pk=demand.pk)
    demands.take_back([mine.pk], actor="user:7", reason="why")
    demand.refresh_from_db()
    other.refresh_from_db()
    assert (demand.state, demand.debts.count()) == (after, int(after == "delivered"))
    assert (other.state, other.debts.count()) == ("made", 1)
    taken = [] if after == "delivered" else [(state, "dropped", "user:7", "why")]
    assert moves(demand) == taken
    assert events("arrears.demand_taken_back") == []  # it asked for nothing else


def test_a_demand_that_nobody_has_sent_goes_on_without_the_debt_that_left_it(
    two: Two,  # noqa: F811
    mine: Debt,
) -> None:
    demand = made(mine)
    demand.debts.add(two.other)
    demands.take_back([mine.pk], actor=TEST, reason="x")
    demand.refresh_from_db()
    assert (demand.state, list(demand.debts.all())) == ("made", [two.other])
    assert events("arrears.demand_taken_back") == []


# ── Sent ─────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def to_send(mine: Debt, owner: User, clock: Any) -> Demand:
    """A text to the owner, due in daylight."""
    prove(owner, PLATE.text, "blue")
    at_three(clock)
    demand = made(mine)
    assert demand.due_at == business_clock.now()
    return demand


def states() -> list[str]:
    return list(Demand.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.parametrize(("early_s", "sent"), [(1, 0), (0, 1)])
def test_a_text_is_sent_when_its_time_has_come(to_send: Demand, early_s: int, sent: int) -> None:
    Demand.objects.update(due_at=business_clock.now() + timedelta(seconds=early_s))
    assert demands.send_demands() == sent
    assert states() == ["sending" if sent else "made"]


@pytest.mark.parametrize("channel", ["page", "paper"])
def test_what_is_no_text_is_not_sent(to_send: Demand, channel: str) -> None:
    Demand.objects.update(channel=channel)
    assert demands.send_demands() == 0
    assert states() == ["made"]


def test_a_text_names_sum_place_day_and_link_and_is_worth_nothing_after_that_day(
    to_send: Demand, mine: Debt
) -> None:
    assert demands.send_demands() == 1
    text = SmsMessage.objects.get(key=f"demand:{to_send.pk}")
    until = (business_clock.now() + listing.grace()).astimezone(business_clock.now().tzinfo)
    assert (text.template, text.valid_until) == ("demand", until)
    for word in (mine.section.name, "¥12.00", f"/dues/{to_send.token}/"):
        assert word in text.text
    to_send.refresh_from_db()
    assert to_send.evidence == f"demand:{to_send.pk}"
    assert moves(to_send) == [("made", "sending", demands.SYSTEM, "")]


def test_what_is_paid_unseen_or_in_question_by_then_is_not_asked_for(
    to_send: Demand,
    two: Two,  # noqa: F811
    mine: Debt,
) -> None:
    to_send.debts.add(two.other)
    Debt.objects.filter(pk=two.other.pk).update(state="paid")
    demands.send_demands()
    assert "¥12.00" in SmsMessage.objects.get(key=f"demand:{to_send.pk}").text


@pytest.mark.parametrize("but", [questioned, unlooked, disputed], ids=lambda one: one.__name__)
def test_a_demand_with_nothing_to_ask_for_is_dropped(
    to_send: Demand, mine: Debt, but: Callable[[Debt], None]
) -> None:
    but(mine)
    assert demands.send_demands() == 1
    assert (states(), SmsMessage.objects.filter(template="demand").count()) == (["dropped"], 0)
    assert to_send.debts.count() == (0 if but is questioned else 1)


def test_without_a_phone_a_demand_goes_to_an_inspector(to_send: Demand, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(phone_sealed="", phone_digest="")
    assert demands.send_demands() == 1
    to_send.refresh_from_db()
    assert (to_send.channel, to_send.state) == ("paper", "made")
    assert moves(to_send) == [
        ("made", "failed", demands.SYSTEM, "no phone"),
        ("failed", "made", demands.SYSTEM, "by an inspector"),
    ]


def test_a_message_names_one_road_or_the_first_of_how_many(two: Two, road: Section) -> None:  # noqa: F811
    assert demands.place_of([two.mine, two.other]) == two.mine.section.name
    other = Debt(section=road)
    assert demands.place_of([two.mine, other, two.other]) == f"{two.mine.section.name}等 2 处"


@pytest.mark.parametrize(
    ("before_fen", "told"), [(None, {}), (1200, {}), (1100, {"before": "¥23.00"})]
)
def test_a_sum_that_rose_is_told_with_what_it_was(
    two: Two,  # noqa: F811
    before_fen: int | None,
    told: dict[str, str],
) -> None:
    two.mine.raised_from_fen = before_fen
    found = demands.raised([two.mine, two.other])
    assert {name: text for name, text in found.items() if name == "before"} == told
    assert bool(found) == bool(told)


# ── Delivered ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("state", ["made", "sending", "failed", "delivered", "dropped"])
def test_a_demand_is_delivered_once(mine: Debt, state: str) -> None:
    demand = made(mine)
    stands(state)
    delivered = state in ("made", "sending", "failed")
    evidence = "e" * 200
    assert services.deliver_demand(demand_id=demand.pk, evidence=evidence, actor=TEST) is delivered
    mine.refresh_from_db()
    demand.refresh_from_db()
    asked = (business_clock.now(), 1200) if delivered else (None, None)
    assert (mine.demanded_at, mine.demanded_fen) == asked
    assert demand.evidence == ("e" * 120 if delivered else "")


def test_a_delivery_counts_for_what_is_owed_was_seen_and_not_asked_for_before(
    two: Two,  # noqa: F811
    mine: Debt,
) -> None:
    demand = made(mine)
    demand.debts.add(two.other)
    earlier = business_clock.now() - HOUR
    Debt.objects.filter(pk=mine.pk).update(demanded_at=earlier, demanded_fen=1200)
    unlooked(two.other)
    services.deliver_demand(demand_id=demand.pk, evidence="x", actor=TEST)
    for debt in (mine, two.other):
        debt.refresh_from_db()
    assert (mine.demanded_at, two.other.demanded_at) == (earlier, None)


@pytest.fixture
def paper(mine: Debt) -> dict[str, Any]:
    return {
        "debt_ids": [mine.pk],
        "named_fen": 1200,
        "photograph": images.load(photograph(5)),
        "merchant_id": mine.merchant_id,
        "actor": "user:7",
    }


@pytest.mark.parametrize(
    ("but", "refusal"),
    [
        (disputed, DebtMoved),
        (questioned, DebtMoved),
        (unlooked, NotLookedAt),
    ],
    ids=lambda one: one.__name__,
)
def test_a_paper_asks_for_what_is_open_unquestioned_and_seen(
    mine: Debt, paper: dict[str, Any], but: Callable[[Debt], None], refusal: type[Exception]
) -> None:
    but(mine)
    with pytest.raises(refusal):
        services.deliver_on_paper(**paper)
    assert not Demand.objects.exists()


def test_a_paper_is_for_one_vehicle_with_a_photograph_and_names_at_least_what_is_owed(
    two: Two,  # noqa: F811
    mine: Debt,
    paper: dict[str, Any],
) -> None:
    for change, refusal in (
        ({"debt_ids": [mine.pk, two.other.pk], "named_fen": 2400}, DebtMoved),
        ({"named_fen": 1199}, DebtMoved),
        ({"photograph": b""}, Invalid),
        ({"merchant_id": mine.merchant_id + 1}, DebtMoved),
        ({"debt_ids": []}, DebtMoved),
    ):
        with pytest.raises(refusal):
            services.deliver_on_paper(**(paper | change))
    demand = services.deliver_on_paper(**paper)
    demand.refresh_from_db()
    assert (demand.state, demand.channel, demand.plate_text) == ("delivered", "paper", PLATE.text)
    assert demand.evidence.startswith("photograph:")
    assert (demand.due_at, demand.made_at) == (business_clock.now(), business_clock.now())


def test_a_paper_ends_what_waited_for_an_inspector_unless_that_asks_for_more(
    two: Two,  # noqa: F811
    mine: Debt,
    paper: dict[str, Any],
) -> None:
    alone, both, other = (
        made(mine),
        made(two.other),
        Demand.objects.create(
            plate_text=OTHER_PLATE.text,
            plate_colour="blue",
            channel="paper",
            due_at=business_clock.now(),
            made_at=business_clock.now(),
        ),
    )
    both.debts.add(mine)
    services.deliver_on_paper(**paper)
    for demand, state in ((alone, "dropped"), (both, "made"), (other, "made")):
        demand.refresh_from_db()
        assert demand.state == state
    assert moves(alone) == [("made", "dropped", "user:7", "on paper")]


def test_a_page_delivers_what_waits_for_these_plates(two: Two, mine: Debt) -> None:  # noqa: F811
    demand, other = made(mine), made(two.other)
    assert demands.deliver_on_page(plates=[(OTHER_PLATE.text, "green")], actor=TEST) == 0
    assert demands.deliver_on_page(plates=[(PLATE.text, "blue")], actor=TEST) == 1
    assert demands.deliver_on_page(plates=[(PLATE.text, "blue")], actor=TEST) == 0
    demand.refresh_from_db()
    other.refresh_from_db()
    assert (demand.state, demand.evidence, other.state) == ("delivered", "page", "made")


@pytest.mark.parametrize(
    ("state", "delivers"), [("made", 1), ("failed", 1), ("sending", 0), ("dropped", 0)]
)
def test_a_page_delivers_what_is_not_on_its_way(mine: Debt, state: str, delivers: int) -> None:
    made(mine)
    stands(state)
    assert demands.deliver_on_page(plates=[(PLATE.text, "blue")], actor=TEST) == delivers


@pytest.mark.parametrize("state", ["sending", "made", "delivered"])
def test_a_text_that_failed_goes_on_paper_unless_it_was_none_any_more(
    to_send: Demand, state: str
) -> None:
    stands(state)
    demands.text_failed(to_send.pk)
    to_send.refresh_from_db()
    failed = state == "sending"
    assert (to_send.state, to_send.channel) == (("made", "paper") if failed else (state, "sms"))


def test_a_text_on_the_phone_is_delivered(to_send: Demand) -> None:
    Demand.objects.update(state="sending")
    demands.text_delivered(to_send.pk)
    to_send.refresh_from_db()
    assert (to_send.state, to_send.evidence) == ("delivered", f"demand:{to_send.pk}")


# ── Another holder ───────────────────────────────────────────────────────────────────────────
def test_only_what_a_person_holds_no_more_leaves_their_phone(
    two: Two,  # noqa: F811
    mine: Debt,
    owner: User,
    stranger: User,
) -> None:
    holding = prove(owner, PLATE.text, "blue")
    prove(owner, OTHER_PLATE.text, "blue")
    sold, kept = made(mine), made(two.other)
    holding.state = "ended"
    holding.save()
    assert demands.leave_former_holder(user_id=stranger.pk) == 0
    assert demands.leave_former_holder(user_id=owner.pk) == 1
    for demand in (sold, kept):
        demand.refresh_from_db()
    assert (sold.user, sold.channel) == (None, "paper")
    assert (kept.user, kept.channel) == (owner, "sms")


def test_a_new_holder_is_asked_only_for_their_vehicle_and_what_waits_on_paper(
    two: Two,  # noqa: F811
    mine: Debt,
    owner: User,
) -> None:
    waiting, other = made(mine), made(two.other)
    gone = Demand.objects.create(
        plate_text=PLATE.text,
        plate_colour="blue",
        channel="paper",
        state="dropped",
        due_at=business_clock.now(),
        made_at=business_clock.now(),
    )
    accounts.prove_holding(
        user=owner, plate_text=PLATE.text, plate_colour="blue", method="x", actor=TEST
    )
    assert demands.ask_new_holder(user_id=owner.pk) == 1
    assert demands.ask_new_holder(user_id=owner.pk) == 0
    for demand in (waiting, other, gone):
        demand.refresh_from_db()
    assert (waiting.user, waiting.channel) == (owner, "sms")
    assert (other.user, other.channel, gone.user) == (None, "paper", None)

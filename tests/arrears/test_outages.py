"""What we could not do costs us time, never the owner (docs/rules.md L7)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SmsMessage
from arrears import services
from arrears.models import (
    BlacklistEntry,
    Contact,
    Debt,
    Demand,
    Dispute,
    ListingRule,
    PayWindow,
    Plan,
    Watch,
)
from core import clock as business_clock
from core import images, outages, outbox
from core.models import Pulse
from parking.models import Berth
from payments import services as payments
from payments.models import Attempt
from tests.arrears.test_assistance import at_risk  # noqa: F401
from tests.conftest import BEGIN
from tests.street import OTHER_PLATE, PLATE, photograph

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def away(clock: Any, run_reactions: Any) -> Any:
    """Nothing of ours runs: `away(hours=78)`; then everything is back, and does its work."""

    def go(**span: float) -> None:
        outbox.sweep_once()
        business_clock.advance(timedelta(**span))
        seen = Pulse.objects.get(what="dispatcher").real_at - timedelta(**span)
        Pulse.objects.filter(what="dispatcher").update(real_at=seen)
        for _round in range(4):
            outbox.sweep_once()
            run_reactions()

    return go


def written(what: str, began_at: Any, ended_at: Any) -> Any:
    return outages.write(
        what=what, began_at=began_at, ended_at=ended_at, reason="a cable", actor="user:1"
    )


def unknown_payment(stay: Any) -> Attempt:
    """The owner has paid, perhaps; the provider does not say."""
    order = payments.open_order(items=[("parking.stay", stay.pk)], actor="owner")
    attempt = payments.begin_attempt(
        order_id=order.pk, provider="sandbox", return_url="/", actor="owner"
    )
    Attempt.objects.filter(pk=attempt.pk).update(
        state="unknown", next_look_at=business_clock.real() + 5 * HOUR
    )
    return attempt


# ── The time to pay ──────────────────────────────────────────────────────────────────────────
def test_the_time_to_pay_is_longer_by_our_outage(
    berth: Berth, stay_of: Any, pass_time: Any, away: Any, clock: Any
) -> None:
    pass_time.people_look = False
    stay_of(berth, minutes=90)
    pass_time(hours=2)
    away(hours=78)
    assert not Debt.objects.exists()
    window = PayWindow.objects.get()
    assert window.due_at - window.began_at == 150 * HOUR
    pass_time(hours=69, minutes=59)
    assert not Debt.objects.exists()
    pass_time(minutes=2)
    assert Debt.objects.get().opened_at == clock.now()


def test_the_owner_reads_why_the_day_to_pay_by_has_moved(
    berth: Berth, stay_of: Any, pass_time: Any, away: Any, holder: Any, owner_client: Any
) -> None:
    stay_of(berth, minutes=90)
    pass_time(hours=2)
    english = {"Accept-Language": "en"}
    assert "did not work" not in owner_client.get("/dues/", headers=english).content.decode()
    away(hours=6)
    page = " ".join(owner_client.get("/dues/", headers=english).content.decode().split())
    assert "For 6 h of your time to pay our service did not work as it should." in page
    assert "15:00" in page.partition("That does not count: you have until")[2][:60]


def test_a_moved_clock_is_nobodys_outage(berth: Berth, stay_of: Any, pass_time: Any) -> None:
    stay_of(berth, minutes=90)
    outbox.sweep_once()
    pass_time(hours=73)
    assert Debt.objects.exists()


def test_while_an_outage_runs_no_window_ends_and_nobody_is_asked(
    holder: Any, berth: Berth, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    stay_of(berth, minutes=90)
    pass_time(hours=71)
    outage = written("provider:sandbox", clock.now(), None)
    pass_time(hours=30)
    assert not Debt.objects.exists()
    outages.end(outage_id=outage.pk, actor="user:1")
    pass_time(minutes=30)
    assert not Debt.objects.exists()
    pass_time(minutes=31)
    assert Debt.objects.exists()


def test_a_sections_outage_stretches_the_windows_of_its_stays_alone(
    section: Any, road: Any, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    own = stay_of(section.berths.first(), minutes=90)
    other = stay_of(road.berths.first(), OTHER_PLATE, minutes=90)
    pass_time(hours=2)
    written(outages.section(section.pk), clock.now() - HOUR, clock.now())
    pass_time(hours=70, minutes=1)
    assert [debt.stay_id for debt in Debt.objects.all()] == [other.pk]
    pass_time(hours=1)
    assert {debt.stay_id for debt in Debt.objects.all()} == {own.pk, other.pk}


def test_our_own_day_to_answer_an_objection_is_not_put_off(debt: Debt, away: Any) -> None:
    [dispute] = services.object(debt_ids=[debt.pk], reason="amount", actor="owner")
    away(hours=100)
    assert Dispute.objects.get().answer_by == dispute.opened_at + timedelta(days=7)


# ── Demands, by whatever way they come ────────────────────────────────────────────────────────
def by_text(debt: Debt, clerk: str) -> None:
    [demand] = debt.demands.all()
    services.deliver_demand(demand_id=demand.pk, evidence="receipt", actor=clerk)


def by_page(debt: Debt, clerk: str) -> None:
    services.deliver_on_page(plates=[(debt.plate_text, debt.plate_colour)], actor="owner")


def by_paper(debt: Debt, clerk: str) -> None:
    services.deliver_on_paper(
        debt_ids=[debt.pk],
        named_fen=debt.amount_fen,
        photograph=images.load(photograph(7)),
        merchant_id=debt.merchant_id,
        actor=clerk,
    )


WAYS = {"text": by_text, "page": by_page, "paper": by_paper}


@pytest.mark.parametrize("what", ["sms", "pages", "platform", "provider:sandbox", "section"])
@pytest.mark.parametrize("way", WAYS)
def test_a_demand_that_comes_during_an_outage_gives_its_whole_grace_afterwards(
    debt: Debt, pass_time: Any, clock: Any, way: str, what: str
) -> None:
    what = outages.section(debt.section_id) if what == "section" else what
    outage = written(what, clock.now() - HOUR, None)
    WAYS[way](debt, "user:1")
    debt.refresh_from_db()
    assert debt.demanded_at == clock.now()
    pass_time(hours=100)
    assert BlacklistEntry.objects.get().state == "pending"
    outages.end(outage_id=outage.pk, actor="user:1")
    pass_time(hours=71, minutes=50)
    assert BlacklistEntry.objects.get().state == "pending"
    pass_time(minutes=10)
    assert BlacklistEntry.objects.get().state == "active"


def test_the_age_that_lists_a_debt_does_not_grow_while_we_are_away(
    holder: Any, berth: Berth, stay_of: Any, pass_time: Any, clock: Any, run_reactions: Any
) -> None:
    services.set_rule(ListingRule(amount_fen=1, count=1, age_days=10, why="tests"), actor="user:1")
    stay_of(berth, minutes=90)
    pass_time(hours=73)
    opened_at = Debt.objects.get().opened_at
    pass_time(days=9)
    written("pages", opened_at + 100 * HOUR, opened_at + 124 * HOUR)
    run_reactions()
    entry = BlacklistEntry.objects.get()
    assert (entry.state, entry.due_at) == ("pending", opened_at + timedelta(days=11))
    pass_time(days=1, minutes=10)
    assert BlacklistEntry.objects.get().state == "pending"
    pass_time(days=1)
    assert BlacklistEntry.objects.get().state == "active"
    written("sms", opened_at + 130 * HOUR, opened_at + 178 * HOUR)
    run_reactions()
    assert BlacklistEntry.objects.get().state == "pending"


# ── What came too early goes back ────────────────────────────────────────────────────────────
def test_an_outage_that_is_written_later_takes_back_what_came_of_it(
    holder: Any, berth: Berth, stay_of: Any, pass_time: Any, clock: Any, run_reactions: Any
) -> None:
    left_at = clock.now()
    stay = stay_of(berth, minutes=90)
    pass_time(hours=73)
    pass_time(hours=73)
    assert (Debt.objects.get().state, BlacklistEntry.objects.get().state) == ("open", "active")

    written("platform", left_at + HOUR, left_at + 101 * HOUR)
    run_reactions()

    assert Debt.objects.get().state == "cancelled"
    assert BlacklistEntry.objects.get().state == "gone"
    stay.refresh_from_db()
    assert (stay.state, stay.due_fen) == ("due", 1200)  # nothing is given away
    window = PayWindow.objects.get()
    assert (window.state, window.due_at) == ("open", left_at + 172 * HOUR)
    pass_time(hours=27)
    assert Debt.objects.get().state == "open"
    assert BlacklistEntry.objects.exclude(state="gone").get().state == "pending"


def test_an_outage_of_the_grace_takes_the_vehicle_off_the_list_until_it_is_over(
    holder: Any, berth: Berth, stay_of: Any, pass_time: Any, clock: Any, run_reactions: Any
) -> None:
    stay_of(berth, minutes=90)
    pass_time(hours=73)
    demanded_at = Debt.objects.get().demanded_at
    pass_time(hours=73)
    assert BlacklistEntry.objects.get().state == "active"
    written("sms", demanded_at, demanded_at + 10 * HOUR)
    run_reactions()
    entry = BlacklistEntry.objects.get()
    assert (entry.state, entry.due_at) == ("pending", demanded_at + 82 * HOUR)
    assert Debt.objects.get().state == "open"
    pass_time(hours=10)
    assert BlacklistEntry.objects.get().state == "active"


def test_an_outage_that_was_none_gives_the_time_back(
    berth: Berth, stay_of: Any, pass_time: Any, clock: Any, run_reactions: Any
) -> None:
    stay_of(berth, minutes=90)
    pass_time(hours=2)
    outage = written("platform", clock.now() - HOUR, clock.now())
    run_reactions()
    window = PayWindow.objects.get()
    assert window.due_at - window.began_at == 73 * HOUR
    outages.correct(
        outage_id=outage.pk,
        began_at=outage.began_at,
        ended_at=outage.began_at,
        reason="it was a test",
        actor="user:1",
    )
    run_reactions()
    window.refresh_from_db()
    assert window.due_at - window.began_at == 72 * HOUR


# ── A payment that may be on its way ─────────────────────────────────────────────────────────
def test_no_debt_arises_while_a_payment_may_be_on_its_way(
    berth: Berth, stay_of: Any, pass_time: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=1)
    attempt = unknown_payment(stay)
    pass_time(hours=100)
    assert not Debt.objects.exists()
    Attempt.objects.filter(pk=attempt.pk).update(state="closed")
    pass_time(minutes=11)
    assert Debt.objects.get().state == "open"


def test_nobody_is_demanded_listed_or_told_of_while_a_payment_may_be_on_its_way(
    holder: Any,
    berth: Berth,
    stay_of: Any,
    pass_time: Any,
    merchant: Any,
    enrolled: Any,
    seen: Any,
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=73)
    attempt = unknown_payment(stay)
    pass_time(hours=80)
    assert BlacklistEntry.objects.get().state == "pending"
    Attempt.objects.filter(pk=attempt.pk).update(state="closed")
    pass_time(minutes=11)
    assert BlacklistEntry.objects.get().state == "active"

    def told() -> int:
        hand = enrolled("H-1", "handheld", merchant)
        sighting = seen(hand, merchant)
        made = services.issue_notices(
            sighting_id=sighting.pk,
            device_id=hand,
            section_id=None,
            merchant_id=merchant.pk,
            plate=PLATE,
            confidence=1.0,
        )
        return len(made)

    Attempt.objects.filter(pk=attempt.pk).update(state="unknown")
    assert told() == 0


def test_no_vehicle_is_listed_while_an_outage_runs(
    holder: Any, berth: Berth, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    stay_of(berth, minutes=90)
    pass_time(hours=73)
    outage = written("sms", clock.now(), None)
    pass_time(hours=100)
    assert BlacklistEntry.objects.get().state == "pending"
    outages.end(outage_id=outage.pk, actor="user:1")
    pass_time(hours=72)
    assert BlacklistEntry.objects.get().state == "active"


def test_no_demand_leaves_while_an_outage_runs(
    holder: Any, berth: Berth, stay_of: Any, pass_time: Any, clock: Any
) -> None:
    stay_of(berth, minutes=90)
    pass_time(hours=71, minutes=59)
    services.end_pay_windows()
    business_clock.advance(timedelta(minutes=1))
    services.end_pay_windows()
    outage = written("sms", clock.now(), None)
    pass_time(hours=24)
    assert Demand.objects.get().state == "made"
    assert not SmsMessage.objects.exists()
    outages.end(outage_id=outage.pk, actor="user:1")
    pass_time(minutes=1)
    assert Demand.objects.get().state == "delivered"


# ── Help to pay ──────────────────────────────────────────────────────────────────────────────
def test_the_predicted_time_of_a_watch_is_longer_by_our_outage(
    at_risk: Any,  # noqa: F811
    holder: Any,
    pass_time: Any,
    away: Any,
    clock: Any,
) -> None:
    at_risk()
    watch = Watch.objects.get()
    away(hours=6)
    pass_time(seconds=(watch.due_at - clock.now()).total_seconds() + 1)
    assert not Plan.objects.exists()
    pass_time(hours=6)
    assert Plan.objects.exists()


def test_nobody_is_reminded_while_an_outage_runs_or_of_what_they_may_just_be_paying(
    at_risk: Any,  # noqa: F811
    holder: Any,
    pass_time: Any,
    clock: Any,
) -> None:
    stay = at_risk()
    clock.move_to(BEGIN + timedelta(hours=5))
    Watch.objects.update(due_at=clock.now())
    outage = written("sms", clock.now(), None)
    pass_time(minutes=1)
    outages.end(outage_id=outage.pk, actor="user:1")
    attempt = unknown_payment(stay)
    pass_time(minutes=20)
    assert not SmsMessage.objects.exists()
    Attempt.objects.filter(pk=attempt.pk).update(state="closed")
    pass_time(minutes=11)
    assert Contact.objects.get(number=1).state == "sent"
    assert SmsMessage.objects.count() == 1

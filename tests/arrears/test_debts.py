"""From leaving unpaid to the debt, the demand, the list, and out of it (P3.1, P3.2)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SmsMessage
from arrears import selectors, services
from arrears.errors import DebtMoved
from arrears.models import BlacklistEntry, Debt, Demand, Look, PayWindow
from core import audit
from core.errors import Invalid
from core.models import AuditEntry, OutboxEvent
from core.nightly import Nights
from core.plates import Colour, Plate
from parking import services as parking
from parking.models import Berth, ParkingSession
from tests.arrears.conftest import look_at_all
from tests.conftest import BEGIN
from tests.street import PLATE, TEST, photograph

POLICE = Plate("沪A1234警", Colour.white)


def entry() -> BlacklistEntry:
    return BlacklistEntry.objects.exclude(state="gone").get()


def test_everybody_who_leaves_unpaid_has_a_pay_window(
    berth: Berth, stay_of: Any, run_reactions: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    run_reactions()
    window = PayWindow.objects.get(stay=stay)
    assert window.due_at == stay.left_at + timedelta(hours=72)
    assert not Debt.objects.exists()


def test_who_pays_within_the_window_never_owes_a_debt(
    berth: Berth, stay_of: Any, pass_time: Any, pay: Any
) -> None:
    stay = stay_of(berth, minutes=90)
    pass_time(hours=71)
    pay(stay)
    pass_time(hours=100)
    assert not Debt.objects.exists()
    assert PayWindow.objects.get().state == "paid"


def test_the_window_ends_unpaid_and_a_debt_and_a_pending_entry_arise(debt: Debt) -> None:
    assert (debt.amount_fen, debt.state) == (1200, "open")  # P3.1
    assert entry().state == "pending"  # P3.2: from the first debt on
    assert entry().amount_fen == 1200
    assert entry().why["debts"] == [debt.pk]
    assert entry().due_at is None  # no demand was delivered: no grace runs


def test_the_proven_holder_is_asked_by_text_and_listed_after_the_grace(
    holder: Any, debt: Debt, pass_time: Any
) -> None:
    demand = Demand.objects.get()
    text = SmsMessage.objects.get(template="demand")
    assert (demand.channel, demand.state) == ("sms", "delivered")
    assert "¥12.00" in text.text
    assert f"/dues/{demand.token}/" in text.text
    debt.refresh_from_db()
    assert entry().due_at == debt.demanded_at + timedelta(hours=72)

    pass_time(hours=71)
    assert entry().state == "pending"
    pass_time(hours=2)
    assert entry().state == "active"  # P3.2
    assert selectors.listing_of(PLATE).is_active  # type: ignore[union-attr]
    assert audit.trail(entry()).filter(to_state="active").count() == 1


def test_without_a_known_holder_nobody_is_listed_before_paper_is_left_at_the_vehicle(
    debt: Debt, merchant: Any, pass_time: Any
) -> None:
    pass_time(days=30)
    assert entry().state == "pending"
    assert Demand.objects.get().channel == "paper"

    from core import images

    services.deliver_on_paper(
        debt_ids=[debt.pk],
        named_fen=1200,
        photograph=images.load(photograph(5)),
        merchant_id=merchant.pk,
        actor="user:1",
    )
    pass_time(hours=73)
    assert entry().state == "active"
    assert Demand.objects.get(state="delivered").evidence.startswith("photograph:")


def test_another_merchant_cannot_deliver_a_demand_for_it(debt: Debt, other_merchant: Any) -> None:
    from core import images

    with pytest.raises(DebtMoved):
        services.deliver_on_paper(
            debt_ids=[debt.pk],
            named_fen=1200,
            photograph=images.load(photograph(5)),
            merchant_id=other_merchant.pk,
            actor="user:1",
        )


def test_a_paper_notice_needs_its_photograph(debt: Debt, merchant: Any) -> None:
    with pytest.raises(Invalid):
        services.deliver_on_paper(
            debt_ids=[debt.pk],
            named_fen=1200,
            photograph=b"",
            merchant_id=merchant.pk,
            actor="user:1",
        )
    with pytest.raises(Invalid):
        services.deliver_on_paper(
            debt_ids=[debt.pk],
            named_fen=1200,
            photograph=b"no picture",
            merchant_id=merchant.pk,
            actor="user:1",
        )


def test_a_demand_that_comes_due_at_night_waits_for_the_morning(
    berth: Berth, stay_of: Any, holder: Any, pass_time: Any
) -> None:
    stay_of(berth, minutes=30)
    pass_time(hours=72 + 14)  # Thursday 23:00
    assert Demand.objects.get().state == "made"
    assert not SmsMessage.objects.filter(template="demand").exists()
    pass_time(hours=9)
    assert Demand.objects.get().state == "delivered"


def test_a_demand_that_its_holder_does_not_have_yet_goes_to_an_inspector_when_the_plate_is_given_up(
    holder: Any, owner_client: Any, section: Any, stay_of: Any, clock: Any, run_reactions: Any
) -> None:
    clock.move_to(BEGIN + timedelta(hours=14))  # 23:00: no text before the morning
    stay = stay_of(Berth.objects.filter(section=section)[0], minutes=90)
    run_reactions()
    clock.advance(timedelta(hours=73))
    services.end_pay_windows()
    run_reactions()
    look_at_all()
    run_reactions()
    demand = Demand.objects.get(debts__stay=stay)
    assert (demand.user, demand.channel, demand.state) == (holder, "sms", "made")

    owner_client.post(f"/me/plates/{holder.holdings.get().pk}/end/")
    run_reactions()

    demand.refresh_from_db()
    assert (demand.user, demand.channel, demand.state) == (None, "paper", "made")


def test_a_new_holder_gets_the_demand_that_waited_for_an_inspector(
    debt: Debt, owner: Any, pass_time: Any
) -> None:
    from tests.people import prove

    prove(owner, PLATE.text, str(PLATE.colour))
    pass_time(seconds=1)
    assert (Demand.objects.get().channel, Demand.objects.get().state) == ("sms", "delivered")


def test_the_payment_takes_debt_and_entry_away_in_its_own_transaction(
    holder: Any, debt: Debt, pass_time: Any, pay: Any
) -> None:
    pass_time(hours=73)
    assert entry().state == "active"
    pay(debt.stay, follow=False)  # nothing of the outbox has run yet

    debt.refresh_from_db()
    assert debt.state == "paid"
    assert selectors.listing_of(PLATE) is None  # P3.2: leaves the moment it is paid
    assert BlacklistEntry.objects.get().state == "gone"
    assert OutboxEvent.objects.filter(topic="arrears.debt_paid").count() == 1


def test_of_two_debts_one_payment_leaves_the_other_listed(
    section: Any, holder: Any, stay_of: Any, pass_time: Any, pay: Any
) -> None:
    first, second = Berth.objects.filter(section=section)[:2]
    a, b = stay_of(first, minutes=90), stay_of(second, ago_min=180, minutes=30)
    pass_time(hours=73)
    pass_time(hours=73)
    assert (entry().state, entry().amount_fen) == ("active", 1800)
    pay(a)
    assert (entry().state, entry().amount_fen) == ("active", 600)
    pay(b)
    assert selectors.listing_of(PLATE) is None


def test_an_exempt_vehicle_owes_but_is_never_listed(
    berth: Berth, stay_of: Any, pass_time: Any
) -> None:
    stay_of(berth, POLICE, minutes=90)
    pass_time(days=30)
    assert Debt.objects.get().state == "open"
    assert not BlacklistEntry.objects.exists()


def test_a_simulated_stay_never_becomes_a_debt(berth: Berth, past: Any, pass_time: Any) -> None:
    past(PLATE, berth, [None, None, 300.0])
    services.find_debts_of(PLATE.text)
    services.find_debts_of_city()
    pass_time(days=4)
    assert not Debt.objects.exists()
    assert not PayWindow.objects.exists()


def test_a_waived_debt_asks_nobody_any_more(debt: Debt, pass_time: Any) -> None:
    with pytest.raises(Invalid):
        services.waive_debt(debt_id=debt.pk, actor="user:1", reason=" ")
    services.waive_debt(debt_id=debt.pk, actor="user:1", reason="hardship")
    debt.refresh_from_db()
    assert debt.state == "waived"
    assert ParkingSession.objects.get().state == "void"
    assert selectors.listing_of(PLATE) is None
    dropped = OutboxEvent.objects.get(topic="arrears.debt_dropped")
    assert dropped.data == {"debt_id": debt.pk, "reason": "waived"}
    with pytest.raises(DebtMoved):
        services.waive_debt(debt_id=debt.pk, actor="user:1", reason="again")
    pass_time(seconds=1)


def test_a_voided_stay_takes_its_debt_along(debt: Debt, pass_time: Any) -> None:
    parking.void_stay(stay_id=debt.stay_id, actor=TEST, reason="wrong berth")
    pass_time(seconds=1)
    debt.refresh_from_db()
    assert debt.state == "cancelled"
    assert selectors.listing_of(PLATE) is None


def test_what_the_sweep_has_lost_is_found_when_the_vehicle_is_seen(debt: Debt, clock: Any) -> None:
    Look.objects.all().delete()
    Debt.objects.all().delete()
    PayWindow.objects.all().delete()
    found = services.find_debts_of(PLATE.text)  # P3.1
    assert Debt.objects.get(pk=found[0]).amount_fen == 1200
    assert services.find_debts_of(PLATE.text) == []


def test_the_look_at_one_vehicle_is_one_query(
    debt: Debt, clock: Any, django_assert_num_queries: Any
) -> None:
    clock.now()  # known for a moment
    with django_assert_num_queries(1):
        services.find_debts_of(PLATE.text)


def test_the_city_is_looked_through_in_one_statement_at_night(
    section: Any, stay_of: Any, clock: Any, pass_time: Any, django_assert_num_queries: Any
) -> None:
    for berth in Berth.objects.filter(section=section):
        stay_of(berth, Plate(f"沪C0000{berth.position}", Colour.blue), minutes=60)
    OutboxEvent.objects.all().delete()  # nobody was told
    clock.advance(timedelta(hours=80))
    clock.now()
    assert services.find_debts_of_city() == 3  # P3.1
    pass_time(seconds=1)
    assert Debt.objects.count() == 3
    clock.now()  # known for a moment
    with django_assert_num_queries(1 + 2):  # and a savepoint
        assert services.find_debts_of_city() == 0


def test_the_dispatcher_goes_through_the_city_once_a_night(
    section: Any, stay_of: Any, clock: Any, django_assert_num_queries: Any
) -> None:
    berth = Berth.objects.filter(section=section)[0]
    stay_of(berth, Plate("沪C00001", Colour.blue), minutes=60)
    OutboxEvent.objects.all().delete()  # nobody was told
    nights, another_dispatcher = Nights(), Nights()

    clock.move_to(BEGIN + timedelta(hours=16, minutes=59))  # 01:59
    assert nights.look() == 0
    clock.advance(timedelta(minutes=1))
    assert nights.look() > 0
    assert PayWindow.objects.count() == 1
    assert another_dispatcher.look() == 0

    PayWindow.objects.all().delete()  # something to find again
    clock.advance(timedelta(hours=21))
    clock.now()
    with django_assert_num_queries(0):
        assert nights.look() == 0
    clock.advance(timedelta(hours=3))
    assert nights.look() > 0
    assert PayWindow.objects.count() == 1


def test_every_move_of_a_debt_is_in_the_audit_trail(debt: Debt, pay: Any) -> None:
    pay(debt.stay)
    trail = AuditEntry.objects.filter(subject="arrears.debt", subject_id=debt.pk)
    assert [(row.from_state, row.to_state, row.actor) for row in trail] == [("open", "paid", TEST)]


def test_a_plate_that_was_read_days_later_has_its_whole_window_from_then(
    berth: Berth, stay_of: Any, clock: Any, pass_time: Any
) -> None:
    stay = stay_of(berth, None, minutes=90)
    pass_time(days=5)
    parking.correct_plate(
        stay_id=stay.pk, plate_text=PLATE.text, plate_colour="blue", actor=TEST, why="looked at"
    )
    pass_time(hours=71)
    assert not Debt.objects.exists()  # our delay costs the owner nothing
    assert services.find_debts_of(PLATE.text) == []
    pass_time(hours=2)
    assert Debt.objects.exists()
